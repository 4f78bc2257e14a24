/* SPDX-License-Identifier: MIT */
/*
 * The differential fuzzer: a guest that makes hypercalls from a seed and writes each, with what came of it, into a log that holds nothing of the
 * machine: frames have names (P12), handles and times none. The same seed must give the same log on every hypervisor; tests/guest/differential.py
 * compares.
 *
 * Calls come in epochs. Each starts from the same state (pool_reset) with a random generator of its own, so that one can be run alone, and what one
 * difference drags behind it ends with its epoch. What a call is made of depends on the seed alone, never on what a hypervisor answered.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/print.h>
#include <kit/random.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>
#include <xen/grant_table.h>

/* log.c */
void log_init(void);
void say(const char *format, ...) __printf(1, 2);
size_t log_mark(void);
void log_rewind(size_t mark); /* forget what was said since */
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size);
#define HASH_START 0xcbf29ce484222325ULL

/* pick.c: choices, each from the generator alone. */
static inline unsigned below(unsigned n)
{
    return (unsigned)kit_random_below(n);
}

static inline bool chance(unsigned percent)
{
    return below(100) < percent;
}

#define PICK(...)                                                                                            \
    ({                                                                                                       \
        const uint64_t pick_[] = {__VA_ARGS__};                                                              \
        pick_[below(ARRAY_SIZE(pick_))];                                                                     \
    })

extern unsigned pick_wildness; /* percent of choices that make no sense */
uint64_t pick_wild(void);      /* a number of any size, small ones often */
unsigned pick_domid(void);     /* mostly the caller */
unsigned
pick_frame(int level); /* index of a frame's name; level 0: data, 1-4: what may be such a table, -1: any */
uint64_t pick_mfn(int level); /* its number */
uint64_t pick_pte(int level); /* an entry for a table of that level (1-4) */
uint64_t pick_va(void);       /* where update_va_mapping may work: pool, window, or nowhere */
unsigned pick_port(void);
unsigned pick_vcpu(void);
unsigned pick_count(unsigned most);

/* pool.c: the frames that calls are about. */
#define POOL_TABLES 24 /* the first: mapped read-only, filled like page tables, six of a level */
#define POOL_DATA   64 /* up to here: mapped read-write */
#define POOL_SPARE  80 /* up to here: not mapped */
#define POOL_SIZE   96 /* up to here: holes without a frame */
#define WINDOW_VA   0x10000000000UL
#define WINDOW_SLOT 2

enum {
    NAME_WINDOW = POOL_SIZE,       /* W1-W3: the window's tables */
    NAME_KERNEL = NAME_WINDOW + 3, /* K1-K4: those that map the pool's linear addresses */
    NAME_GRANT = NAME_KERNEL + 4,  /* G0-G1 */
    NAME_SHARED = NAME_GRANT + 2,
    NAME_TEXT,
    NAME_AREA, /* AREA, ARE2: pages that are given to the hypervisor to write to, and never looked at */
    NAME_AREA2,
    NR_NAMES
};

#define NO_FRAME (1UL << 39)

extern uint64_t frames[NR_NAMES]; /* the frame behind each name, or NO_FRAME */
extern char *pool_va, *area_va;
extern long base_reservation;

void pool_init(void);
void pool_reset(void);
void pool_state(void); /* logs all that can be seen of the state */
void pool_watch(void);
extern bool watch_pool;
const char *name_of(uint64_t mfn);
/* A machine address or page-table entry, with its frame's name. */
const char *name_entry(uint64_t value);
const char *name_va(uint64_t va); /* relative to the pool, whose place is the binary's affair */
bool pool_has(unsigned slot);
void pool_give_back(uint64_t mfn);
void pool_frame_gone(uint64_t mfn);               /* it was given back */
void pool_frame_new(unsigned slot, uint64_t mfn); /* the pool's page `slot` got this frame */
void pool_give_back_retired(void);
bool pool_has_retired(void);           /* in this epoch, frames were given back */
uint64_t pool_lost_at(unsigned index); /* the index-th frame of ours that has no name, or NO_FRAME */
#define POOL_LOST_MOST 256
void pool_unpin(void); /* whatever is pinned of the pool, the window, and K1-K3 */
int pool_try_to_map(uint64_t mfn,
                    uint64_t flags); /* 0 if the domain may map it with them; it is not mapped afterwards */
void pool_settle(void);              /* what hangs between being a table and not */
void pool_settle_types(void);        /* the same, but entries may change */
void pool_forget(void);
bool pool_may_poke(unsigned slot);
bool pool_is_at_home(unsigned slot);  /* the pool's page `slot` is mapped, and is that frame */
uint64_t *pool_linear(unsigned name); /* W1-W3, K1-K4: where the guest reads the table */

void cpu_reset(void);
void cpu_state(void);
void event_reset(void);
void event_state(void);
bool grant_init(void);
void grant_reset(void);
void grant_state(void);

/* calls_*.c and run.c */
#define ARG_SIZE 2048
#define NOWHERE  ~0U

enum {
    HIDE_RESULT = 1,   /* differs between machines: only zero, positive or negative is told */
    HIDE_OUTPUT = 2,   /* the same of what it writes: only whether it does is told */
    ALONE = 4,         /* not in a multicall */
    NESTS = 16,        /* may validate tables as parts of others: settle if it fails */
    ALL_OR_NOTHING = 8 /* no pointer through which it could do its work but not tell */
};

struct call {
    unsigned op;
    unsigned long arg[5];
    uint8_t *buf; /* ARG_SIZE bytes, zeroed, for what the arguments point to */
    unsigned flags;
    void (*after)(struct call *c, long rc); /* puts right what the guest itself stands on; may say more */
    unsigned where;   /* the pointer that pointer() made: bytes behind buf, or NOWHERE */
    uint64_t keep[4]; /* for after() */
};

struct call_kind {
    unsigned weight;
    void (*make)(struct call *c);
};

extern const struct call_kind calls_mm[], calls_memory[], calls_cpu[], calls_event[], calls_machine[],
    calls_grant[];

/* The address to pass for `size` bytes at c->buf: mostly that, sometimes unaligned, cut off by an unmapped page, read-only, or nobody's. */
unsigned long pointer(struct call *c, unsigned size);
/* Is what pointer() made last one that the hypervisor can read and write? */
bool pointer_good(const struct call *c);

void run_init(void);
void run_epoch(unsigned epoch, unsigned calls, uint64_t seed);
/* Appends to the text of the call that is being made. */
void tell(const char *format, ...) __printf(1, 2);

#endif
