/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptor tables, task state, stacks and the SYSCALL gate: what a processor needs to enter the hypervisor. */
#ifndef ARCH_X86_DESC_H
#define ARCH_X86_DESC_H

#include "hv/percpu.h"
#include "hv/types.h"

struct vcpu;

/* The IDT, once. */
void idt_init(void);
const void *idt_address(void); /* one page */
/*
 * Everything of one processor: makes (unless it is processor 0, whose stack is the boot stack) and returns
 * the stack pointer to start it on; 0: -ENOMEM. Called on an already running processor.
 */
uint64_t cpu_prepare(unsigned int cpu);
/* On the processor itself, on its own stack: loads GDT, IDT, TSS, LDT, MSRs of SYSCALL, CR4 features. */
void cpu_enter(unsigned int cpu);
/* The next entry from a guest is pushed into this vcpu. Interrupts off. */
void set_entry_vcpu(struct vcpu *v);
/* Loads the GDT of a vcpu: the base, with our page of this processor at its place. */
void load_gdt(uint64_t base);
/* The page with our descriptors for this processor, to be mapped as pages 14 (and 15) of each guest GDT. */
uint64_t hv_gdt_page_mfn(void);
/* Our own GDT, which is on every root. */
void load_host_gdt(void);
/*
 * Where the TSS of this processor says its I/O permission bitmap is (SDM 1 19.5.2): with PORT_MAP_HARDWARE
 * code in ring 3 uses the ports that domain 0 may without a trap, with PORT_MAP_NONE none. The processor
 * reads the word at every access, so that storing it is all.
 */
#define TSS_SIZE          128
#define PORT_MAP_HARDWARE TSS_SIZE
#define PORT_MAP_NONE     0xffff
DECLARE_PERCPU(uint16_t *, tss_port_map);
static inline void use_port_map(uint16_t where)
{
    *this_cpu(tss_port_map) = where;
}

/* Our own page tables and LDT: no guest's any more. */
void load_host_tables(void);
/* Points our LDT descriptor at the table, or loads a null LDT. */
void load_ldt(uint64_t base, unsigned int entries);

#endif
