/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests: one handler a type, in a table with what each type requires.
 *
 * The reply's message is made before the handler runs and queued before the events it causes: a client that
 * watches what it writes sees the answer first. If not even that message can be had, the request waits. Every
 * error fits into it, so after the handler ran there is always an answer.
 */
#include "toolstack/xenstored/lib/request.h"

/* ---- Reading ---- */

int st_request_find(struct request *r, const char *str, unsigned int dep, bool special, struct st_node **n)
{
    struct st_path p;
    int rc = st_path_argument(r, str, &p, special);

    return rc ? rc : st_op_find(r->c, r->t, &p, ST_READ, dep, n);
}

static int do_read(struct request *r)
{
    const char *path = st_one_string(r);
    struct st_path p;
    struct st_node *n;
    int rc = st_path_until(r, path, path ? path + r->len - 1 : NULL, &p, false);

    if (!rc)
        rc = st_op_find(r->c, r->t, &p, ST_READ, ST_DEP_DATA, &n);

    return rc ? rc : st_reply_data(r, node_value(n), n->value_len);
}

static int do_get_perms(struct request *r)
{
    struct st_node *n;
    char text[25];
    uint32_t i, len = 0;
    int rc = st_request_find(r, st_one_string(r), ST_DEP_PERMS, true, &n);

    if (rc)
        return rc;
    for (i = 0; i < n->perms->count; i++)
        if (!i || !(n->perms->entry[i].bits & ST_STALE))
            len += st_perm_format(&n->perms->entry[i], text);
    rc = st_reply_room(r, len);
    for (len = i = 0; !rc && i < n->perms->count; i++)
        if (!i || !(n->perms->entry[i].bits & ST_STALE)) {
            uint32_t k = st_perm_format(&n->perms->entry[i], text);

            memcpy(r->out + len, text, k);
            len += k;
        }
    return rc;
}

/* ---- Writing. These return 1 for the answer "OK". ---- */

static int ok(int rc)
{
    return rc ? rc : 1;
}

static int do_write(struct request *r)
{
    const char *end = memchr(r->in, 0, r->len);
    struct st_path p;
    int rc = st_path_until(r, r->in, end, &p, false);

    return rc ? rc : ok(st_op_write(r->c, r->t, &p, end + 1, r->len - (size_t)(end + 1 - r->in)));
}

static int do_mkdir(struct request *r)
{
    struct st_path p;
    int rc = st_path_argument(r, st_one_string(r), &p, false);

    return rc ? rc : ok(st_op_mkdir(r->c, r->t, &p));
}

static int do_rm(struct request *r)
{
    struct st_path p;
    int rc = st_path_argument(r, st_one_string(r), &p, false);

    return rc ? rc : ok(st_op_remove(r->c, r->t, &p));
}

static int do_set_perms(struct request *r)
{
    struct st_store *s = r->c->store;
    unsigned int n = st_count_strings(r), i;
    struct st_path p;
    struct st_perm *e;
    const char *str = r->in;
    int rc;

    if (n < 2)
        return -EINVAL;
    n--;
    if (!r->c->privileged && n > s->quota.permissions)
        return -ENOSPC;
    rc = st_path_argument(r, str, &p, true);
    if (rc)
        return rc;
    e = st_alloc(s, n * sizeof(*e));
    if (!e)
        return -ENOMEM;
    for (i = 0; !rc && i < n; i++) {
        str += strlen(str) + 1;
        rc = st_perm_parse(str, &e[i]);
    }
    if (!rc)
        rc = st_op_set_perms(r->c, r->t, &p, e, n);
    st_dealloc(s, e, n * sizeof(*e));
    return ok(rc);
}

/* ---- Watches and transactions ---- */

static int do_watch(struct request *r)
{
    const char *v[2];

    return st_strings(r, v, 2) != 2 ? -EINVAL : ok(st_watch_add(r->c, v[0], v[1]));
}

static int do_unwatch(struct request *r)
{
    const char *v[2];

    return st_strings(r, v, 2) != 2 ? -EINVAL : ok(st_watch_remove(r->c, v[0], v[1]));
}

static int do_reset_watches(struct request *r)
{
    while (!list_empty(&r->c->txns))
        st_txn_abort(list_of(r->c->txns.next, struct st_txn, on_conn));
    st_watch_reset(r->c);
    return 1;
}

static int do_transaction_start(struct request *r)
{
    char text[24];
    uint32_t id;
    int rc;

    if (r->t)
        return -EBUSY;
    rc = st_txn_start(r->c, &id);
    return rc ? rc
              : st_reply_data(r, text, st_format_number(id, text)); /* fits the small buffer: cannot fail */
}

static int do_transaction_end(struct request *r)
{
    const char *arg = st_one_string(r);

    if (!arg || (strcmp(arg, "T") && strcmp(arg, "F")))
        return -EINVAL;
    return r->t ? ok(st_txn_end(r->t, *arg == 'T')) : -ENOENT;
}

