/* SPDX-License-Identifier: MIT */
#include <kit/hypercall.h>
#include <kit/lock.h>
#include <kit/time.h>
#include <kit/vcpu.h>

struct vcpu_time_info kit_time_snapshot(const volatile struct vcpu_time_info *t)
{
    struct vcpu_time_info copy;

    do {
        copy.version = t->version;
        barrier();
        copy.tsc_timestamp = t->tsc_timestamp;
        copy.system_time = t->system_time;
        copy.tsc_to_system_mul = t->tsc_to_system_mul;
        copy.tsc_shift = t->tsc_shift;
        copy.flags = t->flags;
        barrier();
    } while ((copy.version & 1) || t->version != copy.version);
    return copy;
}

uint64_t kit_time_from(const struct vcpu_time_info *t, uint64_t tsc)
{
    uint64_t delta = tsc - t->tsc_timestamp;

    delta = t->tsc_shift >= 0 ? delta << t->tsc_shift : delta >> -t->tsc_shift;
    return t->system_time + (uint64_t)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
}

uint64_t kit_time_ns(void)
{
    const volatile struct vcpu_time_info *t = &kit_this()->info->time;
    struct vcpu_time_info copy;
    uint64_t tsc;

    do {
        copy = kit_time_snapshot(t);
        tsc = kit_rdtsc();
        barrier();
    } while (t->version != copy.version);
    return kit_time_from(&copy, tsc);
}

void kit_spin_ns(uint64_t ns)
{
    uint64_t end = kit_time_ns() + ns;

    while (kit_time_ns() < end)
        kit_pause();
}

void kit_lock(kit_lock_t *lock)
{
    while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
        hcall_sched_op(SCHEDOP_yield, NULL);
}

void kit_unlock(kit_lock_t *lock)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

bool kit_wait_for(const volatile uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
    uint64_t end = kit_time_ns() + timeout_ns;

    while (*word != value) {
        if (kit_time_ns() > end)
            return *word == value;
        hcall_sched_op(SCHEDOP_yield, NULL);
    }
    return true;
}
