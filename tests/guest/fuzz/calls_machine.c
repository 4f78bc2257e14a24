/* SPDX-License-Identifier: MIT */
/* What is about the machine or for tools: asked with care, since most of it works for domain 0. And calls that nobody knows. */
#include "fuzz.h"

#include <xen/domctl.h>
#include <xen/sysctl.h>

static void xen_version(struct call *c)
{
    c->op = __HYPERVISOR_xen_version;
    c->arg[0] = chance(90) ? below(12) : pick_wild() | 16;
    tell("xen_version %lx", c->arg[0]);
    if (c->arg[0] == XENVER_get_features) {
        *(uint32_t *)c->buf = (uint32_t)PICK(0, 1, 2, 0xffffffff);
        tell(" %x", *(uint32_t *)c->buf);
    } else if (c->arg[0] == XENVER_build_id) {
        *(uint32_t *)c->buf = (uint32_t)PICK(0, 4, 20, 1024);
        tell(" %x", *(uint32_t *)c->buf);
    }
    c->arg[1] = pointer(c, 1100);
}

static void console_io(struct call *c)
{
    c->op = __HYPERVISOR_console_io;
    c->arg[0] = PICK(CONSOLEIO_write, CONSOLEIO_write, CONSOLEIO_read, 2, 3, 0xffffffff);
    c->arg[1] = c->arg[0] == CONSOLEIO_write ? below(2) : PICK(0, 1, 16, 0x7fffffff, 0xffffffff);
    c->buf[0] = '.';
    tell("console_io %lx %lx", c->arg[0], c->arg[1]);
    c->arg[2] = pointer(c, 16);
}

static void physdev_pirq(struct call *c)
{
    struct physdev_map_pirq *m = (void *)c->buf;
    uint32_t *word = (void *)c->buf;
    struct physdev_unmap_pirq *u = (void *)c->buf;
    uint32_t line = (uint32_t)PICK(5, 7, 10, 11, 16, 23, 24, 100, 1000, 0xffffffff, 0x7fffffff);

    c->arg[0] = PICK(PHYSDEVOP_eoi, PHYSDEVOP_irq_status_query, PHYSDEVOP_map_pirq, PHYSDEVOP_map_pirq,
                     PHYSDEVOP_unmap_pirq, PHYSDEVOP_get_free_pirq, PHYSDEVOP_alloc_irq_vector,
                     PHYSDEVOP_free_irq_vector, PHYSDEVOP_setup_gsi);
    tell("physdev_op %lx", c->arg[0]);
    word[0] = line;
    if (c->arg[0] == PHYSDEVOP_map_pirq) {
        m->domid = (domid_t)pick_domid();
        m->type = (int)PICK(MAP_PIRQ_TYPE_GSI, MAP_PIRQ_TYPE_GSI, MAP_PIRQ_TYPE_MSI, MAP_PIRQ_TYPE_UNKNOWN,
                            MAP_PIRQ_TYPE_MSI_SEG, 5, 0x7fffffff);
        m->index = (int)line;
        m->pirq = (int)PICK(line, line, 0xffffffff, 5, 1000, 0x7fffffff);
        m->bus = (int)PICK(0x55, 0x12345); /* where nothing is */
        m->devfn = (int)PICK(0, 8, 0xff, 0x100);
        m->entry_nr = (int)PICK(0, 1, 0xffffffff);
        if (m->pirq < 0)
            c->flags = HIDE_OUTPUT; /* any number: how many there are is the machine's affair */
        tell(" dom=%x type=%x index=%x pirq=%x bus=%x devfn=%x entry=%x", m->domid, m->type, m->index,
             m->pirq, m->bus, m->devfn, m->entry_nr);
    } else if (c->arg[0] == PHYSDEVOP_unmap_pirq) {
        u->domid = (domid_t)pick_domid();
        u->pirq = (int)line;
        tell(" dom=%x %x", u->domid, line);
    } else if (c->arg[0] == PHYSDEVOP_get_free_pirq) {
        word[0] = (uint32_t)PICK(0, 1, 2, 5);
        tell(" type=%x", word[0]);
        c->flags = HIDE_OUTPUT; /* how many there are is the machine's affair */
    } else {
        word[1] = (uint32_t)PICK(0, 1, 0x101, 0xffffffff);
        tell(" %x %x", word[0], word[1]);
    }
}