/* ---- Domains ---- */

static int do_introduce(struct request *r)
{
    struct st_store *s = r->c->store;
    const char *v[3];
    unsigned int domid;
    uint64_t gfn, port;
    bool known;
    int rc;

    if (st_strings(r, v, 3) < 3 || st_domid_argument(v[0], &domid) ||
        st_number(v[1], UINT64_MAX / 16, &gfn) || st_number(v[2], UINT32_MAX, &port))
        return -EINVAL;
    if (!domid || domid >= ST_DOMID_FIRST_RESERVED || !port)
        return -EINVAL;
    if (!s->hooks.introduce)
        return -ENOSYS;
    known = st_domain_introduced(s, domid);
    rc = s->hooks.introduce(s->hooks.ctx, domid, gfn, (uint32_t)port);
    if (!rc && !known)
        st_fire_introduce(s);
    return ok(rc);
}

/* The argument of the requests on a domain that must be introduced and not domain 0. */
static int introduced_argument(struct request *r, unsigned int *domid)
{
    int rc = st_domid_argument(st_one_string(r), domid);

    if (rc || !*domid)
        return -EINVAL;
    return st_domain_introduced(r->c->store, *domid) ? 0 : -ENOENT;
}

static int do_release(struct request *r)
{
    unsigned int domid;
    int rc = introduced_argument(r, &domid);

    if (rc)
        return rc;
    if (r->c->domain && r->c->domid == domid)
        return -EINVAL;
    st_domain_gone(r->c->store, domid);
    st_fire_release(r->c->store);
    return 1;
}

static int do_resume(struct request *r)
{
    struct st_store *s = r->c->store;
    unsigned int domid;
    int rc = introduced_argument(r, &domid);

    return rc ? rc : ok(s->hooks.resume ? s->hooks.resume(s->hooks.ctx, domid) : 0);
}

static int do_set_target(struct request *r)
{
    const char *v[2];
    unsigned int domid, target;

    if (st_strings(r, v, 2) < 2 || st_domid_argument(v[0], &domid) || st_domid_argument(v[1], &target))
        return -EINVAL;
    return ok(st_domain_set_target(r->c->store, domid, target));
}

static int do_get_domain_path(struct request *r)
{
    char path[40];
    unsigned int domid;
    int rc = st_domid_argument(st_one_string(r), &domid);

    return rc ? rc : st_reply_data(r, path, (uint32_t)st_path_base(domid, path) + 1);
}

static int do_is_domain_introduced(struct request *r)
{
    unsigned int domid;
    int rc = st_domid_argument(st_one_string(r), &domid);

    if (rc)
        return rc;
    /* Domain 0 and the caller itself (DOMID_SELF) talk to us, or could not ask. */
    return st_reply_data(r, !domid || domid == 0x7ff0 || st_domain_introduced(r->c->store, domid) ? "T" : "F",
                         2);
}

static int do_control(struct request *r)
{
    struct st_store *s = r->c->store;
    const char *v[ST_MAX_ARGS];
    unsigned int n = st_strings(r, v, ST_MAX_ARGS);
    size_t len = XENSTORE_PAYLOAD_MAX;
    char *text;
    int rc;

    if (!n || n > ST_MAX_ARGS)
        return -EINVAL;
    text = st_alloc(s, XENSTORE_PAYLOAD_MAX);
    if (!text)
        return -ENOMEM;
    rc = st_control(r->c, n, v, text, &len);
    if (!rc)
        rc = st_reply_data(r, text, (uint32_t)len);
    st_dealloc(s, text, XENSTORE_PAYLOAD_MAX);
    return rc;
}

/* ---- The table ---- */

#define NEEDS_PRIVILEGE 1u
#define CHANGES         2u /* not over the read-only socket */
#define NO_TRANSACTION  4u /* the header's transaction id means nothing */

