/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain that cannot go on: says why, shows the vcpu's registers, shuts it down as crashed. */
#include "core/domain.h"
#include "hv/guest.h"
#include "hv/irqflags.h"
#include "hv/log.h"
#include "hv/string.h"

static void dump_guest_registers(const struct vcpu *v)
{
    const struct cpu_user_regs *r = &v->regs;

    printk("rip: %04x:%016lx  rflags: %016lx  ss:rsp: %04x:%016lx\n", r->cs, r->rip, r->rflags, r->ss,
           r->rsp);
    printk("rax: %016lx  rbx: %016lx  rcx: %016lx  rdx: %016lx\n", r->rax, r->rbx, r->rcx, r->rdx);
    printk("rsi: %016lx  rdi: %016lx  rbp: %016lx  r8:  %016lx\n", r->rsi, r->rdi, r->rbp, r->r8);
    printk("r9:  %016lx  r10: %016lx  r11: %016lx  r12: %016lx\n", r->r9, r->r10, r->r11, r->r12);
    printk("r13: %016lx  r14: %016lx  r15: %016lx\n", r->r13, r->r14, r->r15);
}

static void dump_guest_stack(const struct vcpu *v)
{
    uint64_t words[24];

    if (copy_from_guest(words, GUEST_PTR(v->regs.rsp), sizeof(words)))
        return;
    printk("Guest stack:\n");
    for (unsigned int i = 0; i < ARRAY_SIZE(words); i += 4)
        printk("  %016lx %016lx %016lx %016lx\n", words[i], words[i + 1], words[i + 2], words[i + 3]);
}

#define DUMP_LINES 12

/* A guest can be started again and crash as often as its owner likes. Domain 0's crash is the machine's end. */
static void say(const struct vcpu *v, const char *why)
{
    if (v->domain->is_hardware || log_guest_allows(1 + DUMP_LINES)) {
        printk("Domain %u (vcpu %u) crashed: %s\n", v->domain->id, v->id, why);
        dump_guest_registers(v);
        dump_guest_stack(v);
    } else if (log_guest_allows(1)) {
        printk("Domain %u (vcpu %u) crashed (no dump of its registers: too many lines in this second): %s\n",
               v->domain->id, v->id, why);
    }
}

void domain_crash(struct vcpu *v, const char *fmt, ...)
{
    char why[200];
    __builtin_va_list args;
    bool off = !irqs_enabled();

    __builtin_va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    __builtin_va_end(args);
    if (off) /* the last look on the way out */
        irq_enable();
    say(v, why);
    domain_shutdown(v->domain, SHUTDOWN_crash);
    if (off)
        irq_disable();
}
