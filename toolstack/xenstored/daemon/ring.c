/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include "toolstack/xenstored/daemon/ring.h"

#define OUT_PIECES 16u
#define FEATURES   (XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR)

static uint32_t load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

void ring_attach(struct ring *r, struct xenstore_domain_interface *page)
{
    r->page = page;
    r->req_cons = load(&page->req_cons);
    r->rsp_prod = load(&page->rsp_prod);
    r->shown = r->position;
    r->broken = r->full = false;
    store(&page->server_features, FEATURES);
    store(&page->error, XENSTORE_ERROR_NONE);
    store(&page->connection, XENSTORE_CONNECTED);
}

void ring_resume(struct ring *r, struct xenstore_domain_interface *page, uint32_t req_cons, uint32_t rsp_prod,
                 bool broken)
{
    *r = (struct ring){.page = page, .req_cons = req_cons, .rsp_prod = rsp_prod, .broken = broken};
    r->shown = r->position;
    if (!page)
        return;
    store(&page->server_features, FEATURES);
    store(&page->req_cons, req_cons); /* the process before may have died before it said so */
    store(&page->rsp_prod, rsp_prod);
}

void ring_fail(struct ring *r, uint32_t error)
{
    r->broken = true;
    store(&r->page->error, error);
}

void ring_break(struct ring *r, struct st_conn *c, uint32_t error)
{
    st_conn_reset(c);
    ring_fail(r, error);
}

bool ring_wants_reconnect(const struct ring *r)
{
    return load(&r->page->connection) == XENSTORE_RECONNECT;
}

void ring_reconnect(struct ring *r, struct st_conn *c)
{
    struct xenstore_domain_interface *p = r->page;

    st_conn_reset(c);
    r->req_cons = r->rsp_prod = 0;
    r->shown = 0;
    r->full = false;
    store(&p->req_prod, 0);
    store(&p->req_cons, 0);
    store(&p->rsp_prod, 0);
    store(&p->rsp_cons, 0);
    store(&p->error, XENSTORE_ERROR_NONE);
    r->broken = false;
    store(&p->connection, XENSTORE_CONNECTED);
}

int ring_input(struct ring *r, struct st_conn *c, char copy[XENSTORE_RING_SIZE], unsigned int *budget,
               enum st_stall *stall)
{
    uint32_t prod, avail, at, first;
    size_t used;

    *stall = ST_READY;
    if (r->broken)
        return 0;
    prod = load(&r->page->req_prod);
    avail = prod - r->req_cons;
    if (avail > XENSTORE_RING_SIZE) {
        ring_break(r, c, XENSTORE_ERROR_RINGIDX);
        return -EPROTO;
    }
    at = MASK_XENSTORE_IDX(r->req_cons);
    first = XENSTORE_RING_SIZE - at < avail ? XENSTORE_RING_SIZE - at : avail;
    memcpy(copy, r->page->req + at, first);
    if (avail > first)
        memcpy(copy + first, r->page->req, avail - first);
    used = st_conn_feed(c, copy, avail, budget, stall);
    r->req_cons += (uint32_t)used;
    if (*stall == ST_DEAD) {
        ring_break(r, c, XENSTORE_ERROR_PROTO);
        return -EPROTO;
    }
    return used > 0;
}

static void put(struct ring *r, const char *data, uint32_t len)
{
    uint32_t at = MASK_XENSTORE_IDX(r->rsp_prod);
    uint32_t first = XENSTORE_RING_SIZE - at < len ? XENSTORE_RING_SIZE - at : len;

    memcpy(r->page->rsp + at, data, first);
    if (len > first)
        memcpy(r->page->rsp, data + first, len - first);
    r->rsp_prod += len;
}

int ring_output(struct ring *r, struct st_conn *c)
{
    struct st_iovec v[OUT_PIECES];
    uint32_t cons, space, taken, start = r->rsp_prod;
    unsigned int n, i;

    if (r->broken)
        return 0;
    cons = load(&r->page->rsp_cons);
    if (r->rsp_prod - cons > XENSTORE_RING_SIZE) {
        ring_break(r, c, XENSTORE_ERROR_RINGIDX);
        return -EPROTO;
    }
    space = XENSTORE_RING_SIZE - (r->rsp_prod - cons);
    do {
        n = space ? st_conn_output(c, v, OUT_PIECES) : 0;
        for (taken = i = 0; i < n; i++) {
            uint32_t len = v[i].len < space - taken ? (uint32_t)v[i].len : space - taken;

            put(r, v[i].base, len);
            taken += len;
        }
        space -= taken;
        if (n)
            st_conn_delivered(c, taken);
    } while (n == OUT_PIECES);
    r->full = !space;
    return r->rsp_prod != start;
}

/* What is shown already is not shown again: the page may be the next kernel's by now, who clears it before it is introduced. */
void ring_publish(struct ring *r)
{
    if (r->shown == r->position)
        return;
    r->shown = r->position;
    store(&r->page->req_cons, r->req_cons);
    store(&r->page->rsp_prod, r->rsp_prod);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the domain sees these, or we see what it writes now */
}

bool ring_has_input(const struct ring *r)
{
    uint32_t avail = load(&r->page->req_prod) - r->req_cons;

    /* More than that: the page may be the next kernel's already. */
    return !r->broken && avail && avail <= XENSTORE_RING_SIZE;
}

bool ring_has_room(const struct ring *r)
{
    return r->full && !r->broken && r->rsp_prod - load(&r->page->rsp_cons) < XENSTORE_RING_SIZE;
}
