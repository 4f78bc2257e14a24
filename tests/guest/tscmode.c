/* SPDX-License-Identifier: MIT */
/*
 * The TSC that a domain is given (domctl settscinfo, xen-tscmode): the processor's own, or one that is made of system time; what RDTSC, RDTSCP and the MSR answer then in its kernel and in
 * its user mode, its time records, the CPUID leaf that says so, and what RDTSCP gives beside the time. QEMU's TSC is not invariant, so that Debian's
 * Xen emulates it by default; ours does where another frequency is asked for (docs/design/time.md).
 * GUEST-GROUP: smp=2 mem=512 dom0=128M cpu=max,-smap timeout=120
 */
#include <kit/arch/cpu.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/trap.h>

#define MSR_TSC_AUX 0xc0000103

#define LEAF         0x40000003
#define EMULATED     1u
#define HAS_RDTSCP   4u
#define MODE_DEFAULT 0
#define MODE_EMULATE 1
#define MODE_NATIVE  2

#define HOST_KHZ   0
#define SPAN       (30 * KIT_MS)
#define THEIR_CPU  2UL /* a mask */
#define THEIR_TIME ((volatile struct shared_info *)KIT_PUPPET_VA(KIT_PUPPET_SHARED))->vcpu_info[0].time

static struct xen_domctl op;
static struct kit_puppet puppet;
static volatile uint64_t *words; /* of the puppet */

static long set(domid_t d, uint32_t mode, uint32_t khz, uint32_t incarnation, uint64_t elapsed)
{
    memset(&op, 0, sizeof(op));
    op.u.tsc_info.tsc_mode = mode;
    op.u.tsc_info.gtsc_khz = khz;
    op.u.tsc_info.incarnation = incarnation;
    op.u.tsc_info.elapsed_nsec = elapsed;
    return kit_domctl(XEN_DOMCTL_settscinfo, d, &op);
}

static struct xen_domctl_tsc_info get(domid_t d)
{
    memset(&op, 0, sizeof(op));
    CHECK_RC(kit_domctl(XEN_DOMCTL_gettscinfo, d, &op), 0);
    return op.u.tsc_info;
}

static uint32_t host_khz(void)
{
    return kit_cpuid(LEAF, 2).a;
}

/* Has a domain in this mode the processor's? */
static bool is_native(uint32_t mode, uint32_t khz)
{
    return mode == MODE_NATIVE || (mode == MODE_DEFAULT && khz == host_khz() && kit_on_xenios());
}

static void check_info(domid_t d, uint32_t mode, uint32_t khz, uint32_t incarnation, uint64_t elapsed)
{
    struct xen_domctl_tsc_info info = get(d);

    CHECK_EQ(info.tsc_mode, mode);
    CHECK_EQ(info.gtsc_khz, khz);
    CHECK_EQ(info.incarnation, incarnation);
    if (mode == MODE_NATIVE)
        CHECK_EQ(info.elapsed_nsec, 0);
    else if (is_native(mode, khz))
        CHECK(info.elapsed_nsec > 0);
    else
        CHECK(info.elapsed_nsec >= elapsed && info.elapsed_nsec < elapsed + KIT_S);
}

