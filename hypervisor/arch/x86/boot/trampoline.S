/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a processor starts: copied to a page below 1 MiB, entered in real mode at its first byte with CS = page >> 4 (SDM 3A 8.4.3).
 * Through protected mode into long mode, on page tables that map this page at its own address, then to smp_entry in the image.
 * Everything is addressed relative to the page: EBX holds its address from 32-bit mode on.
 * The words at trampoline_data are filled in by arch/x86/smp.c (struct trampoline_data).
 */
#include "arch/x86/registers.h"
#include "arch/x86/tables.h"

#define OFFSET(x) ((x) - trampoline_start)
#define CODE32 8
#define DATA32 16
#define CODE64 24

    .section .rodata, "a"
    .globl trampoline_start, trampoline_end, trampoline_data
    .balign 16
    .code16
trampoline_start:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    xorl %ebx, %ebx
    movw %ax, %bx
    shll $4, %ebx
    /* Linear addresses of the descriptor table and of the two far jumps' targets. */
    addl %ebx, OFFSET(gdt_pointer) + 2
    addl %ebx, OFFSET(far32)
    addl %ebx, OFFSET(far64)
    lgdtl OFFSET(gdt_pointer)
    movl $CR0_PE, %eax
    movl %eax, %cr0
    ljmpl *OFFSET(far32)

    .code32
protected:
    movw $DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl OFFSET(data_cr4)(%ebx), %eax
    movl %eax, %cr4
    movl OFFSET(data_cr3)(%ebx), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl OFFSET(data_efer)(%ebx), %eax
    xorl %edx, %edx
    wrmsr
    movl OFFSET(data_cr0)(%ebx), %eax
    movl %eax, %cr0
    ljmpl *OFFSET(far64)(%ebx)

    .code64
long_mode:
    xorl %eax, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movq OFFSET(data_stack)(%rbx), %rsp
    movl OFFSET(data_cpu)(%rbx), %edi
    movq OFFSET(data_root)(%rbx), %rcx
    jmpq *OFFSET(data_entry)(%rbx)

    .balign 8
gdt:
    .quad 0
    .quad DESC_FLAT_CODE32 | DESC_ACCESSED
    .quad DESC_FLAT_DATA | DESC_ACCESSED
    .quad DESC_FLAT_CODE64 | DESC_ACCESSED
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long OFFSET(gdt)
    .balign 4
far32:
    .long OFFSET(protected)
    .word CODE32
    .balign 4
far64:
    .long OFFSET(long_mode)
    .word CODE64
    .balign 8
trampoline_data:
data_stack: .quad 0
data_root:  .quad 0
data_entry: .quad 0
data_cpu:   .long 0
data_cr0:   .long 0
data_cr3:   .long 0
data_cr4:   .long 0
data_efer:  .long 0
    .balign 8
trampoline_end:

/* In the image now: RCX the root to use from here on, EDI the processor's number. */
    .text
    .globl smp_entry
    .hidden smp_entry
smp_entry:
    movq %rcx, %cr3
    xorl %ebp, %ebp
    call smp_start_secondary
    ud2
    .section .note.GNU-stack, "", @progbits
