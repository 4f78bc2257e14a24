/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch/x86/apic/apic.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/vectors.h"
#include "drivers/acpi/acpi.h"
#include "hv/irqflags.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/percpu.h"
#include <xen/arch-x86/cpufeatureset.h>

#define SPURIOUS_ENABLE 0x100u
#define ICR_WAIT_SPINS  (1u << 24)
#define ERRORS_SHOWN    16

struct apic_state apic;
uint32_t cpu_apic_id[MAX_CPUS], cpu_acpi_id[MAX_CPUS];

static bool ids_need_x2apic(void)
{
    for (unsigned int i = 0; i < acpi.cpus; i++)
        if (acpi.cpu[i].apic_id >= 0xff)
            return true;
    return false;
}

/* From xAPIC to x2APIC is one step; there is no way back but through "disabled" (SDM 3A 10.12.5). */
static void set_mode(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE), want = base | APIC_BASE_ENABLE;

    if (apic.x2apic)
        want |= APIC_BASE_EXTD;
    if (!(base & APIC_BASE_ENABLE)) {
        want = (want & ~APIC_BASE_ADDRESS) | apic.address | APIC_BASE_ENABLE;
        wrmsr(MSR_APIC_BASE, want & ~APIC_BASE_EXTD);
    }
    if (want != base)
        wrmsr(MSR_APIC_BASE, want);
}

void apic_init(bool want_x2apic)
{
    uint64_t base;

    if (!cpu_policy_has(&raw_policy, XEN_X86_FEATURE_APIC))
        cannot_boot("this processor has no local APIC, or firmware has switched it off: Xenios needs it. "
                    "Look for it in the "
                    "firmware's setup.\n");
    base = rdmsr(MSR_APIC_BASE);
    apic.address = base & APIC_BASE_ENABLE ? base & APIC_BASE_ADDRESS
                   : acpi.lapic_address    ? acpi.lapic_address
                                           : APIC_BASE_ADDRESS_DEFAULT;
    apic.x2apic = (base & APIC_BASE_EXTD) || (cpu_features.x2apic && (want_x2apic || ids_need_x2apic()));
    if (apic.x2apic && !cpu_features.x2apic)
        printk("APIC: firmware left it in x2APIC mode, where it stays, whatever cpuid= says\n");
    if (apic.x2apic)
        patch_enable(PATCH_X2APIC);
    else
        apic.page = iomap(apic.address, PAGE_SIZE);
    set_mode();
    apic.bsp_id = apic_id();
    apic.lvt_max = apic_read(APIC_VERSION) >> 16 & 0xff;
    log_info("APIC: %s, version %#x, boot processor has id %u\n", apic.x2apic ? "x2APIC" : "xAPIC",
             apic_read(APIC_VERSION) & 0xff, apic.bsp_id);
}

/* LINT1 carries NMI on every PC; MADT may say otherwise. LINT0 is the 8259's, which is masked. */
static void set_lint(void)
{
    uint32_t lint[2] = {APIC_LVT_MASKED | APIC_DELIVERY_EXTINT, APIC_LVT_MASKED | APIC_DELIVERY_NMI};
    uint32_t id = apic_id(), uid = ACPI_ALL_CPUS;

    for (unsigned int i = 0; i < acpi.cpus; i++)
        if (acpi.cpu[i].apic_id == id)
            uid = acpi.cpu[i].uid;
    for (unsigned int i = 0; i < acpi.nmis; i++) {
        const struct acpi_nmi *n = &acpi.nmi[i];

        /* An NMI is edge-triggered whatever the table says (SDM 3A 10.5.1); to all processors only by "all",
         * else every one would panic. */
        if (n->uid == ACPI_ALL_CPUS || n->uid == uid)
            lint[n->lint] = APIC_DELIVERY_NMI | (n->polarity == ACPI_POLARITY_LOW ? APIC_LVT_LOW : 0);
    }
    if (apic_id() != apic.bsp_id) /* one report of a platform NMI is enough */
        lint[1] |= APIC_LVT_MASKED;
    apic_write(APIC_LVT_LINT0, lint[0]);
    apic_write(APIC_LVT_LINT1, lint[1]);
}

