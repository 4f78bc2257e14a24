/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables of PV guests on a fake machine: single steps; then random operations, stopped and continued at random points, against a
 * model that knows no counts but recomputes them all from who holds what; then the same from two threads.
 * The seed is printed; SEED=n in the environment repeats a run, STEPS=n lengthens it.
 * UNIT-SOURCES: abi/codec.c hypervisor/core/guest_abi.c tests/unit/support/alloc.c hypervisor/core/authority.c hypervisor/core/frame_ref.c hypervisor/pv/leaf.c hypervisor/pv/l1tf.c hypervisor/pv/validate.c hypervisor/pv/pt_update.c hypervisor/pv/update_va.c hypervisor/pv/mmu_update.c hypervisor/pv/mmuext.c hypervisor/pv/frame_audit.c
 * UNIT-FLAGS: -DHYPERCALL_BUDGET=1 -DRACE_POINT=fake_race_point -include fake_race.h
 */
#include "fake_machine.h"
#include "core/frame_audit.h"
#include "core/orphan.h"
#include "hv/log.h"
#include <pthread.h>
#include <time.h>

/* Nobody has died here. */
uint64_t orphan_count(void)
{
    return 0;
}

struct frame *orphan_first(void)
{
    return NULL;
}

struct frame *orphan_next(const struct frame *f)
{
    return NULL;
}

/* Stubs of parts that have their own tests. */
int pv_check_descriptor_page(struct domain *d, uint64_t *page)
{
    return page[0] == 0xbad ? -EINVAL : 0;
}

int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries)
{
    return 0;
}

void domain_crash(struct vcpu *v, const char *fmt, ...)
{
    fail_msg("no domain here is under the L1TF rule");
}

static struct domain *d0, *d1;
static struct vcpu *v0;

static int setup(void **state)
{
    fake_machine_up();
    d0 = &fake.domain[0].d;
    d1 = &fake.domain[1].d;
    v0 = d0->vcpu[0];
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

static uint64_t word_of(uint64_t mfn)
{
    return frame_table[mfn].word;
}

static long mmuext(struct vcpu *v, unsigned int cmd, uint64_t a, uint64_t b, uint32_t foreigndom)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = a, .arg2.src_mfn = b};
    struct hypercall hc = fake_hypercall(v, (uintptr_t)&op, 1, 0, foreigndom);
    long ret;

    do {
        ret = do_mmuext_op(&hc);
    } while (ret == -ERESTART);
    return ret;
}

static long mmu_update(struct vcpu *v, uint64_t ptr, uint64_t val, uint32_t foreigndom)
{
    mmu_update_t u = {ptr, val};
    struct hypercall hc = fake_hypercall(v, (uintptr_t)&u, 1, 0, foreigndom);
    long ret;

    do {
        ret = do_mmu_update(&hc);
    } while (ret == -ERESTART);
    return ret;
}

static long update_va(struct vcpu *v, uint64_t va, uint64_t val, uint64_t flags)
{
    struct hypercall hc = fake_hypercall(v, va, val, flags, 0);
    long ret;

    do {
        ret = do_update_va_mapping(&hc);
    } while (ret == -ERESTART);
    return ret;
}

#define P               PTE_PRESENT
#define W               PTE_WRITE
#define U               PTE_USER
#define PTE(mfn, flags) ((uint64_t)(mfn) << 12 | (flags))

/* 10: L4 -> 11: L3 -> 12: L2 -> 13: L1 -> pages 20.. */
static void build_space(struct domain *d)
{
    for (unsigned int i = 10; i < 40; i++)
        fake_allocate(d, i);
    table_of(10)[0] = PTE(11, P | W);
    table_of(11)[0] = PTE(12, P | W);
    table_of(12)[0] = PTE(13, P | W);
    table_of(13)[0] = PTE(20, P | W);
    table_of(13)[1] = PTE(21, P);
    table_of(13)[2] = 0xdead0; /* not present: anything */
}

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
    assert_int_equal(word_of(300), fw_make(FT_WRITABLE, FW_VALID, 1, 2));
    assert_int_equal(mmu_update(v0, (13 << 12) + 72, PTE(300, P), 77), -ESRCH);
    assert_int_equal(mmu_update(v0, (13 << 12) + 64, 0, DOMID_SELF), 0);
    assert_int_equal(word_of(300), fw_make(FT_WRITABLE, FW_IDLE, 0, 1));
    assert_int_equal(mmu_update(d1->vcpu[0], (300 << 12), PTE(20, P), 0), -EPERM);
    assert_int_equal(d0->references, 1);
    assert_int_equal(d1->references, 1);
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

