/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making the store, and making it anew from its own state stream, in a heap of its own, while the clients stay. A journal
 * begins with such a stream, and calls are played on what it gives: so the store that serves must be what it gives, too. It is,
 * but for transactions: those go on from the present tree. It takes time in proportion to the store, and no system call for a client.
 */
#include <stdlib.h>
#include <string.h>
#include "toolstack/xenstored/daemon/daemon.h"
#include "toolstack/xenstored/lib/state.h"

static struct heap *heap; /* of `store` */

static struct st_store *make(struct heap *in, uint64_t seed)
{
    static const struct st_hooks hooks = {
        .introduce = domains_hook_introduce,
        .release = domains_hook_release,
        .resume = domains_hook_resume,
        .domain_exists = domains_hook_exists,
        .control = control_hook,
        .answer = control_answer,
        .trace = trace_line,
        .tap = journal_tap,
    };
    const struct st_allocator a = {heap_alloc, heap_free, in};

    return in ? st_store_new(&a, &hooks, seed) : NULL;
}

static void discard(struct st_store *s, struct heap *of)
{
    if (s)
        st_store_free(s);
    heap_drop(of);
}

int store_make(uint64_t seed)
{
    discard(store, heap);
    heap = heap_new();
    store = make(heap, seed);
    return store ? 0 : -ENOMEM;
}

/* ---- Once more ---- */

static int moving(void *ctx, struct st_conn *c, const void *p, size_t len)
{
    struct client *cl;
    uint32_t id;

    if (len < sizeof(id))
        return -EINVAL;
    memcpy(&id, p, sizeof(id));
    cl = client_find(id);
    if (!cl || cl->moved)
        return -EINVAL;
    cl->moved = c;
    st_conn_set_user(c, cl);
    return 0;
}

static bool left_behind;

static void look(struct client *cl)
{
    left_behind |= cl->conn && !cl->moved;
}

static void stay(struct client *cl)
{
    cl->moved = NULL;
}

static void move(struct client *cl)
{
    cl->conn = cl->moved;
    cl->moved = NULL;
}

void store_lacked(const struct heap *of)
{
    if (of == heap) /* not one that is being made */
        journal_doubt();
}

bool store_is_sparse(void)
{
    return heap_is_sparse(heap);
}

int store_renew(uint64_t seed, const void *stream, size_t len)
{
    const struct st_loader loader = {moving, NULL};
    struct heap *other = heap_new();
    struct st_store *s = make(other, seed);
    int rc = s ? 0 : -ENOMEM;

    if (!rc)
        rc = st_state_load(s, stream, len, &loader); /* at time 0, as a recovery does */
    left_behind = false;
    client_all(look);
    if (!rc && left_behind)
        rc = -EINVAL;
    if (rc) {
        client_all(stay);
        discard(s, other);
        return rc;
    }
    client_all(move);
    st_store_set_time(s, st_store_time(store));
    discard(store, heap);
    store = s;
    heap = other;
    return 0;
}
