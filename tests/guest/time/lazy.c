/* SPDX-License-Identifier: MIT */
/*
 * A vcpu that sleeps may have left its state in the processor it ran on. Wherever it wakes it finds its own registers, and whatever was changed in its page tables while
 * it slept.
 */
#include <kit/args.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/lock.h>
#include <kit/mm.h>
#include <kit/random.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

#define ROUNDS 60

static struct {
    uint64_t fs_mark, gs_mark;
    uint32_t wrong_fs, wrong_gs, wrong_vector, wrong_rc;
} worker[KIT_MAX_VCPUS];

static long pin(int pcpu)
{
    struct sched_pin_override p = {.pcpu = pcpu};

    return hcall_sched_op(SCHEDOP_pin_override, &p);
}

static long nap(uint64_t ns)
{
    struct sched_poll p = {.timeout = kit_time_ns() + ns};

    return hcall_sched_op(SCHEDOP_poll, &p);
}

/* The kit is compiled without vector registers, so they are ours. */
static void set_vectors(uint64_t pattern)
{
    __asm__ volatile("movq %0, %%xmm0; movq %0, %%xmm7; pslldq $8, %%xmm7; movq %0, %%xmm15" ::"r"(pattern));
}

static bool vectors_are(uint64_t pattern)
{
    uint64_t a, b, c;

    __asm__ volatile(
        "movq %%xmm0, %0; movdqa %%xmm7, %%xmm6; psrldq $8, %%xmm6; movq %%xmm6, %1; movq %%xmm15, %2"
        : "=r"(a), "=r"(b), "=r"(c));
    return a == pattern && b == pattern && c == pattern;
}

static void wander(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg, n = kit_nr_vcpus();
    uint64_t value;

    worker[me].fs_mark = 0xf500 + me;
    worker[me].gs_mark = 0x6500 + me;
    hcall_set_segment_base(SEGBASE_FS, (unsigned long)&worker[me].fs_mark);
    hcall_set_segment_base(SEGBASE_GS_KERNEL, (unsigned long)&worker[me].gs_mark);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t pattern = (uint64_t)me << 32 | i;

        set_vectors(pattern);
        if (i % 3)
            worker[me].wrong_rc += pin((int)((me + i) % n)) != 0;
        worker[me].wrong_rc += nap(20000 + (me * 7919 + i * 104729) % 300000) != 0;
        if (i % 3)
            worker[me].wrong_rc += pin(-1) != 0;
        worker[me].wrong_vector += !vectors_are(pattern);
        __asm__ volatile("movq %%fs:0, %0" : "=r"(value));
        worker[me].wrong_fs += value != 0xf500 + me;
        __asm__ volatile("movq %%gs:0, %0" : "=r"(value));
        worker[me].wrong_gs += value != 0x6500 + me;
    }
    hcall_set_segment_base(SEGBASE_FS, 0);
    hcall_set_segment_base(SEGBASE_GS_KERNEL, 0);
}

KIT_TEST(sleepers_wander)
{
    KIT_NEEDS_VCPUS(2);

    unsigned n = kit_nr_vcpus();

    kit_events_disable();
    memset(worker, 0, sizeof(worker));
    for (unsigned v = 1; v < n; v++)
        CHECK_RC(kit_vcpu_run(v, wander, (void *)(uintptr_t)v), 0);
    wander(NULL);
    for (unsigned v = 0; v < n; v++) {
        CHECK(!v || kit_vcpu_join(v, 20 * KIT_S));
        CHECK_EQ(worker[v].wrong_rc, 0);
        CHECK_EQ(worker[v].wrong_fs, 0);
        CHECK_EQ(worker[v].wrong_gs, 0);
        CHECK_EQ(worker[v].wrong_vector, 0);
    }
}

/* --- What changes under a sleeper --- */

static volatile uint64_t *shown; /* a page that is mapped to one frame or another */
static volatile uint64_t expected;
static volatile uint32_t stale, wakes, stop;
static evtchn_port_t alarm;

static void sleeper(void *unused)
{
    struct sched_poll p = {.nr_ports = 1};
    evtchn_port_t port = alarm;

    set_xen_guest_handle(p.ports, &port);
    kit_events_disable();
    while (!stop) {
        stale += *shown != expected; /* now the processor has the translation */
        hcall_sched_op(SCHEDOP_poll, &p);
        kit_event_clear(port);
        stale += *shown != expected;
        __atomic_fetch_add(&wakes, 1, __ATOMIC_SEQ_CST);
    }
}

