/* SPDX-License-Identifier: MIT */
/*
 * Two vcpus against one page, one list, one port. For each class of advisory that needs a race, a test that tries it.
 * GUEST-GROUP: smp=4 mem=512 dom0=128M timeout=120
 */
#include <kit/args.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/random.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

#define POISON 0x5ca1ab1e5ca1ab1eUL

static struct {
    volatile uint32_t stop;
    volatile uint64_t *page; /* what the other vcpus hammer */
    volatile uint64_t writes, faults, seen_poison;
} h;

/* Write through a virtual address that comes and goes; its translation stays in this processor's TLB when it may. */
static void hammer_writes(void *arg)
{
    uint64_t mine = 0x1000 * ((uintptr_t)arg + 1);

    while (!h.stop) {
        bool ok = kit_poke(h.page, mine); /* never a present entry, should it land in a page table */

        __atomic_fetch_add(ok ? &h.writes : &h.faults, 1, __ATOMIC_RELAXED);
    }
}

static void hammer_reads(void *arg)
{
    uint64_t v;

    (void)arg;
    while (!h.stop) {
        if (!kit_peek((void *)h.page, &v)) {
            __atomic_fetch_add(&h.faults, 1, __ATOMIC_RELAXED);
            continue;
        }
        __atomic_fetch_add(&h.writes, 1, __ATOMIC_RELAXED);
        if (v == POISON)
            __atomic_fetch_add(&h.seen_poison, 1, __ATOMIC_RELAXED);
    }
}

/* Odd vcpus write, even ones read. */
static void hammer(void *arg)
{
    ((uintptr_t)arg & 1 ? hammer_writes : hammer_reads)(arg);
}

static unsigned start_others(void (*fn)(void *))
{
    unsigned n = kit_nr_vcpus();

    h.stop = 0;
    h.writes = h.faults = h.seen_poison = 0;
    for (unsigned v = 1; v < n; v++)
        CHECK_RC(kit_vcpu_run(v, fn, (void *)(uintptr_t)v), 0);
    for (uint64_t end = kit_time_ns() + KIT_S; !h.writes && !h.faults && kit_time_ns() < end;)
        hcall_sched_op(SCHEDOP_yield, NULL);
    return n;
}

static void stop_others(unsigned n)
{
    h.stop = 1;
    for (unsigned v = 1; v < n; v++)
        CHECK(kit_vcpu_join(v, 5 * KIT_S));
}

static unsigned rounds(unsigned otherwise)
{
    return (unsigned)kit_arg_number("rounds", otherwise);
}

/*
 * Stale TLB, page retyped: unmap without a flush, make the page a page table, and see that nobody writes to it any more.
 * (A writable translation that survives the change of type lets a guest write its own page tables.)
 */
KIT_TEST(stale_tlb_retype)
{
    KIT_NEEDS_VCPUS(2);

    uint64_t *page = kit_page_alloc(), *view = kit_page_alloc();
    unsigned n, written = 0, refused = 0;

    /* A second, read-only view of the frame, to look at it while it is a table. */
    CHECK_RC(kit_remap(view, kit_maddr_of(page) | PTE_RO), 0);
    h.page = page;
    n = start_others(hammer_writes);
    for (unsigned i = 0; i < rounds(400); i++) {
        hcall_update_va_mapping((uintptr_t)page, 0, UVMF_NONE);
        if (kit_pin(1 + (int)(i % 3), kit_mfn_of(page))) {
            refused++;
        } else {
            uint64_t before = READ_ONCE(view[0]);

            kit_spin_ns(300000);
            written += READ_ONCE(view[0]) != before;
            CHECK_RC(kit_unpin(kit_mfn_of(page)), 0);
        }
        CHECK_RC(hcall_update_va_mapping((uintptr_t)page, kit_maddr_of(page) | PTE_RW, UVMF_NONE), 0);
        kit_spin_ns(200000);
    }
    stop_others(n);
    CHECK_EQ(written, 0);
    CHECK_EQ(refused, 0);
    CHECK(h.writes > 0);
    CHECK_RC(kit_set_rw(view), 0);
    kit_page_free(view);
    kit_page_free(page);
}

