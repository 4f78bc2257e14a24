/* SPDX-License-Identifier: MIT */
/* Makes calls, one at a time or as a multicall, and logs each with its answer. */
#include "fuzz.h"

#define SUBCALLS  6
#define ARG_PAGES 4 /* the list, then ARG_SIZE bytes for each call of it */

static struct {
    uint8_t *args, *read_only; /* the same frames; behind the first, nothing is mapped */
    uint8_t before[ARG_SIZE];
    char text[SUBCALLS + 1][768];
    unsigned length, current;
} run;

static const struct {
    unsigned weight;
    const struct call_kind *kinds;
} families[] = {{38, calls_mm},    {13, calls_memory},  {12, calls_cpu},
                {14, calls_event}, {10, calls_machine}, {13, calls_grant}};

void tell(const char *format, ...)
{
    char *text = run.text[run.current];
    va_list args;

    va_start(args, format);
    run.length += (unsigned)kit_vsnprintf(text + run.length, sizeof(run.text[0]) - run.length, format, args);
    va_end(args);
    if (run.length >= sizeof(run.text[0]))
        run.length = sizeof(run.text[0]) - 1;
}

bool pointer_good(const struct call *c)
{
    return c->where != NOWHERE;
}

/* Up to the last mapped byte, less a few that are beyond it. */
static unsigned long cut_off(struct call *c, unsigned size)
{
    unsigned there = size > 4 ? size - 4 : 0;
    uint8_t *at = run.args + ARG_PAGES * KIT_PAGE_SIZE - there;

    memcpy(at, c->buf, there);
    return (uintptr_t)at;
}

unsigned long pointer(struct call *c, unsigned size)
{
    static const unsigned long bad[] = {0x1000,         0,    HYPERVISOR_VIRT_START,  0xffff82d040200000,
                                        0x800000000000, ~7UL, HYPERVISOR_VIRT_END - 8};
    unsigned how = below(100), which = below(ARRAY_SIZE(bad));

    c->where = 0;
    if (how < 90)
        return (uintptr_t)c->buf;
    if (how < 93) {
        memmove(c->buf + 4, c->buf, size);
        memset(c->buf, 0, 4);
        c->where = 4;
        tell(" @odd");
        return (uintptr_t)c->buf + 4;
    }
    c->where = NOWHERE;
    if (how < 95 && !(c->flags & ALL_OR_NOTHING)) {
        tell(" @ro");
        return (uintptr_t)(run.read_only + (c->buf - run.args));
    }
    if (how < 97 && !(c->flags & ALL_OR_NOTHING)) {
        tell(" @cut");
        return cut_off(c, size);
    }
    tell(" @%lx", bad[which]);
    return bad[which];
}

static void make(struct call *c, unsigned index)
{
    unsigned at = below(100), f = 0, total = 0, k = 0;

    *c = (struct call){.buf = run.args + index * ARG_SIZE};
    memset(c->buf, 0, ARG_SIZE);
    run.current = index;
    run.length = 0;
    run.text[index][0] = '\0';
    while (at >= families[f].weight)
        at -= families[f++].weight;
    for (const struct call_kind *kind = families[f].kinds; kind->make; kind++)
        total += kind->weight;
    at = below(total);
    while (at >= families[f].kinds[k].weight)
        at -= families[f].kinds[k++].weight;
    families[f].kinds[k].make(c);
}

/* What the call wrote where its arguments are: words with their places, frames with their names. */
static void say_output(const struct call *c, const uint8_t *before)
{
    const uint32_t *now = (const void *)c->buf, *then = (const void *)before;
    uint64_t hash = HASH_START;
    unsigned changed = 0;

    for (unsigned i = 0; i < ARG_SIZE / 4; i++) {
        uint64_t both = *(const uint64_t *)(now + (i & ~1U));
        const char *name = name_entry(both << KIT_PAGE_SHIFT);

        if (now[i] == then[i])
            continue;
        changed++;
        if (c->flags & HIDE_OUTPUT)
            continue;
        if (name[0] >= 'A' && name[0] <= 'Z') {
            say(" +%x=%s", (i & ~1U) * 4, name_of(both));
            i |= 1;
        } else if (changed <= 8) {
            say(" +%x=%x", i * 4, now[i]);
        } else {
            hash = hash_bytes(hash, &i, sizeof(i));
            hash = hash_bytes(hash, &now[i], sizeof(now[i]));
        }
    }
    if (changed && (c->flags & HIDE_OUTPUT))
        say(" ~");
    else if (changed > 8)
        say(" hash=%lx", hash);
}

