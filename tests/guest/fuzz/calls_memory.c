/* SPDX-License-Identifier: MIT */
/* memory_op. Frames come and go; the pool keeps count: call by call, so what brings new ones is made alone. */
#include "fuzz.h"

#define LIST_AT  512
#define LIST2_AT 1024

static void *handle(struct call *c, unsigned at, const char *what, bool *good)
{
    unsigned how = below(20);

    *good = how != 0;
    if (!*good)
        tell(" %s=bad", what);
    return *good ? c->buf + at : (void *)0x1000;
}

static unsigned pick_mem_flags(void)
{
    unsigned flags = (unsigned)PICK(XENMEMF_address_bits(64), XENMEMF_address_bits(32),
                                    XENMEMF_address_bits(12), XENMEMF_populate_on_demand, 1U << 17,
                                    XENMEMF_node(1), XENMEMF_exact_node(0), 1U << 18, 1U << 31);

    return chance(80) ? 0 : flags;
}

static unsigned pick_order(void)
{
    unsigned wild = (unsigned)PICK(20, 31, 32, 63, 64, 255, 0x7fffffff, 0xffffffff);

    return chance(93) ? 0 : wild;
}

static struct xen_memory_reservation *reservation(struct call *c, unsigned n, bool *good)
{
    struct xen_memory_reservation *r = (void *)c->buf;

    *good = true;
    set_xen_guest_handle(r->extent_start, handle(c, LIST_AT, "list", good));
    r->nr_extents = n;
    r->extent_order = pick_order();
    r->mem_flags = pick_mem_flags();
    r->domid = (domid_t)pick_domid();
    tell(" order=%x flags=%x dom=%x", r->extent_order, r->mem_flags, r->domid);
    c->keep[0] = n;
    c->keep[1] = *good;
    c->keep[2] = r->extent_order;
    return r;
}

static void set_command(struct call *c, unsigned cmd, unsigned n)
{
    unsigned start = chance(85) ? 0 : (unsigned)PICK(1, 1, 2, n, n + 1, 0xffff);

    c->op = __HYPERVISOR_memory_op;
    c->arg[0] = cmd | (unsigned long)start << 6;
    c->keep[3] = start;
    if (start)
        tell(" start=%x", start);
}

static void after_populate(struct call *c, long rc)
{
    uint64_t *list = (void *)(c->buf + LIST_AT), *slots = (void *)(c->buf + LIST2_AT);

    if (c->keep[2] || !c->keep[1])
        return;
    for (long i = (long)c->keep[3]; i < rc && i < (long)c->keep[0]; i++)
        if (slots[i] < POOL_SIZE)
            pool_frame_new((unsigned)slots[i], list[i]);
        else
            pool_give_back(list[i]);
}

static void populate(struct call *c)
{
    uint64_t *list = (void *)(c->buf + LIST_AT), *slots = (void *)(c->buf + LIST2_AT);
    unsigned n = pick_count(4);
    bool good;

    tell("memory_op populate");
    set_command(c, XENMEM_populate_physmap, n);
    for (unsigned i = 0; i < n; i++) {
        slots[i] = chance(85) ? POOL_DATA + below(POOL_SIZE - POOL_DATA) : below(POOL_DATA);
        list[i] = kit_pfn_of(pool_va) + slots[i];
        for (unsigned j = 0; j < i; j++)
            if (slots[j] == slots[i])
                slots[i] = list[i] = ~0UL >> 12;
        tell(" %ld", (long)(list[i] - kit_pfn_of(pool_va)));
    }
    reservation(c, n, &good);
    c->flags = ALONE | HIDE_OUTPUT;
    c->after = after_populate;
    c->arg[1] = pointer(c, sizeof(struct xen_memory_reservation));
}

static void after_decrease(struct call *c, long rc)
{
    uint64_t *list = (void *)(c->buf + LIST_AT);

    if (c->keep[2])
        return;
    for (long i = (long)c->keep[3]; i < rc && i < (long)c->keep[0] && c->keep[1]; i++)
        pool_frame_gone(list[i]);
}

static uint64_t disposable_mfn(void)
{
    uint64_t data = frames[POOL_TABLES + below(POOL_SIZE - POOL_TABLES)], any = frames[below(POOL_SIZE)];
    uint64_t raw = PICK(0xfee00, 1UL << 40, ~0UL, NO_FRAME);

    return chance(70) ? data : chance(90) ? any : raw;
}