/* Stale TLB, page freed: give it back unflushed, and the frame's next user must neither be seen nor changed. */
KIT_TEST(stale_tlb_free)
{
    KIT_NEEDS_VCPUS(2);

    uint64_t *page = kit_page_alloc(), *view = kit_page_alloc();
    unsigned long pfn = kit_pfn_of(page), changed = 0, reused = 0;
    unsigned n;

    h.page = page;
    page[0] = 0;
    n = start_others(hammer);
    for (unsigned i = 0; i < rounds(60); i++) {
        unsigned long old = kit_p2m[pfn], entry = old;
        struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};

        set_xen_guest_handle(r.extent_start, &entry);
        hcall_update_va_mapping((uintptr_t)page, 0, UVMF_NONE);
        CHECK_EQ(hcall_memory_op(XENMEM_decrease_reservation, &r), 1);
        entry = pfn;
        CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap, &r), 1);
        kit_p2m[pfn] = entry;
        reused += entry == old;
        /* The new frame, poisoned, under another address: the others' address maps nothing now. */
        CHECK_RC(kit_remap(view, (uint64_t)entry << 12 | PTE_RW), 0);
        view[0] = POISON;
        kit_spin_ns(300000);
        changed += READ_ONCE(view[0]) != POISON;
        view[0] = 0;
        CHECK_RC(kit_set_rw(view), 0);
        CHECK_RC(hcall_update_va_mapping((uintptr_t)page, (uint64_t)entry << 12 | PTE_RW, UVMF_NONE), 0);
        kit_spin_ns(100000);
    }
    stop_others(n);
    CHECK_EQ(h.seen_poison, 0);
    CHECK_EQ(changed, 0);
    CHECK(h.writes > 0 && h.faults > 0);
    CHECK(reused > 0); /* otherwise this tried nothing */
    kit_page_free(page);
    kit_page_free(view);
}

/* Read-only to writable and back by stores to the table itself, against a writer on another processor. */
KIT_TEST(stale_tlb_page_table_write)
{
    KIT_NEEDS_VCPUS(2);

    uint64_t *page = kit_page_alloc(), *t = kit_table_alloc(), l2;
    unsigned n, changed = 0;
    uintptr_t va = 0x5000000000UL;
    volatile uint64_t *entry;

    CHECK_RC(kit_map(kit_root_mfn, va, kit_maddr_of(page) | PTE_RW), 0);
    CHECK(kit_pte_find(kit_root_mfn, va, 2, NULL, &l2));
    entry = kit_va_of_mfn((l2 & PTE_ADDR) >> 12);
    h.page = (volatile uint64_t *)va;
    n = start_others(hammer_writes);
    for (unsigned i = 0; i < rounds(300); i++) {
        uint64_t before;

        *entry = kit_maddr_of(page) | PTE_RO; /* emulated; the guest then flushes everywhere, as it must */
        CHECK_RC(kit_mmuext1(MMUEXT_INVLPG_ALL, va, 0), 0);
        before = READ_ONCE(page[0]);
        kit_spin_ns(200000);
        changed += READ_ONCE(page[0]) != before;
        *entry = kit_maddr_of(page) | PTE_RW;
        kit_spin_ns(100000);
    }
    stop_others(n);
    CHECK_EQ(changed, 0);
    CHECK(h.writes > 0 && h.faults > 0);
    *entry = 0;
    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    CHECK_RC(kit_table_free(t), 0);
    kit_page_free(page);
}

static struct {
    struct mmu_update u[512];
    struct mmuext_op m[64];
    multicall_entry_t c[64];
    unsigned long list[1024];
    uint64_t at[512], frame[2];
    unsigned long tables[4];
} shared;

