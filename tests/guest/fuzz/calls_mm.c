/* SPDX-License-Identifier: MIT */
/* Page tables: mmu_update, update_va_mapping, mmuext_op, and plain writes to what is mapped read-only. */
#include "fuzz.h"

#define DONE_AT 1024

/* An entry that may be overwritten without losing the guest: anything in the pool and the window, little in the kernel's tables. */
static uint64_t target_entry(int *level)
{
    unsigned name, index = chance(70) ? below(16) : below(512), reserved = 256 + below(16),
                   low = 5 + below(4), how = below(4);

    *level = 1 + (int)below(4);
    name = pick_frame(*level);
    if (name == NAME_KERNEL)
        index = index % POOL_SIZE;
    else if (name == NAME_KERNEL + 1)
        index = (uintptr_t)pool_va >> 21 & 511;
    else if (name == NAME_KERNEL + 2)
        index = low;
    else if (name == NAME_KERNEL + 3)
        index = how == 3 ? reserved : WINDOW_SLOT + (how == 2);
    else if (name == NAME_SHARED)
        index = 400 + index % 112;
    else if (name == NAME_TEXT)
        return 0x1000;
    return (frames[name] << KIT_PAGE_SHIFT) + index * 8;
}

/* Only the pool's frames may change their numbers: the guest finds its tables by the others. */
static uint64_t machphys_target(void)
{
    return (chance(90) ? frames[below(POOL_SPARE)] : PICK(0xfee00, 1UL << 40, NO_FRAME)) << KIT_PAGE_SHIFT;
}

static void tell_done_pointer(struct call *c, unsigned arg)
{
    unsigned how = below(10);

    c->arg[arg] = how < 6 ? (uintptr_t)c->buf + DONE_AT : how < 9 ? 0 : 0x1000;
    *(uint32_t *)(c->buf + DONE_AT) = 0x55;
    tell(how < 6 ? "" : how < 9 ? " done=0" : " done=bad");
}

static unsigned batch_count(unsigned n)
{
    unsigned odd = below(20);

    return odd == 0 ? 0 : odd == 1 ? n + 1 : odd == 2 ? n | 0x80000000U : n;
}

static void mmu_update(struct call *c)
{
    struct mmu_update *u = (void *)c->buf;
    unsigned n = pick_count(5);
    unsigned dom = pick_domid(), table_dom = chance(5) ? 1 + below(3) : 0;

    c->op = __HYPERVISOR_mmu_update;
    tell("mmu_update dom=%x", dom | table_dom << 16);
    for (unsigned i = 0; i < n; i++) {
        unsigned cmd = (unsigned)PICK(0, 0, 0, 0, 0, 0, 2, 2, 1, 3, 4, 7);
        int level;

        u[i].ptr = target_entry(&level);
        u[i].val = pick_pte(level);
        if (u[i].val & PTE_P) /* it may be any table */
            c->flags |= NESTS;
        if (cmd == MMU_MACHPHYS_UPDATE) {
            u[i].ptr = machphys_target();
            u[i].val = pick_wild();
        }
        tell(" [%u %s+%lx=%s]", cmd, name_of(u[i].ptr >> KIT_PAGE_SHIFT), u[i].ptr & 0xff8,
             name_entry(u[i].val));
        u[i].ptr |= cmd;
    }
    tell_done_pointer(c, 2);
    c->arg[1] = batch_count(n);
    if (c->arg[1] != n)
        tell(" n=%lx", c->arg[1]);
    c->arg[3] = dom | (unsigned long)table_dom << 16;
    c->arg[0] = pointer(c, n * (unsigned)sizeof(*u));
}

