/* SPDX-License-Identifier: MIT */
/* mmu_update: its commands, batches, and what it may write to. */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

static uint64_t entry_of(const volatile void *va)
{
    uint64_t maddr = 0;

    CHECK(kit_pte_find(kit_root_mfn, (uintptr_t)va, 1, &maddr, NULL));
    return maddr;
}

KIT_TEST(update_normal)
{
    uint64_t *page = kit_page_alloc(), *other = kit_page_alloc(), at = entry_of(page);

    page[0] = 1, other[0] = 2;
    CHECK_RC(kit_pte_write(at, kit_maddr_of(other) | PTE_RW), 0);
    kit_mmuext1(MMUEXT_INVLPG_LOCAL, (uintptr_t)page, 0);
    CHECK_EQ(READ_ONCE(page[0]), 2);
    CHECK_RC(kit_mmu_update1(at | MMU_PT_UPDATE_NO_TRANSLATE, kit_maddr_of(page) | PTE_RW, DOMID_SELF), 0);
    kit_mmuext1(MMUEXT_INVLPG_LOCAL, (uintptr_t)page, 0);
    CHECK_EQ(READ_ONCE(page[0]), 1);
    for (unsigned cmd = 4; cmd < 8; cmd++) /* the low three bits are the command */
        CHECK_RC(kit_mmu_update1(at | cmd, kit_maddr_of(page) | PTE_RW, DOMID_SELF), -XEN_ENOSYS);
    CHECK_EQ(kit_pte_of((uintptr_t)page), kit_pte_as_read(kit_maddr_of(page) | PTE_RW));
    kit_page_free(page);
    kit_page_free(other);
}

KIT_TEST(update_preserve_ad)
{
    uint64_t *page = kit_page_alloc(), at = entry_of(page),
             clean = kit_pte_as_read(kit_maddr_of(page) | PTE_P | PTE_W);

    CHECK_RC(kit_pte_write(at, clean), 0);
    CHECK_EQ(kit_pte_of((uintptr_t)page), clean);
    kit_mmuext1(MMUEXT_INVLPG_LOCAL, (uintptr_t)page, 0);
    page[0] = 1;
    CHECK_EQ(kit_pte_of((uintptr_t)page), clean | PTE_A | PTE_D);
    CHECK_RC(kit_mmu_update1(at | MMU_PT_UPDATE_PRESERVE_AD, clean, DOMID_SELF), 0);
    CHECK_EQ(kit_pte_of((uintptr_t)page), clean | PTE_A | PTE_D);
    CHECK_RC(kit_mmu_update1(at | MMU_PT_UPDATE_PRESERVE_AD, clean & ~PTE_W, DOMID_SELF), 0);
    CHECK_EQ(kit_pte_of((uintptr_t)page), (clean & ~PTE_W) | PTE_A | PTE_D);
    CHECK_RC(kit_pte_write(at, clean), 0);
    CHECK_EQ(kit_pte_of((uintptr_t)page), clean);
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(page);
}

KIT_TEST(update_machphys)
{
    void *page = kit_page_alloc();
    unsigned long mfn = kit_mfn_of(page), pfn = kit_pfn_of(page);

    CHECK_RC(kit_mmu_update1((uint64_t)mfn << 12 | MMU_MACHPHYS_UPDATE, 0x12345, DOMID_SELF), 0);
    CHECK_EQ(kit_m2p(mfn), 0x12345);
    CHECK_RC(kit_mmu_update1(((uint64_t)mfn << 12 | 0xff8) | MMU_MACHPHYS_UPDATE, pfn, DOMID_SELF), 0);
    CHECK_EQ(kit_m2p(mfn), pfn);
    CHECK_RC(kit_mmu_update1(0x1000000UL << 12 | MMU_MACHPHYS_UPDATE, 0, DOMID_SELF), -XEN_EINVAL);
    CHECK_RC(kit_mmu_update1(0x100UL << 12 | MMU_MACHPHYS_UPDATE, 0, DOMID_SELF), -XEN_EINVAL); /* not ours */
    kit_page_free(page);
}

KIT_TEST(update_batches)
{
    enum { N = 512 };
    uint64_t *pages = kit_pages_alloc(N);
    struct mmu_update *u = kit_pages_alloc(2);
    unsigned done = 99;

    for (unsigned i = 0; i < N; i++) {
        u[i].ptr = entry_of(pages + i * 512);
        u[i].val = kit_maddr_of(pages + i * 512) | PTE_RO;
    }
    CHECK_RC(hcall_mmu_update(u, N, &done, DOMID_SELF), 0);
    CHECK_EQ(done, N);
    for (unsigned i = 0; i < N; i++)
        u[i].val |= PTE_W | PTE_D;
    CHECK_RC(hcall_mmu_update(u, N, &done, DOMID_SELF), 0);
    CHECK_EQ(done, N);
    CHECK_EQ(kit_pte_of((uintptr_t)pages), kit_pte_as_read(u[0].val));
    CHECK_RC(hcall_mmu_update(u, 0, &done, DOMID_SELF), 0);
    CHECK_EQ(done, 0);
    /* It stops at the first bad one; those before it are done. */
    u[0].val &= ~PTE_W;
    u[5].val = 0x100000UL | PTE_RW;
    u[6].val &= ~PTE_W;
    done = 99;
    CHECK_RC(hcall_mmu_update(u, 8, &done, DOMID_SELF), -XEN_EBUSY);
    CHECK_EQ(done, 5);
    CHECK_EQ(kit_pte_of((uintptr_t)pages) & PTE_W, 0);
    CHECK_EQ(kit_pte_of((uintptr_t)(pages + 6 * 512)) & PTE_W, PTE_W);
    CHECK_RC(kit_set_rw(pages), 0);
    kit_pages_free(pages, N);
    kit_pages_free(u, 2);
}

