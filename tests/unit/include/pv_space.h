/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of PV page tables share, on the fake machine: stubs of the parts that have their own tests, the calls as a guest makes them, and an
 * address space to start from. For one source of a test program. SEED=n in the environment repeats a random run, STEPS=n lengthens it.
 */
#ifndef UNIT_PV_SPACE_H
#define UNIT_PV_SPACE_H

#include "fake_machine.h"

/* Stubs of parts that have their own tests. */
int pv_check_descriptor_page(struct domain *d, uint64_t *page)
{
    return page[0] == 0xbad ? -EINVAL : 0;
}

int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries)
{
    return 0;
}

void domain_crash(struct vcpu *v, const char *fmt, ...)
{
    fail_msg("no domain here is under the L1TF rule");
}

void pv_show_m2p(struct domain *owner, uint64_t *l4, bool shown)
{
}

void pv_root_changed(struct domain *owner)
{
}

static struct domain *d0, *d1;
static struct vcpu *v0;

static inline int setup(void **state)
{
    fake_machine_up();
    d0 = &fake.domain[0].d;
    d1 = &fake.domain[1].d;
    v0 = d0->vcpu[0];
    return 0;
}

static inline int teardown(void **state)
{
    return fake_machine_down();
}

static inline uint64_t *table_of(uint64_t mfn)
{
    return mfn_to_va(MFN(mfn));
}

static inline uint64_t word_of(uint64_t mfn)
{
    return frame_table[mfn].word;
}

/* As a guest sees it: the call, and all that its continuations do. */
static inline long to_its_end(long (*call)(struct hypercall *hc), struct hypercall hc)
{
    long ret;

    do {
        ret = call(&hc);
    } while (ret == -ERESTART);
    return ret;
}

static inline long mmuext(struct vcpu *v, unsigned int cmd, uint64_t a, uint64_t b, uint32_t foreigndom)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = a, .arg2.src_mfn = b};

    return to_its_end(do_mmuext_op, fake_hypercall(v, (uintptr_t)&op, 1, 0, foreigndom));
}

static inline long mmu_update(struct vcpu *v, uint64_t ptr, uint64_t val, uint32_t foreigndom)
{
    mmu_update_t u = {ptr, val};

    return to_its_end(do_mmu_update, fake_hypercall(v, (uintptr_t)&u, 1, 0, foreigndom));
}

static inline long update_va(struct vcpu *v, uint64_t va, uint64_t val, uint64_t flags)
{
    return to_its_end(do_update_va_mapping, fake_hypercall(v, va, val, flags, 0));
}

#define P               PTE_PRESENT
#define W               PTE_WRITE
#define U               PTE_USER
#define PTE(mfn, flags) ((uint64_t)(mfn) << 12 | (flags))

/* 10: L4 -> 11: L3 -> 12: L2 -> 13: L1 -> pages 20.. */
static inline void build_space(struct domain *d)
{
    for (unsigned int i = 10; i < 40; i++)
        fake_allocate(d, i);
    table_of(10)[0] = PTE(11, P | W);
    table_of(11)[0] = PTE(12, P | W);
    table_of(12)[0] = PTE(13, P | W);
    table_of(13)[0] = PTE(20, P | W);
    table_of(13)[1] = PTE(21, P);
    table_of(13)[2] = 0xdead0; /* not present: anything */
}

static inline unsigned int steps_of_run(unsigned int normal)
{
    const char *s = getenv("STEPS");

    return s ? (unsigned int)atoi(s) : normal;
}

/* A test of this machine, for the list that main() runs. */
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
