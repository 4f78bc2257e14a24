/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pseudo-physical memory map of a domain, in the form of BIOS call E820: set by who builds the domain, read by its kernel. */
#include "core/memory_map.h"
#include "core/authority.h"
#include "core/memory_op.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/string.h"

#define MAX_ENTRIES 128

struct domain_memory_map {
    unsigned int count;
    struct e820_entry entry[];
};

void memory_map_free(struct domain *d)
{
    (void)domain_replace_part(d, &d->memory_map, NULL);
}

static int set_map(struct domain *d, const abi_xen_memory_map_t *r)
{
    struct domain_memory_map *map;
    size_t bytes = r->nr_entries * sizeof(struct e820_entry);

    if (r->nr_entries > MAX_ENTRIES)
        return -EINVAL;
    if (r->nr_entries == 0)
        return domain_replace_part(d, &d->memory_map, NULL);
    map = hv_zalloc(sizeof(*map) + bytes);
    if (!map)
        return -ENOMEM;
    map->count = r->nr_entries;
    if (copy_from_guest(map->entry, r->buffer, bytes)) {
        hv_free(map);
        return -EFAULT;
    }
    return domain_replace_part(d, &d->memory_map, map);
}

long memory_op_set_map(struct hypercall *hc)
{
    abi_xen_foreign_memory_map_t arg;
    struct domain *d;
    long ret;

    if (abi_read(hc, xen_foreign_memory_map, &arg, hypercall_ptr(hc, 1)))
        return -EFAULT;
    if (arg.map.nr_entries > MAX_ENTRIES)
        return -EINVAL;
    ret = memory_op_domain(hc, arg.domid, &d);
    if (ret)
        return ret;
    ret = authorise(hc->vcpu->domain, d, AUTHORITY_MEMORY_SET_MAP);
    if (!ret)
        ret = set_map(d, &arg.map);
    domain_put(d);
    return ret;
}

long memory_op_map(struct hypercall *hc)
{
    struct domain *d = hc->vcpu->domain;
    struct domain_memory_map *copy = NULL;
    abi_xen_memory_map_t arg;
    long ret = 0;

    if (abi_read(hc, xen_memory_map, &arg, hypercall_ptr(hc, 1)))
        return -EFAULT;
    lock(&d->control_lock);
    if (d->memory_map) {
        copy = hv_zalloc(sizeof(*copy) + d->memory_map->count * sizeof(struct e820_entry));
        if (copy)
            memcpy(copy, d->memory_map, sizeof(*copy) + d->memory_map->count * sizeof(struct e820_entry));
        ret = copy ? 0 : -ENOMEM;
    } else {
        ret = -ENOSYS;
    }
    unlock(&d->control_lock);
    if (ret)
        return ret;
    arg.nr_entries = min(arg.nr_entries, copy->count);
    if (copy_to_guest(arg.buffer, copy->entry, arg.nr_entries * sizeof(struct e820_entry)) ||
        abi_write(hc, xen_memory_map, hypercall_ptr(hc, 1), &arg))
        ret = -EFAULT;
    hv_free(copy);
    return ret;
}
