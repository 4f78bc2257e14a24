/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The doors. A guest's registers are pushed straight into its struct vcpu: TSS.RSP0 (and the SYSCALL gate) point at the end of vcpu.regs, whose
 * layout is struct cpu_user_regs of the public headers. C then runs on the processor's own stack, from its top; nothing on it survives the
 * way out, so the scheduler may change the current vcpu in between and the exit takes whichever is current then.
 *
 * A trap inside the hypervisor is pushed on the stack in use and comes back there.
 *
 * Stub for vector n: pushes an error code where the processor did not, and the vector beside it. 16 bytes each, so that the table needs no data.
 */
#include "arch/x86/layout.h"
#include "arch/x86/patch.h"
#include "arch/x86/registers.h"
#include "arch/x86/split_root.h"
#include "arch/x86/stack.h"
#include "arch/x86/vectors.h"
#include "offsets.h"

        .section .entry.text, "ax"

.macro push_general
        pushq   %rdi
        pushq   %rsi
        pushq   %rdx
        pushq   %rcx
        pushq   %rax
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
.endm

.macro pop_general
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rax
        popq    %rcx
        popq    %rdx
        popq    %rsi
        popq    %rdi
.endm

/* A guest's values must not steer what we do speculatively (docs/design/speculation.md). All but rdi; clear_scratch: and but rsi, rbp, r12. */
.macro clear_scratch
        xorl    %eax, %eax
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        xorl    %ebx, %ebx
        xorl    %r8d, %r8d
        xorl    %r9d, %r9d
        xorl    %r10d, %r10d
        xorl    %r11d, %r11d
        xorl    %r13d, %r13d
        xorl    %r14d, %r14d
        xorl    %r15d, %r15d
.endm

.macro clear_general
        clear_scratch
        xorl    %esi, %esi
        xorl    %ebp, %ebp
        xorl    %r12d, %r12d
.endm

/* With a guest's EFLAGS.AC, or inside a copy from or to a guest, SMAP would be off in the handler. */
.macro close_user_access
        patchable PATCH_SMAP, 3, "", "clac"
.endm

/* Return addresses of a guest's making are predicted as long as 32 calls have not put ours there; with SMEP they lead nowhere. Clobbers rax. */
.macro fill_return_stack
        patchable PATCH_FILL_RETURN_STACK, 2, "jmp 9f", ""
        movl    $32, %eax
1:      call    2f
        int3                            /* where a mispredicted return stops */
2:      decl    %eax
        jnz     1b
        addq    $(32 * 8), %rsp
9:
.endm

        .set    root_from_regs, VCPU_root_from_regs     /* for strings, in which macros are not replaced */

/* From the copy of the guest's root to the full one; rdi: vcpu.regs, in which the registers are saved. */
.macro use_full_root
        patchable PATCH_SPLIT_ROOT, 10, "", "movq root_from_regs(%rdi), %rax; movq %rax, %cr3"
.endm

/* The rest of a guest's registers, on the end of which the stack pointer is; from here on rdi is vcpu.regs. */
.macro save_guest
        push_general
        movq    %rsp, %rdi
        use_full_root
.endm

/* From there to the processor's own stack, with nothing of the guest's left in the registers but rdi. */
.macro use_own_stack
        movq    VCPU_stack_from_regs(%rdi), %rsp
        fill_return_stack
        clear_general
.endm

/* As use_full_root, where the processor may have been on any root. The one that it was on stays in r12. */
.macro use_full_root_on_ist
        movq    %cr3, %r12
        movq    %rsp, %rax
        andq    $-STACK_SIZE, %rax
        cmpq    SPLIT_COPIES(%rax), %r12
        je      8f
        cmpq    SPLIT_COPIES + 8(%rax), %r12
        jne     9f
8:      movq    SPLIT_FULL(%rax), %rax
        movq    %rax, %cr3
9:
.endm

        .balign 16
        .globl  entry_stubs
        .hidden entry_stubs
