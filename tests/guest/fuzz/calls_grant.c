/* SPDX-License-Identifier: MIT */
/* Grant tables, looped back: the domain grants to itself. Handles are known by the order in which they came. */
#include "fuzz.h"

#define HANDLES   16
#define REFS      24 /* those behind the reserved ones; entries are written by the guest itself */
#define NO_HANDLE 0x5000U

static struct grant_entry_v1 *v1;
static union grant_entry_v2 *v2;
static uint32_t version;

static struct grant_handle {
    uint32_t handle, flags; /* GNTMAP_host_map, GNTMAP_device_map: what is mapped still */
    uint64_t address, bus;
} handles[HANDLES];

static unsigned first_ref; /* behind what cannot be unmapped any more */

static void set_version(uint32_t number)
{
    struct gnttab_set_version s = {.version = number};

    hcall_grant_table_op(GNTTABOP_set_version, &s, 1);
}

bool grant_init(void)
{
    uint64_t *list = (void *)area_va;
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 2};
    char *va = kit_pages_alloc(2);

    set_xen_guest_handle(s.frame_list, list);
    if (hcall_grant_table_op(GNTTABOP_setup_table, &s, 1) || s.status)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        frames[NAME_GRANT + i] = list[i];
        if (kit_remap(va + i * KIT_PAGE_SIZE, list[i] << KIT_PAGE_SHIFT | PTE_RW))
            return false;
    }
    v1 = (void *)va;
    v2 = (void *)va;
    set_version(2); /* who keeps its pages takes them now */
    set_version(1);
    return true;
}

static int16_t unmap_one(const struct grant_handle *h, uint64_t address)
{
    struct gnttab_unmap_grant_ref u = {.handle = h->handle, .host_addr = address, .dev_bus_addr = h->bus};

    hcall_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1);
    return u.status;
}

/* The entry that mapped it holds something else by now. What is unmapped must be mapped: so put it there again, whichever frame it is. */
static bool unmap_elsewhere(const struct grant_handle *h, uint64_t mfn)
{
    static char *place;
    uint64_t entry = 0, at;

    if (!place) {
        place = kit_page_alloc();
        kit_unmap(place);
    }
    at = (uintptr_t)place;
    if (h->flags & GNTMAP_contains_pte && !kit_pte_find(kit_root_mfn, (uintptr_t)place, 1, &at, &entry))
        return false;
    if (mfn == NO_FRAME ||
        kit_remap(place, mfn << KIT_PAGE_SHIFT | (h->flags & GNTMAP_readonly ? PTE_RO : PTE_RW)))
        return false;
    if (!unmap_one(h, at))
        return true;
    kit_unmap(place);
    return false;
}

static bool unmap_surely(const struct grant_handle *h)
{
    if (!unmap_one(h, h->flags & GNTMAP_host_map ? h->address : 0))
        return true;
    for (unsigned i = 0; i < NR_NAMES; i++)
        if (unmap_elsewhere(h, frames[i]))
            return true;
    for (unsigned i = 0; i < POOL_LOST_MOST; i++)
        if (unmap_elsewhere(h, pool_lost_at(i)))
            return true;
    return false;
}

static bool is_mapped(const struct grant_handle *h)
{
    return (h->flags & (GNTMAP_host_map | GNTMAP_device_map)) != 0;
}

static void unmap_all(void)
{
    bool stays = false;

    for (unsigned i = 0; i < HANDLES; i++) {
        if (is_mapped(&handles[i]) && !unmap_surely(&handles[i])) {
            say("reset: grant H%u stays\n", i);
            stays = true;
        }
        handles[i].flags = 0;
    }
    if (stays && first_ref + 2 * REFS < 500)
        first_ref += REFS;
}

void grant_reset(void)
{
    struct gnttab_set_version s = {.version = 1};
    long rc;

    unmap_all();
    memset(v1, 0, 2 * KIT_PAGE_SIZE);
    rc = hcall_grant_table_op(GNTTABOP_set_version, &s, 1);
    if (rc)
        say("reset: grants version: %ld\n", rc);
    memset(v1, 0, 2 * KIT_PAGE_SIZE);
    version = 1;
}

void grant_state(void)
{
    struct gnttab_query_size q = {.dom = DOMID_SELF};
    struct gnttab_get_version g = {.dom = DOMID_SELF};

    hcall_grant_table_op(GNTTABOP_query_size, &q, 1);
    hcall_grant_table_op(GNTTABOP_get_version, &g, 1);
    say("state grants %u of %u version %u:", q.nr_frames, q.max_nr_frames, g.version);
    for (unsigned i = 0; i < REFS; i++)
        say(" %x", (g.version == 1 ? v1[first_ref + i].flags : v2[first_ref + i].hdr.flags) &
                       0xfff); /* above may be bits of a frame's number */
    say("\n");
}

