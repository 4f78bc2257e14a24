/* SPDX-License-Identifier: MIT */
/* Mapping another domain's frames, and changing its page tables, for who may. */
#include "foreign.h"

#define PFD(d) (((unsigned)(d) + 1) << 16)
#define IO_MFN 0xb8UL

static char *window;

static long map(unsigned long mfn, uint64_t bits, unsigned domain)
{
    return mmu_one(pte_address(window), (uint64_t)mfn << 12 | bits, domain);
}

static bool ready(void)
{
    if (!window)
        window = kit_page_alloc();
    return puppet_ready() && window;
}

KIT_TEST(map_foreign)
{
    unsigned long own = kit_mfn_of(&puppet), data = puppet.mfn[9];

    CHECK_OR_RETURN(ready());
    data = puppet.mfn[9];
    CHECK_RC(map(data, PTE_RW, puppet.id), 0);
    CHECK_EQ(mmuext_one(MMUEXT_INVLPG_ALL, (uintptr_t)window, 0, DOMID_SELF), 0);
    *(volatile uint64_t *)window = 0xfeed;
    CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(9)), 0xfeed);
    CHECK_RC(map(data, PTE_RO, puppet.id), 0);
    /* The frame must be the named domain's. */
    CHECK_RC(map(data, PTE_RW, DOMID_SELF), -XEN_EBUSY);
    CHECK_RC(map(own, PTE_RW, puppet.id), -XEN_EBUSY);
    CHECK_RC(map(data, PTE_RW, DOMID_IO), -XEN_EBUSY);
    CHECK_RC(map(data, PTE_RW, DOMID_XEN), -XEN_EBUSY);
    CHECK_RC(map(data, PTE_RW, 77), -XEN_ESRCH);
    CHECK_RC(map(data, PTE_RW, DOMID_COW), -XEN_ESRCH);
    CHECK_RC(map(own, PTE_RW, 0), -XEN_ESRCH);
    /* Its page tables can be looked at and not written. */
    CHECK_RC(map(puppet.mfn[3], PTE_RW, puppet.id), -XEN_EBUSY);
    CHECK_RC(map(puppet.mfn[3], PTE_RO, puppet.id), 0);
    CHECK_RC(map(puppet.mfn[0], PTE_RO, puppet.id), 0);
    /* Device memory by its own rights, or by ours. */
    CHECK_RC(map(IO_MFN, PTE_RW, puppet.id), -XEN_EPERM);
    CHECK_RC(map(IO_MFN, PTE_RW, DOMID_IO), 0);
    CHECK_RC(map(0xfffff, PTE_RW, puppet.id), -XEN_EPERM);
    CHECK_RC(kit_set_rw(window), 0);
}

KIT_TEST(map_by_address)
{
    unsigned long va;

    CHECK_OR_RETURN(ready());
    va = (uintptr_t)window;
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, (uint64_t)puppet.mfn[9] << 12 | PTE_RW,
                                                 UVMF_INVLPG | UVMF_ALL, puppet.id),
             0);
    *(volatile uint64_t *)window = 0xbee;
    CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(9)), 0xbee);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, 0, 0, 77), -XEN_ESRCH);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, 0, 0, 0), -XEN_ESRCH);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, 0, 0, DOMID_SELF), 0);
    CHECK_RC(hcall_update_va_mapping_otherdomain(va, IO_MFN << 12 | PTE_RW, UVMF_INVLPG, DOMID_IO), 0);
    CHECK_RC(kit_set_rw(window), 0);
}

/* A table that maps another domain's frames cannot be made a table again by its owner alone. */
KIT_TEST(validate_foreign)
{
    uint64_t *table = kit_table_alloc();
    unsigned long mfn = kit_mfn_of(table);

    CHECK_OR_RETURN(ready() && table);
    kit_set_rw(table);
    table[0] = (uint64_t)puppet.mfn[9] << 12 | PTE_RW;
    kit_set_ro(table);
    CHECK_RC(kit_pin(1, mfn), -XEN_EBUSY);
    kit_table_clear(table);
    CHECK_RC(kit_pin(1, mfn), 0);
    CHECK_RC(mmu_one((uint64_t)mfn << 12, (uint64_t)puppet.mfn[9] << 12 | PTE_RW, puppet.id), 0);
    CHECK_RC(kit_unpin(mfn), 0);
    CHECK_RC(kit_pin(1, mfn), -XEN_EBUSY);
    kit_table_clear(table);
    CHECK_RC(kit_table_free(table), 0);
}

