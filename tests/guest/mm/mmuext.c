/* SPDX-License-Identifier: MIT */
/* mmuext_op, but for pins: base pointers, flushes, page copies, and the list itself. */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

/* Make a second top-level table with the kernel's half of the first. */
static uint64_t *clone_root(void)
{
    uint64_t *t = kit_page_alloc(), *root = kit_va_of_mfn(kit_root_mfn);

    memcpy(t, root, KIT_PAGE_SIZE);
    memset(t + 256, 0, 16 * 8);
    CHECK_RC(kit_set_ro(t), 0);
    CHECK_RC(kit_pin(4, kit_mfn_of(t)), 0);
    return t;
}

KIT_TEST(new_baseptr)
{
    uint64_t *t = clone_root(), cr3, v;

    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, kit_mfn_of(t), 0), 0);
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    CHECK_EQ(cr3, kit_maddr_of(t));
    CHECK(kit_peek((void *)MACH2PHYS_VIRT_START, &v));
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, kit_mfn_of(t), 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, 0x100, 0), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, 0, 0), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, ~0UL, 0), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, kit_mfn_of(kit_this()->stack), 0), -XEN_EINVAL);
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    CHECK_EQ(cr3, kit_maddr_of(t));
    /* In use it keeps its type without a pin. */
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(kit_set_rw(t), -XEN_EBUSY);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, kit_root_mfn, 0), 0);
    CHECK_RC(kit_table_free(t), 0);
}

KIT_TEST(new_user_baseptr)
{
    uint64_t *t = kit_table_alloc();

    CHECK_RC(kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, kit_mfn_of(t), 0), 0); /* it need not be pinned */
    CHECK_RC(kit_set_rw(t), -XEN_EBUSY);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, kit_mfn_of(t), 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, 0x100, 0), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, ~0UL, 0), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, kit_root_mfn, 0), 0);
    CHECK_RC(kit_set_rw(t), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0); /* none */
    CHECK_RC(kit_set_ro(t), 0);
    CHECK_RC(kit_table_free(t), 0);
}

KIT_TEST(flushes)
{
    uint64_t *page = kit_page_alloc(), mask[4] = {1};
    unsigned long va = (uintptr_t)page;

    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_INVLPG_LOCAL, va, 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_MULTI, 0, (uintptr_t)mask), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_INVLPG_MULTI, va, (uintptr_t)mask), 0);
    mask[0] = ~0UL;
    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_MULTI, 0, (uintptr_t)mask),
             0); /* vcpus that are not there do not matter */
    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_MULTI, 0, 0x1000), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_INVLPG_MULTI, va, 0x1000), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_MULTI, 0, 0), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_INVLPG_ALL, va, 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_FLUSH_CACHE, 0, 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0), 0);
    /* Addresses that are not the guest's: nothing to flush, no error. */
    CHECK_RC(kit_mmuext1(MMUEXT_INVLPG_LOCAL, HYPERVISOR_VIRT_START, 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_INVLPG_ALL, 0xffff82d040200000UL, 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_INVLPG_LOCAL, 0x8000000000000000UL, 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_INVLPG_ALL, 0x8000000000000000UL, 0), 0);
    kit_page_free(page);
}

/* A stale entry goes away with each kind of flush, and only then need it. */
KIT_TEST(flush_takes_effect)
{
    uint64_t *page = kit_page_alloc(), *other = kit_page_alloc(), at, mask = 1;
    static const unsigned cmds[] = {MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_INVLPG_LOCAL,  MMUEXT_TLB_FLUSH_MULTI,
                                    MMUEXT_INVLPG_MULTI,    MMUEXT_TLB_FLUSH_ALL, MMUEXT_INVLPG_ALL};

    CHECK(kit_pte_find(kit_root_mfn, (uintptr_t)page, 1, &at, NULL));
    page[0] = 1, other[0] = 2;
    for (unsigned i = 0; i < ARRAY_SIZE(cmds); i++) {
        bool multi = cmds[i] == MMUEXT_TLB_FLUSH_MULTI || cmds[i] == MMUEXT_INVLPG_MULTI;

        CHECK_EQ(READ_ONCE(page[0]), 1);
        CHECK_RC(kit_pte_write(at, kit_maddr_of(other) | PTE_RW), 0);
        CHECK_RC(kit_mmuext1(cmds[i], (uintptr_t)page, multi ? (uintptr_t)&mask : 0), 0);
        CHECK_EQ(READ_ONCE(page[0]), 2);
        CHECK_RC(kit_set_rw(page), 0);
    }
    kit_page_free(page);
    kit_page_free(other);
}

