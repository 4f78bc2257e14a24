/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Grant tables on a fake machine of two domains: random maps, unmaps, copies and writes to the entries, against a model that only knows which handles it was given.
 * SEED=n in the environment repeats a run, STEPS=n lengthens it.
 * UNIT-SOURCES: abi/codec.c hypervisor/core/guest_abi.c hypervisor/core/authority.c hypervisor/core/frame_ref.c hypervisor/pv/leaf.c hypervisor/pv/l1tf.c hypervisor/pv/validate.c hypervisor/pv/pt_update.c hypervisor/pv/update_va.c hypervisor/pv/mmu_update.c hypervisor/pv/p2m.c hypervisor/pv/grant_host.c hypervisor/grant/table.c hypervisor/grant/setup.c hypervisor/grant/version.c hypervisor/grant/hypercall.c hypervisor/grant/use.c hypervisor/grant/maptrack.c hypervisor/grant/map.c hypervisor/grant/unmap.c hypervisor/grant/copy.c hypervisor/grant/orphan.c hypervisor/grant/swap.c hypervisor/grant/cache_flush.c
 * UNIT-FLAGS: -DHYPERCALL_BUDGET=1
 */
#define FAKE_WITHOUT_RELEASE
#include <sys/mman.h>
#include "fake_machine.h"
#include "grant/table.h"

static unsigned int next_page = 1000;

void *hv_alloc_pages(unsigned int order)
{
    assert_int_equal(order, 0);
    memset(mfn_to_va(MFN(next_page)), 0, PAGE_SIZE);
    return mfn_to_va(MFN(next_page++));
}

void hv_free_pages(void *va, unsigned int order)
{
    if (va)
        mfn_to_frame(va_to_mfn(va))->owner = FRAME_OWNER_NONE;
}

void *hv_zalloc(size_t size)
{
    return calloc(1, size);
}

void hv_free(void *p)
{
    free(p);
}

void domain_share_hypervisor_page(struct domain *d, void *va, bool writable)
{
    struct frame *f = mfn_to_frame(va_to_mfn(va));

    f->flags |= FRAME_XENHEAP;
    f->word = fw_make(FT_WRITABLE, FW_VALID, 1, 1);
    f->owner = d->id;
}

struct domain *domain_get_or_self(domid_id_t id, struct domain *self)
{
    if (id != DOMID_SELF)
        return domain_get(id);
    domain_ref(self);
    return self;
}

void domain_unshare_hypervisor_page(struct domain *d, void *va)
{
}

void orphan_free_shared_page(struct domain *d, void *va)
{
    hv_free_pages(va, 0);
}

void domain_release_frame(struct frame *f)
{
    fake.released++;
    f->word = 0;
    f->owner = FRAME_OWNER_NONE;
}

/* Pages change hands in tests/guest/grant, where there is a heap. */
long grant_op_transfer(struct hypercall *hc)
{
    return -ENOSYS;
}

int pv_check_descriptor_page(struct domain *d, uint64_t *page)
{
    return 0;
}

void domain_crash(struct vcpu *crashed, const char *fmt, ...)
{
    fail_msg("no domain here is under the L1TF rule");
}

void pv_root_changed(struct domain *owner)
{
}

static struct domain *granter, *mapper;
static struct vcpu *v;

#define L1      20  /* of the mapper */
#define PAGES   100 /* eight frames of the granter from here on */
#define ENTRIES 8

static int setup(void **state)
{
    fake_machine_up();
    next_page = 1000;
    granter = &fake.domain[0].d;
    mapper = &fake.domain[1].d; /* not privileged */
    v = mapper->vcpu[0];
    assert_int_equal(grant_domain_init(granter, GRANT_DEFAULT_FRAMES, GRANT_DEFAULT_MAPTRACK), 0);
    assert_int_equal(grant_domain_init(mapper, GRANT_DEFAULT_FRAMES, GRANT_DEFAULT_MAPTRACK), 0);
    fake_allocate(mapper, L1);
    assert_int_equal(frame_pin(mfn_to_frame(MFN(L1)), mapper, FT_L1, NULL), 0);
    for (unsigned int i = 0; i < ENTRIES; i++)
        fake_allocate(granter, PAGES + i);
    fake_allocate(mapper, 50);
    return 0;
}

