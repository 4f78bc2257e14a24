/* SPDX-License-Identifier: MIT */
/* Page types: pinning, confusion of levels, writable mappings of tables, linear tables. */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

KIT_TEST(pin_and_unpin)
{
    uint64_t *t = kit_table_alloc();
    unsigned long mfn = kit_mfn_of(t);

    for (int level = 1; level <= 4; level++) {
        CHECK_RC(kit_pin(level, mfn), 0);
        CHECK_RC(kit_pin(level, mfn), -XEN_EINVAL); /* already */
        CHECK_RC(kit_unpin(mfn), 0);
        CHECK_RC(kit_unpin(mfn), -XEN_EINVAL);
    }
    CHECK_RC(kit_pin(1, mfn), -XEN_EBUSY); /* the top level left the hypervisor's entries in it */
    CHECK_RC(kit_table_clear(t), 0);
    CHECK_RC(kit_pin(1, mfn), 0);
    CHECK_RC(kit_pin(2, mfn), -XEN_EINVAL); /* another type */
    CHECK_RC(kit_pin(4, mfn), -XEN_EINVAL);
    CHECK_RC(kit_unpin(mfn), 0);
    CHECK_RC(kit_table_free(t), 0);
}

KIT_TEST(pin_errors)
{
    void *page = kit_page_alloc();

    for (int level = 1; level <= 4; level++) {
        CHECK_RC(kit_pin(level, kit_mfn_of(page)), -XEN_EINVAL); /* mapped writable */
        CHECK_RC(kit_pin(level, 0x100), -XEN_EINVAL);
        CHECK_RC(kit_pin(level, ~0UL), -XEN_EINVAL);
        CHECK_RC(kit_pin(level, 1UL << 40), -XEN_EINVAL);
        CHECK_RC(kit_pin(level, 0xb8), -XEN_EINVAL);
    }
    CHECK_RC(kit_unpin(0x100), -XEN_EINVAL);
    CHECK_RC(kit_unpin(~0UL), -XEN_EINVAL);
    CHECK_RC(kit_unpin(kit_mfn_of(page)), -XEN_EINVAL);
    CHECK_RC(kit_unpin(kit_root_mfn), 0); /* the builder pinned it; it stays in use */
    CHECK_RC(kit_unpin(kit_root_mfn), -XEN_EINVAL);
    CHECK_RC(kit_pin(4, kit_root_mfn), 0);
    kit_page_free(page);
}

/* Garbage in a page that shall become a table. */
KIT_TEST(pin_bad_contents)
{
    uint64_t *t = kit_page_alloc();
    void *page = kit_page_alloc();
    static const uint64_t foreign = 0x100000 | PTE_RW;

    t[511] = foreign;
    CHECK_RC(kit_set_ro(t), 0);
    for (int level = 1; level <= 4; level++)
        CHECK_RC(kit_pin(level, kit_mfn_of(t)), level == 1 ? -XEN_EBUSY : -XEN_EINVAL);
    CHECK_RC(kit_set_rw(t), 0);
    t[511] = kit_maddr_of(page) | PTE_RW;
    CHECK_RC(kit_set_ro(t), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(t)), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    for (int level = 2; level <= 4; level++)
        CHECK_RC(kit_pin(level, kit_mfn_of(t)), -XEN_EINVAL);
    /* The top level's reserved slots are overwritten, not looked at. */
    CHECK_RC(kit_set_rw(t), 0);
    t[511] = 0;
    t[256] = foreign;
    t[271] = foreign;
    CHECK_RC(kit_set_ro(t), 0);
    CHECK_RC(kit_pin(4, kit_mfn_of(t)), 0);
    CHECK(t[256] != foreign && t[271] != foreign);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(kit_table_free(t), 0);
    kit_page_free(page);
}