KIT_TEST(update_foreign)
{
    unsigned both = puppet.id | PFD(puppet.id);
    unsigned long own = kit_mfn_of(&puppet);
    uint64_t l1;

    CHECK_OR_RETURN(ready());
    both = puppet.id | PFD(puppet.id);
    l1 = (uint64_t)puppet.mfn[3] << 12;
    /* Whose table it is stands in the upper half; nobody else's is meant. */
    CHECK_RC(mmu_one(l1 + 8 * 20, (uint64_t)puppet.mfn[12] << 12 | PTE_RW, both), 0);
    kit_puppet_poke(&puppet, KIT_PUPPET_VA(12), 0x1212);
    CHECK_RC(mmu_one(l1 + 8 * 20, (uint64_t)puppet.mfn[12] << 12 | PTE_RW, puppet.id), -XEN_EINVAL);
    CHECK_RC(mmu_one(l1 + 8 * 20, (uint64_t)puppet.mfn[12] << 12 | PTE_RW, DOMID_SELF), -XEN_EINVAL);
    CHECK_RC(mmu_one(l1 + 8 * 22, (uint64_t)own << 12 | PTE_RO, both), -XEN_EBUSY);
    CHECK_RC(mmu_one(l1 + 8 * 23, (uint64_t)puppet.mfn[0] << 12 | PTE_RW, both), -XEN_EBUSY);
    /* Our frame in its table, by both names. */
    CHECK_RC(mmu_one(l1 + 8 * 21, (uint64_t)own << 12 | PTE_RO, DOMID_SELF | PFD(puppet.id)), 0);
    CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(21) + ((uintptr_t)&puppet & 0xfff)),
             *(uint64_t *)&puppet);
    CHECK_RC(mmu_one(l1 + 8 * 21, (uint64_t)puppet.mfn[21] << 12 | PTE_RW, both), 0);
    /* A page that is no table is written as memory. */
    CHECK_RC(mmu_one((uint64_t)puppet.mfn[13] << 12, 0x1234, both), 0);
    CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(13)), 0x1234);
    CHECK_RC(mmu_one((uint64_t)puppet.mfn[13] << 12, 0x1235, puppet.id), -XEN_EINVAL);
    CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(13)), 0x1234);
}

KIT_TEST(m2p_foreign)
{
    uint64_t ptr, own = (kit_maddr_of(&puppet) & ~0xfffUL) | MMU_MACHPHYS_UPDATE;

    CHECK_OR_RETURN(ready());
    ptr = (uint64_t)puppet.mfn[13] << 12 | MMU_MACHPHYS_UPDATE;
    CHECK_EQ(kit_m2p(puppet.mfn[13]), 13);
    CHECK_RC(mmu_one(ptr, 0x55, puppet.id), 0);
    CHECK_EQ(kit_m2p(puppet.mfn[13]), 0x55);
    CHECK_RC(mmu_one(ptr, 0x56, DOMID_SELF), -XEN_EINVAL);
    CHECK_RC(mmu_one(own, 0x57, puppet.id), -XEN_EINVAL);
    CHECK_RC(mmu_one(ptr, 0x58, puppet.id | PFD(puppet.id)), -XEN_EPERM);
    CHECK_EQ(kit_m2p(puppet.mfn[13]), 0x55);
    CHECK_RC(mmu_one(ptr, 13, puppet.id), 0);
}

