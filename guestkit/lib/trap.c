/* SPDX-License-Identifier: MIT */
/* Where every trap of the guest ends up, and who gets to see it: hook, probe, try, or nobody. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/print.h>
#include <kit/test.h>
#include <kit/trap.h>
#include <kit/user.h>
#include <kit/vcpu.h>

struct fixup {
    uint64_t start, end;
};

extern const struct fixup kit_fixup_start[], kit_fixup_end[];

static kit_trap_fn hooks[KIT_NR_VECTORS];

kit_trap_fn kit_trap_hook(unsigned vector, kit_trap_fn hook)
{
    kit_trap_fn before = hooks[vector];

    hooks[vector] = hook;
    return before;
}

struct kit_fault *kit_fault(void)
{
    return &kit_this()->fault;
}

static void describe(struct kit_fault *f, const struct kit_regs *regs, const struct kit_vcpu *v)
{
    *f = (struct kit_fault){
        .raised = true,
        .vector = (uint16_t)regs->vector,
        .error = (uint32_t)regs->error,
        .rip = regs->rip,
        .rsp = regs->rsp,
        .rflags = regs->rflags,
        .cs = regs->cs,
        .ss = (uint16_t)regs->ss,
        .frame_mask = regs->upcall_mask,
        .mask = v->info->evtchn_upcall_mask,
        .cr2 = v->info->arch.cr2,
        .frame = (uintptr_t)&regs->rip,
        .r11 = regs->r11,
        .rcx = regs->rcx,
    };
}

static const struct fixup *find_fixup(uint64_t rip)
{
    for (const struct fixup *f = kit_fixup_start; f < kit_fixup_end; f++)
        if (rip >= f->start && rip <= f->end)
            return f;
    return NULL;
}

/* Make the interrupted context continue in kit_try, as if kit_setjmp had returned 1. */
static void unwind(struct kit_regs *regs, struct kit_vcpu *v)
{
    const struct kit_jump *j = &v->try->jump;

    regs->rbx = j->rbx;
    regs->rbp = j->rbp;
    regs->r12 = j->r12;
    regs->r13 = j->r13;
    regs->r14 = j->r14;
    regs->r15 = j->r15;
    regs->rsp = j->rsp;
    regs->rip = j->rip;
    regs->rax = 1;
    regs->cs = FLAT_KERNEL_CS & ~3;
    regs->ss = FLAT_KERNEL_SS;
    regs->rflags = EFLAGS_FIXED | (v->try->mask ? 0 : EFLAGS_IF);
}

bool kit_try(void (*fn)(void *), void *arg, struct kit_fault *fault)
{
    struct kit_vcpu *v = kit_this();
    struct kit_try_frame frame;
    bool raised;

    frame.previous = v->try;
    frame.mask = v->info->evtchn_upcall_mask;
    raised = kit_setjmp(&frame.jump);
    if (!raised) {
        v->try = &frame;
        fn(arg);
    }
    v->try = frame.previous;
    if (fault) {
        *fault = v->fault;
        fault->raised = raised;
    }
    return raised;
}

void kit_trap(struct kit_regs *regs)
{
    struct kit_vcpu *v = kit_this();
    const struct fixup *fixup;

    if (regs->vector == KIT_VECTOR_EVENT) {
        if (!hooks[KIT_VECTOR_EVENT] || !hooks[KIT_VECTOR_EVENT](regs))
            kit_event_upcall();
        return;
    }
    if (kit_regs_user(regs) && v->user) {
        if (!v->user->resume)
            describe(&v->fault, regs, v);
        kit_user_trap(v->user, regs);
        return;
    }
    if (hooks[regs->vector] && hooks[regs->vector](regs))
        return;
    fixup = find_fixup(regs->rip);
    if (fixup) {
        describe(&v->fault, regs, v);
        regs->rip = fixup->end;
        regs->rflags &= ~EFLAGS_TF;
        return;
    }
    if (v->try) {
        describe(&v->fault, regs, v);
        unwind(regs, v);
        return;
    }
    kit_printf("KIT unexpected trap on vcpu %u outside any test\n", v->id);
    kit_dump_regs(regs);
    kit_printf("KIT RESULT fail 0 checks\n");
    kit_shutdown(SHUTDOWN_reboot);
}

void kit_dump_regs(const struct kit_regs *r)
{
    kit_printf("  vector %lu error 0x%lx rip %x:%016lx rflags %lx rsp %lx:%016lx cr2 %lx\n", r->vector,
               r->error, r->cs, r->rip, r->rflags, r->ss, r->rsp, kit_this()->info->arch.cr2);
    kit_printf("  rax %016lx rbx %016lx rcx %016lx rdx %016lx rsi %016lx rdi %016lx rbp %016lx\n", r->rax,
               r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp);
    kit_printf("  r8  %016lx r9  %016lx r10 %016lx r11 %016lx r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n",
               r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15);
}

bool kit_peek(const volatile void *from, uint64_t *value)
{
    uint64_t v = 0;
    struct kit_fault f = KIT_PROBE("mov (%[p]), %[v]", [v] "+r"(v) : [p] "r"(from) : "memory");

    *value = v;
    return !f.raised;
}

bool kit_poke(volatile void *to, uint64_t value)
{
    struct kit_fault f = KIT_PROBE("mov %[v], (%[p])", : [v] "r"(value), [p] "r"(to) : "memory");

    return !f.raised;
}
