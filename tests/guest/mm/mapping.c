/* SPDX-License-Identifier: MIT */
/*
 * update_va_mapping, and which frames may be mapped how.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M
 */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

#define UVA(va, pte, flags) hcall_update_va_mapping((uintptr_t)(va), pte, flags)

KIT_TEST(va_mapping_flags)
{
    uint64_t *page = kit_page_alloc(), *other = kit_page_alloc(), set[1] = {1};
    uint64_t pte[2] = {kit_maddr_of(page) | PTE_RW, kit_maddr_of(other) | PTE_RW};
    static const unsigned long flags[] = {UVMF_TLB_FLUSH | UVMF_LOCAL, UVMF_TLB_FLUSH | UVMF_ALL,
                                          UVMF_INVLPG | UVMF_LOCAL, UVMF_INVLPG | UVMF_ALL};

    page[0] = 1, other[0] = 2;
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
        CHECK_RC(UVA(page, pte[1], flags[i]), 0);
        CHECK_EQ(READ_ONCE(page[0]), 2);
        CHECK_RC(UVA(page, pte[0], flags[i]), 0);
        CHECK_EQ(READ_ONCE(page[0]), 1);
    }
    CHECK_RC(UVA(page, pte[1], UVMF_TLB_FLUSH | UVMF_MULTI | (uintptr_t)set), 0);
    CHECK_EQ(READ_ONCE(page[0]), 2);
    CHECK_RC(UVA(page, pte[0], UVMF_INVLPG | UVMF_MULTI | (uintptr_t)set), 0);
    CHECK_EQ(READ_ONCE(page[0]), 1);
    CHECK_RC(UVA(page, pte[0], UVMF_NONE), 0);
    CHECK_RC(UVA(page, pte[0], UVMF_NONE | UVMF_ALL), 0);
    CHECK_RC(UVA(page, pte[0], UVMF_NONE | 0x1000), 0); /* without a flush nobody reads the bitmap */
    CHECK_RC(UVA(page, pte[0], UVMF_TLB_FLUSH | UVMF_INVLPG), 0);
    CHECK_RC(UVA(page, pte[0], UVMF_INVLPG | 0x1000), -XEN_EFAULT);
    CHECK_RC(UVA(page, pte[0], UVMF_TLB_FLUSH | 0x1000), -XEN_EFAULT);
    kit_page_free(page);
    kit_page_free(other);
}

KIT_TEST(va_mapping_bad_addresses)
{
    uint64_t *page = kit_page_alloc(), pte = kit_maddr_of(page) | PTE_RW;

    CHECK_RC(UVA(0x1000, pte, UVMF_INVLPG), -XEN_EINVAL); /* no table there */
    CHECK_RC(UVA(0xffff900000000000UL, pte, UVMF_INVLPG), -XEN_EINVAL);
    CHECK_RC(UVA(0x8000000000000000UL, pte, UVMF_INVLPG), -XEN_EINVAL);
    CHECK_RC(UVA(HYPERVISOR_VIRT_START, pte, UVMF_INVLPG), -XEN_EINVAL);
    CHECK_RC(UVA(HYPERVISOR_VIRT_END - KIT_PAGE_SIZE, pte, UVMF_INVLPG), -XEN_EINVAL);
    CHECK_RC(UVA(0xffff82d040200000UL, 0, UVMF_INVLPG), -XEN_EINVAL);
    /* Low bits of the address do not matter. */
    CHECK_RC(UVA((uintptr_t)page + 0x123, pte, UVMF_INVLPG), 0);
    kit_page_free(page);
}

/* What a level 1 entry may say, and how it reads back. Only bits beyond the machine's address width are
 * refused. */
KIT_TEST(l1_flags)
{
    static const uint64_t flags[] = {
        0,
        PTE_PWT,
        PTE_PCD,
        PTE_PWT | PTE_PCD,
        PTE_PSE,
        PTE_PSE | PTE_PWT,
        PTE_G,
        PTE_AVL,
        PTE_PSE | PTE_PCD,
        PTE_NX,
        PTE_PSE | PTE_PCD | PTE_PWT,
        PTE_KERNEL,
        1UL << 53,
        1UL << 62,
        PTE_U,
        PTE_U | PTE_G,
        PTE_U | PTE_KERNEL,
        PTE_U | PTE_NX | PTE_AVL,
    };
    uint64_t *page = kit_page_alloc();

    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
        uint64_t pte = kit_maddr_of(page) | PTE_RW | flags[i];

        CHECK_RC(UVA(page, pte, UVMF_INVLPG), 0);
        CHECK_EQ(kit_pte_of((uintptr_t)page), kit_pte_as_read(pte));
    }
    CHECK_RC(UVA(page, kit_maddr_of(page) | PTE_RW | 1UL << 51, UVMF_INVLPG), -XEN_EPERM);
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(page);
}

/* A not-present entry may hold anything. */
KIT_TEST(l1_not_present)
{
    uint64_t *page = kit_page_alloc();

    CHECK_RC(UVA(page, 0xfffffffffffffffeUL, UVMF_INVLPG), 0);
    CHECK_EQ(kit_pte_of((uintptr_t)page), 0xfffffffffffffffeUL);
    CHECK_RC(UVA(page, 0, UVMF_INVLPG), 0);
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(page);
}

static long map_mfn(void *page, unsigned long mfn, uint64_t flags)
{
    return UVA(page, (uint64_t)mfn << 12 | flags, UVMF_INVLPG);
}

/* RAM that is the hypervisor's or nobody's: -EBUSY, read-only or not. (Frame 0x100 is where the hypervisor
 * starts.) */
