/* SPDX-License-Identifier: MIT */
/* GDT and LDT: setting them, changing descriptors, and the LDT's pages being mapped when first used. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

#define DATA_DPL3   0x00cff2000000ffffUL
#define CODE_DPL3   0x00affa000000ffffUL
#define DATA_DPL0   0x00cf92000000ffffUL
#define CALL_GATE   0x0000ec000000f000UL
#define NOT_PRESENT 0x00cf72000000ffffUL

/* How descriptors are taken: with DPL 3, call gates with DPL 0 and a target selector of RPL 3. */
static const struct {
    uint64_t in, out;
    int rc;
} adjusted[] = {
    {DATA_DPL3, DATA_DPL3, 0},
    {CODE_DPL3, CODE_DPL3, 0},
    {DATA_DPL0, DATA_DPL3, 0},
    {0x00cfb2000000ffffUL, DATA_DPL3, 0},            /* DPL 1 */
    {0x00af9a000000ffffUL, CODE_DPL3, 0},            /* 64-bit code, DPL 0 */
    {0x00cf9a000000ffffUL, 0x00cffa000000ffffUL, 0}, /* 32-bit code, DPL 0 */
    {NOT_PRESENT, NOT_PRESENT, 0},                   /* not present: left alone */
    {0x00ef000000000000UL, 0x00ef000000000000UL, 0},
    {CALL_GATE, 0x00008c000003f000UL, 0},
    {0x0000e90000000000UL, 0x0000e90000000000UL, -XEN_EINVAL}, /* TSS */
    {0x0000890000000067UL, 0x0000890000000067UL, -XEN_EINVAL},
    {0x0000820000000000UL, 0x0000820000000000UL, -XEN_EINVAL}, /* LDT */
    {0x0000ee0000000000UL, 0x0000ee0000000000UL, -XEN_EINVAL}, /* interrupt gate */
};

static long load_es(unsigned selector)
{
    struct kit_fault f = KIT_PROBE("mov %w0, %%es", : "r"(selector));

    if (!f.raised) {
        __asm__ volatile("mov %w0, %%es" ::"r"(0));
        return 0;
    }
    return f.vector << 16 | f.error;
}

static long ud(uint64_t *slot, uint64_t value)
{
    return hcall_update_descriptor(kit_maddr_of(slot), value);
}

static long set_gdt(void *page, unsigned entries)
{
    unsigned long frames[16] = {kit_mfn_of(page)};

    return hcall_set_gdt(frames, entries);
}

KIT_TEST(gdt_set)
{
    uint64_t *gdt = kit_page_alloc();

    gdt[1] = DATA_DPL3;
    gdt[2] = CODE_DPL3;
    CHECK_RC(set_gdt(gdt, 512), -XEN_EINVAL); /* mapped writable */
    CHECK_RC(kit_set_ro(gdt), 0);
    CHECK_RC(set_gdt(gdt, 512), 0);
    CHECK_EQ(load_es(8 | 3), 0);
    CHECK_EQ(load_es(32 | 3), 13 << 16 | 32); /* zero: a null descriptor */
    CHECK_RC(kit_set_rw(gdt), -XEN_EBUSY);    /* it is a descriptor page now */
    CHECK_RC(set_gdt(gdt, 3), 0);
    CHECK_EQ(load_es(8 | 3), 0);
    CHECK_RC(hcall_set_gdt(NULL, 0), 0);
    CHECK_EQ(load_es(8 | 3), 13 << 16 | 8);
    CHECK_RC(kit_set_rw(gdt), 0);
    kit_page_free(gdt);
}

KIT_TEST(gdt_errors)
{
    uint64_t *gdt = kit_page_alloc();
    unsigned long frames[16] = {0x100};

    CHECK_RC(kit_set_ro(gdt), 0);
    CHECK_RC(set_gdt(gdt, FIRST_RESERVED_GDT_ENTRY + 1), -XEN_EINVAL);
    CHECK_RC(set_gdt(gdt, ~0U), -XEN_EINVAL);
    CHECK_RC(hcall_set_gdt(frames, 512), -XEN_EINVAL);
    frames[0] = ~0UL;
    CHECK_RC(hcall_set_gdt(frames, 512), -XEN_EINVAL);
    CHECK_RC(hcall_set_gdt((void *)0x1000, 512), -XEN_EFAULT);
    CHECK_RC(hcall_set_gdt((void *)HYPERVISOR_VIRT_START, 0), 0);
    CHECK_RC(hcall_set_gdt((void *)HYPERVISOR_VIRT_START, 512), -XEN_EFAULT);
    /* 14 pages are the most: the last slots are Xen's own. */
    for (unsigned i = 0; i < 14; i++)
        frames[i] = kit_mfn_of(gdt);
    CHECK_RC(hcall_set_gdt(frames, FIRST_RESERVED_GDT_ENTRY), 0);
    CHECK_RC(hcall_set_gdt(NULL, 0), 0);
    /* What a guest may have is made DPL 3 on the way in; what it may not have keeps the page from being a
     * GDT. */
    for (unsigned i = 0; i < ARRAY_SIZE(adjusted); i++) {
        CHECK_RC(kit_set_rw(gdt), 0);
        gdt[5] = adjusted[i].in;
        CHECK_RC(kit_set_ro(gdt), 0);
        CHECK_RC(set_gdt(gdt, 512), adjusted[i].rc);
        CHECK_EQ(gdt[5], adjusted[i].out);
        hcall_set_gdt(NULL, 0);
    }
    CHECK_RC(kit_set_rw(gdt), 0);
    kit_page_free(gdt);
}

