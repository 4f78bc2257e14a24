/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HYPERVISOR_physdev_op (xen/physdev.h): one small function an operation, in a table that says what each copies. What each answers was recorded from
 * Debian's Xen 4.17; the comments name what surprises.
 */
#include "arch/x86/irq/physdev.h"
#include "arch/x86/irq/irq.h"
#include "arch/x86/irq/msi.h"
#include "arch/x86/irq/pirq.h"
#include "core/authority.h"
#include "core/guest_abi.h"
#include "drivers/pci/config.h"
#include "event/event.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "pv/ports.h"
#include "pv/pv.h"
#include <xen/physdev.h>

#define MULTI_MSI_MAX 32 /* of one function (PCI 3.0, 6.8.1.3) */

/* Who may ask, and whether the structure is copied back. */
enum physdev_flags { PHYSDEV_ANYONE = 1, PHYSDEV_OUT = 2, PHYSDEV_OUT_ALWAYS = 4 /* also after an error */ };

union physdev_arg {
    struct physdev_eoi eoi;
    struct physdev_pirq_eoi_gmfn eoi_gmfn;
    struct physdev_irq_status_query status;
    struct physdev_set_iopl iopl;
    abi_physdev_set_iobitmap_t iobitmap;
    struct physdev_apic apic;
    struct physdev_irq irq;
    struct physdev_map_pirq map;
    struct physdev_unmap_pirq unmap;
    struct physdev_manage_pci manage;
    struct physdev_manage_pci_ext manage_ext;
    struct physdev_restore_msi restore;
    struct physdev_setup_gsi gsi;
    struct physdev_get_free_pirq free_pirq;
    struct physdev_pci_mmcfg_reserved mmcfg;
    struct physdev_pci_device_add device_add;
    struct physdev_pci_device device;
    struct physdev_dbgp_op dbgp;
};

static long op_eoi(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    uint32_t pirq = arg->eoi.irq;

    if (pirq_irq(d, pirq) < 0)
        return pirq_is_reserved(d, pirq) ? 0 : -EINVAL;
    pirq_eoi(d, pirq);
    if (d->irq->eoi_unmasks)
        return event_unmask(d, v, event_pirq_port(d, pirq));
    return 0;
}

static long op_eoi_page_v1(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return pirq_set_eoi_page(d, GFN(arg->eoi_gmfn.gmfn), true);
}

static long op_eoi_page_v2(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return pirq_set_eoi_page(d, GFN(arg->eoi_gmfn.gmfn), false);
}

/* Answers for numbers that are not mapped, too; says "needs EOI" of every one, since the page tells more exactly. */
static long op_status(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    int irq;

    if (!irq_domain_of(d))
        return -ENOMEM;
    if (arg->status.irq >= d->irq->pirqs)
        return -EINVAL;
    arg->status.flags = XENIRQSTAT_needs_eoi;
    irq = pirq_irq(d, arg->status.irq);
    if (irq >= 0 && irq_guest_is_shared((unsigned int)irq))
        arg->status.flags |= XENIRQSTAT_shared;
    return 0;
}

static long op_set_iopl(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    if (arg->iopl.iopl > 3)
        return -EINVAL;
    pv_vcpu(v)->iopl = (uint8_t)arg->iopl.iopl;
    pv_port_rights_changed(pv_vcpu(v));
    return 0;
}

static long op_set_iobitmap(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    const abi_physdev_set_iobitmap_t *p = &arg->iobitmap;

    if (p->nr_ports > 65536)
        return -EINVAL;
    if (!guest_may_name(p->bitmap.addr))
        return -EINVAL;
    pv_vcpu(v)->guest_io_bitmap = p->bitmap;
    pv_vcpu(v)->guest_io_bitmap_ports = p->nr_ports;
    return 0;
}

static long op_apic_read(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return ioapic_read_register(arg->apic.apic_physbase, (uint8_t)arg->apic.reg, &arg->apic.value);
}

/* The entries are ours; a write that names an IO-APIC succeeds and changes nothing (Linux has used PHYSDEVOP_setup_gsi since 2.6.37). */
static long op_apic_write(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    uint32_t ignored;

    return ioapic_read_register(arg->apic.apic_physbase, 0, &ignored);
}

