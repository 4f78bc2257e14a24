/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The P2M of PV domains: the identity. */
#include "core/frame_ref.h"
#include "pv/leaf.h"
#include "core/p2m.h"

int p2m_get(struct domain *d, gfn_t gfn, enum p2m_access access, struct p2m_frame *out)
{
    mfn_t mfn = MFN(gfn.n);
    struct frame *f = mfn_valid_from_guest(&mfn) ? mfn_to_frame(mfn) : NULL;
    int ret;

    *out = (struct p2m_frame){.mfn = mfn, .type = P2M_RAM, .access = access, .frame = f};
    if (!f || READ_ONCE(f->owner) == DOMID_IO) {
        out->type = P2M_MMIO;
        out->frame = NULL;
        return domain_may_map_mmio(d, mfn) ? 0 : -EINVAL;
    }
    if (access == P2M_READ)
        return frame_get(f, d) ? 0 : -EINVAL;
    ret = frame_get_type(f, d, FT_WRITABLE, NULL);
    return ret ? -EINVAL : 0;
}

void p2m_put(const struct p2m_frame *f)
{
    if (!f->frame)
        return;
    if (f->access == P2M_WRITE)
        frame_put_type(f->frame, NULL, FT_WRITABLE, NULL);
    else
        frame_put(f->frame);
}

int frame_get_writable(struct domain *d, gfn_t gfn, struct frame **out)
{
    mfn_t mfn = MFN(gfn.n);

    if (!mfn_valid_from_guest(&mfn))
        return -EINVAL;
    *out = mfn_to_frame(mfn);
    if (frame_get_type(*out, d, FT_WRITABLE, NULL))
        return -EINVAL;
    return 0;
}

void frame_put_writable(struct frame *f)
{
    frame_put_type(f, NULL, FT_WRITABLE, NULL);
}
