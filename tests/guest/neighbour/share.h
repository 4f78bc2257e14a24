/* SPDX-License-Identifier: MIT */
/* Domains that compete for one processor, and what they get of it. */
#ifndef TEST_SHARE_H
#define TEST_SHARE_H

#include <kit/arch/cpu.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

#define CROWDED         2U                 /* processors: the second; domain 0 sleeps on the first */
#define SETTLE          (120 * KIT_MS)     /* before a window: what they had before is used up */
#define WINDOW          (20 * 30 * KIT_MS) /* whole accounting periods */
#define PER_MILLE(a, b) ((uint64_t)((a)*1000 / (b)))

/* Word 0 of a puppet is what it has done; what programs need beside it stands in word 1 on. */
struct rival {
    struct kit_puppet p;
    uint64_t before, done; /* in the last window */
    uint64_t ran;          /* ns of processor in it */
    uint64_t ran_before;
};

/* A puppet on the crowded processor that runs `program`, with weight 256 and no cap. False: it cannot be; the test has failed. */
bool rival_make(struct rival *r, kit_program program, unsigned long a1, unsigned long a2);
bool rival_make_paused(struct rival *r);
void rival_start(struct rival *r, kit_program program, unsigned long a1, unsigned long a2);
void rival_end(struct rival *r);
bool rival_parameters(const struct rival *r, unsigned weight, unsigned cap);
/* Domain 0 sleeps. */
void sleep_ns(uint64_t ns);
/* What each does in a window. */
void measure(struct rival **rivals, unsigned count);

/* Pages of a puppet that programs use. */
#define PAGE_A 20 /* a table in the making */
#define PAGE_B 21 /* mapped and unmapped */
#define PAGE_C 22 /* granted, reference 22: rival_grants_itself() */
#define LIST   23 /* of calls */
bool rival_grants_itself(const struct rival *r);

/* Does one unit of work after another; the second one asks the hypervisor for something in each. Arguments: frames of PAGE_A and PAGE_B. */
void program_work(unsigned long a, unsigned long b);
void program_calls(unsigned long a, unsigned long b);
/* Storms. The first is sent on the port `a`; table_storm and memory_storm take frames of PAGE_A and PAGE_B, or the second one; grant_storm its own number and a frame. */
void program_event_storm_at(unsigned long port, unsigned long b);
void program_event_storm(unsigned long a, unsigned long b);
void program_wake_storm(unsigned long a, unsigned long b);
void program_yield_storm(unsigned long a, unsigned long b);
void program_hypercall_storm(unsigned long a, unsigned long b);
void program_table_storm(unsigned long a, unsigned long b);
void program_grant_storm(unsigned long a, unsigned long b);
void program_memory_storm(unsigned long a, unsigned long b);

/* On Xenios it must hold; of the other one it is only told. */
void check_within(const char *what, uint64_t per_mille, uint64_t least, uint64_t most);

#endif
