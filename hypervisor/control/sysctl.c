/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl (xen/sysctl.h): operations on the whole machine. -EFAULT, then -EACCES for another interface version, then -EPERM, then the operation's own answer. */
#include "control/control.h"
#include "core/authority.h"
#include "drivers/console.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include <xen/sysctl.h>

#define CHUNK 128

static long read_console(struct hypercall *hc, struct xen_sysctl_readconsole *op)
{
    char buf[CHUNK];
    uint32_t done = 0, index = op->incremental ? op->index : 0;
    size_t n;

    while (done < op->count &&
           (n = console_ring_read(buf, min(op->count - done, (uint32_t)sizeof(buf)), &index))) {
        if (copy_to_guest(GUEST_PTR((uint64_t)op->buffer.p + done), buf, n))
            return -EFAULT;
        done += (uint32_t)n;
    }
    op->count = done;
    op->index = index;
    if (op->clear)
        console_ring_clear();
    return copy_to_guest(guest_ptr_add(hypercall_ptr(hc, 0), offsetof(struct xen_sysctl, u)), op,
                         sizeof(*op));
}

static long send_keys(const struct xen_sysctl_debug_keys *op)
{
    char key;

    for (uint32_t i = 0; i < min(op->nr_keys, (uint32_t)CHUNK); i++) {
        if (copy_from_guest(&key, GUEST_PTR((uint64_t)op->keys.p + i), 1))
            return -EFAULT;
        if (console_key_handler)
            console_key_handler(key);
    }
    return 0;
}

long do_sysctl(struct hypercall *hc)
{
    struct xen_sysctl op;

    if (copy_from_guest(&op, hypercall_ptr(hc, 0), sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -EACCES;
    if (authorise(hc->vcpu->domain, NULL, AUTHORITY_SYSCTL))
        return -EPERM;
    switch (op.cmd) {
    case XEN_SYSCTL_readconsole:
        return read_console(hc, &op.u.readconsole);
    case XEN_SYSCTL_debug_keys:
        return send_keys(&op.u.debug_keys);
    default:
        return -ENOSYS;
    }
}
