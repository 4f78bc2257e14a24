/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include "toolstack/xenconsoled/console.h"

#define OUT_SIZE ((uint32_t)sizeof(((struct xencons_interface *)0)->out))
#define IN_SIZE  ((uint32_t)sizeof(((struct xencons_interface *)0)->in))

static uint32_t load(const XENCONS_RING_IDX *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(XENCONS_RING_IDX *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static void remember(struct console *c, const char *p, size_t len)
{
    size_t at, n;

    while (len) {
        at = c->total % BACKLOG_BYTES;
        n = BACKLOG_BYTES - at < len ? BACKLOG_BYTES - at : len;
        memcpy(c->backlog + at, p, n);
        c->total += n;
        p += n;
        len -= n;
    }
}

static void refill(struct console *c, uint64_t now)
{
    if (now - c->period < RATE_PERIOD_MS)
        return;
    c->period = now;
    c->allowed = RATE_BYTES;
}

int console_take(struct console *c, char *out, size_t max, uint64_t now)
{
    uint32_t avail, at, first;

    if (c->broken)
        return -1;
    avail = load(&c->page->out_prod) - c->out_cons;
    if (avail > OUT_SIZE) {
        c->broken = true;
        return -1;
    }
    refill(c, now);
    if (avail > max)
        avail = (uint32_t)max;
    if (avail > c->allowed)
        avail = (uint32_t)c->allowed;
    if (!avail)
        return 0;
    at = c->out_cons & (OUT_SIZE - 1);
    first = OUT_SIZE - at < avail ? OUT_SIZE - at : avail;
    memcpy(out, c->page->out + at, first);
    memcpy(out + first, c->page->out, avail - first);
    c->out_cons += avail;
    c->allowed -= avail;
    store(&c->page->out_cons, c->out_cons);
    remember(c, out, avail);
    return (int)avail;
}

void console_charge(struct console *c, size_t taken)
{
    size_t rest = taken < EVENT_BYTES ? EVENT_BYTES - taken : 0;

    c->allowed -= rest < c->allowed ? rest : c->allowed;
}

unsigned int console_wait(const struct console *c, uint64_t now)
{
    if (c->broken || c->allowed || now - c->period >= RATE_PERIOD_MS)
        return 0;
    return (unsigned int)(RATE_PERIOD_MS - (now - c->period));
}

int console_room(struct console *c)
{
    uint32_t used;

    if (c->broken)
        return -1;
    used = c->in_prod - load(&c->page->in_cons);
    if (used > IN_SIZE) {
        c->broken = true;
        return -1;
    }
    return (int)(IN_SIZE - used);
}

void console_give(struct console *c, const char *in, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        c->page->in[(c->in_prod + i) & (IN_SIZE - 1)] = in[i];
    c->in_prod += (uint32_t)len;
    store(&c->page->in_prod, c->in_prod);
}

size_t console_unsent(const struct console *c, uint64_t *position, const char **p)
{
    size_t at, n;

    if (c->total - *position > BACKLOG_BYTES) /* lost to this reader; the log has it */
        *position = c->total - BACKLOG_BYTES;
    at = *position % BACKLOG_BYTES;
    n = (size_t)(c->total - *position);
    *p = c->backlog + at;
    return n < BACKLOG_BYTES - at ? n : BACKLOG_BYTES - at;
}

void console_move(struct console *c, struct xencons_interface *page)
{
    c->page = page;
    c->out_cons = load(&page->out_cons);
    c->in_prod = load(&page->in_prod);
    c->broken = false;
}

void console_attach(struct console *c, struct xencons_interface *page, char *backlog)
{
    memset(c, 0, sizeof(*c));
    c->backlog = backlog;
    c->allowed = RATE_BYTES;
    console_move(c, page);
}
