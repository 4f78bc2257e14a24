/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal: what survives kill -9.
 *
 * A file, mapped, so that what was stored in it is there however the process ends: the state stream of a moment, then
 * every call that changed the store since, in order, with what hooks answered. The library has no clock and no chance in
 * it (the seed and the times are in the journal), so the next daemon plays the calls again (journal_play.c) and has the store,
 * and every undelivered byte, as they were. A call is written down before it takes place (requests that only look afterwards, if
 * at all), and a ring's indices are published after that; so nothing is lost and nothing is answered twice. A record's length is stored
 * last: a torn one does not exist.
 *
 * When the file is full it is begun anew, if there are transactions then the store from it, too (renew.c). Only what makes progress is
 * written down, and the room grows with the state, so what a guest makes this cost is a constant for each of its requests.
 */
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

#define ROOM_MIN   4096u
#define BACK_BYTES (256u * 1024)

struct file {
    char *map;              /* NULL: none */
    size_t size, start, at; /* start: where the records begin */
    size_t
        backed; /* up to there it has its memory: the file is in a tmpfs, and a store beyond kills us when that is full */
    int fd;
};

static struct {
    struct file f;
    size_t last;   /* where the last record is; 0: there is none */
    uint64_t time; /* of the records */
    struct
    { /* requests that only look, until their answers are delivered: then they need not be written down at all */
        struct client *cl; /* NULL: none */
        uint32_t budget, delivered;
        size_t len;
        const void *data; /* where it was fed from */
    } pending;
    bool late; /* it is full, and waits for the end of the transactions */
    char path[256];
    uint64_t seed;
    bool failed, complained;
    size_t room;     /* for records; more where the state is large */
    uint64_t first;  /* ms from giving up to the first attempt to begin again */
    uint64_t pause;  /* to the next one; 0: there is a journal */
    uint64_t resume; /* when that is */
} j = {.room = 2 * 1024 * 1024, .first = 10 * 1000};

#define PAUSE_MAX (10 * 60 * 1000u)

/* At least so many bytes of records before the journal is begun anew. */
void journal_room(size_t bytes)
{
    j.room = bytes < ROOM_MIN ? ROOM_MIN : bytes;
}

void journal_pause(uint64_t ms)
{
    j.first = ms ? ms : 1;
}

/* ---- Writing ---- */

static bool enlarge(size_t by)
{
    size_t size = j.f.size + by;
    void *map = ftruncate(j.f.fd, (off_t)size) ? MAP_FAILED : mremap(j.f.map, j.f.size, size, MREMAP_MAYMOVE);

    if (map == MAP_FAILED)
        return false;
    j.f.map = map;
    j.f.size = size;
    return true;
}

/* Makes sure of the memory before @to. False: there is none. */
static bool back(struct file *f, size_t to)
{
    size_t end = to + BACK_BYTES < f->size ? to + BACK_BYTES : f->size;

    if (to <= f->backed)
        return true;
    if (posix_fallocate(f->fd, (off_t)f->backed, (off_t)(end - f->backed)))
        return false;
    f->backed = end;
    return true;
}

/* A record is missing: what the journal gives would not be the store, now or with what follows. */
static void missed(void)
{
    j.failed = true;
    journal_end();
}

void journal_doubt(void)
{
    if (j.f.map)
        missed();
}

/* For so much more, and the mark after it. Only what is backed can be written to, and that is within the file's size. */
static __attribute__((noinline, cold)) bool make_room(size_t size)
{
    return (j.f.at + size <= j.f.size || enlarge(j.room + size)) && back(&j.f, j.f.at + size);
}

static inline __attribute__((always_inline)) void put(unsigned int kind, uint32_t id, uint32_t arg,
                                                      const void *body, size_t len)
{
    size_t size = (sizeof(struct record) + len + 7) & ~(size_t)7;
    struct record *rec;

    if (!j.f.map || j.failed)
        return;
    if (j.f.at + size + sizeof(*rec) > j.f.backed && !make_room(size + sizeof(*rec))) {
        missed();
        return;
    }
    rec = (struct record *)(j.f.map + j.f.at);
    *rec = (struct record){0, (uint8_t)kind, (uint8_t)(size - sizeof(*rec) - len), 0, id, arg};
    if (len)
        memcpy(rec + 1, body, len);
    __atomic_store_n(&rec->size, (uint32_t)size, __ATOMIC_RELEASE);
    j.last = j.f.at;
    j.f.at += size;
}

static __attribute__((noinline, cold)) void put_time(uint64_t now)
{
    put(R_TIME, 0, 0, &now, sizeof(now));
    j.time = now;
}

