/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl: the console ring, debug keys. */
#include "control/sysctl.h"
#include "drivers/console.h"
#include "hv/errno.h"
#include "hv/guest.h"

#define CHUNK 128

long sysctl_readconsole(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_readconsole *op = &sysctl->u.readconsole;
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
    return control_write_back(hc, sysctl, op, sizeof(*op));
}

long sysctl_debug_keys(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    const struct xen_sysctl_debug_keys *op = &sysctl->u.debug_keys;
    char key;

    (void)hc;
    for (uint32_t i = 0; i < min(op->nr_keys, (uint32_t)CHUNK); i++) {
        if (copy_from_guest(&key, GUEST_PTR((uint64_t)op->keys.p + i), 1))
            return -EFAULT;
        if (console_key_handler)
            console_key_handler(key);
    }
    return 0;
}
