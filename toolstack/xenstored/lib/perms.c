/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Permission lists. Equal lists are one object, found through a hash table: thousands of nodes share a few
 * dozen, and when a domain goes its entries are struck out of the objects, not searched for in the tree.
 */
#include "toolstack/xenstored/lib/request.h"

static size_t perms_bytes(unsigned int count)
{
    return sizeof(struct st_perms) + count * sizeof(struct st_perm);
}

/* Keyed, like that of names: a guest chooses the lists, and could make those of everybody lie in one chain. */
static uint32_t perms_hash(const struct st_store *s, const struct st_perm *e, unsigned int count)
{
    uint64_t h = hash_start(s, count);
    unsigned int i;

    for (i = 0; i < count; i++)
        h = st_fold(h ^ ((uint32_t)e[i].domid << 8 | e[i].bits), s->seed | 1);
    return (uint32_t)(h ^ (h >> 32));
}

static bool entries_equal(const struct st_perm *a, const struct st_perm *b, unsigned int count)
{
    unsigned int i;

    for (i = 0; i < count; i++)
        if (a[i].domid != b[i].domid || a[i].bits != b[i].bits)
            return false;
    return true;
}

bool st_perms_equal(const struct st_perms *a, const struct st_perms *b)
{
    return a == b ||
           (a->owner == b->owner && a->count == b->count && entries_equal(a->entry, b->entry, a->count));
}

/* Doubles the table. Without memory the chains grow longer, no more. */
static void perms_grow(struct st_store *s)
{
    uint32_t size = s->perms_size ? s->perms_size * 2 : 64, i;
    struct st_perms **t = st_zalloc(s, size * sizeof(*t)), *p, *next;

    if (!t)
        return;
    for (i = 0; i < s->perms_size; i++)
        for (p = s->perms_table[i]; p; p = next) {
            next = p->next;
            p->next = t[p->hash & (size - 1)];
            t[p->hash & (size - 1)] = p;
        }
    st_dealloc(s, s->perms_table, s->perms_size * sizeof(*t));
    s->perms_table = t;
    s->perms_size = size;
}

/*
 * The domains that entries name, but for the first one's, which is the list's owner. One whose entry is not struck out stays known,
 * introduced or not, owner of something or not: so its end is noticed, and the entry struck out. Gives back the first @count.
 */
static void release_named(struct st_store *s, const struct st_perm *e, unsigned int count)
{
    unsigned int i;

    for (i = 1; i < count; i++)
        if (!(e[i].bits & ST_STALE))
            st_domain_put(s, st_domain_find(s, e[i].domid));
}

static bool hold_named(struct st_store *s, const struct st_perm *e, unsigned int count)
{
    unsigned int i;

    for (i = 1; i < count; i++)
        if (!(e[i].bits & ST_STALE) && !st_domain_get(s, e[i].domid)) {
            release_named(s, e, i);
            return false;
        }
    return true;
}

/* A reference to the list of @count (>= 1) entries; NULL without memory. */
struct st_perms *st_perms_get(struct st_store *s, const struct st_perm *e, unsigned int count)
{
    uint32_t hash = perms_hash(s, e, count);
    struct st_perms *p;

    if (s->perms_count >= s->perms_size)
        perms_grow(s);
    if (!s->perms_size)
        return NULL;
    for (p = s->perms_table[hash & (s->perms_size - 1)]; p; p = p->next)
        if (p->hash == hash && p->count == count && !p->owner->dead && entries_equal(p->entry, e, count))
            return st_perms_hold(p);
    p = st_alloc(s, perms_bytes(count));
    if (!p)
        return NULL;
    p->owner = st_domain_get(s, e[0].bits & ST_STALE ? 0 : e[0].domid);
    if (!p->owner || !hold_named(s, e, count)) {
        if (p->owner)
            st_domain_put(s, p->owner);
        st_dealloc(s, p, perms_bytes(count));
        return NULL;
    }
    p->ref = 1;
    p->hash = hash;
    p->count = count;
    memcpy(p->entry, e, count * sizeof(*e));
    p->next = s->perms_table[hash & (s->perms_size - 1)];
    s->perms_table[hash & (s->perms_size - 1)] = p;
    s->perms_count++;
    return p;
}

struct st_perms *st_perms_hold(struct st_perms *p)
{
    p->ref++;
    return p;
}

void st_perms_put(struct st_store *s, struct st_perms *p)
{
    struct st_perms **link;

    if (--p->ref)
        return;
    link = &s->perms_table[p->hash & (s->perms_size - 1)];
    while (*link != p)
        link = &(*link)->next;
    *link = p->next;
    s->perms_count--;
    release_named(s, p->entry, p->count);
    st_domain_put(s, p->owner);
    st_dealloc(s, p, perms_bytes(p->count));
}

/*
 * Strikes the domain's entries out of every list, in snapshots too. The hash keeps its old value: a list
 * that was changed is never found again by its content, which costs one duplicate at most.
 */
void st_perms_forget(struct st_store *s, struct st_domain *d)
{
    struct st_perms *p;
    uint32_t i, k;

    for (i = 0; i < s->perms_size; i++)
        for (p = s->perms_table[i]; p; p = p->next)
            for (k = 0; k < p->count; k++)
                if (p->entry[k].domid == d->domid && !(p->entry[k].bits & ST_STALE)) {
                    p->entry[k].bits |= ST_STALE;
                    if (k)
                        st_domain_put(s, d);
                }
}

/*
 * What the connection may do: everything with what it or the domain it is a target for owns; else what the first
 * entry for either of them says, else what the list says of everybody.
 */
unsigned int st_perms_bits(const struct st_conn *c, const struct st_perms *p)
{
    unsigned int target = c->domain ? c->domain->target : ST_DOMID_NONE, i;

    if (c->privileged || st_perms_owner(c, p))
        return ST_READ | ST_WRITE;
    for (i = 1; i < p->count; i++)
        if (!(p->entry[i].bits & ST_STALE) &&
            (p->entry[i].domid == c->domid || (target != ST_DOMID_NONE && p->entry[i].domid == target)))
            return p->entry[i].bits;
    return p->entry[0].bits & (ST_READ | ST_WRITE);
}

bool st_perms_owner(const struct st_conn *c, const struct st_perms *p)
{
    if (c->privileged)
        return true;
    if (p->entry[0].bits & ST_STALE)
        return false;
    return p->entry[0].domid == c->domid ||
           (c->domain && c->domain->target != ST_DOMID_NONE && p->entry[0].domid == c->domain->target);
}

/* "r7" and the like. 0 or -EINVAL. */
int st_perm_parse(const char *str, struct st_perm *out)
{
    unsigned int n = 0, digits = 0;

    switch (*str) {
    case 'n':
        out->bits = 0;
        break;
    case 'r':
        out->bits = ST_READ;
        break;
    case 'w':
        out->bits = ST_WRITE;
        break;
    case 'b':
        out->bits = ST_READ | ST_WRITE;
        break;
    default:
        return -EINVAL;
    }
    while (*++str) {
        if (*str < '0' || *str > '9' || ++digits > 5)
            return -EINVAL;
        n = n * 10 + (unsigned int)(*str - '0');
    }
    if (!digits || n > 0xffff)
        return -EINVAL;
    out->domid = (uint16_t)n;
    return 0;
}

unsigned int st_perm_format(const struct st_perm *e, char out[25])
{
    out[0] = "nrwb"[e->bits & (ST_READ | ST_WRITE)];
    return 1 + st_format_number(e->domid, out + 1);
}
