/* SPDX-License-Identifier: MIT */
/* Every epoch starts from the same state. What refuses to come back is logged: it must do so everywhere. */
#include "fuzz.h"

#define KERNEL_SLOT 511

static struct mmu_update updates[POOL_SIZE + 8];
static unsigned nr_updates;

static void flush_updates(const char *what)
{
    unsigned at = 0, done = 0;

    while (at < nr_updates) {
        long rc = hcall_mmu_update(updates + at, nr_updates - at, &done, DOMID_SELF);

        if (!rc)
            break;
        at += done;
        say("reset: %s %u: %ld\n", what, at, rc);
        at++;
    }
    nr_updates = 0;
}

static void queue(uint64_t ptr, uint64_t val)
{
    updates[nr_updates++] = (struct mmu_update){.ptr = ptr, .val = val};
}

static uint64_t entry_address(unsigned table, unsigned index)
{
    return (frames[table] << KIT_PAGE_SHIFT) + index * 8;
}

static unsigned index_at(const void *va, int level)
{
    return (uintptr_t)va >> (KIT_PAGE_SHIFT + 9 * (level - 1)) & 511;
}

/* Nothing refers to a frame of the pool any more, and no table is pinned but the kernel's root. */
static void let_go(void)
{
    long pinned;

    kit_mmuext1(MMUEXT_NEW_BASEPTR, kit_root_mfn, 0);
    kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, 0, 0);
    queue(entry_address(NAME_KERNEL + 3, WINDOW_SLOT), 0);
    queue(entry_address(NAME_KERNEL + 3, WINDOW_SLOT + 1), 0);
    flush_updates("window");
    pool_unpin();
    pinned = kit_pin(4, kit_root_mfn);
    if (pinned != -XEN_EINVAL)
        say("reset: root pinned again: %ld\n", pinned);
    /* K1 may be no table now, and what it holds may be nobody's: it could not become one again. */
    for (unsigned i = 0; i < POOL_SIZE; i++)
        queue(entry_address(NAME_KERNEL, i), 0);
    flush_updates("unmap");
    for (unsigned i = 5; i < 9; i++)
        queue(entry_address(NAME_KERNEL + 2, i), 0);
    if ((pool_linear(NAME_KERNEL + 1)[index_at(pool_va, 2)] & PTE_ADDR) >> KIT_PAGE_SHIFT !=
        frames[NAME_KERNEL])
        queue(entry_address(NAME_KERNEL + 1, index_at(pool_va, 2)),
              0); /* what stands there may map K1 for writing */
    queue(entry_address(NAME_KERNEL + 1, index_at(pool_va, 2)),
          frames[NAME_KERNEL] << KIT_PAGE_SHIFT | PTE_TABLE);
    flush_updates("kernel");
    kit_mmuext1(MMUEXT_TLB_FLUSH_ALL, 0, 0);
}

static void populate(unsigned slot)
{
    uint64_t frame = kit_pfn_of(pool_va) + slot;
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};
    long rc;

    set_xen_guest_handle(r.extent_start, &frame);
    rc = hcall_memory_op(XENMEM_populate_physmap, &r);
    if (rc == 1)
        pool_frame_new(slot, frame);
    else
        say("reset: populate P%u: %ld\n", slot, rc);
}

/* Nobody has any use of it now. What keeps a reference nevertheless would be noticed in some later epoch, by whoever tries to exchange the frame, say. */
static void give_back(unsigned slot)
{
    pool_give_back(frames[slot]);
    if (!pool_try_to_map(frames[slot], PTE_RO))
        say("reset: P%u is kept\n", slot);
    frames[slot] = NO_FRAME;
}

static void make_frames(void)
{
    pool_settle_types();
    pool_forget();
    for (unsigned i = 0; i < POOL_SIZE; i++)
        if (pool_has(i))
            give_back(i);
    for (unsigned i = 0; i < POOL_SPARE; i++)
        populate(i);
    pool_forget();
    for (unsigned i = 0; i < POOL_SPARE; i++)
        queue(frames[i] << KIT_PAGE_SHIFT | MMU_MACHPHYS_UPDATE, kit_pfn_of(pool_va) + i);
    flush_updates("m2p");
    for (unsigned i = 0; i < POOL_SPARE; i++)
        queue(entry_address(NAME_KERNEL, i), frames[i] << KIT_PAGE_SHIFT | PTE_RW);
    flush_updates("map");
}

/* Six tables of each level. Most of what they hold makes sense. */
static void fill_table(unsigned slot)
{
    uint64_t *table = (void *)(pool_va + slot * KIT_PAGE_SIZE);
    int level = (int)(slot / (POOL_TABLES / 4)) + 1;
    unsigned entries = below(6);

    for (unsigned i = 0; i < entries; i++) {
        unsigned index = chance(80) ? below(16) : below(256);
        uint64_t entry = pick_pte(level);

        kit_poke(table + index, entry);
        say("fill P%u+%x=%s\n", slot, index * 8, name_entry(entry));
    }
    if (level == 4)
        kit_poke(table + KERNEL_SLOT, pool_linear(NAME_KERNEL + 3)[KERNEL_SLOT]);
}

static void fill(void)
{
    unsigned before = pick_wildness;

    for (unsigned i = 0; i < POOL_SPARE; i++) {
        char *page = pool_va + i * KIT_PAGE_SIZE;

        if (pool_has(i) && (kit_poke(page, 0)))
            memset(page, 0, KIT_PAGE_SIZE);
        if (pool_has(i) && i >= POOL_TABLES && i % 4 == 3)
            kit_poke(page + 8 * i, i << 4);
    }
    pick_wildness = 3;
    for (unsigned i = 0; i < POOL_TABLES; i++)
        fill_table(i);
    pick_wildness = before;
    for (unsigned i = 0; i < POOL_TABLES; i++)
        queue(entry_address(NAME_KERNEL, i), frames[i] << KIT_PAGE_SHIFT | PTE_RO | PTE_NX);
    for (unsigned i = POOL_DATA; i < POOL_SPARE; i++)
        queue(entry_address(NAME_KERNEL, i), 0);
    flush_updates("protect");
    kit_mmuext1(MMUEXT_TLB_FLUSH_ALL, 0, 0);
}

static void make_window(void)
{
    for (unsigned i = 0; i < 3; i++) {
        int rc = kit_table_clear(pool_linear(NAME_WINDOW + i));

        if (rc)
            say("reset: W%u: %d\n", i + 1, rc);
    }
    queue(entry_address(NAME_KERNEL + 3, WINDOW_SLOT), frames[NAME_WINDOW + 2] << KIT_PAGE_SHIFT | PTE_TABLE);
    queue(entry_address(NAME_WINDOW + 2, 0), frames[NAME_WINDOW + 1] << KIT_PAGE_SHIFT | PTE_TABLE);
    queue(entry_address(NAME_WINDOW + 1, 0), frames[NAME_WINDOW] << KIT_PAGE_SHIFT | PTE_TABLE);
    flush_updates("window");
}

void pool_reset(void)
{
    struct xen_memory_domain self = {.domid = DOMID_SELF};
    cpu_reset();
    event_reset();
    grant_reset();
    let_go();
    make_frames();
    fill();
    make_window();
    /* Not compared: which frames come back from the allocator, and so what the guest holds without a name, is the machine's affair. */
    base_reservation = hcall_memory_op(XENMEM_current_reservation, &self);
}
