/* SPDX-License-Identifier: MIT */
/*
 * Memory: the page allocator, the two translations, and page tables.
 *
 * The initial mapping is linear (virtual = KIT_VIRT_BASE + pfn * 4096) over the image, what the domain
 * builder put behind it, and a heap inside .bss. Page-table pages are mapped read-only there, so every table
 * that the kit makes can be read through it. Frames behind the initial mapping are handed out unmapped.
 */
#ifndef KIT_MM_H
#define KIT_MM_H

#include <kit/types.h>

#define KIT_VIRT_BASE 0xffffffff80000000UL

#define PTE_P    0x001UL
#define PTE_W    0x002UL
#define PTE_U    0x004UL
#define PTE_PWT  0x008UL
#define PTE_PCD  0x010UL
#define PTE_A    0x020UL
#define PTE_D    0x040UL
#define PTE_PSE  0x080UL /* PAT in a level 1 entry */
#define PTE_G    0x100UL
#define PTE_AVL  0xe00UL
#define PTE_NX   (1UL << 63)
#define PTE_ADDR 0x000ffffffffff000UL

/* Kernel mappings. Without U: with it, Xen takes the page for the user's and makes it global. */
#define PTE_RO     (PTE_P | PTE_A)
#define PTE_RW     (PTE_P | PTE_A | PTE_W | PTE_D)
#define PTE_TABLE  (PTE_P | PTE_U | PTE_A | PTE_W | PTE_D) /* an entry that refers to a table */
#define PTE_KERNEL (1UL << 52) /* what Xen puts into a level 1 entry that the guest wrote without U */

/* How a level 1 entry that the guest writes reads back: everything is in ring 3, so U is always set. */
static inline uint64_t kit_pte_as_read(uint64_t pte)
{
    if (!(pte & PTE_P))
        return pte;
    if (pte & PTE_KERNEL)
        return pte | PTE_U;
    return pte & PTE_U ? pte | PTE_G : pte | PTE_U | PTE_KERNEL;
}

extern struct start_info *kit_start_info;
extern unsigned long *kit_p2m;     /* nr_pages entries, writable: keep it true when frames come and go */
extern unsigned long kit_root_mfn; /* the kernel's top-level table */

void kit_mm_init(void);

/* Heap pages: zeroed, mapped read-write; NULL (pages) when none is left. */
void *kit_page_alloc(void);
void *kit_pages_alloc(unsigned count); /* contiguous in virtual and pseudo-physical memory */
void *kit_pages_alloc_aligned(unsigned count, unsigned alignment);
void kit_page_free(void *page);
void kit_pages_free(void *pages, unsigned count);

/* Pseudo-physical frames that no page table maps; ~0 when none is left. */
unsigned long kit_pfn_alloc(void);
void kit_pfn_free(unsigned long pfn);

unsigned long kit_mfn_of(const volatile void *va); /* by P2M; va in the linear mapping */
uint64_t kit_maddr_of(const volatile void *va);
unsigned long kit_pfn_of(const volatile void *va);
void *kit_va_of_pfn(unsigned long pfn);
unsigned long kit_m2p(unsigned long mfn); /* the hypervisor's table, ~0 where it cannot be read */

/* The linear mapping of the frame, or NULL if it has none. */
void *kit_va_of_mfn(unsigned long mfn);

/*
 * The page-table entry for va at a level (1-4) under the given root: its machine address and value.
 * False if a level above is not there.
 */
bool kit_pte_find(unsigned long root_mfn, uintptr_t va, int level, uint64_t *maddr, uint64_t *value);
uint64_t kit_pte_of(uintptr_t va); /* level 1 under the kernel's root, 0 if absent */

/* One entry by mmu_update (its value: 0, or negative errno) under a command MMU_*. */
int kit_pte_write(uint64_t maddr, uint64_t value);
int kit_mmu_update1(uint64_t ptr_and_command, uint64_t value, unsigned dom);

/* Change how a page of the linear mapping (or any page with a level 1 entry) is mapped; flush everywhere. */
int kit_remap(const volatile void *va, uint64_t pte);
int kit_set_ro(const volatile void *page);
int kit_set_rw(const volatile void *page);
int kit_unmap(const volatile void *page);

/* A zeroed page, mapped read-only, that may become a page table; and back. */
uint64_t *kit_table_alloc(void);
int kit_table_clear(uint64_t *table); /* fill an unused one with zeroes */
int kit_table_free(uint64_t *table);

/* Map anywhere in the guest's part of an address space; missing tables are made. 0, or negative errno. */
int kit_map(unsigned long root_mfn, uintptr_t va, uint64_t pte);

int kit_mmuext1(unsigned cmd, unsigned long arg1, unsigned long arg2);
int kit_pin(int level, unsigned long mfn);
int kit_unpin(unsigned long mfn);

#endif
