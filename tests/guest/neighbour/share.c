/* SPDX-License-Identifier: MIT */
/*
 * What domains get of a processor they share, in virtual time: QEMU counts instructions (8 ns each), so a run is the same each time.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M xen=sched=credit cpu=max,-smap,-rdtscp qemu=-icount;shift=3,sleep=off timeout=200
 */
#include "share.h"

KIT_PROGRAM void program_work(unsigned long a, unsigned long b)
{
    for (;;)
        KIT_PUPPET_WORDS[0]++;
}

bool rival_parameters(const struct rival *r, unsigned weight, unsigned cap)
{
    struct xen_domctl op = {0};

    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    op.u.scheduler_op.u.credit.weight = (uint16_t)weight;
    op.u.scheduler_op.u.credit.cap = (uint16_t)cap;
    return !kit_domctl(XEN_DOMCTL_scheduler_op, r->p.id, &op);
}

bool rival_make_paused(struct rival *r)
{
    bool ok;

    memset(r, 0, sizeof(*r));
    CHECK_RC(kit_domain_pin(0, 0, 1), 0);
    ok = !kit_puppet_build(&r->p);
    CHECK(ok);
    if (!ok)
        return false;
    ok = !kit_puppet_load(&r->p) && !kit_domain_pin(r->p.id, 0, CROWDED) && rival_parameters(r, 256, 0);
    CHECK(ok);
    return ok;
}

void rival_start(struct rival *r, kit_program program, unsigned long a1, unsigned long a2)
{
    kit_puppet_run(&r->p, program, a1, a2);
    CHECK_RC(kit_puppet_start(&r->p), 0);
}

bool rival_make(struct rival *r, kit_program program, unsigned long a1, unsigned long a2)
{
    if (!rival_make_paused(r))
        return false;
    rival_start(r, program, a1, a2);
    return true;
}

void rival_end(struct rival *r)
{
    CHECK(kit_puppet_end(&r->p));
}

void sleep_ns(uint64_t ns)
{
    uint64_t end = kit_time_ns() + ns;

    while (kit_time_ns() < end) {
        struct sched_poll nothing = {.timeout = end};

        hcall_sched_op(SCHEDOP_poll, &nothing);
    }
}

static uint64_t processor_time(const struct rival *r)
{
    struct xen_domctl op = {0};

    return kit_domctl(XEN_DOMCTL_getdomaininfo, r->p.id, &op) ? 0 : op.u.getdomaininfo.cpu_time;
}

void measure(struct rival **rivals, unsigned count)
{
    sleep_ns(SETTLE);
    for (unsigned i = 0; i < count; i++) {
        rivals[i]->before = kit_puppet_words(&rivals[i]->p)[0];
        rivals[i]->ran_before = processor_time(rivals[i]);
    }
    sleep_ns(WINDOW);
    for (unsigned i = 0; i < count; i++) {
        rivals[i]->done = kit_puppet_words(&rivals[i]->p)[0] - rivals[i]->before;
        rivals[i]->ran = processor_time(rivals[i]) - rivals[i]->ran_before;
    }
}

void check_within(const char *what, uint64_t per_mille, uint64_t least, uint64_t most)
{
    kit_note("%s: %lu.%lu %%", what, per_mille / 10, per_mille % 10);
    if (kit_on_xenios())
        CHECK(per_mille >= least && per_mille <= most);
}

/* Two that are busy all the time, with weights 1 and 3; then what a cap leaves, alone and beside another. */
KIT_TEST(weights)
{
    struct rival light, heavy, *both[] = {&light, &heavy};

    CHECK_OR_RETURN(rival_make(&light, program_work, 0, 0) && rival_make(&heavy, program_work, 0, 0));
    CHECK(rival_parameters(&heavy, 768, 0));
    measure(both, 2);
    check_within("weight 1 of 4", PER_MILLE(light.done, light.done + heavy.done), 230, 270);
    check_within("its time", PER_MILLE(light.ran, light.ran + heavy.ran), 230, 270);
    rival_end(&light);
    rival_end(&heavy);
}

KIT_TEST(cap)
{
    struct rival capped, other, *both[] = {&capped, &other};

    CHECK_OR_RETURN(rival_make(&capped, program_work, 0, 0));
    CHECK(rival_parameters(&capped, 256, 25));
    measure(both, 1);
    check_within("cap of 25, alone", PER_MILLE(capped.ran, WINDOW), 230, 270);
    CHECK_OR_RETURN(rival_make(&other, program_work, 0, 0));
    measure(both, 2);
    check_within("cap of 25, beside another", PER_MILLE(capped.ran, WINDOW), 230, 270);
    check_within("the other", PER_MILLE(other.ran, WINDOW), 720, 770);
    rival_end(&capped);
    rival_end(&other);
}

/* Works until shortly before each 10 ms are over (a tick of the classic scheduler), and yields then. */
KIT_PROGRAM static void yield_before_ticks(unsigned long cycles, unsigned long spare)
{
    for (;;) {
        unsigned long now = __builtin_ia32_rdtsc();

        if (now % cycles < cycles - spare)
            KIT_PUPPET_WORDS[0]++;
        else
            kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
    }
}

/* The same, but sleeps over the tick: it wakes up with credit in hand. */
KIT_PROGRAM static void sleep_over_ticks(unsigned long period, unsigned long spare)
{
    volatile struct vcpu_time_info *t =
        &((volatile struct shared_info *)KIT_PUPPET_VA(KIT_PUPPET_SHARED))->vcpu_info[0].time;

    for (;;) {
        unsigned long cycles = __builtin_ia32_rdtsc() - t->tsc_timestamp, now;
        struct sched_poll until;

        cycles = t->tsc_shift < 0 ? cycles >> -t->tsc_shift : cycles << t->tsc_shift;
        now = t->system_time + (unsigned long)((unsigned __int128)cycles * t->tsc_to_system_mul >> 32);
        KIT_PUPPET_WORDS[0]++;
        if (now % period < period - spare)
            continue;
        until.nr_ports = 0;
        until.timeout = now + 2 * spare;
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_poll, (uintptr_t)&until, 0, 0);
    }
}

static void against_ticks(const char *how, kit_program program, unsigned long period, unsigned long spare)
{
    struct rival honest, cheat, *both[] = {&honest, &cheat};

    CHECK_OR_RETURN(rival_make(&honest, program_work, 0, 0) && rival_make(&cheat, program, period, spare));
    measure(both, 2);
    check_within(how, PER_MILLE(cheat.ran, cheat.ran + honest.ran), 0, 510);
    check_within("the honest one had", PER_MILLE(honest.ran, WINDOW), 490, 1000);
    rival_end(&honest);
    rival_end(&cheat);
}

KIT_TEST(yields_before_ticks)
{
    uint64_t start = kit_rdtsc(), per_10ms;

    sleep_ns(100 * KIT_MS);
    per_10ms = (kit_rdtsc() - start) / 10;
    against_ticks("who yields before ticks had", yield_before_ticks, per_10ms, per_10ms / 50);
}

KIT_TEST(sleeps_over_ticks)
{
    against_ticks("who sleeps over ticks had", sleep_over_ticks, 10 * KIT_MS, 200000);
}
