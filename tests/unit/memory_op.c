/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that comes and goes, on a fake machine with a fake heap that fails at will: random reservations and exchanges, also with the same page named twice, mapped
 * pages, frames of others. No page may be lost or counted twice, and an exchange does its chunk or leaves it alone. The seed is printed; SEED=n repeats a run.
 * UNIT-SOURCES: tests/unit/support/alloc.c abi/codec.c hypervisor/core/guest_abi.c hypervisor/core/authority.c hypervisor/core/frame_ref.c hypervisor/core/domain_memory.c hypervisor/core/orphan.c hypervisor/core/memory_op.c hypervisor/core/vnuma.c hypervisor/core/domain_part.c hypervisor/core/memory_reservation.c hypervisor/core/memory_extent.c hypervisor/core/memory_exchange.c hypervisor/core/memory_exchange_large.c hypervisor/core/memory_claim.c hypervisor/core/domain_nodes.c hypervisor/core/numa.c
 * UNIT-FLAGS: -DHYPERCALL_BUDGET=1 -DFAKE_WITHOUT_RELEASE -include fake_exchange.h
 */
#include "fake_machine.h"
#include "core/memory_op.h"
#include "core/orphan.h"
#include "hv/log.h"
#include <sys/mman.h>

#define HEAP_FRAMES 1024 /* from frame 0 on; the fake heap's */

int frame_type_validate(struct domain *d, struct frame *f, enum frame_type t, struct hypercall *hc)
{
    return -EINVAL;
}

int frame_type_devalidate(struct domain *d, struct frame *f, enum frame_type t, struct hypercall *hc)
{
    return 0;
}

#define ABSENT(name)                                                                                         \
    long name(struct hypercall *hc)                                                                          \
    {                                                                                                        \
        return -ENOSYS;                                                                                      \
    }
ABSENT(memory_op_map)
ABSENT(memory_op_set_map)
ABSENT(memory_op_machine_map)
ABSENT(memory_op_machphys_mapping)
ABSENT(memory_op_machphys_list)
ABSENT(memory_op_acquire_resource)

void fake_m2p_point(unsigned long mfn)
{
    if (frame_table[mfn].flags & FRAME_ON_LIST)
        fail_msg("frame %lu has an owner, who may have given it up by now", mfn);
}

/* --- The fake heap: first fit. --- */

static unsigned int fail_one_in;

/* Taken and not prepared yet: the heap of the machine does not mark it so. */
#define RAW FRAME_BROKEN

struct frame *heap_take(unsigned int order, unsigned int width, struct heap_where where)
{
    uint64_t n = 1ULL << order;

    if (fail_one_in && random64() % fail_one_in == 0)
        return NULL;
    for (uint64_t at = 0; at + n <= HEAP_FRAMES; at += n) {
        uint64_t i = 0;

        while (i < n && (frame_table[at + i].flags & FRAME_FREE))
            i++;
        if (i < n)
            continue;
        if (width && (at + n) << PAGE_SHIFT > 1ULL << width)
            return NULL;
        for (i = 0; i < n; i++)
            frame_table[at + i].flags = RAW | (frame_table[at + i].flags & FRAME_DIRTY);
        return &frame_table[at];
    }
    return NULL;
}

unsigned int heap_prepare(struct frame *f, unsigned int count, unsigned int flags)
{
    unsigned int scrubbed = 0;

    for (unsigned int i = 0; i < count; i++) {
        assert_int_equal(f[i].flags & RAW, RAW);
        scrubbed += (f[i].flags & FRAME_DIRTY) != 0;
        f[i] = (struct frame){.owner = FRAME_OWNER_NONE};
    }
    return scrubbed;
}

struct frame *heap_alloc(unsigned int order, unsigned int width, struct heap_where where, unsigned int flags)
{
    struct frame *f = heap_take(order, width, where);

    if (f)
        heap_prepare(f, 1U << order, flags);
    return f;
}

static void make_free(struct frame *f, unsigned int order, uint16_t flags)
{
    for (uint64_t i = 0; i < 1ULL << order; i++) {
        assert_int_equal(f[i].flags & (FRAME_FREE | RAW), 0);
        assert_int_equal(f[i].data, 0);
        f[i] = (struct frame){.owner = FRAME_OWNER_NONE, .flags = flags};
    }
}

