/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where everything of domain 0's initial address space goes. Pure. */
#include "core/heap.h"
#include "core/options.h"
#include "hv/string.h"
#include "pv/dom0/dom0.h"
#include <xen/elfnote.h>

#define PADDING   (512 * 1024UL)
#define END_ALIGN (4UL << 20)
#define L1_SPAN   (1UL << 21)
#define L3_SPAN   (1UL << 39)

/* An amount of dom0_mem=: SIZE; -SIZE, all but that; N%, of all; N%+SIZE, N%-SIZE. Pages. */
static uint64_t amount(const char *text, uint64_t all)
{
    uint64_t pages = 0;
    char *end;
    unsigned long percent = strtoull(text, &end, 10);

    if (end != text && *end == '%') {
        pages = (uint64_t)((unsigned __int128)all * min(percent, 100UL) / 100);
        text = end + 1;
        if (*text != '-')
            return pages + (*text == '+' ? parse_size(text + 1, NULL) >> PAGE_SHIFT : 0);
    } else if (*text == '-') {
        pages = all;
    } else {
        return parse_size(text, NULL) >> PAGE_SHIFT;
    }
    return pages - min(pages, parse_size(text + 1, NULL) >> PAGE_SHIFT);
}

struct dom0_mem dom0_mem_parse(const char *text, uint64_t all)
{
    uint64_t least = 0, most = ~0UL, wanted = 0;

    while (text && *text) {
        if (strncmp(text, "min:", 4) == 0)
            least = amount(text + 4, all);
        else if (strncmp(text, "max:", 4) == 0)
            most = amount(text + 4, all);
        else
            wanted = amount(text, all);
        text = strchr(text, ',');
        if (text)
            text++;
    }
    if (!wanted)
        wanted = all;
    most = most ? most : ~0UL;
    wanted = min(max(wanted, least), most);
    return (struct dom0_mem){.pages = min(wanted, all), .limit = most};
}

uint64_t dom0_pages(uint64_t *limit)
{
    uint64_t spare = min(heap_free_frames() / 16, MiB(128) >> PAGE_SHIFT);
    struct dom0_mem mem = dom0_mem_parse(option_string("dom0_mem"), heap_free_frames() - spare);

    *limit = mem.limit;
    return mem.pages;
}

static uint64_t tables_for(uint64_t start, uint64_t end)
{
    uint64_t count = 0;

    for (uint64_t span = L1_SPAN; span <= L3_SPAN; span <<= 9)
        count += (ROUND_UP(end, span) - ROUND_DOWN(start, span)) / span;
    return count;
}

static uint64_t take(uint64_t *at, uint64_t bytes)
{
    uint64_t start = *at;

    *at += ROUND_UP(bytes, PAGE_SIZE);
    return start;
}

/* Places what follows the kernel, for a given number of page tables. */
static void place(struct dom0_build *b, uint64_t tables)
{
    uint64_t at = b->kernel_end, list = b->nr_pages * sizeof(uint64_t);

    b->initrd_va = !b->initrd_apart && b->initrd_size ? take(&at, b->initrd_size) : 0;
    b->p2m_va = b->p2m_apart ? b->kernel.notes.init_p2m : take(&at, list);
    b->start_info_va = take(&at, PAGE_SIZE);
    b->table_count = tables;
    b->tables_va = take(&at, tables * PAGE_SIZE);
    b->stack_va = take(&at, PAGE_SIZE);
    b->end_va = ROUND_UP(at + PADDING, END_ALIGN);
}

const char *dom0_layout(struct dom0_build *b)
{
    const struct kernel_notes *n = &b->kernel.notes;
    uint64_t tables = 4, needed;
    const char *problem = dom0_check_notes(&b->kernel, b->nr_pages);

    if (problem)
        return problem;
    b->virt_base = n->virt_base;
    b->kernel_end = ROUND_UP(b->kernel.virt_end, PAGE_SIZE);
    b->p2m_apart = n->present & BIT(XEN_ELFNOTE_INIT_P2M);
    b->initrd_apart = b->initrd_size && n->mod_start_pfn;
    b->p2m_pages = b->p2m_apart ? DIV_ROUND_UP(b->nr_pages * sizeof(uint64_t), PAGE_SIZE) : 0;
    do {
        place(b, tables);
        problem = dom0_check_places(b);
        if (problem)
            return problem;
        needed = 1 + tables_for(b->virt_base, b->end_va);
        if (needed <= tables)
            break;
        tables = needed;
    } while (true);
    b->table_count = tables;

    uint64_t pfn = dom0_pfn(b, b->end_va);

    if (b->p2m_apart) {
        b->p2m_pfn = pfn;
        b->p2m_tables = tables_for(b->p2m_va, b->p2m_va + b->p2m_pages * PAGE_SIZE);
        pfn += b->p2m_pages + b->p2m_tables;
    }
    if (b->initrd_apart) {
        b->initrd_pfn = pfn;
        pfn += DIV_ROUND_UP(b->initrd_size, PAGE_SIZE);
    }
    if (pfn > b->nr_pages)
        return "it does not fit into domain 0's memory: give domain 0 more with dom0_mem=";
    return NULL;
}