/* The incarnation is one more than was said, also of a domain of which nothing was. */
KIT_TEST(set_and_get)
{
    static const uint32_t none[] = {3, 4, 5, 0x101, 0xffffffff};
    domid_t d;

    CHECK_OR_RETURN(!kit_domain_create(1, 16, &d));
    check_info(d, MODE_DEFAULT, host_khz(), 1, 0);
    for (uint32_t mode = MODE_DEFAULT; mode <= MODE_EMULATE; mode++) {
        CHECK_RC(set(d, mode, 500000, 7, 123 * KIT_S), 0);
        check_info(d, mode, 500000, 8, 123 * KIT_S);
        CHECK_RC(set(d, mode, HOST_KHZ, 0, 0), 0);
        check_info(d, mode, host_khz(), 1, 0);
    }
    CHECK_RC(set(d, MODE_NATIVE, 500000, 41, 123 * KIT_S), 0);
    check_info(d, MODE_NATIVE, 0, 42, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
        CHECK_RC(set(d, none[i], HOST_KHZ, 3, 0), -XEN_EINVAL);
    check_info(d, MODE_NATIVE, 0, 42, 0);
    CHECK_RC(set(d, MODE_EMULATE, 1, 0, ~0UL - KIT_S), 0); /* any frequency will do, and any time */
    CHECK_EQ(get(d).gtsc_khz, 1);
    CHECK_RC(set(d, MODE_EMULATE, ~0u, 0, ~0UL), 0);
    CHECK_EQ(get(d).gtsc_khz, ~0u);
    CHECK_RC(set(0, MODE_DEFAULT, HOST_KHZ, 0, 0), -XEN_EINVAL);
    CHECK_RC(kit_domctl(XEN_DOMCTL_gettscinfo, 0, &op), -XEN_EINVAL);
    CHECK_RC(set(DOMID_SELF, MODE_DEFAULT, HOST_KHZ, 0, 0), -XEN_ESRCH);
    CHECK(kit_domain_gone(d));
}

/*
 * An emulated reading, at 1 GHz or scaled to that, against times of domain 0's. Xen's clocks of different processors are some 100 ms apart in a busy QEMU, and a counter of its that should be
 * negative has bit 63 changed.
 */
static void check_between(uint64_t ns, uint64_t least, uint64_t most)
{
    int64_t slack = kit_on_xenios() ? 1 : (int64_t)(2 * KIT_S), value = (int64_t)(ns << 1) >> 1;

    if (kit_on_xenios())
        value = (int64_t)ns;
    kit_check(value >= (int64_t)least - slack && value <= (int64_t)most + slack, __FILE__, __LINE__,
              "%lu not in %lu to %lu", ns, least, most);
}

static bool make(void)
{
    bool ok;

    CHECK_RC(kit_domain_pin(0, 0, 1), 0);
    ok = !kit_puppet_build(&puppet) && !kit_puppet_load(&puppet) &&
         !kit_domain_pin(puppet.id, 0, THEIR_CPU) && !kit_puppet_start(&puppet);
    CHECK(ok);
    words = kit_puppet_words(&puppet);
    return ok;
}

static void end(void)
{
    CHECK(kit_puppet_end(&puppet));
    CHECK_RC(kit_domain_pin(0, 0, ~0UL), 0);
}

static bool run(kit_program program, unsigned long a, unsigned long b)
{
    uint64_t deadline = kit_time_ns() + 5 * KIT_S;

    kit_puppet_run(&puppet, program, a, b);
    while (!kit_puppet_is_idle(&puppet) && kit_time_ns() < deadline)
        hcall_sched_op(SCHEDOP_yield, NULL);
    CHECK(kit_puppet_is_idle(&puppet));
    return kit_puppet_is_idle(&puppet);
}

KIT_PROGRAM static void read_leaf(unsigned long a, unsigned long b)
{
    unsigned n = 0;

    for (unsigned sub = 0; sub < 4; sub++) {
        struct kit_cpuid r = kit_cpuid(LEAF, sub);

        KIT_PUPPET_WORDS[n++] = r.a;
        KIT_PUPPET_WORDS[n++] = r.b;
        KIT_PUPPET_WORDS[n++] = r.c;
        KIT_PUPPET_WORDS[n++] = r.d;
    }
}

/* Of the third subleaf nothing but the machine's frequency; of the second the scale, and where it is not used the offset. */
static void check_leaf(uint32_t mode, uint32_t khz, uint32_t incarnation, uint32_t mul, uint32_t shift)
{
    volatile uint64_t *w = words;

    if (!run(read_leaf, 0, 0))
        return;
    CHECK_EQ(w[0], HAS_RDTSCP | (is_native(mode, khz) ? 0 : EMULATED));
    CHECK_EQ(w[1], mode);
    CHECK_EQ(w[2], khz);
    CHECK_EQ(w[3], incarnation);
    if (!is_native(mode, khz))
        CHECK_EQ(w[4] | w[5] << 32, 0);
    if (mul) {
        CHECK_EQ(w[6], mul);
        CHECK_EQ(w[7], shift);
    }
    CHECK_EQ(w[8], host_khz());
    CHECK_EQ(w[9] | w[10] | w[11] | w[12] | w[13] | w[14] | w[15], 0);
}

KIT_TEST(leaf)
{
    uint64_t before, after;

    CHECK_EQ(kit_cpuid(LEAF, 0).a, HAS_RDTSCP); /* domain 0's is the processor's */
    CHECK_EQ(kit_cpuid(LEAF, 0).b | kit_cpuid(LEAF, 0).c | kit_cpuid(LEAF, 0).d, 0);
    CHECK_EQ(kit_cpuid(LEAF, 1).a | kit_cpuid(LEAF, 1).b, 0);
    CHECK_OR_RETURN(make());
    check_leaf(MODE_DEFAULT, host_khz(), 1, 0, 0);
    CHECK_RC(set(puppet.id, MODE_EMULATE, 1000000, 2, 0), 0);
    check_leaf(MODE_EMULATE, 1000000, 3, 0x80000000, 1);
    CHECK_RC(set(puppet.id, MODE_EMULATE, 500000, 2, 0), 0);
    check_leaf(MODE_EMULATE, 500000, 3, 0x80000000, 2);
    CHECK_RC(set(puppet.id, MODE_DEFAULT, 3000000, 2, 0), 0);
    check_leaf(MODE_DEFAULT, 3000000, 3, 0xaaaaaaaa, -1u);
    before = kit_time_ns();
    CHECK_RC(set(puppet.id, MODE_EMULATE, 4000000, 4, 100), 0);
    after = kit_time_ns();
    check_leaf(MODE_EMULATE, 4000000, 5, 0x80000000, -1u);
    CHECK_RC(set(puppet.id, MODE_NATIVE, 500000, 8, KIT_S), 0); /* what else was said stays, for nothing */
    check_leaf(MODE_NATIVE, 4000000, 9, 0x80000000, -1u);
    CHECK((words[4] | words[5] << 32) >= before - 100 && (words[4] | words[5] << 32) <= after - 100);
    end();
}

static inline __attribute__((always_inline)) uint64_t tsc_of(unsigned way)
{
    uint32_t lo, hi;

    if (way == 0)
        __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    else if (way == 1)
        __asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi)::"rcx");
    else
        __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(MSR_TSC));
    return (uint64_t)hi << 32 | lo;
}

