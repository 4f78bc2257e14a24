/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Playing the journal of a daemon that died: its store, its clients and every byte of theirs come back as they were. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "toolstack/xenstored/daemon/daemon.h"
#include "toolstack/xenstored/daemon/journal_format.h"
#include "toolstack/xenstored/lib/state.h"

static struct { /* the journal being played */
    const char *p, *end;
    bool on;
} r;

struct ghost { /* a client of the daemon that died */
    struct ghost *next;
    struct st_conn *conn;
    uint32_t id;
    size_t len;
    char notes[1 + sizeof(struct dom_notes)];
};

static struct ghost *ghosts;

static struct dom_notes *notes(struct ghost *g, struct dom_notes *n)
{
    memcpy(n, g->notes + 1, sizeof(*n));
    return n;
}

static struct ghost *ghost(uint32_t id)
{
    struct ghost *g;

    for (g = ghosts; g && g->id != id; g = g->next)
        ;
    return g;
}

static int ghost_add(struct st_conn *c, uint32_t id, const char *p, size_t len)
{
    struct ghost *g = calloc(1, sizeof(*g));

    if (!g || !c || !len)
        return -EINVAL;
    g->conn = c;
    g->id = id;
    g->len = len < sizeof(g->notes) ? len : sizeof(g->notes); /* all of a ring's; a socket's do not matter */
    memcpy(g->notes, p, g->len);
    g->next = ghosts;
    ghosts = g;
    return 0;
}

static int adopt_ghost(void *ctx, struct st_conn *c, const void *p, size_t len)
{
    uint32_t id;

    if (len < sizeof(id) + 1)
        return -EINVAL;
    memcpy(&id, p, sizeof(id));
    return ghost_add(c, id, (const char *)p + sizeof(id), len - sizeof(id));
}

static const struct record *next_record(const char **body)
{
    const struct record *rec = (const struct record *)r.p;

    if ((size_t)(r.end - r.p) < sizeof(*rec) || !rec->size || rec->size > (size_t)(r.end - r.p) ||
        rec->size < sizeof(*rec) + rec->slack)
        return NULL;
    *body = r.p + sizeof(*rec);
    r.p += rec->size;
    return rec;
}

static size_t body_len(const struct record *rec)
{
    return rec->size - sizeof(*rec) - rec->slack;
}

static int play_open(const struct record *rec, const char *body)
{
    size_t len = body_len(rec);
    struct dom_notes n;
    struct st_conn *c;

    if (len && *body == DESCRIBES_RING && len == 1 + sizeof(n)) {
        memcpy(&n, body + 1, sizeof(n));
        c = st_conn_open_domain(store, n.domid);
    } else {
        c = st_conn_open_socket(store, false);
    }
    return ghost_add(c, rec->id, body, len);
}

static void move(struct ghost *g, uint32_t consumed, uint32_t produced)
{
    struct dom_notes n;

    if (*g->notes != DESCRIBES_RING)
        return;
    notes(g, &n);
    n.req_cons += consumed;
    n.rsp_prod += produced;
    memcpy(g->notes + 1, &n, sizeof(n));
}

static void set_position(struct ghost *g, const struct record *rec, const char *body)
{
    struct dom_notes n;
    uint32_t at[2];

    memcpy(at, body, sizeof(at));
    notes(g, &n);
    n.req_cons = at[0];
    n.rsp_prod = at[1];
    n.broken = rec->arg != 0;
    memcpy(g->notes + 1, &n, sizeof(n));
}

static void play_afresh(struct ghost *g, const struct record *rec, const char *body)
{
    if (!g || *g->notes != DESCRIBES_RING || body_len(rec) != g->len)
        return;
    st_conn_reset(g->conn);
    memcpy(g->notes, body, g->len);
}

static void ghost_forget(struct ghost *g)
{
    struct ghost **link;

    for (link = &ghosts; *link != g; link = &(*link)->next)
        ;
    *link = g->next;
    free(g);
}

static void play_time(const struct record *rec, const char *body)
{
    uint64_t now;

    if (body_len(rec) != sizeof(now))
        return;
    memcpy(&now, body, sizeof(now));
    st_store_set_time(store, now);
}

static void deliver(struct ghost *g, uint32_t n)
{
    st_conn_delivered(g->conn, n);
    move(g, 0, n);
}