entry_stubs:
vector = 0
.rept 256
        .balign 16
        /* The processor pushes an error code for these. */
        .if (vector < EXCEPTIONS) && ((EXCEPTIONS_WITH_ERROR_CODE | BIT(VECTOR_VC) | BIT(VECTOR_SX)) & (1 << (vector & 31)))
        .else
        pushq   $0
        .endif
        movl    $vector, 4(%rsp)
        .if (vector == VECTOR_DB) || (vector == VECTOR_NMI) || (vector == VECTOR_DF) || (vector == VECTOR_MC)
        jmp     entry_ist
        .else
        jmp     entry_common
        .endif
        vector = vector + 1
.endr

        .balign 64
entry_common:
        testb   $3, REGS_cs - REGS_error(%rsp)
        jz      entry_from_hypervisor
        cld
        save_guest
entry_from_guest:
        use_own_stack
        leaq    -VCPU_regs(%rdi), %rdi
        call    guest_trap
        /* Falls through. */

/* Leaves for whichever vcpu is current when the work on the way out is done. */
        .globl  leave_to_guest
        .hidden leave_to_guest
leave_to_guest:
        call    prepare_exit            /* the vcpu to run; interrupts are off */
        patchable PATCH_EXIT_WORK, 5, "", "jmp 3f"
4:      leaq    VCPU_regs(%rax), %rsp
        pop_general
        addq    $8, %rsp                /* error code and vector */
        .globl  exit_iretq
        .hidden exit_iretq
exit_iretq:
        iretq
3:      patchable PATCH_SPLIT_ROOT, 2, "jmp 2f", ""
        movq    %rax, %rdi
        call    leave_full_root         /* the vcpu, and in rdx what it is to run on */
        movq    %rdx, %cr3
2:      patchable PATCH_CLEAR_BUFFERS, 2, "jmp 4b", ""
        verw    spec_verw_selector(%rip)
        jmp     4b

/* SYSCALL: the per-processor gate (desc.c) has switched to the end of vcpu.regs and pushed SS, RSP, RFLAGS, CS, RIP, and 0. */
        .globl  entry_syscall
        .hidden entry_syscall
entry_syscall:
        save_guest
        use_own_stack
        cmpb    $0, VCPU_kernel_mode_from_regs(%rdi)
        leaq    -VCPU_regs(%rdi), %rdi
        je      1f
        call    guest_hypercall
        jmp     leave_to_guest
1:      call    guest_syscall
        jmp     leave_to_guest

/* The same from 32-bit code (AMD). */
        .globl  entry_syscall32
        .hidden entry_syscall32
entry_syscall32:
        save_guest
        use_own_stack
        leaq    -VCPU_regs(%rdi), %rdi
        call    guest_syscall32
        jmp     leave_to_guest

/* SYSENTER: the gate has pushed what there is. The instruction masks no flags: those that would disturb us, NT above all, are cleared here. */
        .globl  entry_sysenter
        .hidden entry_sysenter
entry_sysenter:
        save_guest
        movq    VCPU_stack_from_regs(%rdi), %rsp
        pushq   $EFLAGS_FIXED
        popfq
        fill_return_stack
        clear_general
        leaq    -VCPU_regs(%rdi), %rdi
        call    guest_sysenter
        jmp     leave_to_guest

entry_from_hypervisor:
        cld
        close_user_access
        push_general
        movq    %rsp, %rdi
        leaq    exit_iretq(%rip), %rax
        cmpq    %rax, REGS_rip(%rdi)
        je      exit_fault
        movq    %rsp, %rbp
        andq    $-16, %rsp
        call    hypervisor_trap
        movq    %rbp, %rsp
        pop_general
        addq    $8, %rsp
        iretq

/*
 * IRET to the guest faulted. The stack pointer was in vcpu.regs, so the frame was pushed into vcpu.exit_fault_room and what lies below; the saved stack
 * pointer leads to the vcpu: it is the address of regs.rip.
 */
exit_fault:
        movq    REGS_rsp(%rdi), %rsi
        subq    $(VCPU_regs + REGS_rip), %rsi   /* the vcpu */
        cmpb    $0, split_root_on(%rip)
        je      1f
        movq    (VCPU_regs + VCPU_root_from_regs)(%rsi), %rax
        movq    %rax, %cr3
1:      movq    (VCPU_regs + VCPU_stack_from_regs)(%rsi), %rsp
        xchgq   %rdi, %rsi
        clear_scratch
        xorl    %ebp, %ebp
        xorl    %r12d, %r12d
        call    guest_exit_fault        /* (vcpu, frame) */
        jmp     leave_to_guest

