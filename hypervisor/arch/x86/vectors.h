/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns which vector.
 *   0x00-0x1f  exceptions, and their error codes
 *   0x20-0x2f  the 8259s, masked: only their spurious interrupts can arrive
 *   0x30-0xef  devices, allocated per processor; not 0x80 and 0x82, which PV guests use for INT n
 *   0xf0-0xff  our own, the most urgent highest
 */
#ifndef ARCH_X86_VECTORS_H
#define ARCH_X86_VECTORS_H

#include "hv/const.h"

/* Exceptions (SDM 3A table 6-1; VC and SX: APM 2 table 8-1) */
#define VECTOR_DE  0
#define VECTOR_DB  1
#define VECTOR_NMI 2
#define VECTOR_BP  3
#define VECTOR_OF  4
#define VECTOR_BR  5
#define VECTOR_UD  6
#define VECTOR_NM  7
#define VECTOR_DF  8
#define VECTOR_TS  10
#define VECTOR_NP  11
#define VECTOR_SS  12
#define VECTOR_GP  13
#define VECTOR_PF  14
#define VECTOR_MF  16
#define VECTOR_AC  17
#define VECTOR_MC  18
#define VECTOR_XM  19
#define VECTOR_CP  21
#define VECTOR_VC  29
#define VECTOR_SX  30
#define EXCEPTIONS 32 /* vectors that are the processor's */

/* One bit for each that pushes an error code on Intel's processors (SDM 3A table 6-1). */
#define EXCEPTIONS_WITH_ERROR_CODE                                                                           \
    (BIT(VECTOR_DF) | BIT(VECTOR_TS) | BIT(VECTOR_NP) | BIT(VECTOR_SS) | BIT(VECTOR_GP) | BIT(VECTOR_PF) |   \
     BIT(VECTOR_AC) | BIT(VECTOR_CP))

/* A page fault's error code (SDM 3A 4.7) */
#define PF_PRESENT 0x01
#define PF_WRITE   0x02
#define PF_USER    0x04
#define PF_RSVD    0x08
#define PF_FETCH   0x10

/* The others', whose upper bits are a selector (SDM 3A 6.13) */
#define ERROR_EXT 0x01
#define ERROR_IDT 0x02 /* of the IDT */
#define ERROR_TI  0x04 /* of the LDT */

#define VECTOR_8259         0x20
#define VECTOR_DEVICE_FIRST 0x30
#define VECTOR_DEVICE_LAST  0xef
#define VECTOR_INT80        0x80
#define VECTOR_INT82        0x82
#define VECTOR_CMCI         0xf6
#define VECTOR_THERMAL      0xf7
#define VECTOR_STOP         0xf8
#define VECTOR_TIMER        0xf9
#define VECTOR_TLB          0xfa
#define VECTOR_CALL         0xfb
#define VECTOR_KICK         0xfc
#define VECTOR_PERF         0xfd
#define VECTOR_ERROR        0xfe
#define VECTOR_SPURIOUS     0xff

#endif
