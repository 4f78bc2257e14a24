/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processor's registers, bit by bit, and its model-specific registers, number by number: for C and assembly, and the only place for them. The names are the
 * manuals' (SDM: Intel's, by volume; APM: AMD's), MSRs without IA32_ before them.
 */
#ifndef ARCH_X86_REGISTERS_H
#define ARCH_X86_REGISTERS_H

#include "hv/const.h"

/* RFLAGS (SDM 1 3.4.3) */
#define EFLAGS_CF    BIT(0)
#define EFLAGS_FIXED BIT(1) /* reads as one */
#define EFLAGS_PF    BIT(2)
#define EFLAGS_AF    BIT(4)
#define EFLAGS_ZF    BIT(6)
#define EFLAGS_SF    BIT(7)
#define EFLAGS_TF    BIT(8)
#define EFLAGS_IF    BIT(9)
#define EFLAGS_DF    BIT(10)
#define EFLAGS_OF    BIT(11)
#define EFLAGS_IOPL  (UL(3) << EFLAGS_IOPL_SHIFT)
#define EFLAGS_NT    BIT(14)
#define EFLAGS_RF    BIT(16)
#define EFLAGS_VM    BIT(17)
#define EFLAGS_AC    BIT(18)
#define EFLAGS_VIF   BIT(19)
#define EFLAGS_VIP   BIT(20)
#define EFLAGS_ID    BIT(21)

#define EFLAGS_IOPL_SHIFT 12
/* The status flags, which arithmetic sets (SDM 1 3.4.3.1). */
#define EFLAGS_STATUS (EFLAGS_CF | EFLAGS_PF | EFLAGS_AF | EFLAGS_ZF | EFLAGS_SF | EFLAGS_OF)

/* CR0 (SDM 3A 2.5) */
#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

/* CR4 (SDM 3A 2.5) */
#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_SMXE       BIT(14)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)
#define CR4_CET        BIT(23)

/* XCR0: state components (SDM 1 13.1, 13.3) */
#define XCR0_X87       BIT(0)
#define XCR0_SSE       BIT(1)
#define XCR0_AVX       BIT(2)
#define XCR0_OPMASK    BIT(5)
#define XCR0_ZMM_HI256 BIT(6)
#define XCR0_HI16_ZMM  BIT(7)
#define XCR0_AVX512    (XCR0_OPMASK | XCR0_ZMM_HI256 | XCR0_HI16_ZMM) /* all of it or none */

/* DR6, DR7 (SDM 3B 17.2.3, 17.2.4): what is fixed is also all that they hold after a reset (SDM 3A table 9-1). */
#define DR6_B         UL(0xf)
#define DR6_BD        BIT(13)
#define DR6_BS        BIT(14)
#define DR6_BT        BIT(15)
#define DR6_FIXED_ONE UL(0xffff0ff0)
#define DR7_ENABLE    UL(0xff) /* the four L and G */
#define DR7_FIXED_ONE UL(0x400)
#define DR7_GD        BIT(13)

/* MSRs (SDM 4 table 2-2; APM 2 appendix A) */
#define MSR_TSC               0x10
#define MSR_PLATFORM_ID       0x17
#define MSR_APIC_BASE         0x1b
#define MSR_FEATURE_CONTROL   0x3a
#define MSR_TSC_ADJUST        0x3b
#define MSR_SPEC_CTRL         0x48
#define MSR_PRED_CMD          0x49
#define MSR_BIOS_SIGN_ID      0x8b /* AMD: PATCH_LEVEL */
#define MSR_PLATFORM_INFO     0xce
#define MSR_MTRRCAP           0xfe
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_FLUSH_CMD         0x10b
#define MSR_SYSENTER_CS       0x174
#define MSR_SYSENTER_ESP      0x175
#define MSR_SYSENTER_EIP      0x176
#define MSR_MCG_CAP           0x179
#define MSR_MCG_STATUS        0x17a
#define MSR_MCG_CTL           0x17b
#define MSR_PERFEVTSEL0       0x186
#define MSR_MISC_ENABLE       0x1a0
#define MSR_DEBUGCTL          0x1d9
#define MSR_PAT               0x277
#define MSR_MTRR_DEF_TYPE     0x2ff
#define MSR_PERF_GLOBAL_CTRL  0x38f
#define MSR_MC0_CTL           0x400
#define MSR_TSC_DEADLINE      0x6e0
#define MSR_X2APIC_BASE       0x800
#define MSR_XSS               0xda0
#define MSR_EFER              0xc0000080
#define MSR_STAR              0xc0000081
#define MSR_LSTAR             0xc0000082
#define MSR_CSTAR             0xc0000083
#define MSR_FMASK             0xc0000084
#define MSR_FS_BASE           0xc0000100
#define MSR_GS_BASE           0xc0000101
#define MSR_KERNEL_GS_BASE    0xc0000102
#define MSR_TSC_AUX           0xc0000103
#define MSR_AMD_SYSCFG        0xc0010010
#define MSR_AMD_HWCR          0xc0010015
#define MSR_AMD_NB_CFG        0xc001001f
#define MSR_AMD_MMIO_CFG      0xc0010058
#define MSR_AMD_DE_CFG        0xc0011029

/* APIC_BASE (SDM 3A 10.4.4, 10.12.1) */
#define APIC_BASE_BSP             BIT(8)
#define APIC_BASE_EXTD            BIT(10)
#define APIC_BASE_ENABLE          BIT(11)
#define APIC_BASE_ADDRESS         UL(0xffffff000)
#define APIC_BASE_ADDRESS_DEFAULT UL(0xfee00000)

/* SPEC_CTRL, PRED_CMD (SDM 4 table 2-2) */
#define SPEC_CTRL_IBRS  BIT(0)
#define SPEC_CTRL_STIBP BIT(1)
#define PRED_CMD_IBPB   BIT(0)

/* EFER (SDM 3A 2.2.1; APM 2 3.1.7) */
#define EFER_SCE    BIT(0)
#define EFER_LME    BIT(8)
#define EFER_LMA    BIT(10)
#define EFER_NXE    BIT(11)
#define EFER_SVME   BIT(12)
#define EFER_FFXSR  BIT(14)
#define EFER_AIBRSE BIT(21)

#endif
