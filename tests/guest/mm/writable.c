/* SPDX-License-Identifier: MIT */
/* Stores to read-only page tables that the hypervisor carries out (VMASST_TYPE_writable_pagetables). */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

static struct {
    uint64_t *l1, *page, *other;
    uintptr_t va; /* what entry 0 of the table maps */
} w;

static bool start(void)
{
    w.va = 0x6000000000UL;
    if (!w.page) {
        w.page = kit_page_alloc();
        w.other = kit_page_alloc();
        w.page[0] = 0x1111;
        w.other[0] = 0x2222;
        CHECK_RC(kit_map(kit_root_mfn, w.va, kit_maddr_of(w.page) | PTE_RW), 0);
        uint64_t l2;
        CHECK(kit_pte_find(kit_root_mfn, w.va, 2, NULL, &l2));
        w.l1 = kit_va_of_mfn((l2 & PTE_ADDR) >> 12);
    }
    CHECK_RC(hcall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(w.l1), kit_maddr_of(w.page) | PTE_RW), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
    return w.l1 != NULL;
}

static void finish(void)
{
    hcall_vm_assist(VMASST_CMD_disable, VMASST_TYPE_writable_pagetables);
}

static uint64_t seen(void)
{
    uint64_t v = 0;

    kit_mmuext1(MMUEXT_INVLPG_LOCAL, w.va, 0);
    return kit_peek((void *)w.va, &v) ? v : ~0UL;
}

/* Xen 4.17 does so whether or not the guest asked for it. */
KIT_TEST(write_without_the_assist)
{
    struct kit_fault f;

    CHECK_OR_RETURN(start());
    finish();
    f = KIT_PROBE("movq %1, (%0)", : "r"(w.l1), "r"(0UL) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0], 0);
}

KIT_TEST(write_by_mov)
{
    uint64_t pte;
    struct kit_fault f;

    CHECK_OR_RETURN(start());
    CHECK_EQ(seen(), 0x1111);
    pte = kit_maddr_of(w.other) | PTE_RW;
    f = KIT_PROBE("mov %1, (%0)", : "r"(w.l1), "r"(pte) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0], kit_pte_as_read(pte));
    CHECK_EQ(seen(), 0x2222);
    f = KIT_PROBE("movq $0, (%0)", : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0], 0);
    CHECK_EQ(seen(), ~0UL);
    finish();
}

KIT_TEST(write_by_xchg)
{
    uint64_t pte, before;
    struct kit_fault f;

    CHECK_OR_RETURN(start());
    before = w.l1[0];
    pte = 0;
    f = KIT_PROBE("xchg %0, (%1)", "+r"(pte) : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(pte, before);
    CHECK_EQ(w.l1[0], 0);
    pte = kit_maddr_of(w.other) | PTE_RO;
    f = KIT_PROBE("xchg %0, (%1)", "+r"(pte) : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(pte, 0);
    CHECK_EQ(seen(), 0x2222);
    finish();
}

KIT_TEST(write_by_logic)
{
    struct kit_fault f;

    CHECK_OR_RETURN(start());
    f = KIT_PROBE("lock andq $~2, (%0)", : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0] & PTE_W, 0);
    f = KIT_PROBE("lock orq $2, (%0)", : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0] & PTE_W, PTE_W);
    f = KIT_PROBE("andq $~2, (%0)", : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0] & PTE_W, 0);
    f = KIT_PROBE("lock btsq $1, (%0)", : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0] & PTE_W, PTE_W);
    f = KIT_PROBE("lock btrq $1, (%0)", : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0] & PTE_W, 0);
    f = KIT_PROBE("xorq $2, (%0)", : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0] & PTE_W, PTE_W);
    f = KIT_PROBE("addq $0x200, (%0)", : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0] & PTE_AVL, 0x200);
    finish();
}