KIT_TEST(update_descriptor)
{
    uint64_t *gdt = kit_page_alloc(), *plain = kit_page_alloc(), *table = kit_table_alloc(),
             *ro = kit_page_alloc();

    CHECK_RC(kit_set_ro(gdt), 0);
    CHECK_RC(set_gdt(gdt, 512), 0);
    CHECK_RC(ud(&gdt[1], DATA_DPL3), 0);
    CHECK_EQ(load_es(8 | 3), 0);
    CHECK_RC(ud(&gdt[1], NOT_PRESENT), 0);
    CHECK_EQ(load_es(8 | 3), 11 << 16 | 8); /* #NP */
    CHECK_RC(ud(&gdt[1], 0), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(adjusted); i++) {
        CHECK_RC(ud(&gdt[2], 0), 0);
        CHECK_RC(ud(&gdt[2], adjusted[i].in), adjusted[i].rc);
        CHECK_EQ(gdt[2], adjusted[i].rc ? 0 : adjusted[i].out);
    }
    CHECK_RC(hcall_update_descriptor(kit_maddr_of(gdt) + 4, 0), -XEN_EINVAL);
    CHECK_RC(hcall_update_descriptor(0x100000, 0), -XEN_EINVAL);
    CHECK_RC(hcall_update_descriptor(1UL << 45, 0), -XEN_EINVAL);
    CHECK_RC(ud(&plain[1], DATA_DPL3), 0);
    CHECK_EQ(READ_ONCE(plain[1]), DATA_DPL3);
    CHECK_RC(kit_set_ro(ro), 0);
    CHECK_RC(ud(&ro[1], DATA_DPL3), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(table)), 0);
    CHECK_RC(ud(&table[1], 0), -XEN_EINVAL);
    CHECK_RC(kit_unpin(kit_mfn_of(table)), 0);
    CHECK_RC(kit_table_free(table), 0);
    CHECK_RC(hcall_set_gdt(NULL, 0), 0);
    CHECK_RC(kit_set_rw(gdt), 0);
    CHECK_RC(kit_set_rw(ro), 0);
    kit_page_free(gdt);
    kit_page_free(plain);
    kit_page_free(ro);
}

KIT_TEST(selectors_of_the_hypervisor)
{
    /* The flat segments in the reserved part may be used whatever the GDT. */
    CHECK_EQ(load_es(FLAT_RING3_DS32), 0);
    CHECK_EQ(load_es(FLAT_RING3_SS32), 0);
    CHECK_EQ(load_es(0xe013), 13 << 16 | 0xe010); /* the hypervisor's own */
    CHECK_EQ(load_es(0xe043), 13 << 16 | 0xe040);
}