static unsigned long flush_flags(struct call *c)
{
    unsigned long mask = (uintptr_t)c->buf + DONE_AT;

    *(uint64_t *)(c->buf + DONE_AT) = PICK(0, 1, 3, ~0UL);
    switch (below(12)) {
    case 0:
        return UVMF_TLB_FLUSH | UVMF_LOCAL;
    case 1:
        return UVMF_TLB_FLUSH | UVMF_ALL;
    case 2:
        return UVMF_INVLPG | UVMF_ALL;
    case 3:
        return UVMF_TLB_FLUSH | mask;
    case 4:
        return UVMF_INVLPG | mask;
    case 5:
        return UVMF_INVLPG | 0x1000;
    case 6:
        return 3;
    case 7:
        return 0;
    default:
        return UVMF_INVLPG;
    }
}

static const char *name_flags(const struct call *c, unsigned long flags)
{
    static char text[32];
    unsigned long mask = (uintptr_t)c->buf + DONE_AT;

    if (flags >> 12 && (flags & ~3UL) == mask)
        kit_snprintf(text, 32, "mask+%lx", flags & 3);
    else
        kit_snprintf(text, 32, "%lx", flags);
    return text;
}

static void update_va(struct call *c)
{
    c->arg[0] = pick_va();
    c->arg[1] = pick_pte(1);
    c->arg[2] = flush_flags(c);
    tell(" %s=%s flags=%s", name_va(c->arg[0]), name_entry(c->arg[1]), name_flags(c, c->arg[2]));
}

static void update_va_mapping(struct call *c)
{
    c->op = __HYPERVISOR_update_va_mapping;
    tell("update_va_mapping");
    update_va(c);
}

static void update_va_otherdomain(struct call *c)
{
    c->op = __HYPERVISOR_update_va_mapping_otherdomain;
    tell("update_va_mapping_otherdomain");
    update_va(c);
    c->arg[3] = chance(50) ? pick_domid() : PICK(DOMID_IO, DOMID_XEN, 0, DOMID_SELF, 7);
    tell(" dom=%lx", c->arg[3]);
}

static uint64_t pick_pool_mfn(void)
{
    return chance(92) ? frames[below(POOL_SIZE)] : PICK(0xfee00, 1UL << 40, NO_FRAME, 0xb8, ~0UL);
}

static void mmuext_arguments(struct call *c, struct mmuext_op *op, unsigned i)
{
    switch (op->cmd) {
    case MMUEXT_PIN_L1_TABLE ... MMUEXT_PIN_L4_TABLE: {
        int level = chance(85) ? (int)op->cmd + 1 : 1 + (int)below(4);

        op->arg1.mfn = pick_mfn(level);
        break;
    }
    case MMUEXT_UNPIN_TABLE:
        op->arg1.mfn = pick_mfn(1 + (int)below(4));
        break;
    case MMUEXT_NEW_USER_BASEPTR:
        op->arg1.mfn = chance(20) ? 0 : pick_mfn(4);
        break;
    case MMUEXT_COPY_PAGE:
        op->arg2.src_mfn = pick_pool_mfn();
        tell(" from %s", name_of(op->arg2.src_mfn)); /* fall through */
    case MMUEXT_CLEAR_PAGE:
        op->arg1.mfn = pick_pool_mfn();
        break;
    case MMUEXT_SET_LDT:
        op->arg1.linear_addr = pick_va();
        op->arg2.nr_ents = (unsigned)PICK(0, 1, 16, 512, 513, 8192, 8193, 0xffffffff);
        tell(" %s/%x]", name_va(op->arg1.linear_addr), op->arg2.nr_ents);
        return;
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_INVLPG_MULTI:
        *(uint64_t *)(c->buf + DONE_AT + 64 + 8 * i) = PICK(0, 1, 3, ~0UL);
        op->arg2.vcpumask.p = chance(80) ? c->buf + DONE_AT + 64 + 8 * i : (void *)0x1000;
        tell(" mask %s", op->arg2.vcpumask.p == (void *)0x1000 ? "bad" : "good"); /* fall through */
    case MMUEXT_INVLPG_LOCAL:
    case MMUEXT_INVLPG_ALL:
        op->arg1.linear_addr = pick_va();
        tell(" %s]", name_va(op->arg1.linear_addr));
        return;
    default:
        op->arg1.mfn = chance(50) ? 0 : pick_pool_mfn();
    }
    tell(" %s]", name_of(op->arg1.mfn));
}

