/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each processor has, in the stacks' region, a block of 32 pages: 16 of stack (arch/x86/stack.h), then one
 * page of SYSCALL gate code, one of its data with the TSS at its end, and behind that the I/O permission
 * bitmap, the same three pages for all (arch/x86/io_access.c): a processor looks for it within 64 KiB of its
 * TSS. The GDT page with our descriptors is a page of the direct map; guests see it as page 14 of their GDT,
 * where the interface reserves it. Descriptor formats: SDM 3A 3.4.5, 6.14.1, 7.2.3; APM 2 4.8.
 */
#include "arch/x86/desc.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/image.h"
#include "arch/x86/io_access_init.h"
#include "arch/x86/spec.h"
#include "arch/x86/split_root.h"
#include "arch/x86/stack.h"
#include "arch/x86/tables.h"
#include "arch/x86/vectors.h"
#include "core/domain.h"
#include "core/heap.h"
#include "hv/alloc.h"
#include "hv/panic.h"
#include "hv/softirq.h"
#include "hv/time.h"
#include "hv/percpu.h"
#include "hv/string.h"

/* SYSCALL clears everything that could disturb us; ID stays. */
#define SYSCALL_MASK                                                                                         \
    (EFLAGS_TF | EFLAGS_IF | EFLAGS_DF | EFLAGS_IOPL | EFLAGS_NT | EFLAGS_RF | EFLAGS_VM | EFLAGS_AC |       \
     EFLAGS_VIF | EFLAGS_VIP)

#define BLOCK_SIZE (2UL * STACK_SIZE)
#define GATE_CODE  STACK_SIZE
#define GATE_DATA  (STACK_SIZE + PAGE_SIZE)
#define PORT_MAP   (STACK_SIZE + 2 * PAGE_SIZE)

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3, io_bitmap;
} __packed;

struct gate_data {
    uint64_t scratch;   /* the guest's stack pointer for a moment */
    uint64_t frame_end; /* &current->regs.es */
};

struct entry_page {
    struct gate_data gate;
    uint8_t unused[PAGE_SIZE - sizeof(struct gate_data) - TSS_SIZE];
    struct tss tss; /* not beyond TSS_SIZE: the bitmap starts with the next page */
    uint8_t padding[TSS_SIZE - sizeof(struct tss)];
};
_Static_assert(sizeof(struct entry_page) == PAGE_SIZE, "the I/O permission bitmap follows the TSS");