static unsigned pick_ref(void)
{
    unsigned wild = (unsigned)PICK(511, 512, 1023, 1024, 4096, 0xffffffff, 0x7fffffff);

    return chance(92) ? first_ref + below(REFS) : wild;
}

/* Not a hypercall: the guest writes an entry of its table. */
static void write_entry(struct call *c)
{
    unsigned ref = first_ref + below(REFS),
             flags = (unsigned)PICK(GTF_permit_access, GTF_permit_access, GTF_permit_access | GTF_readonly,
                                    GTF_invalid, GTF_accept_transfer, GTF_permit_access | GTF_sub_page,
                                    GTF_transitive);
    domid_t domid = (domid_t)PICK(0, 0, 0, 0, DOMID_SELF, 1, DOMID_IO);
    uint64_t mfn = frames[chance(85) ? POOL_TABLES + below(POOL_SIZE - POOL_TABLES)
                                     : below(POOL_SIZE)]; /* a copy may write to it */
    unsigned off = below(4096), len = below(4097), status = version == 1 ? v1[ref].flags : v2[ref].hdr.flags;

    c->op = __HYPERVISOR_xen_version;
    c->flags = ALONE;
    tell("grant entry %u v%u flags=%x dom=%x %s", ref, version, flags, domid, name_of(mfn));
    if (status & (GTF_reading | GTF_writing)) {
        tell(" in use");
        return;
    }
    if (version == 1) {
        v1[ref].domid = domid;
        v1[ref].frame = (uint32_t)mfn;
        v1[ref].flags = (uint16_t)flags;
        return;
    }
    v2[ref].sub_page.hdr.domid = domid;
    v2[ref].sub_page.frame = mfn;
    if (flags & GTF_sub_page) {
        v2[ref].sub_page.page_off = (uint16_t)off;
        v2[ref].sub_page.length = (uint16_t)len;
        tell(" %x+%x", off, len);
    } else if (flags == GTF_transitive) {
        v2[ref].transitive.trans_domid = 0;
        v2[ref].transitive.gref = first_ref + (ref + 1 - first_ref) % REFS;
    }
    v2[ref].hdr.flags = (uint16_t)flags;
}

static void grant_op(struct call *c, unsigned cmd, unsigned n, unsigned size)
{
    unsigned odd = below(30);

    c->op = __HYPERVISOR_grant_table_op;
    c->arg[0] = cmd;
    c->arg[2] = odd == 0 ? 0 : odd == 1 ? n + 1 : n;
    if (odd == 2)
        c->arg[2] = 0x80000000UL | n;
    if (c->arg[2] != n)
        tell(" n=%lx", c->arg[2]);
    c->arg[1] = pointer(c, n * size);
}

static uint64_t pick_map_address(bool pte)
{
    uint64_t va = (chance(60) ? WINDOW_VA : (uintptr_t)pool_va) + (16 + below(32)) * KIT_PAGE_SIZE,
             wild = pick_va();
    uint64_t entry = (frames[chance(70) ? NAME_WINDOW : below(POOL_TABLES)] << KIT_PAGE_SHIFT) +
                     below(64) * 8 + (chance(5) ? 4 : 0);

    return pte ? entry : chance(90) ? va : wild;
}

static void after_map(struct call *c, long rc)
{
    struct gnttab_map_grant_ref *m = (void *)(c->buf + c->where);
    unsigned n = (unsigned)c->keep[0];

    if (rc < 0 || !pointer_good(c))
        return;
    for (unsigned i = 0; i < n; i++) {
        unsigned slot = 0;

        say(" [%d", m[i].status);
        if (m[i].status == 0) {
            while (slot < HANDLES - 1 && is_mapped(&handles[slot]))
                slot++;
            handles[slot] =
                (struct grant_handle){.handle = m[i].handle,
                                      .flags = m[i].flags,
                                      .address = m[i].host_addr,
                                      .bus = m[i].flags & GNTMAP_device_map ? m[i].dev_bus_addr : 0};
            say(" H%u %s", slot, m[i].flags & GNTMAP_device_map ? name_entry(m[i].dev_bus_addr) : "");
        }
        say("]");
    }
}