void heap_free(struct frame *f, unsigned int order)
{
    make_free(f, order, FRAME_FREE | FRAME_DIRTY);
}

void log_printf(enum log_level level, const char *fmt, ...)
{
}

void hv_free_pages(void *va, unsigned int order)
{
    fail_msg("no domain here is freed");
}

void heap_free_clean(struct frame *f, unsigned int order)
{
    make_free(f, order, FRAME_FREE);
}

void heap_put_back(struct frame *f, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(f[i].flags & RAW, RAW);
        f[i].flags = FRAME_FREE | (f[i].flags & FRAME_DIRTY);
    }
}

uint64_t heap_free_frames(void)
{
    uint64_t n = 0;

    for (unsigned int i = 0; i < HEAP_FRAMES; i++)
        n += (frame_table[i].flags & FRAME_FREE) != 0;
    return n;
}

unsigned int fake_whole_order;

static struct domain *d0, *d1;
static unsigned int patience = ~0U; /* after so many continuations a call is never gone on with */

static int setup(void **state)
{
    fake_machine_up();
    fail_one_in = 0;
    patience = ~0U;
    fake_whole_order = 9;
    for (unsigned int i = 0; i < HEAP_FRAMES; i++)
        frame_table[i].flags = FRAME_FREE | FRAME_DIRTY;
    d0 = &fake.domain[0].d;
    d1 = &fake.domain[1].d;
    d0->page_list = d1->page_list = FRAME_LIST_END;
    d0->max_pages = 700;
    d1->max_pages = 400;
    return 0;
}

static int teardown(void **state)
{
    return fake_machine_down();
}

static long call(struct domain *d, enum hypercall_caller caller, unsigned int cmd, uintptr_t arg)
{
    struct hypercall hc = fake_hypercall(d->vcpu[0], cmd, arg, 0, 0);
    unsigned int left = patience;
    long ret;

    hc.caller = (uint8_t)caller;
    do {
        ret = do_memory_op(&hc);
    } while (ret == -ERESTART && left--);
    return ret;
}

/* --- The same from a 32-bit guest: its structures and lists, in memory that it can name. --- */

static bool width32;
static struct low {
    struct abi32_xen_memory_reservation reservation;
    struct abi32_xen_memory_exchange exchange;
    uint32_t list[2][1024];
} * low;

static void list_down(unsigned int which, const abi_xen_memory_reservation_t *r,
                      struct abi32_xen_memory_reservation *wire)
{
    const uint64_t *list = (const uint64_t *)r->extent_start.addr;
    uint64_t there = min(r->nr_extents, (uint64_t)ARRAY_SIZE(low->list[0]));

    *wire = (struct abi32_xen_memory_reservation){.nr_extents = (uint32_t)r->nr_extents,
                                                  .extent_order = r->extent_order,
                                                  .mem_flags = r->mem_flags,
                                                  .domid = r->domid};
    if (!list)
        return;
    wire->extent_start = (uint32_t)(uintptr_t)low->list[which];
    for (uint64_t i = 0; i < there; i++)
        low->list[which][i] = (uint32_t)list[i];
}

static void list_up(unsigned int which, const abi_xen_memory_reservation_t *r)
{
    uint64_t *list = (uint64_t *)r->extent_start.addr;

    for (uint64_t i = 0; list && i < min(r->nr_extents, (uint64_t)ARRAY_SIZE(low->list[0])); i++)
        list[i] = low->list[which][i];
}

static long memory_op_32(struct domain *d, unsigned int cmd, void *arg)
{
    abi_xen_memory_exchange_t *x = arg;
    long ret;

    switch (cmd) {
    case XENMEM_exchange:
        list_down(0, &x->in, &low->exchange.in);
        list_down(1, &x->out, &low->exchange.out);
        low->exchange.nr_exchanged = (uint32_t)x->nr_exchanged;
        ret = call(d, CALLER_PV32, cmd, (uintptr_t)&low->exchange);
        x->nr_exchanged = low->exchange.nr_exchanged;
        list_up(1, &x->out);
        return ret;
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
    case XENMEM_claim_pages:
        list_down(0, arg, &low->reservation);
        ret = call(d, CALLER_PV32, cmd, (uintptr_t)&low->reservation);
        list_up(0, arg);
        return ret;
    default:
        return call(d, CALLER_PV32, cmd, (uintptr_t)arg);
    }
}