/* Change the arguments of whatever another vcpu is having done. */
static void scribble(void *arg)
{
    uint64_t x = 88172645463325252UL + (uintptr_t)arg;

    while (!h.stop) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        shared.u[x % 512].val = shared.frame[x >> 32 & 1] | (x >> 40 & 1 ? PTE_RO : PTE_RW);
        shared.u[x % 512].ptr = shared.at[x >> 20 & 511] | (x >> 41 & 1 ? MMU_PT_UPDATE_PRESERVE_AD : 0);
        shared.m[x % 64].arg1.mfn = shared.tables[x >> 33 & 3];
        shared.m[x % 64].cmd = x >> 35 & 1 ? MMUEXT_UNPIN_TABLE : (unsigned)(x >> 36 & 3);
        shared.c[x % 64].args[1] = shared.frame[x >> 32 & 1] | (x >> 40 & 1 ? PTE_RO : PTE_RW);
        __atomic_fetch_add(&h.writes, 1, __ATOMIC_RELAXED);
    }
}

/* A batch of updates whose entries change while it runs: any result, but the tables end consistent. */
KIT_TEST(args_change_mmu_update)
{
    KIT_NEEDS_VCPUS(2);

    uint64_t *pages = kit_pages_alloc(512), *a = kit_page_alloc(), *b = kit_page_alloc();
    unsigned n;

    shared.frame[0] = kit_maddr_of(a);
    shared.frame[1] = kit_maddr_of(b);
    for (unsigned i = 0; i < 512; i++) {
        CHECK(kit_pte_find(kit_root_mfn, (uintptr_t)(pages + i * 512), 1, &shared.at[i], NULL));
        shared.u[i] = (struct mmu_update){shared.at[i], shared.frame[0] | PTE_RW};
        shared.c[i % 64] = (multicall_entry_t){
            .op = __HYPERVISOR_update_va_mapping,
            .args = {(uintptr_t)(pages + (i % 64) * 512), shared.frame[0] | PTE_RW, UVMF_NONE}};
    }
    n = start_others(scribble);
    for (unsigned i = 0; i < rounds(60); i++) {
        unsigned done = 0;
        long rc = hcall_mmu_update(shared.u, 512, &done, DOMID_SELF);

        CHECK(rc == 0 || rc == -XEN_EINVAL || rc == -XEN_EBUSY);
        CHECK_RC(hcall_multicall(shared.c, 64), 0);
    }
    stop_others(n);
    for (unsigned i = 0; i < 512; i++)
        CHECK_RC(kit_set_rw(pages + i * 512), 0);
    /* No reference of the two frames is left over: they may become tables. */
    CHECK_RC(kit_set_ro(a), 0);
    CHECK_RC(kit_set_ro(b), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(a)), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(b)), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(a)), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(b)), 0);
    CHECK_RC(kit_set_rw(a), 0);
    CHECK_RC(kit_set_rw(b), 0);
    kit_page_free(a);
    kit_page_free(b);
    kit_pages_free(pages, 512);
}

/* Pins and unpins whose level and frame change meanwhile, on all vcpus at once. */
static void pin_storm(void *arg)
{
    (void)arg;
    while (!h.stop) {
        unsigned done;

        hcall_mmuext_op(shared.m, 64, &done, DOMID_SELF);
        __atomic_fetch_add(&h.writes, 1, __ATOMIC_RELAXED);
        for (unsigned i = 0; i < 64; i++) {
            shared.m[i].cmd = (i + done) & 1 ? MMUEXT_UNPIN_TABLE : (unsigned)((i + h.writes) & 3);
            shared.m[i].arg1.mfn = shared.tables[(i * 7 + done + h.writes) & 3];
        }
    }
}