static long set_ldt(const void *base, unsigned entries)
{
    struct mmuext_op op = {
        .cmd = MMUEXT_SET_LDT, .arg1.linear_addr = (uintptr_t)base, .arg2.nr_ents = entries};

    return hcall_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

KIT_TEST(ldt_set)
{
    uint64_t *ldt = kit_pages_alloc(16);

    CHECK_RC(set_ldt(ldt + 1, 8), -XEN_EINVAL); /* not page-aligned */
    CHECK_RC(set_ldt(ldt, 8193), -XEN_EINVAL);
    CHECK_RC(set_ldt((void *)0x8000000000000000UL, 8), -XEN_EINVAL);
    CHECK_RC(set_ldt((void *)HYPERVISOR_VIRT_START, 8), -XEN_EINVAL);
    CHECK_RC(set_ldt(ldt, 8192), 0);
    CHECK_RC(set_ldt((void *)0x1000, 8), 0); /* nobody looks until it is used */
    CHECK_RC(set_ldt(NULL, 0), 0);
    CHECK_RC(set_ldt(ldt + 1, 0), 0);
    kit_pages_free(ldt, 16);
}

/* A selector's page is mapped when it is first used; then the page has the descriptor type. */
KIT_TEST(ldt_lazy)
{
    uint64_t *ldt = kit_pages_alloc(16), *page1 = ldt + 512;

    ldt[1] = DATA_DPL3;
    page1[1] = DATA_DPL3;
    CHECK_RC(kit_set_ro(ldt), 0);
    CHECK_RC(set_ldt(ldt, 8192), 0);
    CHECK_EQ(load_es(8 | 7), 0);
    CHECK_RC(kit_set_rw(ldt), -XEN_EBUSY);
    /* A page that is mapped writable cannot be used: a page fault at the guest's own address of the
     * descriptor. */
    CHECK_EQ(load_es((512 + 1) * 8 | 7), 14 << 16);
    CHECK_EQ(kit_fault()->cr2, (uintptr_t)&page1[1]);
    CHECK_RC(kit_set_ro(page1), 0);
    CHECK_EQ(load_es((512 + 1) * 8 | 7), 0);
    CHECK_EQ(load_es(6 * 512 * 8 | 7), 14 << 16);
    CHECK_EQ(kit_fault()->cr2, (uintptr_t)(ldt + 6 * 512));
    CHECK_RC(kit_unmap(ldt + 3 * 512), 0);
    CHECK_EQ(load_es(3 * 512 * 8 | 7), 14 << 16);
    CHECK_EQ(kit_fault()->cr2, (uintptr_t)(ldt + 3 * 512));
    CHECK_RC(kit_set_rw(ldt + 3 * 512), 0);
    CHECK_RC(set_ldt(ldt, 512), 0);
    CHECK_EQ(load_es((512 + 1) * 8 | 7), 13 << 16 | ((512 + 1) * 8 + 4)); /* beyond the limit */
    CHECK_RC(set_ldt(NULL, 0), 0);
    CHECK_EQ(load_es(8 | 7), 13 << 16 | 12);
    CHECK_RC(kit_set_rw(ldt), 0);
    CHECK_RC(kit_set_rw(page1), 0);
    kit_pages_free(ldt, 16);
}

/* The hypervisor's own loading of the user's %gs is a use, too. */
KIT_TEST(ldt_lazy_by_hypercall)
{
    uint64_t *ldt = kit_page_alloc();

    ldt[1] = DATA_DPL3;
    CHECK_RC(kit_set_ro(ldt), 0);
    CHECK_RC(set_ldt(ldt, 8), 0);
    CHECK_RC(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 3), 0);
    CHECK_RC(kit_set_rw(ldt), 0); /* not used yet */
    CHECK_RC(kit_set_ro(ldt), 0);
    CHECK_RC(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 8 | 7), 0);
    CHECK_RC(kit_set_rw(ldt), -XEN_EBUSY);
    CHECK_RC(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 0), 0);
    CHECK_RC(set_ldt(NULL, 0), 0);
    CHECK_RC(kit_set_rw(ldt), 0);
    kit_page_free(ldt);
}

KIT_TEST(ldt_update)
{
    uint64_t *ldt = kit_page_alloc();

    CHECK_RC(kit_set_ro(ldt), 0);
    CHECK_RC(set_ldt(ldt, 512), 0);
    CHECK_EQ(load_es(16 | 7), 13 << 16 | 20);
    CHECK_RC(ud(&ldt[2], DATA_DPL3), 0);
    CHECK_EQ(load_es(16 | 7), 0);
    CHECK_RC(ud(&ldt[2], NOT_PRESENT), 0);
    CHECK_EQ(load_es(16 | 7), 11 << 16 | 20);
    CHECK_RC(set_ldt(NULL, 0), 0);
    CHECK_RC(kit_set_rw(ldt), 0);
    kit_page_free(ldt);
}

/* Ways to take away the one mapping of a page of the LDT, read-only or writable again. */
static long by_update_va(const void *page, uint64_t pte)
{
    return kit_remap(page, pte);
}

static long by_mmu_update(const void *page, uint64_t pte)
{
    uint64_t maddr, value;

    if (!kit_pte_find(kit_root_mfn, (uintptr_t)page, 1, &maddr, &value))
        return -XEN_EINVAL;
    return kit_mmu_update1(maddr | MMU_NORMAL_PT_UPDATE, pte, DOMID_SELF)
               ?: kit_mmuext1(MMUEXT_TLB_FLUSH_ALL, 0, 0);
}

