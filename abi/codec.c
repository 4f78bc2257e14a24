/* SPDX-License-Identifier: MIT */
/* The tables, made of the schema, and the two functions that read them. */
#include "abi/codec.h"

/* --- Cases of unions first: the tables of fields point to them. --- */

#define ABI_FIELD_SAME(s, p, type, name)                                                                     \
    {                                                                                                        \
        .kind = ABI_COPY, .wire = offsetof(struct abi32_##s, p name), .full = offsetof(abi_##s##_t, p name), \
        .count = sizeof(type)                                                                                \
    }
#define ABI_FIELD_SAMES(s, p, type, name, n)                                                                 \
    {                                                                                                        \
        .kind = ABI_COPY, .wire = offsetof(struct abi32_##s, p name), .full = offsetof(abi_##s##_t, p name), \
        .count = sizeof(type) * (n)                                                                          \
    }
#define ABI_FIELD_WIDE(s, p, name)     ABI_FIELD_SAME(s, p, uint64_t, name)
#define ABI_FIELD_WIDES(s, p, name, n) ABI_FIELD_SAMES(s, p, uint64_t, name, n)
#define ABI_FIELD_WORDS(s, p, name, n)                                                                       \
    {                                                                                                        \
        .kind = ABI_WORDS, .wire = offsetof(struct abi32_##s, p name),                                       \
        .full = offsetof(abi_##s##_t, p name), .count = (n)                                                  \
    }
#define ABI_FIELD_WORD(s, p, name)    ABI_FIELD_WORDS(s, p, name, 1)
#define ABI_FIELD_HANDLE(s, p, name)  ABI_FIELD_WORDS(s, p, name, 1)
#define ABI_FIELD_HANDLE8(s, p, name) ABI_FIELD_WORDS(s, p, name, 1)
#define ABI_FIELD_SHORT(s, p, name)                                                                          \
    {                                                                                                        \
        .kind = ABI_SHORT, .wire = offsetof(struct abi32_##s, p name), .full = offsetof(abi_##s##_t, p name) \
    }
#define ABI_FIELD_LOW(s, p, name, word)                                                                      \
    {                                                                                                        \
        .kind = ABI_HALF, .wire = offsetof(struct abi32_##s, p name), .full = offsetof(abi_##s##_t, p word)  \
    }
#define ABI_FIELD_HIGH(s, p, name, word)                                                                     \
    {                                                                                                        \
        .kind = ABI_HALF, .wire = offsetof(struct abi32_##s, p name),                                        \
        .full = offsetof(abi_##s##_t, p word) + 4                                                            \
    }
/* Two fields for one. */
#define ABI_FIELD_ENTRY(s, p, name)                                                                          \
    {.kind = ABI_HALF,                                                                                       \
     .wire = offsetof(struct abi32_##s, p name.cs),                                                          \
     .full = offsetof(abi_##s##_t, p name##_cs)},                                                            \
    {                                                                                                        \
        .kind = ABI_WORDS, .wire = offsetof(struct abi32_##s, p name.eip),                                   \
        .full = offsetof(abi_##s##_t, p name), .count = 1                                                    \
    }
#define ABI_FIELD_SUBS(s, p, structure, name, n)                                                             \
    {                                                                                                        \
        .kind = ABI_SUBS, .wire = offsetof(struct abi32_##s, p name), .full = offsetof(abi_##s##_t, p name), \
        .count = (n), .codec = &abi_codec_##structure                                                        \
    }
#define ABI_FIELD_SUB(s, p, structure, name) ABI_FIELD_SUBS(s, p, structure, name, 1)
#define ABI_FIELD_SPACE(s, p, type, name)                                                                    \
    {                                                                                                        \
        .kind = ABI_COPY                                                                                     \
    }
#define ABI_FIELD_UNION(s, p, name, discriminator, size, CASES)                                              \
    {                                                                                                        \
        .kind = ABI_CHOICE, .count = sizeof(abi_cases_##s##_##name) / sizeof(abi_cases_##s##_##name[0]),     \
        .on = {offsetof(struct abi32_##s, discriminator), offsetof(abi_##s##_t, discriminator), size},       \
        .cases = abi_cases_##s##_##name                                                                      \
    }

#define ABI_CASE_ON(s, u, m, v, kind, ...)                                                                   \
    {.mask = (m), .value = (v), .field = ABI_FIELD_##kind(s, u., __VA_ARGS__)},
#define ABI_CASE_MEMBER(s, u, kind, ...)

#define ABI_CASES_SAME(...)
#define ABI_CASES_SAMES(...)
#define ABI_CASES_SPACE(...)
#define ABI_CASES_WIDE(...)
#define ABI_CASES_WIDES(...)
#define ABI_CASES_WORD(...)
#define ABI_CASES_WORDS(...)
#define ABI_CASES_SHORT(...)
#define ABI_CASES_HANDLE(...)
#define ABI_CASES_HANDLE8(...)
#define ABI_CASES_ENTRY(...)
#define ABI_CASES_LOW(...)
#define ABI_CASES_HIGH(...)
#define ABI_CASES_SUB(...)
#define ABI_CASES_SUBS(...)
#define ABI_CASES_UNION(s, name, on, bytes, CASES)                                                           \
    static const struct abi_case abi_cases_##s##_##name[] = {                                                \
        CASES(ABI_CASE_ON, ABI_CASE_ON, ABI_CASE_MEMBER, s, name)};

#define ABI_CASES(s, kind, ...) ABI_CASES_##kind(s, __VA_ARGS__)
#define ABI_FIELD(s, kind, ...) ABI_FIELD_##kind(s, , __VA_ARGS__),
#define ABI_CODEC(s)                                                                                         \
    ABI_FIELDS_##s(ABI_CASES,                                                                                \
                   s) static const struct abi_field abi_fields_##s[] = {ABI_FIELDS_##s(ABI_FIELD, s)};       \
    const struct abi_codec abi_codec_##s = {                                                                 \
        .wire_size = sizeof(struct abi32_##s),                                                               \
        .full_size = sizeof(abi_##s##_t),                                                                    \
        .fields = sizeof(abi_fields_##s) / sizeof(abi_fields_##s[0]),                                        \
        .field = abi_fields_##s,                                                                             \
    };
ABI_STRUCTURES(ABI_CODEC, ABI_CODEC, ABI_CODEC, ABI_NOTHING, ABI_NOTHING)

/* The case that the discriminator at `at` names, or NULL. */
static const struct abi_field *choose(const struct abi_field *f, const unsigned char *at)
{
    uint64_t value = 0;

    __builtin_memcpy(&value, at, f->on.bytes);
    for (unsigned int i = 0; i < f->count; i++)
        if ((value & f->cases[i].mask) == f->cases[i].value)
            return &f->cases[i].field;
    return NULL;
}

static void decode(const struct abi_codec *codec, unsigned char *full, const unsigned char *wire);
static void encode(const struct abi_codec *codec, unsigned char *wire, const unsigned char *full);

static void decode_field(const struct abi_field *f, unsigned char *full, const unsigned char *wire)
{
    full += f->full;
    wire += f->wire;
    switch (f->kind) {
    case ABI_COPY:
        __builtin_memcpy(full, wire, f->count);
        break;
    case ABI_SHORT:
        __builtin_memcpy(full, wire, 2);
        break;
    case ABI_HALF:
        __builtin_memcpy(full, wire, 4);
        break;
    case ABI_WORDS:
        for (unsigned int i = 0; i < f->count; i++)
            __builtin_memcpy(full + 8 * i, wire + 4 * i, 4);
        break;
    case ABI_SUBS:
        for (unsigned int i = 0; i < f->count; i++)
            decode(f->codec, full + i * f->codec->full_size, wire + i * f->codec->wire_size);
        break;
    default:
        break;
    }
}

static void encode_field(const struct abi_field *f, unsigned char *wire, const unsigned char *full)
{
    full += f->full;
    wire += f->wire;
    switch (f->kind) {
    case ABI_COPY:
        __builtin_memcpy(wire, full, f->count);
        break;
    case ABI_SHORT:
        __builtin_memcpy(wire, full, 2);
        break;
    case ABI_HALF:
        __builtin_memcpy(wire, full, 4);
        break;
    case ABI_WORDS:
        for (unsigned int i = 0; i < f->count; i++)
            __builtin_memcpy(wire + 4 * i, full + 8 * i, 4);
        break;
    case ABI_SUBS:
        for (unsigned int i = 0; i < f->count; i++)
            encode(f->codec, wire + i * f->codec->wire_size, full + i * f->codec->full_size);
        break;
    default:
        break;
    }
}

/* The destination is zero. Tables do not nest deeper than structures do: four levels. */
static void decode(const struct abi_codec *codec, unsigned char *full, const unsigned char *wire)
{
    for (const struct abi_field *f = codec->field; f < codec->field + codec->fields; f++) {
        const struct abi_field *chosen = f->kind == ABI_CHOICE ? choose(f, wire + f->on.wire) : f;

        if (chosen)
            decode_field(chosen, full, wire);
    }
}

static void encode(const struct abi_codec *codec, unsigned char *wire, const unsigned char *full)
{
    for (const struct abi_field *f = codec->field; f < codec->field + codec->fields; f++) {
        const struct abi_field *chosen = f->kind == ABI_CHOICE ? choose(f, full + f->on.full) : f;

        if (chosen)
            encode_field(chosen, wire, full);
    }
}

void abi_decode(const struct abi_codec *codec, void *full, const void *wire)
{
    __builtin_memset(full, 0, codec->full_size);
    decode(codec, full, wire);
}

void abi_encode(const struct abi_codec *codec, void *wire, const void *full)
{
    __builtin_memset(wire, 0, codec->wire_size);
    encode(codec, wire, full);
}