/* --- Random operations against the naive model. --- */

#define POOL       96 /* frames in play, from POOL_FIRST on: the first half domain 0's, the rest domain 1's */
#define POOL_FIRST 512

struct counts {
    int64_t types, generals;
};

static void hold(struct counts *c, uint64_t mfn, unsigned int types, unsigned int generals)
{
    c[mfn].types += types;
    c[mfn].generals += generals;
}

static void count_entries(struct counts *c, uint64_t mfn)
{
    uint64_t w = word_of(mfn);
    enum frame_type t = fw_type(w);
    unsigned int end = fw_phase(w) == FW_PARTIAL ? frame_table[mfn].data & TD_PROGRESS_MASK : 512;

    for (unsigned int i = 0; i < end; i++) {
        uint64_t e = table_of(mfn)[i], target = e >> 12 & 0xffffffffff;

        if (!(e & P) || (t == FT_L4 && i >= 256 && i < 272) || target >= FAKE_MMIO)
            continue;
        if (t == FT_L1)
            hold(c, target, e & W ? 1 : 0, 1);
        else if (target != mfn)
            hold(c, target, 1, 1);
    }
}

static void compare_counts(uint64_t seed, unsigned int step)
{
    static struct counts c[FAKE_FRAMES];

    memset(c, 0, sizeof(c));
    for (unsigned int i = POOL_FIRST; i < POOL_FIRST + POOL; i++) {
        uint64_t w = word_of(i);

        if (frame_table[i].flags & FRAME_ON_LIST)
            hold(c, i, 0, 1);
        if (fw_pinned(w))
            hold(c, i, 1, 1);
        if (fw_phase(w) == FW_PARTIAL)
            hold(c, i, 0, 1);
        if (ft_is_table(fw_type(w)) && (fw_phase(w) == FW_VALID || fw_phase(w) == FW_PARTIAL))
            count_entries(c, i);
    }
    for (unsigned int d = 0; d < FAKE_DOMAINS; d++)
        for (unsigned int v = 0; v < FAKE_VCPUS; v++) {
            struct pv_vcpu *pv = fake.vcpu[d][v];

            if (pv->root_kernel)
                hold(c, frame_to_mfn(pv->root_kernel).n, 1, 1);
            if (pv->root_user)
                hold(c, frame_to_mfn(pv->root_user).n, 1, 1);
        }
    for (unsigned int i = POOL_FIRST; i < POOL_FIRST + POOL; i++) {
        uint64_t w = word_of(i);

        if (!fw_consistent(w) || fw_phase(w) == FW_WORK || (int64_t)fw_types(w) != c[i].types ||
            (int64_t)fw_general(w) != c[i].generals)
            fail_msg("seed %lu step %u: frame %u word %#lx (types %lu generals %lu), but held %ld and %ld",
                     seed, step, i, w, fw_types(w), fw_general(w), c[i].types, c[i].generals);
    }
}

static uint64_t any_frame(void)
{
    return POOL_FIRST + fake_random() % POOL;
}

static uint64_t frame_of(struct domain *d)
{
    return POOL_FIRST + d->id * (POOL / 2) + fake_random() % (POOL / 2);
}

static uint64_t random_entry(struct domain *d)
{
    uint64_t r = fake_random();
    uint64_t mfn = r % 50 == 0 ? 3600 : r % 20 == 0 ? any_frame() : frame_of(d);

    return r % 8 == 0 ? r & ~P & 0xffff : PTE(mfn, P | (r & (W | U | PTE_AD)) | (r % 5 == 0 ? PTE_NX : 0));
}

