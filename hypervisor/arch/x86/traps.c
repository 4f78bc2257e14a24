/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traps while the hypervisor itself runs: interrupts, faults of instructions that may fault (exception
 * table), NMI, and everything else, which is a bug of ours: registers, a trace of the stack with names, and
 * the end.
 */
#include "arch/x86/traps.h"
#include "arch/x86/cpu.h"
#include "arch/x86/extable.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/stack.h"
#include "arch/x86/vectors.h"
#include "arch/x86/watchdog.h"
#include "debug/symbols.h"
#include "drivers/console.h"
#include "hv/irqflags.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/percpu.h"
#include "hv/string.h"

static const char *const names[] = {
    "divide error",
    "debug",
    "NMI",
    "breakpoint",
    "overflow",
    "bound",
    "invalid opcode",
    "no FPU",
    "double fault",
    "coprocessor segment",
    "invalid TSS",
    "segment not present",
    "stack fault",
    "general protection",
    "page fault",
    "reserved",
    "FPU error",
    "alignment check",
    "machine check",
    "SIMD error",
    "virtualization",
    "control protection",
};

const char *trap_name(unsigned int vector)
{
    return vector < ARRAY_SIZE(names) ? names[vector] : "interrupt";
}

void dump_registers(const struct cpu_user_regs *r)
{
    printk("RIP:    %04x:[<%016lx>] %pS\n", r->cs, r->rip, (void *)r->rip);
    printk("RFLAGS: %016lx   CR0 %lx CR2 %016lx CR3 %lx CR4 %lx\n", r->rflags, read_cr0(), read_cr2(),
           read_cr3(), read_cr4());
    printk("rax: %016lx   rbx: %016lx   rcx: %016lx\n", r->rax, r->rbx, r->rcx);
    printk("rdx: %016lx   rsi: %016lx   rdi: %016lx\n", r->rdx, r->rsi, r->rdi);
    printk("rbp: %016lx   rsp: %016lx   r8:  %016lx\n", r->rbp, r->rsp, r->r8);
    printk("r9:  %016lx   r10: %016lx   r11: %016lx\n", r->r9, r->r10, r->r11);
    printk("r12: %016lx   r13: %016lx   r14: %016lx\n", r->r12, r->r13, r->r14);
    printk("r15: %016lx\n", r->r15);
}

/* Every word between sp and the top of its stack that looks like a return address: more than there is, but never too little. */
static bool is_our_stack(uint64_t sp)
{
    return (sp >= (uint64_t)boot_stack && sp < (uint64_t)boot_stack + STACK_SIZE) ||
           (sp >= STACKS_START && sp < STACKS_START + MAX_CPUS * 2UL * STACK_SIZE);
}

void dump_stack(uint64_t sp)
{
    uint64_t end = (sp | (STACK_SIZE - 1)) + 1 - STACK_TOP_SIZE;
    unsigned int lines = 0;

    if (!is_our_stack(sp)) {
        printk("No call trace: %016lx is no stack of ours\n", sp);
        return;
    }
    printk("Call trace:\n");
    for (sp &= ~7UL; sp < end && lines < 40; sp += 8) {
        uint64_t word = *(const uint64_t *)sp;

        if (is_hypervisor_text(word)) {
            printk("   [<%016lx>] %pS\n", word, (void *)word);
            lines++;
        }
    }
}

void (*panic_stop_others)(void);
void (*panic_end)(void) __noreturn;

static void __noreturn stop_the_machine(void (*end)(void))
{
    if (panic_stop_others)
        panic_stop_others();
    if (end)
        end();
    for (;;)
        __asm__ volatile("cli; hlt");
}

void cannot_boot(const char *fmt, ...)
{
    char text[400];
    __builtin_va_list args;

    irq_disable();
    console_wait_always();
    __builtin_va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    __builtin_va_end(args);
    printk("\nCannot boot: %s", text);
    /* Whatever `noreboot` says: the next boot would end the same, and nobody could read why. */
    stop_the_machine(NULL);
}

void panic(const char *fmt, ...)
{
    char text[400];
    __builtin_va_list args;

    irq_disable();
    watchdog_hold(); /* what waits for a slow serial line comes first */
    console_force_unlock();
    __builtin_va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    __builtin_va_end(args);
    printk("\n****************************************\n");
    printk("Panic on CPU %u:\n", cpu_id());
    printk("%s", text);
    printk("****************************************\n");
    stop_the_machine(panic_end);
}

#ifdef DEBUG
void assert_failed(const char *what, const char *file, int line)
{
    dump_stack((uint64_t)__builtin_frame_address(0));
    panic("assertion failed: %s (%s:%d)\n", what, file, line);
}
#endif

static void fatal_trap(struct cpu_user_regs *r)
{
    watchdog_hold();
    console_force_unlock();
    printk("---- Xenios on CPU %u: %s in the hypervisor, error code %04x ----\n", cpu_id(),
           trap_name(r->entry_vector), r->error_code);
    dump_registers(r);
    dump_stack(r->rsp);
    panic("%s in the hypervisor at %pS\n", trap_name(r->entry_vector), (void *)r->rip);
}

bool (*trap_in_firmware)(struct cpu_user_regs *r);
bool (*nmi_handler)(struct cpu_user_regs *r);
bool (*machine_check_handler)(struct cpu_user_regs *r);

/* A guest's breakpoint on a port that the handler reads would end in an IRET here, and with it the NMI's own protection from the next. */
static bool handle_nmi(struct cpu_user_regs *r)
{
    uint64_t dr7 = read_dr7();
    bool handled;

    write_dr7(DR7_FIXED_ONE);
    handled = nmi_handler && nmi_handler(r);
    write_dr7(dr7);
    return handled;
}

/* From entry.S. Interrupts are off. */
void hypervisor_trap(struct cpu_user_regs *r)
{
    uint64_t fixup;

    if (r->entry_vector >= EXCEPTIONS) {
        irq_dispatch(r->entry_vector);
        return;
    }
    if (r->entry_vector == VECTOR_NMI && handle_nmi(r))
        return;
    if (r->entry_vector == VECTOR_MC && machine_check_handler && machine_check_handler(r))
        return;
    /* A guest's breakpoint on memory that we touched for it, or its trap flag delayed past SYSCALL. */
    if (r->entry_vector == VECTOR_DB) {
        write_dr6(DR6_FIXED_ONE);
        r->rflags = (r->rflags & ~EFLAGS_TF) | EFLAGS_RF; /* a fault, if it was on an instruction */
        return;
    }
    fixup = extable_find(r->rip);
    if (!fixup && trap_in_firmware && trap_in_firmware(r))
        return;
    if (!fixup)
        fatal_trap(r);
    r->rip = fixup;
}