KIT_TEST(update_arguments)
{
    uint64_t *page = kit_page_alloc(), *other = kit_page_alloc();
    struct mmu_update u = {.ptr = entry_of(page), .val = kit_maddr_of(page) | PTE_RW};
    unsigned done = 99;

    CHECK_RC(hcall_mmu_update(&u, 1, NULL, DOMID_SELF), 0);
    CHECK_RC(hcall_mmu_update(&u, 1, (void *)0x1000, DOMID_SELF),
             0); /* nobody minds that the count gets lost */
    CHECK_RC(hcall_mmu_update((void *)0x1000, 1, &done, DOMID_SELF), -XEN_EFAULT);
    CHECK_EQ(done, 0);
    CHECK_RC(hcall_mmu_update((void *)HYPERVISOR_VIRT_START, 1, &done, DOMID_SELF), -XEN_EFAULT);
    CHECK_RC(hcall_mmu_update(&u, 1, &done, 0), -XEN_ESRCH); /* oneself is not a foreign domain */
    CHECK_RC(hcall_mmu_update(&u, 1, &done, 77), -XEN_ESRCH);
    u.val = kit_maddr_of(other) | PTE_RW;
    CHECK_RC(hcall_mmu_update(&u, 1, &done, DOMID_IO), -XEN_EBUSY);
    CHECK_RC(hcall_mmu_update(&u, 1, &done, DOMID_XEN), -XEN_EBUSY);
    u.val = kit_maddr_of(page) | PTE_RW;
    CHECK_RC(hcall_mmu_update(&u, 1, &done, DOMID_SELF | 1U << 16), 0); /* page tables of domain 0 */
    CHECK_RC(hcall_mmu_update(&u, 1, &done, DOMID_SELF | 78U << 16), -XEN_ESRCH);
    CHECK_RC(hcall_mmu_update(&u, 1, &done, DOMID_SELF | (DOMID_SELF + 1) << 16), -XEN_ESRCH);
    CHECK_RC(hcall_mmu_update(&u, 0x80000001, &done, DOMID_SELF), 0); /* the mark of a preempted call */
    CHECK_RC(hcall_mmu_update(&u, 0x80000000, &done, DOMID_SELF), 0);
    kit_page_free(page);
    kit_page_free(other);
}

/* Frames that are no page tables. */
KIT_TEST(update_wrong_targets)
{
    uint64_t *page = kit_page_alloc(), *other = kit_page_alloc();
    uint64_t *read_only = kit_page_alloc();

    other[3] = 7;
    /* A writable page is simply written, whatever the value. */
    CHECK_RC(kit_pte_write(kit_maddr_of(other) + 24, 0x1234567), 0);
    CHECK_EQ(READ_ONCE(other[3]), 0x1234567);
    /* One that is only mapped read-only has no type, and gets the writable one for the moment. */
    CHECK_RC(kit_set_ro(read_only), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(read_only), 0x55), 0);
    CHECK_EQ(READ_ONCE(read_only[0]), 0x55);
    CHECK_RC(kit_set_rw(read_only), 0);
    CHECK_RC(kit_pte_write(0x100000UL, 0), -XEN_EINVAL);     /* the hypervisor's, or nobody's */
    CHECK_RC(kit_pte_write(0x1000000000UL, 0), -XEN_EINVAL); /* no RAM */
    CHECK_RC(kit_pte_write(kit_start_info->shared_info, 0),
             0); /* shared info is the hypervisor's page, shared with us */
    kit_page_free(page);
    kit_page_free(other);
    kit_page_free(read_only);
}

