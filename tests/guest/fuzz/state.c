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

int pool_try_to_map(uint64_t mfn, uint64_t flags)
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

/* Validates the frame as a table of that level, and lets go of it: could it be one? What is in use as a table notices nothing. */
static bool try_as_table(uint64_t mfn, int level)
{
    static uint64_t *parent;
    bool good;

    if (level == 4) {
        good = !kit_pin(4, mfn);
        if (good)
            kit_unpin(mfn);
        return good;
    }
    if (!parent)
        parent = kit_table_alloc();
    kit_pte_write(kit_maddr_of(parent), mfn << KIT_PAGE_SHIFT | PTE_TABLE);
    good = !kit_pin(level + 1, kit_mfn_of(parent));
    if (good)
        kit_unpin(kit_mfn_of(parent));
    kit_pte_write(kit_maddr_of(parent), 0);
    return good;
}

/* True if it was a table of some kind and is one no more. */
static bool settle(uint64_t mfn)
{
    bool was = false;

    for (int level = 4; mfn != NO_FRAME && level >= 1; level--) {
        if (pool_try_to_map(mfn, PTE_RW) != -XEN_EBUSY)
            return was;
        try_as_table(mfn, level);
        was = true;
    }
    return was && pool_try_to_map(mfn, PTE_RW) != -XEN_EBUSY;
}

/*
 * Xen 4.17 keeps the type, and the references, of a table whose validation failed half way when it was validated as a part of another one, until it is tried
 * again as that. So whatever is a table is tried as any: what is one indeed is not changed by it, and what hangs fails and is let go. That may leave others
 * hanging: again, until nothing changes.
 */
void pool_settle_types(void)
{
    bool changed = true;

    for (unsigned round = 0; changed && round < 6; round++) {
        changed = false;
        for (unsigned i = NAME_KERNEL + 3; i-- > 0;)
            changed |= settle(frames[i]);
        for (unsigned i = 0; i < POOL_LOST_MOST; i++)
            changed |= settle(pool_lost_at(i));
    }
}

/* The frame's content, or NULL; until the next look at one. */
static const uint64_t *look_at(unsigned name)
{
    if (name >= NAME_WINDOW)
        return pool_linear(name);
    if (frames[name] == NO_FRAME)
        return NULL;
    if (pool_is_at_home(name))
        return (void *)(pool_va + name * KIT_PAGE_SIZE);
    return kit_remap(scratch, frames[name] << KIT_PAGE_SHIFT | PTE_RO) ? NULL : scratch;
}

static void write_back(unsigned name, const uint64_t *now, const uint64_t *then)
{
    for (unsigned i = 0; i < 512; i++)
        if (now[i] != then[i])
            kit_pte_write((frames[name] << KIT_PAGE_SHIFT) + i * 8, then[i]);
}

/* The same, and what trying adjusted in entries is put back: it is not tried alike everywhere. */
void pool_settle(void)
{
    static uint64_t *kept;
    static bool looked[NAME_KERNEL];
    const uint64_t *now;

    if (!kept)
        kept = kit_pages_alloc(NAME_KERNEL);
    pool_try_to_map(frames[NAME_TEXT], PTE_RO); /* makes the scratch page */
    kit_mmuext1(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
    for (unsigned i = 0; i < NAME_KERNEL; i++) {
        now = look_at(i);
        looked[i] = now;
        if (now)
            memcpy(kept + i * 512, now, KIT_PAGE_SIZE);
    }
    pool_settle_types();
    kit_mmuext1(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
    for (unsigned i = 0; i < NAME_KERNEL; i++) {
        now = looked[i] ? look_at(i) : NULL;
        if (now && memcmp(kept + i * 512, now, KIT_PAGE_SIZE))
            write_back(i, now, kept + i * 512);
    }
    kit_unmap(scratch);
}

static void frame_state(unsigned name)
{
    uint64_t mfn = frames[name], pfn = kit_m2p(mfn);
    int w, r;

    if (mfn == NO_FRAME)
        return;
    w = pool_try_to_map(mfn, PTE_RW);
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

/* For who looks for the call behind a difference: of each table-like frame, is it one now? Told when it changes. (watch=1) */
void pool_watch(void)
{
    static char before[POOL_TABLES + 8];
    char now[POOL_TABLES + 8] = {0};

    for (unsigned i = 0; i < POOL_TABLES + 7; i++) {
        unsigned name = i < POOL_TABLES ? i : NAME_WINDOW + i - POOL_TABLES;
        int rc = frames[name] == NO_FRAME ? 1 : pool_try_to_map(frames[name], PTE_RW);

        now[i] = rc == 0 ? '.' : rc == -XEN_EBUSY ? 'T' : '-';
    }
    if (memcmp(now, before, sizeof(now)))
        say("watch %s\n", now);
    memcpy(before, now, sizeof(now));
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
