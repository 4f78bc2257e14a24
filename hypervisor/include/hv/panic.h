/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end: panic() for a broken invariant of our own, cannot_boot() for a machine or a configuration that we
 * cannot run on: one line, which says what and what to do about it; neither for what a guest did. assert()
 * states why something holds; it is compiled out of release builds and never handles an error.
 */
#ifndef HV_PANIC_H
#define HV_PANIC_H

#include "hv/types.h"

#ifdef UNIT_HOSTED
#include <stdio.h>
#include <stdlib.h>
#include <assert.h>
#define panic(...)                                                                                           \
    do {                                                                                                     \
        fprintf(stderr, __VA_ARGS__);                                                                        \
        abort();                                                                                             \
    } while (0)
#define cannot_boot panic
#else
/* Start-up only. "Cannot boot: " is printed in front; the machine stops, and is not reset. */
void cannot_boot(const char *fmt, ...) __printf(1, 2) __noreturn __cold;
void panic(const char *fmt, ...) __printf(1, 2) __noreturn __cold;
#ifdef DEBUG
void assert_failed(const char *what, const char *file, int line) __noreturn __cold;
#define assert(cond)                                                                                         \
    do {                                                                                                     \
        if (unlikely(!(cond)))                                                                               \
            assert_failed(#cond, __FILE__, __LINE__);                                                        \
    } while (0)
#else
#define assert(cond)                                                                                         \
    do {                                                                                                     \
        if (0)                                                                                               \
            (void)(cond);                                                                                    \
    } while (0)
#endif
#endif

/* Release builds too: panics if the condition is true. For invariants whose loss would be a security hole. */
#define panic_on(cond)                                                                                       \
    do {                                                                                                     \
        if (unlikely(cond))                                                                                  \
            panic("broken invariant: %s (%s:%d)\n", #cond, __FILE__, __LINE__);                              \
    } while (0)

#endif
