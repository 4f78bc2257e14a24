/* SPDX-License-Identifier: MIT */
/* Making and ending other domains, and reaching their memory. */
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

long kit_domctl(unsigned cmd, unsigned domain, struct xen_domctl *op)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = (domid_t)domain;
    return kit_hypercall1(__HYPERVISOR_domctl, (uintptr_t)op);
}

long kit_sysctl(unsigned cmd, struct xen_sysctl *op)
{
    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)op);
}

uint64_t kit_free_pages(void)
{
    struct xen_sysctl op = {0};

    return kit_sysctl(XEN_SYSCTL_physinfo, &op) ? 0 : op.u.physinfo.free_pages;
}

int kit_domain_create(unsigned vcpus, unsigned pages, domid_t *id)
{
    struct xen_domctl op = {0};
    long rc;

    op.u.createdomain.max_vcpus = vcpus;
    op.u.createdomain.max_evtchn_port = 1023;
    op.u.createdomain.max_grant_frames = 8;
    op.u.createdomain.max_maptrack_frames = 16;
    op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(2);
    rc = kit_domctl(XEN_DOMCTL_createdomain, 0, &op);
    if (rc)
        return (int)rc;
    *id = op.domain;
    memset(&op, 0, sizeof(op));
    op.u.max_vcpus.max = vcpus;
    rc = kit_domctl(XEN_DOMCTL_max_vcpus, *id, &op);
    if (!rc) {
        memset(&op, 0, sizeof(op));
        op.u.max_mem.max_memkb = pages * 4UL;
        rc = kit_domctl(XEN_DOMCTL_max_mem, *id, &op);
    }
    if (rc)
        kit_domain_gone(*id);
    return (int)rc;
}

int kit_domain_destroy(domid_t id)
{
    struct xen_domctl op = {0};

    return (int)kit_domctl(XEN_DOMCTL_destroydomain, id, &op);
}

bool kit_free_pages_are(uint64_t pages)
{
    return !kit_on_xenios() || kit_free_pages() == pages;
}

/* Asked for by a creation that is refused in either case: -EEXIST, or -EINVAL since it asks for no vcpus. */
static bool number_is_taken(domid_t id)
{
    struct xen_domctl op = {0};

    return kit_domctl(XEN_DOMCTL_createdomain, id, &op) == -XEN_EEXIST;
}

bool kit_domain_gone(domid_t id)
{
    /* Xen keeps a domain of which something is mapped, so that tests wait there in vain. */
    uint64_t deadline = kit_time_ns() + (kit_on_xenios() ? 10 : 2) * 1000000000UL;

    kit_domain_destroy(id);
    while (number_is_taken(id)) {
        if (kit_time_ns() > deadline)
            return false;
        hcall_sched_op(SCHEDOP_yield, NULL);
    }
    return true;
}

long kit_domain_pin(unsigned domain, unsigned vcpu, uint64_t processors)
{
    struct xen_domctl op = {0};

    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, (void *)&processors);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    return kit_domctl(XEN_DOMCTL_setvcpuaffinity, domain, &op);
}

void *kit_foreign_map(domid_t owner, unsigned long mfn, uint64_t bits, int *rc)
{
    void *va = kit_page_alloc();
    uint64_t maddr;
    int error = -XEN_ENOMEM;

    if (va && kit_pte_find(kit_root_mfn, (uintptr_t)va, 1, &maddr, NULL))
        error = kit_mmu_update1(maddr | MMU_NORMAL_PT_UPDATE, (uint64_t)mfn << KIT_PAGE_SHIFT | bits, owner);
    if (!error)
        error = kit_mmuext1(MMUEXT_INVLPG_ALL, (uintptr_t)va, 0);
    if (rc)
        *rc = error;
    if (!error)
        return va;
    if (va)
        kit_page_free(va);
    return NULL;
}

int kit_foreign_unmap(void *va)
{
    int rc = kit_set_rw(va);

    if (!rc)
        kit_page_free(va);
    return rc;
}