static void map(struct call *c)
{
    struct gnttab_map_grant_ref *m = (void *)c->buf;
    unsigned n = pick_count(3);

    tell("grant map");
    for (unsigned i = 0; i < n; i++) {
        m[i].flags = (uint32_t)PICK(
            GNTMAP_host_map, GNTMAP_host_map, GNTMAP_host_map | GNTMAP_readonly,
            GNTMAP_host_map | GNTMAP_contains_pte, GNTMAP_host_map | GNTMAP_contains_pte | GNTMAP_readonly,
            GNTMAP_device_map, GNTMAP_device_map | GNTMAP_host_map, 0,
            GNTMAP_host_map | GNTMAP_application_map, 1U << 16 | GNTMAP_host_map, 0x20 | GNTMAP_host_map);
        m[i].host_addr = pick_map_address(m[i].flags & GNTMAP_contains_pte);
        m[i].ref = pick_ref();
        m[i].dom = (domid_t)PICK(DOMID_SELF, 0, 0, 0, 0, 5, DOMID_IO, DOMID_INVALID);
        m[i].status = 77;
        tell(" [%x dom=%x ref=%x %s]", m[i].flags, m[i].dom, m[i].ref,
             m[i].flags & GNTMAP_contains_pte ? name_entry(m[i].host_addr) : name_va(m[i].host_addr));
    }
    c->keep[0] = n;
    c->flags = HIDE_OUTPUT | ALL_OR_NOTHING;
    c->after = after_map;
    grant_op(c, GNTTABOP_map_grant_ref, n, sizeof(*m));
}

/* Of both ways in which it may be mapped, those go that are named. */
static void forget(const struct gnttab_unmap_grant_ref *u)
{
    for (unsigned h = 0; h < HANDLES; h++)
        if (is_mapped(&handles[h]) && handles[h].handle == u->handle) {
            if (u->host_addr && u->host_addr == handles[h].address)
                handles[h].flags &= ~(uint32_t)GNTMAP_host_map;
            if (u->dev_bus_addr && u->dev_bus_addr == handles[h].bus) {
                handles[h].flags &= ~(uint32_t)GNTMAP_device_map;
                handles[h].bus = 0;
            }
        }
}

static void after_unmap(struct call *c, long rc)
{
    struct gnttab_unmap_grant_ref *u = (void *)(c->buf + c->where);

    if (rc < 0 || !pointer_good(c))
        return;
    for (unsigned i = 0; i < c->keep[0]; i++)
        say(" [%d]", u[i].status);
    for (unsigned i = 0; i < c->keep[0]; i++)
        if (!u[i].status)
            forget(&u[i]);
}

static void unmap(struct call *c)
{
    struct gnttab_unmap_grant_ref *u = (void *)c->buf;
    unsigned n = pick_count(3);

    tell("grant unmap");
    for (unsigned i = 0; i < n; i++) {
        unsigned h = below(HANDLES / 2), wrong = below(12), wrong_bus = below(8);
        uint64_t other = pick_map_address(false), bus = handles[h].bus;
        bool there = is_mapped(&handles[h]);

        u[i].handle = there ? handles[h].handle : NO_HANDLE + h;
        u[i].host_addr = wrong == 0 ? other : wrong == 1 ? 0 : handles[h].address;
        u[i].dev_bus_addr = wrong_bus == 0 ? bus + KIT_PAGE_SIZE : wrong_bus == 1 ? 0 : bus;
        u[i].status = 77;
        tell(" [H%u%s%s%s]", h, there ? "" : "?",
             wrong == 0   ? " elsewhere"
             : wrong == 1 ? " no address"
                          : "",
             wrong_bus == 0          ? " wrong bus"
             : bus && wrong_bus != 1 ? " bus"
                                     : "");
    }
    c->keep[0] = n;
    c->flags = HIDE_OUTPUT | ALL_OR_NOTHING;
    c->after = after_unmap;
    grant_op(c, GNTTABOP_unmap_grant_ref, n, sizeof(*u));
}

static void copy_end(struct gnttab_copy_ptr *p, bool by_ref)
{
    unsigned ref = pick_ref();
    uint64_t mfn = frames[below(POOL_SIZE)]; /* one of the guest's own others would be lost */

    p->domid = (domid_t)PICK(DOMID_SELF, DOMID_SELF, 0, 0, 5, DOMID_IO);
    p->offset = (uint16_t)PICK(0, 1, 2048, 4095, 4096, 0xffff);
    if (by_ref)
        p->u.ref = ref;
    else
        p->u.gmfn = chance(92) ? mfn : NO_FRAME;
    tell(" %s%s+%x dom=%x", by_ref ? "ref " : "", name_of(by_ref ? ref : p->u.gmfn), p->offset, p->domid);
}

