/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page-type machine, enumerated: every word of narrowed counts, every function, every type, against rules stated independently
 * over the word's parts (docs/design/page-types.md, PT1..PT10, PT13, PT14). The checker itself is tried on broken machines: it has to find each.
 */
#define FW_GENERAL_BITS 3
#define FW_COUNT_BITS   3
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "core/frame_word.h"

#define WORD_BITS 15 /* 3 + 3 + 4 + 2 + 1 + 2 */
#define LIMIT     4  /* the guard bit's value: the most a count may reach */

/* The test's own reading of a word. */
struct parts {
    unsigned int generals, types, type, phase, pinned, marks;
};

static struct parts split(uint64_t w)
{
    return (struct parts){w & 7, w >> 3 & 7, w >> 6 & 15, w >> 10 & 3, w >> 12 & 1, w >> 13};
}

static uint64_t join(struct parts p)
{
    return p.generals | p.types << 3 | p.type << 6 | p.phase << 10 | (uint64_t)p.pinned << 12 |
           (uint64_t)p.marks << 13;
}

enum { IDLE, WORK, PARTIAL, VALID };
enum { NONE, WRITABLE, L1, L2, L3, L4, SEGDESC, READONLY };

static bool is_table(unsigned int t)
{
    return t == L1 || t == L2 || t == L3 || t == L4;
}

/* PT1..PT5 in words of holders: each type reference, the worker, the partial phase lean on a general reference of their own. */
static bool sane(struct parts p)
{
    if (p.type > READONLY || p.generals > LIMIT || p.types > LIMIT || p.types > p.generals)
        return false;
    if (p.pinned && (p.phase != VALID || !is_table(p.type)))
        return false;
    if (p.marks > 3 || (p.marks && (p.type != WRITABLE || p.phase == WORK || p.phase == PARTIAL)))
        return false;
    if (p.phase == IDLE)
        return p.types == 0;
    if (p.phase == WORK)
        return p.types == 1 && p.type >= WRITABLE && p.type <= SEGDESC;
    if (p.phase == PARTIAL)
        return p.types == 0 && p.generals > 0 && is_table(p.type);
    return p.types > 0 && p.type != NONE;
}

struct machine {
    struct fw_step (*get)(uint64_t w);
    struct fw_step (*put)(uint64_t w);
    struct fw_step (*get_type)(uint64_t w, enum frame_type t);
    struct fw_step (*put_type)(uint64_t w, enum frame_type t);
    struct fw_step (*resume)(uint64_t w);
    struct fw_step (*valid)(uint64_t w);
    struct fw_step (*idle)(uint64_t w);
    struct fw_step (*partial)(uint64_t w);
    struct fw_step (*pin)(uint64_t w, enum frame_type t);
    struct fw_step (*unpin)(uint64_t w);
    struct fw_step (*mark)(uint64_t w, uint64_t mark);
};
static const struct machine real = {
    fw_get,          fw_put,         fw_get_type,       fw_put_type, fw_resume_devalidate,
    fw_finish_valid, fw_finish_idle, fw_finish_partial, fw_pin,      fw_unpin,
    fw_mark};

static unsigned int violations;
static bool verbose;

static void expect(bool ok, const char *what, uint64_t before, unsigned int type, struct fw_step s)
{
    if (ok)
        return;
    violations++;
    if (verbose)
        fprintf(stderr, "%s: word %#lx type %u -> verdict %d word %#lx\n", what, (unsigned long)before, type,
                s.verdict, (unsigned long)s.word);
}

static bool same(uint64_t w, struct parts p)
{
    return w == join(p);
}

static bool stores(enum fw_verdict v)
{
    return v <= FW_LAST;
}

static void check_get(const struct machine *m, uint64_t w, struct parts p)
{
    struct fw_step s = m->get(w);
    struct parts q = p;

    q.generals++;
    if (p.generals == 0)
        expect(s.verdict == FW_GONE, "get of a free frame", w, 0, s);
    else if (p.generals >= LIMIT)
        expect(s.verdict == FW_OVERFLOW, "get over the limit", w, 0, s);
    else
        expect(s.verdict == FW_DONE && same(s.word, q), "get", w, 0, s);
}

