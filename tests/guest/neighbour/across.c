/* SPDX-License-Identifier: MIT */
/*
 * Storms on a processor of their own: the working domain has another, and shares nothing but what is the hypervisor's: its locks, its interrupts between processors.
 *
 * Only with `across` on the command line, which `make bench-storms` gives, in QEMU with a thread for each processor, where it counts what the worker's executes for a unit of its work. Where
 * QEMU counts time it executes the processors in turn, in one thread, and a turn ends when somebody waits, so that time says nothing of what one does to another.
 */
#include "share.h"

#include <kit/args.h>
#include <kit/print.h>

#define THEIRS       4U /* processors: the third */
#define ACROSS_READY (20 * KIT_MS)
#define ACROSS       (200 * KIT_MS)
#define UNITS        20
#define TURN         KIT_MS

static struct rival worker, rival;

/* The counting plugin's marks. */
static __attribute__((__noinline__, __used__)) void bench_begin_across(void)
{
    __asm__ volatile("" ::: "memory");
}

static __attribute__((__noinline__, __used__)) void bench_end_across(void)
{
    __asm__ volatile("" ::: "memory");
}

static void wake_up_until(uint64_t end)
{
    for (uint64_t now = kit_time_ns(); now < end; now = kit_time_ns()) {
        struct sched_poll nothing = {.timeout = now + TURN};

        hcall_sched_op(SCHEDOP_poll, &nothing);
    }
}

/* The worker does something beside it; the plugin's regions are in the order of these lines. */
static void beside(const char *work, const char *what, kit_program program, unsigned long a1,
                   unsigned long a2)
{
    volatile uint64_t *words = kit_puppet_words(&worker.p);
    uint64_t before, done;

    rival_start(&rival, program, a1, a2);
    wake_up_until(kit_time_ns() + ACROSS_READY);
    before = words[0];
    bench_begin_across();
    for (unsigned tries = 0; tries < 20 && words[0] - before < UNITS; tries++)
        wake_up_until(kit_time_ns() + ACROSS); /* again: this machine gave the worker no time */
    done = words[0] - before;
    bench_end_across();
    kit_printf("ACROSS %s %s %lu\n", work, what, done);
    CHECK(done > 0);
    CHECK_EQ(words[1], 0);
    CHECK_EQ(kit_puppet_words(&rival.p)[1], 0);
    rival_end(&rival);
}

static bool rival_across(void)
{
    return rival_make_paused(&rival) && !kit_domain_pin(rival.p.id, 0, THEIRS);
}

static void storms(const char *name, kit_program work)
{
    static const struct {
        const char *what;
        kit_program program;
    } kinds[] = {{"computing", program_work},
                 {"events", program_event_storm},
                 {"hypercalls", program_hypercall_storm},
                 {"wake-ups", program_wake_storm},
                 {"page-tables", program_table_storm},
                 {"grants", program_grant_storm},
                 {"memory", program_memory_storm}};

    if (!kit_arg_flag("across"))
        return;
    CHECK_OR_RETURN(rival_make_paused(&worker));
    rival_start(&worker, work, worker.p.mfn[PAGE_A], worker.p.mfn[PAGE_B]);
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        bool grants = kinds[i].program == program_grant_storm;

        CHECK_OR_RETURN(rival_across() && (!grants || rival_grants_itself(&rival)));
        beside(name, kinds[i].what, kinds[i].program, grants ? rival.p.id : rival.p.mfn[PAGE_A],
               rival.p.mfn[grants ? PAGE_A : PAGE_B]);
    }
    rival_end(&worker);
    CHECK_RC(kit_domain_pin(0, 0, ~0UL), 0);
}

KIT_TEST(across_computing)
{
    storms("computing", program_work);
}

KIT_TEST(across_calling)
{
    storms("calling", program_calls);
}
