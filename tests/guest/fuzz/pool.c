/* SPDX-License-Identifier: MIT */
/* The frames that calls are about, and their names: what makes two machines' logs comparable. */
#include "fuzz.h"

#include <kit/print.h>

#define BUCKETS  512U
#define HIGH_BIT NO_FRAME /* of an address, in entries that no machine can mean */

uint64_t frames[NR_NAMES];
char *pool_va, *area_va;
long base_reservation;

static struct pool_list {
    uint64_t mfn[POOL_LOST_MOST];
    unsigned count;
} lost, retired; /* without a name but ours; given back in this epoch */

static bool gone[POOL_SIZE]; /* the name's frame was given back */
static uint64_t *linear[7];  /* W1-W3, K1-K4 */

static struct {
    uint16_t bucket[BUCKETS]; /* name + 1 */
    bool stale;
} names = {.stale = true};

static void index_names(void)
{
    memset(names.bucket, 0, sizeof(names.bucket));
    for (unsigned i = 0; i < NR_NAMES; i++) {
        unsigned b = (unsigned)(frames[i] * 0x9e3779b1U >> 8) % BUCKETS;

        if (frames[i] == NO_FRAME)
            continue;
        while (names.bucket[b] && frames[names.bucket[b] - 1] != frames[i])
            b = (b + 1) % BUCKETS;
        if (!names.bucket[b])
            names.bucket[b] = (uint16_t)(i + 1);
    }
    names.stale = false;
}

static int find_name(uint64_t mfn)
{
    unsigned b = (unsigned)(mfn * 0x9e3779b1U >> 8) % BUCKETS;

    if (names.stale)
        index_names();
    for (; names.bucket[b]; b = (b + 1) % BUCKETS)
        if (frames[names.bucket[b] - 1] == mfn)
            return names.bucket[b] - 1;
    return -1;
}

static char *text_buffer(void)
{
    static char ring[16][48];
    static unsigned next;

    return ring[next++ % ARRAY_SIZE(ring)];
}

static bool in_list(const struct pool_list *l, uint64_t mfn, unsigned *index)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->mfn[i] == mfn) {
            *index = i;
            return true;
        }
    return false;
}

static void add_to_list(struct pool_list *l, uint64_t mfn)
{
    if (l->count < ARRAY_SIZE(l->mfn))
        l->mfn[l->count++] = mfn;
}

const char *name_of(uint64_t mfn)
{
    static const char *const special[] = {"W1", "W2", "W3",     "K1",   "K2",   "K3",  "K4",
                                          "G0", "G1", "SHARED", "TEXT", "AREA", "ARE2"};
    int name = find_name(mfn);
    char *text = text_buffer();
    unsigned i;

    if (name >= POOL_SIZE)
        return special[name - POOL_SIZE];
    if (name >= 0)
        kit_snprintf(text, 48, "P%d", name);
    else if (in_list(&lost, mfn, &i))
        kit_snprintf(text, 48, "L%u", i);
    else if (in_list(&retired, mfn, &i))
        kit_snprintf(text, 48, "OLD");
    else
        kit_snprintf(text, 48, "%lx", mfn);
    return text;
}

const char *name_entry(uint64_t value)
{
    uint64_t mfn = (value & PTE_ADDR) >> KIT_PAGE_SHIFT;
    const char *name = name_of(mfn);
    char *text = text_buffer();

    if (name[0] >= 'A' && name[0] <= 'Z')
        kit_snprintf(text, 48, "%s|%lx", name, value & ~PTE_ADDR);
    else if (mfn >= 0x1000 &&
             mfn < 0x80000) /* memory, of which only the number is known: the machine's affair */
        kit_snprintf(text, 48, "?|%lx", value & ~PTE_ADDR);
    else if (mfn & HIGH_BIT)
        kit_snprintf(text, 48, "high %s", name_entry(value & ~(HIGH_BIT << KIT_PAGE_SHIFT)));
    else
        kit_snprintf(text, 48, "%lx", value);
    return text;
}

const char *name_va(uint64_t va)
{
    char *t = text_buffer();

    if (va - (uintptr_t)pool_va < POOL_SIZE * KIT_PAGE_SIZE)
        kit_snprintf(t, 48, "pool:%lx", va - (uintptr_t)pool_va);
    else
        kit_snprintf(t, 48, "%lx", va);
    return t;
}

static long one_frame(unsigned cmd, uint64_t *frame)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};

    set_xen_guest_handle(r.extent_start, frame);
    return hcall_memory_op(cmd, &r);
}

void pool_give_back(uint64_t mfn)
{
    one_frame(XENMEM_decrease_reservation, &mfn);
}

bool pool_has(unsigned slot)
{
    return frames[slot] != NO_FRAME && !gone[slot];
}

void pool_frame_gone(uint64_t mfn)
{
    int name = find_name(mfn);
    unsigned i;

    if (name >= 0 && name < POOL_SIZE)
        gone[name] = true;
    else if (in_list(&lost, mfn, &i))
        lost.mfn[i] = NO_FRAME;
    add_to_list(&retired, mfn);
}

/*
 * A frame that was given back keeps its name, for calls that try it nevertheless. Whether the allocator hands out just that one again is its own affair
 * and must not show: such a frame is changed for another.
 */
