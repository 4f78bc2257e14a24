/* SPDX-License-Identifier: MIT */
/* What a domain without privilege asks for that it may not: refused, with nothing changed. */
#include "foreign.h"
#include <xen/platform.h>

static uint64_t word = 0x600d;

static void *argument(void)
{
    memset(puppet_page, 0, KIT_PAGE_SIZE);
    return puppet_page;
}

KIT_TEST(unprivileged_control)
{
    static const unsigned domctls[] = {
        XEN_DOMCTL_createdomain,   XEN_DOMCTL_destroydomain,    XEN_DOMCTL_pausedomain,
        XEN_DOMCTL_unpausedomain,  XEN_DOMCTL_setvcpuaffinity,  XEN_DOMCTL_max_mem,
        XEN_DOMCTL_setvcpucontext, XEN_DOMCTL_getvcpucontext,   XEN_DOMCTL_getvcpuinfo,
        XEN_DOMCTL_max_vcpus,      XEN_DOMCTL_scheduler_op,     XEN_DOMCTL_setdomainhandle,
        XEN_DOMCTL_hypercall_init, XEN_DOMCTL_settimeoffset,    XEN_DOMCTL_getvcpuaffinity,
        XEN_DOMCTL_resumedomain,   XEN_DOMCTL_set_address_size, XEN_DOMCTL_get_address_size,
        XEN_DOMCTL_gettscinfo,     XEN_DOMCTL_settscinfo,       XEN_DOMCTL_getpageframeinfo3,
        XEN_DOMCTL_get_cpu_policy, XEN_DOMCTL_set_cpu_policy,   XEN_DOMCTL_get_vcpu_msrs};
    static const unsigned sysctls[] = {XEN_SYSCTL_readconsole,    XEN_SYSCTL_physinfo,
                                       XEN_SYSCTL_debug_keys,     XEN_SYSCTL_getdomaininfolist,
                                       XEN_SYSCTL_get_cpu_policy, 31};
    struct xen_domctl *d;
    struct xen_sysctl *s;

    CHECK_OR_RETURN(puppet_ready());
    for (unsigned i = 0; i < ARRAY_SIZE(domctls); i++)
        for (unsigned who = 0; who < 2; who++) {
            d = argument();
            d->cmd = domctls[i];
            d->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
            d->domain = who ? puppet.id : 0;
            CHECK_RC(puppet_op(__HYPERVISOR_domctl, PUPPET_ARG, 0, 0, 0), -XEN_EPERM);
        }
    /* This one says first what is wrong with its domains. */
    for (unsigned target = 0; target < 2; target++) {
        d = argument();
        d->cmd = XEN_DOMCTL_set_target;
        d->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
        d->domain = puppet.id;
        d->u.set_target.target = target ? puppet.id : 0;
        CHECK_RC(puppet_op(__HYPERVISOR_domctl, PUPPET_ARG, 0, 0, 0), target ? -XEN_EINVAL : -XEN_EOPNOTSUPP);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(sysctls); i++) {
        s = argument();
        s->cmd = sysctls[i];
        s->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        CHECK_RC(puppet_op(__HYPERVISOR_sysctl, PUPPET_ARG, 0, 0, 0), -XEN_EPERM);
    }
    for (unsigned cmd = 0; cmd < 70; cmd++) {
        struct xen_platform_op *p = argument();

        p->cmd = cmd;
        p->interface_version = XENPF_INTERFACE_VERSION;
        CHECK_RC(puppet_op(__HYPERVISOR_platform_op, PUPPET_ARG, 0, 0, 0), -XEN_EPERM);
    }
    CHECK_RC(puppet_op(__HYPERVISOR_xsm_op, PUPPET_ARG, 0, 0, 0), -XEN_ENOSYS);
}