static void decrease(struct call *c)
{
    uint64_t *list = (void *)(c->buf + LIST_AT);
    unsigned n = pick_count(4);
    bool good;

    tell("memory_op decrease");
    set_command(c, XENMEM_decrease_reservation, n);
    for (unsigned i = 0; i < n; i++) {
        list[i] = disposable_mfn();
        tell(" %s", name_of(list[i]));
    }
    reservation(c, n, &good);
    c->after = after_decrease;
    c->arg[1] = pointer(c, sizeof(struct xen_memory_reservation));
}

static void after_increase(struct call *c, long rc)
{
    uint64_t *list = (void *)(c->buf + LIST_AT);

    if (!c->keep[1])
        pool_give_back_retired();
    if (c->keep[2] || !c->keep[1])
        return;
    for (long i = (long)c->keep[3]; i < rc && i < (long)c->keep[0]; i++)
        pool_give_back(list[i]);
}

static void increase(struct call *c)
{
    unsigned n = pick_count(4);
    bool good;

    tell("memory_op increase %u", n);
    set_command(c, XENMEM_increase_reservation, n);
    reservation(c, n, &good);
    c->flags = ALONE | HIDE_OUTPUT;
    c->after = after_increase;
    c->arg[1] = pointer(c, sizeof(struct xen_memory_reservation));
}

static void note_exchanged(struct call *c)
{
    struct xen_memory_exchange *x = (void *)(c->buf + c->where);
    uint64_t *in = (void *)(c->buf + LIST_AT), *out = (void *)(c->buf + LIST2_AT), *slots = out + 16;

    if (c->keep[2] || !c->keep[1] || !pointer_good(c) || x->nr_exchanged > c->keep[0])
        return;
    say(" exchanged %lu", (unsigned long)x->nr_exchanged);
    for (unsigned i = (unsigned)c->keep[3]; i < x->nr_exchanged; i++)
        pool_frame_gone(in[i]);
    for (unsigned i = (unsigned)c->keep[3]; i < x->nr_exchanged; i++)
        if (slots[i] < POOL_SIZE)
            pool_frame_new((unsigned)slots[i], out[i]);
        else
            pool_give_back(out[i]);
}

static void after_exchange(struct call *c, long rc)
{
    note_exchanged(c);
    if (rc)
        pool_give_back_retired();
}

static void exchange(struct call *c)
{
    struct xen_memory_exchange *x = (void *)c->buf;
    uint64_t *in = (void *)(c->buf + LIST_AT), *out = (void *)(c->buf + LIST2_AT), *slots = out + 16;
    unsigned n = pick_count(4), first = POOL_DATA + below(POOL_SPARE - POOL_DATA - 4), step = chance(80);
    bool good = true;

    tell("memory_op exchange");
    c->op = __HYPERVISOR_memory_op;
    c->arg[0] = XENMEM_exchange | (chance(3) ? 1UL << 6 : 0);
    for (unsigned i = 0; i < n; i++) {
        slots[i] = step ? first + i : below(POOL_SIZE);
        in[i] = step || chance(50) ? frames[slots[i]] : disposable_mfn();
        for (unsigned j = 0; j < POOL_SIZE;
             j++) /* one that was given back may be what the call itself brings */
            if (in[i] == frames[j] && !pool_has(j))
                in[i] = NO_FRAME;
        for (unsigned j = 0; j < i; j++)
            if (slots[j] == slots[i])
                slots[i] = 1UL << 40;
        out[i] = kit_pfn_of(pool_va) + slots[i];
        tell(" %s>%ld", name_of(in[i]), (long)slots[i]);
    }
    set_xen_guest_handle(x->in.extent_start, handle(c, LIST_AT, "in", &good));
    set_xen_guest_handle(x->out.extent_start,
                         good ? c->buf + LIST2_AT
                              : (void *)0x1000); /* alone, it would leave frames that nobody knows */
    c->keep[1] = good;
    x->in.nr_extents = x->out.nr_extents = n;
    x->in.domid = x->out.domid = (domid_t)pick_domid();
    x->out.mem_flags = pick_mem_flags();
    if (chance(6))
        x->out.nr_extents = pick_wild();
    if (chance(6))
        x->in.extent_order = pick_order();
    if (chance(6))
        x->out.extent_order = x->in.extent_order = pick_order();
    if (chance(6))
        x->nr_exchanged = PICK(1, n, n + 1, ~0UL);
    c->keep[0] = n;
    c->keep[2] = x->in.extent_order | x->out.extent_order;
    c->keep[3] = x->nr_exchanged;
    tell(" n=%u/%lx order=%x/%x flags=%x dom=%x done=%lx cmd=%lx", n, x->out.nr_extents, x->in.extent_order,
         x->out.extent_order, x->out.mem_flags, x->in.domid, (unsigned long)x->nr_exchanged, c->arg[0]);
    c->after = after_exchange;
    c->flags = ALONE | HIDE_OUTPUT | ALL_OR_NOTHING;
    c->arg[1] = pointer(c, sizeof(*x));
}

