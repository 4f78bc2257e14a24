/* SPDX-License-Identifier: MIT */
/*
 * Measured regions. BENCH(name, n) { body } runs body(n) once to warm up and once between two marks, and prints
 *     BENCH name iterations tsc
 * The marks are empty functions of their own, bench_begin_NAME and bench_end_NAME, in the binary's symbol table: a QEMU
 * plugin that watches their addresses can count what is executed in between, by privilege or by address, for each
 * operation. With -icount shift=0 the TSC itself counts instructions.
 */
#ifndef BENCH_H
#define BENCH_H

#include <kit/args.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/print.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/trap.h>
#include <kit/vcpu.h>

#define BENCH_MARKS(name)                                                                                    \
    void bench_begin_##name(void);                                                                           \
    void bench_end_##name(void);                                                                             \
    noinline __attribute__((used)) void bench_begin_##name(void)                                             \
    {                                                                                                        \
        __asm__ volatile("" ::: "memory");                                                                   \
    }                                                                                                        \
    noinline __attribute__((used)) void bench_end_##name(void)                                               \
    {                                                                                                        \
        __asm__ volatile("" ::: "memory");                                                                   \
    }

/* One benchmark; `n` is how often the body shall do its operation, `divisor` makes slow ones shorter. */
#define BENCH(name, divisor)                                                                                 \
    BENCH_MARKS(name)                                                                                        \
    static void body_##name(unsigned long n);                                                                \
    KIT_TEST(name)                                                                                           \
    {                                                                                                        \
        bench_run(#name, body_##name, bench_begin_##name, bench_end_##name, divisor);                        \
    }                                                                                                        \
    static void body_##name(unsigned long n)

void bench_run(const char *name, void (*body)(unsigned long n), void (*begin)(void), void (*end)(void),
               unsigned divisor);

/* For bodies that need something first; returning false skips the benchmark. */
void bench_print(const char *name, unsigned long iterations, uint64_t value);
unsigned long bench_iterations(unsigned divisor);

#endif