/* A pinned or otherwise used table cannot be mapped writable; a page mapped writable cannot become one. */
KIT_TEST(no_writable_tables)
{
    uint64_t *t = kit_table_alloc(), *other = kit_page_alloc();

    for (int level = 1; level <= 4; level++) {
        CHECK_RC(kit_pin(level, kit_mfn_of(t)), 0);
        CHECK_RC(kit_set_rw(t), -XEN_EBUSY);
        CHECK_RC(kit_remap(other, kit_maddr_of(t) | PTE_RW), -XEN_EBUSY);
        CHECK_RC(kit_remap(other, kit_maddr_of(t) | PTE_RO), 0);
        CHECK_RC(kit_set_rw(other), 0);
        CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
        CHECK_RC(kit_set_rw(t), 0);
        CHECK_RC(kit_set_ro(t), 0);
    }
    CHECK_RC(kit_remap(other, (uint64_t)kit_root_mfn << 12 | PTE_RW), -XEN_EBUSY);
    CHECK_RC(kit_set_rw(other), 0);
    CHECK_RC(kit_table_free(t), 0);
    kit_page_free(other);
}

/* The unpinned type survives until somebody wants another: still, no reference must be left. */
KIT_TEST(retype_after_unpin)
{
    uint64_t *t = kit_table_alloc();

    for (unsigned i = 0; i < 20; i++) {
        int level = 1 + (int)(i * 7 % 4);

        CHECK_RC(kit_pin(level, kit_mfn_of(t)), 0);
        CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
        if (level == 4 || (i & 1))
            CHECK_RC(kit_table_clear(t), 0);
    }
    CHECK_RC(kit_table_free(t), 0);
}

/* A tree is validated as a whole, and a bad leaf makes the whole fail and leaves no reference. */
KIT_TEST(pin_tree)
{
    uint64_t *l[5] = {0}, *page = kit_page_alloc();

    for (int i = 1; i <= 4; i++)
        l[i] = kit_page_alloc();
    l[1][7] = kit_maddr_of(page) | PTE_RW;
    for (int i = 2; i <= 4; i++)
        l[i][3] = kit_maddr_of(l[i - 1]) | PTE_TABLE;
    for (int i = 1; i <= 3; i++)
        CHECK_RC(kit_set_ro(l[i]), 0);
    CHECK_RC(kit_pin(4, kit_mfn_of(l[4])), -XEN_EINVAL);
    CHECK_RC(kit_set_ro(l[4]), 0);
    CHECK_RC(kit_pin(4, kit_mfn_of(l[4])), 0);
    CHECK_RC(kit_set_rw(l[1]), -XEN_EBUSY);
    CHECK_RC(kit_set_rw(l[3]), -XEN_EBUSY);
    CHECK_RC(kit_unpin(kit_mfn_of(l[4])), 0);
    for (int i = 1; i <= 4; i++)
        CHECK_RC(kit_set_rw(l[i]), 0);
    l[1][511] = 0x100000 | PTE_RO;
    for (int i = 1; i <= 4; i++)
        CHECK_RC(kit_set_ro(l[i]), 0);
    CHECK_RC(kit_pin(4, kit_mfn_of(l[4])), -XEN_EBUSY); /* the leaf's own answer comes through */
    for (int i = 1; i <= 4; i++)
        CHECK_RC(kit_table_free(l[i]), 0);
    kit_page_free(page);
}

/* Linear ("recursive") tables: a top-level table may refer to itself, read-only. */
KIT_TEST(linear_table)
{
    uint64_t *t = kit_table_alloc(), *u = kit_table_alloc(), root = (uint64_t)kit_root_mfn << 12, v;
    uintptr_t self = 0xffff880000000000UL; /* slot 272 */

    CHECK_RC(kit_pte_write(root + 272 * 8, root | PTE_TABLE), -XEN_EINVAL); /* not writable */
    CHECK_RC(kit_pte_write(root + 272 * 8, root | PTE_RO), 0);
    CHECK(kit_peek((void *)(self | 272UL << 30 | 272UL << 21 | 272UL << 12 | 272 * 8), &v));
    CHECK_EQ(v & PTE_ADDR, root);
    CHECK(!kit_poke((void *)(self | 272UL << 30 | 272UL << 21 | 272UL << 12), 0));
    CHECK_RC(kit_pte_write(root + 272 * 8, 0), 0);
    /* Another top-level table, one level deep. */
    CHECK_RC(kit_pin(4, kit_mfn_of(t)), 0);
    CHECK_RC(kit_pin(4, kit_mfn_of(u)), 0);
    CHECK_RC(kit_pte_write(root + 272 * 8, kit_maddr_of(t) | PTE_RO), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(t) + 273 * 8, kit_maddr_of(u) | PTE_RO),
             -XEN_EINVAL); /* it is used linearly itself */
    CHECK_RC(kit_pte_write(kit_maddr_of(t) + 273 * 8, kit_maddr_of(t) | PTE_RO), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(t) + 273 * 8, 0), 0);
    CHECK_RC(kit_pte_write(root + 272 * 8, 0), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(u)), 0);
    /* At level 3 and 2 too. */
    CHECK_RC(kit_table_clear(t), 0);
    CHECK_RC(kit_pin(3, kit_mfn_of(t)), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(t), kit_maddr_of(t) | PTE_RO), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(t), 0), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(kit_pin(2, kit_mfn_of(t)), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(t), kit_maddr_of(t) | PTE_RO), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(t), 0), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(kit_table_free(t), 0);
    CHECK_RC(kit_table_free(u), 0);
}

