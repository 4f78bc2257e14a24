/* SPDX-License-Identifier: MIT */
/* The other domain that some benchmarks need: a puppet, connected with an event channel. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <kit/domain.h>
#include <xen/grant_table.h>
#include "bench.h"

#define PAIR_GRANTS 32
#define PAIR_PAGE   8 /* the puppet's pages from here on are granted under these references, too */

extern struct kit_puppet pair;
extern unsigned pair_port, pair_their_port;

/* Makes it, on the given processor (domain 0's vcpu is pinned to processor 0). False: it cannot be; the benchmark has failed. */
bool pair_make(unsigned processor);
/* Its grant table has PAIR_GRANTS entries for domain 0. */
bool pair_grant(void);
/* It does nothing more, and no longer looks whether it should. */
void pair_sleep(struct kit_puppet *p);
void pair_end(void);

/* A benchmark with a pair on `processor`; start() is not measured. */
#define BENCH_BETWEEN(name, divisor, processor, start, body)                                                 \
    BENCH_MARKS(name)                                                                                        \
    KIT_TEST(name)                                                                                           \
    {                                                                                                        \
        if (!pair_make(processor))                                                                           \
            return;                                                                                          \
        start();                                                                                             \
        bench_run(#name, body, bench_begin_##name, bench_end_##name, divisor);                               \
        kit_event_upcall_hook(NULL);                                                                         \
        pair_end();                                                                                          \
    }

#endif