/* The frame that the stack pointer leads to, to the current vcpu's regs, whose address is then in rdi. */
.macro move_frame_to_vcpu
        movq    %rsp, %rsi
        orq     $(STACK_SIZE - 1), %rsi
        movq    1 - STACK_TOP_SIZE(%rsi), %rdi  /* stack_top.current */
        leaq    VCPU_regs(%rdi), %rdi
        movq    %rdi, %rdx
        movq    %rsp, %rsi
        movl    $(REGS_es / 8), %ecx
        rep movsq
        movq    %rdx, %rdi
.endm

/* What was moved from the door, and ends at rsi, is not left there for guests to read (docs/design/speculation.md). Clobbers rax, rcx; keeps rdi. */
.macro wipe_door
        movq    %rdi, %rdx
        leaq    -REGS_es(%rsi), %rdi
        movl    $(REGS_es / 8), %ecx
        xorl    %eax, %eax
        rep stosq
        movq    %rdx, %rdi
.endm

/* From the door, which is in the block's first page, to the stack that belongs to it, with what a guest may have left in the registers gone but rdi and r12. */
.macro use_work_stack
        movq    %rsp, %rax
        andq    $-STACK_SIZE, %rax
        movl    %esp, %ecx
        shrl    $IST_DOOR_SHIFT, %ecx
        andl    $3, %ecx
        shll    $IST_WORK_SHIFT, %ecx
        leaq    (IST_WORK_START + IST_WORK_SIZE)(%rax, %rcx), %rsp
        fill_return_stack
        clear_scratch
        xorl    %esi, %esi
.endm

        .set    FRAME_ROOM, (REGS_es + 15) & -16

/*
 * Vectors with a stack of their own. From a guest: the frame leaves the door for the vcpu before anything else, since the next of the kind, which a machine check's
 * handler allows and an IRET allows an NMI, would wipe it; the ordinary stack is empty then, and the guest is left by the common way only: another of its vcpus may
 * have taken the segment away under it, and then IRET faults.
 * From the hypervisor: the frame leaves the door for the stack behind it, unless it was one of the few instructions that run on a copy of a guest's root: they have the guest's values in the
 * registers, and must be gone back to on that root.
 */
entry_ist:
        cld
        close_user_access
        push_general
        use_full_root_on_ist
        testb   $3, REGS_cs(%rsp)
        jz      ist_from_hypervisor
        move_frame_to_vcpu
        wipe_door
        cmpl    $VECTOR_DB, REGS_vector(%rdi)
        je      entry_from_guest
        use_own_stack
        call    hypervisor_trap
        jmp     leave_to_guest
ist_from_hypervisor:
        movq    %rsp, %rdi
        movq    %rsp, %rbp
        use_work_stack
        movq    %cr3, %rax
        cmpq    %rax, %r12
        je      ist_from_full_root
        call    hypervisor_trap
        movq    %rbp, %rsp
        movq    %r12, %cr3
        pop_general
        addq    $8, %rsp
        iretq
ist_from_full_root:
        subq    $FRAME_ROOM, %rsp
        movq    %rsp, %rdi
        movq    %rbp, %rsi
        movl    $(REGS_es / 8), %ecx
        rep movsq
        wipe_door
        movq    %rsp, %rdi
        movq    %rsp, %rbp
        call    hypervisor_trap
        movq    %rbp, %rsp
        pop_general
        addq    $8, %rsp
        iretq

/* Retpolines and return thunks (docs/design/speculation.md). */
.macro retpoline reg
        .globl  __x86_indirect_thunk_\reg
        .hidden __x86_indirect_thunk_\reg
        .globl  __llvm_retpoline_\reg
        .hidden __llvm_retpoline_\reg
__x86_indirect_thunk_\reg:
__llvm_retpoline_\reg:
        patchable PATCH_PLAIN_BRANCHES, 5, "call 2f", "jmp *%\reg"
1:      pause
        lfence
        jmp     1b
2:      movq    %\reg, (%rsp)
        ret
.endm
        .irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        retpoline \reg
        .endr

        .globl  __x86_return_thunk
        .hidden __x86_return_thunk
__x86_return_thunk:
        ret
        int3
        .section .note.GNU-stack, "", @progbits
