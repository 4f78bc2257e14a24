/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest PV guest: its first instructions put it to sleep for good. What libxenctrl makes in `make bench`. */
    .macro note type, desc:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \desc
2:  .balign 4
    .popsection
    .endm

    note 6, .asciz "sleeper"                    /* XEN_ELFNOTE_GUEST_OS */
    note 5, .asciz "xen-3.0"                    /* XEN_ELFNOTE_XEN_VERSION */
    note 8, .asciz "generic"                    /* XEN_ELFNOTE_LOADER */
    note 3, .quad 0xffffffff80000000            /* XEN_ELFNOTE_VIRT_BASE */
    note 4, .quad 0                             /* XEN_ELFNOTE_PADDR_OFFSET */
    note 1, .quad _start                        /* XEN_ELFNOTE_ENTRY */
    note 2, .quad hypercalls                    /* XEN_ELFNOTE_HYPERCALL_PAGE */
    note 10, .asciz "!writable_page_tables|pae_pgdir_above_4gb" /* XEN_ELFNOTE_FEATURES */

    .text
    .globl _start
_start:
    lea nothing(%rip), %rsi
    mov $3, %edi                                /* SCHEDOP_poll: no port, no time */
    mov $29, %eax                               /* __HYPERVISOR_sched_op */
    syscall
    jmp _start
    .balign 8
nothing:
    .quad 0, 0, 0
    .balign 4096
hypercalls:
    .skip 4096
    .section .note.GNU-stack, "", @progbits
