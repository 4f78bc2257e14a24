/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds the hypervisor's own address space (arch/x86/layout.h) from the memory map.
 *
 * Until hostmap_init() is done, memory comes from boot_alloc(), which cuts pages off the top of RAM: below 4 GiB while only the boot page
 * tables' direct map exists, from the highest RAM after. What it cut is remembered in one list of taken ranges, together with the image, the modules
 * and the first MiB; the heap gets the rest.
 * All top-level slots but the per-domain one are filled here and never change, so that copies of them in guests' roots stay right.
 */
#include "arch/x86/hostmap.h"
#include "arch/x86/boot/bootinfo.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/image.h"
#include "arch/x86/split_root.h"
#include "core/heap.h"
#include "hv/errno.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/string.h"

#define LARGE_SIZE (1UL << 21)
#define HUGE_SIZE  (1UL << 30)
#define MAX_TAKEN  64

static struct {
    struct {
        paddr_t start, end;
    } taken[MAX_TAKEN];
    unsigned int taken_count;
    paddr_t limit; /* boot_alloc() takes from below this */
    bool heap_ready, huge_pages;
    uint64_t allowed_flags; /* without NX where the processor has it not, without G under a split root */
    uint64_t iomap_next;
    uint64_t root[512] __aligned(4096);
} host = {.limit = GiB(4), .iomap_next = IOMAP_START};

paddr_t host_root, trampoline_page;
uint64_t max_mfn;
uint64_t *frame_valid_map;

static paddr_t image_pa(const void *symbol)
{
    return (uint64_t)symbol - IMAGE_START;
}

static void take(paddr_t start, paddr_t end)
{
    panic_on(host.taken_count == MAX_TAKEN);
    host.taken[host.taken_count].start = ROUND_DOWN(start, PAGE_SIZE);
    host.taken[host.taken_count++].end = ROUND_UP(end, PAGE_SIZE);
}

/* The highest free run of `bytes` below host.limit, or 0. */
static paddr_t find_free_run(size_t bytes, size_t align)
{
    for (unsigned int i = boot_info.memory_count; i-- > 0;) {
        const struct memory_range *r = &boot_info.memory[i];
        paddr_t end = ROUND_DOWN(min(r->end, host.limit), align), start;

        while (r->type == MEMORY_RAM && end > bytes &&
               (start = ROUND_DOWN(end - bytes, align)) >= max(r->start, MiB(1))) {
            bool clash = false;

            for (unsigned int t = 0; t < host.taken_count && !clash; t++) {
                if (host.taken[t].start < start + bytes && start < host.taken[t].end) {
                    end = ROUND_DOWN(host.taken[t].start, align);
                    clash = true;
                }
            }
            if (!clash)
                return start;
        }
    }
    return 0;
}

static paddr_t boot_alloc_aligned(size_t bytes, size_t align)
{
    paddr_t start = find_free_run(bytes, align);

    if (!start)
        cannot_boot("no %lu KiB of memory left for the hypervisor's own tables. Give the machine more "
                    "memory.\n",
                    bytes >> 10);
    /* Runs that follow each other from the top down are one entry. */
    if (host.taken_count && host.taken[host.taken_count - 1].start == start + bytes)
        host.taken[host.taken_count - 1].start = start;
    else
        take(start, start + bytes);
    return start;
}

void *boot_alloc(size_t bytes)
{
    void *p = direct_map + boot_alloc_aligned(ROUND_UP(bytes, PAGE_SIZE), PAGE_SIZE);

    return memset(p, 0, ROUND_UP(bytes, PAGE_SIZE));
}

static uint64_t *new_table(void)
{
    return host.heap_ready ? hv_alloc_page() : boot_alloc(PAGE_SIZE);
}

/*
 * The table below an entry, made if it is not there. Device registers are mapped at run time, on several
 * processors at once: whoever comes second uses the first one's table. (No lock: the page allocator may have
 * to wait for other processors, and those for the lock, with interrupts off.)
 */