KIT_TEST(write_by_cmpxchg)
{
    uint64_t old, flag = 0;
    struct kit_fault f;

    CHECK_OR_RETURN(start());
    old = w.l1[0];
    f = KIT_PROBE("lock cmpxchg %[n], (%[p]); sete %b[z]", "+a"(old), [z] "+q"(flag)
                  : [n] "r"(kit_maddr_of(w.other) | PTE_RW), [p] "r"(w.l1)
                  : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(flag & 1, 1);
    CHECK_EQ(seen(), 0x2222);
    old = 0x1234;
    flag = 1;
    f = KIT_PROBE("lock cmpxchg %[n], (%[p]); sete %b[z]", "+a"(old), [z] "+q"(flag)
                  : [n] "r"(0UL), [p] "r"(w.l1)
                  : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(flag & 1, 0);
    CHECK_EQ(old, w.l1[0]);
    CHECK_EQ(seen(), 0x2222);
    finish();
}

KIT_TEST(write_by_cmpxchg8b)
{
    uint32_t a, d;
    uint64_t pte, flag = 0;
    struct kit_fault f;

    CHECK_OR_RETURN(start());
    a = (uint32_t)w.l1[0], d = (uint32_t)(w.l1[0] >> 32);
    pte = kit_maddr_of(w.other) | PTE_RW;
    f = KIT_PROBE("lock cmpxchg8b (%[p]); sete %b[z]", "+a"(a), "+d"(d), [z] "+r"(flag)
                  : [p] "r"(w.l1), "b"((uint32_t)pte), "c"((uint32_t)(pte >> 32))
                  : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(flag & 1, 1);
    CHECK_EQ(seen(), 0x2222);
    finish();
}

/* Narrow stores change their part of the entry; the whole is then checked. */
KIT_TEST(write_narrow)
{
    struct kit_fault f;
    uint64_t before;

    CHECK_OR_RETURN(start());
    before = w.l1[0] | PTE_AVL;
    CHECK_RC(kit_pte_write(kit_maddr_of(w.l1), before), 0);
    f = KIT_PROBE("movb %b1, (%0)", : "r"(w.l1), "q"(before & ~PTE_W) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0], before & ~PTE_W);
    f = KIT_PROBE("movw %w1, (%0)", : "r"(w.l1), "r"(before) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0], before);
    f = KIT_PROBE("movl %k1, (%0)", : "r"(w.l1), "r"(before & ~PTE_W) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0], before & ~PTE_W);
    f = KIT_PROBE("movb %b1, 1(%0)", : "r"(w.l1), "q"((w.l1[0] >> 8) & 0xf0) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0], before & ~PTE_W & ~0xf00UL);
    CHECK_RC(kit_pte_write(kit_maddr_of(w.l1), 0), 0);
    f = KIT_PROBE("movl $0x1000, 4(%0)", : "r"(w.l1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0], 0x100000000000UL);
    CHECK_RC(kit_pte_write(kit_maddr_of(w.l1), 0), 0);
    finish();
}

