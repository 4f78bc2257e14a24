/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The copies of guests' roots, two for each processor: one for a guest's kernel and one for its user mode, so
 * that going between the two copies nothing.
 *
 * Linear entries (page-types.md, PT12): an entry of the root that names a root must not lead to our slots,
 * which would be walked as a level too low. One that names its own table leads from the copy to a table that
 * has the guest's slots alone, walked as an L3; its linear entries lead to another, walked as an L2; from
 * there to a third, walked as an L1, in which they show the guest's own table, as it is. One that names
 * another root is left out.
 */
#include "arch/x86/split_root.h"
#include "arch/x86/desc.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/stack.h"
#include "core/frame_ref.h"
#include "core/heap.h"
#include "hv/percpu.h"
#include "hv/string.h"

#define IMAGE_SLOT (HYPERVISOR_SLOT + 1)

#define LEVELS 4

struct split_cpu {
    uint64_t *l4[2];
    uint64_t *linear[2][LEVELS - 1]; /* where linear entries lead, by the level at which they are walked */
    uint64_t *l3, *l2, *l1;          /* lead to the one page of the direct map */
    uint64_t page;                   /* its address; 0: none yet */
    uint64_t source[2];              /* what the copies were made from */
    uint64_t generation[2];
    struct split_roots *roots;
};

/* In the read-only part of the image, which is not yet protected when it is decided. */
__section(".decided") bool split_root_on;
static DEFINE_PERCPU(struct split_cpu, split);

static uint64_t index_at(uint64_t va, unsigned int shift)
{
    return va >> shift & 511;
}

static uint64_t table_entry(const uint64_t *table)
{
    return mfn_to_paddr(va_to_mfn(table)) | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
}

/* Maps the page as the full root maps it, in the tables below `l3`. */
static bool copy_page(uint64_t *l3, uint64_t va)
{
    uint64_t *table = l3, *entry;

    for (unsigned int shift = 30; shift > PAGE_SHIFT; shift -= 9) {
        entry = &table[index_at(va, shift)];
        if (!*entry) {
            uint64_t *below = hv_alloc_page();

            if (!below)
                return false;
            *entry = table_entry(below);
        }
        table = mfn_to_va(paddr_to_mfn(*entry & PTE_ADDRESS));
    }
    table[index_at(va, PAGE_SHIFT)] = hostmap_entry(va);
    return true;
}

static bool copy_range(uint64_t *l3, const void *start, size_t bytes)
{
    for (uint64_t va = ROUND_DOWN((uint64_t)start, PAGE_SIZE); va < (uint64_t)start + bytes; va += PAGE_SIZE)
        if (!copy_page(l3, va))
            return false;
    return true;
}

static bool alloc_copies(struct split_cpu *s)
{
    for (unsigned int i = 0; i < 2; i++) {
        s->l4[i] = hv_alloc_page();
        if (!s->l4[i])
            return false;
        for (unsigned int level = 0; level < LEVELS - 1; level++) {
            s->linear[i][level] = hv_alloc_page();
            if (!s->linear[i][level])
                return false;
        }
    }
    return true;
}

bool split_root_prepare(unsigned int cpu, uint64_t stack, uint64_t gate, size_t gate_bytes)
{
    struct split_cpu *s = &per_cpu(split, cpu);
    uint64_t *image;

    if (!split_root_on)
        return true;
    image = hv_alloc_page();
    s->l3 = hv_alloc_page();
    s->l2 = hv_alloc_page();
    s->l1 = hv_alloc_page();
    if (!image || !s->l3 || !s->l2 || !s->l1 || !alloc_copies(s))
        return false;
    if (!copy_range(image, image_start, (size_t)(text_end - image_start)) ||
        !copy_range(image, rodata_start, (size_t)(rodata_end - rodata_start)) ||
        !copy_range(image, idt_address(), PAGE_SIZE) || !copy_range(image, (void *)gate, gate_bytes) ||
        !copy_range(image, (void *)stack, IST_DEBUG * IST_DOOR_SIZE))
        return false;
    s->roots = (struct split_roots *)stack;
    for (unsigned int i = 0; i < 2; i++) {
        s->l4[i][IMAGE_SLOT] = table_entry(image);
        s->roots->copy[i] = mfn_to_paddr(va_to_mfn(s->l4[i]));
    }
    return true;
}

