/* SPDX-License-Identifier: MIT */
/* Traps, descriptors, callbacks, debug registers and what else a vcpu has. What the guest itself needs is put back after each call. */
#include "fuzz.h"

#include <kit/trap.h>

#define BASE_MSR(index) (MSR_FS_BASE + (index)) /* and GS_BASE, KERNEL_GS_BASE */

static uint64_t read_msr(unsigned msr)
{
    uint64_t value;

    return kit_rdmsr(msr, &value).raised ? ~0UL : value;
}

static uint64_t read_cr0(void)
{
    uint64_t cr0 = 0;
    struct kit_fault f = KIT_PROBE("mov %%cr0, %[v]", [v] "+r"(cr0) :);

    return f.raised ? ~0UL : cr0;
}

static void after_traps(struct call *c, long rc)
{
    (void)rc;
    kit_trap_table_install();
}

static uint64_t pick_address(void)
{
    return PICK((uintptr_t)pool_va, 0x1000, 0x7fffffffffff, 0x800000000000, 0x8000000000000000,
                HYPERVISOR_VIRT_START, 0xffff82d040200000, 0xffff7fffffffffff, 0, ~0UL);
}

/* An address of the pool depends on nothing but the binary, which is the same everywhere. */
static void set_trap_table(struct call *c)
{
    struct trap_info *t = (void *)c->buf;
    unsigned n = pick_count(4);

    c->op = __HYPERVISOR_set_trap_table;
    tell("set_trap_table");
    for (unsigned i = 0; i < n; i++) {
        t[i].vector = (uint8_t)below(256);
        t[i].flags = (uint8_t)PICK(0, 3, 4, 7, 0xff);
        t[i].cs = (uint16_t)PICK(FLAT_KERNEL_CS, FLAT_KERNEL_CS & ~3, FLAT_USER_CS, 0, 0xffff, 0xe008, 0x7);
        t[i].address = pick_address();
        tell(" [%u %x %x %lx]", t[i].vector, t[i].flags, t[i].cs, t[i].address);
    }
    t[n].address = chance(90) ? 0 : 1;
    c->after = after_traps;
    c->arg[0] = pointer(c, (n + 1) * (unsigned)sizeof(*t));
}

static void after_callbacks(struct call *c, long rc)
{
    (void)rc;
    kit_callbacks_install();
}

static void set_callbacks(struct call *c)
{
    c->op = __HYPERVISOR_set_callbacks;
    for (unsigned i = 0; i < 3; i++)
        c->arg[i] = pick_address();
    tell("set_callbacks %lx %lx %lx", c->arg[0], c->arg[1], c->arg[2]);
    c->after = after_callbacks;
}

static void callback_op(struct call *c)
{
    struct callback_register *r = (void *)c->buf;

    c->op = __HYPERVISOR_callback_op;
    c->arg[0] = PICK(CALLBACKOP_register, CALLBACKOP_register, CALLBACKOP_unregister, 2, 0xffffffff);
    r->type = (uint16_t)PICK(0, 1, 2, 3, 4, 5, 6, 7, 8, 0xffff);
    r->flags = (uint16_t)PICK(0, CALLBACKF_mask_events, 2, 0xffff);
    r->address = pick_address();
    tell("callback_op %lx type=%x flags=%x %lx", c->arg[0], r->type, r->flags, (unsigned long)r->address);
    c->after = after_callbacks;
    c->arg[1] = pointer(c, sizeof(*r));
}

static void nmi_op(struct call *c)
{
    struct xennmi_callback *n = (void *)c->buf;

    c->op = __HYPERVISOR_nmi_op;
    c->arg[0] = PICK(XENNMI_register_callback, XENNMI_unregister_callback, 2, 0xffffffff);
    n->handler_address = pick_address();
    n->pad = pick_wild();
    tell("nmi_op %lx %lx", c->arg[0], n->handler_address);
    c->arg[1] = pointer(c, sizeof(*n));
}

static void set_gdt(struct call *c)
{
    uint64_t *list = (void *)c->buf;
    unsigned n = pick_count(5), entries = n * 512 - below(512),
             wild = (unsigned)PICK(0, 1, 7168, 7169, 8192, 0xffffffff, 512 * 14);

    c->op = __HYPERVISOR_set_gdt;
    c->arg[1] = chance(85) ? entries : wild;
    tell("set_gdt %lx", c->arg[1]);
    for (unsigned i = 0; i < 14; i++) {
        list[i] = chance(90) ? frames[POOL_TABLES + below(POOL_SPARE - POOL_TABLES)] : pick_mfn(-1);
        if (i < n)
            tell(" %s", name_of(list[i]));
        else
            list[i] = frames[POOL_TABLES];
    }
    c->arg[0] = pointer(c, 14 * 8);
}

static uint64_t pick_descriptor(void)
{
    return PICK(0, 0x00cf9a000000ffff, 0x00cff2000000ffff, 0x00affa000000ffff, 0x00af9b000000ffff,
                0x00008200000000ff, 0x0000890000000067, 0x00008c000008e008, 0x0000ec000008e008,
                0x00008e0000080000, 0x00cffb000000ffff, 0x00cf1a000000ffff, 0x00ef9a000000ffff,
                0x0000800000000000, 0x00008c000000e033, 0x00008c000007e033, 0x00008c010007e033, kit_random());
}

