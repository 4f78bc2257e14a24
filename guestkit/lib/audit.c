/* SPDX-License-Identifier: MIT */
#include <kit/audit.h>
#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/time.h>
#include <xen/sysctl.h>

#define AUDIT_WAIT (20 * KIT_S)

static struct xen_sysctl op;

long kit_debug_keys(const char *keys)
{
    memset(&op, 0, sizeof(op));
    op.cmd = XEN_SYSCTL_debug_keys;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    set_xen_guest_handle(op.u.debug_keys.keys, keys);
    op.u.debug_keys.nr_keys = (uint32_t)strlen(keys);
    return kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)&op);
}

long kit_console_ring(char *buf, unsigned size, uint32_t *index)
{
    long rc;

    memset(&op, 0, sizeof(op));
    op.cmd = XEN_SYSCTL_readconsole;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    op.u.readconsole.incremental = 1;
    op.u.readconsole.index = *index;
    op.u.readconsole.count = size;
    set_xen_guest_handle(op.u.readconsole.buffer, buf);
    rc = kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)&op);
    if (rc)
        return rc;
    *index = op.u.readconsole.index;
    return op.u.readconsole.count;
}

/* The number in a line `Audit: N violations`, or -1. */
static long find_answer(const char *text)
{
    const char *at = strstr(text, "Audit: ");
    long n = 0;

    if (!at || !strstr(at, " violations"))
        return -1;
    for (at += 7; *at >= '0' && *at <= '9'; at++)
        n = n * 10 + *at - '0';
    return n;
}

/* One audit; -1: no answer, -2: the hypervisor had no memory for it. */
static long audit_once(void)
{
    static char text[16384];
    uint32_t index = 0;
    unsigned used = 0;
    long n;

    /* Up to where the ring is now. */
    while ((n = kit_console_ring(text, sizeof(text) - 1, &index)) > 0)
        ;
    if (n || kit_debug_keys("A"))
        return -1;
    for (uint64_t end = kit_time_ns() + AUDIT_WAIT; kit_time_ns() < end;) {
        n = kit_console_ring(text + used, (unsigned)sizeof(text) - 1 - used, &index);
        if (n < 0)
            return -1;
        used += (unsigned)n;
        text[used] = '\0';
        if (find_answer(text) >= 0)
            return strstr(text, "no memory to count frames in") ? -2 : find_answer(text);
        if (used == sizeof(text) - 1) { /* many violations: keep what may be the start of the answer */
            memmove(text, text + used - 64, 64);
            used = 64;
        }
        hcall_sched_op(SCHEDOP_yield, NULL);
    }
    return -1;
}

long kit_audit(void)
{
    long violations = audit_once();

    return violations == -2 ? audit_once() : violations;
}
