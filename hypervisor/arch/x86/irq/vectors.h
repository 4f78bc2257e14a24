/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns which interrupt vector.
 *   0x00-0x1f  exceptions
 *   0x20-0x2f  the 8259s, masked: only their spurious interrupts can arrive
 *   0x30-0xef  devices, allocated per processor; not 0x80 and 0x82, which PV guests use for INT n
 *   0xf0-0xff  our own, the most urgent highest
 */
#ifndef ARCH_X86_IRQ_VECTORS_H
#define ARCH_X86_IRQ_VECTORS_H

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