static int teardown(void **state)
{
    grant_domain_free(granter);
    grant_domain_free(mapper);
    return fake_machine_down();
}

static void grant(unsigned int ref, uint64_t mfn, uint16_t flags)
{
    volatile grant_entry_v1_t *e = grant_v1(granter->grant, ref);

    e->domid = 1;
    e->frame = (uint32_t)mfn;
    e->flags = flags;
}

static long call(uint64_t cmd, void *op, uint64_t count)
{
    struct hypercall hc = fake_hypercall(v, cmd, (uintptr_t)op, count, 0);
    long rc;

    do {
        rc = do_grant_table_op(&hc);
    } while (rc == -ERESTART);
    return rc;
}

static uint64_t slot_address(unsigned int slot)
{
    return L1 * PAGE_SIZE + slot * 8;
}

static struct gnttab_map_grant_ref map(unsigned int ref, unsigned int slot, uint32_t flags)
{
    struct gnttab_map_grant_ref m = {
        .ref = ref, .host_addr = slot_address(slot), .flags = flags | GNTMAP_host_map | GNTMAP_contains_pte};

    assert_int_equal(call(GNTTABOP_map_grant_ref, &m, 1), 0);
    return m;
}

static int unmap(uint32_t handle, unsigned int slot)
{
    struct gnttab_unmap_grant_ref u = {.handle = handle, .host_addr = slot_address(slot)};

    assert_int_equal(call(GNTTABOP_unmap_grant_ref, &u, 1), 0);
    return u.status;
}

/* The frame lives on when its owner gives it up, and goes with the last mapping; a flush comes before that. */
static void test_given_up_while_mapped(void **state)
{
    struct frame *f = mfn_to_frame(MFN(PAGES));
    struct gnttab_map_grant_ref m;

    grant(0, PAGES, GTF_permit_access);
    m = map(0, 0, 0);
    assert_int_equal(m.status, GNTST_okay);
    assert_int_equal(fw_types(f->word), 2);
    fake_free(f);
    assert_int_equal(fake.released, 0);
    fake.flushes = 0;
    assert_int_equal(unmap(m.handle, 0), GNTST_okay);
    assert_int_equal(fake.released, 1);
    assert_true(fake.flushes > 0);
}

static struct gnttab_map_grant_ref both; /* a mapping for the processor and for a device */

static void unmap_device_part(void)
{
    struct gnttab_unmap_grant_ref u = {.handle = both.handle, .dev_bus_addr = PAGES * PAGE_SIZE};

    assert_int_equal(call(GNTTABOP_unmap_grant_ref, &u, 1), 0);
    assert_int_equal(u.status, GNTST_okay);
    assert_int_equal(grant_use(granter->grant, 0)->readers, 0);
    assert_true(fake.flushes > 0);
}

static void hook_second_element(void)
{
    fake.copy_hook = unmap_device_part;
}

/* G5: the part for the processor goes in a batch that has not flushed yet when another vcpu's batch ends the mapping: that one flushes. */
static void test_parts_in_two_batches(void **state)
{
    struct gnttab_unmap_grant_ref u[2];

    grant(0, PAGES, GTF_permit_access);
    both = map(0, 0, GNTMAP_device_map);
    assert_int_equal(both.status, GNTST_okay);
    u[0] = (struct gnttab_unmap_grant_ref){.handle = both.handle, .host_addr = slot_address(0)};
    u[1] = (struct gnttab_unmap_grant_ref){.handle = NO_HANDLE};
    fake.flushes = 0;
    fake.copy_hook = hook_second_element;
    assert_int_equal(call(GNTTABOP_unmap_grant_ref, u, 2), 0);
    assert_null(fake.copy_hook);
    assert_int_equal(u[0].status, GNTST_okay);
    assert_int_equal(u[1].status, GNTST_bad_handle);
    assert_int_equal(fw_general(mfn_to_frame(MFN(PAGES))->word), 1);
}

