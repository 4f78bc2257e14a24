/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store by a guest's kernel to one of its L1 tables, which it maps read-only: carried out as a checked change of the entry. Only L1 tables, as on Xen.
 * The common forms are pre-decoded (emulate/quick.h); the rest goes through the emulator with its memory limited to that entry.
 *
 * And one to a device's page that it has read-only because the device is ours (arch/x86/mmio_read_only.h): dropped, as on Xen; what would have to read there first is not carried out.
 */
#include "core/hypercall.h"
#include "emulate/exec.h"
#include "emulate/quick.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "pv/gpr.h"
#include "pv/mmu.h"
#include "pv/walk.h"
#include "arch/x86/layout.h"
#include "arch/x86/mmio_read_only.h"
#include "arch/x86/vectors.h"

/* Reserved bits, protection keys, ...: not our case. No write is a fetch. */
#define PF_OTHERS (~(uint32_t)(PF_PRESENT | PF_WRITE | PF_USER | PF_FETCH))

/* The table's entry that the fault is about. */
struct target {
    struct pv_mmu_context context;
    struct frame *table;
    uint64_t *slot;
    uint64_t va;
};

enum outcome { DONE, RETRY, REFUSED };

static uint64_t size_mask(unsigned int size)
{
    return size >= 8 ? ~0ULL : (1ULL << size * 8) - 1;
}

/* Puts `value` over the bytes at `va` of the entry `old`. */
static uint64_t merge(uint64_t old, uint64_t va, unsigned int size, uint64_t value)
{
    unsigned int shift = (unsigned int)(va & 7) * 8;
    uint64_t mask = size_mask(size) << shift;

    return (old & ~mask) | (value << shift & mask);
}

static enum outcome store(struct target *t, uint64_t old, uint64_t pte, bool exact)
{
    int ret = exact ? pv_cmpxchg_l1(&t->context, t->table, t->slot, old, pte)
                    : pv_update_l1(&t->context, t->table, t->slot, pte, PV_STORE_PLAIN);

    if (likely(!ret))
        return DONE;
    return ret > 0 || ret == -ERESTART ? RETRY : REFUSED;
}

static enum outcome perform_quick(struct target *t, const struct quick_insn *q, struct cpu_user_regs *regs)
{
    const struct quick_regs where = {regs, pv_gpr_offset};
    uint64_t old, part, result, mask = size_mask(q->size);
    enum outcome r;

    do {
        old = READ_ONCE(*t->slot);
        part = old >> (t->va & 7) * 8 & mask;
        result = quick_result(q, part);
        if (q->kind == QUICK_CMPXCHG && part != q->expected)
            break; /* it stores what is there */
        r = store(t, old, merge(old, t->va, q->size, result), q->kind != QUICK_MOV);
        /* The page that the entry is to map may be a half devalidated address space: the guest executes its store again after what is due. */
        if (r == REFUSED || (r == RETRY && softirq_pending()))
            return r;
    } while (r == RETRY);
    quick_complete(q, &where, part, &regs->rflags);
    regs->rip += q->length;
    return DONE;
}

/* --- The other forms: the emulator sees the entry and nothing else. --- */

/* Wholly in the entry, and aligned to its length: Xen carries out no others. */
static bool inside(const struct target *t, uint64_t linear, unsigned int length)
{
    return linear >> 3 == t->va >> 3 && length <= 8 &&
           (linear & (length - 1)) == 0; /* lengths are powers of two */
}

static enum emu_result emu_read(struct emu *emu, uint64_t linear, void *buffer, unsigned int length,
                                enum emu_access access)
{
    struct target *t = emu->opaque;

    if (access == EMU_ACCESS_READ && !inside(t, linear, length))
        return copy_from_guest(buffer, GUEST_PTR(linear), length) ? EMU_UNHANDLED : EMU_OK;
    if (!inside(t, linear, length))
        return EMU_UNHANDLED;
    uint64_t part = READ_ONCE(*t->slot) >> (linear & 7) * 8;
    memcpy(buffer, &part, length);
    return EMU_OK;
}

static enum emu_result emu_answer(enum outcome r)
{
    return r == DONE ? EMU_OK : r == RETRY ? EMU_RETRY : EMU_UNHANDLED;
}

static enum emu_result emu_write(struct emu *emu, uint64_t linear, const void *buffer, unsigned int length)
{
    struct target *t = emu->opaque;
    uint64_t value = 0, old;

    if (!inside(t, linear, length))
        return EMU_UNHANDLED;
    memcpy(&value, buffer, length);
    old = READ_ONCE(*t->slot);
    return emu_answer(store(t, old, merge(old, linear, length, value), length < 8));
}

static enum emu_result emu_cmpxchg(struct emu *emu, uint64_t linear, const void *expected,
                                   const void *desired, unsigned int length)
{
    struct target *t = emu->opaque;
    uint64_t want = 0, value = 0, old;

    if (length > 8 || !inside(t, linear, length))
        return EMU_UNHANDLED;
    memcpy(&want, expected, length);
    memcpy(&value, desired, length);
    old = READ_ONCE(*t->slot);
    if (merge(old, linear, length, want) != old)
        return EMU_RETRY;
    return emu_answer(store(t, old, merge(old, linear, length, value), true));
}

