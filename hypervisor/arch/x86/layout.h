/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's range of virtual addresses, 16 slots of the top-level page table (512 GiB each), which the PV interface reserves
 * (xen/arch-x86/xen-x86_64.h: HYPERVISOR_VIRT_START..END). Everything else belongs to the PV guest.
 *
 *   slot 256  0xffff800000000000  M2P as the guest sees it: read-only, user-accessible (the interface says 256 GiB)
 *   slot 257  0xffff808000000000  image at the start; then stacks, I/O mappings, M2P as we write it, frame table (each in its own part)
 *   slot 258  0xffff810000000000  M2P, writable
 *   slot 259  0xffff818000000000  frame table
 *   slot 260  0xffff820000000000  per-domain area: descriptor tables of the running domain's vcpus (each domain has its own L3)
 *   slot 261  unused (guard)
 *   slot 262..271 0xffff830000000000  direct map of all RAM: 5 TiB
 */
#ifndef ARCH_X86_LAYOUT_H
#define ARCH_X86_LAYOUT_H

#include "hv/const.h"

#define HYPERVISOR_START UL(0xffff800000000000)
#define HYPERVISOR_END   UL(0xffff880000000000)
#define HYPERVISOR_SLOT  256
#define HYPERVISOR_SLOTS 16

#define M2P_RO_START UL(0xffff800000000000)
#define IMAGE_START  UL(0xffff808000000000)
/* Within reach of the image's 32-bit displacements. */
#define STACKS_START      UL(0xffff808010000000)
#define IOMAP_START       UL(0xffff80a000000000)
#define IOMAP_SIZE        UL(0x1000000000)
#define M2P_RW_START      UL(0xffff810000000000)
#define FRAME_TABLE_START UL(0xffff818000000000)
#define PERDOMAIN_START   UL(0xffff820000000000)
#define PERDOMAIN_SLOT    260
#define DIRECT_MAP_START  UL(0xffff830000000000)

/* Selectors of ours, in the GDT pages that guests must leave alone (xen.h: FIRST_RESERVED_GDT_*). */
#define HV_CS      0xe008
#define HV_DS      0xe010
#define GUEST_CS32 0xe023
#define GUEST_DS   0xe02b
#define GUEST_CS64 0xe033
#define HV_TSS     0xe040
#define HV_LDT     0xe050

#endif