static inline __attribute__((always_inline)) void append(unsigned int kind, uint32_t id, uint32_t arg,
                                                         const void *body, size_t len)
{
    uint64_t now = st_store_time(store);

    if (now != j.time)
        put_time(now);
    put(kind, id, arg, body, len);
}

static void describe(enum record_kind kind, struct client *cl)
{
    char notes[ST_DESCRIPTION_MAX];
    size_t len = cl->ops->describe(cl, notes);

    cl->position = 0;
    append(kind, cl->id, 0, notes, len);
}

void journal_opened(struct client *cl)
{
    describe(R_OPEN, cl);
}

void journal_afresh(struct client *cl)
{
    describe(R_AFRESH, cl);
}

void journal_broken(struct client *cl, uint64_t position)
{
    append(R_POSITION, cl->id, true, &position, sizeof(position));
    cl->position = 0;
}

void journal_hook(int result, const void *data, size_t len)
{
    append(R_HOOK, 0, (uint32_t)result, data, len);
}

/* ---- A turn that changes nothing leaves nothing ---- */

static __attribute__((noinline)) void told(enum st_tap what, struct client *cl, uint32_t arg,
                                           const void *data, size_t len)
{
    if (cl)
        cl->position = 0;
    append(R_TAP + what, cl ? cl->id : 0, arg, data, len);
}

/* The last record is of @cl's requests, and nothing happened since: what they gave was delivered at once, in part or whole. */
static void delivered(struct client *cl, uint32_t n)
{
    struct record *rec = (struct record *)(j.f.map + j.last);

    if (j.last && rec->kind == R_TAP + ST_TAP_FEED && rec->id == cl->id && !rec->delivered && n <= UINT16_MAX)
        __atomic_store_n(&rec->delivered, (uint16_t)n, __ATOMIC_RELEASE);
    else
        told(ST_TAP_DELIVERED, cl, n, NULL, 0);
}

static __attribute__((noinline, cold)) void write_pending(void)
{
    struct client *cl = j.pending.cl;

    j.pending.cl = NULL;
    told(ST_TAP_FEED, cl, j.pending.budget, j.pending.data, j.pending.len);
    if (j.pending.delivered)
        delivered(cl, j.pending.delivered);
}

/* A ring's position is written over the one before, as long as that is what counts. */
static void move_to(struct client *cl, uint64_t position)
{
    if (cl->position) {
        __atomic_store_n((uint64_t *)(j.f.map + cl->position), position, __ATOMIC_RELEASE);
        return;
    }
    append(R_POSITION, cl->id, false, &position, sizeof(position));
    if (!j.failed)
        cl->position = j.f.at - sizeof(position);
}

void journal_settle(struct client *cl, const uint64_t *position)
{
    if (!j.pending.cl)
        return;
    if (!st_conn_idle(cl->conn)) {
        write_pending();
        return;
    }
    j.pending.cl = NULL;
    if (position)
        move_to(cl, *position);
}

static __attribute__((noinline)) void tap_pending(enum st_tap what, struct st_conn *c, uint32_t arg,
                                                  const void *data, size_t len)
{
    if (what == ST_TAP_DELIVERED && c && st_conn_user(c) == j.pending.cl) {
        j.pending.delivered += arg;
        return;
    }
    write_pending();
    journal_tap(NULL, what, c, arg, data, len);
}

void journal_tap(void *ctx, enum st_tap what, struct st_conn *c, uint32_t arg, const void *data, size_t len)
{
    struct client *cl = c ? st_conn_user(c) : NULL;

    if (!j.f.map || j.failed)
        return;
    if (j.pending.cl) {
        tap_pending(what, c, arg, data, len);
    } else if (what == ST_TAP_LOOK && cl) {
        j.pending.cl = cl;
        j.pending.budget = arg;
        j.pending.delivered = 0;
        j.pending.data = data;
        j.pending.len = len;
    } else if (what == ST_TAP_DELIVERED && cl) {
        delivered(cl, arg);
    } else {
        told(what == ST_TAP_LOOK ? ST_TAP_FEED : what, cl, arg, data, len);
    }
}

/* ---- Beginning ---- */

static int to_file(void *ctx, const void *data, size_t len)
{
    return len && fwrite(data, len, 1, ctx) != 1 ? -EIO : 0;
}

