/* SPDX-License-Identifier: MIT */
/*
 * Tests and their result. A binary is a set of KIT_TEST()s; the kit runs those that test= selects (all by
 * default) and prints TEST name: ok | FAIL n checks | skip why KIT RESULT pass|fail|skip N checks and ends
 * the machine. A result can only get worse.
 */
#ifndef KIT_TEST_H
#define KIT_TEST_H

#include <kit/types.h>

struct kit_test {
    const char *name;
    void (*fn)(void);
    unsigned long flags;
};

#ifdef __clang__
#define KIT_IN_ORDER
#else
#define KIT_IN_ORDER no_reorder, /* gcc would emit them last to first */
#endif

#define KIT_TEST_FLAGS(id, f)                                                                                \
    static void test_##id(void);                                                                             \
    static const struct kit_test entry_##id                                                                  \
        __attribute__((KIT_IN_ORDER section(".kit_tests"), used, aligned(8))) = {#id, test_##id, f};         \
    static void test_##id(void)
/* The second kind runs only when named by test=: it ends the domain, or takes long. */
#define KIT_TEST(id)       KIT_TEST_FLAGS(id, 0)
#define KIT_TEST_ALONE(id) KIT_TEST_FLAGS(id, 1)

void kit_check(bool ok, const char *file, int line, const char *what, ...) __printf(4, 5);
void kit_check_equal(uint64_t actual, uint64_t expected, const char *file, int line, const char *what);
void kit_check_errno(long actual, long expected, const char *file, int line, const char *what);

/* All checks go on after a failure; CHECK_OR_RETURN gives up the function. */
#define CHECK(cond) kit_check(cond, __FILE__, __LINE__, "%s", #cond)
#define CHECK_EQ(actual, expected)                                                                           \
    kit_check_equal((uint64_t)(actual), (uint64_t)(expected), __FILE__, __LINE__, #actual " == " #expected)
#define CHECK_RC(actual, expected)                                                                           \
    kit_check_errno((long)(actual), (long)(expected), __FILE__, __LINE__, #actual)
#define CHECK_OR_RETURN(cond)                                                                                \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            kit_check(false, __FILE__, __LINE__, "%s", #cond);                                               \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)

/* The fault met (a struct kit_fault) has this vector and error code; or there was none. */
#define CHECK_FAULT(fault, v, e)                                                                             \
    kit_check((fault).raised && (fault).vector == (v) && (fault).error == (e), __FILE__, __LINE__,           \
              "%s: wanted vector %u error %#x, got raised %d vector %u error %#x", #fault, (unsigned)(v),    \
              (unsigned)(e), (fault).raised, (fault).vector, (fault).error)
#define CHECK_NO_FAULT(fault)                                                                                \
    kit_check(!(fault).raised, __FILE__, __LINE__, "%s: unexpected vector %u error %#x rip %lx cr2 %lx",     \
              #fault, (fault).vector, (fault).error, (fault).rip, (fault).cr2)

/* Note on the running test; and give it up as not applicable here (unless it failed already). */
void kit_note(const char *format, ...) __printf(1, 2);
void kit_skip(const char *why);
bool kit_skipped(void);

/* The running test meets something that must not go on: fail it and leave it. */
void kit_fail_now(const char *format, ...) __printf(1, 2) __attribute__((noreturn));

/* Announce that the domain shall now be crashed by the hypervisor; the runner checks that it is. */
void kit_expect_crash(const char *why);

/* True on Xenios, false on the Xen that serves as oracle: only where the latter trips over the test machine.
 */
bool kit_on_xenios(void);

const char *kit_errno_name(long rc);

int kit_run_tests(void);
void kit_shutdown(unsigned reason) __attribute__((noreturn));

#endif