KIT_TEST(pin_races)
{
    KIT_NEEDS_VCPUS(2);

    uint64_t *t[4];
    unsigned n;

    for (unsigned i = 0; i < 4; i++) {
        t[i] = kit_table_alloc();
        shared.tables[i] = kit_mfn_of(t[i]);
    }
    n = start_others(pin_storm);
    for (uint64_t end = kit_time_ns() + 300 * KIT_MS; kit_time_ns() < end;) {
        unsigned done;

        hcall_mmuext_op(shared.m, 64, &done, DOMID_SELF);
    }
    stop_others(n);
    /* At most one pin is left on each. */
    for (unsigned i = 0; i < 4; i++) {
        kit_unpin(shared.tables[i]);
        CHECK_RC(kit_unpin(shared.tables[i]), -XEN_EINVAL);
    }
    /*
     * Xen lets a pin that met another half way through come back with -EINVAL and the table half validated. Whoever
     * pins it at the same level and unpins it again brings it to an end; then no reference is left.
     */
    for (unsigned i = 0; i < 16; i++)
        if (kit_set_rw(t[i % 4]) && !kit_pin(1 + (int)(i / 4), shared.tables[i % 4]))
            CHECK_RC(kit_unpin(shared.tables[i % 4]), 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK_RC(kit_table_free(t[i]), 0);
}

/* The same frame as page table for one vcpu and as writable page for another, again and again. */
static void map_storm(void *arg)
{
    uint64_t *mine = kit_page_alloc();
    unsigned i = 0;

    (void)arg;
    while (!h.stop) {
        if (!kit_remap(mine, (uint64_t)shared.tables[i++ & 1] << 12 | PTE_RW))
            kit_poke(mine, POISON & ~1UL); /* not present */
        kit_unmap(mine);
        kit_spin_ns(100000);
        __atomic_fetch_add(&h.writes, 1, __ATOMIC_RELAXED);
    }
    kit_set_rw(mine);
    kit_page_free(mine);
}

KIT_TEST(type_races)
{
    KIT_NEEDS_VCPUS(2);

    uint64_t *t[2];
    unsigned n, pinned = 0, refused = 0, written = 0;

    for (unsigned i = 0; i < 2; i++) {
        t[i] = kit_table_alloc();
        shared.tables[i] = kit_mfn_of(t[i]);
    }
    n = start_others(map_storm);
    for (uint64_t start = kit_time_ns(), now = start;
         now < start + 500 * KIT_MS || (!pinned && now < start + 10 * KIT_S); now = kit_time_ns()) {
        for (unsigned i = 0; i < 2; i++) {
            uint64_t before;

            if (kit_pin(1, shared.tables[i])) {
                refused++;
                continue;
            }
            pinned++;
            before = READ_ONCE(t[i][0]);
            kit_spin_ns(20000);
            written += READ_ONCE(t[i][0]) != before;
            CHECK_RC(kit_unpin(shared.tables[i]), 0);
        }
    }
    stop_others(n);
    CHECK(pinned > 0);
    CHECK_EQ(written, 0);
    for (unsigned i = 0; i < 2; i++)
        CHECK_RC(kit_table_free(t[i]), 0);
}

/* Ports closed, opened and reset under those who send on them. */
static void send_storm(void *arg)
{
    unsigned port = (unsigned)(uintptr_t)arg;

    while (!h.stop) {
        struct evtchn_status s = {.dom = DOMID_SELF, .port = port % 8 + 1};
        struct evtchn_unmask u = {.port = port % 8 + 1};
        struct evtchn_bind_vcpu b = {.port = port % 8 + 1, .vcpu = port & 1};

        kit_event_send(port++ % 8 + 1);
        hcall_event_channel_op(EVTCHNOP_status, &s);
        hcall_event_channel_op(EVTCHNOP_unmask, &u);
        hcall_event_channel_op(EVTCHNOP_bind_vcpu, &b);
        __atomic_fetch_add(&h.writes, 1, __ATOMIC_RELAXED);
    }
}

KIT_TEST(event_races)
{
    KIT_NEEDS_VCPUS(2);

    struct evtchn_reset reset = {.dom = DOMID_SELF};
    unsigned n;

    kit_events_disable();
    CHECK_RC(hcall_event_channel_op(EVTCHNOP_reset, &reset), 0);
    n = start_others(send_storm);
    for (uint64_t end = kit_time_ns() + 400 * KIT_MS; kit_time_ns() < end;) {
        int a = kit_event_alloc_unbound(DOMID_SELF), v = kit_event_bind_virq(VIRQ_DOM_EXC, 0),
            i = kit_event_bind_ipi(0);
        struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF, .remote_port = (unsigned)a};

        CHECK(a > 0 && v > 0 && i > 0);
        CHECK_RC(hcall_event_channel_op(EVTCHNOP_bind_interdomain, &b), 0);
        if (kit_random() & 1) {
            CHECK_RC(kit_event_close((unsigned)a), 0);
            CHECK_RC(kit_event_close(b.local_port), 0);
            CHECK_RC(kit_event_close((unsigned)v), 0);
            CHECK_RC(kit_event_close((unsigned)i), 0);
        } else {
            CHECK_RC(hcall_event_channel_op(EVTCHNOP_reset, &reset), 0);
        }
    }
    stop_others(n);
    for (unsigned v = 0; v < n; v++)
        kit_vcpus[v].info->evtchn_upcall_pending = 0;
}