/* Vectors are no business of a guest's: it gets the number back that it gave. */
static long op_alloc_vector(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    arg->irq.vector = arg->irq.irq;
    return 0;
}

static long op_setup_gsi(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return arg->gsi.gsi < 0
               ? -EINVAL
               : ioapic_configure((unsigned int)arg->gsi.gsi, arg->gsi.triggering, arg->gsi.polarity);
}

static long op_get_free_pirq(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    int pirq = pirq_reserve(d, arg->free_pirq.type == MAP_PIRQ_TYPE_GSI);

    if (pirq < 0)
        return pirq;
    arg->free_pirq.pirq = (uint32_t)pirq;
    return 0;
}

static long map_msi(struct domain *d, struct physdev_map_pirq *map)
{
    uint16_t segment = map->type == MAP_PIRQ_TYPE_MSI_SEG ? (uint16_t)((unsigned int)map->bus >> 16) : 0;
    struct pci_address a = PCI_ADDRESS(segment, (uint8_t)map->bus, (uint8_t)map->devfn);
    int irq, rc;

    if (map->index != -1) /* an interrupt there is already; none of those is the guest's */
        return map->index >= (int)irq_gsis && map->index < (int)irq_count ? -EPERM : -EINVAL;
    if (map->pirq >= 0 && pirq_irq(d, (unsigned int)map->pirq) >= 0)
        return 0; /* as recorded: a number that has an interrupt already keeps it */
    if (map->pirq >= 0 && !pirq_exists(d, (unsigned int)map->pirq))
        return -EINVAL;
    irq = msi_new(a, map->table_base != 0, map->table_base ? (unsigned int)map->entry_nr : 0);
    if (irq < 0)
        return irq;
    if (map->pirq < 0)
        map->pirq = -1;
    rc = pirq_map_msi(d, (unsigned int)irq, &map->pirq);
    if (rc)
        msi_free((unsigned int)irq);
    return rc;
}

/*
 * Several at once would have to be neighbours on one processor for good, since they share an address and all
 * bits of the data but the lowest: nothing moves them without interrupt remapping. Xen without that says the
 * same, and Linux takes it for "one, then".
 */
static long map_several_msis(struct domain *d, struct physdev_map_pirq *map)
{
    if (map->entry_nr <= 0 || map->entry_nr > MULTI_MSI_MAX)
        return -EDOM;
    if (map->entry_nr > 1)
        return -EOPNOTSUPP;
    return map->table_base ? -EINVAL : map_msi(d, map);
}

/* The hypervisor's own have no interrupts. */
static struct domain *find_domain(struct domain *self, domid_t id)
{
    return id < DOMID_FIRST_RESERVED || id == DOMID_SELF ? domain_get_or_self(id, self) : NULL;
}

/* As on Xen, whoever names a segment reads back that it was an MSI like others. */
static void hide_segment(struct physdev_map_pirq *map)
{
    if (map->type == MAP_PIRQ_TYPE_MSI_SEG)
        map->type = MAP_PIRQ_TYPE_MSI;
}

static long op_map(struct domain *self, struct vcpu *v, union physdev_arg *arg)
{
    struct physdev_map_pirq *map = &arg->map;
    struct domain *d = find_domain(self, map->domid);
    long rc;

    if (!d) {
        hide_segment(map);
        return -ESRCH;
    }
    rc = authorise(self, d, AUTHORITY_PIRQ_MAP);
    if (rc)
        goto out;
    switch (map->type) {
    case MAP_PIRQ_TYPE_GSI:
        rc = map->index < 0 ? -EINVAL : pirq_map_gsi(self, d, (unsigned int)map->index, &map->pirq);
        break;
    case MAP_PIRQ_TYPE_MSI:
    case MAP_PIRQ_TYPE_MSI_SEG:
        rc = map_msi(d, map);
        hide_segment(map);
        break;
    case MAP_PIRQ_TYPE_MULTI_MSI:
        rc = map_several_msis(d, map);
        break;
    default:
        rc = -EINVAL;
        break;
    }
out:
    domain_put(d);
    return rc;
}

