/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables of PV guests on a fake machine: single steps, and one pin stopped at every point. Random operations: pv_mmu_random.c; threads at the
 * same entries: pv_mmu_race.c.
 * UNIT-SOURCES: abi/codec.c hypervisor/core/guest_abi.c tests/unit/support/alloc.c hypervisor/core/authority.c hypervisor/core/frame_ref.c hypervisor/pv/leaf.c hypervisor/pv/l1tf.c hypervisor/pv/validate.c hypervisor/pv/pt_update.c hypervisor/pv/update_va.c hypervisor/pv/mmu_update.c hypervisor/pv/mmuext.c
 * UNIT-FLAGS: -DHYPERCALL_BUDGET=1 -DRACE_POINT=fake_race_point -include fake_race.h
 */
#include "pv_space.h"

static void test_pin_unpin(void **state)
{
    build_space(d0);
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF), 0);
    assert_int_equal(word_of(10), fw_make(FT_L4, FW_VALID, 1, 2) | FW_PINNED);
    assert_int_equal(word_of(11), fw_make(FT_L3, FW_VALID, 1, 2));
    assert_int_equal(word_of(13), fw_make(FT_L1, FW_VALID, 1, 2));
    assert_int_equal(word_of(20), fw_make(FT_WRITABLE, FW_VALID, 1, 2));
    assert_int_equal(word_of(21), fw_make(FT_NONE, FW_IDLE, 0, 2));
    assert_int_equal(table_of(13)[2], 0xdead0);
    assert_int_equal(table_of(13)[0], PTE(20, P | W | U) | PTE_KERNEL);
    assert_int_equal(table_of(12)[0], PTE(13, P | W | U));
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF), -EINVAL);
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L3_TABLE, 10, 0, DOMID_SELF), -EINVAL);
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L1_TABLE, 20, 0, DOMID_SELF), -EINVAL);
    assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 10, 0, DOMID_SELF), 0);
    assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 10, 0, DOMID_SELF), -EINVAL);
    for (unsigned int i = 10; i < 40; i++)
        assert_int_equal(word_of(i) & ~FW_TYPE_MASK, fw_make(0, FW_IDLE, 0, 1));
    /* Again: what was adjusted stays what it was. */
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF), 0);
    assert_int_equal(table_of(13)[0], PTE(20, P | W | U) | PTE_KERNEL);
}

static void test_refused_tables(void **state)
{
    static const struct {
        unsigned int table, slot;
        uint64_t pte;
    } bad[] = {
        {13, 5, PTE(13, P | W)},  /* itself, writable */
        {13, 5, PTE(12, P | W)},  /* a page table, writable */
        {13, 5, PTE(100, P)},     /* nobody's */
        {13, 5, PTE(200, P)},     /* another domain's: the caller is not privileged */
        {13, 5, PTE(3600, P)},    /* device memory without permission */
        {13, 5, PTE(1 << 20, P)}, /* beyond the machine */
        {12, 5, PTE(13, P) | PTE_GLOBAL},
        {12, 5, PTE(22, P | PTE_LARGE)},
        {12, 5, PTE(20, P)}, /* mapped writable elsewhere */
        {11, 5, PTE(13, P)}, /* an L1 as an L2 */
        {10, 5, PTE(200, P)},
        {10, 5, PTE(10, P | W)}, /* itself, writable */
    };

    build_space(d1);
    fake_allocate(d0, 200);
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        table_of(bad[i].table)[bad[i].slot] = bad[i].pte;
        assert_true(mmuext(d1->vcpu[0], MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF) < 0);
        table_of(bad[i].table)[bad[i].slot] = 0;
        for (unsigned int f = 10; f < 40; f++)
            assert_int_equal(word_of(f) & ~FW_TYPE_MASK, fw_make(0, FW_IDLE, 0, 1));
    }
    assert_int_equal(word_of(200), fw_make(FT_NONE, FW_IDLE, 0, 1));
    assert_int_equal(mmuext(d1->vcpu[0], MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF), 0);
}