/* PT2: what stands behind type references, worker and phase is not for the taking. */
static void check_put(const struct machine *m, uint64_t w, struct parts p)
{
    unsigned int leaned_on = p.types + (p.phase == PARTIAL);
    struct fw_step s = m->put(w);
    struct parts q = p;

    q.generals--;
    if (p.generals <= leaned_on)
        expect(s.verdict == FW_BROKEN, "put of another's reference", w, 0, s);
    else
        expect(s.verdict == (q.generals ? FW_DONE : FW_LAST) && same(s.word, q), "put", w, 0, s);
}

static void check_get_type(const struct machine *m, uint64_t w, struct parts p, unsigned int t)
{
    struct fw_step s = m->get_type(w, t);
    struct parts q = {p.generals + 1, p.types + 1, t, WORK, 0, 0};

    if (p.generals == 0) {
        expect(s.verdict == FW_GONE, "get_type of a free frame", w, t, s);
    } else if (t == NONE || t > SEGDESC) {
        expect(s.verdict == FW_BROKEN, "get_type of no type", w, t, s);
    } else if (p.phase == WORK) {
        expect(s.verdict == (p.type == t ? FW_BUSY : FW_WRONG_TYPE), "get_type under work", w, t, s);
    } else if (p.phase == VALID && p.type != t) {
        expect(s.verdict == FW_WRONG_TYPE, "get_type of another type", w, t, s);
    } else if (p.phase == PARTIAL) {
        q.generals = p.generals; /* the phase's becomes the worker's */
        q.type = p.type;
        expect(s.verdict == (p.type == t ? FW_VALIDATE : FW_DEVALIDATE) && same(s.word, q),
               "get_type of a partial", w, t, s);
    } else if (p.generals >= LIMIT || p.types >= LIMIT) {
        expect(s.verdict == FW_OVERFLOW, "get_type over the limit", w, t, s);
    } else if (p.phase == VALID) {
        q.phase = VALID;
        q.pinned = p.pinned;
        q.marks = p.marks;
        expect(s.verdict == FW_DONE && same(s.word, q), "get_type", w, t, s);
    } else if (t != WRITABLE) {
        expect(s.verdict == FW_VALIDATE && same(s.word, q), "get_type, to be validated", w, t, s);
    } else if (p.type != NONE && p.type != WRITABLE) {
        expect(s.verdict == FW_FLUSH && same(s.word, q), "get_type, to be flushed", w, t, s);
    } else {
        q.phase = VALID;
        q.marks = p.marks;
        expect(s.verdict == FW_DONE && same(s.word, q), "get_type of an idle frame", w, t, s);
    }
}

static void check_put_type(const struct machine *m, uint64_t w, struct parts p, unsigned int t)
{
    struct fw_step s = m->put_type(w, t);
    struct parts q = p;

    if (p.phase != VALID || p.type != t || t == READONLY || (p.pinned && p.types == 1)) {
        expect(s.verdict == FW_BROKEN, "put_type of what one has not", w, t, s);
    } else if (p.types > 1) {
        q.types--;
        q.generals--;
        expect(s.verdict == FW_DONE && same(s.word, q), "put_type", w, t, s);
    } else if (is_table(t)) {
        q.phase = WORK;
        expect(s.verdict == FW_DEVALIDATE && same(s.word, q), "put_type, the last of a table", w, t, s);
    } else {
        q = (struct parts){p.generals - 1, 0, t, IDLE, 0, p.marks};
        expect(s.verdict == (q.generals ? FW_DONE : FW_LAST) && same(s.word, q), "put_type, the last", w, t,
               s);
    }
}

