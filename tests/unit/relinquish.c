/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a PV domain's memory, stopped at every unit of work and at random: every page comes back, whatever mapped what, and a domain is done after a number of calls that grows with
 * what it holds and no faster. The seed is printed; SEED=n repeats a run.
 * UNIT-SOURCES: abi/codec.c hypervisor/core/guest_abi.c tests/unit/support/alloc.c hypervisor/core/authority.c hypervisor/pv/relinquish.c hypervisor/core/frame_ref.c hypervisor/core/domain_memory.c hypervisor/core/orphan.c hypervisor/core/memory_claim.c hypervisor/core/domain_nodes.c hypervisor/core/numa.c hypervisor/core/vnuma.c hypervisor/core/domain_part.c hypervisor/core/memory_reservation.c hypervisor/pv/leaf.c hypervisor/pv/validate.c hypervisor/pv/l1tf.c
 * Counts are narrow: a thousand references are the most that a frame takes.
 * UNIT-FLAGS: -DHYPERCALL_BUDGET=1 -DFAKE_WITHOUT_RELEASE -DFW_GENERAL_BITS=11 -DFW_COUNT_BITS=11
 */
#include "fake_machine.h"
#include "core/memory_op.h"
#include "core/orphan.h"
#include "hv/log.h"

#define PAGES 3000

void domain_crash(struct vcpu *v, const char *fmt, ...)
{
    fail_msg("no domain here is under the L1TF rule");
}

static struct domain *d0, *d1;
static unsigned int freed;

int pv_check_descriptor_page(struct domain *d, uint64_t *page)
{
    return 0;
}

void pv_drop_gdt(struct vcpu *v)
{
}

void pv_drop_ldt(struct vcpu *v)
{
}

struct frame *heap_alloc(unsigned int order, unsigned int width, struct heap_where where, unsigned int flags)
{
    return NULL;
}

void heap_free(struct frame *f, unsigned int order)
{
    f[0] = (struct frame){.owner = FRAME_OWNER_NONE, .flags = FRAME_FREE};
    freed++;
}

void log_printf(enum log_level level, const char *fmt, ...)
{
}

void hv_free_pages(void *va, unsigned int order)
{
    fail_msg("no domain here is freed");
}

/* Scrubbed: nothing that could write to it is left. */
void heap_free_clean(struct frame *f, unsigned int order)
{
    const uint64_t *words = frame_to_va(f);

    for (unsigned int i = 0; i < PAGE_SIZE / 8; i++)
        assert_int_equal(words[i], 0);
    assert_true(!f->tlb_stamp || fake.flushes);
    heap_free(f, order);
}

unsigned int heap_prepare(struct frame *f, unsigned int count, unsigned int flags)
{
    return 0;
}

uint64_t heap_free_frames(void)
{
    return 0;
}

static unsigned int left_growing;

int memory_exchange_drop(struct domain *d, struct hypercall *hc)
{
    return 0;
}

int memory_extent_drop(struct domain *d)
{
    return left_growing && left_growing-- ? -ERESTART : 0;
}

int memory_grow_large(struct hypercall *hc, struct domain *d, unsigned int order, unsigned int width,
                      struct heap_where where, uint64_t pfn, struct frame **out)
{
    return -ENOMEM;
}

int memory_give_up_large(struct hypercall *hc, struct domain *d, uint64_t first, unsigned int order)
{
    return -EINVAL;
}

int memory_op_domain(struct hypercall *hc, domid_id_t id, struct domain **out)
{
    return -ESRCH;
}

static uint64_t *table_of(uint64_t mfn)
{
    return mfn_to_va(MFN(mfn));
}

static int setup(void **state)
{
    fake_machine_up();
    freed = 0;
    d0 = &fake.domain[0].d;
    d1 = &fake.domain[1].d;
    d0->max_pages = d1->max_pages = ~0ULL;
    d0->page_list = d0->page_walk = d1->page_list = d1->page_walk = FRAME_LIST_END;
    lock_init(&d1->page_lock, RANK_PAGE_LIST);
    for (uint64_t i = 0; i < PAGES; i++)
        assert_int_equal(domain_assign_frames(d1, &frame_table[i], 0), 0);
    return 0;
}

static int teardown(void **state)
{
    return fake_machine_down();
}

#define P PTE_PRESENT
#define W PTE_WRITE

/* Tables 10..13 over pages 100.., table 14 an L4 of its own that names 10 read-only (linear) or 11. */
static void make_tables(unsigned int l1_entries)
{
    table_of(10)[0] = 11 << 12 | P | W;
    table_of(11)[0] = 12 << 12 | P | W;
    table_of(12)[3] = 13 << 12 | P | W;
    for (unsigned int i = 0; i < l1_entries; i++)
        table_of(13)[i] = (uint64_t)(100 + i) << 12 | P | (i & 1 ? W : 0);
    table_of(14)[0] = 11 << 12 | P | W;
    table_of(14)[5] = 10 << 12 | P;
    assert_int_equal(frame_pin(&frame_table[10], d1, FT_L4, NULL), 0);
    assert_int_equal(frame_get_type(&frame_table[14], d1, FT_L4, NULL), 0);
    fake.vcpu[1][1]->root_kernel = &frame_table[14];
    assert_int_equal(frame_pin(&frame_table[13], d1, FT_L1, NULL), 0);
}

/* How many calls it took. */
static unsigned int relinquish(unsigned int most)
{
    unsigned int calls = 1;

    d1->state = DOMAIN_DYING;
    while (pv_relinquish(d1)) {
        calls++;
        if (calls > most)
            fail_msg("not done after %u calls: %lu pages are left", most, d1->tot_pages);
    }
    return calls;
}

