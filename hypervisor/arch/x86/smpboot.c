/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting the other processors, one at a time: INIT, start-up message, trampoline, their own tables, clocks
 * compared, online. */
#include "arch/x86/smp.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/desc.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/vectors.h"
#include "arch/x86/platform.h"
#include "arch/x86/tlb.h"
#include "core/heap.h"
#include "drivers/acpi/acpi.h"
#include "hv/irqflags.h"
#include "hv/log.h"
#include "hv/panic.h"

#define INIT_DELAY_US                                                                                        \
    200 /* for an old board; SDM 3A 8.4.4.1 says 10 ms, which no processor with long mode needs */
#define STARTUP_DELAY_US 200
#define START_TIMEOUT_US 2000000

/* As trampoline.S lays it out. */
struct trampoline_data {
    uint64_t stack, root, entry;
    uint32_t cpu, cr0, cr3, cr4, efer;
} __packed;

extern char trampoline_start[], trampoline_end[], trampoline_data[];
extern void smp_entry(void);

enum start_state { START_WAITING, START_ALIVE, START_COMPARED, START_ONLINE };
static uint32_t start_state;
static unsigned int enumerated = 1;

static void number_cpu(unsigned int cpu, uint32_t apic_id)
{
    cpu_apic_id[cpu] = apic_id;
    cpu_acpi_id[cpu] = acpi_cpu_uid(&acpi, apic_id);
}

unsigned int smp_enumerate(unsigned int limit)
{
    for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
        cpu_apic_id[cpu] = CPU_NO_APIC;
    number_cpu(0, apic.bsp_id);
    cpumask_set(0, &cpu_online_mask);
    cpu_count = 1;
    enumerated = 1;
    for (unsigned int i = 0; i < acpi.cpus && enumerated < min(limit, (unsigned int)MAX_CPUS); i++) {
        uint32_t id = acpi.cpu[i].apic_id;

        if (id == apic.bsp_id)
            continue;
        if (!apic.x2apic && id >= 0xff) /* its commands would reach another */
            log_warn("Processor with APIC id %u: left alone, since x2APIC is not used\n", id);
        else
            number_cpu(enumerated++, id);
    }
    return enumerated;
}

/* A root below 4 GiB with our own range and the first 2 MiB at their own addresses; three frames. */
static uint64_t make_trampoline_root(struct frame *frames[3])
{
    uint64_t *table[3];

    for (unsigned int i = 0; i < 3; i++) {
        frames[i] = heap_alloc(0, 32, HEAP_ANYWHERE, 0);
        if (!frames[i])
            return 0;
        table[i] = frame_to_va(frames[i]);
    }
    memcpy(table[0], mfn_to_va(paddr_to_mfn(host_root)), PAGE_SIZE);
    table[0][0] = mfn_to_paddr(frame_to_mfn(frames[1])) | PTE_PRESENT | PTE_WRITE;
    table[1][0] = mfn_to_paddr(frame_to_mfn(frames[2])) | PTE_PRESENT | PTE_WRITE;
    table[2][0] = PTE_LARGE | PTE_PRESENT | PTE_WRITE;
    return mfn_to_paddr(frame_to_mfn(frames[0]));
}

static void fill_trampoline(unsigned int cpu, uint64_t stack, uint64_t root)
{
    uint8_t *page = (uint8_t *)mfn_to_va(paddr_to_mfn(trampoline_page));
    struct trampoline_data *data = (struct trampoline_data *)(page + (trampoline_data - trampoline_start));

    memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    *data = (struct trampoline_data){
        .stack = stack,
        .root = host_root,
        .entry = (uint64_t)smp_entry,
        .cpu = cpu,
        .cr0 = (uint32_t)read_cr0(),
        .cr3 = (uint32_t)root,
        .cr4 = CR4_PAE, /* the rest in cpu_enter(): features, and PGE once we are on the final root */
        .efer = (uint32_t)rdmsr(MSR_EFER) & ~EFER_LMA,
    };
}

static bool wait_state(enum start_state state, unsigned int timeout_us)
{
    uint64_t start = rdtsc(), ticks = clock_mul_div(timeout_us, clock_tsc_hz(), 1000000);

    while (__atomic_load_n(&start_state, __ATOMIC_ACQUIRE) < state) {
        if (rdtsc() - start > ticks)
            return false;
        cpu_relax();
    }
    return true;
}

static bool start_cpu(unsigned int cpu, uint64_t root)
{
    uint64_t stack = cpu_prepare(cpu);
    uint32_t id = cpu_apic_id[cpu];

    if (!stack) {
        log_warn("CPU %u: no memory for its tables\n", cpu);
        return false;
    }
    fill_trampoline(cpu, stack, root);
    start_state = START_WAITING;
    apic_command(id, APIC_DELIVERY_INIT | APIC_ICR_ASSERT | APIC_ICR_LEVEL);
    clock_delay_us(INIT_DELAY_US);
    for (unsigned int attempt = 0; attempt < 2 && !wait_state(START_ALIVE, attempt ? STARTUP_DELAY_US : 0);
         attempt++)
        apic_command(id, APIC_DELIVERY_STARTUP | (uint32_t)(trampoline_page >> PAGE_SHIFT));
    if (!wait_state(START_ALIVE, START_TIMEOUT_US)) {
        apic_command(id,
                     APIC_DELIVERY_INIT | APIC_ICR_ASSERT | APIC_ICR_LEVEL); /* it must not wake up later */
        log_warn("CPU %u (APIC %u) does not start\n", cpu, id);
        return false;
    }
    clock_compare(cpu, false);
    __atomic_store_n(&start_state, START_COMPARED, __ATOMIC_RELEASE);
    if (!wait_state(START_ONLINE, START_TIMEOUT_US))
        panic("CPU %u started and then hung\n", cpu);
    return true;
}

unsigned int smp_boot_others(void)
{
    struct frame *frames[3] = {NULL};
    unsigned int cpu, online = 1;
    uint64_t root = 0;

    if (enumerated == 1)
        return 1;
    if (trampoline_page)
        root = make_trampoline_root(frames);
    if (!root)
        log_warn("No memory below 1 MiB or 4 GiB to start other processors from: one is all there is\n");
    for (cpu = 1; root && cpu < enumerated; cpu++)
        online += start_cpu(cpu, root);
    for (unsigned int i = 0; i < 3; i++)
        if (frames[i])
            heap_free(frames[i], 0);
    log_info("Brought up %u of %u CPUs\n", online, enumerated);
    return online;
}

void smp_start_secondary(unsigned int cpu)
{
    cpu_enter(cpu);
    platform_init_cpu();
    __atomic_store_n(&start_state, START_ALIVE, __ATOMIC_RELEASE);
    clock_compare(cpu, true);
    clock_init_cpu();
    while (__atomic_load_n(&start_state, __ATOMIC_ACQUIRE) != START_COMPARED)
        cpu_relax();
    cpu_join_scheduler(cpu);
    tlb_flush_local(TLB_FLUSH | TLB_FLUSH_GLOBAL); /* before anybody may count on our having flushed */
    cpumask_set(cpu, &cpu_online_mask);
    if (cpu >= cpu_count)
        cpu_count = cpu + 1;
    __atomic_store_n(&start_state, START_ONLINE, __ATOMIC_RELEASE);
    cpu_idle_start();
}
