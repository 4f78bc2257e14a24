/* SPDX-License-Identifier: MIT */
/*
 * From the 32-bit wire form to the decoded one and back. Each structure has a table of its fields; one pair
 * of functions reads them. Pure: no guest memory here, and nothing of the hypervisor. A 64-bit caller's
 * structure is in the decoded form already and is only copied.
 */
#ifndef ABI_CODEC_H
#define ABI_CODEC_H

#include "abi/schema.h"

enum abi_kind {
    ABI_COPY,  /* `count` bytes */
    ABI_WORDS, /* `count` times 32 bits that become 64 */
    ABI_SHORT, /* 16 bits that become 32 */
    ABI_HALF,  /* 32 bits that stay 32: one half of a word */
    ABI_SUBS,  /* `count` structures */
    ABI_CHOICE /* a union: `count` cases */
};

struct abi_codec;
struct abi_case;

struct abi_field {
    uint16_t kind;              /* enum abi_kind */
    uint16_t wire, full, count; /* offsets in bytes; see the kinds */
    union {
        const struct abi_codec *codec;
        struct {
            uint16_t wire, full, bytes; /* of the discriminator */
        } on;
    };
    const struct abi_case *cases;
};

struct abi_case {
    uint64_t mask, value;
    struct abi_field field;
};

struct abi_codec {
    uint16_t wire_size, full_size;
    uint16_t fields;
    const struct abi_field *field;
};

#define ABI_DECLARE_CODEC(s) extern const struct abi_codec abi_codec_##s;
ABI_STRUCTURES(ABI_DECLARE_CODEC, ABI_DECLARE_CODEC, ABI_DECLARE_CODEC, ABI_NOTHING, ABI_NOTHING)

/*
 * `full` holds full_size bytes, `wire` wire_size; they do not overlap, and both are aligned to eight. What
 * the source does not say (holes, cases of a union that are not meant, or of which the discriminator is
 * unknown) is zero in the destination. Encoding drops the upper halves of words: who has them fills in
 * nothing that a 32-bit guest could not name.
 */
void abi_decode(const struct abi_codec *codec, void *full, const void *wire);
void abi_encode(const struct abi_codec *codec, void *wire, const void *full);

#endif
