/* SPDX-License-Identifier: MIT */
/* GUEST-GROUP: smp=2 mem=512 dom0=128M timeout=120 */
#include <kit/time.h>
#include "foreign.h"

struct kit_puppet puppet;
char *puppet_page;

bool puppet_ready(void)
{
    int rc = 0;

    if (puppet_page)
        return true;
    rc = kit_puppet_make(&puppet);
    if (!rc)
        puppet_page = kit_foreign_map(puppet.id, puppet.mfn[PUPPET_PAGE], PTE_RW, &rc);
    CHECK_RC(rc, 0);
    return puppet_page;
}

void puppet_gone(void)
{
    kit_foreign_unmap(puppet_page);
    puppet_page = NULL;
    CHECK(kit_puppet_end(&puppet));
}

long mmu_one(uint64_t ptr, uint64_t value, unsigned domains)
{
    struct mmu_update u = {.ptr = ptr, .val = value};

    return hcall_mmu_update(&u, 1, NULL, domains);
}

long mmuext_one(unsigned cmd, unsigned long arg1, unsigned long arg2, unsigned domain)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = arg1, .arg2.src_mfn = arg2};

    return hcall_mmuext_op(&op, 1, NULL, domain);
}

uint64_t pte_address(const volatile void *va)
{
    uint64_t maddr = 0;

    kit_pte_find(kit_root_mfn, (uintptr_t)va, 1, &maddr, NULL);
    return maddr;
}

long reservation_of(unsigned domain)
{
    struct xen_memory_domain d = {.domid = (domid_t)domain};

    return hcall_memory_op(XENMEM_current_reservation, &d);
}

long one_extent(unsigned cmd, unsigned domain, uint64_t *extent, unsigned order)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .extent_order = order, .domid = (domid_t)domain};

    set_xen_guest_handle(r.extent_start, (void *)extent);
    return hcall_memory_op(cmd, &r);
}

/* A domain is made, runs and ends, and leaves nothing. */
KIT_TEST(puppet_life)
{
    uint64_t before = 0;

    for (unsigned i = 0; i < 3; i++) {
        CHECK_OR_RETURN(puppet_ready());
        CHECK_EQ(puppet_op(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0), 4 << 16 | 17);
        CHECK_EQ(kit_puppet_poke(&puppet, KIT_PUPPET_VA(9), 0x1234567), 0);
        CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(9)), 0x1234567);
        puppet_gone();
        CHECK(!i || kit_free_pages_are(before));
        before = kit_free_pages();
    }
}
