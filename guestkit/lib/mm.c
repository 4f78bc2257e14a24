/* SPDX-License-Identifier: MIT */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/trap.h>

unsigned long *kit_p2m;
unsigned long kit_root_mfn;

static unsigned long linear_end_pfn; /* first frame behind the initial mapping */

void kit_mm_init(void)
{
    kit_p2m = (unsigned long *)kit_start_info->mfn_list;
    kit_root_mfn = kit_mfn_of((void *)kit_start_info->pt_base);
    linear_end_pfn = kit_pfn_of((void *)kit_start_info->pt_base) + kit_start_info->nr_pt_frames;
}

unsigned long kit_pfn_of(const volatile void *va)
{
    return ((uintptr_t)va - KIT_VIRT_BASE) >> KIT_PAGE_SHIFT;
}

unsigned long kit_mfn_of(const volatile void *va)
{
    return kit_p2m[kit_pfn_of(va)];
}

uint64_t kit_maddr_of(const volatile void *va)
{
    return (uint64_t)kit_mfn_of(va) << KIT_PAGE_SHIFT | ((uintptr_t)va & ~KIT_PAGE_MASK);
}

void *kit_va_of_pfn(unsigned long pfn)
{
    return (void *)(KIT_VIRT_BASE + (pfn << KIT_PAGE_SHIFT));
}

unsigned long kit_m2p(unsigned long mfn)
{
    uint64_t pfn;

    if (!kit_peek(machine_to_phys_mapping + mfn, &pfn))
        return ~0UL;
    return pfn;
}

void *kit_va_of_mfn(unsigned long mfn)
{
    unsigned long pfn = kit_m2p(mfn);

    if (pfn >= linear_end_pfn || kit_p2m[pfn] != mfn)
        return NULL;
    return kit_va_of_pfn(pfn);
}

bool kit_pte_find(unsigned long root_mfn, uintptr_t va, int level, uint64_t *maddr, uint64_t *value)
{
    unsigned long mfn = root_mfn;

    for (int l = 4;; l--) {
        unsigned index = va >> (KIT_PAGE_SHIFT + 9 * (l - 1)) & 511;
        uint64_t *table = kit_va_of_mfn(mfn), entry;

        if (!table)
            return false;
        entry = READ_ONCE(table[index]);
        if (l == level) {
            if (maddr)
                *maddr = ((uint64_t)mfn << KIT_PAGE_SHIFT) + index * 8;
            if (value)
                *value = entry;
            return true;
        }
        if (!(entry & PTE_P) || (entry & PTE_PSE))
            return false;
        mfn = (entry & PTE_ADDR) >> KIT_PAGE_SHIFT;
    }
}

uint64_t kit_pte_of(uintptr_t va)
{
    uint64_t value;

    return kit_pte_find(kit_root_mfn, va, 1, NULL, &value) ? value : 0;
}

int kit_mmu_update1(uint64_t ptr, uint64_t value, unsigned dom)
{
    struct mmu_update u = {.ptr = ptr, .val = value};

    return (int)hcall_mmu_update(&u, 1, NULL, dom);
}

int kit_pte_write(uint64_t maddr, uint64_t value)
{
    return kit_mmu_update1(maddr | MMU_NORMAL_PT_UPDATE, value, DOMID_SELF);
}

int kit_remap(const volatile void *va, uint64_t pte)
{
    return (int)hcall_update_va_mapping((uintptr_t)va, pte, UVMF_INVLPG | UVMF_ALL);
}

int kit_set_ro(const volatile void *page)
{
    return kit_remap(page, kit_maddr_of(page) | PTE_RO | PTE_NX);
}

int kit_set_rw(const volatile void *page)
{
    return kit_remap(page, kit_maddr_of(page) | PTE_RW);
}

int kit_unmap(const volatile void *page)
{
    return kit_remap(page, 0);
}

uint64_t *kit_table_alloc(void)
{
    uint64_t *table = kit_page_alloc();

    if (table && kit_set_ro(table)) {
        kit_page_free(table);
        return NULL;
    }
    return table;
}

int kit_table_clear(uint64_t *table)
{
    int rc = kit_set_rw(table);

    if (rc)
        return rc;
    for (unsigned i = 0; i < 512; i++)
        WRITE_ONCE(table[i], 0);
    return kit_set_ro(table);
}

int kit_table_free(uint64_t *table)
{
    int rc = kit_set_rw(table);

    if (!rc)
        kit_page_free(table);
    return rc;
}

int kit_map(unsigned long root_mfn, uintptr_t va, uint64_t pte)
{
    uint64_t maddr, value;

    for (int level = 4; level > 1; level--) {
        uint64_t *table;
        int rc;

        if (!kit_pte_find(root_mfn, va, level, &maddr, &value))
            return -XEN_EINVAL;
        if (value & PTE_P)
            continue;
        table = kit_table_alloc();
        if (!table)
            return -XEN_ENOMEM;
        rc = kit_pte_write(maddr, kit_maddr_of(table) | PTE_TABLE);
        if (rc) {
            kit_table_free(table);
            return rc;
        }
    }
    if (!kit_pte_find(root_mfn, va, 1, &maddr, &value))
        return -XEN_EINVAL;
    return kit_pte_write(maddr, pte);
}

int kit_mmuext1(unsigned cmd, unsigned long arg1, unsigned long arg2)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = arg1, .arg2.src_mfn = arg2};

    return (int)hcall_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

int kit_pin(int level, unsigned long mfn)
{
    return kit_mmuext1(MMUEXT_PIN_L1_TABLE + (unsigned)level - 1, mfn, 0);
}

int kit_unpin(unsigned long mfn)
{
    return kit_mmuext1(MMUEXT_UNPIN_TABLE, mfn, 0);
}