static const struct {
    const char *name;
    int (*handle)(struct request *r); /* 0: replied; 1: reply OK; negative errno */
    unsigned int flags;
} requests[XS_TYPE_COUNT] = {
    [XS_CONTROL] = {"CONTROL", do_control, NEEDS_PRIVILEGE | CHANGES | NO_TRANSACTION},
    [XS_DIRECTORY] = {"DIRECTORY", st_do_directory, 0},
    [XS_READ] = {"READ", do_read, 0},
    [XS_GET_PERMS] = {"GET_PERMS", do_get_perms, 0},
    [XS_WATCH] = {"WATCH", do_watch, NO_TRANSACTION},
    [XS_UNWATCH] = {"UNWATCH", do_unwatch, NO_TRANSACTION},
    [XS_TRANSACTION_START] = {"TRANSACTION_START", do_transaction_start, 0},
    [XS_TRANSACTION_END] = {"TRANSACTION_END", do_transaction_end, 0},
    [XS_INTRODUCE] = {"INTRODUCE", do_introduce, NEEDS_PRIVILEGE | CHANGES | NO_TRANSACTION},
    [XS_RELEASE] = {"RELEASE", do_release, NEEDS_PRIVILEGE | CHANGES | NO_TRANSACTION},
    [XS_GET_DOMAIN_PATH] = {"GET_DOMAIN_PATH", do_get_domain_path, NO_TRANSACTION},
    [XS_WRITE] = {"WRITE", do_write, CHANGES},
    [XS_MKDIR] = {"MKDIR", do_mkdir, CHANGES},
    [XS_RM] = {"RM", do_rm, CHANGES},
    [XS_SET_PERMS] = {"SET_PERMS", do_set_perms, CHANGES},
    [XS_IS_DOMAIN_INTRODUCED] = {"IS_DOMAIN_INTRODUCED", do_is_domain_introduced,
                                 NEEDS_PRIVILEGE | NO_TRANSACTION},
    [XS_RESUME] = {"RESUME", do_resume, NEEDS_PRIVILEGE | CHANGES | NO_TRANSACTION},
    [XS_SET_TARGET] = {"SET_TARGET", do_set_target, NEEDS_PRIVILEGE | CHANGES | NO_TRANSACTION},
    [XS_RESET_WATCHES] = {"RESET_WATCHES", do_reset_watches, NO_TRANSACTION},
    [XS_DIRECTORY_PART] = {"DIRECTORY_PART", st_do_directory_part, 0},
};

static int handle(struct request *r, const struct xsd_sockmsg *hdr)
{
    unsigned int flags;

    if (hdr->type >= XS_TYPE_COUNT || !requests[hdr->type].handle)
        return -ENOSYS;
    flags = requests[hdr->type].flags;
    if ((flags & NEEDS_PRIVILEGE) && !r->c->privileged)
        return -EACCES;
    if ((flags & CHANGES) && r->c->readonly)
        return -EROFS;
    if (hdr->tx_id && !(flags & NO_TRANSACTION)) {
        r->t = st_txn_find(r->c, hdr->tx_id);
        if (!r->t)
            return -ENOENT;
    }
    return requests[hdr->type].handle(r);
}

static const char *error_name(int error)
{
    unsigned int i;

    for (i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
        if (xsd_errors[i].errnum == error)
            return xsd_errors[i].errstring;
    return "EINVAL";
}

#define TRACE_PART 120u /* characters of a part of a line */

/* A client's bytes in a line of text: what could begin another line, or move a terminal, is written as \\xNN. At most @room. */
static size_t printable(char *to, const char *str, size_t room)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0, n;

    for (; *str; str++, at += n) {
        unsigned char c = (unsigned char)*str;
        bool plain = c >= ' ' && c < 0x7f && c != '\\';
        char code[4] = {'\\', 'x', digits[c >> 4], digits[c & 15]};

        n = plain ? 1 : sizeof(code);
        if (at + n > room)
            break;
        memcpy(to + at, plain ? str : code, n);
    }
    return at;
}

/* "dN NAME path -> result" */
static void trace(struct st_conn *c, const struct xsd_sockmsg *hdr, const char *result)
{
    char line[256];
    size_t at = 0, room;
    char num[24];
    const char *part[7] = {"d", num, " ", "?", " ", c->in.payload, " -> "};
    unsigned int i;

    st_format_number(c->domid, num);
    if (hdr->type < XS_TYPE_COUNT && requests[hdr->type].name)
        part[3] = requests[hdr->type].name;
    for (i = 0; i < 7; i++) {
        room = sizeof(line) - 24 - at;
        at += printable(line + at, part[i], room < TRACE_PART ? room : TRACE_PART);
    }
    strcpy(line + at, result); /* the longest name of an error has 9 letters */
    c->store->hooks.trace(c->store->hooks.ctx, line);
}

bool st_dispatch(struct st_conn *c)
{
    struct xsd_sockmsg hdr = c->in.hdr;
    struct request r = {.c = c, .in = c->in.payload, .len = hdr.len};
    const char *error = NULL;
    uint32_t len;
    int rc;

    r.reply = st_msg_new(c, sizeof(hdr));
    if (!r.reply)
        return false;
    c->in.payload[hdr.len] = 0;
    st_msg_queue(c, r.reply);
    rc = handle(&r, &hdr);
    if (rc < 0) {
        error = error_name(-rc);
        hdr.type = XS_ERROR;
        st_reply_data(&r, error, (uint32_t)strlen(error) + 1);
    } else if (rc > 0) {
        st_reply_data(&r, "OK", 3);
    }
    len = r.reply->len - (uint32_t)sizeof(hdr);
    hdr.len = len;
    memcpy(r.reply->buf, &hdr, sizeof(hdr));
    if (c->store->tracing && c->store->hooks.trace)
        trace(c, &c->in.hdr, error ? error : "OK");
    if (c->store->nr_txns)
        st_txn_bound(c->store);
    return true;
}