/* What a guest's own store can do: only to frames whose use lets it have a writable mapping. */
static void guest_store(struct domain *d)
{
    struct frame *f = &frame_table[frame_of(d)];

    if (f->owner != d->id || frame_get_type(f, d, FT_WRITABLE, NULL))
        return;
    for (unsigned int n = fake_random() % 6; n; n--)
        ((uint64_t *)frame_to_va(f))[fake_random() % 4 * 130] = random_entry(d);
    if (fake_random() % 3 == 0)
        memset(frame_to_va(f), 0, PAGE_SIZE);
    frame_put_type(f, d, FT_WRITABLE, NULL);
}

static uint32_t some_domid(void)
{
    static const uint32_t ids[] = {DOMID_SELF, DOMID_SELF, DOMID_SELF, DOMID_SELF,
                                   0,          1,          DOMID_IO,   1 | 2 << 16};

    return ids[fake_random() % ARRAY_SIZE(ids)];
}

/* One call, continued as the guest's instruction would be; sometimes it never is. */
static void call(long (*fn)(struct hypercall *hc), struct hypercall *hc)
{
    for (unsigned int left = fake_random() % 4 ? 10000 : fake_random() % 4; fn(hc) == -ERESTART && left;
         left--)
        ;
}

static void random_mmuext(struct vcpu *v)
{
    struct mmuext_op op[3];
    struct hypercall hc = fake_hypercall(v, (uintptr_t)op, 1 + fake_random() % 3, 0, some_domid());

    for (unsigned int i = 0; i < 3; i++) {
        op[i].cmd = fake_random() % 21;
        if (fake_random() % 2)
            op[i].cmd = fake_random() % 6;
        op[i].arg1.mfn = op[i].cmd == MMUEXT_NEW_USER_BASEPTR && fake_random() % 2 ? 0 : frame_of(v->domain);
        op[i].arg2.src_mfn = frame_of(v->domain);
        if (op[i].cmd == MMUEXT_TLB_FLUSH_MULTI || op[i].cmd == MMUEXT_INVLPG_MULTI)
            op[i].arg2.src_mfn = (uintptr_t)op;
    }
    call(do_mmuext_op, &hc);
}

static void random_mmu_update(struct vcpu *v)
{
    mmu_update_t u[4];
    struct hypercall hc = fake_hypercall(v, (uintptr_t)u, 1 + fake_random() % 4, 0, some_domid());

    for (unsigned int i = 0; i < 4; i++) {
        uint64_t r = fake_random();

        u[i].ptr = (r % 30 ? frame_of(v->domain) : any_frame()) << 12 | (r >> 8 & 3) * 130 * 8 |
                   (r % 4 ? 0 : r >> 20 & 3);
        u[i].val = random_entry(v->domain);
    }
    call(do_mmu_update, &hc);
}

static void random_update_va(struct vcpu *v)
{
    struct hypercall hc = fake_hypercall(v, 0, random_entry(v->domain), fake_random() % 8 & ~3ULL, 0);

    for (unsigned int shift = 12; shift < 48; shift += 9)
        hc.arg[0] |= (fake_random() % 4 * 130) << shift;
    if (pv_vcpu(v)->root_kernel)
        call(do_update_va_mapping, &hc);
}

static void random_allocation(struct domain *d)
{
    uint64_t mfn = frame_of(d);
    struct frame *f = &frame_table[mfn];

    if (f->owner == FRAME_OWNER_NONE) {
        fake_allocate(d, mfn);
    } else if (fake_random() % 4 == 0 && (f->flags & FRAME_ON_LIST)) {
        fake_free(f);
    }
}

static void random_step(struct vcpu *v)
{
    switch (fake_random() % 8) {
    case 0:
    case 1:
        guest_store(v->domain);
        break;
    case 2:
    case 3:
        random_mmu_update(v);
        break;
    case 4:
        random_update_va(v);
        break;
    case 5:
        random_allocation(v->domain);
        break;
    default:
        random_mmuext(v);
    }
}