static void mmuext_op(struct call *c)
{
    struct mmuext_op *op = (void *)c->buf;
    unsigned n = pick_count(4), dom = pick_domid();

    c->op = __HYPERVISOR_mmuext_op;
    tell("mmuext_op dom=%x", dom);
    for (unsigned i = 0; i < n; i++) {
        op[i].cmd = (unsigned)PICK(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 6, 7, 8, 9, 10, 11, 12, 13, 15, 15, 16,
                                   16, 17, 17, 18, 19, 20, 14, 21, 0x7fffffff, 0xffffffff);
        tell(" [%u", op[i].cmd);
        if ((op[i].cmd >= MMUEXT_PIN_L2_TABLE && op[i].cmd <= MMUEXT_PIN_L4_TABLE) ||
            op[i].cmd == MMUEXT_NEW_USER_BASEPTR)
            c->flags |= NESTS;
        mmuext_arguments(c, &op[i], i);
    }
    tell_done_pointer(c, 2);
    c->arg[1] = batch_count(n);
    if (c->arg[1] != n)
        tell(" n=%lx", c->arg[1]);
    c->arg[3] = dom;
    c->arg[0] = pointer(c, n * (unsigned)sizeof(*op));
}

static void back_to_root(struct call *c, long rc)
{
    if (!rc && kit_mmuext1(MMUEXT_NEW_BASEPTR, kit_root_mfn, 0))
        say(" (no way back)");
}

/* A new root is tried only if the guest's kernel is in it; and then left at once. */
static void new_base(struct call *c)
{
    struct mmuext_op *op = (void *)c->buf;
    unsigned name = pick_frame(4);
    uint64_t word = 0;

    c->op = __HYPERVISOR_mmuext_op;
    c->flags = ALONE | NESTS;
    c->after = back_to_root;
    op->cmd = MMUEXT_NEW_BASEPTR;
    op->arg1.mfn = frames[name];
    tell("mmuext_op new base %s", name_of(frames[name]));
    if (name >= POOL_SPARE || !pool_may_poke(name) ||
        !kit_peek(pool_va + name * KIT_PAGE_SIZE + 511 * 8, &word) ||
        (pool_linear(NAME_KERNEL)[name] & PTE_ADDR) >> KIT_PAGE_SHIFT != frames[name] ||
        word != pool_linear(NAME_KERNEL + 3)[511]) {
        op->arg1.mfn = frames[NAME_SHARED];
        tell(" (no kernel: SHARED)");
    }
    c->arg[0] = (uintptr_t)op;
    c->arg[1] = 1;
    c->arg[3] = DOMID_SELF;
}

/* Not a hypercall: a write that the hypervisor emulates if the page is a table. */
static void poke(struct call *c)
{
    unsigned slot = below(POOL_TABLES + 8), index = below(chance(70) ? 16 : 512);
    uint64_t value = pick_pte((int)(slot / (POOL_TABLES / 4) % 4) + 1);
    uint64_t *at = (uint64_t *)(pool_va + slot * KIT_PAGE_SIZE) + index;

    c->op = __HYPERVISOR_xen_version;
    c->flags = ALONE;
    tell("poke P%u+%x=%s", slot, index * 8, name_entry(value));
    kit_mmuext1(MMUEXT_TLB_FLUSH_LOCAL, 0, 0); /* not where it was mapped before an update without a flush */
    if (pool_may_poke(slot)) {
        struct kit_fault f = KIT_PROBE("mov %[v], (%[p])", : [v] "r"(value), [p] "r"(at) : "memory");

        if (f.raised)
            tell(" faults %u %x", f.vector, f.error);
        if (f.raised && slot >= POOL_TABLES / 2)
            c->flags |= NESTS;
    }
}

const struct call_kind calls_mm[] = {
    {30, mmu_update}, {22, update_va_mapping}, {5, update_va_otherdomain},
    {30, mmuext_op},  {4, new_base},           {12, poke},
    {0, NULL},
};
