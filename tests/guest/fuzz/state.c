/* SPDX-License-Identifier: MIT */
/* What can be seen of the state: of each frame, how it is mapped, what its type lets one do with it, what is in it; then processor, events, grants. */
#include "fuzz.h"

#define WORDS_SAID 12 /* of a page; the others are told by their hash */

static uint64_t *scratch;

static bool is_hypervisors_slot(unsigned index)
{
    return index >= 256 && index < 272;
}

/* Words that refer to frames count with the frames' names; whether an entry was used does not count. */
static void say_content(const uint64_t *page, unsigned words)
{
    uint64_t hash = HASH_START;
    unsigned said = 0;

    for (unsigned i = 0; i < words; i++) {
        uint64_t word = page[i];
        const char *text;

        if (!word || is_hypervisors_slot(i))
            continue;
        if (word & PTE_P)
            word &= ~(PTE_A | PTE_D);
        text = name_entry(word);
        if (said++ < WORDS_SAID)
            say(" %x=%s", i * 8, text);
        else
            hash = hash_bytes(hash_bytes(hash, &i, sizeof(i)), text, strlen(text));
    }
    if (said > WORDS_SAID)
        say(" ...%lx", hash);
}

static unsigned words_to_look_at(unsigned name)
{
    if (name < NAME_KERNEL)
        return 512;
    return name == NAME_KERNEL ? POOL_SIZE : 0;
}

/* Can the frame be mapped writable (w) and at all (r)? */
static int try_to_map(uint64_t mfn, uint64_t flags)
{
    int rc;

    if (!scratch) {
        scratch = kit_page_alloc();
        kit_unmap(scratch);
    }
    rc = kit_remap(scratch, mfn << KIT_PAGE_SHIFT | flags);
    kit_unmap(scratch);
    return rc;
}

/* Validates the frame as a table of that level, and lets go of it. What is in use as a table notices nothing. */
static void try_as_table(uint64_t mfn, int level)
{
    static uint64_t *parent;

    if (level == 4) {
        if (!kit_pin(4, mfn))
            kit_unpin(mfn);
        return;
    }
    if (!parent)
        parent = kit_table_alloc();
    kit_pte_write(kit_maddr_of(parent), mfn << KIT_PAGE_SHIFT | PTE_TABLE);
    if (!kit_pin(level + 1, kit_mfn_of(parent)))
        kit_unpin(kit_mfn_of(parent));
    kit_pte_write(kit_maddr_of(parent), 0);
}

/*
 * Xen 4.17 keeps the type, and the references, of a table whose validation failed half way when it was validated as a part of another one, until it is tried
 * again. So try: upper tables first, since they hold lower ones. Trying adjusts entries, which must be so everywhere: all tables of the pool are tried.
 */
void pool_settle(void)
{
    for (unsigned i = POOL_TABLES; i-- > 0;)
        if (frames[i] != NO_FRAME)
            try_as_table(frames[i], (int)(i / (POOL_TABLES / 4)) + 1);
}

static void settle_hard(uint64_t mfn)
{
    for (int level = 4; mfn != NO_FRAME && level >= 1 && try_to_map(mfn, PTE_RW) == -XEN_EBUSY; level--)
        try_as_table(mfn, level);
}

/* The same for all that is a table still though nothing is pinned; where that is so, and where not, is told by what cannot be reset afterwards. */
void pool_settle_rest(void)
{
    pool_settle();
    for (unsigned i = NAME_KERNEL; i-- > 0;)
        settle_hard(frames[i]);
    for (unsigned i = 0; i < POOL_LOST_MOST; i++)
        settle_hard(pool_lost_at(i));
    for (unsigned i = NAME_KERNEL; i-- > 0;)
        settle_hard(frames[i]);
}

static void frame_state(unsigned name)
{
    uint64_t mfn = frames[name], pfn = kit_m2p(mfn);
    int w, r;

    if (mfn == NO_FRAME)
        return;
    w = try_to_map(mfn, PTE_RW);
    r = kit_remap(scratch, mfn << KIT_PAGE_SHIFT | PTE_RO);
    if (name < POOL_SIZE && !pool_has(name)) { /* given back: whose it is now is the allocator's affair */
        kit_unmap(scratch);
        return;
    }
    say("state %s w=%d r=%d", name_of(mfn), w, r);
    if (name < POOL_SIZE) {
        say(" pte=%s m2p=", name_entry(pool_linear(NAME_KERNEL)[name] & ~(PTE_A | PTE_D)));
        if (pool_has(name))
            say("%lx", pfn - kit_pfn_of(pool_va));
    }
    if (!r)
        say_content(scratch, words_to_look_at(name));
    kit_unmap(scratch);
    say("\n");
}

void pool_state(void)
{
    struct xen_memory_domain self = {.domid = DOMID_SELF};

    cpu_state();
    event_state();
    grant_state();
    pool_settle();
    for (unsigned i = 0; i < NR_NAMES; i++)
        frame_state(i);
    say("state reservation %ld\n", hcall_memory_op(XENMEM_current_reservation, &self) - base_reservation);
}