static void query(struct call *c)
{
    struct xen_memory_domain *d = (void *)c->buf;
    unsigned cmd =
        (unsigned)PICK(XENMEM_maximum_ram_page, XENMEM_current_reservation, XENMEM_maximum_reservation,
                       XENMEM_maximum_gpfn, XENMEM_get_sharing_freed_pages, XENMEM_get_sharing_shared_pages);

    tell("memory_op query %u", cmd);
    set_command(c, cmd, 1);
    d->domid = (domid_t)pick_domid();
    tell(" dom=%x", d->domid);
    c->flags = HIDE_RESULT;
    c->arg[1] = pointer(c, sizeof(*d));
}

static void machphys(struct call *c)
{
    struct xen_machphys_mfn_list *l = (void *)c->buf;
    unsigned cmd =
        (unsigned)PICK(XENMEM_machphys_mfn_list, XENMEM_machphys_compat_mfn_list, XENMEM_machphys_mapping);
    bool good;

    tell("memory_op machphys %u", cmd);
    set_command(c, cmd, 1);
    if (cmd != XENMEM_machphys_mapping) {
        set_xen_guest_handle(l->extent_start, handle(c, LIST_AT, "list", &good));
        l->max_extents = (unsigned)PICK(0, 1, 4, 16);
        tell(" max=%u", l->max_extents);
    }
    c->flags = HIDE_OUTPUT;
    c->arg[1] = pointer(c, sizeof(struct xen_machphys_mapping));
}

static void maps(struct call *c)
{
    struct xen_foreign_memory_map *m = (void *)c->buf;
    struct xen_memory_map *map = (void *)c->buf;
    unsigned cmd = (unsigned)PICK(XENMEM_memory_map, XENMEM_machine_memory_map, XENMEM_set_memory_map);
    bool good;

    tell("memory_op map %u", cmd);
    set_command(c, cmd, 1);
    if (cmd == XENMEM_set_memory_map) {
        m->domid =
            (domid_t)(chance(50)
                          ? 1
                          : DOMID_INVALID); /* one's own would change what XENMEM_memory_map says, for good */
        map = &m->map;
        tell(" dom=%x", m->domid);
    }
    map->nr_entries = (unsigned)PICK(0, 1, 16, 64, 128, 0xffffffff);
    tell(" n=%x", map->nr_entries);
    set_xen_guest_handle(map->buffer, handle(c, LIST_AT, "buffer", &good));
    c->flags = HIDE_OUTPUT; /* where the memory is, is the machine's and the hypervisor's own affair */
    c->arg[1] = pointer(c, sizeof(*m));
}

/* What only translated guests, tools and other configurations have: mostly refused. */
static void other(struct call *c)
{
    unsigned cmd = (unsigned)PICK(XENMEM_add_to_physmap, XENMEM_add_to_physmap_batch, XENMEM_get_pod_target,
                                  XENMEM_claim_pages, XENMEM_get_vnumainfo, XENMEM_reserved_device_memory_map,
                                  XENMEM_acquire_resource, 8, 29, 30, 63);
    uint16_t *domid = (void *)c->buf;

    tell("memory_op other %u", cmd);
    set_command(c, cmd, 1);
    if (cmd == XENMEM_claim_pages) { /* the number first; none, or more than there can be */
        struct xen_memory_reservation *r = (void *)c->buf;

        r->nr_extents = PICK(0, 1UL << 40);
        r->domid = (domid_t)pick_domid();
        tell(" n=%lx dom=%x", (unsigned long)r->nr_extents, r->domid);
    } else {
        *domid = (uint16_t)pick_domid();
        for (unsigned i = 1; i < 24; i++)
            domid[i] = chance(70) ? 0 : (uint16_t)pick_wild();
        tell(" dom=%x h=%lx", *domid, hash_bytes(HASH_START, c->buf, 48));
    }
    c->arg[1] = pointer(c, 64);
}

const struct call_kind calls_memory[] = {
    {22, populate}, {22, decrease}, {8, increase}, {24, exchange}, {8, query},
    {4, machphys},  {4, maps},      {8, other},    {0, NULL},
};