static void check_work(const struct machine *m, uint64_t w, struct parts p)
{
    struct fw_step valid = m->valid(w), idle = m->idle(w), partial = m->partial(w), resume = m->resume(w);
    struct parts q = p;

    if (p.phase == PARTIAL) {
        q.phase = WORK;
        q.types = 1;
        expect(resume.verdict == FW_DEVALIDATE && same(resume.word, q), "resume", w, 0, resume);
    } else {
        expect(resume.verdict == FW_WRONG_TYPE, "resume of what is not partial", w, 0, resume);
    }
    if (p.phase != WORK) {
        expect(valid.verdict == FW_BROKEN, "no work ends valid", w, 0, valid);
        expect(idle.verdict == FW_BROKEN, "no work ends idle", w, 0, idle);
        expect(partial.verdict == FW_BROKEN, "no work ends partial", w, 0, partial);
        return;
    }
    q = p;
    q.phase = VALID;
    expect(valid.verdict == FW_DONE && same(valid.word, q), "work ends valid", w, 0, valid);
    q = p;
    q.phase = IDLE;
    q.types = 0;
    q.generals--;
    expect(idle.verdict == (q.generals ? FW_DONE : FW_LAST) && same(idle.word, q), "work ends idle", w, 0,
           idle);
    q = p;
    q.phase = PARTIAL;
    q.types = 0;
    if (is_table(p.type))
        expect(partial.verdict == FW_DONE && same(partial.word, q), "work ends partial", w, 0, partial);
    else
        expect(partial.verdict == FW_BROKEN, "only tables are partial", w, 0, partial);
}

static void check_pins(const struct machine *m, uint64_t w, struct parts p, unsigned int t)
{
    struct fw_step pin = m->pin(w, t), unpin = m->unpin(w);
    struct parts q = p;

    q.pinned = 1;
    if (p.phase != VALID || p.type != t || !is_table(t))
        expect(pin.verdict == FW_BROKEN, "pin of no table", w, t, pin);
    else if (p.pinned)
        expect(pin.verdict == FW_WRONG_TYPE, "pin of a pinned table", w, t, pin);
    else
        expect(pin.verdict == FW_DONE && same(pin.word, q), "pin", w, t, pin);
    q.pinned = 0;
    if (p.pinned)
        expect(unpin.verdict == FW_DONE && same(unpin.word, q), "unpin", w, t, unpin);
    else
        expect(unpin.verdict == FW_WRONG_TYPE, "unpin of what is not pinned", w, t, unpin);
}

static void check_mark(const struct machine *m, uint64_t w, struct parts p, unsigned int mark)
{
    struct fw_step s = m->mark(w, mark == 1 ? FW_STRANGERS : FW_UNCACHED);
    struct parts q = p;

    q.marks |= mark;
    if (p.phase == VALID && p.type == WRITABLE)
        expect(s.verdict == FW_DONE && same(s.word, q), "mark", w, 0, s);
    else
        expect(s.verdict == FW_BROKEN, "mark without a reference", w, 0, s);
}

/* Whatever the word, even one that no sequence leads to: an answer, and what is stored after a sane word is sane. */
static void check_total(const struct machine *m, uint64_t w, unsigned int t)
{
    struct fw_step all[] = {m->get(w),
                            m->put(w),
                            m->get_type(w, t),
                            m->put_type(w, t),
                            m->resume(w),
                            m->valid(w),
                            m->idle(w),
                            m->partial(w),
                            m->pin(w, t),
                            m->unpin(w),
                            m->mark(w, FW_STRANGERS),
                            m->mark(w, FW_UNCACHED)};

    for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        expect(all[i].verdict <= FW_BROKEN, "a verdict", w, t, all[i]);
        if (!stores(all[i].verdict))
            expect(all[i].word == w, "a refusal changes nothing", w, t, all[i]);
        else if (sane(split(w)))
            expect(all[i].word >> WORD_BITS == 0 && sane(split(all[i].word)), "a sane word follows", w, t,
                   all[i]);
    }
}