static uint64_t *table_below(uint64_t *entry)
{
    uint64_t seen = __atomic_load_n(entry, __ATOMIC_ACQUIRE), *table;

    if (seen & PTE_PRESENT)
        return (uint64_t *)(direct_map + (seen & PTE_ADDRESS));
    table = new_table();
    if (!table)
        return NULL;
    if (__atomic_compare_exchange_n(
            entry, &seen, mfn_to_paddr(va_to_mfn(table)) | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED,
            false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return table;
    hv_free_page(table);
    return (uint64_t *)(direct_map + (seen & PTE_ADDRESS));
}

/* Maps one page of the given size; levels count from the root (4). */
static int map_one(uint64_t va, paddr_t pa, uint64_t size, uint64_t flags)
{
    uint64_t *table = host.root;

    for (unsigned int shift = 39;; shift -= 9) {
        uint64_t *entry = &table[va >> shift & 511];

        if (1UL << shift == size) {
            *entry = pa | (flags & host.allowed_flags) | (size > PAGE_SIZE ? PTE_LARGE : 0);
            return 0;
        }
        table = table_below(entry);
        if (!table)
            return -ENOMEM;
    }
}

int hostmap_map(uint64_t va, paddr_t pa, size_t bytes, uint64_t flags)
{
    uint64_t end = va + ROUND_UP(bytes, PAGE_SIZE);

    while (va < end) {
        uint64_t size = PAGE_SIZE;

        if (((va | pa) & (LARGE_SIZE - 1)) == 0 && end - va >= LARGE_SIZE)
            size = LARGE_SIZE;
        if (host.huge_pages && ((va | pa) & (HUGE_SIZE - 1)) == 0 && end - va >= HUGE_SIZE)
            size = HUGE_SIZE;
        int rc = map_one(va, pa, size, flags);

        if (rc)
            return rc;
        va += size;
        pa += size;
    }
    return 0;
}

void hostmap_unmap_page(uint64_t va)
{
    uint64_t *table = host.root;

    for (unsigned int shift = 39; shift > 12; shift -= 9) {
        uint64_t entry = table[va >> shift & 511];

        if (!(entry & PTE_PRESENT) || (entry & PTE_LARGE))
            return;
        table = (uint64_t *)(direct_map + (entry & PTE_ADDRESS));
    }
    table[va >> 12 & 511] = 0;
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static void must_map(uint64_t va, paddr_t pa, size_t bytes, uint64_t flags)
{
    panic_on(hostmap_map(va, pa, bytes, flags));
}

/* Addresses are never given back, nor are those of a mapping that failed for want of memory. */
static void *map_somewhere(paddr_t pa, size_t bytes, uint64_t flags)
{
    uint64_t offset = pa & (PAGE_SIZE - 1), size = ROUND_UP(bytes + offset, PAGE_SIZE);
    uint64_t va = __atomic_load_n(&host.iomap_next, __ATOMIC_RELAXED);

    do {
        if (va + size > IOMAP_START + IOMAP_SIZE)
            return NULL;
    } while (!__atomic_compare_exchange_n(&host.iomap_next, &va, va + size, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return hostmap_map(va, pa - offset, size, flags) ? NULL : (void *)(va + offset);
}

void *iomap(paddr_t pa, size_t bytes)
{
    return map_somewhere(pa, bytes, MAP_UC);
}

const void *bios_map(paddr_t pa, size_t bytes)
{
    return map_somewhere(pa, bytes, MAP_DATA);
}

static bool is_table_backed(uint32_t type)
{
    return type == MEMORY_RAM || type == MEMORY_ACPI || type == MEMORY_NVS;
}

bool is_ram(mfn_t mfn)
{
    for (unsigned int i = 0; i < boot_info.memory_count; i++)
        if (boot_info.memory[i].type == MEMORY_RAM && mfn_to_paddr(mfn) >= boot_info.memory[i].start &&
            mfn_to_paddr(mfn) < boot_info.memory[i].end)
            return true;
    return false;
}

/* All RAM at DIRECT_MAP_START, in the largest pages that fit; the first MiB, too. */
static void map_direct(void)
{
    must_map(DIRECT_MAP_START, 0, MiB(2), MAP_DATA);
    for (unsigned int i = 0; i < boot_info.memory_count; i++) {
        const struct memory_range *r = &boot_info.memory[i];
        paddr_t start = max(ROUND_DOWN(r->start, LARGE_SIZE), (paddr_t)MiB(2)),
                end = ROUND_UP(r->end, LARGE_SIZE);

        if (!is_table_backed(r->type) || start >= end)
            continue;
        if (r->type == MEMORY_RAM)
            max_mfn = max(max_mfn, r->end >> PAGE_SHIFT);
        must_map(DIRECT_MAP_START + start, start, end - start, MAP_DATA);
    }
}

static void map_image(void)
{
    must_map((uint64_t)image_start, image_pa(image_start), (size_t)(init_text_end - image_start), MAP_CODE);
    must_map((uint64_t)rodata_start, image_pa(rodata_start), (size_t)(rodata_end - rodata_start), MAP_CONST);
    must_map((uint64_t)data_start, image_pa(data_start), (size_t)(image_end - data_start), MAP_DATA);
}

/* The L3 of every slot of ours exists from now on, since guests' roots get copies of the L4 entries. */
static void make_all_slots(void)
{
    for (unsigned int slot = HYPERVISOR_SLOT; slot < HYPERVISOR_SLOT + HYPERVISOR_SLOTS; slot++)
        if (slot != PERDOMAIN_SLOT)
            (void)table_below(&host.root[slot]);
}

/* One 2 MiB page of the array at `va`, entries of `size` bytes a frame, for each stretch of frames in which there is memory. */
static void make_frame_array(uint64_t va, uint64_t read_only_va, size_t size, uint8_t fill)
{
    uint64_t frames = LARGE_SIZE / size;

    for (uint64_t first = 0; first < max_mfn; first += frames) {
        bool wanted = false;
        paddr_t pa;

        for (unsigned int i = 0; i < boot_info.memory_count && !wanted; i++)
            wanted = is_table_backed(boot_info.memory[i].type) &&
                     boot_info.memory[i].start >> PAGE_SHIFT < first + frames &&
                     DIV_ROUND_UP(boot_info.memory[i].end, PAGE_SIZE) > first;
        if (!wanted)
            continue;
        pa = boot_alloc_aligned(LARGE_SIZE, LARGE_SIZE);
        memset(direct_map + pa, fill, LARGE_SIZE);
        must_map(va + first * size, pa, LARGE_SIZE, MAP_DATA);
        if (read_only_va)
            /* Not global: it must be gone when a root without it is loaded. */
            must_map(read_only_va + first * size, pa, LARGE_SIZE, (MAP_CONST | PTE_USER) & ~PTE_GLOBAL);
    }
}

static void make_valid_map(void)
{
    frame_valid_map = boot_alloc(DIV_ROUND_UP(DIV_ROUND_UP(max_mfn, 512), 8) + 8);
    for (unsigned int i = 0; i < boot_info.memory_count; i++) {
        const struct memory_range *r = &boot_info.memory[i];

        if (!is_table_backed(r->type))
            continue;
        for (uint64_t mfn = ROUND_DOWN(r->start >> PAGE_SHIFT, 512);
             mfn < min(DIV_ROUND_UP(r->end, PAGE_SIZE), max_mfn); mfn += 512)
            set_bit((unsigned int)(mfn >> 9), frame_valid_map);
    }
}

/* Until it is somebody's, a frame with an entry in the table is a device's (holes, firmware's tables) or, if taken, ours. */
static void init_frames(void)
{
    for (uint64_t mfn = 0; mfn < max_mfn; mfn++)
        if (mfn_valid(MFN(mfn)))
            mfn_to_frame(MFN(mfn))->owner = DOMID_IO;
    for (unsigned int t = 0; t < host.taken_count; t++)
        for (paddr_t pa = max(host.taken[t].start, (paddr_t)MiB(1)); pa < host.taken[t].end;
             pa += PAGE_SIZE) {
            struct frame *f = mfn_to_frame(paddr_to_mfn(pa));

            f->owner = FRAME_OWNER_NONE;
            f->flags = FRAME_HYPERVISOR;
        }
}

/* RAM that is not taken goes to the heap. */
static void give_rest_to_heap(paddr_t start, paddr_t end)
{
    while (start < end) {
        paddr_t upto = end;
        bool inside = false;

        for (unsigned int t = 0; t < host.taken_count; t++) {
            if (host.taken[t].start <= start && start < host.taken[t].end) {
                start = host.taken[t].end;
                inside = true;
                break;
            }
            if (host.taken[t].start > start)
                upto = min(upto, host.taken[t].start);
        }
        if (inside)
            continue;
        heap_add_range(paddr_to_mfn(start), paddr_to_mfn(upto));
        start = upto;
    }
}

void hostmap_release_boot_range(paddr_t start, paddr_t end)
{
    heap_add_range(paddr_to_mfn(ROUND_UP(start, PAGE_SIZE)), paddr_to_mfn(ROUND_DOWN(end, PAGE_SIZE)));
}

static void enter_new_root(void)
{
    host_root = image_pa(host.root);
    write_cr4(read_cr4() & ~CR4_PGE);
    write_cr3(host_root);
    write_cr4(read_cr4() | CR4_PGE); /* which also flushes */
}

/* A page of conventional memory below 640 KiB, not the first (the BIOS's data). */
static void find_trampoline_page(void)
{
    for (unsigned int i = 0; i < boot_info.memory_count; i++) {
        const struct memory_range *r = &boot_info.memory[i];
        paddr_t end = ROUND_DOWN(min(r->end, (paddr_t)0xa0000), PAGE_SIZE);

        if (r->type == MEMORY_RAM && r->start < 0xa0000 && end >= r->start + 2 * PAGE_SIZE &&
            end > 2 * PAGE_SIZE)
            trampoline_page = end - PAGE_SIZE;
    }
}

void hostmap_init(void)
{
    host.allowed_flags = ~((cpu_features.nx ? 0 : PTE_NX) | (split_root_on ? PTE_GLOBAL : 0));
    host.huge_pages = cpu_features.huge_pages;
    find_trampoline_page();
    take(0, MiB(1));
    take(image_pa(image_start), image_pa(image_end));
    for (unsigned int i = 0; i < boot_info.module_count; i++)
        take(boot_info.module[i].start, boot_info.module[i].end);

    map_direct();
    map_image();
    make_all_slots();
    enter_new_root();
    host.limit = ~0ULL;

    make_frame_array(FRAME_TABLE_START, 0, sizeof(struct frame), 0);
    make_frame_array(M2P_RW_START, M2P_RO_START, sizeof(uint64_t), 0xff);
    make_valid_map();
    init_frames();
    for (unsigned int i = 0; i < boot_info.memory_count; i++) {
        paddr_t start = ROUND_UP(boot_info.memory[i].start, PAGE_SIZE),
                end = ROUND_DOWN(boot_info.memory[i].end, PAGE_SIZE);

        if (boot_info.memory[i].type == MEMORY_RAM && start < end)
            give_rest_to_heap(start, end);
    }
    host.heap_ready = true;
}

void hostmap_fill_root(uint64_t *l4, uint64_t perdomain_entry)
{
    memcpy(&l4[HYPERVISOR_SLOT], &host.root[HYPERVISOR_SLOT], HYPERVISOR_SLOTS * sizeof(uint64_t));
    l4[PERDOMAIN_SLOT] = perdomain_entry;
}

uint64_t hostmap_entry(uint64_t va)
{
    const uint64_t *table = host.root;

    for (unsigned int shift = 39;; shift -= 9) {
        uint64_t entry = table[va >> shift & 511], within = va & ((1UL << shift) - 1) & ~(PAGE_SIZE - 1);

        if (!(entry & PTE_PRESENT))
            return 0;
        if (shift == PAGE_SHIFT)
            return entry;
        if (entry & PTE_LARGE)
            return (entry & ~PTE_LARGE) | within;
        table = (const uint64_t *)(direct_map + (entry & PTE_ADDRESS));
    }
}

uint64_t hostmap_m2p_entry(void)
{
    return host.root[HYPERVISOR_SLOT];
}
