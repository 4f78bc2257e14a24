/* SPDX-License-Identifier: MIT */
/*
 * Entry of a 64-bit PV guest: ELF notes, first instruction, trap stubs, and the way back through the iret
 * hypercall. Layouts: <xen/arch-x86/xen-x86_64.h> (struct iret_context) and kit/arch/regs.h.
 */
#define __ASSEMBLY__
#include <xen/elfnote.h>
#include <xen/xen.h>

#define STACK_SIZE 16384
#define REGS_SIZE  (22 * 8)

.macro note type, desc:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 92f - 91f, \type
    .asciz "Xen"
91: \desc
92: .balign 4
    .popsection
.endm

    note XEN_ELFNOTE_GUEST_OS, .asciz "xenios-kit"
    note XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
    note XEN_ELFNOTE_LOADER, .asciz "generic"
    note XEN_ELFNOTE_VIRT_BASE, .quad 0xffffffff80000000
    note XEN_ELFNOTE_PADDR_OFFSET, .quad 0
    note XEN_ELFNOTE_ENTRY, .quad _start
    note XEN_ELFNOTE_HYPERCALL_PAGE, .quad kit_hypercall_page
    note XEN_ELFNOTE_FEATURES, .asciz "!writable_page_tables|pae_pgdir_above_4gb"
    note XEN_ELFNOTE_SUPPORTED_FEATURES, .long (1 << 11) | (1 << 0) | (1 << 4)

    .section .text.entry, "ax"
    .globl _start
_start:
    cld
    mov %rsi, kit_start_info(%rip)
    mov %rsp, kit_entry_rsp(%rip)
    pushfq
    popq kit_entry_rflags(%rip)
    lea kit_boot_stack + STACK_SIZE(%rip), %rsp
    xor %ebp, %ebp
    call kit_start
    ud2

    .text
    .balign 4096
    .globl kit_hypercall_page
kit_hypercall_page:
    .skip 4096

/*
 * Stubs. On entry the stack holds rcx, r11, [error code,] rip, cs, rflags, rsp, ss. One stub takes 32 bytes, so
 * that its address is a multiplication.
 */
.macro stub vector, has_error
    .balign 32
    pop %rcx
    pop %r11
    .if \has_error == 0
    pushq $0
    .endif
    pushq $\vector
    jmp kit_trap_common
.endm

    .balign 32
    .globl kit_trap_stubs
kit_trap_stubs:
    .set v, 0
    .rept 256
    .if v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21
    stub v, 1
    .else
    stub v, 0
    .endif
    .set v, v + 1
    .endr

    .balign 32
    .globl kit_trap_stubs_no_error
kit_trap_stubs_no_error:
    .set v, 0
    .rept 262
    stub v, 0
    .set v, v + 1
    .endr

/* The failsafe frame has ds, es, fs and gs between r11 and rip. */
    .balign 32
    .globl kit_failsafe_stub
kit_failsafe_stub:
    pop %rcx
    pop %r11
    popq kit_failsafe_selectors(%rip)
    popq kit_failsafe_selectors + 8(%rip)
    popq kit_failsafe_selectors + 16(%rip)
    popq kit_failsafe_selectors + 24(%rip)
    pushq $0
    pushq $258
    jmp kit_trap_common

kit_trap_common:
    cld
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call kit_trap
    mov %rbx, %rsp
restore:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $16, %rsp
    pushq $0                    /* VGCF flags: restore everything */
    jmp kit_hypercall_page + __HYPERVISOR_iret * 32

    .globl kit_resume
kit_resume:
    sub $REGS_SIZE, %rsp
    mov %rdi, %rsi
    mov %rsp, %rdi
    mov $(REGS_SIZE / 8), %ecx
    rep movsq
    jmp restore

    .globl kit_setjmp
kit_setjmp:
    mov (%rsp), %rax
    lea 8(%rsp), %rdx
    mov %rbx, (%rdi)
    mov %rbp, 8(%rdi)
    mov %r12, 16(%rdi)
    mov %r13, 24(%rdi)
    mov %r14, 32(%rdi)
    mov %r15, 40(%rdi)
    mov %rdx, 48(%rdi)
    mov %rax, 56(%rdi)
    xor %eax, %eax
    ret

    .globl kit_longjmp
kit_longjmp:
    mov (%rdi), %rbx
    mov 8(%rdi), %rbp
    mov 16(%rdi), %r12
    mov 24(%rdi), %r13
    mov 32(%rdi), %r14
    mov 40(%rdi), %r15
    mov 48(%rdi), %rsp
    mov $1, %eax
    jmp *56(%rdi)

    .section .note.GNU-stack, "", @progbits
