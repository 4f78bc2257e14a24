/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domctl: what a domain's frames are. */
#include "control/domctl.h"
#include "core/frame_ref.h"

#define MOST_FRAMES 1024 /* in one call, as on Xen */

static uint64_t table_type(uint64_t word)
{
    static const uint32_t types[] = {[FT_L1] = XEN_DOMCTL_PFINFO_L1TAB,
                                     [FT_L2] = XEN_DOMCTL_PFINFO_L2TAB,
                                     [FT_L3] = XEN_DOMCTL_PFINFO_L3TAB,
                                     [FT_L4] = XEN_DOMCTL_PFINFO_L4TAB};

    if (fw_phase(word) != FW_VALID || !ft_is_table(fw_type(word)))
        return XEN_DOMCTL_PFINFO_NOTAB;
    return types[fw_type(word)] | (fw_pinned(word) ? XEN_DOMCTL_PFINFO_LPINTAB : 0);
}

static uint64_t frame_info(const struct domain *d, uint64_t mfn)
{
    struct frame *f = mfn_to_frame(MFN(mfn));
    uint64_t info;

    if (!mfn_valid(MFN(mfn)) || !frame_get(f, d))
        return XEN_DOMCTL_PFINFO_XTAB;
    info = f->flags & FRAME_XENHEAP ? XEN_DOMCTL_PFINFO_XTAB : table_type(READ_ONCE(f->word));
    frame_put(f);
    return info;
}

/* Each frame number of the list is replaced by what is there. */
long domctl_getpageframeinfo3(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    struct xen_domctl_getpageframeinfo3 *op = &domctl->u.getpageframeinfo3;

    (void)hc;
    if (op->num > MOST_FRAMES)
        return -E2BIG;
    for (uint64_t i = 0; i < op->num; i++) {
        guest_ptr_t at = GUEST_PTR((uint64_t)op->array.p + i * sizeof(uint64_t));
        uint64_t value;

        if (copy_from_guest(&value, at, sizeof(value)))
            return -EFAULT;
        value = frame_info(d, value);
        if (copy_to_guest(at, &value, sizeof(value)))
            return -EFAULT;
    }
    return 0;
}
