/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables of PV guests on a fake machine: random operations, stopped and continued at random points, against a model that knows no counts but
 * recomputes them all from who holds what; the same from two threads; and the audit over the machine they leave. The seed is printed.
 * UNIT-SOURCES: abi/codec.c hypervisor/core/guest_abi.c tests/unit/support/alloc.c hypervisor/core/authority.c hypervisor/core/frame_ref.c hypervisor/pv/leaf.c hypervisor/pv/l1tf.c hypervisor/pv/validate.c hypervisor/pv/pt_update.c hypervisor/pv/update_va.c hypervisor/pv/mmu_update.c hypervisor/pv/mmuext.c hypervisor/pv/frame_audit.c
 * UNIT-FLAGS: -DHYPERCALL_BUDGET=1 -DRACE_POINT=fake_race_point -include fake_race.h
 */
#include "core/frame_audit.h"
#include "core/orphan.h"
#include "hv/log.h"
#include "pv_space.h"
#include <pthread.h>

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
    return POOL_FIRST + random64() % POOL;
}

static uint64_t frame_of(struct domain *d)
{
    return POOL_FIRST + d->id * (POOL / 2) + random64() % (POOL / 2);
}

static uint64_t random_entry(struct domain *d)
{
    uint64_t r = random64();
    uint64_t mfn = r % 50 == 0 ? 3600 : r % 20 == 0 ? any_frame() : frame_of(d);

    return r % 8 == 0 ? r & ~P & 0xffff : PTE(mfn, P | (r & (W | U | PTE_AD)) | (r % 5 == 0 ? PTE_NX : 0));
}

/* What a guest's own store can do: only to frames whose use lets it have a writable mapping. */
static void guest_store(struct domain *d)
{
    struct frame *f = &frame_table[frame_of(d)];

    if (f->owner != d->id || frame_get_type(f, d, FT_WRITABLE, NULL))
        return;
    for (unsigned int n = random64() % 6; n; n--)
        ((uint64_t *)frame_to_va(f))[random64() % 4 * 130] = random_entry(d);
    if (random64() % 3 == 0)
        memset(frame_to_va(f), 0, PAGE_SIZE);
    frame_put_type(f, d, FT_WRITABLE, NULL);
}

static uint32_t some_domid(void)
{
    static const uint32_t ids[] = {DOMID_SELF, DOMID_SELF, DOMID_SELF, DOMID_SELF,
                                   0,          1,          DOMID_IO,   1 | 2 << 16};

    return ids[random64() % ARRAY_SIZE(ids)];
}

/* One call, continued as the guest's instruction would be; sometimes it never is. */
static void call(long (*fn)(struct hypercall *hc), struct hypercall *hc)
{
    for (unsigned int left = random64() % 4 ? 10000 : random64() % 4; fn(hc) == -ERESTART && left; left--)
        ;
}

static void random_mmuext(struct vcpu *v)
{
    struct mmuext_op op[3];
    struct hypercall hc = fake_hypercall(v, (uintptr_t)op, 1 + random64() % 3, 0, some_domid());

    for (unsigned int i = 0; i < 3; i++) {
        op[i].cmd = random64() % 21;
        if (random64() % 2)
            op[i].cmd = random64() % 6;
        op[i].arg1.mfn = op[i].cmd == MMUEXT_NEW_USER_BASEPTR && random64() % 2 ? 0 : frame_of(v->domain);
        op[i].arg2.src_mfn = frame_of(v->domain);
        if (op[i].cmd == MMUEXT_TLB_FLUSH_MULTI || op[i].cmd == MMUEXT_INVLPG_MULTI)
            op[i].arg2.src_mfn = (uintptr_t)op;
    }
    call(do_mmuext_op, &hc);
}

static void random_mmu_update(struct vcpu *v)
{
    mmu_update_t u[4];
    struct hypercall hc = fake_hypercall(v, (uintptr_t)u, 1 + random64() % 4, 0, some_domid());

    for (unsigned int i = 0; i < 4; i++) {
        uint64_t r = random64();

        u[i].ptr = (r % 30 ? frame_of(v->domain) : any_frame()) << 12 | (r >> 8 & 3) * 130 * 8 |
                   (r % 4 ? 0 : r >> 20 & 3);
        u[i].val = random_entry(v->domain);
    }
    call(do_mmu_update, &hc);
}

static void random_update_va(struct vcpu *v)
{
    struct hypercall hc = fake_hypercall(v, 0, random_entry(v->domain), random64() % 8 & ~3ULL, 0);

    for (unsigned int shift = 12; shift < 48; shift += 9)
        hc.arg[0] |= (random64() % 4 * 130) << shift;
    if (pv_vcpu(v)->root_kernel)
        call(do_update_va_mapping, &hc);
}

static void random_allocation(struct domain *d)
{
    uint64_t mfn = frame_of(d);
    struct frame *f = &frame_table[mfn];

    if (f->owner == FRAME_OWNER_NONE) {
        fake_allocate(d, mfn);
    } else if (random64() % 4 == 0 && (f->flags & FRAME_ON_LIST)) {
        fake_free(f);
    }
}

static void random_step(struct vcpu *v)
{
    switch (random64() % 8) {
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

static void start_pool(uint64_t seed)
{
    random_sequence(0);
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

    start_pool(seed);
    for (unsigned int i = 0; i < steps; i++) {
        struct domain *d = &fake.domain[random64() % FAKE_DOMAINS].d;

        if (i % 1000 == 0)
            fake.preempt_one_in = (unsigned int)(random64() % 3 * 2);
        hosted_cpu = (unsigned int)(random64() % FAKE_VCPUS);
        random_step(d->vcpu[hosted_cpu]);
        if (i % 16 == 0)
            compare_counts(seed, i);
    }
    drop_everything(seed);
}

static void *racer(void *arg)
{
    struct vcpu *v = arg;

    random_sequence(1 + v->id);
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

/* --- The audit: silent on what is right, and not on what is wrong. --- */

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
        random_step(fake.domain[random64() % FAKE_DOMAINS].d.vcpu[0]);
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
    const struct CMUnitTest tests[] = {
        CASE(test_random),
        CASE(test_race),
        CASE(test_audit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