static long by_emulation(const void *page, uint64_t pte)
{
    uint64_t maddr, value, *slot;
    struct kit_fault f;

    if (!kit_pte_find(kit_root_mfn, (uintptr_t)page, 1, &maddr, &value))
        return -XEN_EINVAL;
    slot = (uint64_t *)((uintptr_t)kit_va_of_mfn(maddr >> KIT_PAGE_SHIFT) + maddr % KIT_PAGE_SIZE);
    f = KIT_PROBE("mov %1, %0", : "m"(*slot), "r"(pte) : "memory");
    return f.raised ? -XEN_EBUSY : kit_mmuext1(MMUEXT_TLB_FLUSH_ALL, 0, 0);
}

/* Without its mapping, an LDT page stays in use; it cannot become writable, nor a page table, as long as it is. */
KIT_TEST(ldt_page_unmapped)
{
    static long (*const ways[])(const void *page, uint64_t pte) = {by_update_va, by_mmu_update, by_emulation};

    for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
        uint64_t *ldt = kit_page_alloc(), *other = kit_page_alloc();

        ldt[1] = DATA_DPL3;
        CHECK_RC(kit_set_ro(ldt), 0);
        CHECK_RC(set_ldt(ldt, 512), 0);
        CHECK_EQ(load_es(8 | 7), 0);
        CHECK_RC(ways[i](ldt, 0), 0);
        CHECK_EQ(kit_pte_of((uintptr_t)ldt), 0);
        CHECK_EQ(load_es(8 | 7), 0);
        CHECK_RC(kit_set_rw(ldt), -XEN_EBUSY);
        CHECK_RC(kit_pin(1, kit_mfn_of(ldt)), -XEN_EINVAL);
        CHECK_RC(kit_remap(other, kit_maddr_of(ldt) | PTE_RW), -XEN_EBUSY);
        CHECK_RC(set_ldt(NULL, 0), 0);
        CHECK_RC(kit_set_rw(ldt), 0);
        kit_page_free(ldt);
        kit_page_free(other);
    }
}

