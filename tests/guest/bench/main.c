/* SPDX-License-Identifier: MIT */
/* Running and printing; GUEST-GROUP: smp=2 mem=512 dom0=128M timeout=300 */
#include "bench.h"

unsigned long bench_iterations(unsigned divisor)
{
    unsigned long n = kit_arg_number("iterations", 1000) / divisor;

    return n ? n : 1;
}

void bench_print(const char *name, unsigned long iterations, uint64_t value)
{
    kit_printf("BENCH %s %lu %lu\n", name, iterations, value);
}

void bench_run(const char *name, void (*body)(unsigned long n), void (*begin)(void), void (*end)(void),
               unsigned divisor)
{
    unsigned long n = bench_iterations(divisor);
    uint64_t start, stop;

    body(n / 10 + 2);
    if (kit_skipped())
        return;
    begin();
    start = kit_rdtsc();
    body(n);
    stop = kit_rdtsc();
    end();
    bench_print(name, n, stop - start);
    CHECK(stop > start);
}