/* A descriptor may land in a page of plain data: only in one that nothing stands on. */
static void update_descriptor(struct call *c)
{
    unsigned slot = chance(85) ? POOL_TABLES + below(POOL_SPARE - POOL_TABLES) : below(POOL_SIZE);
    uint64_t raw = PICK(0xfee00000, 1UL << 52, ~0UL, ~7UL, 1UL << 51);
    unsigned offset = below(512) * 8 + (chance(8) ? below(8) : 0);

    c->op = __HYPERVISOR_update_descriptor;
    c->arg[0] = chance(95) ? (frames[slot] << KIT_PAGE_SHIFT) + offset : raw;
    c->arg[1] = pick_descriptor();
    tell("update_descriptor %s+%lx %lx", name_of(c->arg[0] >> KIT_PAGE_SHIFT), c->arg[0] & ~KIT_PAGE_MASK,
         c->arg[1]);
}

static void after_stack(struct call *c, long rc)
{
    (void)rc;
    hcall_stack_switch(FLAT_KERNEL_SS, (uintptr_t)kit_this()->trap_stack + KIT_STACK_SIZE);
}

static void stack_switch(struct call *c)
{
    c->op = __HYPERVISOR_stack_switch;
    c->arg[0] = PICK(FLAT_KERNEL_SS, 0, 3, 0xe02b, 0xe010, 0x10, 7, 0xffff, 0x1e02b, ~0UL);
    c->arg[1] = chance(50) ? pick_address() : pick_wild();
    tell("stack_switch %lx %lx", c->arg[0], c->arg[1]);
    c->after = after_stack;
}

static void after_debug(struct call *c, long rc)
{
    (void)rc;
    for (int i = 0; i < 8; i++)
        say(" %lx", (uint64_t)hcall_get_debugreg(i));
    hcall_set_debugreg(7, 0);
}

static void set_debugreg(struct call *c)
{
    uint64_t addresses = pick_address(), control = PICK(0, 0x400, 1, 2, 0xff, 0x2000, 0x300, 0xd0001, 0x20000,
                                                        0x60002, 1UL << 32, 0xf0f0000, 0x10401, 0x8000);

    c->op = __HYPERVISOR_set_debugreg;
    c->arg[0] = chance(90) ? below(8) : pick_wild();
    c->arg[1] = (c->arg[0] & 7) < 4 ? addresses : c->arg[0] == 7 || chance(50) ? control : pick_wild();
    tell("set_debugreg %lx %lx", c->arg[0], c->arg[1]);
    c->flags = ALONE; /* its breakpoints must not outlive it: the calls behind it would meet them */
    c->after = after_debug;
}

static void get_debugreg(struct call *c)
{
    c->op = __HYPERVISOR_get_debugreg;
    c->arg[0] = chance(70) ? below(9) : pick_wild();
    tell("get_debugreg %lx", c->arg[0]);
}

static void vm_assist(struct call *c)
{
    c->op = __HYPERVISOR_vm_assist;
    c->arg[0] = PICK(VMASST_CMD_enable, VMASST_CMD_enable, VMASST_CMD_disable, 2, 3, 0xffffffff);
    c->arg[1] = PICK(0, 1, 2, 3, 4, 5, 6, 31, 32, 33, 63, 64, 0xffffffff);
    tell("vm_assist %lx %lx", c->arg[0], c->arg[1]);
}

static void after_fpu(struct call *c, long rc)
{
    (void)rc;
    say(" cr0=%lx", read_cr0());
}

static void fpu_taskswitch(struct call *c)
{
    c->op = __HYPERVISOR_fpu_taskswitch;
    c->arg[0] = pick_wild();
    tell("fpu_taskswitch %lx", c->arg[0]);
    c->after = after_fpu;
}

static void after_base(struct call *c, long rc)
{
    (void)rc;
    for (unsigned i = 0; i < 3; i++)
        say(" %lx", read_msr(BASE_MSR(i)));
}

static void set_segment_base(struct call *c)
{
    c->op = __HYPERVISOR_set_segment_base;
    c->arg[0] = chance(92) ? below(4) : pick_wild();
    c->arg[1] = c->arg[0] == SEGBASE_GS_USER_SEL
                    ? PICK(0, 3, FLAT_USER_DS, 0x10, 0xffff, 0xe02b, 0x7, 1UL << 32)
                : chance(70) ? pick_address()
                             : pick_wild();
    tell("set_segment_base %lx %lx", c->arg[0], c->arg[1]);
    c->after = after_base;
}

void cpu_reset(void)
{
    uint64_t none = 0;

    hcall_set_gdt(&none, 0);
    kit_mmuext1(MMUEXT_SET_LDT, 0, 0);
    for (int i = 0; i < 4; i++)
        hcall_set_debugreg(i, 0);
    hcall_set_debugreg(6, 0);
    hcall_set_debugreg(7, 0);
    for (unsigned i = 0; i < 6; i++)
        hcall_vm_assist(VMASST_CMD_disable, i);
    hcall_vm_assist(VMASST_CMD_disable, VMASST_TYPE_m2p_strict);
    hcall_nmi_op(XENNMI_unregister_callback, NULL);
    hcall_fpu_taskswitch(0);
    hcall_set_segment_base(SEGBASE_GS_USER_SEL, 0);
    for (unsigned i = 0; i < 3; i++)
        hcall_set_segment_base(i, 0);
}

void cpu_state(void)
{
    say("state debug");
    for (int i = 0; i < 8; i++)
        say(" %lx", (uint64_t)hcall_get_debugreg(i));
    say(" bases");
    for (unsigned i = 0; i < 3; i++)
        say(" %lx", read_msr(BASE_MSR(i)));
    say(" cr0 %lx\n", read_cr0());
}

const struct call_kind calls_cpu[] = {
    {8, set_trap_table},     {4, set_callbacks},    {8, callback_op},  {4, nmi_op},       {16, set_gdt},
    {16, update_descriptor}, {4, stack_switch},     {8, set_debugreg}, {4, get_debugreg}, {6, vm_assist},
    {3, fpu_taskswitch},     {5, set_segment_base}, {0, NULL},
};