static int write_base(FILE *f, struct file *out)
{
    struct st_saver saver = {to_file, describe_client, f};
    struct header h = {JOURNAL_MAGIC, JOURNAL_REPLAY, j.seed, 0};
    long end;
    int rc;

    if (fwrite(&h, sizeof(h), 1, f) != 1)
        return -EIO;
    rc = st_state_save(store, &saver);
    end = ftell(f);
    h.base_len = (uint64_t)end - sizeof(h);
    if (!rc && (fseek(f, 0, SEEK_SET) || fwrite(&h, sizeof(h), 1, f) != 1 || fflush(f)))
        rc = -EIO;
    if (rc)
        return rc;
    out->start = out->at = journal_records(h.base_len);
    out->size = out->at + (out->at / 2 > j.room ? out->at / 2 : j.room);
    out->fd = dup(fileno(f));
    if (out->fd < 0 || ftruncate(out->fd, (off_t)out->size))
        return -errno;
    fcntl(out->fd, F_SETFD, FD_CLOEXEC);
    if (!back(out, out->at + sizeof(struct record)))
        return -ENOSPC;
    out->map = mmap(NULL, out->size, PROT_READ | PROT_WRITE, MAP_SHARED, out->fd, 0);
    if (out->map != MAP_FAILED)
        return 0;
    out->map = NULL;
    return -errno;
}

static void drop(struct file *f)
{
    if (f->map)
        munmap(f->map, f->size);
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct file){.fd = -1};
}

static int make_file(const char *path, struct file *out)
{
    FILE *f = fopen(path, "w+e");
    int rc = f ? write_base(f, out) : -errno;

    if (f)
        fclose(f);
    return rc;
}

/* It costs a pass over the store to try again: each time later. */
static void try_later(void)
{
    j.pause = !j.pause ? j.first : 2 * j.pause < PAUSE_MAX ? 2 * j.pause : PAUSE_MAX;
    j.resume = now_ms() + j.pause;
}

static void give_up(int rc)
{
    say("no journal %s (%s): a crash will lose the store", j.path, strerror(-rc));
    journal_end();
    drop(&j.f);
    try_later();
}

static bool transactions(void)
{
    struct st_stats stats;

    st_store_stats(store, &stats);
    return stats.transactions;
}

static void forget_position(struct client *cl)
{
    cl->position = 0;
}

/* 0, or negative errno: the journal stays as it is, and so does the store. */
static int begin(void)
{
    struct file f = {.fd = -1};
    char tmp[280];
    int rc;

    snprintf(tmp, sizeof(tmp), "%s.new", j.path);
    rc = make_file(tmp, &f);
    if (!rc && (transactions() ||
                store_is_sparse())) /* else the store is what the stream gives (the model test says so) */
        rc = store_renew(j.seed, f.map + sizeof(struct header), f.at - sizeof(struct header));
    if (rc) {
        drop(&f);
        unlink(tmp);
        return rc;
    }
    drop(&j.f);
    j.f = f;
    j.last = 0;
    j.time = UINT64_MAX;
    client_all(forget_position);
    j.failed = j.complained = j.late = false;
    if (rename(tmp, j.path)) { /* the old one, if it is there, is of a store that is no more */
        rc = -errno;
        unlink(tmp);
        give_up(rc);
    }
    return 0;
}

/* Starts a new journal with the store as it is; it replaces an older one when it is complete. */
void journal_begin(const char *dir, uint64_t seed)
{
    int rc;

    snprintf(j.path, sizeof(j.path), "%s/journal", dir);
    j.f.fd = -1;
    j.seed = seed;
    rc = begin();
    if (rc)
        give_up(rc);
}

void journal_end(void)
{
    if (j.path[0])
        unlink(j.path);
}

/* Where there is no memory for it now, the journal grows until there is. */
static void cannot_renew(int rc)
{
    if (j.failed || !enlarge(j.f.size)) {
        give_up(rc);
        return;
    }
    j.late = false;
    if (!j.complained)
        say("the journal cannot be begun anew (%s): it grows", strerror(-rc));
    j.complained = true;
}

uint64_t journal_resumes(void)
{
    return j.pause ? j.resume : 0;
}

static void resume(void)
{
    if (begin()) {
        try_later();
    } else if (j.f.map) {
        j.pause = 0;
        say("the journal %s is back", j.path);
    }
}

/* Transactions are mostly over soon, and the store then need not be made anew: worth three times the state, once. */
static bool wait_for_transactions(void)
{
    if (j.failed || j.late || !transactions())
        return false;
    j.late = true;
    return enlarge(3 * j.f.start + j.room / 4);
}

void journal_turn(void)
{
    size_t spare = j.room / 32; /* what a round of turns writes, about */
    int rc;

    if (j.pause && j.resume <= now_ms())
        resume();
    if (!j.f.map || (j.f.at + spare < j.f.size && !j.failed && (!j.late || transactions())))
        return;
    if (wait_for_transactions())
        return;
    rc = begin();
    if (rc)
        cannot_renew(rc);
}
