/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine of a few MiB for tests of what deals in frames: frame table, direct map, M2P, two PV domains with two vcpus each, a flush clock that
 * counts, guest copies that are memcpy. One test program includes it, once.
 */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/x86/cache.h"
#include "arch/x86/tlb.h"
#include "core/domain.h"
#include "core/frame_ref.h"
#include "core/heap.h"
#include "core/hypercall.h"
#include "hv/guest.h"
#include "hv/softirq.h"
#include "pv/descriptors.h"
#include "pv/leaf.h"
#include "pv/mmu.h"
#include "pv/pte.h"
#include "pv/pv.h"
#include "random.h"

#define FAKE_FRAMES  4096 /* those from FAKE_MMIO on are valid but not RAM */
#define FAKE_MMIO    3584
#define FAKE_VCPUS   2
#define FAKE_DOMAINS 2

struct frame *frame_table;
uint8_t *direct_map;
uint64_t *m2p_table;
uint64_t max_mfn;
uint64_t *frame_valid_map;
unsigned int hosted_cpu;
cpumask_t cpu_online_mask;
unsigned int cpu_count = 4;
struct domain *hardware_domain, *domain_io, *domain_xen;
const struct guest_kind pv_kind = {.name = "PV"};

static struct {
    uint64_t valid_map[8];
    struct pv_domain domain[FAKE_DOMAINS];
    struct pv_vcpu *vcpu[FAKE_DOMAINS][FAKE_VCPUS];
    struct vcpu *vcpu_array[FAKE_DOMAINS][FAKE_VCPUS];
    struct domain io, xen;
    uint32_t clock;                 /* the flush clock */
    uint32_t cpu_flushed[MAX_CPUS]; /* when each processor flushed last */
    unsigned int flushes, page_flushes, ipis;
    const void *cache_flushed; /* what was flushed last, and all the bytes so far */
    size_t cache_flushes;
    unsigned int released;
    unsigned int preempt_one_in; /* softirq_pending() is true once in so many calls; 0: never */
    unsigned int mmio_allowed;
    unsigned int root_loads;
    void (*copy_hook)(void); /* runs once, when a guest's memory is read next */
} fake;

volatile unsigned int fake_race_one_in;
__thread void (*fake_race_hook)(void);
__thread unsigned int fake_race_hook_in;

uint32_t tlb_clock_now(void)
{
    return __atomic_load_n(&fake.clock, __ATOMIC_RELAXED);
}

void tlb_filter(cpumask_t *mask, uint32_t stamp)
{
    unsigned int cpu;

    for_each_cpu (cpu, mask)
        if (fake.cpu_flushed[cpu] > stamp)
            clear_bit(cpu, mask->bits);
}