static void test_update_va(void **state)
{
    build_space(d0);
    assert_int_equal(mmuext(v0, MMUEXT_NEW_BASEPTR, 10, 0, DOMID_SELF), 0);
    assert_int_equal(fake.root_loads, 1);
    assert_int_equal(update_va(v0, 0x3000, PTE(22, P | W), 0), 0);
    assert_int_equal(word_of(22), fw_make(FT_WRITABLE, FW_VALID, 1, 2));
    /* Flags alone: no count moves. */
    assert_int_equal(update_va(v0, 0x3000, PTE(22, P | W | U) | PTE_NX | PTE_DIRTY, 0), 0);
    assert_int_equal(word_of(22), fw_make(FT_WRITABLE, FW_VALID, 1, 2));
    assert_int_equal(table_of(13)[3], PTE(22, P | W | U) | PTE_NX | PTE_DIRTY | PTE_GLOBAL);
    assert_int_equal(update_va(v0, 0x3000, PTE(22, P), 0), 0);
    assert_int_equal(word_of(22), fw_make(FT_WRITABLE, FW_IDLE, 0, 2));
    assert_int_equal(update_va(v0, 0x3000, PTE(22, P | W), UVMF_INVLPG), 0);
    assert_int_equal(word_of(22), fw_make(FT_WRITABLE, FW_VALID, 1, 2));
    assert_int_equal(fake.page_flushes, 1);
    assert_int_equal(update_va(v0, 0x3000, PTE(23, P), 0), 0);
    assert_int_equal(word_of(22), fw_make(FT_WRITABLE, FW_IDLE, 0, 1));
    assert_int_equal(word_of(23), fw_make(FT_NONE, FW_IDLE, 0, 2));
    assert_int_equal(update_va(v0, 0x3000, 0, 0), 0);
    assert_int_equal(word_of(23), fw_make(FT_NONE, FW_IDLE, 0, 1));
    assert_int_equal(update_va(v0, 0x4000, PTE(13, P | W), 0), -EBUSY);
    assert_int_equal(update_va(v0, 0x4000, PTE(13, P), 0), 0);
    assert_int_equal(update_va(v0, 0x200000, PTE(22, P), 0), -EINVAL); /* no L1 there */
    assert_int_equal(update_va(v0, HYPERVISOR_START, PTE(22, P), 0), -EINVAL);
    /* Device memory */
    fake.mmio_allowed = 1;
    assert_int_equal(update_va(v0, 0x5000, PTE(3600, P | W), 0), 0);
    assert_int_equal(update_va(v0, 0x6000, PTE(1 << 24, P | W), 0), 0);
    assert_int_equal(update_va(v0, 0x5000, 0, 0), 0);
    assert_int_equal(word_of(3600), 0);
}

/* PT8: no page changes between data and page table while a processor that may remember the old use has not flushed. */
static void test_retype_flushes(void **state)
{
    build_space(d0);
    assert_int_equal(mmuext(v0, MMUEXT_NEW_BASEPTR, 10, 0, DOMID_SELF), 0);
    assert_int_equal(update_va(v0, 0x3000, PTE(22, P | W), 0), 0);
    assert_int_equal(update_va(v0, 0x3000, 0, 0), 0);
    fake.flushes = 0;
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L1_TABLE, 22, 0, DOMID_SELF), 0);
    assert_int_equal(fake.flushes, 1);
    assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 22, 0, DOMID_SELF), 0);
    assert_int_equal(update_va(v0, 0x3000, PTE(22, P | W), 0), 0);
    assert_int_equal(fake.flushes, 2);
    /* All have flushed since it was given up: no need. */
    assert_int_equal(update_va(v0, 0x3000, 0, 0), 0);
    tlb_flush_mask(&d0->dirty_cpus, TLB_FLUSH);
    fake.flushes = 0;
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L1_TABLE, 22, 0, DOMID_SELF), 0);
    assert_int_equal(fake.flushes, 0);
}