static void physdev_pci(struct call *c)
{
    c->arg[0] = PICK(PHYSDEVOP_manage_pci_add, PHYSDEVOP_manage_pci_remove, PHYSDEVOP_restore_msi,
                     PHYSDEVOP_manage_pci_add_ext, PHYSDEVOP_pci_mmcfg_reserved, PHYSDEVOP_pci_device_remove,
                     PHYSDEVOP_restore_msi_ext, PHYSDEVOP_prepare_msix, PHYSDEVOP_release_msix);
    tell("physdev_op %lx", c->arg[0]);
    if (c->arg[0] == PHYSDEVOP_pci_mmcfg_reserved) {
        struct physdev_pci_mmcfg_reserved *m = (void *)c->buf;

        m->address = PICK(0xb0000000, 1, 0);
        m->segment = (uint16_t)PICK(0, 1);
        m->end_bus = (uint8_t)PICK(0, 255);
        m->flags = (uint32_t)PICK(0, 1, 2);
        tell(" %lx %x %x %x", (unsigned long)m->address, m->segment, m->end_bus, m->flags);
        return;
    }
    memset(c->buf, 0x55, 4); /* bus 0x55, or segment 0x5555: nothing there */
    tell(" 55");
}

static void physdev_op(struct call *c)
{
    uint32_t *word = (void *)c->buf;
    struct physdev_apic *apic = (void *)c->buf;

    c->op = __HYPERVISOR_physdev_op;
    if (chance(50)) {
        physdev_pirq(c);
    } else if (chance(40)) {
        physdev_pci(c);
    } else {
        c->arg[0] =
            PICK(PHYSDEVOP_set_iopl, PHYSDEVOP_set_iobitmap, PHYSDEVOP_apic_read, PHYSDEVOP_dbgp_op,
                 PHYSDEVOP_pirq_eoi_gmfn_v1, PHYSDEVOP_pirq_eoi_gmfn_v2, 4, 22, 31, 32, 99, 0xffffffff);
        word[0] = (uint32_t)PICK(0, 1, 2, 3, 4, 0xffffffff);
        tell("physdev_op %lx %x", c->arg[0], word[0]);
        if (c->arg[0] == PHYSDEVOP_set_iobitmap) {
            struct physdev_set_iobitmap *b = (void *)c->buf;

            b->bitmap.p = (void *)PICK(0, (uintptr_t)area_va, 0x1000, HYPERVISOR_VIRT_START, 0x800000000000);
            b->nr_ports = (uint32_t)PICK(0, 1, 65536, 65537, 0xffffffff);
            tell(" %lx %x", (unsigned long)b->bitmap.p, b->nr_ports);
        } else if (c->arg[0] == PHYSDEVOP_apic_read) {
            apic->apic_physbase = PICK(0xfec00000, 0xfec00000, 0, 0xfee00000);
            apic->reg = (uint32_t)PICK(0, 1, 2, 0xff, 0x200);
            tell(" %lx %x", apic->apic_physbase, apic->reg);
        } else if (c->arg[0] == PHYSDEVOP_pirq_eoi_gmfn_v1 || c->arg[0] == PHYSDEVOP_pirq_eoi_gmfn_v2) {
            *(uint64_t *)c->buf =
                chance(70) ? PICK(0xfee00, 1UL << 40, NO_FRAME) : frames[NAME_AREA]; /* for good */
            tell(" %s", name_of(*(uint64_t *)c->buf));
        } else if (c->arg[0] == PHYSDEVOP_dbgp_op) {
            c->buf[1] = 2;
        }
    }
    c->arg[1] = pointer(c, 48);
}