/* What its time record makes of a reading. */
static inline __attribute__((always_inline)) uint64_t read_time(unsigned way, uint64_t *tsc)
{
    volatile struct vcpu_time_info *t = &THEIR_TIME;
    uint64_t delta, ns;
    uint32_t version;

    do {
        version = t->version;
        barrier();
        *tsc = tsc_of(way);
        delta = *tsc - t->tsc_timestamp;
        delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift : delta << t->tsc_shift;
        ns = t->system_time + (uint64_t)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
        barrier();
    } while ((version & 1) || version != t->version);
    return ns;
}

/* For a time: the first and the last reading and their times, how often either went back, and how many there were. */
KIT_PROGRAM static void watch(unsigned long span, unsigned long unused)
{
    uint64_t tsc, before, last, ns = read_time(0, &before), start = ns, back = 0, n = 0;

    KIT_PUPPET_WORDS[0] = before;
    KIT_PUPPET_WORDS[1] = last = ns;
    while (ns < start + span || n < 20) {
        ns = read_time((unsigned)(n++ % 3), &tsc);
        back += ns < last || tsc < before;
        last = ns;
        before = tsc;
    }
    KIT_PUPPET_WORDS[2] = before;
    KIT_PUPPET_WORDS[3] = last;
    KIT_PUPPET_WORDS[4] = back;
    KIT_PUPPET_WORDS[5] = n;
}

/* Its system time is everybody's, and its TSC grows as much as that; not exactly where a record is made to run fast or slow, so that it keeps in step. */
static void check_growth(uint32_t khz, uint64_t before, bool exact)
{
    volatile uint64_t *w = words;
    uint64_t ns = w[3] - w[1], ticks = w[2] - w[0], expected = ns * khz / 1000000,
             slack = expected / (exact ? 100000 : 10);

    check_between(w[1], before, kit_time_ns());
    check_between(w[3], before, kit_time_ns());
    CHECK(ns >= SPAN);
    kit_check(ticks + slack >= expected && ticks <= expected + slack, __FILE__, __LINE__,
              "%lu ticks in %lu ns at %u kHz", ticks, ns, khz);
    CHECK_EQ(w[4], 0);
}