static void test_mmu_update(void **state)
{
    mmu_update_t batch[] = {
        {(13 << 12) + 8 * 8, PTE(24, P | W)},    {(13 << 12) + 9 * 8, PTE(25, P)},
        {(24 << 12) + MMU_MACHPHYS_UPDATE, 777}, {(30 << 12) + 16, 0x1234567},
        {(13 << 12) + 9 * 8, PTE(12, P | W)},
    };
    unsigned int done = 99;
    struct hypercall hc;

    build_space(d0);
    assert_int_equal(mmuext(v0, MMUEXT_NEW_BASEPTR, 10, 0, DOMID_SELF), 0);
    hc = fake_hypercall(v0, (uintptr_t)batch, 5, (uintptr_t)&done, DOMID_SELF);
    assert_int_equal(do_mmu_update(&hc), -EBUSY);
    assert_int_equal(done, 4);
    assert_int_equal(word_of(24), fw_make(FT_WRITABLE, FW_VALID, 1, 2));
    assert_int_equal(m2p_table[24], 777);
    assert_int_equal(table_of(30)[2], 0x1234567);
    /* Accessed and dirty are kept where asked. */
    table_of(13)[8] |= PTE_AD;
    assert_int_equal(mmu_update(v0, (13 << 12) + 64 + MMU_PT_UPDATE_PRESERVE_AD, PTE(24, P | W), DOMID_SELF),
                     0);
    assert_int_equal(table_of(13)[8] & PTE_AD, PTE_AD);
    assert_int_equal(mmu_update(v0, (13 << 12) + 64, PTE(24, P | W), DOMID_SELF), 0);
    assert_int_equal(table_of(13)[8] & PTE_AD, 0);
    /* Upper levels: hang another L1 in, take it out. */
    table_of(31)[0] = PTE(26, P | W);
    assert_int_equal(mmu_update(v0, (12 << 12) + 8, PTE(31, P | W), DOMID_SELF), 0);
    assert_int_equal(word_of(31), fw_make(FT_L1, FW_VALID, 1, 2));
    assert_int_equal(word_of(26), fw_make(FT_WRITABLE, FW_VALID, 1, 2));
    assert_int_equal(mmu_update(v0, (12 << 12) + 8, PTE(31, P), DOMID_SELF), 0);
    assert_int_equal(mmu_update(v0, (12 << 12) + 8, 0, DOMID_SELF), 0);
    assert_int_equal(word_of(26), fw_make(FT_WRITABLE, FW_IDLE, 0, 1));
    assert_int_equal(mmu_update(v0, (10 << 12) + 256 * 8, PTE(11, P), DOMID_SELF), -EINVAL);
    assert_int_equal(mmu_update(v0, 200 << 12, 0, DOMID_SELF), -EINVAL);
    assert_int_equal(mmu_update(v0, 1ULL << 40, 0, DOMID_SELF), -EINVAL);
    assert_int_equal(mmu_update(v0, (13 << 12) + 4, 0, DOMID_SELF), -ENOSYS);
}

static void test_foreign(void **state)
{
    build_space(d0);
    fake_allocate(d1, 300);
    assert_int_equal(mmuext(v0, MMUEXT_NEW_BASEPTR, 10, 0, DOMID_SELF), 0);
    assert_int_equal(mmu_update(v0, (13 << 12) + 64, PTE(300, P | W), 1), 0);
    assert_int_equal(word_of(300), fw_make(FT_WRITABLE, FW_VALID, 1, 2) | FW_STRANGERS);
    assert_int_equal(mmu_update(v0, (13 << 12) + 72, PTE(300, P), 77), -ESRCH);
    assert_int_equal(mmu_update(v0, (13 << 12) + 64, 0, DOMID_SELF), 0);
    assert_int_equal(word_of(300), fw_make(FT_WRITABLE, FW_IDLE, 0, 1) | FW_STRANGERS);
    /* PT13: the owner has run nowhere, but who mapped it has, and did not flush. */
    cpumask_zero(&d1->dirty_cpus);
    fake.flushes = 0;
    assert_int_equal(mmuext(d1->vcpu[0], MMUEXT_PIN_L1_TABLE, 300, 0, DOMID_SELF), 0);
    assert_int_equal(fake.flushes, 1);
    assert_int_equal(word_of(300), fw_make(FT_L1, FW_VALID, 1, 2) | FW_PINNED);
    assert_int_equal(mmuext(d1->vcpu[0], MMUEXT_UNPIN_TABLE, 300, 0, DOMID_SELF), 0);
    /* What is only read leaves nothing to be flushed before the page is a table again. */
    assert_int_equal(mmu_update(v0, (13 << 12) + 64, PTE(300, P), 1), 0);
    assert_int_equal(mmu_update(v0, (13 << 12) + 64, 0, DOMID_SELF), 0);
    assert_int_equal(word_of(300), fw_make(FT_L1, FW_IDLE, 0, 1));
    assert_int_equal(mmu_update(d1->vcpu[0], (300 << 12), PTE(20, P), 0), -EPERM);
    assert_int_equal(d0->references, 1);
    assert_int_equal(d1->references, 1);
}