KIT_TEST(write_across_entries)
{
    struct kit_fault f;

    CHECK_OR_RETURN(start());
    f = KIT_PROBE("movq $0, 4(%0)", : "r"(w.l1) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    CHECK_EQ(f.cr2, (uintptr_t)w.l1 + 4);
    f = KIT_PROBE("movl $0, 6(%0)", : "r"(w.l1) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    f = KIT_PROBE("movw $0, 1(%0)", : "r"(w.l1) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    finish();
}

KIT_TEST(write_bad_entry)
{
    uint64_t before;
    struct kit_fault f;

    CHECK_OR_RETURN(start());
    before = w.l1[0];
    f = KIT_PROBE("mov %1, (%0)", : "r"(w.l1), "r"(0x100000UL | PTE_RW) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    CHECK_EQ(w.l1[0], before);
    f = KIT_PROBE("mov %1, (%0)", : "r"(w.l1), "r"(kit_maddr_of(w.l1) | PTE_RW) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    CHECK_EQ(w.l1[0], before);
    finish();
}

KIT_TEST(write_other_forms)
{
    struct kit_fault f;
    uint64_t pte, *dest, *src = &pte, n;

    CHECK_OR_RETURN(start());
    pte = kit_maddr_of(w.other) | PTE_RW;
    dest = w.l1;
    f = KIT_PROBE("cld; stosq", "+D"(dest) : "a"(pte) : "memory");
    CHECK_NO_FAULT(f);
    CHECK(dest == w.l1 + 1);
    CHECK_EQ(seen(), 0x2222);
    dest = w.l1;
    pte = kit_maddr_of(w.page) | PTE_RW;
    f = KIT_PROBE("cld; movsq", "+D"(dest), "+S"(src) : : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(seen(), 0x1111);
    dest = w.l1 + 1;
    n = 8;
    f = KIT_PROBE("cld; rep stosq", "+D"(dest), "+c"(n) : "a"(0UL) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(n, 0);
    f = KIT_PROBE("movnti %1, (%0)", : "r"(w.l1), "r"(pte) : "memory");
    CHECK_NO_FAULT(f);
    f = KIT_PROBE("mov %%rsp, %%rbx; lea 8(%0), %%rsp; push %1; mov %%rbx, %%rsp",
                  : "r"(w.l1), "r"(0UL)
                  : "rbx", "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0], 0);
    f = KIT_PROBE("push %1; popq (%0)", : "r"(w.l1), "r"(pte) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[0], kit_pte_as_read(pte));
    /* An entry that is not present is a number like any other. */
    f = KIT_PROBE(
        "movq $0x1000, (%0); addq $2, (%0); lock xaddq %1, (%0); shlq $1, (%0); subq $2, (%0); negq (%0)",
        : "r"(w.l1 + 3), "r"(2UL)
        : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(w.l1[3], -((0x1004UL << 1) - 2));
    f = KIT_PROBE("movq $0, (%0)", : "r"(w.l1 + 3) : "memory");
    CHECK_NO_FAULT(f);
    finish();
}

/* Stores that are not carried out: the guest gets its page fault. */
KIT_TEST(write_not_emulated)
{
    uint64_t before;
    struct kit_fault f;

    CHECK_OR_RETURN(start());
    before = w.l1[0];
    f = KIT_PROBE("movups %%xmm0, (%0)", : "r"(w.l1) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    f = KIT_PROBE("movq %%xmm0, (%0)", : "r"(w.l1) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    f = KIT_PROBE("fxsave (%0)", : "r"(w.l1) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    CHECK_EQ(f.cr2, (uintptr_t)w.l1);
    /* Debian's Xen (4.17.7) jumps to address 0 and panics when a guest does this. */
    if (kit_on_xenios()) {
        f = KIT_PROBE("fnstcw (%0)", : "r"(w.l1) : "memory");
        CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    }
    CHECK_EQ(w.l1[0], before);
    finish();
}

/* Only the lowest level, and only while it has that type. */
KIT_TEST(write_other_levels)
{
    uint64_t l2, *l2_table;
    uint64_t *ro = kit_page_alloc();
    struct kit_fault f;

    CHECK_OR_RETURN(start());
    CHECK(kit_pte_find(kit_root_mfn, w.va, 2, &l2, NULL));
    l2_table = kit_va_of_mfn(l2 >> 12);
    f = KIT_PROBE("movq $0, 8(%0)", : "r"(l2_table) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    f = KIT_PROBE("movq $0, (%0)", : "r"(kit_va_of_mfn(kit_root_mfn)) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    CHECK_RC(kit_set_ro(ro), 0);
    f = KIT_PROBE("movq $0, (%0)", : "r"(ro) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    CHECK_RC(kit_set_rw(ro), 0);
    kit_page_free(ro);
    finish();
}