/* Emulated, it is what the toolstack is told of it, at any frequency; and it is the same on all processors. */
KIT_TEST(emulated)
{
    static const uint32_t frequencies[] = {HOST_KHZ, 1000000, 500000, 3000000};

    CHECK_OR_RETURN(make());
    for (unsigned i = 0; i < ARRAY_SIZE(frequencies); i++) {
        uint32_t khz = frequencies[i] ? frequencies[i] : host_khz();
        uint64_t before = kit_time_ns(), least, most;

        CHECK_RC(set(puppet.id, MODE_EMULATE, frequencies[i], 0, KIT_S / 2), 0);
        least = get(puppet.id).elapsed_nsec;
        kit_puppet_run(&puppet, watch, SPAN, 0);
        for (unsigned turn = 0; turn < 6; turn++) {
            kit_spin_ns(SPAN / 10);
            CHECK_RC(kit_domain_pin(puppet.id, 0, turn & 1 ? THEIR_CPU : 1), 0);
            hcall_sched_op(SCHEDOP_yield, NULL);
        }
        while (!kit_puppet_is_idle(&puppet) && kit_time_ns() < before + 5 * KIT_S)
            hcall_sched_op(SCHEDOP_yield, NULL);
        CHECK(kit_puppet_is_idle(&puppet));
        most = get(puppet.id).elapsed_nsec;
        check_growth(khz, before, kit_on_xenios());
        check_between(words[0] * 1000000 / khz, least, most);
        check_between(words[2] * 1000000 / khz, least, most);
    }
    end();
}

/* Native, it is the processor's. */
KIT_TEST(native)
{
    uint64_t before, tsc;

    CHECK_OR_RETURN(make());
    CHECK_RC(set(puppet.id, MODE_NATIVE, HOST_KHZ, 0, 0), 0);
    before = kit_time_ns();
    tsc = kit_rdtsc();
    CHECK(run(watch, SPAN, 0));
    CHECK(words[0] > tsc && words[2] < kit_rdtsc());
    check_growth(host_khz(), before, false);
    end();
}

KIT_PROGRAM static void read_for_ever(unsigned long a, unsigned long b)
{
    for (;;)
        KIT_PUPPET_WORDS[0] = tsc_of(0);
}

/* What it reads next. The first that it writes down it may have read long ago: an emulated instruction is where a vcpu stops that is paused. */
static uint64_t next_reading(void)
{
    uint64_t deadline = kit_time_ns() + 5 * KIT_S;

    for (unsigned i = 0; i < 2; i++) {
        words[0] = 0;
        while (!words[0] && kit_time_ns() < deadline)
            kit_pause();
    }
    return words[0];
}

/* It may be changed at any time: the next reading is of the new kind. */
KIT_TEST(changed_while_it_runs)
{
    uint64_t tsc, before;

    CHECK_OR_RETURN(make());
    kit_puppet_run(&puppet, read_for_ever, 0, 0);
    for (unsigned i = 0; i < 10; i++) {
        before = kit_time_ns();
        CHECK_RC(set(puppet.id, MODE_EMULATE, 1000000, 0, 0), 0);
        tsc = next_reading();
        CHECK(tsc);
        check_between(tsc, 0, kit_time_ns() - before);
        tsc = kit_rdtsc();
        CHECK_RC(set(puppet.id, MODE_NATIVE, HOST_KHZ, 0, 0), 0);
        CHECK(next_reading() > tsc);
    }
    end();
}

/* Into user mode, on the page tables that its kernel has. */
KIT_PROGRAM static void enter_user(unsigned long root, unsigned long where)
{
    volatile struct mmuext_op base = {.cmd = MMUEXT_NEW_USER_BASEPTR, .arg1.mfn = root};
    volatile uint64_t *at = (volatile uint64_t *)where;

    KIT_PUPPET_WORDS[8] =
        (uint64_t)kit_program_call(__HYPERVISOR_mmuext_op, (uintptr_t)&base, 1, 0, DOMID_SELF);
    /* The frame: RAX, R11, RCX, flags, RIP, CS, RFLAGS, RSP, SS. */
    __asm__ volatile(
        "pushq %[ss]\n\tpushq %[sp]\n\tpushq $0x202\n\tpushq %[cs]\n\tpushq %[ip]\n\t"
        "pushq $0\n\tpushq $0\n\tpushq $0\n\tpushq $0\n\tmov $23, %%eax\n\tsyscall"
        :
        : [ip] "r"(at[0]), [cs] "r"(at[1]), [sp] "r"(KIT_PUPPET_VA(30)), [ss] "r"((uint64_t)FLAT_USER_SS)
        : "memory", "rax");
}