static void assert_all_gone(unsigned int but)
{
    assert_int_equal(d1->tot_pages, but);
    assert_int_equal(freed, PAGES - but);
    assert_null(fake.vcpu[1][1]->root_kernel);
}

/* Something is pending at each look. A unit is a vcpu, a page, an entry; each page is visited twice. */
static void test_stopped_everywhere(void **state)
{
    make_tables(500);
    fake.preempt_one_in = 1;
    left_growing = 3;
    relinquish(2 * PAGES + FAKE_VCPUS + 5 * 512 + 20);
    assert_all_gone(0);
}

static void test_not_stopped(void **state)
{
    make_tables(500);
    assert_int_equal(relinquish(1), 1);
    assert_all_gone(0);
}

/* A guest has mapped its pinned root, and a table that was left half done, as often as goes: the tables that do so come after them in the walk. */
static void test_counts_at_their_limit(void **state)
{
    struct frame *full[] = {&frame_table[10], &frame_table[20]};
    unsigned int slot = 0;

    make_tables(500);
    table_of(20)[1] = 100 << 12 | P;
    table_of(20)[2] = 101 << 12 | P;
    fake.preempt_one_in = 1;
    struct hypercall hc = {.budget = HYPERCALL_BUDGET};
    assert_int_equal(frame_pin(full[1], d1, FT_L1, &hc), -ERESTART);
    fake.preempt_one_in = 0;
    assert_int_equal(fw_phase(full[1]->word), FW_PARTIAL);
    for (unsigned int i = 0; i < ARRAY_SIZE(full); i++)
        for (uint64_t w = full[i]->word; !(w & FW_GENERAL_GUARD); w++, slot++)
            table_of(2 + slot / 512)[slot % 512] = (uint64_t)(full[i] - frame_table) << 12 | P;
    for (unsigned int i = 0; i * 512 < slot; i++)
        assert_int_equal(frame_pin(&frame_table[2 + i], d1, FT_L1, NULL), 0);
    for (unsigned int i = 0; i < ARRAY_SIZE(full); i++)
        assert_false(frame_get(full[i], d1));
    relinquish(1);
    assert_all_gone(0);
}

/* Somebody who may works on a table of the dying domain's; it is waited for. */
static void test_worked_on(void **state)
{
    make_tables(500);
    frame_table[14].word += fw_make(0, FW_WORK, 0, 0) - fw_make(0, FW_VALID, 0, 0);
    fake.vcpu[1][1]->root_kernel = NULL; /* that reference is the worker's */
    d1->state = DOMAIN_DYING;
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(pv_relinquish(d1), -ERESTART);
    assert_true(d1->tot_pages > 0);
    frame_table[14].word += fw_make(0, FW_PARTIAL, 0, 0) - fw_make(0, FW_WORK, 0, 0) - FW_COUNT_ONE;
    relinquish(1);
    assert_all_gone(0);
}

/* Pages that another domain maps stay; they leave the list while the walk stands at them, before it, behind it. */
static void test_mapped_by_others(void **state)
{
    struct frame *held[64];
    unsigned int left = ARRAY_SIZE(held);

    make_tables(300);
    fake.preempt_one_in = 1;
    for (unsigned int run = 0; run < ARRAY_SIZE(held); run++) {
        held[run] = &frame_table[200 + run * 40 + random64() % 40];
        assert_true(frame_get(held[run], d1));
    }
    d1->state = DOMAIN_DYING;
    for (unsigned int calls = 0; pv_relinquish(d1); calls++) {
        struct frame *here = domain_pages_current(d1);

        assert_true(calls < 3 * PAGES + 5000);
        for (unsigned int i = 8; i < left; i++) /* the first eight stay */
            if (random64() % 500 == 0 || (held[i] == here && random64() % 2)) {
                frame_put(held[i]);
                held[i--] = held[--left];
            }
    }
    while (left > 8)
        frame_put(held[--left]);
    assert_all_gone(8);
    fake.preempt_one_in = 0;
    for (unsigned int i = 0; i < 8; i++)
        frame_put(held[i]);
    assert_all_gone(0);
    assert_int_equal(pv_relinquish(d1), 0);
}

/* The same, at the last of the domain's steps: what is mapped does not keep the domain. */
static void test_orphans(void **state)
{
    struct frame *held[PAGES];
    unsigned int count = 0;
    uint32_t references;

    make_tables(300);
    for (unsigned int i = 0; i < PAGES; i += 7)
        if (frame_get(mfn_to_frame(MFN(i)), d1))
            held[count++] = mfn_to_frame(MFN(i));
    assert_true(count > 100);
    relinquish(1);
    assert_int_equal(d1->tot_pages, count);
    references = d1->references;
    while (orphan_pages(d1) == -ERESTART)
        ;
    assert_int_equal(d1->tot_pages, 0);
    assert_int_equal(d1->references, references - 1);
    assert_int_equal(orphan_count(), count);
    for (unsigned int i = 0; i < count; i++) {
        struct frame *f = held[i];

        assert_int_equal(f->owner, FRAME_OWNER_ORPHAN);
        assert_false(frame_get(f, d1));
        frame_put(f);
        assert_int_equal(f->owner, FRAME_OWNER_NONE);
        assert_int_equal(orphan_count(), count - i - 1);
    }
    assert_null(orphan_first());
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_stopped_everywhere), CASE(test_not_stopped),      CASE(test_counts_at_their_limit),
        CASE(test_worked_on),          CASE(test_mapped_by_others), CASE(test_orphans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
