/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is decided once, at boot, is patched into the code instead of being tested each time
 * (docs/design/patching.md): code that is replaced, branches, and functions that lead straight to the one
 * that was chosen. All sites of a feature start out "off" and are right as they are; patch_enable() turns
 * them on at once. Boot processor only, before the others start.
 */
#ifndef ARCH_X86_PATCH_H
#define ARCH_X86_PATCH_H

/* Features. Numbers, since assembly names them; add before PATCH_FEATURES, and the name in patch.c. */
#define PATCH_SELFTEST       0
#define PATCH_SMAP           1 /* access to guests' pages is opened and closed */
#define PATCH_XSAVE          2
#define PATCH_XSAVEOPT       3 /* after PATCH_XSAVE: the later of two patches of a site stays */
#define PATCH_FSGSBASE       4 /* the processor has it; whether it is on now, CR4 says */
#define PATCH_X2APIC         5
#define PATCH_TSC_DEADLINE   6
#define PATCH_PLAIN_BRANCHES 7 /* indirect branches without retpolines: spec-ctrl=no */
/* Decided by arch/x86/spec.c. */
#define PATCH_SPLIT_ROOT        8  /* some domain runs on a copy of its root */
#define PATCH_CLEAR_BUFFERS     9  /* VERW on the way out */
#define PATCH_FILL_RETURN_STACK 10 /* on the way in */
#define PATCH_EXIT_WORK         11 /* one of the first two */
#define PATCH_FEATURES          12

#define PATCH_SITE_MAX 32 /* bytes */

#define PATCH_KIND_CODE   0
#define PATCH_KIND_BRANCH 1

#ifdef __ASSEMBLER__
/*
 * patchable FEATURE, LENGTH, "original", "replacement": the original stands here, filled up with NOPs to
 * LENGTH bytes; with the feature on, the replacement. Neither may be longer. The replacement runs at the
 * site's address: relative operands stay inside it; only one leading 5-byte CALL or JMP is adjusted. An
 * exception table entry for the original's first instruction holds for the replacement's first, too.
 */
.macro patchable feature:req, length:req, original, replacement
771:    \original
774:    .org    771b + \length, 0x90
        .pushsection .patch_code, "a"
772:    \replacement
773:    .org    772b + \length, 0xcc
        .popsection
        .pushsection patch_sites, "a"
        .balign 4
        .long   771b - ., 772b - .
        .byte   \feature, PATCH_KIND_CODE, \length, 773b - 772b, 774b - 771b
        .balign 4
        .popsection
.endm
#else
#include "hv/types.h"

struct patch_site {
    int32_t site;        /* relative to this field */
    int32_t replacement; /* the code, or a branch's target; relative to this field */
    uint8_t feature, kind;
    uint8_t length;             /* of the site */
    uint8_t replacement_length; /* of the code */
    uint8_t original_length;    /* of what stands there before; NOPs of a byte each fill it up */
    uint8_t reserved[3];
};

#define PATCH_TEXT_(x) #x
#define PATCH_TEXT(x)  PATCH_TEXT_(x)

/* The formatter would tear strings and the label operand apart. */
/* clang-format off */

/* The same for inline assembly: all four are constants. PATCH_CODE(PATCH_SMAP, 3, "", "stac") */
#define PATCH_CODE(feature, length, original, replacement)                                                   \
    "771: " original "\n774:\t.org 771b + " PATCH_TEXT(length) ", 0x90\n\t" PATCH_AGAIN(feature, length, replacement)

/* Directly behind PATCH_CODE() or another of this: one more replacement for the same site. The later patch_enable() decides. */
#define PATCH_AGAIN(feature, length, replacement)                                                            \
    ".pushsection .patch_code, \"a\"\n772: " replacement "\n"                                                \
    "773: .org 772b + " PATCH_TEXT(length) ", 0xcc\n\t.popsection\n\t"                                       \
    ".pushsection patch_sites, \"a\"\n\t.balign 4\n\t.long 771b - ., 772b - .\n\t"                           \
    ".byte " PATCH_TEXT(feature) ", " PATCH_TEXT(PATCH_KIND_CODE) ", " PATCH_TEXT(length) ", 773b - 772b, 774b - 771b\n\t.balign 4\n\t" \
    ".popsection\n\t"

/* Is the feature on? A constant PATCH_*. Costs one NOP if not, one jump if so. */
static inline __attribute__((always_inline)) bool patch_on(unsigned int feature)
{
    __asm__ goto("771: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\t"
                 ".pushsection patch_sites, \"a\"\n\t.balign 4\n\t.long 771b - ., %l[yes] - .\n\t"
                 ".byte %c0, " PATCH_TEXT(PATCH_KIND_BRANCH) ", 5, 0, 0\n\t.balign 4\n\t.popsection"
                 : : "i"(feature) : : yes);
    return false;
yes:
    return true;
}
/* clang-format on */

/*
 * A function that is a jump to one chosen at boot: for calls through an operations structure of which only
 * one is ever used. At file scope, besides an ordinary declaration of `name`; then patch_slot(name, chosen).
 * Calling one that was not set ends in a panic.
 */
#define PATCH_SLOT(name)                                                                                     \
    __asm__(".pushsection .text.patch_slots, \"ax\"\n\t.balign 8\n\t"                                        \
            ".globl " #name "\n\t.hidden " #name "\n\t.type " #name ", @function\n" #name                    \
            ": .byte 0xe9\n\t.long patch_slot_unset - . - 4\n\t.size " #name ", 5\n\t.popsection")
#define patch_slot(name, target)                                                                             \
    ({                                                                                                       \
        _Static_assert(__builtin_types_compatible_p(__typeof__(&(name)), __typeof__(target)), "signature");  \
        patch_slot_set((void *)(name), (void *)(target));                                                    \
    })

/* Turns all sites of the feature on. Panics after patch_finish(), and on a site that does not fit. */
void patch_enable(unsigned int feature);
/* Was it turned on? For cold code, and for who wants to know before a site runs. */
bool patch_enabled(unsigned int feature);
void patch_slot_set(void *slot, void *target);
/* What unset slots lead to. */
void patch_slot_unset(void);
/* The start-up self-test: the three kinds on test sites, before and after. */
bool patch_self_test(void);
/* From now on the code stays as it is. Prints what is on. */
void patch_finish(void);

/*
 * What a site's bytes become: the replacement or jump, then NOPs, as few as may be. `out` holds
 * PATCH_SITE_MAX bytes. -EINVAL: it does not fit. Pure: the addresses are where it will stand and where it
 * stands now.
 */
int patch_encode(uint8_t *out, const struct patch_site *s, uint64_t site, uint64_t replacement,
                 const uint8_t *code) __must_check;
/* Writes code (patch_poke.c; tests have their own). The processor fetches it anew. */
void patch_poke(void *where, const void *bytes, size_t n);
#endif
#endif
