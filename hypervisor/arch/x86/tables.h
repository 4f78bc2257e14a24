/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of the tables in memory that the processor reads, bit by bit, for C and assembly: page tables and descriptor tables. */
#ifndef ARCH_X86_TABLES_H
#define ARCH_X86_TABLES_H

#include "hv/const.h"

/* Page tables (SDM 3A 4.5, table 4-15 ff.) */
#define PTE_PRESENT  BIT(0)
#define PTE_WRITE    BIT(1)
#define PTE_USER     BIT(2)
#define PTE_PWT      BIT(3)
#define PTE_PCD      BIT(4)
#define PTE_ACCESSED BIT(5)
#define PTE_DIRTY    BIT(6)
#define PTE_LARGE    BIT(7) /* PAT in an L1 entry */
#define PTE_GLOBAL   BIT(8)
#define PTE_NX       BIT(63)
#define PTE_ADDRESS  UL(0x000ffffffffff000)

/* Descriptors (SDM 3A 3.4.5; system segments and gates: 3.5, table 3-2, 5.8.3.1) */
#define DESC_ACCESSED       BIT(40)
#define DESC_TYPE           (UL(0xf) << 40)
#define DESC_TYPE_CALL_GATE (UL(0xc) << 40)
#define DESC_TSS_BUSY       BIT(41)
#define DESC_S              BIT(44) /* code or data, as against gates, TSS and LDT */
#define DESC_DPL            (UL(3) << 45)
#define DESC_PRESENT        BIT(47)
#define GATE_RPL            (UL(3) << 16)
#define GATE_RESERVED       (UL(0xff) << 32) /* in 64-bit gates; there are no parameters to copy */

/* Present, for privilege level 0, all of the address space; code may be read, data written. */
#define DESC_FLAT_CODE32 UL(0x00cf9a000000ffff)
#define DESC_FLAT_CODE64 UL(0x00af9a000000ffff)
#define DESC_FLAT_DATA   UL(0x00cf92000000ffff)

/* The byte of type, DPL and presence, as bits 47 to 40 of a descriptor have it */
#define DESC_BYTE_LDT            0x82
#define DESC_BYTE_TSS            0x89
#define DESC_BYTE_INTERRUPT_GATE 0x8e
#define DESC_BYTE_DPL3           0x60

#endif
