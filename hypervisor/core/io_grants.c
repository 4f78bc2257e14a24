/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports and device pages that were given to a domain, or that the hardware domain has given up: one set a
 * space, made when first changed. They change under the domain's control lock and their own, a leaf, which
 * those who ask take.
 */
#include "core/io_access.h"
#include "core/io_ranges.h"
#include "hv/alloc.h"
#include "hv/errno.h"

struct domain_io {
    lock_t lock;
    struct io_ranges set[IO_SPACES];
};

static struct domain_io *sets_of(const struct domain *d)
{
    return __atomic_load_n(&d->io, __ATOMIC_ACQUIRE);
}

bool io_given(const struct domain *d, enum io_space space, uint64_t first, uint64_t last)
{
    struct domain_io *io = sets_of(d);
    bool is;

    if (d->is_hardware || !io)
        return false;
    lock(&io->lock);
    is = io_ranges_contain(&io->set[space], first, last);
    unlock(&io->lock);
    return is;
}

bool io_given_up(const struct domain *d, enum io_space space, uint64_t first, uint64_t last)
{
    struct domain_io *io = sets_of(d);
    bool is;

    if (!d->is_hardware || !io)
        return false;
    lock(&io->lock);
    is = io_ranges_touch(&io->set[space], first, last);
    unlock(&io->lock);
    return is;
}

bool domain_has_io(const struct domain *d, enum io_space space, uint64_t first, uint64_t last)
{
    if (d->is_hardware)
        return io_is_for_guests(space, first, last) && !io_given_up(d, space, first, last);
    return io_given(d, space, first, last);
}

/* Control lock. */
static struct domain_io *make_sets(struct domain *d)
{
    struct domain_io *io = d->io;

    if (io)
        return io;
    io = hv_new(struct domain_io);
    if (!io)
        return NULL;
    lock_init(&io->lock, RANK_LEAF);
    __atomic_store_n(&d->io, io, __ATOMIC_RELEASE);
    return io;
}

int domain_change_io(struct domain *d, enum io_space space, uint64_t first, uint64_t last, bool allow)
{
    struct domain_io *io;
    bool add = allow != d->is_hardware; /* the hardware domain's sets are of what it has not */
    int rc;

    if (d->is_hardware ? allow : !allow && !d->io)
        return 0;
    io = make_sets(d);
    if (!io)
        return -ENOMEM;
    lock(&io->lock);
    rc = add ? io_ranges_add(&io->set[space], first, last) : io_ranges_remove(&io->set[space], first, last);
    d->has_devices = d->is_hardware || io->set[IO_PORTS].count || io->set[IO_MEMORY].count;
    unlock(&io->lock);
    if (!rc && d->is_hardware && space == IO_PORTS)
        io_deny_ports((unsigned int)first, (unsigned int)(last - first) + 1);
    return rc;
}

void domain_io_free(struct domain *d)
{
    hv_free(d->io);
    d->io = NULL;
}
