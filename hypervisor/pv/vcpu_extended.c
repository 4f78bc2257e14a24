/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of a vcpu beyond vcpu_guest_context (pv/vcpu_extended.h). What it answers is recorded of Debian's Xen in tests/guest/control/state.c. */
#include "pv/vcpu_extended.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/cpu_policy.h"
#include "arch/x86/layout.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/string.h"
#include "pv/msr.h"

#define HEAD      sizeof(struct pv_xstate)
#define MXCSR     24 /* in the legacy area, as all of the following */
#define XSTATE_BV 512
#define XCOMP_BV  520
#define RESERVED  528
#define EXTENDED  576
#define X87       1UL
#define SSE       2UL
#define AVX       4UL
#define FXSAVE    (X87 | SSE) /* what vcpu_guest_context carries */

static void get_callback(const struct pv_callback *c, uint64_t *address, uint16_t *cs, uint8_t *masks)
{
    *address = c->valid ? c->address : 0;
    *cs = c->cs;
    *masks = c->mask_events;
}

void pv_get_extended(struct vcpu *v, struct xen_domctl_ext_vcpucontext *out)
{
    const struct pv_vcpu *p = pv_vcpu(v);

    out->size = sizeof(*out);
    get_callback(&p->callback[PV_CB_SYSCALL32], &out->syscall32_callback_eip, &out->syscall32_callback_cs,
                 &out->syscall32_disables_events);
    get_callback(&p->callback[PV_CB_SYSENTER], &out->sysenter_callback_eip, &out->sysenter_callback_cs,
                 &out->sysenter_disables_events);
    out->vmce.caps = p->mcg_cap;
    out->vmce.mci_ctl2_bank0 = p->mci_ctl2[0];
    out->vmce.mci_ctl2_bank1 = p->mci_ctl2[1];
    out->vmce.mcg_ext_ctl = p->mcg_ext_ctl;
}

/* The selector is kept for who asks: a 64-bit kernel is called on the flat one. */
static void set_callback(struct pv_callback *c, uint64_t address, uint16_t cs, bool masks)
{
    *c = (struct pv_callback){.address = address, .cs = cs | 3, .mask_events = masks, .valid = address != 0};
}

int pv_set_extended(struct vcpu *v, const struct xen_domctl_ext_vcpucontext *in)
{
    struct pv_vcpu *p = pv_vcpu(v);
    bool with_mce = in->size >= offsetof(struct xen_domctl_ext_vcpucontext, vmce) + sizeof(uint64_t);

    if (in->size < offsetof(struct xen_domctl_ext_vcpucontext, vmce) ||
        !is_canonical(in->syscall32_callback_eip) || !is_canonical(in->sysenter_callback_eip))
        return -EINVAL;
    if (with_mce && (in->vmce.caps & ~PV_MCG_CAP_CHANGEABLE))
        return -EINVAL;
    set_callback(&p->callback[PV_CB_SYSCALL32], in->syscall32_callback_eip, in->syscall32_callback_cs,
                 in->syscall32_disables_events);
    set_callback(&p->callback[PV_CB_SYSENTER], in->sysenter_callback_eip, in->sysenter_callback_cs,
                 in->sysenter_disables_events);
    if (!with_mce)
        return 0;
    p->mcg_cap = in->vmce.caps;
    p->mci_ctl2[0] = in->vmce.mci_ctl2_bank0;
    p->mci_ctl2[1] = in->vmce.mci_ctl2_bank1;
    p->mcg_ext_ctl = in->vmce.mcg_ext_ctl;
    return 0;
}

uint64_t pv_xstate_components(void)
{
    return cpu_features.xsave ? cpu_features.xcr0 : 0;
}

static size_t area_size(uint64_t components)
{
    return components ? cpu_policy_xsave_size(&host_policy, components) : 0;
}

size_t pv_xstate_size(uint64_t components)
{
    return HEAD + area_size(components);
}