KIT_TEST(unprivileged_memory)
{
    struct xen_memory_reservation *r;
    struct xen_foreign_memory_map *f;
    struct xen_mem_acquire_resource *a;
    long own;

    CHECK_OR_RETURN(puppet_ready());
    own = reservation_of(DOMID_SELF);
    for (unsigned cmd = XENMEM_increase_reservation; cmd <= XENMEM_populate_physmap; cmd++) {
        if (cmd != XENMEM_increase_reservation && cmd != XENMEM_decrease_reservation &&
            cmd != XENMEM_populate_physmap)
            continue;
        r = argument();
        r->nr_extents = 1;
        r->domid = 0;
        *(uint64_t *)&r->extent_start = PUPPET_ARG + 512;
        *(uint64_t *)(puppet_page + 512) = kit_mfn_of(&word);
        CHECK_EQ(puppet_op(__HYPERVISOR_memory_op, cmd, PUPPET_ARG, 0, 0), 0);
    }
    CHECK_EQ(reservation_of(DOMID_SELF), own);
    *(domid_t *)argument() = 0;
    CHECK_RC(puppet_op(__HYPERVISOR_memory_op, XENMEM_current_reservation, PUPPET_ARG, 0, 0), -XEN_EPERM);
    CHECK_RC(puppet_op(__HYPERVISOR_memory_op, XENMEM_maximum_reservation, PUPPET_ARG, 0, 0), -XEN_EPERM);
    CHECK_RC(puppet_op(__HYPERVISOR_memory_op, XENMEM_maximum_gpfn, PUPPET_ARG, 0, 0), -XEN_EPERM);
    CHECK_RC(puppet_op(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, PUPPET_ARG, 0, 0), -XEN_EPERM);
    CHECK_RC(puppet_op(__HYPERVISOR_memory_op, XENMEM_get_vnumainfo, PUPPET_ARG, 0, 0), -XEN_EPERM);
    f = argument();
    f->map.nr_entries = 1;
    *(uint64_t *)&f->map.buffer = PUPPET_ARG + 512;
    CHECK_RC(puppet_op(__HYPERVISOR_memory_op, XENMEM_set_memory_map, PUPPET_ARG, 0, 0), -XEN_EPERM);
    f->domid = DOMID_SELF;
    CHECK_RC(puppet_op(__HYPERVISOR_memory_op, XENMEM_set_memory_map, PUPPET_ARG, 0, 0), 0);
    r = argument();
    r->nr_extents = 100;
    r->domid = puppet.id;
    CHECK_RC(puppet_op(__HYPERVISOR_memory_op, XENMEM_claim_pages, PUPPET_ARG, 0, 0), -XEN_EPERM);
    a = argument();
    a->type = XENMEM_resource_grant_table;
    a->nr_frames = 1;
    *(uint64_t *)&a->frame_list = PUPPET_ARG + 512;
    CHECK_RC(puppet_op(__HYPERVISOR_memory_op, XENMEM_acquire_resource, PUPPET_ARG, 0, 0), -XEN_EPERM);
    CHECK_EQ(*(uint64_t *)(puppet_page + 512), 0);
}

static long puppet_update(uint64_t ptr, uint64_t value, unsigned domains)
{
    struct mmu_update *u = argument();

    u->ptr = ptr;
    u->val = value;
    return puppet_op(__HYPERVISOR_mmu_update, PUPPET_ARG, 1, 0, domains);
}