/* The FIFO form set up and torn down under those who send. */
KIT_TEST(fifo_races)
{
    KIT_NEEDS_VCPUS(2);

    struct evtchn_reset reset = {.dom = DOMID_SELF};
    char *control = kit_page_alloc(), *words = kit_page_alloc();
    unsigned n;

    kit_events_disable();
    n = start_others(send_storm);
    for (uint64_t end = kit_time_ns() + 400 * KIT_MS; kit_time_ns() < end;) {
        struct evtchn_expand_array e = {.array_gfn = kit_mfn_of(words)};

        for (unsigned v = 0; v < n; v++) {
            struct evtchn_init_control c = {.control_gfn = kit_mfn_of(control), .offset = v * 128, .vcpu = v};

            hcall_event_channel_op(EVTCHNOP_init_control, &c);
        }
        hcall_event_channel_op(EVTCHNOP_expand_array, &e);
        for (unsigned i = 0; i < 8; i++)
            kit_event_alloc_unbound(DOMID_SELF);
        memset(words, (int)kit_random(), 64); /* the guest's half of the protocol goes mad */
        kit_spin_ns(50000);
        CHECK_RC(hcall_event_channel_op(EVTCHNOP_reset, &reset), 0);
    }
    stop_others(n);
    CHECK_RC(hcall_event_channel_op(EVTCHNOP_reset, &reset), 0);
    for (unsigned v = 0; v < n; v++)
        kit_vcpus[v].info->evtchn_upcall_pending = 0;
    /* Both pages are free of the hypervisor's references. */
    CHECK_RC(kit_set_ro(control), 0);
    CHECK_RC(kit_set_ro(words), 0);
    memset(control, 0, 0);
    CHECK_RC(kit_set_rw(control), 0);
    CHECK_RC(kit_set_rw(words), 0);
    memset(control, 0, KIT_PAGE_SIZE);
    memset(words, 0, KIT_PAGE_SIZE);
    CHECK_RC(kit_set_ro(control), 0);
    CHECK_RC(kit_set_ro(words), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(control)), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(words)), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(control)), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(words)), 0);
    CHECK_RC(kit_set_rw(control), 0);
    CHECK_RC(kit_set_rw(words), 0);
    kit_page_free(control);
    kit_page_free(words);
}

/* The instruction changes between the fault and its emulation. */
static volatile uint16_t *code_view;

static void flip_code(void *arg)
{
    static const uint16_t forms[] = {
        0x9090, 0x0b0f, 0x806e, 0xa20f,
        0x310f, 0x300f, 0x320f, 0xf4f4}; /* nop, ud2, outs.., cpuid, rdtsc, wrmsr, rdmsr, hlt */
    unsigned i = 0;

    (void)arg;
    while (!h.stop) {
        *code_view = forms[i++ % ARRAY_SIZE(forms)];
        __atomic_fetch_add(&h.writes, 1, __ATOMIC_RELAXED);
    }
}

static void run_code(void *arg)
{
    __asm__ volatile("mov $0xc0000102, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx; call *%0"
                     :
                     : "r"(arg)
                     : "rax", "rbx", "rcx", "rdx", "memory");
}