uint64_t pv_xstate_used(const struct vcpu *v)
{
    const struct pv_vcpu *p = container_of(v, const struct pv_vcpu, v);

    return (p->xcr0_used | (v->is_initialised ? FXSAVE : 0)) & pv_xstate_components();
}

int pv_get_xstate(struct vcpu *v, guest_ptr_t to)
{
    const struct pv_vcpu *p = pv_vcpu(v);
    struct pv_xstate head = {.used = pv_xstate_used(v)};
    size_t bytes = area_size(head.used);
    uint64_t present;

    head.xcr0 = head.used ? pv_real_xcr0(p) : 0;
    if (copy_to_guest(to, &head, HEAD) || copy_to_guest(guest_ptr_add(to, HEAD), p->fpu, bytes))
        return -EFAULT;
    if (!bytes)
        return 0;
    memcpy(&present, (const uint8_t *)p->fpu + XSTATE_BV, sizeof(present));
    present &= head.used;
    return copy_to_guest(guest_ptr_add(to, HEAD + XSTATE_BV), &present, sizeof(present));
}

static int check_head(struct vcpu *v, const struct pv_xstate *head, uint64_t bytes)
{
    uint64_t allowed;

    /* Another vcpu of the toolstack may just replace the policy of a domain that never ran. */
    lock(&v->domain->control_lock);
    allowed = pv_xstate_components() & pv_cpu_policy(v->domain)->xcr0;
    unlock(&v->domain->control_lock);
    if (head->used & ~allowed || bytes != pv_xstate_size(head->used))
        return -EINVAL;
    if (!head->used)
        return head->xcr0 ? -EINVAL : 0;
    return pv_xcr0_is_possible(head->xcr0, head->used) ? 0 : -EINVAL;
}

static int check_area(const struct pv_xstate *head, const uint8_t *area)
{
    uint64_t present, compacted;

    memcpy(&present, area + XSTATE_BV, sizeof(present));
    memcpy(&compacted, area + XCOMP_BV, sizeof(compacted));
    if (present & ~head->used)
        return -EINVAL;
    if (compacted)
        return -EOPNOTSUPP;
    for (unsigned int i = RESERVED; i < EXTENDED; i++)
        if (area[i])
            return -EIO;
    return 0;
}

int pv_read_xstate(struct vcpu *v, guest_ptr_t from, uint64_t bytes, struct pv_xstate *head, uint8_t **area)
{
    int rc;

    *area = NULL;
    if (bytes < HEAD || bytes > pv_xstate_size(pv_xstate_components()))
        return -EINVAL;
    if (bytes == HEAD) { /* there is nothing: the rest of the head says no more */
        *head = (struct pv_xstate){0};
        return 0;
    }
    if (copy_from_guest(head, from, HEAD))
        return -EFAULT;
    rc = check_head(v, head, bytes);
    if (rc)
        return rc;
    *area = hv_zalloc(bytes - HEAD);
    if (!*area)
        return -ENOMEM;
    if (copy_from_guest(*area, guest_ptr_add(from, HEAD), bytes - HEAD))
        rc = -EFAULT;
    else
        rc = check_area(head, *area);
    if (!rc)
        return 0;
    hv_free(*area);
    *area = NULL;
    return rc;
}

void pv_set_xstate(struct vcpu *v, const struct pv_xstate *head, const uint8_t *area)
{
    struct pv_vcpu *p = pv_vcpu(v);
    uint32_t mxcsr;

    if (!area)
        return;
    memset(p->fpu, 0, cpu_features.xsave_size);
    memcpy(p->fpu, area, area_size(head->used));
    memcpy(&mxcsr, area + MXCSR, sizeof(mxcsr));
    mxcsr &= 0xffff; /* the rest is reserved, and would make the restore fail */
    memcpy((uint8_t *)p->fpu + MXCSR, &mxcsr, sizeof(mxcsr));
    p->xcr0 = head->xcr0;
    p->xcr0_used = head->used;
}