/* Entries may name frames outside of the pool, to be read: what is in them is the machine's. */
static void copy(struct call *c)
{
    struct gnttab_copy *p = (void *)c->buf;

    tell("grant copy");
    p->flags = (uint16_t)PICK(0, GNTCOPY_source_gref, GNTCOPY_dest_gref, 3, 4);
    copy_end(&p->source, false);
    copy_end(&p->dest, false);
    if (p->flags & GNTCOPY_source_gref)
        copy_end(&p->source, true);
    if (p->flags & GNTCOPY_dest_gref)
        copy_end(&p->dest, true);
    p->len = (uint16_t)PICK(0, 1, 8, 2048, 4096, 4097, 0xffff);
    p->status = 77;
    tell(" len=%x flags=%x", p->len, p->flags);
    grant_op(c, GNTTABOP_copy, 1, sizeof(*p));
}

static void after_version(struct call *c, long rc)
{
    struct gnttab_get_version g = {.dom = DOMID_SELF};

    (void)c;
    (void)rc;
    hcall_grant_table_op(GNTTABOP_get_version, &g, 1);
    version = g.version;
    say(" v%u", version);
}

static void queries(struct call *c)
{
    struct gnttab_query_size *q = (void *)c->buf;
    struct gnttab_setup_table *s = (void *)c->buf;
    struct gnttab_get_version *g = (void *)c->buf;
    struct gnttab_get_status_frames *f = (void *)c->buf;
    struct gnttab_swap_grant_ref *w = (void *)c->buf;
    uint32_t *word = (void *)c->buf;

    switch (below(8)) {
    case 0:
        q->dom = (domid_t)pick_domid();
        tell("grant query_size %x", q->dom);
        grant_op(c, GNTTABOP_query_size, 1, sizeof(*q));
        break;
    case 1: /* up to the two frames that there are: more would stay */
        s->dom = (domid_t)pick_domid();
        s->nr_frames = (uint32_t)PICK(0, 1, 2, 65, 0xffffffff);
        s->frame_list.p = chance(80) ? (void *)(c->buf + 512) : (void *)0x1000;
        tell("grant setup_table %x %x%s", s->dom, s->nr_frames,
             s->frame_list.p == (void *)0x1000 ? " bad" : "");
        grant_op(c, GNTTABOP_setup_table, 1, sizeof(*s));
        break;
    case 2:
        g->dom = (domid_t)pick_domid();
        tell("grant get_version %x", g->dom);
        grant_op(c, GNTTABOP_get_version, 1, sizeof(*g));
        break;
    case 3:
        f->dom = (domid_t)pick_domid();
        f->nr_frames = (uint32_t)PICK(0, 1, 2, 100);
        f->frame_list.p = (void *)(c->buf + 512);
        tell("grant get_status_frames %x %x", f->dom, f->nr_frames);
        c->flags = HIDE_OUTPUT;
        grant_op(c, GNTTABOP_get_status_frames, 1, sizeof(*f));
        break;
    case 4:
    case 5:
        w->ref_a = pick_ref();
        w->ref_b = pick_ref();
        tell("grant swap %x %x", w->ref_a, w->ref_b);
        grant_op(c, GNTTABOP_swap_grant_ref, 1, sizeof(*w));
        break;
    case 6:
        word[0] = (uint32_t)PICK(1, 1, 2, 2, 0, 3, 0xffffffff);
        /* The page for version 2's status could be a frame that was given back, which would be the guest's again by its name. */
        if (word[0] == 2 && pool_has_retired())
            word[0] = 1;
        tell("grant set_version %x", word[0]);
        c->after = after_version;
        c->flags = ALONE;
        grant_op(c, GNTTABOP_set_version, 1, 4);
        break;
    default:
        for (unsigned i = 0; i < 8; i++)
            word[i] = (uint32_t)pick_wild();
        c->arg[0] = PICK(13, 14, 99, 0x7fffffff, 0xffff);
        tell("grant unknown %lx", c->arg[0]);
        grant_op(c, (unsigned)c->arg[0], 1, 32);
    }
}

const struct call_kind calls_grant[] = {{34, write_entry}, {30, map},     {18, unmap},
                                        {14, copy},        {16, queries}, {0, NULL}};