struct idt_entry {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __packed;

extern char entry_stubs[], entry_syscall[], entry_syscall32[], entry_sysenter[];

static struct idt_entry idt[256] __aligned(4096);
static DEFINE_PERCPU(uint64_t *, gdt_page);
static DEFINE_PERCPU(struct entry_page *, entry_page);
DEFINE_PERCPU(uint16_t *, tss_port_map);
uint64_t percpu_offset[MAX_CPUS];

static uint64_t block_of(unsigned int cpu)
{
    return STACKS_START + cpu * BLOCK_SIZE;
}

static uint64_t stack_of(unsigned int cpu)
{
    return cpu ? block_of(cpu) : (uint64_t)boot_stack;
}

const void *idt_address(void)
{
    return idt;
}

void idt_init(void)
{
    for (unsigned int vector = 0; vector < 256; vector++) {
        uint64_t address = (uint64_t)entry_stubs + 16 * vector;
        bool for_guest = vector == VECTOR_BP || vector == VECTOR_OF || vector == VECTOR_INT80;

        idt[vector] = (struct idt_entry){
            .offset_low = (uint16_t)address,
            .offset_middle = (uint16_t)(address >> 16),
            .offset_high = (uint32_t)(address >> 32),
            .selector = HV_CS,
            .type = DESC_BYTE_INTERRUPT_GATE | (for_guest ? DESC_BYTE_DPL3 : 0),
        };
    }
    idt[VECTOR_DB].ist = IST_DEBUG;
    idt[VECTOR_NMI].ist = IST_NMI;
    idt[VECTOR_DF].ist = IST_DOUBLE_FAULT;
    idt[VECTOR_MC].ist = IST_MCE;
}

/* A system descriptor takes two entries in 64-bit mode. */
static void set_system_descriptor(uint64_t *entry, uint64_t base, uint64_t limit, uint64_t type)
{
    entry[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | type << 40 | (limit >> 16 & 0xf) << 48 |
               (base >> 24 & 0xff) << 56;
    entry[1] = base >> 32;
}

static void fill_gdt_page(uint64_t *page, struct tss *t)
{
    page[(HV_CS & 0xfff) / 8] = DESC_FLAT_CODE64 | DESC_ACCESSED;
    page[(HV_DS & 0xfff) / 8] = DESC_FLAT_DATA | DESC_ACCESSED;
    page[(GUEST_CS32 & 0xfff) / 8] = DESC_FLAT_CODE32 | DESC_ACCESSED | DESC_DPL;
    page[(GUEST_DS & 0xfff) / 8] = DESC_FLAT_DATA | DESC_ACCESSED | DESC_DPL;
    page[(GUEST_CS64 & 0xfff) / 8] = DESC_FLAT_CODE64 | DESC_ACCESSED | DESC_DPL;
    set_system_descriptor(&page[(HV_TSS & 0xfff) / 8], (uint64_t)t, TSS_SIZE + PORT_MAP_BYTES - 1,
                          DESC_BYTE_TSS);
}

/*
 * The gate: MOV [scratch], RSP; MOV RSP, [frame_end]; PUSH SS; PUSH [scratch]; PUSH R11; PUSH CS; PUSH RCX; PUSH 0; JMP target.
 * It is made here, since each processor's must reach its own data without a register to spare.
 */
static size_t write_gate(uint8_t *code, uint64_t va, uint64_t data_va, uint32_t cs, const void *target)
{
    uint8_t *at = code;
    uint64_t scratch = data_va + offsetof(struct gate_data, scratch),
             end = data_va + offsetof(struct gate_data, frame_end);

#define BYTES(...)                                                                                           \
    do {                                                                                                     \
        const uint8_t bytes_[] = {__VA_ARGS__};                                                              \
        memcpy(at, bytes_, sizeof(bytes_));                                                                  \
        at += sizeof(bytes_);                                                                                \
    } while (0)
#define WORD(value)                                                                                          \
    do {                                                                                                     \
        uint32_t word_ = (uint32_t)(value);                                                                  \
        memcpy(at, &word_, 4);                                                                               \
        at += 4;                                                                                             \
    } while (0)
#define RELATIVE(address) WORD((address) - (va + (uint64_t)(at - code) + 4))
    BYTES(0x48, 0x89, 0x25);
    RELATIVE(scratch);
    BYTES(0x48, 0x8b, 0x25);
    RELATIVE(end);
    BYTES(0x68);
    WORD(GUEST_DS);
    BYTES(0xff, 0x35);
    RELATIVE(scratch);
    BYTES(0x41, 0x53, 0x68);
    WORD(cs);
    BYTES(0x51, 0x6a, 0x00, 0xe9);
    RELATIVE((uint64_t)target);
    return (size_t)(at - code);
}

/*
 * SYSENTER's: MOV RSP, [frame_end]; PUSH SS; PUSH 0; PUSHFQ; PUSH 3; PUSH 0; PUSH 0; JMP target. Stack and
 * instruction pointer are lost and no code segment is known: the frame says 0, and a null selector, as Xen's
 * does.
 */
static void write_sysenter_gate(uint8_t *code, uint64_t va, uint64_t data_va)
{
    uint64_t end = data_va + offsetof(struct gate_data, frame_end);
    uint8_t *at = code;

    BYTES(0x48, 0x8b, 0x25);
    RELATIVE(end);
    BYTES(0x68);
    WORD(GUEST_DS);
    BYTES(0x6a, 0x00, 0x9c, 0x6a, 0x03, 0x6a, 0x00, 0x6a, 0x00, 0xe9);
    RELATIVE((uint64_t)entry_sysenter);
}

static bool make_block(unsigned int cpu)
{
    uint8_t *stack = cpu ? hv_alloc_pages(STACK_ORDER) : NULL, *gate = hv_alloc_pages(1);
    uint64_t block = block_of(cpu), size;

    if ((cpu && !stack) || !gate)
        return false;
    size = write_gate(gate, block + GATE_CODE, block + GATE_DATA, GUEST_CS64, entry_syscall);
    (void)size;
    write_sysenter_gate(gate + 512, block + GATE_CODE + 512, block + GATE_DATA);
    write_gate(gate + 256, block + GATE_CODE + 256, block + GATE_DATA, GUEST_CS32, entry_syscall32);
    if (hostmap_map(block + GATE_CODE, mfn_to_paddr(va_to_mfn(gate)), PAGE_SIZE, MAP_CODE) ||
        hostmap_map(block + GATE_DATA, mfn_to_paddr(va_to_mfn(gate + PAGE_SIZE)), PAGE_SIZE, MAP_DATA) ||
        hostmap_map(block + PORT_MAP, (uint64_t)denied_ports - IMAGE_START, sizeof(denied_ports), MAP_CONST))
        return false;
    for (unsigned int page = 0; cpu && page < 1U << STACK_ORDER; page++)
        if (page != STACK_GUARD_PAGE &&
            hostmap_map(block + page * PAGE_SIZE, mfn_to_paddr(va_to_mfn(stack)) + page * PAGE_SIZE,
                        PAGE_SIZE, MAP_DATA))
            return false;
    if (!cpu)
        hostmap_unmap_page((uint64_t)boot_stack + STACK_GUARD_PAGE * PAGE_SIZE);
    return true;
}

uint64_t cpu_prepare(unsigned int cpu)
{
    size_t percpu_size = (size_t)(percpu_end - percpu_start);
    char *copy = percpu_start;
    uint64_t *gdt = hv_alloc_page();
    struct entry_page *page;
    struct stack_top *top = (struct stack_top *)(stack_of(cpu) + STACK_SIZE - STACK_TOP_SIZE);

    if (cpu)
        copy = hv_zalloc(percpu_size);
    if (!gdt || !copy || !make_block(cpu))
        return 0;
    percpu_offset[cpu] = (uint64_t)copy - (uint64_t)percpu_start;
    /* The template may have been changed by processor 0 since: a copy starts as zeroes, which every per-processor variable accepts. */
    page = (struct entry_page *)(block_of(cpu) + GATE_DATA);
    fill_gdt_page(gdt, &page->tss);
    if (!split_root_prepare(cpu, stack_of(cpu), block_of(cpu) + GATE_CODE,
                            PORT_MAP - GATE_CODE + sizeof(denied_ports)))
        return 0;
    per_cpu(gdt_page, cpu) = gdt;
    per_cpu(entry_page, cpu) = page;
    per_cpu(tss_port_map, cpu) = (uint16_t *)((char *)&page->tss + offsetof(struct tss, io_bitmap));
    page->tss.io_bitmap = PORT_MAP_NONE;
    for (unsigned int i = 1; i <= 4; i++)
        page->tss.ist[i - 1] = stack_of(cpu) + i * IST_DOOR_SIZE;
    /* The IST stacks must lead to the same top: it is found by address arithmetic. */
    softirq_cpu_init(cpu);
    timer_cpu_init(cpu);
    top->percpu_offset = percpu_offset[cpu];
    top->cpu = cpu;
    return (uint64_t)top;
}

void load_gdt(uint64_t base)
{
    struct table_pointer p = {.limit = 0xefff, .base = base};

    __asm__ volatile("lgdt %0" ::"m"(p));
}

static uint64_t host_gdt_base(void)
{
    return (uint64_t)this_cpu(gdt_page) - (HV_CS & ~0xfffUL);
}

uint64_t hv_gdt_page_mfn(void)
{
    return va_to_mfn(this_cpu(gdt_page)).n;
}

void load_ldt(uint64_t base, unsigned int entries)
{
    uint16_t selector = 0;

    if (entries) {
        set_system_descriptor(&this_cpu(gdt_page)[(HV_LDT & 0xfff) / 8], base, entries * 8UL - 1,
                              DESC_BYTE_LDT);
        selector = HV_LDT;
    }
    __asm__ volatile("lldt %0" ::"r"(selector));
}

void load_host_gdt(void)
{
    load_gdt(host_gdt_base());
}

void load_host_tables(void)
{
    write_cr3(host_root);
    load_ldt(0, 0);
}

void set_entry_vcpu(struct vcpu *v)
{
    struct stack_top *top = stack_top();

    top->current = v;
    v->stack = (uint64_t)top;
    this_cpu(entry_page)->tss.rsp[0] = (uint64_t)&v->regs.es;
    this_cpu(entry_page)->gate.frame_end = (uint64_t)&v->regs.es;
}

void cpu_enter(unsigned int cpu)
{
    struct table_pointer p = {.limit = sizeof(idt) - 1, .base = (uint64_t)idt};
    uint64_t block = block_of(cpu);

    load_host_gdt();
    __asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:" ::"i"(HV_CS)
                     : "rax", "memory");
    __asm__ volatile("movl %0, %%ss" ::"r"(0));
    __asm__ volatile("lidt %0" ::"m"(p));
    this_cpu(gdt_page)[(HV_TSS & 0xfff) / 8] &= ~DESC_TSS_BUSY; /* LTR wants that */
    __asm__ volatile("ltr %w0" ::"r"(HV_TSS));
    load_ldt(0, 0);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    wrmsr(MSR_STAR, (uint64_t)GUEST_CS32 << 48 | (uint64_t)HV_CS << 32);
    wrmsr(MSR_LSTAR, block + GATE_CODE);
    wrmsr(MSR_CSTAR, block + GATE_CODE + 256);
    wrmsr(MSR_FMASK, SYSCALL_MASK);
    wrmsr(MSR_SYSENTER_CS, cpu_features.sysenter ? HV_CS : 0); /* 0: SYSENTER is #GP */
    wrmsr(MSR_SYSENTER_ESP, (uint64_t)stack_top());            /* until its gate's first instruction */
    wrmsr(MSR_SYSENTER_EIP, block + GATE_CODE + 512);
    cpu_features_apply();
    spec_apply();
}