static uint64_t changed_for_fresh(unsigned slot, uint64_t mfn)
{
    uint64_t again[64];
    unsigned count = 0, i;

    while (in_list(&retired, mfn, &i) && count < ARRAY_SIZE(again)) {
        again[count++] = mfn;
        mfn = kit_pfn_of(pool_va) + slot;
        if (one_frame(XENMEM_populate_physmap, &mfn) != 1)
            mfn = NO_FRAME;
    }
    while (count)
        pool_give_back(again[--count]);
    return mfn;
}

void pool_frame_new(unsigned slot, uint64_t mfn)
{
    if (pool_has(slot) && frames[slot] != mfn)
        add_to_list(&lost, frames[slot]);
    frames[slot] = changed_for_fresh(slot, mfn);
    kit_mmuext1(MMUEXT_CLEAR_PAGE, frames[slot], 0); /* what is in it is whatever was there */
    gone[slot] = frames[slot] == NO_FRAME;
    kit_p2m[kit_pfn_of(pool_va) + slot] = frames[slot];
    names.stale = true;
}

bool pool_has_retired(void)
{
    return retired.count != 0;
}

/*
 * A call that failed when frames were allocated already, or could not tell them, may have got one that was given back. Whose that is must not be the allocator's
 * affair: it is given back again.
 */
void pool_give_back_retired(void)
{
    for (unsigned i = 0; i < retired.count; i++)
        pool_give_back(retired.mfn[i]);
}

uint64_t pool_lost_at(unsigned index)
{
    return index < lost.count ? lost.mfn[index] : NO_FRAME;
}

void pool_unpin(void)
{
    for (unsigned i = 0; i < NAME_KERNEL + 3; i++)
        if (frames[i] != NO_FRAME)
            kit_unpin(frames[i]);
    for (unsigned i = 0; i < lost.count; i++)
        if (lost.mfn[i] != NO_FRAME)
            kit_unpin(lost.mfn[i]);
}

/* All names are true again, and what has none is given back. */
void pool_forget(void)
{
    for (unsigned i = 0; i < lost.count; i++)
        if (lost.mfn[i] != NO_FRAME)
            pool_give_back(lost.mfn[i]);
    lost.count = retired.count = 0;
    for (unsigned i = 0; i < POOL_SIZE; i++)
        if (gone[i]) {
            frames[i] = NO_FRAME;
            gone[i] = false;
        }
    names.stale = true;
}

uint64_t *pool_linear(unsigned name)
{
    return linear[name - NAME_WINDOW];
}

bool pool_is_at_home(unsigned slot)
{
    uint64_t entry = pool_linear(NAME_KERNEL)[slot],
             above = pool_linear(NAME_KERNEL + 1)[(uintptr_t)pool_va >> 21 & 511];

    return (above & PTE_ADDR) >> KIT_PAGE_SHIFT == frames[NAME_KERNEL] && (above & PTE_P) &&
           (entry & PTE_P) && (entry & PTE_ADDR) >> KIT_PAGE_SHIFT == frames[slot];
}

/* True if a write to the pool's page can only reach frames of the pool, or fault. */
bool pool_may_poke(unsigned slot)
{
    uint64_t entry = pool_linear(NAME_KERNEL)[slot],
             above = pool_linear(NAME_KERNEL + 1)[(uintptr_t)pool_va >> 21 & 511];
    int name = find_name((entry & PTE_ADDR) >> KIT_PAGE_SHIFT);

    if ((above & PTE_ADDR) >> KIT_PAGE_SHIFT != frames[NAME_KERNEL])
        return false;
    return !(entry & PTE_P) || (name >= 0 && name < POOL_SIZE);
}

static uint64_t table_above(uintptr_t va, int level)
{
    uint64_t entry;

    return kit_pte_find(kit_root_mfn, va, level, NULL, &entry) ? (entry & PTE_ADDR) >> KIT_PAGE_SHIFT
                                                               : NO_FRAME;
}

void pool_init(void)
{
    char *area = kit_pages_alloc(1024);
    struct xen_memory_domain self = {.domid = DOMID_SELF};

    if (!area)
        kit_fail_now("no memory for the pool");
    pool_va = (char *)(((uintptr_t)area + 0x1fffff) & ~0x1fffffUL);
    for (unsigned i = 0; i < POOL_SIZE; i++)
        frames[i] = kit_mfn_of(pool_va + i * KIT_PAGE_SIZE);
    for (unsigned i = 0; i < 3; i++) {
        linear[i] = kit_table_alloc();
        frames[NAME_WINDOW + i] = kit_mfn_of(linear[i]);
        frames[NAME_KERNEL + i] = table_above((uintptr_t)pool_va, (int)i + 2);
    }
    frames[NAME_KERNEL + 3] = kit_root_mfn;
    for (unsigned i = 3; i < 7; i++)
        linear[i] = kit_va_of_mfn(frames[NAME_WINDOW + i]);
    frames[NAME_GRANT] = frames[NAME_GRANT + 1] = NO_FRAME; /* grant_init() */
    frames[NAME_SHARED] = kit_start_info->shared_info >> KIT_PAGE_SHIFT;
    frames[NAME_TEXT] = kit_mfn_of((void *)(uintptr_t)pool_init);
    area_va = kit_pages_alloc(2);
    frames[NAME_AREA] = kit_mfn_of(area_va);
    frames[NAME_AREA2] = kit_mfn_of(area_va + KIT_PAGE_SIZE);
    names.stale = true;
    base_reservation = hcall_memory_op(XENMEM_current_reservation, &self) - (POOL_SIZE - POOL_SPARE);
}