KIT_TEST(emulated_code_changes)
{
    KIT_NEEDS_VCPUS(2);

    uint8_t *code = kit_page_alloc();
    unsigned n, faults = 0;

    code[0] = code[1] = 0x90;
    code[2] = 0xc3;
    code_view = (void *)code;
    n = start_others(flip_code);
    for (uint64_t start = kit_time_ns(), now = start;
         now < start + 400 * KIT_MS || (!faults && now < start + 10 * KIT_S); now = kit_time_ns())
        faults += kit_try(run_code, code, NULL);
    stop_others(n);
    CHECK(faults > 0);
    hcall_set_segment_base(SEGBASE_GS_USER, 0);
    kit_page_free(code);
}

/* vcpus brought up and down while their areas move and their page tables are looked at. */
static void be_brief(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&h.writes, 1, __ATOMIC_RELAXED);
}

static bool ignore(struct kit_regs *regs)
{
    (void)regs;
    return true;
}

KIT_TEST(vcpu_races)
{
    KIT_NEEDS_VCPUS(2);

    static struct vcpu_runstate_info area[4];
    unsigned n = kit_nr_vcpus();

    /* Without a callback of its own, an NMI comes by the trap table's entry. */
    kit_trap_hook(VECTOR_NMI, ignore);
    h.writes = 0;
    for (unsigned i = 0; i < 60; i++)
        for (unsigned v = 1; v < n; v++) {
            struct vcpu_register_runstate_memory_area a = {.addr.v = &area[v]};

            CHECK_RC(kit_vcpu_run(v, be_brief, NULL), 0);
            hcall_vcpu_op(VCPUOP_register_runstate_memory_area, v, &a);
            hcall_vcpu_op(VCPUOP_send_nmi, v, NULL);
            CHECK(kit_vcpu_join(v, 5 * KIT_S));
        }
    CHECK_EQ(h.writes, 60 * (n - 1));
    for (unsigned v = 1; v < n; v++) {
        struct vcpu_register_runstate_memory_area a = {.addr.v = NULL};

        hcall_vcpu_op(VCPUOP_register_runstate_memory_area, v, &a);
    }
}

/* --- XCR0 is a vcpu's own: two of them on one processor. --- */

static struct {
    volatile uint32_t stop;
    volatile uint64_t rounds, wrong;
} xcr0;

static int pin_to(int32_t cpu)
{
    struct sched_pin_override pin = {.pcpu = cpu};

    return (int)hcall_sched_op(SCHEDOP_pin_override, &pin);
}

static void set_xcr0(uint32_t value)
{
    uint64_t cr4;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | CR4_OSXSAVE));
    __asm__ volatile("xsetbv" ::"a"(value), "d"(0), "c"(0));
}

static uint32_t get_xcr0(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static void run_with_x87_only(void *arg)
{
    (void)arg;
    pin_to(0);
    set_xcr0(1);
    while (!xcr0.stop) {
        hcall_sched_op(SCHEDOP_yield, NULL);
        xcr0.wrong += get_xcr0() != 1;
        xcr0.rounds++;
    }
    set_xcr0(3);
    pin_to(-1);
}

KIT_TEST(xcr0_of_two_vcpus)
{
    uint64_t end = kit_time_ns() + 2 * KIT_S, wrong = 0;

    if (!(kit_cpuid_native(1, 0).c & 1U << 26)) {
        kit_skip("the processor has no XSAVE");
        return;
    }
    CHECK_RC(pin_to(0), 0);
    set_xcr0(3);
    xcr0.stop = 0;
    xcr0.rounds = xcr0.wrong = 0;
    CHECK_RC(kit_vcpu_run(1, run_with_x87_only, NULL), 0);
    while (xcr0.rounds < 100 && kit_time_ns() < end) {
        hcall_sched_op(SCHEDOP_yield, NULL);
        wrong += get_xcr0() != 3;
    }
    xcr0.stop = 1;
    CHECK(kit_vcpu_join(1, 5 * KIT_S));
    CHECK(xcr0.rounds > 0);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(xcr0.wrong, 0);
    CHECK_RC(pin_to(-1), 0);
}
