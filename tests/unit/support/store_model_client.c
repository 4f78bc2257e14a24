/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clients: what replies and events each is still to get, and what really comes. */
#include "tests/unit/support/store_model.h"
#include "random.h"

struct client client[CLIENTS];
unsigned long op_number;

void rnd_start(void)
{
    random_sequence(0);
}

uint32_t rnd(uint32_t n)
{
    return random_below(n);
}

/* ---- Events expected ---- */

void expect_event(struct client *c, int w, const char *path)
{
    struct event *e = calloc(1, sizeof(*e));

    if (c->watch[w].relative)
        path += strlen(slot[base_of[c->domid]].path) + 1;
    snprintf(e->text, sizeof(e->text), "%s %s", path, c->watch[w].token);
    e->op = op_number;
    *c->events_end = e;
    c->events_end = &e->next;
}

static bool parent_readable(const struct client *c, int i)
{
    const struct node *n = &now.n[i ? slot[i].parent : 0];

    return n->exists && (bits_of(c, n) & R);
}

/* Tells the watchers of slot @i, and above it unless @exact, who may read @a or @b. */
void fire(int i, const struct node *a, const struct node *b, bool exact)
{
    int k, w;

    for (k = 0; k < CLIENTS; k++)
        for (w = 0; w < MAX_WATCH; w++) {
            struct client *c = &client[k];

            if (!c->watch[w].used || c->watch[w].at < 0)
                continue;
            if (exact ? c->watch[w].at != i : !below(i, c->watch[w].at))
                continue;
            if ((bits_of(c, a) & R) || (b && (bits_of(c, b) & R)) || (!exact && parent_readable(c, i)))
                expect_event(c, w, slot[i].path);
        }
}

void fire_removed(const struct db *old, int top)
{
    int i;

    fire(top, &old->n[top], &old->n[slot[top].parent], false);
    for (i = top + 1; i < slots; i++)
        if (old->n[i].exists && below(i, top))
            fire(i, &old->n[i], &old->n[slot[i].parent], true);
}

/* ---- Replies expected, and what really comes ---- */

struct reply *expect(struct client *c, uint32_t type, uint32_t tx, const void *p, size_t len)
{
    struct reply *r = calloc(1, sizeof(*r));

    r->hdr = (struct xsd_sockmsg){type, (uint32_t)op_number, tx, (uint32_t)len};
    memcpy(r->data, p, len);
    *c->replies_end = r;
    c->replies_end = &r->next;
    c->waiting++;
    return r;
}

void expect_result(struct client *c, uint32_t type, uint32_t tx, int rc)
{
    unsigned int i;

    if (!rc) {
        expect(c, type, tx, "OK", 3);
        return;
    }
    for (i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
        if (xsd_errors[i].errnum == -rc)
            expect(c, XS_ERROR, tx, xsd_errors[i].errstring, strlen(xsd_errors[i].errstring) + 1);
}

static void got_reply(struct client *c, const struct client_msg *m)
{
    struct reply *r = c->replies;

    assert_non_null(r);
    if (memcmp(&m->hdr, &r->hdr, sizeof(m->hdr)) || memcmp(m->data, r->data, m->hdr.len))
        fail_msg("request %u of domain %u: type %u '%s', expected type %u '%s'", m->hdr.req_id, c->domid,
                 m->hdr.type, m->data, r->hdr.type, r->data);
    c->replies = r->next;
    if (!c->replies)
        c->replies_end = &c->replies;
    c->waiting--;
    free(r);
}

/*
 * An event must be one that is expected and not older than the one before. Equal ones may be merged into the
 * first of them: so each equal one that is expected counts as seen, but remains to be had once more.
 */
static void got_event(struct client *c, const struct client_msg *m, unsigned long *last)
{
    char text[sizeof(m->data) * 2];
    struct event *e, *hit = NULL;

    snprintf(text, sizeof(text), "%s %s", m->data, m->data + strlen(m->data) + 1);
    for (e = c->events; e; e = e->next)
        if (!strcmp(e->text, text)) {
            if (!hit && e->op >= *last && !e->used)
                hit = e;
            e->seen = true;
        }
    if (!hit) {
        for (e = c->events; e; e = e->next)
            printf("  expected of request %lu: %s%s\n", e->op, e->text,
                   e->used   ? " (came)"
                   : e->seen ? " (equal came)"
                             : "");
        fail_msg("domain %u: event '%s' is not expected here", c->domid, text);
    }
    hit->used = true;
    *last = hit->op;
}

void drop_expected(struct client *c)
{
    struct event *e;
    struct reply *r;

    while ((e = c->events)) {
        c->events = e->next;
        free(e);
    }
    while ((r = c->replies)) {
        c->replies = r->next;
        free(r);
    }
    c->events_end = &c->events;
    c->replies_end = &c->replies;
    c->waiting = 0;
}

/* Takes all the client's output: replies in order, every event at least once. */
void drain(struct client *c)
{
    static struct client_msg m;
    unsigned long last = 0;
    struct event *e;

    while (client_take(c->conn, &m)) {
        if (m.hdr.type == XS_WATCH_EVENT)
            got_event(c, &m, &last);
        else
            got_reply(c, &m);
    }
    assert_null(c->replies);
    for (e = c->events; e; e = e->next)
        if (!e->seen)
            fail_msg("domain %u: event '%s' of request %lu is lost", c->domid, e->text, e->op);
    drop_expected(c);
}
