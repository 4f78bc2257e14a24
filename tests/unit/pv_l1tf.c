/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The L1TF rule: which not-present entries a domain under the rule may store, by each way in which an entry gets into a page table.
 * UNIT-SOURCES: abi/codec.c hypervisor/core/guest_abi.c tests/unit/support/alloc.c hypervisor/core/authority.c hypervisor/core/frame_ref.c hypervisor/pv/leaf.c hypervisor/pv/l1tf.c hypervisor/pv/validate.c hypervisor/pv/pt_update.c hypervisor/pv/update_va.c hypervisor/pv/mmu_update.c hypervisor/pv/mmuext.c
 */
#include "fake_machine.h"

int pv_check_descriptor_page(struct domain *d, uint64_t *page)
{
    return 0;
}

int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries)
{
    return 0;
}

void pv_show_m2p(struct domain *owner, uint64_t *l4, bool shown)
{
}

void pv_root_changed(struct domain *owner)
{
}

static unsigned int crashes;

void domain_crash(struct vcpu *v, const char *fmt, ...)
{
    crashes++;
}

static struct domain *d;

static int setup(void **state)
{
    fake_machine_up();
    d = &fake.domain[1].d;
    fake.domain[1].l1tf_rule = true;
    l1tf_limits =
        (struct l1tf_limits){.address = ((1ULL << 44) - 1) & PTE_ADDRESS, .end = 4096ULL << PAGE_SHIFT};
    crashes = 0;
    for (unsigned int i = 10; i < 30; i++)
        fake_allocate(d, i);
    return 0;
}

static int teardown(void **state)
{
    return fake_machine_down();
}

static uint64_t *table_of(uint64_t mfn)
{
    return mfn_to_va(MFN(mfn));
}

/* What is stored, and whether the rule allows it in an L1 and above. */
static const struct {
    uint64_t pte;
    bool leaf, table;
} entries[] = {
    {0, true, true},
    {0xe00 | PTE_WRITE | PTE_USER, true, true}, /* no address */
    {PTE_LARGE, true, false},                 /* bit 7 is the PAT bit of an L1 entry, and 2 MiB at 0 above */
    {20ULL << 12, false, false},              /* somebody's page */
    {4095ULL << 12, false, false},            /* the last one */
    {4096ULL << 12, true, true},              /* beyond memory */
    {~20ULL << 12 & PTE_ADDRESS, true, true}, /* the complement, as kernels do it */
    {1ULL << 44 | 20ULL << 12, false, false}, /* bit 44 is not compared: page 20 */
    {1ULL << 63 | 1ULL << 52 | 20ULL << 12, false, false}, /* nor are those that are no address */
    {1ULL << 63 | 1ULL << 52, true, true},
};

static long run_mmu_update(struct vcpu *v, uint64_t ptr, uint64_t val)
{
    mmu_update_t u = {ptr, val};
    struct hypercall hc = fake_hypercall(v, (uintptr_t)&u, 1, 0, DOMID_SELF);

    return do_mmu_update(&hc);
}

static long pin(struct vcpu *v, unsigned int cmd, uint64_t mfn)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = mfn};
    struct hypercall hc = fake_hypercall(v, (uintptr_t)&op, 1, 0, DOMID_SELF);

    return do_mmuext_op(&hc);
}

static void test_update(void **state)
{
    assert_int_equal(pin(d->vcpu[0], MMUEXT_PIN_L1_TABLE, 13), 0);
    assert_int_equal(pin(d->vcpu[0], MMUEXT_PIN_L2_TABLE, 12), 0);
    for (unsigned int i = 0; i < ARRAY_SIZE(entries); i++) {
        unsigned int before = crashes;

        assert_int_equal(run_mmu_update(d->vcpu[0], 13ULL << 12, entries[i].pte),
                         entries[i].leaf ? 0 : -EINVAL);
        assert_int_equal(run_mmu_update(d->vcpu[0], 12ULL << 12, entries[i].pte),
                         entries[i].table ? 0 : -EINVAL);
        assert_int_equal(crashes - before, !entries[i].leaf + !entries[i].table);
        if (entries[i].leaf)
            assert_int_equal(table_of(13)[0], entries[i].pte);
    }
}

static void test_validation(void **state)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(entries); i++) {
        table_of(13)[511] = table_of(12)[511] = entries[i].pte;
        assert_int_equal(pin(d->vcpu[0], MMUEXT_PIN_L1_TABLE, 13), entries[i].leaf ? 0 : -EINVAL);
        assert_int_equal(pin(d->vcpu[0], MMUEXT_PIN_L2_TABLE, 12), entries[i].table ? 0 : -EINVAL);
        if (entries[i].leaf)
            assert_int_equal(pin(d->vcpu[0], MMUEXT_UNPIN_TABLE, 13), 0);
        if (entries[i].table)
            assert_int_equal(pin(d->vcpu[0], MMUEXT_UNPIN_TABLE, 12), 0);
    }
}

static void test_others_are_free(void **state)
{
    fake.domain[1].l1tf_rule = false;
    for (unsigned int i = 0; i < ARRAY_SIZE(entries); i++) {
        table_of(13)[511] = entries[i].pte;
        assert_int_equal(pin(d->vcpu[0], MMUEXT_PIN_L1_TABLE, 13), 0);
        assert_int_equal(run_mmu_update(d->vcpu[0], 13ULL << 12, entries[i].pte), 0);
        assert_int_equal(pin(d->vcpu[0], MMUEXT_UNPIN_TABLE, 13), 0);
    }
    assert_int_equal(crashes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_update, setup, teardown),
        cmocka_unit_test_setup_teardown(test_validation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others_are_free, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