static long memory_op(struct domain *d, unsigned int cmd, void *arg)
{
    return width32 ? memory_op_32(d, cmd, arg) : call(d, CALLER_PV64, cmd, (uintptr_t)arg);
}

static int setup32(void **state)
{
    low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    assert_true(low != MAP_FAILED);
    width32 = true;
    return setup(state);
}

static int teardown32(void **state)
{
    width32 = false;
    munmap(low, sizeof(*low));
    return teardown(state);
}

static abi_xen_memory_reservation_t reservation(uint64_t *list, uint64_t count, unsigned int order)
{
    return (abi_xen_memory_reservation_t){.extent_start = GUEST_PTR((uintptr_t)list),
                                          .nr_extents = count,
                                          .extent_order = order,
                                          .domid = DOMID_SELF};
}

static long reserve(struct domain *d, unsigned int cmd, uint64_t *list, uint64_t count, unsigned int order)
{
    abi_xen_memory_reservation_t r = reservation(list, count, order);

    return memory_op(d, cmd, &r);
}

/* What an exchange has taken or reserved is put back. */
static void end_exchanges(void)
{
    for (unsigned int i = 0; i < FAKE_DOMAINS; i++) {
        struct hypercall hc = fake_hypercall(fake.domain[i].d.vcpu[0], 0, 0, 0, 0);

        while (memory_exchange_drop(&fake.domain[i].d, &hc))
            ;
    }
}

/* Every frame is free or on exactly its owner's list; the counts say so. */
static void check(uint64_t seed, unsigned int step)
{
    uint64_t owned = 0;

    end_exchanges();

    for (unsigned int i = 0; i < FAKE_DOMAINS; i++) {
        struct domain *d = &fake.domain[i].d;
        uint64_t n = 0;

        for (uint32_t f = d->page_list; f != FRAME_LIST_END; f = frame_table[f].next, n++)
            if (n > HEAP_FRAMES || frame_table[f].owner != d->id || fw_general(frame_table[f].word) == 0)
                fail_msg("seed %lu step %u: page list of d%u at frame %u", seed, step, i, f);
        if (n != d->tot_pages || n + memory_extent_rest(d) > d->max_pages)
            fail_msg("seed %lu step %u: d%u counts %lu, has %lu", seed, step, i, d->tot_pages, n);
        owned += n + memory_extent_rest(d);
        assert_int_equal(d->references, d->tot_pages ? 2 : 1); /* its pages hold one */
    }
    if (owned + heap_free_frames() != HEAP_FRAMES)
        fail_msg("seed %lu step %u: %lu pages lost", seed, step, HEAP_FRAMES - owned - heap_free_frames());
}

static void test_reservations(void **state)
{
    uint64_t list[4] = {100, 101, 102, 103};

    assert_int_equal(reserve(d0, XENMEM_populate_physmap, list, 4, 0), 4);
    assert_int_equal(d0->tot_pages, 4);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(m2p_table[list[i]], 100 + i);
    assert_int_equal(reserve(d1, XENMEM_decrease_reservation, list, 4, 0), 0); /* another's */
    list[2] = list[1];
    assert_int_equal(reserve(d0, XENMEM_decrease_reservation, list, 4, 0), 2); /* the same twice */
    assert_int_equal(d0->tot_pages, 2);
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, list, 4, 8), 2); /* 700 is the limit */
    assert_int_equal(d0->tot_pages, 2 + 512);
    check(0, 0);
}

/* A page that somebody holds is given up at once, and goes with its last reference. */
static void test_given_up_while_held(void **state)
{
    uint64_t mfn = 5;

    assert_int_equal(reserve(d0, XENMEM_populate_physmap, &mfn, 1, 0), 1);
    assert_true(frame_get(&frame_table[mfn], d0));
    assert_int_equal(reserve(d0, XENMEM_decrease_reservation, &mfn, 1, 0), 1);
    assert_int_equal(d0->tot_pages, 1);
    assert_int_equal(reserve(d0, XENMEM_decrease_reservation, &mfn, 1, 0), 1); /* to no effect */
    frame_put(&frame_table[mfn]);
    assert_int_equal(d0->tot_pages, 0);
    check(0, 0);
}

