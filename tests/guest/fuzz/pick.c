/* SPDX-License-Identifier: MIT */
/* Choices. Nothing here may depend on what a hypervisor answered. */
#include "fuzz.h"

unsigned pick_wildness = 12;

uint64_t pick_wild(void)
{
    switch (below(6)) {
    case 0:
        return below(8);
    case 1:
        return 1ULL << below(64);
    case 2:
        return (1ULL << below(64)) - 1;
    case 3:
        return ~(uint64_t)below(16);
    case 4:
        return kit_random() >> below(64);
    default:
        return below(4096);
    }
}

unsigned pick_domid(void)
{
    unsigned other = (unsigned)PICK(0, 0, 1, 5, DOMID_IO, DOMID_XEN, DOMID_COW, DOMID_INVALID, DOMID_IDLE,
                                    DOMID_FIRST_RESERVED, 0xffff);

    return chance(80) ? DOMID_SELF : other;
}

unsigned pick_frame(int level)
{
    unsigned any = below(NR_NAMES), data = POOL_TABLES + below(POOL_DATA - POOL_TABLES),
             spare = POOL_DATA + below(POOL_SPARE - POOL_DATA);
    unsigned table = below(POOL_TABLES / 4), how = below(100);

    if (how >= 100 - pick_wildness || level < 0)
        return any;
    if (level == 0)
        return how < 60 ? data : how < 80 ? spare : below(POOL_TABLES);
    if (how < 8 && level < 4)
        return NAME_WINDOW + (unsigned)level - 1;
    if (how < 10)
        return NAME_KERNEL + (unsigned)level - 1;
    return (unsigned)(level - 1) * (POOL_TABLES / 4) + table;
}

uint64_t pick_mfn(int level)
{
    uint64_t mfn = frames[pick_frame(level)];
    /* Frames that are nobody's, the machine's, or not there: the local APIC, the IO-APIC, VGA, ROM, beyond every address. */
    uint64_t raw = PICK(0xfee00, 0xfec00, 0xb8, 0xf0, 0xc0, 0xfffff, 1UL << 36, 1UL << 40, (1UL << 40) - 1,
                        1UL << 52, ~0UL, NO_FRAME);

    return chance(100 - pick_wildness / 3) ? mfn : raw;
}

static uint64_t wild_flags(void)
{
    return PICK(0, PTE_P, PTE_P | PTE_W, PTE_P | PTE_W | PTE_U, PTE_P | PTE_U, PTE_P | PTE_PSE,
                PTE_P | PTE_PWT, PTE_P | PTE_PCD, PTE_P | PTE_PCD | PTE_PWT | PTE_W, PTE_P | PTE_G,
                PTE_P | PTE_AVL, PTE_P | PTE_NX, PTE_P | PTE_W | PTE_NX | PTE_U, PTE_P | PTE_KERNEL,
                PTE_P | 1UL << 53, PTE_P | 1UL << 62, PTE_W | PTE_U, PTE_NX, 1UL << 51 | PTE_P, 0xfff,
                kit_random() & (0xfffUL | 0x7ffUL << 52));
}

uint64_t pick_pte(int level)
{
    uint64_t good =
        level > 1 ? PTE_TABLE
                  : PICK(PTE_RW, PTE_RO, PTE_RW | PTE_U, PTE_RO | PTE_U, PTE_RO | PTE_NX, PTE_RW | PTE_NX);
    uint64_t wild = wild_flags();
    uint64_t mfn = pick_mfn(level - 1), flags = chance(100 - pick_wildness) ? good : wild;

    return chance(12) ? 0 : (mfn << KIT_PAGE_SHIFT & PTE_ADDR) | flags;
}

uint64_t pick_va(void)
{
    uint64_t pool = (uintptr_t)pool_va + below(POOL_SIZE) * KIT_PAGE_SIZE,
             window = WINDOW_VA + below(64) * KIT_PAGE_SIZE;
    uint64_t bad = PICK(0x1000, 0x800000000000, HYPERVISOR_VIRT_START, MACH2PHYS_VIRT_START, ~0xfffUL,
                        WINDOW_VA + (1UL << 21), WINDOW_VA + (1UL << 30), WINDOW_VA + (1UL << 39),
                        HYPERVISOR_VIRT_END, 0x7ffffffff000);
    unsigned offset = chance(10) ? below(4096) : 0, how = below(100);

    return (how < 45 ? pool : how < 92 ? window : bad) + offset;
}

unsigned pick_port(void)
{
    unsigned port = below(12),
             wild = (unsigned)PICK(0, 100, 1023, 4095, 4096, 131071, 131072, 0x7fffffff, 0xffffffff);

    return chance(90) ? port : wild;
}

unsigned pick_vcpu(void)
{
    unsigned wild = (unsigned)PICK(2, 3, 31, 32, 8191, 0x7fffffff, 0xffffffff);

    return chance(60) ? 0 : chance(70) ? 1 : wild;
}

unsigned pick_count(unsigned most)
{
    unsigned n = 1 + below(most), one = chance(50);

    return one ? 1 : n;
}