/* G7: another mapping's entry, or one that allows more, does not do. */
static void test_entry_must_match(void **state)
{
    struct gnttab_map_grant_ref ro, rw;

    grant(0, PAGES, GTF_permit_access);
    ro = map(0, 0, GNTMAP_readonly);
    rw = map(0, 1, 0);
    assert_int_equal(unmap(rw.handle, 0), GNTST_general_error);
    assert_int_equal(unmap(ro.handle, 1), GNTST_general_error);
    assert_int_equal(unmap(rw.handle, 1), GNTST_okay);
    assert_int_equal(grant_v1(granter->grant, 0)->flags, GTF_permit_access | GTF_reading);
    assert_int_equal(unmap(ro.handle, 0), GNTST_okay);
    assert_int_equal(fw_general(mfn_to_frame(MFN(PAGES))->word), 1);
}

/* A table of 64 pages is looked through in pieces; what is taken between two of them is in use, wherever it is. */
static void test_version_in_pieces(void **state)
{
    static uint64_t frames[64];
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 64, .frame_list = {(xen_pfn_t *)frames}};
    struct gnttab_set_version op = {.version = 2};
    struct hypercall hc;
    struct gnttab_map_grant_ref m;
    unsigned int pieces = 0;
    long rc;

    v = granter->vcpu[0];
    fake.preempt_one_in = 1;
    hc = fake_hypercall(v, GNTTABOP_setup_table, (uintptr_t)&s, 1, 0);
    for (; (rc = do_grant_table_op(&hc)) == -ERESTART; pieces++)
        assert_true(granter->grant->frames < 64);
    assert_int_equal(rc, 0);
    assert_int_equal(s.status, GNTST_okay);
    assert_int_equal(frames[63], va_to_mfn(granter->grant->shared[63]).n);
    assert_true(pieces > 0);
    /* First the status words' pages are made. Then the first look is at page 0, which is not used yet. */
    hc = fake_hypercall(v, GNTTABOP_set_version, (uintptr_t)&op, 1, 0);
    for (pieces = 0; !granter->grant->searched; pieces++)
        assert_int_equal(do_grant_table_op(&hc), -ERESTART);
    assert_true(pieces > 64 * V2_PER_FRAME / STATUS_PER_FRAME);
    assert_int_equal(op.version, 2);
    assert_int_equal(granter->grant->version, 1);
    v = mapper->vcpu[0];
    grant(0, PAGES, GTF_permit_access);
    m = map(0, 0, 0);
    assert_int_equal(m.status, GNTST_okay);
    while ((rc = do_grant_table_op(&hc)) == -ERESTART)
        ;
    assert_int_equal(rc, -EBUSY);
    assert_int_equal(op.version, 1);
    assert_int_equal(unmap(m.handle, 0), GNTST_okay);
    op.version = 2;
    v = granter->vcpu[0];
    assert_int_equal(call(GNTTABOP_set_version, &op, 1), 0);
    assert_int_equal(granter->grant->version, 2);
}

/* An entry of the granter's that is like the others, in its table of version 2. */
static void grant_v2_entry(uint32_t ref)
{
    volatile grant_entry_v2_t *e = grant_v2(granter->grant, ref);

    e->hdr.domid = 1;
    e->full_page.frame = PAGES;
    e->hdr.flags = GTF_permit_access;
}