static unsigned int check(const struct machine *m)
{
    violations = 0;
    for (uint64_t w = 0; w < 1ULL << WORD_BITS; w++) {
        struct parts p = split(w);

        for (unsigned int t = 0; t < 16; t++)
            check_total(m, w, t);
        if (!sane(p))
            continue;
        check_get(m, w, p);
        check_put(m, w, p);
        check_work(m, w, p);
        check_mark(m, w, p, 1);
        check_mark(m, w, p, 2);
        for (unsigned int t = 0; t < 16; t++) {
            check_get_type(m, w, p, t);
            check_put_type(m, w, p, t);
            check_pins(m, w, p, t);
        }
    }
    return violations;
}

static void test_rules(void **state)
{
    verbose = true;
    assert_int_equal(check(&real), 0);
    verbose = false;
}

static void test_consistent(void **state)
{
    for (uint64_t w = 0; w < 1ULL << WORD_BITS; w++)
        assert_int_equal(fw_consistent(w), sane(split(w)));
    assert_false(fw_consistent(1ULL << WORD_BITS));
}

/* PT3: from an allocated frame's word, exactly the sane words can be reached, those of FT_READONLY apart. */
static void test_reachable(void **state)
{
    static bool seen[1 << WORD_BITS];
    static uint64_t queue[1 << WORD_BITS];
    unsigned int head = 0, tail = 0;

    memset(seen, 0, sizeof(seen));
    queue[tail++] = fw_make(FT_NONE, FW_IDLE, 0, 1);
    seen[queue[0]] = true;
    while (head < tail) {
        uint64_t w = queue[head++];

        for (unsigned int t = 0; t < 16; t++) {
            struct fw_step all[] = {fw_get(w),
                                    fw_put(w),
                                    fw_get_type(w, t),
                                    fw_put_type(w, t),
                                    fw_resume_devalidate(w),
                                    fw_finish_valid(w),
                                    fw_finish_idle(w),
                                    fw_finish_partial(w),
                                    fw_pin(w, t),
                                    fw_unpin(w),
                                    fw_mark(w, FW_STRANGERS),
                                    fw_mark(w, FW_UNCACHED)};

            for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                if (stores(all[i].verdict) && !seen[all[i].word]) {
                    seen[all[i].word] = true;
                    queue[tail++] = all[i].word;
                }
        }
    }
    for (uint64_t w = 0; w < 1ULL << WORD_BITS; w++) {
        struct parts p = split(w);

        if (p.type == READONLY)
            assert_false(seen[w]);
        else if (seen[w] != sane(p))
            fail_msg("word %#lx: reachable %d, sane %d", (unsigned long)w, seen[w], sane(p));
    }
}

/* The hot forms say what the general functions say. */
static void test_hot_forms(void **state)
{
    for (uint64_t w = 0; w < 1ULL << WORD_BITS; w++)
        for (unsigned int t = WRITABLE; t <= SEGDESC; t++) {
            struct fw_step s = fw_get_type(w, t);

            if (!sane(split(w)) || !fw_is_ready(w, t))
                continue;
            assert_int_equal(s.verdict, FW_DONE);
            assert_int_equal(s.word, w + FW_BOTH_ONE);
        }
}

/* --- Broken machines. Each is one line away from the real one. --- */

static struct fw_step forgets_limit(uint64_t w)
{
    return fw_general(w) ? fw_step(FW_DONE, w + FW_GENERAL_ONE) : fw_step(FW_GONE, w);
}

static struct fw_step revives(uint64_t w)
{
    return w & FW_GENERAL_GUARD ? fw_step(FW_OVERFLOW, w) : fw_step(FW_DONE, w + FW_GENERAL_ONE);
}

static struct fw_step never_last(uint64_t w)
{
    struct fw_step s = fw_put(w);

    return s.verdict == FW_LAST ? fw_step(FW_DONE, s.word) : s;
}

static struct fw_step takes_others(uint64_t w)
{
    return fw_general(w) > 1 ? fw_step(FW_DONE, w - 1) : fw_put(w);
}