KIT_PROGRAM static void user_reads(void)
{
    for (;;)
        KIT_PUPPET_WORDS[0] = tsc_of(0);
}

KIT_PROGRAM static void user_reads_with_aux(void)
{
    for (;;)
        KIT_PUPPET_WORDS[0] = tsc_of(1);
}

static void start_user(uint64_t rip, uint64_t cs)
{
    words[9] = rip;
    words[10] = cs;
    kit_puppet_run(&puppet, enter_user, puppet.mfn[0], (uintptr_t)(KIT_PUPPET_WORDS + 9));
}

static void check_user_readings(void)
{
    uint64_t before = kit_time_ns(), tsc;

    CHECK_RC(set(puppet.id, MODE_EMULATE, 1000000, 0, 0), 0);
    tsc = next_reading();
    CHECK(tsc);
    check_between(tsc, 0, kit_time_ns() - before);
    tsc = kit_rdtsc();
    CHECK_RC(set(puppet.id, MODE_NATIVE, HOST_KHZ, 0, 0), 0);
    CHECK(next_reading() > tsc);
}

KIT_TEST(user_mode)
{
    static void (*const programs[])(void) = {user_reads, user_reads_with_aux};

    for (unsigned i = 0; i < ARRAY_SIZE(programs); i++) {
        CHECK_OR_RETURN(make());
        start_user(kit_puppet_address(programs[i]), FLAT_USER_CS);
        check_user_readings();
        CHECK_RC(words[8], 0);
        end();
    }
}

/* A low address space of the puppet's: page 10 is its L1, from 0x10000 on pages 11 (code) and 12. */
#define LOW_CODE 0x10000u
#define LOW_DATA 0x11000u
#define LOW_LDT  13
#define CS_LDT   7 /* the first descriptor there */

extern const char narrow_code[], narrow_code_end[];
__asm__(".pushsection .rodata\n"
        "narrow_code:\n"
        "    .code32\n"
        "1:  rdtsc\n"
        "    mov %edx, 0x11004\n"
        "    mov %eax, 0x11000\n"
        "    rdtscp\n"
        "    mov %edx, 0x1100c\n"
        "    mov %eax, 0x11008\n"
        "    jmp 1b\n"
        "    .code64\n"
        "narrow_code_end:\n"
        ".popsection\n");

static volatile uint64_t *their(unsigned page)
{
    return kit_foreign_map(puppet.id, puppet.mfn[page], PTE_RW, NULL);
}

static void put(unsigned page, unsigned index, uint64_t value)
{
    volatile uint64_t *at = their(page);

    CHECK_OR_RETURN(at);
    at[index] = value;
    CHECK_RC(kit_foreign_unmap((void *)(uintptr_t)at), 0);
}

static void clear(unsigned page)
{
    void *at = (void *)(uintptr_t)their(page);

    CHECK_OR_RETURN(at);
    memset(at, 0, KIT_PAGE_SIZE);
    CHECK_RC(kit_foreign_unmap(at), 0);
}

static long page_is_read_only(unsigned page)
{
    return kit_puppet_call(&puppet, __HYPERVISOR_update_va_mapping, KIT_PUPPET_VA(page),
                           puppet.mfn[page] << 12 | PTE_RO, UVMF_INVLPG, 0);
}

static void map_low(void)
{
    struct mmu_update link = {puppet.mfn[0] << 12 | MMU_NORMAL_PT_UPDATE, puppet.mfn[8] << 12 | PTE_TABLE};
    void *code;

    for (unsigned page = 8; page <= LOW_LDT; page++)
        clear(page);
    put(8, 0, puppet.mfn[9] << 12 | PTE_TABLE);
    put(9, 0, puppet.mfn[10] << 12 | PTE_TABLE);
    put(10, LOW_CODE >> 12, puppet.mfn[11] << 12 | PTE_RO);
    put(10, LOW_DATA >> 12, puppet.mfn[12] << 12 | PTE_RW);
    put(LOW_LDT, 0, 0x00cffb000000ffffUL | (uint64_t)LOW_CODE << 16); /* 32-bit code, DPL 3, from there on */
    code = (void *)(uintptr_t)their(11);
    CHECK_OR_RETURN(code);
    memcpy(code, narrow_code, (size_t)(narrow_code_end - narrow_code));
    kit_foreign_unmap(code);
    for (unsigned page = 8; page <= 10; page++)
        CHECK_RC(page_is_read_only(page), 0);
    CHECK_RC(page_is_read_only(LOW_LDT), 0);
    words[30] = link.ptr;
    words[31] = link.val;
    CHECK_RC(kit_puppet_call(&puppet, __HYPERVISOR_mmu_update, (uintptr_t)(KIT_PUPPET_WORDS + 30), 1, 0,
                             DOMID_SELF),
             0);
}

