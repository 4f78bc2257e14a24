/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patching at boot: finds the sites of a feature in the table that the linker gathered, and writes what they become. */
#include "arch/x86/patch.h"
#include "hv/errno.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/string.h"

#define JUMP_LENGTH 5
#define NOP_MAX     10U

extern const struct patch_site __start_patch_sites[], __stop_patch_sites[];

static struct {
    bool on[PATCH_FEATURES];
    bool prepared, finished;
    unsigned int patched, slots;
} patching;

static const char *const names[PATCH_FEATURES] = {
    [PATCH_SELFTEST] = "self-test",
    [PATCH_SMAP] = "SMAP",
    [PATCH_XSAVE] = "XSAVE",
    [PATCH_XSAVEOPT] = "XSAVEOPT",
    [PATCH_FSGSBASE] = "FSGSBASE",
    [PATCH_X2APIC] = "x2APIC",
    [PATCH_TSC_DEADLINE] = "TSC deadline",
    [PATCH_PLAIN_BRANCHES] = "plain branches",
    [PATCH_SPLIT_ROOT] = "split root",
    [PATCH_CLEAR_BUFFERS] = "buffers cleared",
    [PATCH_FILL_RETURN_STACK] = "return stack filled",
    [PATCH_EXIT_WORK] = "work on the way out",
};

/* NOPs of 1 to 10 bytes: those recommended (SDM 2B, NOP), the last with a segment prefix more. */
static void fill_nops(uint8_t *to, unsigned int n)
{
    static const uint8_t nops[NOP_MAX][NOP_MAX] = {
        {0x90},
        {0x66, 0x90},
        {0x0f, 0x1f, 0x00},
        {0x0f, 0x1f, 0x40, 0x00},
        {0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
        {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
    };

    while (n) {
        unsigned int some = min(n, NOP_MAX);

        memcpy(to, nops[some - 1], some);
        to += some;
        n -= some;
    }
}

/* JMP or CALL from `at` to `target`. */
static int encode_jump(uint8_t *out, uint8_t opcode, uint64_t at, uint64_t target)
{
    int64_t distance = (int64_t)(target - (at + JUMP_LENGTH));
    int32_t stored = (int32_t)distance;

    if (stored != distance)
        return -EINVAL;
    out[0] = opcode;
    memcpy(out + 1, &stored, sizeof(stored));
    return 0;
}

int patch_encode(uint8_t *out, const struct patch_site *s, uint64_t site, uint64_t replacement,
                 const uint8_t *code)
{
    unsigned int used = s->kind == PATCH_KIND_BRANCH ? JUMP_LENGTH : s->replacement_length;
    int32_t distance;
    int rc = 0;

    if (s->length > PATCH_SITE_MAX || used > s->length || s->kind > PATCH_KIND_BRANCH)
        return -EINVAL;
    if (s->kind == PATCH_KIND_BRANCH) {
        rc = encode_jump(out, 0xe9, site, replacement);
    } else {
        memcpy(out, code, used);
        if (used >= JUMP_LENGTH && (code[0] == 0xe8 || code[0] == 0xe9)) {
            memcpy(&distance, code + 1, sizeof(distance));
            rc = encode_jump(out, code[0], site, replacement + JUMP_LENGTH + (uint64_t)(int64_t)distance);
        }
    }
    fill_nops(out + used, s->length - used);
    return rc;
}

static void patch(const struct patch_site *s)
{
    char *site = (char *)&s->site + s->site, *replacement = (char *)&s->replacement + s->replacement;
    uint8_t bytes[PATCH_SITE_MAX];

    if (patch_encode(bytes, s, (uint64_t)site, (uint64_t)replacement, (const uint8_t *)replacement))
        panic("The code at %p cannot be patched for %s\n", (void *)site, names[s->feature]);
    patch_poke(site, bytes, s->length);
    patching.patched++;
}

/* The assembler filled up originals with NOPs of one byte each: as few as may be instead. */
static void prepare(void)
{
    uint8_t nops[PATCH_SITE_MAX];

    patching.prepared = true;
    for (const struct patch_site *s = __start_patch_sites; s < __stop_patch_sites; s++) {
        unsigned int rest = (unsigned int)s->length - s->original_length;

        if (s->kind != PATCH_KIND_CODE || rest < 2)
            continue;
        fill_nops(nops, rest);
        patch_poke((char *)&s->site + s->site + s->original_length, nops, rest);
    }
}

void patch_enable(unsigned int feature)
{
    panic_on(patching.finished || feature >= PATCH_FEATURES);
    if (!patching.prepared)
        prepare();
    if (patching.on[feature])
        return;
    patching.on[feature] = true;
    for (const struct patch_site *s = __start_patch_sites; s < __stop_patch_sites; s++)
        if (s->feature == feature)
            patch(s);
}

bool patch_enabled(unsigned int feature)
{
    return patching.on[feature];
}

void patch_slot_set(void *slot, void *target)
{
    uint8_t jump[JUMP_LENGTH];

    panic_on(patching.finished);
    panic_on(encode_jump(jump, 0xe9, (uint64_t)slot, (uint64_t)target));
    patch_poke(slot, jump, sizeof(jump));
    patching.slots++;
}

void patch_slot_unset(void)
{
    panic("A function was called that was to be chosen at boot and was not\n");
}

/* --- Self-test --- */

int patch_test_slot(int x);
PATCH_SLOT(patch_test_slot);

static int add_three(int x)
{
    return x + 3;
}

/* 1 as compiled, 2 when patched. */
static __noinline int test_code(void)
{
    int result;

    __asm__ volatile(PATCH_CODE(PATCH_SELFTEST, 11, "movl $1, %0", "movl $2, %0") : "=a"(result));
    return result;
}

/* The same by a call that is moved from where it was assembled. */
static __noinline int test_call(void)
{
    int result;

    __asm__ volatile(
        "movl $1, %0\n\tjmp 2f\n1: movl $2, %0\n\tret\n2:\n\t" PATCH_CODE(PATCH_SELFTEST, 5, "", "call 1b")
        : "=a"(result)::"memory");
    return result;
}

static __noinline int test_branch(void)
{
    return patch_on(PATCH_SELFTEST) ? 2 : 1;
}

static bool all_give(int n)
{
    return test_code() == n && test_call() == n && test_branch() == n;
}

bool patch_self_test(void)
{
    bool before = all_give(1);

    patch_enable(PATCH_SELFTEST);
    patch_slot(patch_test_slot, &add_three);
    return before && all_give(2) && patch_test_slot(4) == 7;
}

void patch_finish(void)
{
    patching.finished = true;
    printk("Patched at boot:");
    for (unsigned int f = PATCH_SELFTEST + 1; f < PATCH_FEATURES; f++)
        if (patching.on[f])
            printk(" %s,", names[f]);
    printk(" %u of %u sites, %u calls made direct\n", patching.patched,
           (unsigned int)(__stop_patch_sites - __start_patch_sites), patching.slots);
}