static struct fw_step skips_validation(uint64_t w, enum frame_type t)
{
    struct fw_step s = fw_get_type(w, t);

    return s.verdict == FW_VALIDATE && t == FT_L1 ? fw_step(FW_DONE, fw_finish_valid(s.word).word) : s;
}

static struct fw_step skips_flush(uint64_t w, enum frame_type t)
{
    struct fw_step s = fw_get_type(w, t);

    return s.verdict == FW_FLUSH ? fw_step(FW_DONE, fw_finish_valid(s.word).word) : s;
}

static struct fw_step ignores_type(uint64_t w, enum frame_type t)
{
    return fw_phase(w) == FW_VALID && fw_general(w) ? fw_get_type(w, fw_type(w)) : fw_get_type(w, t);
}

static struct fw_step waits_for_any(uint64_t w, enum frame_type t)
{
    struct fw_step s = fw_get_type(w, t);

    return fw_phase(w) == FW_WORK && s.verdict == FW_WRONG_TYPE ? fw_step(FW_BUSY, w) : s;
}

static struct fw_step skips_devalidation(uint64_t w, enum frame_type t)
{
    struct fw_step s = fw_put_type(w, t);

    return s.verdict == FW_DEVALIDATE ? fw_finish_idle(s.word) : s;
}

static struct fw_step drops_pinned(uint64_t w, enum frame_type t)
{
    return fw_put_type(w & ~FW_PINNED, t);
}

static struct fw_step pins_twice(uint64_t w, enum frame_type t)
{
    return fw_pin(w & ~FW_PINNED, t);
}

static struct fw_step leaks_at_idle(uint64_t w)
{
    struct fw_step s = fw_finish_idle(w);

    return s.verdict == FW_DONE ? fw_step(FW_DONE, s.word + FW_GENERAL_ONE) : s;
}

static struct fw_step partial_loses_reference(uint64_t w)
{
    struct fw_step s = fw_finish_partial(w);

    return s.verdict == FW_DONE && fw_general(w) > 1 ? fw_step(FW_DONE, s.word - FW_GENERAL_ONE) : s;
}

static struct fw_step resumes_valid(uint64_t w)
{
    return fw_phase(w) == FW_VALID ? fw_step(FW_DEVALIDATE, w) : fw_resume_devalidate(w);
}

static struct fw_step forgets_marks(uint64_t w, enum frame_type t)
{
    struct fw_step s = fw_put_type(w, t);

    return fw_step(s.verdict, stores(s.verdict) ? s.word & ~FW_UNCACHED : s.word);
}

static struct fw_step keeps_marks(uint64_t w, enum frame_type t)
{
    struct fw_step s = fw_get_type(w, t);

    return fw_step(s.verdict, s.word | (w & FW_MARKS));
}

static void test_checker_finds_faults(void **state)
{
    struct machine m[16];
    unsigned int n = 0;

    for (unsigned int i = 0; i < sizeof(m) / sizeof(m[0]); i++)
        m[i] = real;
    m[n++].get = forgets_limit;
    m[n++].get = revives;
    m[n++].put = never_last;
    m[n++].put = takes_others;
    m[n++].get_type = skips_validation;
    m[n++].get_type = skips_flush;
    m[n++].get_type = ignores_type;
    m[n++].get_type = waits_for_any;
    m[n++].put_type = skips_devalidation;
    m[n++].put_type = drops_pinned;
    m[n++].pin = pins_twice;
    m[n++].idle = leaks_at_idle;
    m[n++].partial = partial_loses_reference;
    m[n++].resume = resumes_valid;
    m[n++].put_type = forgets_marks;
    m[n++].get_type = keeps_marks;
    for (unsigned int i = 0; i < n; i++)
        if (check(&m[i]) == 0)
            fail_msg("broken machine %u was not found out", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_consistent),
        cmocka_unit_test(test_reachable),
        cmocka_unit_test(test_hot_forms),
        cmocka_unit_test(test_checker_finds_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