#define PAGE_FAULT_PRESENT 1

/* The error code of a read there; that of no page fault is 0, which says that nothing is there, too. */
static uint32_t read_error(uintptr_t at)
{
    uint64_t v = 0;
    struct kit_fault f = KIT_PROBE("mov (%[p]), %[v]", [v] "+r"(v) : [p] "r"(at));

    return f.raised && f.vector == VECTOR_PF ? f.error : 0;
}

/* Whether anything but the M2P can be found where the hypervisor's slots are seen as if they were of level 3. */
static unsigned present_below(uintptr_t linear)
{
    static const unsigned pages[] = {0, 1, 8, 511};
    unsigned found = 0;

    for (uint64_t slot = 257; slot < 272; slot++)
        for (uint64_t j = 0; j < 4; j++)
            for (unsigned k = 0; k < ARRAY_SIZE(pages); k++)
                found += read_error(linear | slot << 30 | j << 21 | pages[k] << 12) & PAGE_FAULT_PRESENT;
    return found;
}

/*
 * Where the hypervisor hides from a processor that is open to Meltdown (--cpu Nehalem), a linear entry does not lead to it: the tables of the root that it hides would be walked as those of a
 * lower level. What the guest's own slots lead to is seen through it all the same. (Debian's Xen hides likewise, but not from this.)
 */
KIT_TEST(linear_table_hides_the_rest)
{
    uint64_t *t = kit_table_alloc(), root = (uint64_t)kit_root_mfn << 12, v = 0, direct, l3;
    uintptr_t linear = 0xffff880000000000UL, slot = (uintptr_t)t >> 39 & 511; /* slot 272 */
    bool hides = kit_on_xenios() && !(read_error(0xffff830000100000UL) & PAGE_FAULT_PRESENT);

    CHECK_RC(kit_pte_write(root + 272 * 8, root | PTE_RO), 0);
    CHECK(kit_pte_find(kit_root_mfn, (uintptr_t)t, 4, NULL, &l3));
    CHECK(kit_pte_find(kit_root_mfn, (uintptr_t)t, 3, NULL, &direct));
    CHECK(kit_peek((void *)(linear | 272UL << 30 | 272UL << 21 | 272UL << 12 | slot * 8), &v));
    CHECK_EQ(v & PTE_ADDR, l3 & PTE_ADDR);
    CHECK(kit_peek((void *)(linear | 272UL << 30 | 272UL << 21 | slot << 12 | ((uintptr_t)t >> 30 & 511) * 8),
                   &v));
    CHECK_EQ(v & PTE_ADDR, direct & PTE_ADDR);
    if (hides)
        CHECK_EQ(present_below(linear), 0);
    /* Through another root: it may, or may not, be seen. */
    CHECK_RC(kit_pin(4, kit_mfn_of(t)), 0);
    CHECK_RC(kit_pte_write(root + 272 * 8, kit_maddr_of(t) | PTE_RO), 0);
    if (hides)
        CHECK_EQ(present_below(linear), 0);
    CHECK_RC(kit_pte_write(root + 272 * 8, 0), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(kit_table_free(t), 0);
}

/* A self reference must not keep a table alive. */
KIT_TEST(linear_table_unpin)
{
    uint64_t *t = kit_table_alloc();

    CHECK_RC(kit_pin(4, kit_mfn_of(t)), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(t) + 272 * 8, kit_maddr_of(t) | PTE_RO), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(kit_table_free(t), 0);
}
