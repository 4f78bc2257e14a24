/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CONTROL: the commands that need nothing but the store. The rest are the daemon's (hooks.control). */
#include "toolstack/xenstored/lib/internal.h"

struct text {
    char *out;
    size_t len, room;
};

static void put(struct text *t, const char *str)
{
    size_t n = strlen(str);

    if (n > t->room - t->len)
        n = t->room - t->len;
    memcpy(t->out + t->len, str, n);
    t->len += n;
}

static void put_number(struct text *t, uint64_t v)
{
    char digits[24];
    unsigned int n = sizeof(digits) - 1;

    digits[n] = 0;
    do
        digits[--n] = (char)('0' + v % 10);
    while (v /= 10);
    put(t, digits + n);
}

static void put_line(struct text *t, const char *name, uint64_t v, const char *comment)
{
    put(t, name);
    put(t, ": ");
    put_number(t, v);
    put(t, comment);
    put(t, "\n");
}

static const struct quota_name {
    const char *name;
    size_t offset;
    const char *meaning;
} hard[] =
    {
        {"nodes", offsetof(struct st_quota, nodes), " nodes per domain"},
        {"watches", offsetof(struct st_quota, watches), " watches per domain"},
        {"transactions", offsetof(struct st_quota, transactions), " open transactions per domain"},
        {"outstanding", offsetof(struct st_quota, outstanding), " outstanding requests per domain"},
        {"transaction-nodes", offsetof(struct st_quota, transaction_nodes),
         " nodes accessed per transaction"},
        {"memory", offsetof(struct st_quota, memory), " bytes per domain"},
        {"node-permissions", offsetof(struct st_quota, permissions), " permissions per node"},
        {"node-size", offsetof(struct st_quota, node_size), " bytes per node"},
        {"path-max", offsetof(struct st_quota, path_max), " bytes per path"},
        {"snapshot-nodes", offsetof(struct st_quota, snapshot_nodes),
         " old nodes kept for transactions, in all"},
        {"snapshot-bytes", offsetof(struct st_quota, snapshot_bytes), " bytes of them"},
        {"credit-burst", offsetof(struct st_quota, credit_burst),
         " transactions a domain may invalidate at once"},
        {"credit-period", offsetof(struct st_quota, credit_period_ms), " ms until one more is allowed"},
        {NULL, 0, NULL},
},
  soft[] = {
      {"memory", offsetof(struct st_quota, memory_soft), " bytes per domain"},
      {NULL, 0, NULL},
};

static uint32_t *quota_at(struct st_store *s, const struct quota_name *q)
{
    return (uint32_t *)((char *)&s->quota + q->offset);
}

static int parse(const char *str, uint32_t *out)
{
    uint64_t v = 0;

    if (!*str)
        return -EINVAL;
    for (; *str; str++) {
        if (*str < '0' || *str > '9')
            return -EINVAL;
        v = v * 10 + (uint64_t)(*str - '0');
        if (v > UINT32_MAX)
            return -EINVAL;
    }
    *out = (uint32_t)v;
    return 0;
}

static int quota_set(struct st_store *s, const struct quota_name *q, const char *name, const char *value)
{
    uint32_t v;

    if (parse(value, &v))
        return -EINVAL;
    for (; q->name; q++)
        if (!strcmp(q->name, name)) {
            *quota_at(s, q) = v;
            return 0;
        }
    return -EINVAL;
}

static int quota_domain(struct st_store *s, const char *arg, struct text *t)
{
    struct st_domain *d;
    uint32_t domid;

    if (parse(arg, &domid))
        return -EINVAL;
    d = st_domain_find(s, domid);
    if (!d)
        return -ENOENT;
    put_line(t, "nodes", (uint64_t)d->nodes, "");
    put_line(t, "watches", d->conn ? d->conn->nr_watches : 0, "");
    put_line(t, "transactions", d->conn ? d->conn->nr_txns : 0, "");
    put_line(t, "outstanding", d->conn ? d->conn->nr_replies : 0, "");
    put_line(t, "memory", d->conn ? st_domain_bytes(d->conn) : d->node_bytes, "");
    put_line(t, "credit", d->credit, "");
    return 0;
}

static int quota(struct st_store *s, const struct quota_name *q, unsigned int n, const char *const *v,
                 struct text *t)
{
    if (n == 4 && !strcmp(v[1], "set")) {
        put(t, "OK");
        return quota_set(s, q, v[2], v[3]);
    }
    if (n == 2 && q == hard)
        return quota_domain(s, v[1], t);
    if (n != 1)
        return -EINVAL;
    put(t, "Quota settings:\n");
    for (; q->name; q++)
        put_line(t, q->name, *quota_at(s, q), q->meaning);
    return 0;
}

static int check(struct st_store *s, struct text *t)
{
    unsigned int wrong = st_store_check(s);

    if (!wrong) {
        put(t, "OK");
        return 0;
    }
    put_line(t, "violations", wrong, "");
    return 0;
}

static int report(struct st_store *s, struct text *t)
{
    struct st_stats st;

    st_store_stats(s, &st);
    put_line(t, "requests", st.requests, "");
    put_line(t, "nodes", st.live_nodes, "");
    put_line(t, "nodes with snapshots", st.all_nodes, "");
    put_line(t, "watches", st.watches, "");
    put_line(t, "transactions", st.transactions, "");
    put_line(t, "transactions doomed", st.doomed, "");
    put_line(t, "connections", st.conns, "");
    put_line(t, "bytes", st.bytes, "");
    return 0;
}

static int log_requests(struct st_store *s, const char *word, struct text *t)
{
    bool on = !strcmp(word, "on");

    if (!on && strcmp(word, "off"))
        return -EINVAL;
    s->tracing = on;
    put(t, "OK");
    return 0;
}

static int help(struct text *t)
{
    put(t, "check\nhelp\nlive-update [-c <cmdline>] [-F] [-t <timeout>] <file>\nlog on|off\nlogfile "
           "<file>\nmemreport [<file>]\nprint <string>\n"
           "quota [set <name> <val>|<domid>]\nquota-soft [set <name> <val>]\n");
    return 0;
}

/*
 * v[0] is the command. The reply goes to @reply, at most *@len bytes with its NUL. Negative errno, or 0 with
 * the reply's length in *@len.
 */
int st_control(struct st_conn *c, unsigned int n, const char *const *v, char *reply, size_t *len)
{
    struct st_store *s = c->store;
    struct text t = {reply, 0, *len - 1};
    int rc = -ENOSYS;

    if (!strcmp(v[0], "check") && n == 1)
        rc = check(s, &t);
    else if (!strcmp(v[0], "help") && n == 1)
        rc = help(&t);
    else if (!strcmp(v[0], "quota"))
        rc = quota(s, hard, n, v, &t);
    else if (!strcmp(v[0], "quota-soft"))
        rc = quota(s, soft, n, v, &t);
    else if (!strcmp(v[0], "memreport") && n == 1)
        rc = report(s, &t);
    else if (!strcmp(v[0], "log") && n == 2)
        rc = log_requests(s, v[1], &t);
    else if (s->hooks.control)
        return s->hooks.control(s->hooks.ctx, c, n, v, reply, len);
    reply[t.len] = 0;
    *len = t.len + 1;
    if (!rc && s->hooks.answer)
        s->hooks.answer(s->hooks.ctx, reply, len);
    return rc == -ENOSYS ? -EINVAL : rc;
}