KIT_TEST(frames_not_ours)
{
    uint64_t *page = kit_page_alloc();
    unsigned long top = (unsigned long)hcall_memory_op(XENMEM_maximum_ram_page, NULL), tried = 0, mapped = 0;

    CHECK_OR_RETURN(top > 0x1000 && top < 1UL << 24);
    CHECK_RC(map_mfn(page, 0x100, PTE_RO), -XEN_EBUSY);
    CHECK_RC(map_mfn(page, 0x100, PTE_RW), -XEN_EBUSY);
    for (unsigned long mfn = 0x100; mfn < top; mfn += 0x101) {
        unsigned long pfn = kit_m2p(mfn);

        if (pfn < kit_start_info->nr_pages && kit_p2m[pfn] == mfn)
            continue;
        tried++;
        mapped += map_mfn(page, mfn, PTE_RO) != -XEN_EBUSY;
    }
    CHECK(tried > 10);
    CHECK_EQ(mapped, 0);
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(page);
}

/* Domain 0 may map what is no RAM; not the local APIC; nothing beyond the machine's address width. */
KIT_TEST(frames_of_devices)
{
    static const unsigned long good[] = {0, 0x9f, 0xb8, 0xf0, 0xfec00, 0xe0000};
    uint64_t *page = kit_page_alloc();

    for (unsigned i = 0; i < ARRAY_SIZE(good); i++)
        CHECK_RC(map_mfn(page, good[i], PTE_RW), 0);
    CHECK_RC(map_mfn(page, 0xfee00, PTE_RW), -XEN_EPERM);
    CHECK_RC(map_mfn(page, 0xfee00, PTE_RO), -XEN_EPERM);
    CHECK_RC(map_mfn(page, 1UL << 39, PTE_RW), -XEN_EPERM);
    CHECK_RC(map_mfn(page, 0xfffffffffUL, PTE_RW), -XEN_EPERM);
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(page);
}

/* The I/O APIC is readable only: the entry is taken and loses W. */
KIT_TEST(io_apic_is_read_only)
{
    volatile uint32_t *page = kit_page_alloc();

    CHECK_RC(map_mfn((void *)page, 0xfec00, PTE_RW | PTE_PCD), 0);
    CHECK_EQ(kit_pte_of((uintptr_t)page) & (PTE_P | PTE_W), PTE_P);
    CHECK_RC(kit_set_rw((void *)page), 0);
    kit_page_free((void *)page);
}

/* The domain's own number is not a foreign domain, and neither is SELF's value in another guise. */
KIT_TEST(other_domains)
{
    uint64_t *page = kit_page_alloc(), *other = kit_page_alloc(), own = kit_maddr_of(page) | PTE_RW;
    uint64_t second = kit_maddr_of(other) | PTE_RW;
    uintptr_t va = (uintptr_t)page;

    CHECK_RC(hcall_update_va_mapping_otherdomain(va, second, UVMF_INVLPG, DOMID_SELF), 0);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, own, UVMF_INVLPG, 0), -XEN_ESRCH);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, own, UVMF_INVLPG, 77), -XEN_ESRCH);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, own, UVMF_INVLPG, DOMID_IO), -XEN_EBUSY);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, own, UVMF_INVLPG, DOMID_XEN), -XEN_EBUSY);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, own, UVMF_INVLPG, DOMID_COW), -XEN_ESRCH);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, own, UVMF_INVLPG, DOMID_INVALID), -XEN_ESRCH);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, own, UVMF_INVLPG, DOMID_IDLE), -XEN_ESRCH);
    /* A change of flags alone looks at no owner. */
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, second & ~PTE_D, UVMF_INVLPG, DOMID_IO), 0);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, 0xb8000UL | PTE_RW, UVMF_INVLPG, DOMID_IO), 0);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, second, UVMF_INVLPG, DOMID_SELF), 0);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, 0xb8000UL | PTE_RW, UVMF_INVLPG, DOMID_SELF), 0);
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(page);
    kit_page_free(other);
}

/* Another cache attribute makes a new mapping: it is judged as one. */
KIT_TEST(cache_attributes_later)
{
    static const uint64_t bits[] = {PTE_PCD, PTE_PWT, PTE_PSE, PTE_PSE | PTE_PCD};
    uint64_t *page = kit_page_alloc(), own = kit_maddr_of(page) | PTE_RW;
    uint64_t shared = kit_start_info->shared_info | PTE_RO, vga = 0xb8000UL | PTE_RW;
    uintptr_t va = (uintptr_t)page;

    for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
        CHECK_RC(kit_remap(page, shared), 0);
        CHECK_RC(kit_remap(page, shared | bits[i]), -XEN_EACCES); /* the hypervisor has it cached */
        CHECK_RC(kit_remap(page, own), 0);
        CHECK_RC(hcall_update_va_mapping_otherdomain(va, own | bits[i], UVMF_INVLPG, DOMID_IO), -XEN_EBUSY);
        CHECK_RC(kit_remap(page, own | bits[i]), 0);
        CHECK_EQ(kit_pte_of(va) & (PTE_PCD | PTE_PWT | PTE_PSE), bits[i]);
    }
    /* A device's memory cannot be made cached behind its mapping. */
    CHECK_RC(kit_remap(page, vga | PTE_PCD | PTE_PWT), 0);
    CHECK_RC(kit_remap(page, vga), 0);
    CHECK_EQ(kit_pte_of(va) & (PTE_PCD | PTE_PWT), PTE_PCD | PTE_PWT);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, vga, UVMF_INVLPG, DOMID_XEN), -XEN_EPERM);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, vga | PTE_PCD | PTE_PWT, UVMF_INVLPG, DOMID_XEN), 0);
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(page);
}
