/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of the machine's run. */
#include "arch/x86/smp.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/pc_ports.h"
#include "arch/x86/vectors.h"
#include "arch/x86/traps.h"
#include "arch/x86/watchdog.h"
#include "drivers/acpi/acpi.h"
#include "drivers/console.h"
#include "hv/errno.h"
#include "hv/irqflags.h"
#include "hv/log.h"
#include "hv/percpu.h"

#define STOP_WAIT_US 200000

static cpumask_t stopped;
static bool stopping;

bool smp_is_stopping(void)
{
    return READ_ONCE(stopping);
}

static void stop_here(void)
{
    irq_disable();
    cpumask_clear(cpu_id(), &cpu_online_mask);
    cpumask_set(cpu_id(), &stopped);
    for (;;)
        cpu_halt();
}

void smp_stop_interrupt(void)
{
    apic_eoi();
    if (stopping)
        stop_here();
}

/* Those that do not take interrupts take this. */
static bool stop_nmi(struct cpu_user_regs *r)
{
    (void)r;
    stop_here();
    return true;
}

static bool all_stopped(const cpumask_t *others)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(others->bits); i++)
        if (others->bits[i] & ~READ_ONCE(stopped.bits[i]))
            return false;
    return true;
}

static bool wait_stopped(const cpumask_t *others)
{
    uint64_t start = rdtsc(), ticks = clock_mul_div(STOP_WAIT_US, clock_tsc_hz(), 1000000);

    while (!all_stopped(others))
        if (rdtsc() - start > ticks)
            return false;
        else
            cpu_relax();
    return true;
}

void smp_stop_others(void)
{
    cpumask_t others = cpu_online_mask;

    irq_disable();
    clear_bit(cpu_id(), others.bits);
    if (__atomic_test_and_set(&stopping, __ATOMIC_SEQ_CST) || cpumask_empty(&others))
        return;
    apic_send_mask(&others, VECTOR_STOP);
    if (wait_stopped(&others))
        return;
    nmi_handler = stop_nmi;
    apic_send_nmi_mask(&others);
    if (!wait_stopped(&others))
        log_warn("Not every processor could be stopped\n");
}

static void keyboard_reset(void)
{
    for (unsigned int i = 0; i < 100 && (inb(PORT_KEYBOARD) & KEYBOARD_BUSY); i++)
        clock_delay_us(50);
    outb(KEYBOARD_RESET, PORT_KEYBOARD);
    clock_delay_us(50000);
}

static void cf9_reset(void)
{
    uint8_t keep = inb(PORT_RST_CNT) & (uint8_t) ~(RST_CNT_SYS_RST | RST_CNT_RST_CPU | RST_CNT_FULL_RST);

    outb(keep | RST_CNT_SYS_RST, PORT_RST_CNT);
    clock_delay_us(50);
    outb(keep | RST_CNT_SYS_RST | RST_CNT_RST_CPU, PORT_RST_CNT);
    clock_delay_us(50000);
}

/* What was printed shall be read. A slow line takes seconds for it, and processors that are stopped make no progress. */
static void end_output(void)
{
    watchdog_hold();
    console_wait_always();
}

void machine_reboot(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __packed none = {0, 0};

    end_output();
    smp_stop_others();
    log_info("Rebooting\n");
    (void)acpi_reset();
    keyboard_reset();
    cf9_reset();
    __asm__ volatile("lidt %0; int3" ::"m"(none));
    for (;;)
        cpu_halt();
}

void machine_halt(void)
{
    end_output();
    smp_stop_others();
    irq_disable();
    for (;;)
        cpu_halt();
}

void machine_power_off(const struct acpi_sleep *wish)
{
    end_output();
    smp_stop_others();
    if (wish)
        acpi_enter_sleep(wish);
    printk("%s: halted. You can switch it off now.\n",
           acpi_power_off() == -ENODEV ? "This machine's firmware does not say how to power it off"
                                       : "This machine does not go off as its firmware says");
    machine_halt();
}