static void say_result(const struct call *c, long rc)
{
    if (rc < 0)
        say(" %s", kit_errno_name(rc)[0] == '?' ? "-?" : kit_errno_name(rc));
    if (rc < 0 && kit_errno_name(rc)[0] == '?')
        say("%lx", rc);
    else if (rc > 0 && (c->flags & HIDE_RESULT))
        say(" +");
    else if (rc >= 0)
        say(" %lx", rc);
}

/* Some errors come before anything is tried. */
static bool may_have_tried(long rc)
{
    return rc && rc != -XEN_ESRCH && rc != -XEN_ENOSYS && rc != -XEN_EFAULT && rc != -XEN_EOPNOTSUPP;
}

static void finish(struct call *c, long rc, const uint8_t *before)
{
    say(" ->");
    say_result(c, rc);
    say_output(c, before);
    if (c->after)
        c->after(c, rc);
    say("\n");
    if ((c->flags & NESTS) && may_have_tried(rc))
        pool_settle();
}

static void one_call(unsigned epoch, unsigned index)
{
    struct call c;
    long rc;

    make(&c, 0);
    memcpy(run.before, c.buf, ARG_SIZE);
    say("%u.%u %s", epoch, index, run.text[0]);
    rc = kit_hypercall5(c.op, c.arg[0], c.arg[1], c.arg[2], c.arg[3], c.arg[4]);
    finish(&c, rc, run.before);
}

/* A call that must not be in a list becomes one that does nothing; sometimes it is a list again, which is refused. */
static void several_calls(unsigned epoch, unsigned index)
{
    static struct call c[SUBCALLS + 1];
    static uint8_t before[SUBCALLS + 1][ARG_SIZE];
    multicall_entry_t *list = (void *)run.args;
    unsigned n = 1 + below(SUBCALLS), count = chance(94) ? n : (unsigned)PICK(0, 1, 1);
    size_t mark;
    long rc;

    memset(run.args, 0, ARG_SIZE);
    for (unsigned i = 1; i <= n; i++) {
        bool nested = chance(4);

        make(&c[i], i);
        if (c[i].flags & ALONE || nested) {
            c[i] = (struct call){.op = nested ? __HYPERVISOR_multicall : __HYPERVISOR_xen_version,
                                 .buf = c[i].buf};
            kit_snprintf(run.text[i], sizeof(run.text[i]), nested ? "multicall within" : "version");
        }
        list[i - 1].op = c[i].op;
        memcpy(list[i - 1].args, c[i].arg, sizeof(c[i].arg));
        memcpy(before[i], c[i].buf, ARG_SIZE);
        list[i - 1].result = 0x5a5a;
        if (c[i].flags & NESTS) /* none behind what may have to be settled */
            n = i;
    }
    count = count < n ? count : n;
    mark = log_mark();
    for (unsigned i = 1; i <= count; i++) /* for whoever looks at the log of a machine that died of it */
        say("%u.%u:%u %s\n", epoch, index, i, run.text[i]);
    rc = hcall_multicall(list, count);
    log_rewind(mark);
    say("%u.%u multicall %u of %u -> %ld\n", epoch, index, count, n, rc);
    for (unsigned i = 1; i <= count; i++) {
        say("%u.%u:%u %s", epoch, index, i, run.text[i]);
        finish(&c[i], (long)list[i - 1].result, before[i]);
    }
}

bool watch_pool;

void run_init(void)
{
    uint8_t *area = kit_pages_alloc(2 * ARG_PAGES + 1);

    run.args = area;
    run.read_only = area + (ARG_PAGES + 1) * KIT_PAGE_SIZE;
    kit_unmap(area + ARG_PAGES * KIT_PAGE_SIZE);
    for (unsigned i = 0; i < ARG_PAGES; i++)
        if (kit_remap(run.read_only + i * KIT_PAGE_SIZE, kit_maddr_of(run.args + i * KIT_PAGE_SIZE) | PTE_RO))
            kit_fail_now("no read-only view of the arguments");
}

void run_epoch(unsigned epoch, unsigned calls, uint64_t seed)
{
    kit_random_seed((seed + 1) * 0x9e3779b97f4a7c15ULL ^ (epoch + 1) * 0xbf58476d1ce4e5b9ULL);
    say("epoch %u\n", epoch);
    pool_reset();
    for (unsigned i = 0; i < calls; i++) {
        if (chance(8))
            several_calls(epoch, i);
        else
            one_call(epoch, i);
        if (watch_pool)
            pool_watch();
    }
    pool_state();
}