KIT_TEST(clear_and_copy)
{
    uint64_t *a = kit_page_alloc(), *b = kit_page_alloc(), *t = kit_table_alloc();

    a[0] = 1, a[511] = 2;
    CHECK_RC(kit_mmuext1(MMUEXT_COPY_PAGE, kit_mfn_of(b), kit_mfn_of(a)), 0);
    CHECK(b[0] == 1 && b[511] == 2);
    CHECK_RC(kit_mmuext1(MMUEXT_CLEAR_PAGE, kit_mfn_of(a), 0), 0);
    CHECK(!READ_ONCE(a[0]) && !READ_ONCE(a[511]));
    CHECK_RC(kit_mmuext1(MMUEXT_COPY_PAGE, kit_mfn_of(b), kit_mfn_of(b)), 0);
    CHECK_EQ(READ_ONCE(b[0]), 1);
    CHECK_RC(kit_pin(1, kit_mfn_of(t)), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_CLEAR_PAGE, kit_mfn_of(t), 0), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_COPY_PAGE, kit_mfn_of(t), kit_mfn_of(a)), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_COPY_PAGE, kit_mfn_of(a), kit_mfn_of(t)), 0); /* a table may be read */
    CHECK_RC(kit_mmuext1(MMUEXT_CLEAR_PAGE, 0x100, 0), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_CLEAR_PAGE, ~0UL, 0), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_COPY_PAGE, kit_mfn_of(a), 0x100), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_COPY_PAGE, 0x100, kit_mfn_of(a)), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_CLEAR_PAGE, 0xb8, 0), -XEN_EINVAL);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(kit_table_free(t), 0);
    kit_page_free(a);
    kit_page_free(b);
}

KIT_TEST(unknown_commands)
{
    CHECK_RC(kit_mmuext1(14, 0, 0), -XEN_ENOSYS);
    CHECK_RC(kit_mmuext1(MMUEXT_MARK_SUPER, kit_root_mfn, 0), -XEN_EOPNOTSUPP);
    CHECK_RC(kit_mmuext1(MMUEXT_UNMARK_SUPER, kit_root_mfn, 0), -XEN_EOPNOTSUPP);
    CHECK_RC(kit_mmuext1(21, 0, 0), -XEN_ENOSYS);
    CHECK_RC(kit_mmuext1(~0U, 0, 0), -XEN_ENOSYS);
}

KIT_TEST(lists)
{
    struct mmuext_op ops[4] = {{.cmd = MMUEXT_TLB_FLUSH_LOCAL},
                               {.cmd = MMUEXT_TLB_FLUSH_LOCAL},
                               {.cmd = 14},
                               {.cmd = MMUEXT_TLB_FLUSH_LOCAL}};
    unsigned done = 99;

    CHECK_RC(hcall_mmuext_op(ops, 2, &done, DOMID_SELF), 0);
    CHECK_EQ(done, 2);
    CHECK_RC(hcall_mmuext_op(ops, 4, &done, DOMID_SELF), -XEN_ENOSYS);
    CHECK_EQ(done, 2);
    CHECK_RC(hcall_mmuext_op(ops, 0, &done, DOMID_SELF), 0);
    CHECK_EQ(done, 0);
    CHECK_RC(hcall_mmuext_op((void *)0x1000, 1, &done, DOMID_SELF), -XEN_EFAULT);
    CHECK_RC(hcall_mmuext_op((void *)HYPERVISOR_VIRT_START, 1, &done, DOMID_SELF), -XEN_EFAULT);
    CHECK_RC(hcall_mmuext_op(ops, 2, (void *)0x1000, DOMID_SELF), 0);
    CHECK_RC(hcall_mmuext_op(ops, 2, &done, 0), -XEN_ESRCH);
    CHECK_RC(hcall_mmuext_op(ops, 2, &done, 77), -XEN_ESRCH);
    CHECK_RC(hcall_mmuext_op(ops, 2, &done, DOMID_XEN), -XEN_EPERM); /* a flush has no foreign domain */
    CHECK_RC(hcall_mmuext_op(ops, 2, &done, DOMID_IO), -XEN_EPERM);
    CHECK_RC(hcall_mmuext_op(ops, 0x80000002, &done, DOMID_SELF), 0);
}

/* Under m2p_strict a top-level table used for user mode has no M2P, and a kernel's always has; without, it comes when used. */
KIT_TEST(m2p_strict)
{
    uint64_t *t = kit_table_alloc();

    CHECK_RC(hcall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_m2p_strict), 0);
    CHECK_RC(kit_pin(4, kit_mfn_of(t)), 0);
    CHECK(t[256] & PTE_P);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, kit_mfn_of(t), 0), 0);
    CHECK_EQ(t[256], 0);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(hcall_vm_assist(VMASST_CMD_disable, VMASST_TYPE_m2p_strict), 0);
    CHECK_RC(kit_table_clear(t), 0);
    CHECK_RC(kit_pin(4, kit_mfn_of(t)), 0);
    CHECK_EQ(t[256], 0);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(kit_table_free(t), 0);
}