KIT_PROGRAM static void load_ldt(unsigned long va, unsigned long unused)
{
    volatile struct mmuext_op set_ldt = {.cmd = MMUEXT_SET_LDT, .arg1.linear_addr = va, .arg2.nr_ents = 1};

    KIT_PUPPET_WORDS[8] =
        (uint64_t)kit_program_call(__HYPERVISOR_mmuext_op, (uintptr_t)&set_ldt, 1, 0, DOMID_SELF);
}

static uint64_t next_in(volatile uint64_t *word)
{
    uint64_t deadline = kit_time_ns() + 2 * KIT_S;

    word[0] = word[1] = 0;
    while (!(word[0] && word[1]) && kit_time_ns() < deadline)
        kit_pause();
    return word[0] < word[1] ? word[0]
                             : word[1]; /* high halves are written first, and are 0 while it is emulated */
}

static void run_narrow(uint64_t rip, uint64_t cs)
{
    volatile uint64_t *word;
    uint64_t before, tsc;

    CHECK_OR_RETURN(make());
    map_low();
    CHECK(run(load_ldt, KIT_PUPPET_VA(LOW_LDT), 0));
    CHECK_RC(words[8], 0);
    word = their(12);
    if (word) {
        start_user(rip, cs);
        before = kit_time_ns();
        CHECK_RC(set(puppet.id, MODE_EMULATE, 1000000, 0, 0), 0);
        tsc = next_in(word);
        CHECK(tsc);
        check_between(tsc, 0, kit_time_ns() - before);
        kit_foreign_unmap((void *)(uintptr_t)word);
    }
    end();
}

/* 32-bit code, in a flat segment and in one that does not begin at 0. */
KIT_TEST(narrow_user_mode)
{
    run_narrow(LOW_CODE, FLAT_USER_CS32);
    run_narrow(0, CS_LDT);
}

KIT_PROGRAM static void on_fault(void)
{
    KIT_PUPPET_WORDS[20]++;
    for (;;)
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
}

/* What CR4 shows before and after, and readings of its kernel under it. */
KIT_PROGRAM static void forbid(unsigned long handler, unsigned long bits)
{
    volatile struct trap_info table[2] = {{.vector = 13, .cs = FLAT_KERNEL_CS, .address = handler},
                                          {.address = 0}};
    uint64_t cr4, tsc;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    KIT_PUPPET_WORDS[16] = cr4;
    cr4 |= bits;
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    KIT_PUPPET_WORDS[17] = cr4;
    tsc = tsc_of(0);
    KIT_PUPPET_WORDS[18] = tsc_of(0) - tsc;
    KIT_PUPPET_WORDS[19] = (uint64_t)kit_program_call(__HYPERVISOR_set_trap_table, (uintptr_t)table, 0, 0, 0);
}

/* The guest's TSD is its own, whatever the hypervisor needs: its user mode faults with it, and only with it. */
KIT_TEST(guest_forbids)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t bits = i & 1 ? CR4_TSD : 0, deadline;

        CHECK_OR_RETURN(make());
        CHECK_RC(set(puppet.id, i & 2 ? MODE_EMULATE : MODE_NATIVE, HOST_KHZ, 0, 0), 0);
        CHECK(run(forbid, kit_puppet_address(on_fault), bits));
        CHECK_EQ(words[16] & CR4_TSD, 0);
        CHECK_EQ(words[17] & CR4_TSD, bits);
        CHECK(words[18] < 1UL << 40);
        CHECK_RC(words[19], 0);
        start_user(kit_puppet_address(user_reads), FLAT_USER_CS);
        deadline = kit_time_ns() + 2 * KIT_S;
        while (!words[0] && !words[20] && kit_time_ns() < deadline)
            kit_pause();
        kit_spin_ns(5 * KIT_MS);
        CHECK_EQ(words[0] != 0, !bits);
        CHECK_EQ(words[20], bits ? 1 : 0);
        end();
    }
}

