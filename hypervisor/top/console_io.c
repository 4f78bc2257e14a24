/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console_io: domain 0's words on our console, and the keyboard's for it. Other domains' words go to the log, where the level admits them. */
#include "top/calls.h"
#include "core/authority.h"
#include "drivers/console.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/log.h"
#include <xen/xen.h>

#define CHUNK 128

/* Another domain's words: a line in the log for each of its own, nothing in it that a terminal would obey. */
static void log_lines(const struct domain *d, char *text, size_t n)
{
    size_t start = 0;

    for (size_t i = 0; i <= n; i++) {
        char c = i < n ? text[i] : '\n';

        if (c == '\n') {
            text[i] = 0;
            if (i > start)
                log_guest(LOG_INFO, "(d%u) %s\n", d->id, text + start);
            start = i + 1;
        } else if (c == '\r') {
            text[i] = ' ';
        } else if ((c < ' ' && c != '\t') || c == 0x7f) {
            text[i] = '?';
        }
    }
}

static long console_write(struct hypercall *hc)
{
    char buf[CHUNK];

    while (hc->arg[1]) {
        size_t n = min(hc->arg[1], (uint64_t)sizeof(buf) - 1);

        if (copy_from_guest(buf, hypercall_ptr(hc, 2), n))
            return -EFAULT;
        buf[n] = 0;
        if (hc->vcpu->domain->is_hardware)
            console_write_guest(buf, n);
        else
            log_lines(hc->vcpu->domain, buf, n);
        hc->arg[1] -= n;
        hc->arg[2] += n;
        hypercall_charge(hc, HYPERCALL_BUDGET); /* each chunk may take its time on the wire */
        if (hc->arg[1] && hypercall_preempt(hc))
            return -ERESTART;
    }
    return 0;
}

static long console_read(struct hypercall *hc)
{
    char buf[CHUNK];
    size_t n, done = 0;

    if (hc->arg[1] > INT32_MAX)
        return -E2BIG; /* the result is an int */
    while (done < hc->arg[1] &&
           (n = console_read_guest(buf, min(hc->arg[1] - done, (uint64_t)sizeof(buf))))) {
        if (copy_to_guest(guest_ptr_add(hypercall_ptr(hc, 2), done), buf, n))
            return -EFAULT;
        done += n;
    }
    return (long)done;
}

long do_console_io(struct hypercall *hc)
{
    hc->arg[1] = (uint32_t)hc->arg[1];
    switch ((uint32_t)hc->arg[0]) {
    case CONSOLEIO_write:
        return console_write(hc);
    case CONSOLEIO_read:
        if (authorise(hc->vcpu->domain, NULL, AUTHORITY_CONSOLE_READ))
            return -EPERM;
        return console_read(hc);
    default:
        return -ENOSYS;
    }
}