static void platform_op(struct call *c)
{
    struct xen_platform_op *op = (void *)c->buf;

    c->op = __HYPERVISOR_platform_op;
    op->cmd = (uint32_t)PICK(XENPF_settime32, XENPF_settime64, XENPF_getidletime, XENPF_get_cpuinfo,
                             XENPF_get_cpu_version, XENPF_cpu_online, XENPF_core_parking, XENPF_firmware_info,
                             XENPF_get_symbol, XENPF_read_memtype, XENPF_resource_op, XENPF_platform_quirk,
                             XENPF_change_freq, XENPF_efi_runtime_call, 0, 99, 0xffffffff);
    op->interface_version = chance(85) ? XENPF_INTERFACE_VERSION : (uint32_t)PICK(0, 0x03000000, 0x03000002);
    tell("platform_op %x version=%x", op->cmd, op->interface_version);
    switch (op->cmd) {
    case XENPF_settime64:
        op->u.settime64.mbz = (uint32_t)PICK(0, 1);
        op->u.settime64.secs = 2000000000;
        tell(" mbz=%x", op->u.settime64.mbz);
        break;
    case XENPF_get_cpuinfo:
        op->u.pcpu_info.xen_cpuid = (uint32_t)PICK(0, 1, 8, 0xffffffff);
        tell(" cpu=%x", op->u.pcpu_info.xen_cpuid);
        break;
    case XENPF_get_cpu_version:
        op->u.pcpu_version.xen_cpuid = (uint32_t)PICK(0, 1, 8, 0xffffffff);
        tell(" cpu=%x", op->u.pcpu_version.xen_cpuid);
        break;
    case XENPF_cpu_online:
        op->u.cpu_ol.cpuid = (uint32_t)PICK(8, 4096, 0xffffffff);
        tell(" cpu=%x", op->u.cpu_ol.cpuid);
        break;
    case XENPF_firmware_info:
        op->u.firmware_info.type =
            (uint32_t)PICK(XEN_FW_DISK_INFO, XEN_FW_DISK_MBR_SIGNATURE, XEN_FW_VBEDDC_INFO, XEN_FW_EFI_INFO,
                           XEN_FW_KBD_SHIFT_FLAGS, 99);
        op->u.firmware_info.index = (uint32_t)PICK(0, 1, 99);
        tell(" type=%x index=%x", op->u.firmware_info.type, op->u.firmware_info.index);
        break;
    case XENPF_get_symbol:
        c->flags = HIDE_OUTPUT;
    }
    if (op->cmd == XENPF_getidletime)
        c->flags = HIDE_OUTPUT;
    c->arg[0] = pointer(c, sizeof(*op));
}

static void tools(struct call *c)
{
    struct xen_sysctl *s = (void *)c->buf;
    struct xen_domctl *d = (void *)c->buf;

    if (chance(50)) {
        c->op = __HYPERVISOR_sysctl;
        s->cmd = (uint32_t)PICK(0, 3, 99, 0xffffffff, 1, 6);
        s->interface_version =
            chance(60) ? 0 : XEN_SYSCTL_INTERFACE_VERSION + (s->cmd == 1 || s->cmd == 6 || s->cmd == 3);
        tell("sysctl %x version=%x", s->cmd, s->interface_version);
    } else {
        c->op = __HYPERVISOR_domctl;
        d->cmd = (uint32_t)PICK(0, 1, 2, 5, 6, 99, 1000, 0xffffffff);
        d->domain = (domid_t)PICK(0, 5, DOMID_SELF, DOMID_INVALID, DOMID_IO);
        d->interface_version = d->cmd == 5 || d->cmd >= 99 ? (uint32_t)PICK(XEN_DOMCTL_INTERFACE_VERSION, 0)
                                                           : (uint32_t)PICK(0, 0x14, 0x16);
        tell("domctl %x version=%x dom=%x", d->cmd, d->interface_version, d->domain);
        c->flags = HIDE_OUTPUT;
    }
    c->arg[0] = pointer(c, 128);
}

/* Numbers without a call, and calls of other builds and guests, with what no implementation could take for a request. */
static void unknown(struct call *c)
{
    c->op = (unsigned)PICK(11, 27, 31, 34, 37, 38, 39, 40, 41, 42, 43, 44, 47, 49, 50, 55, 56, 63, 64, 65,
                           100, 127);
    c->arg[0] = PICK(99, 0x7fffffff, 0xffffffff, 1000);
    c->arg[1] = 0x1000;
    c->arg[2] = 0x1000;
    c->arg[3] = 0x1000;
    tell("unknown call %u %lx", c->op, c->arg[0]);
}

const struct call_kind calls_machine[] = {
    {14, xen_version}, {8, console_io}, {30, physdev_op}, {16, platform_op},
    {16, tools},       {12, unknown},   {0, NULL},
};
