/* SPDX-License-Identifier: MIT */
/*
 * Every structure of Xen's interface whose layout depends on the caller's width: the 32-bit wire form, struct
 * abi32_NAME; the decoded form, abi_NAME_t, which is laid out as the 64-bit one; and the table from which the
 * codec converts between them, abi_codec_NAME. All three are made of one list of fields each, in abi/schema.
 * abi/layouts.py compares them with what the compiler makes of the headers for both widths. Docs:
 * docs/design/abi.md.
 */
#ifndef ABI_SCHEMA_H
#define ABI_SCHEMA_H

#include "abi/types.h"
#include "abi/schema/words.h"
#include "abi/schema/xen.h"
#include "abi/schema/calls.h"
#include "abi/schema/memory.h"
#include "abi/schema/platform.h"

#define ABI_STRUCTURES(plain, handles, part, layout, choice)                                                 \
    ABI_STRUCTURES_xen(plain, handles, part, layout, choice)                                                 \
        ABI_STRUCTURES_calls(plain, handles, part, layout, choice)                                           \
            ABI_STRUCTURES_memory(plain, handles, part, layout, choice)                                      \
                ABI_STRUCTURES_platform(plain, handles, part, layout, choice)

/* --- The wire form: i386's layout, from a compiler for x86-64. --- */

#define ABI_WIRE_SAME(type, name)         type name;
#define ABI_WIRE_SAMES(type, name, count) type name[count];
#define ABI_WIRE_SPACE(type, name)        type name;
#define ABI_WIRE_WIDE(name)               abi_u64_t name;
#define ABI_WIRE_WIDES(name, count)       abi_u64_t name[count];
#define ABI_WIRE_WORD(name)               uint32_t name;
#define ABI_WIRE_WORDS(name, count)       uint32_t name[count];
#define ABI_WIRE_SHORT(name)              uint16_t name;
#define ABI_WIRE_HANDLE(name)             uint32_t name;
#define ABI_WIRE_HANDLE8(name)                                                                               \
    union {                                                                                                  \
        uint32_t h;                                                                                          \
        abi_u64_t pad;                                                                                       \
    } name;
#define ABI_WIRE_ENTRY(name)                                                                                 \
    struct {                                                                                                 \
        uint32_t cs, eip;                                                                                    \
    } name;
#define ABI_WIRE_LOW(name, word)                  uint32_t name;
#define ABI_WIRE_HIGH(name, word)                 uint32_t name;
#define ABI_WIRE_SUB(structure, name)             struct abi32_##structure name;
#define ABI_WIRE_SUBS(structure, name, count)     struct abi32_##structure name[count];
#define ABI_WIRE_CHOICE(structure, name)          union abi32_##structure name;
#define ABI_WIRE_ON(s, u, mask, value, kind, ...) ABI_WIRE_##kind(__VA_ARGS__)
#define ABI_WIRE_ALSO(s, u, mask, value, kind, ...)
#define ABI_WIRE_MEMBER(s, u, kind, ...) ABI_WIRE_##kind(__VA_ARGS__)
#define ABI_WIRE_UNION(name, on, bytes, CASES)                                                               \
    union {                                                                                                  \
        CASES(ABI_WIRE_ON, ABI_WIRE_ALSO, ABI_WIRE_MEMBER, , )                                               \
    } name;

#define ABI_WIRE(s, kind, ...) ABI_WIRE_##kind(__VA_ARGS__)
#define ABI_WIRE_STRUCT(s)                                                                                   \
    struct abi32_##s {                                                                                       \
        ABI_FIELDS_##s(ABI_WIRE, s)                                                                          \
    };
#define ABI_WIRE_CHOICE_UNION(s)                                                                             \
    union abi32_##s {                                                                                        \
        ABI_FIELDS_##s(ABI_WIRE, s)                                                                          \
    };
ABI_STRUCTURES(ABI_WIRE_STRUCT, ABI_WIRE_STRUCT, ABI_WIRE_STRUCT, ABI_WIRE_STRUCT, ABI_WIRE_CHOICE_UNION)

/* --- The decoded form, where the header's own will not do. --- */

#define ABI_FULL_SAME(type, name)         type name;
#define ABI_FULL_SAMES(type, name, count) type name[count];
#define ABI_FULL_WIDE(name)               uint64_t name;
#define ABI_FULL_WIDES(name, count)       uint64_t name[count];
#define ABI_FULL_WORD(name)               uint64_t name;
#define ABI_FULL_WORDS(name, count)       uint64_t name[count];
#define ABI_FULL_HANDLE(name)             abi_handle_t name;
#define ABI_FULL_HANDLE8(name)            abi_handle_t name;
#define ABI_FULL_ENTRY(name)                                                                                 \
    uint32_t name##_cs;                                                                                      \
    uint64_t name;
#define ABI_FULL_SUB(structure, name)             abi_##structure##_t name;
#define ABI_FULL_SUBS(structure, name, count)     abi_##structure##_t name[count];
#define ABI_FULL_CHOICE(structure, name)          union abi_##structure name;
#define ABI_FULL_ON(s, u, mask, value, kind, ...) ABI_FULL_##kind(__VA_ARGS__)
#define ABI_FULL_ALSO(s, u, mask, value, kind, ...)
#define ABI_FULL_MEMBER(s, u, kind, ...) ABI_FULL_##kind(__VA_ARGS__)
#define ABI_FULL_UNION(name, on, bytes, CASES)                                                               \
    union {                                                                                                  \
        CASES(ABI_FULL_ON, ABI_FULL_ALSO, ABI_FULL_MEMBER, , )                                               \
    } name;

#define ABI_FULL(s, kind, ...) ABI_FULL_##kind(__VA_ARGS__)
#define ABI_FULL_PLAIN(s)      typedef struct s abi_##s##_t;
#define ABI_FULL_PART(s)                                                                                     \
    typedef struct abi_##s {                                                                                 \
        ABI_FIELDS_##s(ABI_FULL, s)                                                                          \
    } abi_##s##_t;
#define ABI_FULL_HANDLES(s)                                                                                  \
    ABI_FULL_PART(s) _Static_assert(sizeof(abi_##s##_t) == sizeof(struct s), #s ": the 64-bit form");
#define ABI_FULL_CHOICE_UNION(s)                                                                             \
    union abi_##s {                                                                                          \
        ABI_FIELDS_##s(ABI_FULL, s)                                                                          \
    };
#define ABI_NOTHING(s)
ABI_STRUCTURES(ABI_FULL_PLAIN, ABI_FULL_HANDLES, ABI_FULL_PART, ABI_NOTHING, ABI_FULL_CHOICE_UNION)

#endif