static void test_claims(void **state)
{
    abi_xen_memory_reservation_t r = {.nr_extents = 300, .domid = 1};
    uint64_t list[700];

    memset(list, 0, sizeof(list));
    assert_int_equal(memory_op(d0, XENMEM_claim_pages, &r), 0);
    d0->max_pages = 2000;
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, list, 700, 0), 700);
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, list, 100, 0), HEAP_FRAMES - 300 - 700);
    assert_int_equal(reserve(d1, XENMEM_increase_reservation, list, 300, 0), 300); /* the claim is kept */
    assert_int_equal(d1->outstanding_claim, 0);
    check(0, 0);
}

/* Extents of more than a piece, with something pending at each look. */
/* What a domain does not get keeps no name in the M2P: it goes to somebody else, or to nobody. */
static void test_not_assigned(void **state)
{
    uint64_t limit = d0->max_pages;
    struct frame *f;

    (void)state;
    for (unsigned int i = 0; i < HEAP_FRAMES; i++)
        m2p_table[i] = INVALID_M2P;
    d0->max_pages = d0->tot_pages + 3;
    assert_int_equal(domain_alloc_frames(d0, 2, 0, HEAP_ANYWHERE, 0, 5000, &f), -ENOMEM);
    d0->max_pages = limit;
    d0->state = DOMAIN_DYING;
    assert_int_equal(domain_alloc_frames(d0, 0, 0, HEAP_ANYWHERE, 0, 6000, &f), -ENOMEM);
    d0->state = DOMAIN_ALIVE;
    for (unsigned int i = 0; i < HEAP_FRAMES; i++)
        assert_int_equal(m2p_table[i], INVALID_M2P);
}

static void test_large(void **state)
{
    uint64_t at = 5000, wanted[2] = {6000, 7000}, old;

    fake.preempt_one_in = 1;
    patience = 16;
    assert_int_equal(reserve(d0, XENMEM_populate_physmap, &at, 1, 8), 1);
    for (unsigned int i = 0; i < 256; i++)
        assert_int_equal(m2p_table[at + i], 5000 + i);
    check(0, 1);
    /* Left half way: it counts against the limit, and the next who wants the like gets it. */
    patience = 3;
    assert_int_equal(reserve(d0, XENMEM_populate_physmap, wanted, 1, 8), -ERESTART);
    assert_int_equal(d0->tot_pages, 256 + 4 * 16);
    assert_int_equal(memory_extent_rest(d0), 256 - 4 * 16);
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, wanted, 1, 7), 0);
    fake.preempt_one_in = 0;
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, wanted, 2, 7), 0);
    for (unsigned int i = 0; i < 700 - 512; i++)
        assert_int_equal(reserve(d0, XENMEM_populate_physmap, &(uint64_t){1}, 1, 0), 1);
    assert_int_equal(reserve(d0, XENMEM_populate_physmap, &(uint64_t){1}, 1, 0), 0);
    check(0, 2);
    assert_int_equal(reserve(d0, XENMEM_populate_physmap, &wanted[1], 1, 8), 1);
    assert_int_equal(d0->tot_pages, 700);
    check(0, 3);
    /* Given back, one look a page. */
    fake.preempt_one_in = 1;
    patience = 255;
    old = at;
    assert_int_equal(reserve(d0, XENMEM_decrease_reservation, &at, 1, 8), 1);
    assert_int_equal(d0->tot_pages, 700 - 256);
    assert_int_equal(reserve(d0, XENMEM_decrease_reservation, &old, 1, 8), 0);
    check(0, 4);
    /* The domain dies half way: what it was not given yet goes back. */
    patience = 2;
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, &at, 1, 7), -ERESTART);
    d0->state = DOMAIN_DYING;
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, &at, 1, 7), 0);
    check(0, 5);
    d0->state = DOMAIN_ALIVE;
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, &at, 1, 7), -ERESTART);
    d0->growing.busy = true;
    assert_int_equal(memory_extent_drop(d0), -ERESTART);
    d0->growing.busy = false;
    assert_int_equal(memory_extent_drop(d0), 0);
    assert_int_equal(memory_extent_rest(d0), 0);
    check(0, 6);
}

