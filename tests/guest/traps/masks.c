/* SPDX-License-Identifier: MIT */
/* The upcall mask: how entries set it, what frames say of it, what iret makes of it; and set_trap_table. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

static int set_one(unsigned vector, unsigned flags, unsigned long address)
{
    struct trap_info t[2] = {
        {.vector = (uint8_t)vector, .flags = (uint8_t)flags, .cs = FLAT_KERNEL_CS, .address = address}};

    return (int)hcall_set_trap_table(t);
}

KIT_TEST(mask_in_frame)
{
    struct kit_fault f;
    volatile struct vcpu_info *info = kit_this()->info;

    kit_events_disable();
    f = KIT_PROBE("ud2", );
    CHECK_EQ(f.frame_mask, 1);
    CHECK_EQ(f.mask, 1);
    CHECK_EQ(f.rflags & EFLAGS_IF, 0);
    CHECK_EQ(info->evtchn_upcall_mask, 1);

    kit_events_enable();
    f = KIT_PROBE("ud2", );
    CHECK_EQ(f.frame_mask, 0);
    CHECK_EQ(f.mask, 0); /* without TI_IF the mask stays as it is */
    CHECK_EQ(f.rflags & EFLAGS_IF, EFLAGS_IF);
    CHECK_EQ(info->evtchn_upcall_mask, 0);

    CHECK_RC(set_one(6, 4, kit_trap_stub(6, false)), 0);
    f = KIT_PROBE("ud2", );
    CHECK_EQ(f.frame_mask, 0);
    CHECK_EQ(f.mask, 1); /* with it, it is set on entry */
    CHECK_EQ(f.rflags & EFLAGS_IF, EFLAGS_IF);
    CHECK_EQ(info->evtchn_upcall_mask, 0); /* and restored by iret */
    kit_events_disable();
    CHECK_RC(kit_trap_table_install(), 0);
}

/* Only bit 0 of the mask byte counts for the frame's IF? A guest may write anything. */
KIT_TEST(mask_odd_values)
{
    volatile struct vcpu_info *info = kit_this()->info;
    struct kit_fault f;

    info->evtchn_upcall_mask = 0x80;
    f = KIT_PROBE("ud2", );
    CHECK_EQ(f.frame_mask, 0x80);
    CHECK_EQ(f.rflags & EFLAGS_IF, 0);
    CHECK_EQ(info->evtchn_upcall_mask, 1);
    info->evtchn_upcall_mask = 1;
}

static bool clear_if(struct kit_regs *regs)
{
    regs->rip += 2;
    regs->rflags &= ~EFLAGS_IF;
    return true;
}

static bool set_if(struct kit_regs *regs)
{
    regs->rip += 2;
    regs->rflags |= EFLAGS_IF;
    return true;
}

KIT_TEST(iret_sets_mask_from_if)
{
    volatile struct vcpu_info *info = kit_this()->info;

    kit_trap_hook(VECTOR_UD, set_if);
    __asm__ volatile("ud2" ::: "memory");
    CHECK_EQ(info->evtchn_upcall_mask, 0);
    kit_trap_hook(VECTOR_UD, clear_if);
    __asm__ volatile("ud2" ::: "memory");
    CHECK_EQ(info->evtchn_upcall_mask, 1);
    kit_trap_hook(VECTOR_UD, NULL);
}

KIT_TEST(real_flags_keep_if)
{
    uint64_t flags;

    kit_events_disable();
    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    CHECK_EQ(flags & EFLAGS_IF, EFLAGS_IF); /* the processor's IF has nothing to do with the mask */
    CHECK_EQ(flags & EFLAGS_IOPL, 0);       /* and IOPL shows as 0 */
    __asm__ volatile("pushfq; andq $~0x200, (%%rsp); popfq; pushfq; popq %0" : "=r"(flags));
    CHECK_EQ(flags & EFLAGS_IF, EFLAGS_IF);
}

KIT_TEST(trap_table_errors)
{
    static struct trap_info many[300];

    CHECK_RC(set_one(0x60, 0, 0x8000000000000000UL), -XEN_EINVAL);
    CHECK_RC(hcall_set_trap_table((void *)0x1000), -XEN_EFAULT);
    CHECK_RC(hcall_set_trap_table((void *)HYPERVISOR_VIRT_START), -XEN_EFAULT);
    /* Repeats are allowed; there is no limit but the sentinel. */
    for (unsigned i = 0; i < 299; i++)
        many[i] =
            (struct trap_info){.vector = 0x61, .cs = FLAT_KERNEL_CS, .address = kit_trap_stub(0x61, false)};
    CHECK_RC(hcall_set_trap_table(many), 0);
    CHECK_RC(kit_trap_table_install(), 0);
}

/* Entries before a bad one are in force. */
KIT_TEST(trap_table_partial)
{
    struct trap_info t[3] = {
        {.vector = 6, .flags = 0, .cs = FLAT_KERNEL_CS, .address = kit_trap_stub(7, false)},
        {.vector = 0x63, .flags = 3, .cs = FLAT_KERNEL_CS, .address = 0x8000000000000000UL},
    };
    struct kit_fault f;

    CHECK_RC(hcall_set_trap_table(t), -XEN_EINVAL);
    f = KIT_PROBE("ud2", );
    CHECK_FAULT(f, VECTOR_NM, 0); /* the other stub: the first entry counts */
    CHECK_RC(kit_trap_table_install(), 0);
    f = KIT_PROBE("ud2", );
    CHECK_FAULT(f, VECTOR_UD, 0);
}

/* The selector's RPL does not matter; a null selector is taken too. */
KIT_TEST(trap_table_selectors)
{
    struct trap_info t[2] = {
        {.vector = 0x80, .flags = 3, .cs = FLAT_KERNEL_CS & ~3, .address = kit_trap_stub(0x80, false)}};
    struct kit_fault f;

    CHECK_RC(hcall_set_trap_table(t), 0);
    f = KIT_PROBE("int $0x80", );
    CHECK_FAULT(f, VECTOR_INT80, 0);
    t[0].vector = 0x62;
    t[0].cs = 0;
    CHECK_RC(hcall_set_trap_table(t), 0);
    CHECK_RC(kit_trap_table_install(), 0);
}

/* A NULL table clears all entries; the next trap would be the domain's end. */
KIT_TEST(trap_table_null)
{
    CHECK_RC(hcall_set_trap_table(NULL), 0);
    CHECK_RC(kit_trap_table_install(), 0);
}

KIT_TEST_ALONE(trap_without_handler)
{
    CHECK_RC(hcall_set_trap_table(NULL), 0);
    kit_expect_crash("a trap without a handler");
    __asm__ volatile("ud2");
    kit_check(false, __FILE__, __LINE__, "still alive");
}

KIT_TEST_ALONE(trap_on_unmapped_stack)
{
    kit_expect_crash("no stack to bounce to");
    __asm__ volatile("mov $0x10000, %%esp; ud2" ::: "memory");
    kit_check(false, __FILE__, __LINE__, "still alive");
}