/* Nothing is flushed here: what was mapped before is not global, and the copy is loaded next. */
static void show_page(struct split_cpu *s, uint64_t va)
{
    if (s->page) {
        s->l4[0][index_at(s->page, 39)] = s->l4[1][index_at(s->page, 39)] = 0;
        s->l3[index_at(s->page, 30)] = s->l2[index_at(s->page, 21)] = s->l1[index_at(s->page, PAGE_SHIFT)] =
            0;
    }
    s->page = va;
    s->l1[index_at(va, PAGE_SHIFT)] =
        mfn_to_paddr(va_to_mfn((void *)va)) | (hostmap_entry(va) & ~(PTE_ADDRESS | PTE_LARGE));
    s->l2[index_at(va, 21)] = table_entry(s->l1);
    s->l3[index_at(va, 30)] = table_entry(s->l2);
    s->l4[0][index_at(va, 39)] = s->l4[1][index_at(va, 39)] = table_entry(s->l3);
}

/* What holds a reference to a root names a root for as long as it is there, so the type of what a present entry names tells. */
static bool is_linear(uint64_t entry)
{
    const struct frame *f = mfn_to_frame(paddr_to_mfn(entry & PTE_ADDRESS));

    return (entry & PTE_PRESENT) && fw_type(READ_ONCE(f->word)) == FT_L4;
}

static void copy_guest_slots(uint64_t *to, const uint64_t *from)
{
    memcpy(to, from, HYPERVISOR_SLOT * sizeof(*to));
    memcpy(&to[HYPERVISOR_SLOT + HYPERVISOR_SLOTS], &from[HYPERVISOR_SLOT + HYPERVISOR_SLOTS],
           (512 - HYPERVISOR_SLOT - HYPERVISOR_SLOTS) * sizeof(*to));
}

/* In a copy of the root at `own`: what names it names what is at `next` instead. */
static void divert_linear(uint64_t *copy, paddr_t own, paddr_t next)
{
    for (unsigned int i = 0; i < 512; i++)
        if (!(i >= HYPERVISOR_SLOT && i < HYPERVISOR_SLOT + HYPERVISOR_SLOTS) && is_linear(copy[i]))
            copy[i] = (copy[i] & PTE_ADDRESS) == own ? (copy[i] & ~PTE_ADDRESS) | next : 0;
}

static void copy_root(struct split_cpu *s, unsigned int which, paddr_t own)
{
    const uint64_t *from = mfn_to_va(paddr_to_mfn(own));
    uint64_t *to = s->l4[which];

    to[HYPERVISOR_SLOT] = from[HYPERVISOR_SLOT]; /* the M2P, for who sees it */
    to[PERDOMAIN_SLOT] = from[PERDOMAIN_SLOT];
    copy_guest_slots(to, from);
    if (likely(!(READ_ONCE(mfn_to_frame(paddr_to_mfn(own))->data) & TD_LINEAR)))
        return;
    for (unsigned int level = 0; level < LEVELS - 1; level++) {
        uint64_t *next = s->linear[which][level];

        divert_linear(to, own, mfn_to_paddr(va_to_mfn(next)));
        to = next;
        copy_guest_slots(to, from);
    }
    divert_linear(to, own, own);
}

uint64_t split_root_for(unsigned int which, uint64_t full, uint64_t generation, const void *page)
{
    struct split_cpu *s = &this_cpu(split);
    uint64_t va = ROUND_DOWN((uint64_t)page, PAGE_SIZE);

    s->roots->full = full;
    if (unlikely(s->page != va))
        show_page(s, va);
    if (s->source[which] != full || s->generation[which] != generation) {
        s->source[which] = full;
        s->generation[which] = generation;
        copy_root(s, which, full & PTE_ADDRESS);
    }
    return s->roots->copy[which];
}