/* An exchange that is stopped at each page scrubbed gets on all the same. */
static void test_exchange_stopped(void **state)
{
    uint64_t in[64], out = 9000;
    struct {
        abi_xen_memory_reservation_t in, out;
        uint64_t done;
    } x = {reservation(in, 64, 0), reservation(&out, 1, 6), 0};

    assert_int_equal(reserve(d0, XENMEM_populate_physmap, in, 64, 0), 64);
    fake.preempt_one_in = 1;
    patience = 100;
    assert_int_equal(memory_op(d0, XENMEM_exchange, &x), 0);
    assert_int_equal(x.done, 64);
    assert_int_equal(d0->tot_pages, 64);
    check(0, 0);
}

/* The same in pieces, left and gone on with at each page: as a whole, or not at all. */
static void test_exchange_large(void **state)
{
    uint64_t in[64], out = 9000, pages[64], other[64], room[700];
    struct exchange_arg {
        abi_xen_memory_reservation_t in, out;
        uint64_t done;
    } x = {reservation(in, 64, 0), reservation(&out, 1, 6), 0}, y = x;

    fake_whole_order = 5;
    assert_int_equal(reserve(d0, XENMEM_populate_physmap, in, 64, 0), 64);
    memcpy(pages, in, sizeof(pages));
    fake.preempt_one_in = 1;
    patience = 64 + 64 + 4;
    assert_int_equal(memory_op(d0, XENMEM_exchange, &x), 0);
    assert_int_equal(x.done, 64);
    assert_int_equal(out % 64, 0);
    for (unsigned int i = 0; i < 64; i++) {
        assert_int_equal(m2p_table[out + i], 9000 + i);
        assert_int_equal(m2p_table[pages[i]], INVALID_M2P);
    }
    assert_int_equal(d0->tot_pages, 64);
    check(0, 0);
    /* And back: the one extent against single pages. */
    for (unsigned int i = 0; i < 64; i++)
        other[i] = 2000 + i;
    x = (struct exchange_arg){reservation(&out, 1, 6), reservation(other, 64, 0), 0};
    patience = ~0U;
    assert_int_equal(memory_op(d0, XENMEM_exchange, &x), 0);
    assert_int_equal(x.done, 1);
    for (unsigned int i = 0; i < 64; i++)
        assert_int_equal(m2p_table[other[i]], 2000 + i);
    check(0, 1);
    /* One page that is not its own, the last: all are put back. */
    memcpy(in, other, sizeof(in));
    in[63] = in[0];
    out = 9000;
    x = y;
    assert_int_equal(memory_op(d0, XENMEM_exchange, &x), -EINVAL);
    assert_int_equal(x.done, 0);
    for (unsigned int i = 0; i < 64; i++)
        assert_int_equal(fw_general(frame_table[other[i]].word), 1);
    in[63] = other[63];
    x = y;
    x.out.mem_flags = XENMEMF_address_bits(13); /* no such memory */
    assert_int_equal(memory_op(d0, XENMEM_exchange, &x), -ENOMEM);
    check(0, 2);
    /* Left half way. Another waits for it, and in the end does without. */
    x = y;
    patience = 10;
    assert_int_equal(memory_op(d0, XENMEM_exchange, &x), -ERESTART);
    assert_int_equal(fw_general(frame_table[other[0]].word), 0);
    y.in.extent_start = GUEST_PTR((uintptr_t)pages);
    memcpy(pages, other, sizeof(pages));
    patience = EXCHANGE_PATIENCE - 1;
    assert_int_equal(memory_op(d0, XENMEM_exchange, &y), -ERESTART);
    assert_int_equal(fw_general(frame_table[other[0]].word), 0);
    patience = ~0U;
    assert_int_equal(memory_op(d0, XENMEM_exchange, &y), 0);
    assert_int_equal(d0->tot_pages, 64);
    check(0, 3);
    /* What has gone keeps its room under the limit. */
    fake.preempt_one_in = 0;
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, room, 636, 0), 636);
    fake.preempt_one_in = 1;
    in[0] = out;
    out = 9000;
    x = (struct exchange_arg){reservation(in, 1, 6), reservation(&out, 1, 6), 0};
    patience = 64 + 40;
    assert_int_equal(memory_op(d0, XENMEM_exchange, &x), -ERESTART);
    assert_int_equal(memory_extent_rest(d0), 41);
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, room, 1, 0), 0);
    patience = ~0U;
    assert_int_equal(memory_op(d0, XENMEM_exchange, &x), 0);
    assert_int_equal(d0->tot_pages, 700);
    check(0, 4);
    /* The domain dies meanwhile. */
    in[0] = out;
    patience = 70;
    x.done = 0;
    assert_int_equal(memory_op(d0, XENMEM_exchange, &x), -ERESTART);
    d0->state = DOMAIN_DYING;
    check(0, 5);
    assert_int_equal(d0->tot_pages, 700 - 64);
    assert_int_equal(memory_extent_rest(d0), 0);
    d0->state = DOMAIN_ALIVE;
}