/* What the firmware or a kernel before us left in service would block everything of its priority and below.
 */
static void drain(void)
{
    for (unsigned int i = 0; i < 256; i++) {
        bool busy = false;

        for (unsigned int word = 0; word < 8; word++)
            busy |= apic_read((enum apic_register)(APIC_ISR + word * 16)) != 0;
        if (!busy)
            return;
        apic_eoi();
    }
}

void apic_init_cpu(void)
{
    set_mode();
    apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    if (!apic.x2apic) {
        apic_write(APIC_DFR, 0xffffffff);
        apic_write(APIC_LDR, 0);
    }
    apic_write(APIC_TPR, 0);
    drain();
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    if (apic.lvt_max >= 4)
        apic_write(APIC_LVT_PERF, APIC_LVT_MASKED);
    if (apic.lvt_max >= 5)
        apic_write(APIC_LVT_THERMAL, APIC_LVT_MASKED);
    set_lint();
    apic_write(APIC_ESR, 0);
    apic_write(APIC_LVT_ERROR, VECTOR_ERROR);
    apic_timer_init_cpu();
}

void apic_command(uint32_t id, uint32_t command)
{
    uint64_t flags;

    if (patch_on(PATCH_X2APIC)) {
        /* The MSR form is not ordered after earlier stores, which the receiver must see (SDM 3A 10.12.3). */
        __asm__ volatile("mfence; lfence" ::: "memory");
        wrmsr(MSR_X2APIC_BASE + APIC_ICR / 16, (uint64_t)id << 32 | command);
        return;
    }
    flags = irq_save();
    for (unsigned int i = 0; apic_read(APIC_ICR) & APIC_ICR_BUSY; i++) {
        if (i == ICR_WAIT_SPINS)
            panic("APIC %u does not accept interrupts\n", id);
        cpu_relax();
    }
    apic_write(APIC_ICR_HIGH, id << 24);
    apic_write(APIC_ICR, command);
    irq_restore(flags);
}

void apic_kick_self(void)
{
    uint32_t command = APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_KICK;

    if (patch_on(PATCH_X2APIC))
        wrmsr(MSR_X2APIC_BASE + APIC_ICR / 16, command);
    else
        apic_write(APIC_ICR, command);
}

void apic_send_cpu(unsigned int cpu, unsigned int vector)
{
    apic_send(cpu_apic_id[cpu], vector);
}

void apic_send_mask(const cpumask_t *mask, unsigned int vector)
{
    unsigned int cpu;

    for_each_cpu (cpu, mask)
        if (cpu != cpu_id())
            apic_send_cpu(cpu, vector);
}

void apic_send_nmi_mask(const cpumask_t *mask)
{
    unsigned int cpu;

    for_each_cpu (cpu, mask)
        if (cpu != cpu_id())
            apic_command(cpu_apic_id[cpu], APIC_DELIVERY_NMI | APIC_ICR_ASSERT);
}

void apic_error_interrupt(void)
{
    uint32_t status;

    apic_write(APIC_ESR, 0); /* latches what happened since the last write */
    status = apic_read(APIC_ESR);
    apic_eoi();
    if (apic.errors++ < ERRORS_SHOWN)
        log_warn("APIC error on CPU %u: status %#x (SDM 3A 10.5.3)\n", cpu_id(), status);
}

void apic_spurious_interrupt(void)
{
    apic.spurious++; /* no EOI: nothing is in service */
}

void apic_dump(void)
{
    printk("APIC: %s, %s timer, errors %lu, spurious %lu\n", apic.x2apic ? "x2APIC" : "xAPIC",
           apic.deadline ? "TSC deadline" : "one-shot", apic.errors, apic.spurious);
}
