/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor's own address space: its range in every page table root, and how parts of it are made. */
#ifndef ARCH_X86_HOSTMAP_H
#define ARCH_X86_HOSTMAP_H

#include "arch/x86/tables.h"
#include "hv/frame.h"

#define MAP_DATA  (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL | PTE_NX)
#define MAP_CODE  (PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL)
#define MAP_CONST (PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL | PTE_NX)
#define MAP_UC    (MAP_DATA | PTE_PCD | PTE_PWT)

/*
 * Makes everything: direct map, image with exact rights, frame table, M2P; loads the new root; gives free RAM
 * to the heap. Panics if memory does not do.
 */
void hostmap_init(void);
/* RAM frames handed out so early that there is no heap; zeroed; never freed. */
void *boot_alloc(size_t bytes);
/* Frames of a boot module, once it is not needed any more. */
void hostmap_release_boot_range(paddr_t start, paddr_t end);
/* Physical address of the root that the idle vcpus run on. */
extern paddr_t host_root;
/* Copies our slots into a guest's L4 page (a domain's own per-domain slot included). */
struct domain;
void hostmap_fill_root(uint64_t *l4, uint64_t perdomain_entry);
/* The leaf entry that maps `va`, as one for a page of 4 KiB; 0: it is not mapped. */
uint64_t hostmap_entry(uint64_t va);
/* The L4 entry of the guest-readable M2P (layout.h). */
uint64_t hostmap_m2p_entry(void);
/* Maps the pages of the range at `va` in the hypervisor's range. -ENOMEM. */
int hostmap_map(uint64_t va, paddr_t pa, size_t bytes, uint64_t flags) __must_check;
void hostmap_unmap_page(uint64_t va);
/* Device registers, uncached. Never unmapped. NULL: no room. */
void *iomap(paddr_t pa, size_t bytes);
/* Firmware's tables and the like, cached, at any physical address. */
const void *bios_map(paddr_t pa, size_t bytes);
/* Physical memory of one page below 1 MiB for the start-up code of the other processors. */
extern paddr_t trampoline_page;
/* Is this page of the machine RAM that firmware reported as usable? */
bool is_ram(mfn_t mfn);

#endif