KIT_TEST(unprivileged_mmu)
{
    uint64_t entry, frame = (uint64_t)kit_mfn_of(&word) << 12;
    struct mmuext_op *op;

    CHECK_OR_RETURN(puppet_ready());
    entry = ((uint64_t)puppet.mfn[3] << 12) + 8 * 30;
    for (uint64_t bits = PTE_RO; bits; bits = bits == PTE_RO ? PTE_RW : 0) {
        CHECK_RC(puppet_update(entry, frame | bits, 0), -XEN_EPERM);
        CHECK_RC(puppet_update(entry, frame | bits, DOMID_SELF), -XEN_EBUSY);
        CHECK_RC(puppet_update(entry, frame | bits, 77), -XEN_ESRCH);
        CHECK_RC(puppet_update(entry, frame | bits, DOMID_XEN), -XEN_EPERM);
        CHECK_RC(puppet_update(entry, frame | bits, DOMID_SELF | 1 << 16), -XEN_EPERM);
        CHECK_RC(puppet_update(entry, 0xb8000 | bits, DOMID_IO), -XEN_EPERM);
        CHECK_RC(puppet_update(entry, 0xb8000 | bits, DOMID_SELF), -XEN_EPERM);
        CHECK_RC(puppet_update(entry, 0xfee00000 | bits, DOMID_SELF), -XEN_EPERM);
        CHECK_RC(puppet_op(__HYPERVISOR_update_va_mapping_otherdomain, KIT_PUPPET_VA(30), frame | bits, 0, 0),
                 -XEN_EPERM);
    }
    CHECK_RC(puppet_update(frame | MMU_MACHPHYS_UPDATE, 1, 0), -XEN_EPERM);
    CHECK_RC(puppet_update(frame | MMU_MACHPHYS_UPDATE, 1, DOMID_SELF), -XEN_EINVAL);
    CHECK_RC(puppet_update(frame | ((uintptr_t)&word & 0xff8), 0xbad, DOMID_SELF), -XEN_EINVAL);
    CHECK_EQ(READ_ONCE(word), 0x600d);
    CHECK_EQ(kit_m2p(kit_mfn_of(&word)), kit_pfn_of(&word));
    op = argument();
    op->cmd = MMUEXT_PIN_L1_TABLE;
    op->arg1.mfn = kit_mfn_of(&word);
    CHECK_RC(puppet_op(__HYPERVISOR_mmuext_op, PUPPET_ARG, 1, 0, 0), -XEN_EPERM);
    CHECK_RC(puppet_op(__HYPERVISOR_mmuext_op, PUPPET_ARG, 1, 0, DOMID_SELF), -XEN_EINVAL);
    op->cmd = MMUEXT_CLEAR_PAGE;
    CHECK_RC(puppet_op(__HYPERVISOR_mmuext_op, PUPPET_ARG, 1, 0, 0), -XEN_EPERM);
    CHECK_RC(puppet_op(__HYPERVISOR_mmuext_op, PUPPET_ARG, 1, 0, DOMID_SELF), -XEN_EINVAL);
    op->cmd = MMUEXT_FLUSH_CACHE;
    CHECK_RC(puppet_op(__HYPERVISOR_mmuext_op, PUPPET_ARG, 1, 0, DOMID_SELF), -XEN_EACCES);
    op->cmd = MMUEXT_FLUSH_CACHE_GLOBAL;
    CHECK_RC(puppet_op(__HYPERVISOR_mmuext_op, PUPPET_ARG, 1, 0, DOMID_SELF), -XEN_EINVAL);
    CHECK_EQ(READ_ONCE(word), 0x600d);
}

/* The machine's console is domain 0's alone, whatever is asked of it. */
KIT_TEST(unprivileged_console)
{
    static const char text[] = "written by a domain that may not";

    CHECK_OR_RETURN(puppet_ready());
    memcpy(argument(), text, sizeof(text));
    CHECK_RC(puppet_op(__HYPERVISOR_console_io, CONSOLEIO_write, sizeof(text) - 1, PUPPET_ARG, 0),
             -XEN_EPERM);
    CHECK_RC(puppet_op(__HYPERVISOR_console_io, CONSOLEIO_write, 0, 0, 0), -XEN_EPERM);
    CHECK_RC(puppet_op(__HYPERVISOR_console_io, CONSOLEIO_write, 1, 0x1000, 0), -XEN_EPERM);
    CHECK_RC(puppet_op(__HYPERVISOR_console_io, CONSOLEIO_read, sizeof(text), PUPPET_ARG, 0), -XEN_EPERM);
    CHECK_RC(puppet_op(__HYPERVISOR_console_io, 2, 1, PUPPET_ARG, 0), -XEN_EPERM);
    CHECK_EQ(memcmp(puppet_page, text, sizeof(text)), 0);
}

/* And it lives, with its own memory as it was. */
KIT_TEST(unprivileged_still_there)
{
    CHECK_OR_RETURN(puppet_ready());
    CHECK_EQ(kit_puppet_poke(&puppet, KIT_PUPPET_VA(30), 0x30), 0);
    CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(30)), 0x30);
    puppet_gone();
}