KIT_TEST(update_upper_levels)
{
    uint64_t *l1 = kit_table_alloc(), *l2 = kit_table_alloc(), *l3 = kit_table_alloc(), root_entry;
    uintptr_t va = 0x7000000000UL;
    uint64_t *page = kit_page_alloc(), v;

    CHECK(kit_pte_find(kit_root_mfn, va, 4, &root_entry, NULL));
    CHECK_RC(kit_pte_write(root_entry, kit_maddr_of(l3) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(l3) + ((va >> 30) & 511) * 8, kit_maddr_of(l2) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + ((va >> 21) & 511) * 8, kit_maddr_of(l1) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(l1) + ((va >> 12) & 511) * 8, kit_maddr_of(page) | PTE_RW), 0);
    page[0] = 0x99;
    CHECK(kit_peek((void *)va, &v) && v == 0x99);
    /* Large pages are not for PV guests; nor other reserved bits. */
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + 8, (kit_maddr_of(page) & ~0x1fffffUL) | PTE_RW | PTE_PSE),
             -XEN_EINVAL);
    CHECK_RC(kit_pte_write(kit_maddr_of(l3) + 8, (kit_maddr_of(page) & ~0x3fffffffUL) | PTE_RW | PTE_PSE),
             -XEN_EINVAL);
    CHECK_RC(kit_pte_write(root_entry + 8, kit_maddr_of(l3) | PTE_TABLE | PTE_PSE), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + 8, kit_maddr_of(l1) | PTE_TABLE | PTE_G), -XEN_EINVAL);
    /* A plain page, or a table of another level, is no table. */
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + 8, kit_maddr_of(page) | PTE_TABLE), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + 8, kit_maddr_of(l3) | PTE_TABLE), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(kit_maddr_of(l3) + 8, kit_maddr_of(l1) | PTE_TABLE), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(root_entry + 8, kit_maddr_of(l2) | PTE_TABLE), -XEN_EINVAL);
    /* Twice the same is fine. */
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + 8, kit_maddr_of(l1) | PTE_TABLE), 0);
    CHECK(kit_peek((void *)(va + 0x200000), &v) && v == 0x99);
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + 8, 0), 0);
    /* Flags of a directory entry change without revalidation; not-present entries may hold anything. */
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + ((va >> 21) & 511) * 8, kit_maddr_of(l1) | PTE_RO), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
    CHECK(!kit_poke((void *)va, 1));
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + ((va >> 21) & 511) * 8, kit_maddr_of(l1) | PTE_TABLE), 0);
    CHECK_EQ(l2[(va >> 21) & 511], kit_maddr_of(l1) | PTE_TABLE);
    CHECK_EQ(l3[(va >> 30) & 511], kit_maddr_of(l2) | PTE_TABLE);
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + 16, 0xfffffffffffffffeUL), 0);
    /* Taking the top entry away frees everything below. */
    CHECK_RC(kit_pte_write(root_entry, 0), 0);
    CHECK_RC(kit_table_free(l1), 0);
    CHECK_RC(kit_table_free(l2), 0);
    CHECK_RC(kit_table_free(l3), 0);
    kit_page_free(page);
}

/* Slots 256 to 271 of a top-level table are the hypervisor's. */
KIT_TEST(update_reserved_slots)
{
    uint64_t root = (uint64_t)kit_root_mfn << 12;
    uint64_t *l3 = kit_table_alloc();
    uint64_t *view = kit_va_of_mfn(kit_root_mfn);

    for (unsigned slot = 256; slot < 272; slot++) {
        CHECK_RC(kit_pte_write(root + slot * 8, kit_maddr_of(l3) | PTE_TABLE), -XEN_EINVAL);
        CHECK_RC(kit_pte_write(root + slot * 8, 0), -XEN_EINVAL);
        CHECK_RC(kit_pte_write(root + slot * 8, view[slot]), -XEN_EINVAL);
    }
    CHECK_RC(kit_pte_write(root + 272 * 8, kit_maddr_of(l3) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(root + 272 * 8, 0), 0);
    CHECK_RC(kit_pte_write(root + 255 * 8, kit_maddr_of(l3) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(root + 255 * 8, 0), 0);
    CHECK_RC(kit_table_free(l3), 0);
}

/* The hypervisor has its own pages cached: an entry that maps one may not have another attribute, neither as a new one nor by a change of that alone. */
KIT_TEST(attributes_of_shared_info)
{
    uint64_t *table = kit_page_alloc(), slot = kit_maddr_of(table);
    uint64_t info = kit_start_info->shared_info & PTE_ADDR;

    CHECK_RC(kit_set_ro(table), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(table)), 0);
    CHECK_RC(kit_pte_write(slot, info | PTE_RW | PTE_PCD), -XEN_EACCES);
    CHECK_RC(kit_pte_write(slot, info | PTE_RW | PTE_PSE), -XEN_EACCES);
    CHECK_RC(kit_pte_write(slot, info | PTE_RW), 0);
    CHECK_RC(kit_pte_write(slot, info | PTE_RW | PTE_PCD | PTE_PWT), -XEN_EACCES);
    CHECK_RC(kit_pte_write(slot, info | PTE_RW | PTE_PWT), -XEN_EACCES);
    CHECK_RC(kit_pte_write(slot, info | PTE_RW | PTE_PSE), -XEN_EACCES);
    CHECK_RC(kit_pte_write(slot, 0), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(table)), 0);
    CHECK_RC(kit_set_rw(table), 0);
    kit_page_free(table);
}