KIT_TEST(pin_foreign)
{
    unsigned long root;

    CHECK_OR_RETURN(ready());
    root = puppet.mfn[0];
    CHECK_RC(mmuext_one(MMUEXT_UNPIN_TABLE, root, 0, DOMID_SELF), -XEN_EINVAL);
    CHECK_RC(mmuext_one(MMUEXT_UNPIN_TABLE, root, 0, puppet.id), 0);
    CHECK_RC(mmuext_one(MMUEXT_UNPIN_TABLE, root, 0, puppet.id), -XEN_EINVAL);
    CHECK_RC(mmuext_one(MMUEXT_PIN_L3_TABLE, root, 0, puppet.id), -XEN_EINVAL);
    CHECK_RC(mmuext_one(MMUEXT_PIN_L4_TABLE, root, 0, puppet.id), 0);
    CHECK_RC(mmuext_one(MMUEXT_PIN_L4_TABLE, root, 0, puppet.id), -XEN_EINVAL);
    CHECK_RC(mmuext_one(MMUEXT_PIN_L1_TABLE, puppet.mfn[9], 0, puppet.id), -XEN_EINVAL);
    CHECK_RC(mmuext_one(MMUEXT_PIN_L1_TABLE, kit_mfn_of(&puppet), 0, puppet.id), -XEN_EINVAL);
    CHECK_RC(mmuext_one(MMUEXT_NEW_BASEPTR, root, 0, DOMID_SELF), -XEN_EINVAL);
}

/* What acts on the caller's own vcpu has no other domain. */
KIT_TEST(own_only)
{
    static const unsigned own[] = {MMUEXT_NEW_BASEPTR,   MMUEXT_NEW_USER_BASEPTR, MMUEXT_TLB_FLUSH_LOCAL,
                                   MMUEXT_TLB_FLUSH_ALL, MMUEXT_INVLPG_ALL,       MMUEXT_FLUSH_CACHE,
                                   MMUEXT_SET_LDT};

    CHECK_OR_RETURN(ready());
    for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
        CHECK_RC(mmuext_one(own[i], puppet.mfn[0], 0, puppet.id), -XEN_EPERM);
    CHECK_RC(mmuext_one(MMUEXT_CLEAR_PAGE, puppet.mfn[13], 0, puppet.id), 0);
    CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(13)), 0);
    CHECK_RC(mmuext_one(MMUEXT_COPY_PAGE, puppet.mfn[13], puppet.mfn[4], puppet.id), 0);
    CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(13)), kit_puppet_peek(&puppet, KIT_PUPPET_VA(4)));
    CHECK_RC(mmuext_one(MMUEXT_COPY_PAGE, puppet.mfn[13], kit_mfn_of(&puppet), puppet.id), -XEN_EINVAL);
    CHECK_RC(mmuext_one(MMUEXT_CLEAR_PAGE, puppet.mfn[3], 0, puppet.id), -XEN_EINVAL);
}

static uint64_t types[14];

static long page_info(uint64_t num, void *list)
{
    struct xen_domctl op = {0};

    op.u.getpageframeinfo3.num = num;
    set_xen_guest_handle(op.u.getpageframeinfo3.array, list);
    return kit_domctl(XEN_DOMCTL_getpageframeinfo3, puppet.id, &op);
}

KIT_TEST(page_frame_info)
{
    static const uint64_t bad[] = {0xfffffff, ~0UL, 0, 0x12340000000fffffUL};

    CHECK_OR_RETURN(ready());
    for (unsigned i = 0; i < 9; i++)
        types[i] = puppet.mfn[i];
    types[9] = kit_mfn_of(&puppet);
    memcpy(types + 10, bad, sizeof(bad));
    CHECK_RC(page_info(14, types), 0);
    CHECK_EQ(types[0], XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB);
    CHECK_EQ(types[1], XEN_DOMCTL_PFINFO_L3TAB);
    CHECK_EQ(types[2], XEN_DOMCTL_PFINFO_L2TAB);
    CHECK_EQ(types[3], XEN_DOMCTL_PFINFO_L1TAB);
    for (unsigned i = 4; i < 9; i++)
        CHECK_EQ(types[i], XEN_DOMCTL_PFINFO_NOTAB);
    for (unsigned i = 9; i < 14; i++)
        CHECK_EQ(types[i], XEN_DOMCTL_PFINFO_XTAB);
    CHECK_RC(page_info(0, types), 0);
    CHECK_RC(page_info(1025, types), -XEN_E2BIG);
    CHECK_RC(page_info(1UL << 40, types), -XEN_E2BIG);
    CHECK_RC(page_info(1, (void *)0x1000), -XEN_EFAULT);
}