static void play_tap(const struct record *rec, const char *body, struct ghost *g)
{
    enum st_tap what = (enum st_tap)(rec->kind - R_TAP);
    unsigned int budget = rec->arg;
    size_t len = body_len(rec);
    enum st_stall stall;

    if (what == ST_TAP_GONE) {
        st_domain_gone(store, rec->arg);
    } else if (what == ST_TAP_RELEASE_EVENT) {
        st_fire_release(store);
    } else if (!g) {
        return;
    } else if (what == ST_TAP_FEED) {
        move(g, (uint32_t)st_conn_feed(g->conn, body, len, &budget, &stall), 0);
        if (rec->delivered)
            deliver(g, rec->delivered);
    } else if (what == ST_TAP_DELIVERED) {
        deliver(g, rec->arg);
    } else if (what == ST_TAP_RETRY) {
        st_conn_has_output(g->conn);
    } else if (what == ST_TAP_RESET) {
        st_conn_reset(g->conn);
    } else if (what == ST_TAP_AMEND && len && !body[len - 1]) {
        st_conn_amend_reply(g->conn, body);
    } else if (what == ST_TAP_CLOSE) {
        st_conn_close(g->conn);
        ghost_forget(g);
    }
}

bool journal_replaying(void)
{
    return r.on;
}

/* The store closed a domain's connection while the journal is played. */
void journal_released(unsigned int domid)
{
    struct dom_notes n;
    struct ghost *g;

    for (g = ghosts; g; g = g->next)
        if (*g->notes == DESCRIBES_RING && notes(g, &n)->domid == domid) {
            ghost_forget(g);
            return;
        }
}

bool journal_replay_hook(int *result, void *data, size_t *len)
{
    const struct record *rec;
    const char *body;

    if (!r.on)
        return false;
    while ((rec = next_record(&body))) {
        if (rec->kind == R_OPEN)
            play_open(rec, body);
        else if (rec->kind == R_AFRESH) /* introduced once more */
            play_afresh(ghost(rec->id), rec, body);
        if (rec->kind != R_HOOK)
            continue;
        *result = (int)rec->arg;
        if (data && body_len(rec) <= *len) {
            *len = body_len(rec);
            memcpy(data, body, *len);
        }
        return true;
    }
    *result = -EAGAIN; /* the process died in the hook: its answer was never seen */
    return true;
}

static void play(void)
{
    const struct record *rec;
    const char *body;
    struct ghost *g;

    while ((rec = next_record(&body))) {
        g = ghost(rec->id);
        if (rec->kind == R_OPEN)
            play_open(rec, body);
        else if (rec->kind == R_POSITION && g && *g->notes == DESCRIBES_RING && body_len(rec) == 8)
            set_position(g, rec, body);
        else if (rec->kind == R_AFRESH)
            play_afresh(g, rec, body);
        else if (rec->kind == R_TIME)
            play_time(rec, body);
        else if (rec->kind >= R_TAP)
            play_tap(rec, body, g);
    }
}

/* Sockets died with their process; rings are taken up again. */
static void revive(void)
{
    struct ghost *g;

    while ((g = ghosts)) {
        ghosts = g->next;
        if (*g->notes != DESCRIBES_RING || domain_restore(g->conn, g->id, g->notes, g->len, false))
            st_conn_close(g->conn);
        free(g);
    }
}

/* 0; -EINVAL: it is none; -EPROTO: it is one that we cannot play. */
static int check(const struct header *h, size_t size)
{
    if (size <= sizeof(*h) || h->magic != JOURNAL_MAGIC)
        return -EINVAL;
    if (h->replay != JOURNAL_REPLAY)
        return -EPROTO;
    return h->base_len <= size - sizeof(*h) ? 0 : -EINVAL;
}

/* Maps the journal that is there. -ENOENT: none is; else as check(). */
static int map_old(const char *dir, char **out, size_t *size)
{
    char path[256], *p = MAP_FAILED;
    struct stat st;
    int fd, rc;

    snprintf(path, sizeof(path), "%s/journal", dir);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = fstat(fd, &st) ? -errno : st.st_size ? 0 : -EINVAL;
    if (!rc) {
        *size = (size_t)st.st_size;
        p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
        rc = p == MAP_FAILED ? -errno : check((const struct header *)p, *size);
    }
    close(fd);
    if (rc && p != MAP_FAILED)
        munmap(p, *size);
    *out = p;
    return rc;
}

uint64_t journal_seed(const char *dir)
{
    size_t size;
    uint64_t seed;
    char *p;

    if (map_old(dir, &p, &size))
        return 0;
    seed = ((struct header *)p)->seed;
    munmap(p, size);
    return seed;
}

int journal_recover(const char *dir)
{
    struct st_loader loader = {adopt_ghost, NULL};
    const struct header *h;
    size_t size;
    char *p;
    int rc = map_old(dir, &p, &size);

    if (rc)
        return rc == -ENOENT ? 0 : rc;
    h = (const struct header *)p;
    r.on = true;
    rc = st_state_load(store, p + sizeof(*h), h->base_len, &loader);
    r.p = p + journal_records(h->base_len);
    r.end = p + size;
    if (!rc)
        play();
    r.on = false;
    if (!rc)
        revive();
    munmap(p, size);
    return rc ? rc : 1;
}