void tlb_flush_mask(const cpumask_t *mask, unsigned int flags)
{
    uint32_t now = __atomic_add_fetch(&fake.clock, 1, __ATOMIC_RELAXED);
    unsigned int cpu;

    for_each_cpu (cpu, mask) {
        fake.cpu_flushed[cpu] = now;
        if (cpu != hosted_cpu)
            __atomic_fetch_add(&fake.ipis, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&fake.flushes, 1, __ATOMIC_RELAXED);
}

void cache_write_back(const void *from, size_t bytes)
{
    fake.cache_flushed = from;
    fake.cache_flushes += bytes;
}

void tlb_flush_page_mask(const cpumask_t *mask, uint64_t va)
{
    fake.page_flushes++;
}

void tlb_flush_local(unsigned int flags)
{
    cpumask_t me = cpumask_of(hosted_cpu);

    tlb_flush_mask(&me, flags);
}

void tlb_flush_page_local(uint64_t va)
{
    fake.page_flushes++;
}

bool softirq_pending(void)
{
    return fake.preempt_one_in && random64() % fake.preempt_one_in == 0;
}

/* Guest addresses that fault: below one page, and above the user half. */
static inline bool fake_faults(guest_ptr_t p)
{
    return p.addr < PAGE_SIZE || p.addr >> 47;
}

bool guest_may_name(uint64_t address)
{
    (void)address;
    return true;
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t bytes)
{
    void (*hook)(void) = fake.copy_hook;

    fake.copy_hook = NULL;
    if (hook)
        hook();
    if (fake_faults(src))
        return -EFAULT;
    memcpy(dst, (void *)src.addr, bytes);
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t bytes)
{
    if (fake_faults(dst))
        return -EFAULT;
    memcpy((void *)dst.addr, src, bytes);
    return 0;
}

struct domain *domain_get(domid_id_t id)
{
    struct domain *d;

    if (id >= FAKE_DOMAINS)
        return NULL;
    d = &fake.domain[id].d;
    domain_ref(d);
    return d;
}

void domain_put(struct domain *d)
{
    assert_true(__atomic_fetch_sub(&d->references, 1, __ATOMIC_SEQ_CST) > 1);
}

#ifndef FAKE_WITHOUT_RELEASE
void domain_release_frame(struct frame *f)
{
    assert_int_equal(fw_general(f->word), 0);
    assert_int_equal(fw_types(f->word), 0);
    assert_int_equal(fw_phase(f->word), FW_IDLE);
    assert_int_equal(f->flags & FRAME_ON_LIST, 0);
    __atomic_fetch_add(&fake.released, 1, __ATOMIC_RELAXED);
    f->word = 0;
    f->data = 0;
    __atomic_store_n(&f->owner, FRAME_OWNER_NONE, __ATOMIC_SEQ_CST);
}
#endif

bool domain_may_map_mmio(struct domain *d, mfn_t mfn)
{
    return fake.mmio_allowed && d->privileged;
}

bool mmio_is_read_only(mfn_t mfn)
{
    return mfn.n == 3601;
}

void pv_fill_root_slots(uint64_t *l4, struct domain *d)
{
    for (unsigned int i = HYPERVISOR_SLOT; i < HYPERVISOR_SLOT + HYPERVISOR_SLOTS; i++)
        l4[i] = 0;
}

void pv_load_root(struct vcpu *v)
{
    fake.root_loads++;
}

/* FRAME_ON_LIST stands for the allocation's reference. */
static inline struct frame *fake_allocate(struct domain *d, uint64_t mfn)
{
    struct frame *f = mfn_to_frame(MFN(mfn));

    assert_int_equal(f->owner, FRAME_OWNER_NONE);
    f->data = 0;
    f->flags = FRAME_ON_LIST;
    f->word = fw_make(FT_NONE, FW_IDLE, 0, 1);
    __atomic_store_n(&f->owner, d->id, __ATOMIC_SEQ_CST);
    return f;
}

/* False: somebody else did. */
static inline bool fake_free(struct frame *f)
{
    if (!(__atomic_fetch_and(&f->flags, (uint16_t)~FRAME_ON_LIST, __ATOMIC_SEQ_CST) & FRAME_ON_LIST))
        return false;
    frame_put(f);
    return true;
}

static inline struct hypercall fake_hypercall(struct vcpu *v, uint64_t a, uint64_t b, uint64_t c, uint64_t e)
{
    return (struct hypercall){.vcpu = v, .arg = {a, b, c, e}, .budget = HYPERCALL_BUDGET};
}

static inline int fake_machine_up(void)
{
    memset(&fake, 0, sizeof(fake));
    random_sequence(0);
    fake.clock = 1;
    frame_table = calloc(FAKE_FRAMES, sizeof(*frame_table));
    direct_map = aligned_alloc(PAGE_SIZE, FAKE_FRAMES * PAGE_SIZE);
    m2p_table = calloc(FAKE_FRAMES, sizeof(*m2p_table));
    memset(direct_map, 0, FAKE_FRAMES * PAGE_SIZE);
    memset(fake.valid_map, 0xff, sizeof(fake.valid_map));
    frame_valid_map = fake.valid_map;
    max_mfn = FAKE_FRAMES;
    for (unsigned int i = 0; i < FAKE_FRAMES; i++)
        frame_table[i].owner = i < FAKE_MMIO ? FRAME_OWNER_NONE : DOMID_IO;
    fake.io = (struct domain){.id = DOMID_IO, .references = 1};
    fake.xen = (struct domain){.id = DOMID_XEN, .references = 1};
    domain_io = &fake.io;
    domain_xen = &fake.xen;
    for (unsigned int i = 0; i < FAKE_DOMAINS; i++) {
        struct domain *d = &fake.domain[i].d;

        *d = (struct domain){.id = (domid_id_t)i, .references = 1, .kind = &pv_kind, .max_vcpus = FAKE_VCPUS};
        d->privileged = d->is_hardware = i == 0;
        d->vcpu = fake.vcpu_array[i];
        for (unsigned int j = 0; j < FAKE_VCPUS; j++) {
            struct pv_vcpu *pv = fake.vcpu[i][j] = aligned_alloc(64, ROUND_UP(sizeof(struct pv_vcpu), 64));

            memset(pv, 0, sizeof(*pv));
            pv->v.domain = d;
            pv->v.id = j;
            pv->v.cpu = j;
            d->vcpu[j] = &pv->v;
            set_bit(j, d->dirty_cpus.bits);
        }
    }
    set_bit(0, cpu_online_mask.bits);
    set_bit(1, cpu_online_mask.bits);
    hardware_domain = &fake.domain[0].d;
    return 0;
}

static inline int fake_machine_down(void)
{
    for (unsigned int i = 0; i < FAKE_DOMAINS; i++)
        for (unsigned int j = 0; j < FAKE_VCPUS; j++)
            free(fake.vcpu[i][j]);
    free(frame_table);
    free(direct_map);
    free(m2p_table);
    return 0;
}

#endif