static const struct emu_ops ops = {.read = emu_read, .write = emu_write, .cmpxchg = emu_cmpxchg};

static enum outcome perform_emulated(const struct emu_ops *how, struct target *t, const uint8_t *bytes,
                                     size_t length, struct cpu_user_regs *regs)
{
    struct emu_regs copy;
    struct emu emu = {.ops = how,
                      .opaque = t,
                      .regs = &copy,
                      .classes = EMU_CLASS_MEM_MOV | EMU_CLASS_ALU | EMU_CLASS_STRING | EMU_CLASS_STACK,
                      .rep_limit = 1,
                      .mode = INSN_MODE_64};
    enum emu_result r;
    struct insn insn;

    if (insn_decode(&insn, bytes, length, INSN_MODE_64) != INSN_OK)
        return REFUSED;
    pv_copy_registers(&copy, regs);
    r = emu_execute(&emu, &insn);
    if (r == EMU_RETRY)
        return RETRY;
    if (r != EMU_OK)
        return REFUSED;
    pv_take_registers(regs, &copy);
    regs->rflags = copy.rflags;
    return DONE;
}

/* --- A device's page --- */

static bool on_page(const struct target *t, uint64_t linear, unsigned int length)
{
    return (linear & PAGE_MASK) == (t->va & PAGE_MASK) && (linear & (PAGE_SIZE - 1)) + length <= PAGE_SIZE;
}

/* Operands elsewhere are read as they are; the page itself is not. */
static enum emu_result device_read(struct emu *emu, uint64_t linear, void *buffer, unsigned int length,
                                   enum emu_access access)
{
    const struct target *t = emu->opaque;

    if (access != EMU_ACCESS_READ || (linear & PAGE_MASK) == (t->va & PAGE_MASK))
        return EMU_UNHANDLED;
    return copy_from_guest(buffer, GUEST_PTR(linear), length) ? EMU_UNHANDLED : EMU_OK;
}

static enum emu_result device_write(struct emu *emu, uint64_t linear, const void *buffer, unsigned int length)
{
    (void)buffer;
    return on_page(emu->opaque, linear, length) ? EMU_OK : EMU_UNHANDLED;
}

static enum emu_result device_cmpxchg(struct emu *emu, uint64_t linear, const void *expected,
                                      const void *desired, unsigned int length)
{
    (void)emu, (void)linear, (void)expected, (void)desired, (void)length;
    return EMU_UNHANDLED;
}

static const struct emu_ops device_ops = {
    .read = device_read, .write = device_write, .cmpxchg = device_cmpxchg};

static bool drop_store(struct vcpu *v, struct target *t)
{
    uint8_t bytes[INSN_MAX_LENGTH];
    size_t length;

    if (v->regs.cs != GUEST_CS64)
        return false;
    length = pv_fetch(v->regs.rip, bytes);
    return perform_emulated(&device_ops, t, bytes, length, &v->regs) != REFUSED;
}

bool pv_fixup_ro_pt_write(struct vcpu *v, uint64_t va, uint32_t error_code)
{
    const struct quick_regs where = {&v->regs, pv_gpr_offset};
    struct hypercall hc = {.vcpu = v, .budget = HYPERCALL_BUDGET};
    struct target t = {.context = {.hc = &hc, .caller = v->domain, .pt = v->domain, .pg = v->domain},
                       .va = va};
    struct pv_vcpu *pv = pv_vcpu(v);
    uint8_t bytes[INSN_MAX_LENGTH];
    struct quick_insn quick;
    uint64_t leaf;
    size_t length;
    mfn_t mfn;

    if ((error_code & (PF_PRESENT | PF_WRITE | PF_OTHERS)) != (PF_PRESENT | PF_WRITE) || !pv->kernel_mode)
        return false;
    leaf = pv_leaf_of(pv, va);
    mfn = pte_mfn(leaf);
    if ((leaf & (PTE_PRESENT | PTE_WRITE)) != PTE_PRESENT)
        return false;
    if (!mfn_valid_from_guest(&mfn) || READ_ONCE(mfn_to_frame(mfn)->owner) == DOMID_IO)
        return mmio_is_read_only(mfn) && drop_store(v, &t);
    t.table = mfn_to_frame(mfn);
    if (!fw_is_valid(READ_ONCE(t.table->word), FT_L1) || READ_ONCE(t.table->owner) != v->domain->id)
        return false;
    t.slot = (uint64_t *)frame_to_va(t.table) + (va >> 3 & (PT_ENTRIES - 1));
    if (v->regs.cs != GUEST_CS64)
        return false;
    length = pv_fetch(v->regs.rip, bytes);
    if (likely(quick_decode(&quick, bytes, length, &where, v->regs.rip) && quick.seg == INSN_SEG_NONE &&
               quick.offset == va && inside(&t, va, quick.size)))
        return perform_quick(&t, &quick, &v->regs) != REFUSED;
    return perform_emulated(&ops, &t, bytes, length, &v->regs) != REFUSED;
}