/* While the table is being cleared, no entry counts that is still to be; those that do are new ones. */
static void test_version_clears_in_pieces(void **state)
{
    static uint64_t frames[64];
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 20, .frame_list = {(xen_pfn_t *)frames}};
    struct gnttab_set_version op = {.version = 2};
    struct grant_domain *g = granter->grant;
    struct gnttab_map_grant_ref m;
    struct hypercall hc;
    unsigned int pieces = 0;
    uint32_t last;
    long rc;

    v = granter->vcpu[0];
    assert_int_equal(call(GNTTABOP_setup_table, &s, 1), 0);
    for (uint32_t ref = 0; ref < 20 * V1_PER_FRAME; ref++)
        grant(ref, PAGES, GTF_permit_access);
    fake.preempt_one_in = 1;
    hc = fake_hypercall(v, GNTTABOP_set_version, (uintptr_t)&op, 1, 0);
    while ((rc = do_grant_table_op(&hc)) == -ERESTART) {
        if (g->version == 1)
            continue;
        pieces++;
        assert_int_equal(op.version, 2);
        last = grant_entries(g);
        assert_true(last >= V2_PER_FRAME && last < 20 * V2_PER_FRAME);
        v = mapper->vcpu[0];
        m = map(last, 0, 0);
        assert_int_equal(m.status, GNTST_bad_gntref);
        m = map(19 * V2_PER_FRAME, 0, 0);
        assert_int_equal(m.status, GNTST_bad_gntref);
        m = map(last - 1, 0, 0); /* was cleared */
        assert_int_equal(m.status, GNTST_general_error);
        grant_v2_entry(last - 1);
        m = map(last - 1, 0, 0);
        assert_int_equal(m.status, GNTST_okay);
        assert_int_equal(unmap(m.handle, 0), GNTST_okay);
        v = granter->vcpu[0];
        if (pieces == 5) { /* it may grow meanwhile: what comes is cleared, too */
            s.nr_frames = 24;
            assert_int_equal(call(GNTTABOP_setup_table, &s, 1), 0);
            assert_true(grant_entries(g) < 20 * V2_PER_FRAME);
        }
        if (pieces == 9) /* another vcpu changes its mind: this one's change is brought to its end first */
            break;
    }
    assert_int_equal(pieces, 9);
    op.version = 1;
    fake.preempt_one_in = 0;
    assert_int_equal(call(GNTTABOP_set_version, &op, 1), 0);
    assert_int_equal(g->version, 1);
    assert_int_equal(grant_entries(g), 24 * V1_PER_FRAME);
    for (uint32_t ref = GNTTAB_NR_RESERVED_ENTRIES; ref < 24 * V1_PER_FRAME; ref++)
        assert_int_equal(grant_v1(g, ref)->flags, 0);
    for (uint32_t ref = 0; ref < GNTTAB_NR_RESERVED_ENTRIES; ref++)
        assert_int_equal(grant_v1(g, ref)->flags, GTF_permit_access);
    for (uint32_t i = 0; i < g->status_frames * STATUS_PER_FRAME; i++)
        assert_int_equal(*grant_status(g, i), 0);
}

/* Page by page. */
static void test_frees_in_pieces(void **state)
{
    static uint64_t frames[64];
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 64, .frame_list = {(xen_pfn_t *)frames}};

    v = granter->vcpu[0];
    assert_int_equal(call(GNTTABOP_setup_table, &s, 1), 0);
    assert_true(grant_domain_free_some(granter));
    assert_in_range(granter->grant->frames, 1, 63);
    while (grant_domain_free_some(granter))
        ;
    assert_int_equal(granter->grant->frames, 0);
}

static void test_end_of_domain(void **state)
{
    for (unsigned int i = 0; i < ENTRIES; i++) {
        grant(i, PAGES + i, GTF_permit_access);
        for (unsigned int j = 0; j < 9; j++)
            assert_int_equal(map(i, i * 9 + j, 0).status, GNTST_okay);
    }
    while (grant_domain_release(mapper) == -ERESTART)
        ;
    for (unsigned int i = 0; i < ENTRIES; i++) {
        assert_int_equal(grant_v1(granter->grant, i)->flags, GTF_permit_access);
        assert_int_equal(fw_general(mfn_to_frame(MFN(PAGES + i))->word),
                         1 + 9); /* the page table entries' own */
    }
    assert_int_equal(granter->references, 1);
}

