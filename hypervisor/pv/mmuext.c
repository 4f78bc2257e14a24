/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmuext_op: pins, page table roots, flushes, and small services on frames. A row of the table for each command. */
#include "arch/x86/tlb.h"
#include "core/authority.h"
#include "core/guest_abi.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "pv/descriptors.h"
#include "pv/mmu.h"
#include "pv/mmu_batch.h"

static struct frame *find_frame(uint64_t number)
{
    mfn_t mfn = MFN(number);

    return mfn_valid_from_guest(&mfn) ? mfn_to_frame(mfn) : NULL;
}

static int op_unpin(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    struct frame *f = find_frame(op->arg1);
    int ret;

    if (!f)
        return -EINVAL;
    ret = frame_unpin(f, c->pg, c->hc);
    if (ret == -ERESTART) {
        pv_note_unfinished(c->hc, f, c->pg);
        ret = 0;
    }
    return ret;
}

static int op_pin(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    struct frame *f = find_frame(op->arg1);
    int ret;

    if (!f)
        return -EINVAL;
    ret = frame_pin(f, c->pg, (enum frame_type)(FT_L1 + (op->cmd - MMUEXT_PIN_L1_TABLE)), c->hc);
    /* The end of a domain takes its pins away after it has set the state: either it sees this one, or we see the state. */
    if (!ret && c->pg != c->caller && __atomic_load_n(&c->pg->state, __ATOMIC_SEQ_CST) != DOMAIN_ALIVE) {
        (void)!op_unpin(c, op);
        ret = -EINVAL;
    }
    return ret;
}

static int op_new_baseptr(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    struct pv_vcpu *pv = pv_vcpu(c->hc->vcpu);
    struct frame *f = find_frame(op->arg1), *old = pv->root_kernel;
    int ret;

    if (c->pg != c->caller)
        return -EPERM;
    if (!f)
        return -EINVAL;
    ret = frame_get_type(f, c->caller, FT_L4, c->hc);
    if (ret)
        return ret;
    if (f !=
        old) /* the same root again only flushes, as on Xen: what is hidden in it (it is a user root, too) stays so */
        pv_show_m2p(c->caller, frame_to_va(f), true);
    pv->root_kernel = f;
    pv->cr3_kernel = mfn_to_paddr(frame_to_mfn(f));
    pv_load_root(c->hc->vcpu);
    if (old)
        pv_put_table(old, c->caller, FT_L4, c->hc);
    return 0;
}

static int op_new_user_baseptr(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    struct pv_vcpu *pv = pv_vcpu(c->hc->vcpu);
    struct frame *f = NULL, *old = pv->root_user;
    int ret;

    if (c->pg != c->caller)
        return -EPERM;
    if (op->arg1) {
        f = find_frame(op->arg1);
        if (!f)
            return -EINVAL;
        ret = frame_get_type(f, c->caller, FT_L4, c->hc);
        if (ret)
            return ret;
        if (c->caller->vm_assist & BIT(VMASST_TYPE_m2p_strict))
            pv_show_m2p(c->caller, frame_to_va(f), false);
    }
    pv->root_user = f;
    pv->cr3_user = f ? mfn_to_paddr(frame_to_mfn(f)) : 0;
    if (old)
        pv_put_table(old, c->caller, FT_L4, c->hc);
    return 0;
}

static int op_flush_local(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    if (c->pg != c->caller)
        return -EPERM;
    if (op->cmd == MMUEXT_INVLPG_LOCAL)
        tlb_flush_page_local(op->arg1);
    else
        tlb_flush_local(TLB_FLUSH | TLB_FLUSH_GLOBAL);
    return 0;
}

static int op_flush_multi(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    cpumask_t mask;

    if (c->pg != c->caller)
        return -EPERM;
    if (pv_vcpus_to_cpus(c->caller, GUEST_PTR(op->arg2), &mask))
        return -EINVAL;
    if (op->cmd == MMUEXT_INVLPG_MULTI)
        tlb_flush_page_mask(&mask, op->arg1);
    else
        tlb_flush_mask(&mask, TLB_FLUSH | TLB_FLUSH_GLOBAL);
    return 0;
}

static int op_flush_all(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    if (c->pg != c->caller)
        return -EPERM;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* LS6 */
    if (op->cmd == MMUEXT_INVLPG_ALL)
        tlb_flush_page_mask(&c->caller->dirty_cpus, op->arg1);
    else
        tlb_flush_mask(&c->caller->dirty_cpus, TLB_FLUSH | TLB_FLUSH_GLOBAL);
    return 0;
}

