/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may do what to whom: every operation by every kind of subject on every kind of object, against the rules written down a second time in words; that a policy
 * is asked, and when not; and the clamp of indices, by value.
 * UNIT-SOURCES: hypervisor/core/authority.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "core/authority.h"
#include "hv/errno.h"

static struct domain toolstack = {.id = 0, .privileged = true}; /* privileged, owns no device */
static struct domain driver = {.id = 1, .is_hardware = true};   /* the other way round */
static struct domain guest = {.id = 2};                         /* nothing special */
static struct domain stub = {.id = 3, .target = &guest};        /* the guest's device model */
static struct domain *const all[] = {&toolstack, &driver, &guest, &stub};

/* The same in words, from docs/design/authority.md. */
static bool expected(const struct domain *subject, const struct domain *object, enum authority_class class)
{
    bool self = subject == object, model = subject == &stub && object == &guest;

    switch (class) {
    case AUTHORITY_CLASS_SELF:
        return self || subject == &toolstack;
    case AUTHORITY_CLASS_TARGET:
        return self || model || subject == &toolstack;
    case AUTHORITY_CLASS_DEVICE_MODEL:
        return model || subject == &toolstack;
    case AUTHORITY_CLASS_PRIVILEGED:
        return subject == &toolstack;
    case AUTHORITY_CLASS_HARDWARE:
        return subject == &driver;
    }
    return false;
}

#define OPERATION_NAME(name, class) [AUTHORITY_##name] = #name,
static const char *const operations[AUTHORITY_OPS] = {AUTHORITY_OPERATIONS(OPERATION_NAME)};

static void every_operation(void **state)
{
    for (unsigned int op = 0; op < AUTHORITY_OPS; op++) {
        for (unsigned int s = 0; s < ARRAY_SIZE(all); s++) {
            for (unsigned int o = 0; o <= ARRAY_SIZE(all); o++) {
                struct domain *object = o < ARRAY_SIZE(all) ? all[o] : NULL;
                int rc = authorise(all[s], object, op);

                if (rc != (expected(all[s], object, authority_default_class[op]) ? 0 : -EPERM))
                    fail_msg("%s by d%u on %d: %d", operations[op], s, object ? object->id : -1, rc);
            }
        }
    }
}

static struct {
    unsigned int calls;
    const struct domain *subject, *object;
    enum authority_op op;
    int answer;
} asked;

static int decide(const struct domain *subject, const struct domain *object, enum authority_op op)
{
    asked.calls++;
    asked.subject = subject;
    asked.object = object;
    asked.op = op;
    return asked.answer;
}

static const struct authority_policy strict = {.name = "strict", .decide = decide};

static void policy_replaces_the_default(void **state)
{
    authority_set_policy(&strict);
    asked.answer = -EACCES;
    assert_int_equal(authorise(&toolstack, &guest, AUTHORITY_DOMCTL), -EACCES);
    assert_int_equal(asked.calls, 1);
    assert_ptr_equal(asked.subject, &toolstack);
    assert_ptr_equal(asked.object, &guest);
    assert_int_equal(asked.op, AUTHORITY_DOMCTL);
    asked.answer = 0;
    assert_int_equal(authorise(&guest, NULL, AUTHORITY_SYSCTL), 0);
    assert_int_equal(asked.calls, 2);
    assert_null(asked.object);
    authority_set_policy(NULL);
    assert_int_equal(authorise(&guest, NULL, AUTHORITY_SYSCTL), -EPERM);
    assert_int_equal(asked.calls, 2);
}

/* Oneself is nobody's business where the class says so, and only there. */
static void oneself_is_not_asked_about(void **state)
{
    asked.calls = 0;
    asked.answer = -EPERM;
    authority_set_policy(&strict);
    for (unsigned int op = 0; op < AUTHORITY_OPS; op++) {
        bool own = authority_default_class[op] <= AUTHORITY_CLASS_TARGET;
        unsigned int before = asked.calls;

        assert_int_equal(authorise(&guest, &guest, op), own ? 0 : -EPERM);
        assert_int_equal(asked.calls - before, own ? 0 : 1);
    }
    authority_set_policy(NULL);
}

static void clamp(void **state)
{
    static const uint64_t bounds[] = {0, 1, 2, 3, 24, 64, 0x7ff0, UINT32_MAX, 1ULL << 40, UINT64_MAX};

    for (unsigned int b = 0; b < ARRAY_SIZE(bounds); b++) {
        volatile uint64_t bound = bounds[b];
        uint64_t tries[] = {0, 1, bound / 2, bound - 1, bound, bound + 1, UINT32_MAX, UINT64_MAX};

        for (unsigned int t = 0; t < ARRAY_SIZE(tries); t++) {
            uint64_t got = array_index_clamp(tries[t], bound);

            assert_int_equal(got, tries[t] < bound ? tries[t] : 0);
        }
    }
    assert_int_equal(array_index_clamp(63, 64), 63);
    assert_true(array_index_clamp(64, 64) < 64);
    assert_true(array_index_clamp(UINT64_MAX, 64) < 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_operation),
                                       cmocka_unit_test(policy_replaces_the_default),
                                       cmocka_unit_test(oneself_is_not_asked_about), cmocka_unit_test(clamp)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