/* G10: the granter dies; who has mapped keeps the frames, and nothing else of it. */
static void test_granter_ends(void **state)
{
    struct gnttab_map_grant_ref rw, ro;
    struct frame *f = mfn_to_frame(MFN(PAGES));
    uint32_t before = granter->references;

    grant(0, PAGES, GTF_permit_access);
    rw = map(0, 0, 0);
    ro = map(0, 1, GNTMAP_readonly);
    assert_int_equal(fw_general(f->word), 1 + 2 + 2); /* two entries of page tables; a reader and a writer */
    assert_int_equal(granter->references, before + 2);
    domain_ref(granter); /* who ends it */
    while (grant_domain_close(granter))
        ;
    while (grant_domain_orphan(granter) == -ERESTART)
        ;
    assert_int_equal(granter->references, before + 1);
    assert_int_equal(grant_use(granter->grant, 0)->readers, 0);
    assert_int_equal(grant_use(granter->grant, 0)->writers, 0);
    assert_int_equal(fw_general(f->word), 1 + 2 + 2);
    assert_int_equal(fw_types(f->word), 2);
    assert_int_equal(map(0, 2, 0).status, GNTST_bad_domain);
    assert_int_equal(unmap(rw.handle, 1), GNTST_general_error);
    assert_int_equal(unmap(rw.handle, 0), GNTST_okay);
    assert_int_equal(unmap(rw.handle, 0), GNTST_bad_handle);
    assert_int_equal(fw_general(f->word), 1 + 1 + 1);
    assert_int_equal(fw_types(f->word), 0);
    assert_int_equal(unmap(ro.handle, 1), GNTST_okay);
    assert_int_equal(fw_general(f->word), 1);
    assert_int_equal(granter->references, before + 1);
    domain_put(granter);
}

#define SLOTS 64
static struct {
    bool used, read_only;
    uint32_t handle;
    unsigned int ref;
} model[SLOTS];

static void random_step(void)
{
    unsigned int slot = random64() % SLOTS, ref = random64() % ENTRIES;
    bool ro = random64() % 2;

    if (model[slot].used) {
        assert_int_equal(unmap(model[slot].handle, slot), GNTST_okay);
        model[slot].used = false;
        return;
    }
    if (random64() % 8 == 0) { /* the granter scribbles over its entry, but for the flags that are ours */
        volatile grant_entry_v1_t *e = grant_v1(granter->grant, ref);

        e->frame = random64() % 4 ? (uint32_t)(PAGES + ref) : (uint32_t)random64();
        e->flags = (uint16_t)((e->flags & (GTF_reading | GTF_writing)) |
                              (random64() % 4 ? GTF_permit_access : random64() % 8));
        return;
    }
    if (random64() % 4 == 0) {
        struct gnttab_copy c = {.source = {.u.ref = ref},
                                .dest = {.u.gmfn = 50, .domid = DOMID_SELF},
                                .len = 4096,
                                .flags = GNTCOPY_source_gref};

        assert_int_equal(call(GNTTABOP_copy, &c, 1), 0);
        return;
    }
    struct gnttab_map_grant_ref m = map(ref, slot, ro ? GNTMAP_readonly : 0);

    if (m.status == GNTST_okay) {
        model[slot].used = true;
        model[slot].read_only = ro;
        model[slot].handle = m.handle;
        model[slot].ref = ref;
    }
}

static void check_model(void)
{
    for (unsigned int ref = 0; ref < ENTRIES; ref++) {
        const struct grant_use *u = grant_use(granter->grant, ref);
        uint16_t flags = grant_v1(granter->grant, ref)->flags;
        unsigned int readers = 0, writers = 0;

        for (unsigned int i = 0; i < SLOTS; i++)
            if (model[i].used && model[i].ref == ref) {
                readers++;
                writers += !model[i].read_only;
            }
        assert_int_equal(u->readers, readers);
        assert_int_equal(u->writers, writers);
        if ((flags & GTF_type_mask) == GTF_permit_access) {
            assert_int_equal((flags & GTF_reading) != 0, readers != 0);
            assert_int_equal((flags & GTF_writing) != 0, writers != 0);
        }
    }
}

