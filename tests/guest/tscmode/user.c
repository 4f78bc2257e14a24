/* SPDX-License-Identifier: MIT */
/* The TSC in user mode: 64-bit and 32-bit code, and where the kernel forbids it (CR4.TSD). */
#include "tscmode.h"
#include <kit/mm.h>

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
        KIT_PUPPET_WORDS[0] = read_tsc(0);
}

KIT_PROGRAM static void user_reads_with_aux(void)
{
    for (;;)
        KIT_PUPPET_WORDS[0] = read_tsc(1);
}

static void start_user(uint64_t rip, uint64_t cs)
{
    words[9] = rip;
    words[10] = cs;
    kit_puppet_run(&puppet, enter_user, puppet.mfn[0], (uintptr_t)(KIT_PUPPET_WORDS + 9));
}

KIT_TEST(user_mode)
{
    static void (*const programs[])(void) = {user_reads, user_reads_with_aux};

    for (unsigned i = 0; i < ARRAY_SIZE(programs); i++) {
        CHECK_OR_RETURN(make_puppet());
        start_user(kit_puppet_address(programs[i]), FLAT_USER_CS);
        check_change();
        CHECK_RC(words[8], 0);
        end_puppet();
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

    CHECK_OR_RETURN(make_puppet());
    map_low();
    CHECK(run_program(load_ldt, KIT_PUPPET_VA(LOW_LDT), 0));
    CHECK_RC(words[8], 0);
    word = their(12);
    if (word) {
        start_user(rip, cs);
        before = kit_time_ns();
        CHECK_RC(set_tsc(puppet.id, MODE_EMULATE, 1000000, 0, 0), 0);
        tsc = next_in(word);
        CHECK(tsc);
        check_between(tsc, 0, kit_time_ns() - before);
        kit_foreign_unmap((void *)(uintptr_t)word);
    }
    end_puppet();
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
    tsc = read_tsc(0);
    KIT_PUPPET_WORDS[18] = read_tsc(0) - tsc;
    KIT_PUPPET_WORDS[19] = (uint64_t)kit_program_call(__HYPERVISOR_set_trap_table, (uintptr_t)table, 0, 0, 0);
}

/* The guest's TSD is its own, whatever the hypervisor needs: its user mode faults with it, and only with it. */
KIT_TEST(guest_forbids)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t bits = i & 1 ? CR4_TSD : 0, deadline;

        CHECK_OR_RETURN(make_puppet());
        CHECK_RC(set_tsc(puppet.id, i & 2 ? MODE_EMULATE : MODE_NATIVE, HOST_KHZ, 0, 0), 0);
        CHECK(run_program(forbid, kit_puppet_address(on_fault), bits));
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
        end_puppet();
    }
}