/* --- Random. --- */

static uint64_t any_page(struct domain *d)
{
    uint32_t f = d->page_list;

    for (unsigned int n = random64() % 16; n && f != FRAME_LIST_END; n--)
        f = frame_table[f].next;
    return f == FRAME_LIST_END || random64() % 20 == 0 ? random64() % FAKE_FRAMES : f;
}

static void random_exchange(struct domain *d)
{
    unsigned int in_order = random64() % 3, out_order = random64() % 3, k = 1 + random64() % 3;
    uint64_t in[16], out[16], total = (uint64_t)k << max(in_order, out_order), before = d->tot_pages;
    struct {
        abi_xen_memory_reservation_t in, out;
        uint64_t done;
    } x = {reservation(in, total >> in_order, in_order), reservation(out, total >> out_order, out_order), 0};
    long ret;

    for (unsigned int i = 0; i < 16; i++) {
        in[i] = any_page(d);
        out[i] = 1000 + i;
    }
    if (random64() % 4 == 0)
        x.out.mem_flags = XENMEMF_address_bits(12 + random64() % 12);
    if (d->exchange.phase) /* one that was left: what it still takes is not this one's doing */
        end_exchanges();
    before = d->tot_pages;
    ret = memory_op(d, XENMEM_exchange, &x);
    if (ret == -ERESTART)
        return;
    assert_true(ret == 0 ? x.done == x.in.nr_extents : x.done <= x.in.nr_extents);
    assert_int_equal(d->tot_pages, before);
}

static void random_reservation(struct domain *d)
{
    static const unsigned int cmds[] = {XENMEM_populate_physmap, XENMEM_increase_reservation,
                                        XENMEM_decrease_reservation};
    uint64_t list[8], count = 1 + random64() % 8;
    unsigned int order = random64() % 4 ? 0 : random64() % 7;
    long ret;

    for (unsigned int i = 0; i < 8; i++)
        list[i] = any_page(d);
    ret = reserve(d, cmds[random64() % 3], list, count, order);
    assert_true(ret == -ERESTART || (ret >= 0 && ret <= (long)count));
}

static void test_random(void **state)
{
    uint64_t seed = seed_of_run();
    uint64_t held[8] = {0};

    for (unsigned int step = 0; step < 60000; step++) {
        struct domain *d = random64() % 2 ? d0 : d1;
        uint64_t *h = &held[random64() % 8];

        if (step % 500 == 0) {
            fake.preempt_one_in = random64() % 3;
            fail_one_in = random64() % 3 * 7;
            patience = random64() % 3 ? ~0U : random64() % 8;
            fake_whole_order = random64() % 3;
        }
        if (random64() % 2)
            random_reservation(d);
        else
            random_exchange(d);
        /* Somebody else's references come and go. */
        if (*h) {
            frame_put(&frame_table[*h]);
            *h = 0;
        } else if (random64() % 4 == 0) {
            *h = any_page(d);
            if (*h >= HEAP_FRAMES || !frame_get(&frame_table[*h], d))
                *h = 0;
        }
        if (step % 8 == 0)
            check(seed, step);
    }
}

int main(void)
{
#define CASE(f)                                                                                              \
    cmocka_unit_test_setup_teardown(f, setup, teardown),                                                     \
    {                                                                                                        \
#f " (32-bit caller)", f, setup32, teardown32, NULL                                                  \
    }
    const struct CMUnitTest tests[] = {CASE(test_reservations),   CASE(test_given_up_while_held),
                                       CASE(test_claims),         CASE(test_not_assigned),
                                       CASE(test_large),          CASE(test_exchange_stopped),
                                       CASE(test_exchange_large), CASE(test_random)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
