/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, counted, and the keyed hash. */
#include "toolstack/xenstored/lib/internal.h"

void *st_alloc(struct st_store *s, size_t size)
{
    void *p = s->a.alloc(s->a.ctx, size);

    if (p)
        s->bytes += size;
    return p;
}

void *st_zalloc(struct st_store *s, size_t size)
{
    void *p = st_alloc(s, size);

    if (p)
        memset(p, 0, size);
    return p;
}

void st_dealloc(struct st_store *s, void *p, size_t size)
{
    if (!p)
        return;
    s->bytes -= size;
    s->a.free(s->a.ctx, p, size);
}

uint32_t st_hash(const struct st_store *s, const void *p, size_t len)
{
    const unsigned char *c = p;
    uint64_t h = hash_start(s, len), w;

    for (; len > 8; c += 8, len -= 8) {
        memcpy(&w, c, 8);
        h = st_fold(h ^ w, 0xd6e8feb86659fd93ull);
    }
    w = 0;
    memcpy(&w, c, len);
    return hash_word(s, h, w);
}