static void test_random(void **state)
{
    const char *steps = getenv("STEPS");
    unsigned int n = steps ? (unsigned int)atoi(steps) : 20000;

    memset(model, 0, sizeof(model));
    fake.preempt_one_in = 3;
    for (unsigned int i = 0; i < ENTRIES; i++)
        grant(i, PAGES + i, GTF_permit_access);
    for (unsigned int i = 0; i < n; i++) {
        random_step();
        check_model();
    }
    for (unsigned int i = 0; i < SLOTS; i++)
        if (model[i].used) {
            assert_int_equal(unmap(model[i].handle, i), GNTST_okay);
            model[i].used = false;
        }
    check_model();
    for (unsigned int i = 0; i < ENTRIES; i++)
        assert_int_equal(mfn_to_frame(MFN(PAGES + i))->word & ~FW_TYPE_MASK, 1);
    assert_int_equal(granter->references, 1);
}

/* A 32-bit caller: shorter elements, one behind the other; frame numbers of 32 bits; nothing written next to them. */
static void narrow_caller(void **state)
{
    struct narrow {
        struct abi32_gnttab_copy copy[3];
        struct abi32_gnttab_setup_table setup;
        uint32_t frames[4];
    } *low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    struct hypercall hc = fake_hypercall(v, GNTTABOP_copy, (uintptr_t)low->copy, 3, 0);

    assert_true(low != MAP_FAILED);
    for (unsigned int i = 0; i < 3; i++) {
        grant(10 + i, PAGES + i, GTF_permit_access | GTF_readonly);
        memset(mfn_to_va(MFN(PAGES + i)), 'a' + (int)i, PAGE_SIZE);
        low->copy[i] =
            (struct abi32_gnttab_copy){.source = {.u = 10 + i, .domid = granter->id},
                                       .dest = {.u = 50, .domid = DOMID_SELF, .offset = (uint16_t)(8 * i)},
                                       .len = 8,
                                       .flags = GNTCOPY_source_gref,
                                       .status = 77};
    }
    hc.caller = CALLER_PV32;
    while (do_grant_table_op(&hc) == -ERESTART)
        assert_int_equal((hc.arg[1] - (uintptr_t)low->copy) % sizeof(low->copy[0]), 0);
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(low->copy[i].status, GNTST_okay);
    assert_memory_equal(mfn_to_va(MFN(50)), "aaaaaaaabbbbbbbbcccccccc", 24);

    low->setup = (struct abi32_gnttab_setup_table){
        .dom = DOMID_SELF, .nr_frames = 1, .frame_list = (uint32_t)(uintptr_t)low->frames};
    memset(low->frames, 0x55, sizeof(low->frames));
    hc = fake_hypercall(v, GNTTABOP_setup_table, (uintptr_t)&low->setup, 1, 0);
    hc.caller = CALLER_PV32;
    assert_int_equal(do_grant_table_op(&hc), 0);
    assert_int_equal(low->setup.status, GNTST_okay);
    assert_int_equal(low->frames[0], va_to_mfn(mapper->grant->shared[0]).n);
    assert_int_equal(low->frames[1], 0x55555555);
    munmap(low, sizeof(*low));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(narrow_caller),
        CASE(test_given_up_while_mapped),
        CASE(test_entry_must_match),
        CASE(test_version_in_pieces),
        CASE(test_version_clears_in_pieces),
        CASE(test_frees_in_pieces),
        CASE(test_end_of_domain),
        CASE(test_granter_ends),
        CASE(test_random),
        CASE(test_parts_in_two_batches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