static long op_unmap(struct domain *self, struct vcpu *v, union physdev_arg *arg)
{
    struct domain *d = find_domain(self, arg->unmap.domid);
    long rc;

    if (!d)
        return -ESRCH;
    rc = authorise(self, d, AUTHORITY_PIRQ_MAP);
    if (!rc)
        rc = arg->unmap.pirq < 0 ? -EINVAL : pirq_unmap(d, (unsigned int)arg->unmap.pirq);
    domain_put(d);
    return rc;
}

static long op_manage_add(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return pci_device_add(PCI_ADDRESS(0, arg->manage.bus, arg->manage.devfn));
}

/* What goes needs no table any more; one whose interrupts are in use does not go. */
static long remove_device(struct pci_address a)
{
    (void)!msi_prepare(a, false);
    return pci_device_remove(a);
}

static long op_manage_remove(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return remove_device(PCI_ADDRESS(0, arg->manage.bus, arg->manage.devfn));
}

static long op_manage_add_ext(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return pci_device_add(PCI_ADDRESS(0, arg->manage_ext.bus, arg->manage_ext.devfn));
}

static long op_device_add(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return pci_device_add(PCI_ADDRESS(arg->device_add.seg, arg->device_add.bus, arg->device_add.devfn));
}

static struct pci_address device_of(const union physdev_arg *arg)
{
    return PCI_ADDRESS(arg->device.seg, arg->device.bus, arg->device.devfn);
}

static long op_device_remove(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return remove_device(device_of(arg));
}

static long op_restore(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return msi_restore(PCI_ADDRESS(0, arg->restore.bus, arg->restore.devfn));
}

static long op_restore_ext(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return msi_restore(device_of(arg));
}

static long op_prepare(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return msi_prepare(device_of(arg), true);
}

static long op_release(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return msi_prepare(device_of(arg), false);
}

static long op_mmcfg(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    const struct physdev_pci_mmcfg_reserved *m = &arg->mmcfg;

    if (m->flags & ~XEN_PCI_MMCFG_RESERVED)
        return -EINVAL;
    return pci_ecam_confirm(m->address, m->segment, m->start_bus, m->end_bus,
                            m->flags & XEN_PCI_MMCFG_RESERVED);
}

/* No console of ours sits behind a debug port. */
static long op_dbgp(struct domain *d, struct vcpu *v, union physdev_arg *arg)
{
    return 0;
}