/* Nor does it leave the LDT when the page table goes that mapped it. */
KIT_TEST(ldt_page_of_dropped_table)
{
    const uintptr_t alias = 0x7000000000UL;
    uint64_t *ldt = kit_page_alloc(), *l1, l2_slot, value;

    ldt[1] = DATA_DPL3;
    CHECK_RC(kit_unmap(ldt), 0);
    CHECK_RC(kit_map(kit_root_mfn, alias, kit_maddr_of(ldt) | PTE_RO | PTE_NX), 0);
    CHECK(kit_pte_find(kit_root_mfn, alias, 2, &l2_slot, &value));
    l1 = kit_va_of_mfn((value & PTE_ADDR) >> KIT_PAGE_SHIFT);
    CHECK_RC(set_ldt((void *)alias, 512), 0);
    CHECK_EQ(load_es(8 | 7), 0);
    CHECK_RC(kit_pte_write(l2_slot, 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    CHECK_RC(kit_table_free(l1), 0);
    CHECK_EQ(load_es(8 | 7), 0);
    CHECK_RC(kit_set_rw(ldt), -XEN_EBUSY);
    CHECK_RC(set_ldt(NULL, 0), 0);
    CHECK_RC(kit_set_rw(ldt), 0);
    kit_page_free(ldt);
}

static void use_ldt(void *page)
{
    CHECK_RC(set_ldt(page, page ? 512 : 0), 0);
    if (page)
        CHECK_EQ(load_es(8 | 7), 0);
}

/* Nor by what another vcpu does than the one whose LDT it is. */
KIT_TEST(ldt_page_unmapped_elsewhere)
{
    KIT_NEEDS_VCPUS(2);

    uint64_t *ldt = kit_page_alloc();

    ldt[1] = DATA_DPL3;
    CHECK_RC(kit_set_ro(ldt), 0);
    CHECK_RC(kit_vcpu_run(1, use_ldt, ldt), 0);
    CHECK(kit_vcpu_join(1, 10 * KIT_S));
    CHECK_RC(kit_unmap(ldt), 0);
    CHECK_RC(kit_set_rw(ldt), -XEN_EBUSY);
    CHECK_RC(kit_pin(1, kit_mfn_of(ldt)), -XEN_EINVAL);
    CHECK_RC(kit_vcpu_run(1, use_ldt, NULL), 0);
    CHECK(kit_vcpu_join(1, 10 * KIT_S));
    CHECK_RC(kit_set_rw(ldt), 0);
    kit_page_free(ldt);
}

static struct kit_regs failsafe;
static unsigned failsafes;

static bool failsafe_hook(struct kit_regs *regs)
{
    failsafe = *regs;
    failsafes++;
    __asm__ volatile("mov %w0, %%es; mov %w0, %%ds" ::"r"(0));
    return true;
}

static void spin_pinned(void *ns)
{
    struct sched_pin_override pin = {.pcpu = 0};

    hcall_sched_op(SCHEDOP_pin_override, &pin);
    kit_spin_ns((uintptr_t)ns);
    pin.pcpu = -1;
    hcall_sched_op(SCHEDOP_pin_override, &pin);
}

/* Let another vcpu run on this one's processor for a while, so that this one's context is really switched. */
static void kit_share_processor(uint64_t ns)
{
    struct sched_pin_override pin = {.pcpu = 0};
    struct sched_poll poll;

    CHECK_RC(hcall_sched_op(SCHEDOP_pin_override, &pin), 0);
    CHECK_RC(kit_vcpu_run(1, spin_pinned, (void *)ns), 0);
    poll = (struct sched_poll){.timeout = kit_time_ns() + ns};
    CHECK_RC(hcall_sched_op(SCHEDOP_poll, &poll), 0);
    CHECK(kit_vcpu_join(1, 10 * KIT_S));
    pin.pcpu = -1;
    CHECK_RC(hcall_sched_op(SCHEDOP_pin_override, &pin), 0);
}

/* A selector that no longer loads when the vcpu is scheduled again: the failsafe callback, with the selectors
 * in its frame. */
KIT_TEST(failsafe_callback)
{
    KIT_NEEDS_VCPUS(2);

    uint64_t *ldt = kit_page_alloc();

    ldt[1] = DATA_DPL3;
    CHECK_RC(kit_set_ro(ldt), 0);
    CHECK_RC(set_ldt(ldt, 512), 0);
    kit_trap_hook(KIT_VECTOR_FAILSAFE, failsafe_hook);
    failsafes = 0;
    __asm__ volatile("mov %w0, %%es" ::"r"(8 | 7));
    CHECK_RC(set_ldt(NULL, 0), 0);
    kit_share_processor(20 * KIT_MS);
    CHECK_EQ(failsafes, 1);
    CHECK_EQ(kit_failsafe_selectors[0], 0);
    CHECK_EQ(kit_failsafe_selectors[1], 8 | 7); /* ds, es, fs, gs */
    CHECK_EQ(kit_failsafe_selectors[2], 0);
    CHECK_EQ(kit_failsafe_selectors[3], 0);
    /* Wherever it was switched away: behind the SYSCALL that blocked, or before it when the other vcpu came first. */
    CHECK_EQ(failsafe.rsp & ~(KIT_STACK_SIZE - 1), (uintptr_t)&ldt & ~(KIT_STACK_SIZE - 1));
    kit_trap_hook(KIT_VECTOR_FAILSAFE, NULL);
    CHECK_RC(kit_set_rw(ldt), 0);
    kit_page_free(ldt);
}

/* A selector of an LDT whose page nobody has touched since it was set: the switch back to the vcpu brings the page in, and the guest notices nothing. */
KIT_TEST(ldt_page_mapped_by_switch)
{
    KIT_NEEDS_VCPUS(2);

    uint64_t *ldt = kit_page_alloc(), *other = kit_page_alloc();
    unsigned es;

    ldt[1] = other[1] = DATA_DPL3;
    CHECK_RC(kit_set_ro(ldt), 0);
    CHECK_RC(kit_set_ro(other), 0);
    CHECK_RC(set_ldt(ldt, 512), 0);
    kit_trap_hook(KIT_VECTOR_FAILSAFE, failsafe_hook);
    failsafes = 0;
    __asm__ volatile("mov %w0, %%es" ::"r"(8 | 7));
    CHECK_RC(set_ldt(other, 512), 0);
    kit_share_processor(20 * KIT_MS);
    __asm__ volatile("mov %%es, %0; mov %w1, %%es" : "=&r"(es) : "r"(0));
    CHECK_EQ(failsafes, 0);
    CHECK_EQ(es, 8 | 7);
    CHECK_RC(kit_set_rw(other), -XEN_EBUSY); /* it is in use */
    kit_trap_hook(KIT_VECTOR_FAILSAFE, NULL);
    CHECK_RC(set_ldt(NULL, 0), 0);
    CHECK_RC(kit_set_rw(ldt), 0);
    CHECK_RC(kit_set_rw(other), 0);
    kit_page_free(ldt);
    kit_page_free(other);
}
