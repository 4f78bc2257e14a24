/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * multicall: a list of calls in guest memory. All share one preemption budget. When an entry stops half way, what is left of it is written back into the entry, so that the
 * list can be taken up again there; the guest may change it meanwhile, which harms nobody else, for every entry is checked as a call of its own.
 */
#include "top/calls.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include <xen/xen.h>

/* Runs one entry. -ERESTART: stopped, and written back. -EFAULT: the list cannot be read or written. */
static long run_entry(struct hypercall *hc, guest_ptr_t at)
{
    struct multicall_entry e;
    struct hypercall child = {.vcpu = hc->vcpu, .width32 = hc->width32, .in_multicall = true, .budget = hc->budget};
    long result;

    if (copy_from_guest(&e, at, sizeof(e)))
        return -EFAULT;
    child.number = (uint16_t)min(e.op, 0xffffUL);
    for (unsigned int i = 0; i < 6; i++)
        child.arg[i] = e.args[i];
    result = hypercall_dispatch(&child);
    hc->budget = child.budget;
    if (result == -ERESTART) {
        for (unsigned int i = 0; i < 6; i++)
            e.args[i] = child.arg[i];
        return copy_to_guest(guest_ptr_add(at, offsetof(struct multicall_entry, args)), e.args, sizeof(e.args)) ? -EFAULT : -ERESTART;
    }
    return copy_to_guest(guest_ptr_add(at, offsetof(struct multicall_entry, result)), &result, sizeof(result)) ? -EFAULT : 0;
}

long do_multicall(struct hypercall *hc)
{
    long rc;

    if (hc->in_multicall)
        return -EINVAL;
    hc->arg[1] = (uint32_t)hc->arg[1];
    while (hc->arg[1]) {
        rc = run_entry(hc, hypercall_ptr(hc, 0));
        if (rc)
            return rc;
        hc->arg[0] += sizeof(struct multicall_entry);
        hc->arg[1]--;
        if (hc->arg[1] && hypercall_preempt(hc))
            return -ERESTART;
    }
    return 0;
}
