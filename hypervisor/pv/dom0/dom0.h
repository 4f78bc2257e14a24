/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building domain 0 from the boot modules. The initial address space (xen.h, "Start-of-day memory layout"), by virtual address from the kernel's VIRT_BASE,
 * which is PFN 0:
 *
 *   kernel as its ELF file says | [initrd] | [P2M list] | start info | page tables, L4 first | boot stack | at least 512 KiB, to a multiple of 4 MiB
 *
 * A kernel with the INIT_P2M note gets the list mapped there instead, from page frames that follow the part above, page tables included; one with MOD_START_PFN gets the
 * initrd in page frames that are not mapped at all.
 */
#ifndef PV_DOM0_DOM0_H
#define PV_DOM0_DOM0_H

#include "core/domain.h"
#include "lib/kernel_image.h"
#include "hv/frame.h"

struct dom0_build {
    struct domain *d;
    struct vcpu *v;
    struct kernel_image kernel;
    const void *initrd;
    size_t initrd_size;
    const char *line; /* the kernel's command line */

    uint64_t nr_pages; /* of the domain */
    uint64_t *p2m;     /* by PFN, the hypervisor's copy until it is written to the guest */

    uint64_t virt_base;
    uint64_t kernel_end; /* the following are virtual addresses, page-aligned */
    uint64_t initrd_va, p2m_va, start_info_va, tables_va, stack_va, end_va;
    uint64_t table_count; /* pages at tables_va */
    uint64_t p2m_pfn, p2m_pages,
        p2m_tables; /* INIT_P2M: first PFN, pages of the list, pages of tables behind it */
    uint64_t initrd_pfn;
    bool p2m_apart, initrd_apart;
};

/* Domain 0's size and the most that it may grow to (~0: no limit), pages, by dom0_mem= out of `all`, the pages that there are for it. Pure. */
struct dom0_mem {
    uint64_t pages, limit;
};
struct dom0_mem dom0_mem_parse(const char *text, uint64_t all);
/* The same of what is free now, less a reserve. Returns the size. */
uint64_t dom0_pages(uint64_t *limit);
/* layout.c: fills the addresses. NULL, or why it does not fit. */
const char *dom0_layout(struct dom0_build *b);
/* notes.c: does it require what there is? NULL, or why not; the name of the feature, if there is one, is to be printed behind that (`unknown_feature`). */
const char *dom0_check_features(const struct kernel_notes *n);
/* May the kernel be where its notes say, in a domain of so many pages; and, once all is placed (but before anything is counted by it), may that be mapped? NULL, or why not. */
const char *dom0_check_notes(const struct kernel_image *k, uint64_t nr_pages);
const char *dom0_check_places(const struct dom0_build *b);
/* tables.c: the initial page tables, in frames of the domain. */
void dom0_make_tables(struct dom0_build *b);
/* build.c: all of it. Panics with a line that says what to do, for there is no going on without domain 0. */
struct domain *dom0_create(void);
/* The hypervisor has written its last line on the screen: domain 0, which does not run yet, is told what there is of a screen, and where to go on. */
void dom0_give_screen(void);
/* screen.c: fills it as the loader and the hardware have it. Returns how many bytes of it mean something; 0: there is no screen. */
struct dom0_vga_console_info;
size_t dom0_describe_screen(struct dom0_vga_console_info *to);

/* The direct map's address of a page of the domain. */
static inline void *dom0_page(const struct dom0_build *b, uint64_t pfn)
{
    return mfn_to_va(MFN(b->p2m[pfn]));
}

static inline uint64_t dom0_pfn(const struct dom0_build *b, uint64_t va)
{
    return (va - b->virt_base) >> PAGE_SHIFT;
}

#endif