/* PT14: what a domain with devices wrote past the caches is not what they hold, when the page becomes a table. */
static void test_uncached(void **state)
{
    const uint64_t how[] = {PTE_PCD, PTE_PWT, PTE_LARGE, PTE_LARGE | PTE_PCD};

    build_space(d0);
    assert_int_equal(mmuext(v0, MMUEXT_NEW_BASEPTR, 10, 0, DOMID_SELF), 0);
    d0->has_devices = false;
    assert_int_equal(mmu_update(v0, (13 << 12) + 64, PTE(30, P | W | PTE_PCD), DOMID_SELF), -EINVAL);
    d0->has_devices = true;
    for (unsigned int i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
        fake.cache_flushes = 0;
        assert_int_equal(mmu_update(v0, (13 << 12) + 64, PTE(30, P | W | how[i]), DOMID_SELF), 0);
        assert_int_equal(word_of(30), fw_make(FT_WRITABLE, FW_VALID, 1, 2) | FW_UNCACHED);
        assert_int_equal(mmu_update(v0, (13 << 12) + 64, PTE(30, P | W), DOMID_SELF), 0);
        assert_int_equal(mmu_update(v0, (13 << 12) + 64, 0, DOMID_SELF), 0);
        assert_int_equal(fake.cache_flushes, 0);
        table_of(30)[3] = PTE(30, P | W); /* no table: the flush comes before it is looked at */
        assert_int_equal(mmuext(v0, MMUEXT_PIN_L1_TABLE, 30, 0, DOMID_SELF), -EBUSY);
        assert_int_equal(fake.cache_flushes, PAGE_SIZE);
        assert_ptr_equal(fake.cache_flushed, mfn_to_va(MFN(30)));
        /* Once is enough: nobody has written there since. */
        table_of(30)[3] = 0;
        assert_int_equal(mmuext(v0, MMUEXT_PIN_L1_TABLE, 30, 0, DOMID_SELF), 0);
        assert_int_equal(fake.cache_flushes, PAGE_SIZE);
        assert_int_equal(word_of(30), fw_make(FT_L1, FW_VALID, 1, 2) | FW_PINNED);
        assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 30, 0, DOMID_SELF), 0);
    }
    /* Where a whole table is validated, too; and who only reads past the caches harms nobody. */
    table_of(31)[0] = PTE(32, P | W | PTE_PCD);
    table_of(31)[1] = PTE(33, P | PTE_PCD);
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L1_TABLE, 31, 0, DOMID_SELF), 0);
    assert_int_equal(word_of(32), fw_make(FT_WRITABLE, FW_VALID, 1, 2) | FW_UNCACHED);
    assert_int_equal(word_of(33), fw_make(FT_NONE, FW_IDLE, 0, 2));
}