static struct kit_fault rdmsr(uint32_t msr, uint64_t *value)
{
    uint32_t lo = 0xdead, hi = 0xbeef;
    struct kit_fault f = KIT_PROBE("rdmsr", "+a"(lo), "+d"(hi) : "c"(msr));

    *value = (uint64_t)hi << 32 | lo;
    return f;
}

static struct kit_fault wrmsr(uint32_t msr, uint64_t value)
{
    return KIT_PROBE("wrmsr", : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline __attribute__((always_inline)) uint32_t rdtscp_aux(void)
{
    uint32_t aux;

    __asm__ volatile("rdtscp" : "=c"(aux)::"rax", "rdx");
    return aux;
}

/* A register of 32 bits, of the guest's; the TSC itself is not to be written. */
KIT_TEST(aux_register)
{
    uint64_t value;

    CHECK_NO_FAULT(rdmsr(MSR_TSC_AUX, &value));
    CHECK_EQ(value, 0);
    CHECK_NO_FAULT(wrmsr(MSR_TSC_AUX, 0xfedcba98));
    CHECK_NO_FAULT(rdmsr(MSR_TSC_AUX, &value));
    CHECK_EQ(value, 0xfedcba98);
    CHECK_EQ(rdtscp_aux(), 0xfedcba98);
    CHECK_FAULT(wrmsr(MSR_TSC_AUX, 1UL << 32), 13, 0);
    CHECK_FAULT(wrmsr(MSR_TSC, 0), 13, 0);
    CHECK_EQ(rdtscp_aux(), 0xfedcba98);
    CHECK_NO_FAULT(wrmsr(MSR_TSC_AUX, 0));
}

/* Sets it, and sees whether it stays, while others run in between. */
KIT_PROGRAM static void keep_aux(unsigned long value, unsigned long times)
{
    uint32_t lo = (uint32_t)value, hi = 0;
    uint64_t lost = 0;

    KIT_PUPPET_WORDS[0] = rdtscp_aux();
    __asm__ volatile("wrmsr" ::"c"(MSR_TSC_AUX), "a"(lo), "d"(hi));
    while (times--) {
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
        lost += rdtscp_aux() != value;
        __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(MSR_TSC_AUX));
        lost += lo != value || hi;
    }
    KIT_PUPPET_WORDS[1] = lost;
}

/* On one processor with another domain that has its own there. */
KIT_TEST(aux_of_each)
{
    uint64_t lost = 0, deadline;

    CHECK_NO_FAULT(wrmsr(MSR_TSC_AUX, 5));
    for (uint32_t mode = MODE_EMULATE; mode <= MODE_NATIVE; mode++) {
        CHECK_OR_RETURN(make());
        CHECK_RC(kit_domain_pin(puppet.id, 0, 1), 0);
        CHECK_RC(set(puppet.id, mode, HOST_KHZ, 0, 0), 0);
        words[0] = words[1] = ~0UL;
        kit_puppet_run(&puppet, keep_aux, 7, 100);
        deadline = kit_time_ns() + 5 * KIT_S;
        while (!kit_puppet_is_idle(&puppet) && kit_time_ns() < deadline) {
            hcall_sched_op(SCHEDOP_yield, NULL);
            lost += rdtscp_aux() != 5;
        }
        CHECK_EQ(lost, 0);
        CHECK_EQ(words[0], 0); /* not what another one left */
        CHECK_EQ(words[1], 0);
        end();
    }
    CHECK_NO_FAULT(wrmsr(MSR_TSC_AUX, 0));
}

static volatile uint64_t steps[16];
static volatile unsigned step_count;

static bool on_step(struct kit_regs *regs)
{
    if (step_count < ARRAY_SIZE(steps))
        steps[step_count++] = regs->rip;
    return true;
}

static __attribute__((__noinline__)) void step_over_rdtsc(void)
{
    step_count = 0;
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop\n\trdtsc\n\tnop\n\tpushfq\n\t"
                     "andq $~0x100, (%%rsp)\n\tpopfq\n\tnop" ::
                         : "rax", "rdx", "memory", "cc");
}

