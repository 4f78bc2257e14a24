/* SPDX-License-Identifier: MIT */
/*
 * The processor's numbers and the PC's ports, as far as guests have to do with them: the only place for them in the kit and in what is built with it. The names are the manuals'
 * (SDM: Intel's, by volume; APM: AMD's), MSRs without IA32_ before them. Page table bits: kit/mm.h.
 */
#ifndef KIT_ARCH_REGISTERS_H
#define KIT_ARCH_REGISTERS_H

/* RFLAGS (SDM 1 3.4.3) */
#define EFLAGS_FIXED  0x2UL /* reads as one */
#define EFLAGS_TF     0x100UL
#define EFLAGS_IF     0x200UL
#define EFLAGS_DF     0x400UL
#define EFLAGS_IOPL   0x3000UL
#define EFLAGS_NT     0x4000UL
#define EFLAGS_VM     0x20000UL
#define EFLAGS_AC     0x40000UL
#define EFLAGS_VIF    0x80000UL
#define EFLAGS_VIP    0x100000UL
#define EFLAGS_ID     0x200000UL
#define EFLAGS_STATUS 0x8d5UL /* CF, PF, AF, ZF, SF, OF: what arithmetic sets */

/* CR0, CR4 (SDM 3A 2.5) */
#define CR0_PE         0x1UL
#define CR0_TS         0x8UL
#define CR0_WP         0x10000UL
#define CR0_PG         0x80000000UL
#define CR4_TSD        0x4UL
#define CR4_DE         0x8UL
#define CR4_PAE        0x20UL
#define CR4_PGE        0x80UL
#define CR4_OSFXSR     0x200UL
#define CR4_OSXMMEXCPT 0x400UL
#define CR4_FSGSBASE   0x10000UL
#define CR4_OSXSAVE    0x40000UL

/* DR6, DR7: what they hold after a reset (SDM 3A table 9-1) */
#define DR6_FIXED_ONE 0xffff0ff0UL
#define DR7_FIXED_ONE 0x400UL

/* MSRs (SDM 4 table 2-2; APM 2 appendix A) */
#define MSR_TSC               0x10
#define MSR_PLATFORM_ID       0x17
#define MSR_APIC_BASE         0x1b
#define MSR_PLATFORM_INFO     0xce
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_SYSENTER_CS       0x174
#define MSR_SYSENTER_ESP      0x175
#define MSR_SYSENTER_EIP      0x176
#define MSR_PAT               0x277
#define MSR_MTRR_DEF_TYPE     0x2ff
#define MSR_XSS               0xda0
#define MSR_EFER              0xc0000080
#define MSR_LSTAR             0xc0000082
#define MSR_CSTAR             0xc0000083
#define MSR_STAR              0xc0000081
#define MSR_FMASK             0xc0000084
#define MSR_FS_BASE           0xc0000100
#define MSR_GS_BASE           0xc0000101
#define MSR_KERNEL_GS_BASE    0xc0000102

/* APIC_BASE (SDM 3A 10.4.4), EFER (SDM 3A 2.2.1) */
#define APIC_BASE_BSP    0x100UL
#define APIC_BASE_ENABLE 0x800UL
#define EFER_SCE         0x1UL
#define EFER_LME         0x100UL
#define EFER_LMA         0x400UL
#define EFER_NXE         0x800UL
#define EFER_SVME        0x1000UL

/* Exceptions (SDM 3A table 6-1), a page fault's error code (SDM 3A 4.7) */
#define VECTOR_DE    0
#define VECTOR_DB    1
#define VECTOR_NMI   2
#define VECTOR_BP    3
#define VECTOR_OF    4
#define VECTOR_BR    5
#define VECTOR_UD    6
#define VECTOR_NM    7
#define VECTOR_NP    11
#define VECTOR_SS    12
#define VECTOR_GP    13
#define VECTOR_PF    14
#define VECTOR_MF    16
#define VECTOR_XM    19
#define VECTOR_INT80 0x80 /* Linux's system call by INT n */
#define PF_PRESENT   0x1
#define PF_WRITE     0x2
#define PF_USER      0x4
#define PF_FETCH     0x10

/* Ports (ICH9 data sheet 13; PCI 3.0, 3.2.2.3.2). Of 0x80, where firmware shows its progress, nothing depends. */
#define PORT_PIC_MASTER      0x20
#define PORT_PIC_MASTER_DATA 0x21
#define PORT_PIC_SLAVE       0xa0
#define PORT_PIC_SLAVE_DATA  0xa1
#define PORT_PIT_COUNTER     0x40
#define PORT_PIT_CONTROL     0x43
#define PORT_NMI_SC          0x61
#define PORT_RTC_INDEX       0x70
#define PORT_RTC_DATA        0x71
#define PORT_POST            0x80
#define PORT_COM1            0x3f8
#define PORT_COM1_LSR        0x3fd
#define PORT_PCI_ADDRESS     0xcf8
#define PORT_PCI_DATA        0xcfc
#define PCI_ADDRESS_ENABLE   0x80000000

#endif