static const struct physdev_row {
    long (*perform)(struct domain *d, struct vcpu *v, union physdev_arg *arg);
    struct abi_argument argument;
    uint8_t flags;
} rows[] = {
    [PHYSDEVOP_irq_status_query] = {op_status, ABI_ALIKE(struct physdev_irq_status_query),
                                    PHYSDEV_ANYONE | PHYSDEV_OUT},
    [PHYSDEVOP_set_iopl] = {op_set_iopl, ABI_ALIKE(struct physdev_set_iopl), PHYSDEV_ANYONE},
    [PHYSDEVOP_set_iobitmap] = {op_set_iobitmap, ABI_ARGUMENT(physdev_set_iobitmap), PHYSDEV_ANYONE},
    [PHYSDEVOP_apic_read] = {op_apic_read, ABI_ARGUMENT(physdev_apic), PHYSDEV_OUT_ALWAYS},
    [PHYSDEVOP_apic_write] = {op_apic_write, ABI_ARGUMENT(physdev_apic), 0},
    [PHYSDEVOP_alloc_irq_vector] = {op_alloc_vector, ABI_ALIKE(struct physdev_irq), PHYSDEV_OUT},
    [PHYSDEVOP_eoi] = {op_eoi, ABI_ALIKE(struct physdev_eoi), PHYSDEV_ANYONE},
    [PHYSDEVOP_map_pirq] = {op_map, ABI_ARGUMENT(physdev_map_pirq), PHYSDEV_OUT_ALWAYS},
    [PHYSDEVOP_unmap_pirq] = {op_unmap, ABI_ALIKE(struct physdev_unmap_pirq), 0},
    [PHYSDEVOP_manage_pci_add] = {op_manage_add, ABI_ALIKE(struct physdev_manage_pci), 0},
    [PHYSDEVOP_manage_pci_remove] = {op_manage_remove, ABI_ALIKE(struct physdev_manage_pci), 0},
    [PHYSDEVOP_pirq_eoi_gmfn_v1] = {op_eoi_page_v1, ABI_ARGUMENT(physdev_pirq_eoi_gmfn), PHYSDEV_ANYONE},
    [PHYSDEVOP_restore_msi] = {op_restore, ABI_ALIKE(struct physdev_restore_msi), 0},
    [PHYSDEVOP_manage_pci_add_ext] = {op_manage_add_ext, ABI_ALIKE(struct physdev_manage_pci_ext), 0},
    [PHYSDEVOP_setup_gsi] = {op_setup_gsi, ABI_ALIKE(struct physdev_setup_gsi), 0},
    [PHYSDEVOP_get_free_pirq] = {op_get_free_pirq, ABI_ALIKE(struct physdev_get_free_pirq),
                                 PHYSDEV_ANYONE | PHYSDEV_OUT},
    [PHYSDEVOP_pci_mmcfg_reserved] = {op_mmcfg, ABI_ALIKE(struct physdev_pci_mmcfg_reserved), 0},
    [PHYSDEVOP_pci_device_add] = {op_device_add, {NULL, offsetof(struct physdev_pci_device_add, optarr)}, 0},
    [PHYSDEVOP_pci_device_remove] = {op_device_remove, ABI_ALIKE(struct physdev_pci_device), 0},
    [PHYSDEVOP_restore_msi_ext] = {op_restore_ext, ABI_ALIKE(struct physdev_pci_device), 0},
    [PHYSDEVOP_pirq_eoi_gmfn_v2] = {op_eoi_page_v2, ABI_ARGUMENT(physdev_pirq_eoi_gmfn), PHYSDEV_ANYONE},
    [PHYSDEVOP_dbgp_op] = {op_dbgp, ABI_ALIKE(struct physdev_dbgp_op), 0},
    [PHYSDEVOP_prepare_msix] = {op_prepare, ABI_ALIKE(struct physdev_pci_device), 0},
    [PHYSDEVOP_release_msix] = {op_release, ABI_ALIKE(struct physdev_pci_device), 0},
};

static long perform(struct hypercall *hc, uint32_t cmd, guest_ptr_t at)
{
    const struct physdev_row *row;
    struct domain *d = hc->vcpu->domain;
    union physdev_arg arg;
    long rc;

    if (cmd == PHYSDEVOP_IRQ_UNMASK_NOTIFY) /* obsolete; succeeds */
        return 0;
    if (cmd >= ARRAY_SIZE(rows))
        return -ENOSYS;
    row = &rows[array_index_clamp(cmd, ARRAY_SIZE(rows))];
    if (!row->perform)
        return -ENOSYS;
    if (!(row->flags & PHYSDEV_ANYONE) && authorise(d, NULL, AUTHORITY_PHYSICAL_DEVICES))
        return -EPERM;
    memset(&arg, 0, sizeof(arg));
    if (abi_read_argument(hc, &row->argument, &arg, at))
        return -EFAULT;
    rc = row->perform(d, hc->vcpu, &arg);
    if (((row->flags & PHYSDEV_OUT_ALWAYS) || (rc >= 0 && (row->flags & PHYSDEV_OUT))) &&
        abi_write_argument(hc, &row->argument, at, &arg))
        return -EFAULT;
    return rc;
}

long do_physdev_op(struct hypercall *hc)
{
    return perform(hc, (uint32_t)hc->arg[0], hypercall_ptr(hc, 1));
}

/* Up to interface 0x00030202: the command is in the structure, the operation's part behind it. */
long do_physdev_op_compat(struct hypercall *hc)
{
    guest_ptr_t at = hypercall_ptr(hc, 0);
    uint32_t cmd;

    if (copy_from_guest(&cmd, at, sizeof(cmd)))
        return -EFAULT;
    if (cmd < PHYSDEVOP_IRQ_UNMASK_NOTIFY || cmd > PHYSDEVOP_alloc_irq_vector)
        return -ENOSYS;
    return perform(hc, cmd, guest_ptr_add(at, abi_offset(hc, physdev_op, u)));
}