static uint64_t seed_of_run(void)
{
    const char *s = getenv("SEED");

    return s ? strtoull(s, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
}

static unsigned int steps_of_run(unsigned int normal)
{
    const char *s = getenv("STEPS");

    return s ? (unsigned int)atoi(s) : normal;
}

static void start_pool(uint64_t seed)
{
    fake_seed = seed;
    fake.mmio_allowed = 1;
    for (unsigned int i = 0; i < POOL; i++)
        fake_allocate(i < POOL / 2 ? d0 : d1, POOL_FIRST + i);
}

/* Everything given up and finished: nothing may stay referenced but by the allocation. */
static void drop_everything(uint64_t seed)
{
    fake.preempt_one_in = 0;
    for (unsigned int d = 0; d < FAKE_DOMAINS; d++)
        for (unsigned int v = 0; v < FAKE_VCPUS; v++) {
            struct pv_vcpu *pv = fake.vcpu[d][v];
            struct hypercall hc = fake_hypercall(&pv->v, 0, 0, 0, 0);

            assert_int_equal(pv_finish_pending(&hc), 0);
            if (pv->root_kernel)
                frame_put_type(pv->root_kernel, &fake.domain[d].d, FT_L4, NULL);
            if (pv->root_user)
                frame_put_type(pv->root_user, &fake.domain[d].d, FT_L4, NULL);
            pv->root_kernel = pv->root_user = NULL;
        }
    for (unsigned int i = POOL_FIRST; i < POOL_FIRST + POOL; i++)
        if (fw_pinned(word_of(i)))
            assert_int_equal(frame_unpin(&frame_table[i], &fake.domain[frame_table[i].owner].d, NULL), 0);
    for (unsigned int round = 0; round < 2; round++)
        for (unsigned int i = POOL_FIRST; i < POOL_FIRST + POOL; i++)
            if (fw_phase(word_of(i)) == FW_PARTIAL)
                assert_int_equal(frame_resume(&frame_table[i], &fake.domain[frame_table[i].owner].d, NULL),
                                 0);
    for (unsigned int i = POOL_FIRST; i < POOL_FIRST + POOL; i++) {
        uint64_t w = word_of(i);

        if (w & ~FW_TYPE_MASK & ~FW_GENERAL_ONE)
            fail_msg("seed %lu: frame %u is left with word %#lx", seed, i, w);
    }
}

static void test_random(void **state)
{
    uint64_t seed = seed_of_run();
    unsigned int steps = steps_of_run(200000);

    printf("seed %lu\n", seed);
    start_pool(seed);
    for (unsigned int i = 0; i < steps; i++) {
        struct domain *d = &fake.domain[fake_random() % FAKE_DOMAINS].d;

        if (i % 1000 == 0)
            fake.preempt_one_in = (unsigned int)(fake_random() % 3 * 2);
        hosted_cpu = (unsigned int)(fake_random() % FAKE_VCPUS);
        random_step(d->vcpu[hosted_cpu]);
        if (i % 16 == 0)
            compare_counts(seed, i);
    }
    drop_everything(seed);
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

static void *racer(void *arg)
{
    struct vcpu *v = arg;

    fake_seed = seed_of_run() + v->id;
    for (unsigned int i = 0; i < steps_of_run(60000); i++)
        random_step(v);
    return NULL;
}

/* Two vcpus of one domain at once. */
static void test_race(void **state)
{
    uint64_t seed = seed_of_run();
    pthread_t t[FAKE_VCPUS];

    start_pool(seed);
    fake.preempt_one_in = 5;
    for (unsigned int i = 0; i < FAKE_VCPUS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, racer, d1->vcpu[i]), 0);
    for (unsigned int i = 0; i < FAKE_VCPUS; i++)
        pthread_join(t[i], NULL);
    compare_counts(seed, 0);
    drop_everything(seed);
}

/* --- Few entries, many hands: two vcpus write the same entries while a third takes the table in and out of use. --- */

static volatile bool hammering;

static void *hammer_entries(void *arg)
{
    struct vcpu *v = arg;

    fake_seed = seed_of_run() + v->id;
    while (hammering) {
        uint64_t r = fake_random();
        uint64_t pte = r % 4 ? PTE(20 + r % 3, P | (r >> 8 & W)) : 0;
        mmu_update_t u = {(13 << 12) + (r >> 16 & 1) * 8 + (r >> 20 & 2), pte};
        struct hypercall hc = fake_hypercall(v, (uintptr_t)&u, 1, 0, DOMID_SELF);

        if (r >> 32 & 1)
            hc = fake_hypercall(v, (r >> 16 & 1) << 12, pte, 0, 0);
        (void)(r >> 32 & 1 ? do_update_va_mapping(&hc) : do_mmu_update(&hc));
    }
    return NULL;
}

static void *hammer_table(void *arg)
{
    struct vcpu *v = arg;

    fake_seed = seed_of_run() + 99;
    for (unsigned int i = 0; i < steps_of_run(1000); i++) {
        mmu_update_t u = {12 << 12, i & 1 ? PTE(13, P | W) : 0};
        struct hypercall hc = fake_hypercall(v, (uintptr_t)&u, 1, 0, DOMID_SELF);

        while (do_mmu_update(&hc) == -ERESTART)
            ;
        /* In use for as long as it takes the others to get at it. */
        for (unsigned int pause = 0; pause < 3 && i & 1; pause++)
            sched_yield();
    }
    hammering = false;
    return NULL;
}

static void test_race_on_entries(void **state)
{
    static struct pv_vcpu third;
    pthread_t t[3];
    uint64_t expected[3] = {1, 1, 1};

    build_space(d0);
    assert_int_equal(mmuext(v0, MMUEXT_NEW_BASEPTR, 10, 0, DOMID_SELF), 0);
    pv_vcpu(d0->vcpu[1])->cr3_kernel = pv_vcpu(v0)->cr3_kernel;
    third.v = *v0;
    hammering = true;
    fake_race_one_in = 8;
    fake.preempt_one_in = 3;
    assert_int_equal(pthread_create(&t[0], NULL, hammer_entries, d0->vcpu[0]), 0);
    assert_int_equal(pthread_create(&t[1], NULL, hammer_entries, d0->vcpu[1]), 0);
    assert_int_equal(pthread_create(&t[2], NULL, hammer_table, &third.v), 0);
    for (unsigned int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    fake_race_one_in = 0;
    /* Whatever the entries say now, in use or not, that is what is held. */
    for (unsigned int i = 0; i < 512 && fw_phase(word_of(13)) == FW_VALID; i++)
        if (table_of(13)[i] & P)
            expected[pte_mfn(table_of(13)[i]).n - 20]++;
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(fw_general(word_of(20 + i)), expected[i]);
}

/* The same at chosen moments: while one vcpu is at the n-th point of a change of an entry, another takes the table out of use. */
static volatile bool other_done;
static pthread_t other;

static void *take_table_out(void *arg)
{
    assert_int_equal(mmuext(d0->vcpu[1], MMUEXT_UNPIN_TABLE, 13, 0, DOMID_SELF), 0);
    other_done = true;
    return NULL;
}

/* Waits for the other to finish, or to be seen to wait for us. */
static void let_other_run(void)
{
    assert_int_equal(pthread_create(&other, NULL, take_table_out, NULL), 0);
    for (unsigned int ms = 0; ms < 50 && !other_done; ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void test_entry_against_devalidation(void **state)
{
    build_space(d0);
    for (unsigned int n = 1; n <= 2; n++) {
        table_of(13)[0] = PTE(20, P | W);
        assert_int_equal(mmuext(v0, MMUEXT_PIN_L1_TABLE, 13, 0, DOMID_SELF), 0);
        other_done = false;
        fake_race_hook_in = n;
        fake_race_hook = let_other_run;
        (void)mmu_update(v0, 13 << 12, PTE(22, P | W), DOMID_SELF);
        assert_null(fake_race_hook);
        pthread_join(other, NULL);
        assert_true(other_done);
        for (unsigned int i = 10; i < 40; i++)
            assert_int_equal(word_of(i) & ~FW_TYPE_MASK, fw_make(0, FW_IDLE, 0, 1));
    }
}

/* --- The audit: silent on what is right, and not on what is wrong. --- */

struct domain *domain_first(void)
{
    return d0;
}

struct domain *domain_next(struct domain *d)
{
    return d == d0 ? d1 : NULL;
}

void event_name_holdings(struct domain *d, frame_holding_fn *fn, void *context)
{
}

void pirq_name_holdings(struct domain *d, frame_holding_fn *fn, void *context)
{
}

uint64_t *pv_ldt_pte(struct vcpu *v, unsigned int page)
{
    static uint64_t none;

    return &none;
}

void *hv_alloc_pages(unsigned int order)
{
    return calloc(1, PAGE_SIZE << order);
}

void hv_free_pages(void *va, unsigned int order)
{
    free(va);
}

/* No grants here. */
void grant_name_holdings(struct domain *d, frame_holding_fn *hold, void *context);
void grant_name_holdings(struct domain *d, frame_holding_fn *hold, void *context)
{
    (void)d;
    (void)hold;
    (void)context;
}

void pv_show_m2p(struct domain *owner, uint64_t *l4, bool shown)
{
}

void pv_root_changed(struct domain *owner)
{
}

void log_printf(enum log_level level, const char *fmt, ...)
{
}

/* The fake machine keeps no lists: they are made for the audit. */
static unsigned int run_audit(void)
{
    for (unsigned int i = 0; i < FAKE_DOMAINS; i++) {
        struct domain *d = &fake.domain[i].d;

        d->page_list = FRAME_LIST_END;
        d->tot_pages = 0;
        for (uint32_t n = 0; n < FAKE_MMIO; n++) {
            struct frame *f = &frame_table[n];

            if (f->owner == FRAME_OWNER_NONE)
                f->flags = FRAME_FREE;
            if (f->owner != d->id)
                continue;
            if (!(f->flags & FRAME_ON_LIST))
                f->flags = FRAME_ON_LIST | FRAME_GIVEN_UP;
            f->next = d->page_list;
            d->page_list = n;
            d->tot_pages++;
        }
    }
    return frame_audit();
}

static void test_audit(void **state)
{
    uint64_t seed = seed_of_run();

    start_pool(seed);
    fake.preempt_one_in = 4;
    assert_int_equal(run_audit(), 0);
    for (unsigned int i = 0; i < 20000; i++)
        random_step(fake.domain[fake_random() % FAKE_DOMAINS].d.vcpu[0]);
    if (run_audit())
        fail_msg("seed %lu: the audit complains", seed);
    /* One fault of each kind. */
    for (unsigned int i = POOL_FIRST; i < POOL_FIRST + POOL; i++) {
        uint64_t w = word_of(i);

        if (frame_table[i].owner == FRAME_OWNER_NONE)
            continue;
        frame_table[i].word = w + FW_GENERAL_ONE; /* a leak */
        assert_int_equal(run_audit(), 1);
        frame_table[i].word = w ^ FW_PINNED;
        assert_true(run_audit() > 0);
        frame_table[i].word = w;
        assert_int_equal(run_audit(), 0);
    }
    frame_table[POOL_FIRST + POOL].flags = 0;
    frame_table[POOL_FIRST + POOL].owner = 0;
    frame_table[POOL_FIRST + POOL].word = 5;
    assert_true(run_audit() > 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_pin_unpin),
        CASE(test_refused_tables),
        CASE(test_update_va),
        CASE(test_retype_flushes),
        CASE(test_mmu_update),
        CASE(test_foreign),
        CASE(test_linear),
        CASE(test_left_half_done),
        CASE(test_preempt_everywhere),
        CASE(test_random),
        CASE(test_race),
        CASE(test_race_on_entries),
        CASE(test_entry_against_devalidation),
        CASE(test_audit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