/* Only who has devices has a reason to write caches back; it stalls the whole machine. */
static int op_flush_cache(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    if (c->pg != c->caller)
        return -EPERM;
    if (authorise(c->caller, NULL, AUTHORITY_CACHE_FLUSH))
        return op->cmd == MMUEXT_FLUSH_CACHE_GLOBAL ? -EINVAL : -EACCES; /* as Xen tells them apart */
    if (op->cmd == MMUEXT_FLUSH_CACHE)
        tlb_flush_local(TLB_FLUSH_CACHE);
    else
        tlb_flush_mask(&cpu_online_mask, TLB_FLUSH_CACHE);
    return 0;
}

static int op_set_ldt(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    if (c->pg != c->caller)
        return -EPERM;
    return pv_set_ldt(c->hc->vcpu, op->arg1, (uint32_t)op->arg2);
}

static int op_clear_page(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    struct frame *f = find_frame(op->arg1);
    int ret;

    if (!f)
        return -EINVAL;
    ret = frame_get_type(f, c->pg, FT_WRITABLE, c->hc);
    if (ret)
        return ret;
    memset(frame_to_va(f), 0, PAGE_SIZE);
    frame_put_type(f, c->pg, FT_WRITABLE, c->hc);
    return 0;
}

static int op_copy_page(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    struct frame *to = find_frame(op->arg1), *from = find_frame(op->arg2);
    int ret;

    if (!to || !from || !frame_get(from, c->pg))
        return -EINVAL;
    ret = frame_get_type(to, c->pg, FT_WRITABLE, c->hc);
    if (ret == 0) {
        memmove(frame_to_va(to), frame_to_va(from), PAGE_SIZE);
        frame_put_type(to, c->pg, FT_WRITABLE, c->hc);
    }
    frame_put(from);
    return ret;
}

static int op_unsupported(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    (void)c;
    (void)op;
    return -EOPNOTSUPP;
}

static int (*const ops[])(const struct pv_mmu_context *c, const abi_mmuext_op_t *op) = {
    [MMUEXT_PIN_L1_TABLE] = op_pin,
    [MMUEXT_PIN_L2_TABLE] = op_pin,
    [MMUEXT_PIN_L3_TABLE] = op_pin,
    [MMUEXT_PIN_L4_TABLE] = op_pin,
    [MMUEXT_UNPIN_TABLE] = op_unpin,
    [MMUEXT_NEW_BASEPTR] = op_new_baseptr,
    [MMUEXT_TLB_FLUSH_LOCAL] = op_flush_local,
    [MMUEXT_INVLPG_LOCAL] = op_flush_local,
    [MMUEXT_TLB_FLUSH_MULTI] = op_flush_multi,
    [MMUEXT_INVLPG_MULTI] = op_flush_multi,
    [MMUEXT_TLB_FLUSH_ALL] = op_flush_all,
    [MMUEXT_INVLPG_ALL] = op_flush_all,
    [MMUEXT_FLUSH_CACHE] = op_flush_cache,
    [MMUEXT_SET_LDT] = op_set_ldt,
    [MMUEXT_NEW_USER_BASEPTR] = op_new_user_baseptr,
    [MMUEXT_CLEAR_PAGE] = op_clear_page,
    [MMUEXT_COPY_PAGE] = op_copy_page,
    [MMUEXT_FLUSH_CACHE_GLOBAL] = op_flush_cache,
    [MMUEXT_MARK_SUPER] = op_unsupported,
    [MMUEXT_UNMARK_SUPER] = op_unsupported,
};

static int perform(const struct pv_mmu_context *c, const abi_mmuext_op_t *op)
{
    uint64_t cmd = array_index_clamp(op->cmd, ARRAY_SIZE(ops));

    if (op->cmd >= ARRAY_SIZE(ops) || !ops[cmd])
        return -ENOSYS;
    return ops[cmd](c, op);
}

static unsigned int perform_all(const struct pv_mmu_context *c, guest_ptr_t ptr, unsigned int count, int *ret)
{
    size_t size = abi_size(c->hc, mmuext_op);
    abi_mmuext_op_t op;

    for (unsigned int done = 0; done < count; done++) {
        *ret = abi_read(c->hc, mmuext_op, &op, guest_ptr_add(ptr, (uint64_t)done * size));
        if (*ret == 0)
            *ret = perform(c, &op);
        if (unlikely(*ret))
            return done;
        if (unlikely(hypercall_preempt(c->hc) || pv_has_pending(c->hc->vcpu))) {
            *ret = mmu_batch_stop(c->hc, done + 1 < count);
            return done + 1;
        }
    }
    return count;
}

static size_t request_size(const struct hypercall *hc)
{
    return abi_size(hc, mmuext_op);
}

/* mmuext_op(ops, count, pdone, foreigndom) */
long do_mmuext_op(struct hypercall *hc)
{
    return mmu_batch(
        hc, (struct mmu_batch){perform_all, request_size, .tells_own_tables = false}); /* as on Xen */
}
