/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first instructions: from the loader's 32-bit flat mode to 64-bit code at the linked address.
 *
 * Multiboot 1 and 2 enter here alike (magic in EAX, information in EBX). The first page tables map, with 2 MiB pages: the first 4 GiB one to one
 * (dropped by arch/x86/hostmap.c), the same 4 GiB in the direct map, and the first 1 GiB at IMAGE_START. hostmap.c replaces all of it.
 */
#include "arch/x86/layout.h"
#include "arch/x86/pc_ports.h"
#include "arch/x86/registers.h"
#include "arch/x86/stack.h"
#include "arch/x86/tables.h"

#define PHYS(symbol) ((symbol) - IMAGE_START)

#define TABLE (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)

        .section .boot.header, "a"
        .balign 4
multiboot1_header:
        .long 0x1BADB002
        .long 3                         /* modules page-aligned, memory information wanted */
        .long -(0x1BADB002 + 3)

        .balign 8
multiboot2_header:
        .long 0xE85250D6
        .long 0                         /* i386, protected mode */
        .long multiboot2_end - multiboot2_header
        .long -(0xE85250D6 + (multiboot2_end - multiboot2_header))
        .balign 8
        .short 1, 1                     /* information request, optional: command line, modules, memory map, RSDPs, EFI map and table, framebuffer */
        .long 8 + 4 * 8
        .long 1, 3, 6, 14, 15, 17, 12, 8
        .balign 8
        /*
         * No framebuffer tag (5): with it, GRUB would switch to graphics on a BIOS, too, and we would have lost the text screen. Where there is
         * EFI, and so no text mode, GRUB sets a mode that its gfxpayload names, and says so in the information, without being asked.
         */
        .short 6, 0                     /* modules on page boundaries */
        .long 8
        .balign 8
        .short 4, 1                     /* console: the loader may keep text mode */
        .long 12
        .long 2
        .balign 8
        .short 0, 0
        .long 8
multiboot2_end:

        .section .boot.text, "ax"
        .code32
        .globl boot_entry
boot_entry:
        cld
        cli
        movl    $PHYS(boot_stack + STACK_SIZE - STACK_TOP_SIZE), %esp
        movl    %eax, %esi
        movl    %ebx, %edi

        movl    $0x80000000, %eax
        cpuid
        cmpl    $0x80000001, %eax
        jb      no_long_mode
        movl    $0x80000001, %eax
        cpuid
        btl     $29, %edx               /* LM */
        jnc     no_long_mode
        movl    %edx, %ebp

        /* Four page directories of 2 MiB pages for the first 4 GiB. */
        movl    $PHYS(boot_l2), %ecx
        movl    $(TABLE | PTE_LARGE), %eax
        xorl    %edx, %edx
1:      movl    %eax, (%ecx)
        movl    $0, 4(%ecx)
        addl    $8, %ecx
        addl    $0x200000, %eax
        incl    %edx
        cmpl    $2048, %edx
        jb      1b

        movl    $PHYS(boot_l3_low), %ecx
        movl    $(PHYS(boot_l2) + TABLE), %eax
        movl    $4, %edx
2:      movl    %eax, (%ecx)
        movl    $0, 4(%ecx)
        addl    $8, %ecx
        addl    $4096, %eax
        decl    %edx
        jnz     2b

        movl    $(PHYS(boot_l2) + TABLE), PHYS(boot_l3_image)
        movl    $(PHYS(boot_l3_low) + TABLE), PHYS(boot_l4)
        movl    $(PHYS(boot_l3_low) + TABLE), PHYS(boot_l4) + 262 * 8
        movl    $(PHYS(boot_l3_image) + TABLE), PHYS(boot_l4) + 257 * 8

        movl    %cr4, %eax
        orl     $(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT), %eax
        movl    %eax, %cr4
        movl    $PHYS(boot_l4), %eax
        movl    %eax, %cr3
        movl    $MSR_EFER, %ecx
        rdmsr
        orl     $(EFER_LME | EFER_SCE), %eax
        btl     $20, %ebp               /* NX */
        jnc     3f
        orl     $EFER_NXE, %eax
3:      wrmsr
        movl    $(CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
        movl    %eax, %cr0
        lgdtl   PHYS(boot_gdt_pointer)
        ljmpl   $8, $PHYS(boot_64)

no_long_mode:
        movl    $PHYS(no_long_mode_text), %esi
4:      lodsb
        testb   %al, %al
        jz      6f
        movb    %al, %bl
        movw    $(PORT_COM1 + UART_LSR), %dx
5:      inb     %dx, %al
        testb   $UART_LSR_THR_EMPTY, %al
        jz      5b
        movb    %bl, %al
        movw    $(PORT_COM1 + UART_THR), %dx
        outb    %al, %dx
        jmp     4b
6:      cli
        hlt
        jmp     6b

        .code64
boot_64:
        movabsq $boot_high, %rax
        jmpq    *%rax

        .text
boot_high:
        xorl    %eax, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    %eax, %fs
        movl    %eax, %gs
        leaq    boot_stack + STACK_SIZE - STACK_TOP_SIZE(%rip), %rsp
        movl    %esi, %esi
        movl    %edi, %edi
        xchgq   %rsi, %rdi              /* boot_main(magic, information) */
        xorl    %ebp, %ebp
        pushq   $0
        pushq   $0
        call    boot_main
        ud2

        .section .boot.text, "ax"
        .balign 8
boot_gdt:
        .quad 0
        .quad DESC_FLAT_CODE64
        .quad DESC_FLAT_DATA
boot_gdt_pointer:
        .word 23
        .long PHYS(boot_gdt)
no_long_mode_text:
        .asciz "(XEN) Cannot boot: this processor has no 64-bit mode. Xenios needs an x86-64 processor.\r\n"

        .section .bss.page_aligned, "aw", @nobits
        .balign STACK_SIZE
        .globl boot_stack
        .hidden boot_stack
boot_stack:
        .fill STACK_SIZE
        .globl boot_l4
        .hidden boot_l4
boot_l4:
        .fill 4096
boot_l3_low:
        .fill 4096
boot_l3_image:
        .fill 4096
boot_l2:
        .fill 4 * 4096
        .section .note.GNU-stack, "", @progbits
