/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for parts that are not linked yet; each goes when its part arrives. */
#include "arch/x86/tlb.h"
#include "core/hypercall.h"
#include "core/io_access.h"
#include "drivers/serial.h"
#include "event/event.h"
#include "hv/errno.h"
#include "pv/fixups.h"
#include "top/calls.h"

#define WEAK __attribute__((weak))

WEAK bool domain_may_use_port(const struct domain *d, uint32_t port, unsigned int size)
{
    return d->is_hardware && !serial_owns_port((uint16_t)port) && port != 0x20 && port != 0x21 && port != 0xa0 && port != 0xa1 && !(port >= 0x40 && port < 0x44);
}
WEAK bool domain_may_map_mmio(struct domain *d, mfn_t mfn)
{
    return d->is_hardware;
}
WEAK long do_physdev_op(struct hypercall *hc)
{
    return -ENOSYS;
}
WEAK long do_memory_op(struct hypercall *hc)
{
    return -ENOSYS;
}
WEAK long do_set_gdt(struct hypercall *hc)
{
    return -ENOSYS;
}
WEAK long do_update_descriptor(struct hypercall *hc)
{
    return -ENOSYS;
}
WEAK bool pv_ldt_fault(struct vcpu *v, unsigned int offset)
{
    return false;
}
WEAK bool pv_fixup_ro_pt_write(struct vcpu *v, uint64_t va, uint32_t error_code)
{
    return false;
}
WEAK int pv_relinquish(struct domain *d)
{
    return 0;
}
WEAK int pv_write_cr3(struct pv_vcpu *p, uint64_t value);
WEAK int pv_write_cr3(struct pv_vcpu *p, uint64_t value)
{
    return -ENOSYS;
}
WEAK struct event_pirq_ops event_pirq_ops;
int frame_get_writable(struct domain *d, gfn_t gfn, struct frame **out);
void frame_put_writable(struct frame *f);
#include "core/frame_ref.h"
WEAK int frame_get_writable(struct domain *d, gfn_t gfn, struct frame **out)
{
    if (!mfn_valid(MFN(gfn.n)))
        return -EINVAL;
    *out = mfn_to_frame(MFN(gfn.n));
    return frame_get_type(*out, d, FT_WRITABLE, NULL);
}
WEAK void frame_put_writable(struct frame *f)
{
    frame_put_type(f, hardware_domain, FT_WRITABLE, NULL);
}