static void test_linear(void **state)
{
    build_space(d0);
    table_of(10)[5] = PTE(10, P); /* itself */
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF), 0);
    assert_int_equal(word_of(10), fw_make(FT_L4, FW_VALID, 1, 2) | FW_PINNED);
    assert_int_equal(mmu_update(v0, (10 << 12) + 40, PTE(10, P | W), DOMID_SELF), -EINVAL);
    /* 32 names 10: allowed; 33 names 32: two deep, refused; 10 names 33: refused, it is named already. */
    table_of(32)[0] = PTE(10, P);
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 32, 0, DOMID_SELF), 0);
    assert_int_equal(word_of(10), fw_make(FT_L4, FW_VALID, 2, 3) | FW_PINNED);
    table_of(33)[0] = PTE(32, P);
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 33, 0, DOMID_SELF), -EINVAL);
    table_of(33)[0] = 0;
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 33, 0, DOMID_SELF), 0);
    assert_int_equal(mmu_update(v0, (10 << 12) + 48, PTE(33, P), DOMID_SELF), -EINVAL);
    assert_int_equal(mmu_update(v0, (32 << 12) + 48, PTE(33, P | W), DOMID_SELF), -EINVAL);
    assert_int_equal(mmu_update(v0, (32 << 12) + 48, PTE(33, P), DOMID_SELF), 0);
    assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 33, 0, DOMID_SELF), 0);
    assert_int_equal(word_of(33), fw_make(FT_L4, FW_VALID, 1, 2));
    assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 32, 0, DOMID_SELF), 0);
    assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 10, 0, DOMID_SELF), 0);
    for (unsigned int i = 10; i < 40; i++)
        assert_int_equal(word_of(i) & ~FW_TYPE_MASK, fw_make(0, FW_IDLE, 0, 1));
}

/* A tree that was left half devalidated is nothing for those who cannot stop; whoever can finishes it. */
static void test_left_half_done(void **state)
{
    struct hypercall hc = fake_hypercall(v0, 0, 0, 0, 0);

    build_space(d0);
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF), 0);
    fake.preempt_one_in = 1;
    assert_int_equal(frame_unpin(&frame_table[10], d0, &hc), -ERESTART);
    assert_int_equal(fw_phase(word_of(10)), FW_PARTIAL);
    assert_int_equal(frame_get_type(&frame_table[10], d0, FT_WRITABLE, NULL), -EINVAL);
    assert_int_equal(fw_phase(word_of(10)), FW_PARTIAL);
    fake.preempt_one_in = 0;
    assert_int_equal(frame_get_type(&frame_table[10], d0, FT_WRITABLE, &hc), 0);
    assert_int_equal(word_of(10), fw_make(FT_WRITABLE, FW_VALID, 1, 2));
    frame_put_type(&frame_table[10], d0, FT_WRITABLE, NULL);
}

/* Stopped at every point: the same pin, preempted after each k-th unit, ends in the same state. */
static void test_preempt_everywhere(void **state)
{
    uint64_t want[40];

    build_space(d0);
    for (unsigned int i = 0; i < 100; i++)
        table_of(13)[i * 5] = PTE(20 + i % 10, P | (i % 2 ? W : 0));
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF), 0);
    for (unsigned int i = 10; i < 40; i++)
        want[i] = word_of(i);
    assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 10, 0, DOMID_SELF), 0);
    fake.preempt_one_in = 1;
    assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF), 0);
    for (unsigned int i = 10; i < 40; i++)
        assert_int_equal(word_of(i), want[i]);
    assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 10, 0, DOMID_SELF), 0);
    for (unsigned int i = 10; i < 40; i++)
        assert_int_equal(word_of(i) & ~FW_TYPE_MASK, fw_make(0, FW_IDLE, 0, 1));
    /* Begun and left: the next who wants the frame as something else cleans up. */
    for (unsigned int stop = 1; stop < 120; stop++) {
        struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = 10};
        struct hypercall hc = fake_hypercall(v0, (uintptr_t)&op, 1, 0, DOMID_SELF);
        unsigned int i;

        for (i = 0; i < stop && do_mmuext_op(&hc) == -ERESTART; i++)
            ;
        if (i < stop) {
            assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 10, 0, DOMID_SELF), 0);
            break;
        }
        assert_int_equal(mmuext(v0, MMUEXT_CLEAR_PAGE, 35, 0, DOMID_SELF), 0);
        assert_int_equal(mmu_update(v0, (10 << 12) + 1024, 0, DOMID_SELF), 0); /* as plain memory */
        for (i = 10; i < 40; i++)
            assert_int_equal(word_of(i) & ~FW_TYPE_MASK, fw_make(0, FW_IDLE, 0, 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_pin_unpin),          CASE(test_refused_tables), CASE(test_update_va),
        CASE(test_retype_flushes),     CASE(test_mmu_update),     CASE(test_foreign),
        CASE(test_uncached),           CASE(test_linear),         CASE(test_left_half_done),
        CASE(test_preempt_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