/* Who goes step by step sees no difference between an instruction that was emulated and one that was not. */
KIT_TEST(single_steps)
{
    uint64_t native[ARRAY_SIZE(steps)], cr4 = 0, dr6 = 0;
    unsigned count;

    kit_trap_hook(1, on_step);
    step_over_rdtsc();
    count = step_count;
    for (unsigned i = 0; i < count; i++)
        native[i] = steps[i];
    CHECK(count >= 6);
    CHECK_NO_FAULT(KIT_PROBE("mov %%cr4, %0", "+r"(cr4)));
    CHECK_NO_FAULT(KIT_PROBE("mov %0, %%dr6", : "r"(0xffff0ff0UL)));
    CHECK_NO_FAULT(KIT_PROBE("mov %0, %%cr4", : "r"(cr4 | CR4_TSD)));
    step_over_rdtsc();
    CHECK_NO_FAULT(KIT_PROBE("mov %0, %%cr4", : "r"(cr4)));
    CHECK_NO_FAULT(KIT_PROBE("mov %%dr6, %0", "+r"(dr6)));
    CHECK_EQ(dr6, 0xffff4ff0);
    CHECK_EQ(step_count, count);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(steps[i], native[i]);
    kit_trap_hook(1, NULL);
}

static xen_domctl_vcpu_msr_t msrs[8];

static long vcpu_msrs(unsigned cmd, void *list, uint32_t count)
{
    memset(&op, 0, sizeof(op));
    op.u.vcpu_msrs.msr_count = count;
    set_xen_guest_handle(op.u.vcpu_msrs.msrs, list);
    return kit_domctl(cmd, puppet.id, &op);
}

static long set_msrs(uint32_t index, uint32_t reserved, uint64_t value, uint32_t count)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++)
        msrs[i] = (xen_domctl_vcpu_msr_t){.index = MSR_TSC_AUX, .value = i + 1};
    msrs[1] = (xen_domctl_vcpu_msr_t){.index = index, .reserved = reserved, .value = value};
    return vcpu_msrs(XEN_DOMCTL_set_vcpu_msrs, msrs, count);
}

/* The register goes with a domain that is moved. */
KIT_TEST(aux_of_a_moved_domain)
{
    CHECK_OR_RETURN(make());
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_get_vcpu_msrs, NULL, 0), 0);
    CHECK(op.u.vcpu_msrs.msr_count >= 1);
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_get_vcpu_msrs, msrs, 8), 0);
    CHECK_EQ(op.u.vcpu_msrs.msr_count, 0);
    CHECK(run(keep_aux, 7, 3));
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_get_vcpu_msrs, msrs, 0), -XEN_ENOBUFS);
    CHECK_EQ(op.u.vcpu_msrs.msr_count, 1);
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_get_vcpu_msrs, (void *)0x1000, 8), -XEN_EFAULT);
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_get_vcpu_msrs, msrs, 8), 0);
    CHECK_EQ(op.u.vcpu_msrs.msr_count, 1);
    CHECK_EQ(msrs[0].index, MSR_TSC_AUX);
    CHECK_EQ(msrs[0].reserved, 0);
    CHECK_EQ(msrs[0].value, 7);
    CHECK_RC(set_msrs(MSR_TSC_AUX, 0, 99, 2), 0);
    CHECK(run(keep_aux, 0x77, 1));
    CHECK_EQ(words[0], 99);
    CHECK_RC(set_msrs(MSR_TSC_AUX, 0, 1UL << 32, 3), -XEN_EINVAL);
    CHECK_EQ(op.u.vcpu_msrs.msr_count, 1);
    CHECK_RC(set_msrs(MSR_TSC_AUX, 1, 5, 3), -XEN_EINVAL);
    CHECK_RC(set_msrs(MSR_TSC, 0, 5, 3), -XEN_EINVAL);
    CHECK_RC(set_msrs(MSR_TSC_AUX, 0, 5, 8), -XEN_EINVAL); /* too many */
    CHECK_EQ(op.u.vcpu_msrs.msr_count, 8);
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_set_vcpu_msrs, (void *)0x1000, 3), -XEN_EFAULT);
    CHECK_EQ(op.u.vcpu_msrs.msr_count, 0);
    CHECK(run(keep_aux, 0x77, 1));
    CHECK_EQ(words[0], 1); /* the first one each time */
    end();
}