static bool wait_until_blocked(unsigned vcpu)
{
    uint64_t end = kit_time_ns() + 2 * KIT_S;
    struct vcpu_runstate_info r;

    do {
        hcall_vcpu_op(VCPUOP_get_runstate_info, vcpu, &r);
        if (r.state == RUNSTATE_blocked)
            return true;
    } while (kit_time_ns() < end);
    return false;
}

/* Another frame behind `shown`, and the flush in each of the ways that there are. */
static long change(uint64_t pte, unsigned way)
{
    uint64_t mask = 3, maddr, old;
    struct mmuext_op op = {.arg1.linear_addr = (unsigned long)shown};
    long rc;

    switch (way) {
    case 0:
        return hcall_update_va_mapping((unsigned long)shown, pte, UVMF_INVLPG | UVMF_ALL);
    case 1:
        return hcall_update_va_mapping((unsigned long)shown, pte, UVMF_TLB_FLUSH | UVMF_ALL);
    case 2:
        return hcall_update_va_mapping((unsigned long)shown, pte, UVMF_INVLPG | (unsigned long)&mask);
    case 3:
        return hcall_update_va_mapping((unsigned long)shown, pte, UVMF_TLB_FLUSH | (unsigned long)&mask);
    default:
        break;
    }
    if (!kit_pte_find(kit_root_mfn, (uintptr_t)shown, 1, &maddr, &old))
        return -1;
    rc = kit_pte_write(maddr, pte);
    op.cmd = way == 4 ? MMUEXT_INVLPG_MULTI : way == 5 ? MMUEXT_TLB_FLUSH_MULTI : MMUEXT_TLB_FLUSH_ALL;
    set_xen_guest_handle(op.arg2.vcpumask, (void *)&mask);
    return rc ? rc : hcall_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

/* Changes what the sleeper, vcpu `whose`, sees whenever it sleeps, and wakes it. */
static struct {
    unsigned whose;
    uint32_t rounds, failed, late;
} changes;

static void change_again_and_again(void *unused)
{
    uint64_t *frame[2] = {kit_page_alloc(), kit_page_alloc()};

    *frame[0] = 0xaaaa;
    *frame[1] = 0xbbbb;
    for (uint32_t i = 0; i < changes.rounds && !changes.late; i++) {
        changes.late += !wait_until_blocked(changes.whose);
        changes.failed += change(kit_maddr_of(frame[~i & 1]) | PTE_RW, i % 7) != 0;
        expected = *frame[~i & 1];
        stop = i + 1 == changes.rounds;
        kit_event_send(alarm);
        changes.late += !kit_wait_for(&wakes, i + 1, 2 * KIT_S);
    }
    stop = 1;
    kit_event_send(alarm);
}

static void wake_to_new_tables(unsigned whose)
{
    uint64_t mine;

    shown = kit_page_alloc();
    expected = *shown;
    mine = kit_pte_of((uintptr_t)shown);
    alarm = (evtchn_port_t)kit_event_bind_ipi(whose);
    kit_event_mask(alarm);
    stop = stale = wakes = 0;
    memset(&changes, 0, sizeof(changes));
    changes.whose = whose;
    changes.rounds = (uint32_t)kit_arg_number("rounds", 140);
    CHECK_RC(kit_vcpu_run(1, whose ? sleeper : change_again_and_again, NULL), 0);
    if (whose)
        change_again_and_again(NULL);
    else
        sleeper(NULL);
    CHECK(kit_vcpu_join(1, KIT_S));
    CHECK_EQ(stale, 0);
    CHECK_EQ(changes.failed, 0);
    CHECK_EQ(changes.late, 0);
    CHECK_RC(change(mine, 1), 0);
    CHECK_RC(kit_event_close(alarm), 0);
}

KIT_TEST(sleeper_sees_new_tables)
{
    KIT_NEEDS_VCPUS(2);
    wake_to_new_tables(1);
}

KIT_TEST(first_sleeper_sees_new_tables)
{
    KIT_NEEDS_VCPUS(2);
    wake_to_new_tables(0);
}
