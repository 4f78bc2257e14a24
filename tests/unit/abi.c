/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The codec of abi/, for every structure of the schema and every case of its unions: from random 32-bit forms to decoded ones and back. What the tables do is compared, member by member,
 * with what the compiler does with the members' names. Buffers have their exact size, for ASan. The seed is printed; SEED=n repeats a run.
 * UNIT-SOURCES: abi/codec.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "abi/codec.h"
#include "random.h"

#define ROUNDS 400

static uint64_t rnd(void)
{
    return random64() >> 16;
}

static void fill(void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)p)[i] = (uint8_t)rnd();
}

static int is_zero(const void *p, size_t n)
{
    const uint8_t *b = p;

    while (n && !*b)
        b++, n--;
    return !n;
}

/* --- Discriminators that mean something, now and then one that does not. --- */

#define SEED_SAME(...)
#define SEED_SAMES(...)
#define SEED_SPACE(...)
#define SEED_WIDE(...)
#define SEED_WIDES(...)
#define SEED_WORD(...)
#define SEED_WORDS(...)
#define SEED_SHORT(...)
#define SEED_HANDLE(...)
#define SEED_HANDLE8(...)
#define SEED_ENTRY(...)
#define SEED_LOW(...)
#define SEED_HIGH(...)
#define SEED_SUB(p, structure, name) seed_##structure(&w->p name);
#define SEED_SUBS(p, structure, name, count)                                                                 \
    for (unsigned int n_ = 0; n_ < (count); n_++)                                                            \
        seed_##structure(&w->p name[n_]);
#define SEED_CASE(s, u, m, v, kind, ...)                                                                     \
    if (case_++ == chosen_) {                                                                                \
        on_ = (on_ & ~(uint64_t)(m)) | (v);                                                                  \
        SEED_##kind(u., __VA_ARGS__)                                                                         \
    }
#define SEED_MEMBER(...)
#define SEED_UNION(p, name, on, bytes, CASES)                                                                \
    {                                                                                                        \
        unsigned int case_ = 0, chosen_ = (unsigned int)(rnd() % 29);                                        \
        uint64_t on_ = 0;                                                                                    \
                                                                                                             \
        memcpy(&on_, &w->on, bytes);                                                                         \
        CASES(SEED_CASE, SEED_CASE, SEED_MEMBER, , name)                                                     \
        memcpy((uint8_t *)w + offsetof(__typeof__(*w), on), &on_, bytes);                                    \
    }
#define SEED(s, kind, ...) SEED_##kind(, __VA_ARGS__)
#define SEED_STRUCTURE(s)                                                                                    \
    static void seed_##s(struct abi32_##s *w)                                                                \
    {                                                                                                        \
        (void)w;                                                                                             \
        ABI_FIELDS_##s(SEED, s)                                                                              \
    }
ABI_STRUCTURES(SEED_STRUCTURE, SEED_STRUCTURE, SEED_STRUCTURE, ABI_NOTHING, ABI_NOTHING)

/* --- Member by member. --- */

#define CHECK_SAME(p, type, name)                                                                            \
    assert_int_equal(sizeof(w->p name), sizeof(f->p name));                                                  \
    assert_memory_equal(&w->p name, &f->p name, sizeof(f->p name));
#define CHECK_SAMES(p, type, name, n) CHECK_SAME(p, type, name)
#define CHECK_SPACE(p, type, name)
#define CHECK_WIDE(p, name)     CHECK_SAME(p, , name)
#define CHECK_WIDES(p, name, n) CHECK_SAME(p, , name)
#define CHECK_WORD(p, name)     assert_true((uint64_t)f->p name == w->p name);
#define CHECK_WORDS(p, name, n)                                                                              \
    for (unsigned int n_ = 0; n_ < (n); n_++)                                                                \
        assert_true((uint64_t)f->p name[n_] == w->p name[n_]);
#define CHECK_SHORT(p, name)          CHECK_WORD(p, name)
#define CHECK_HANDLE(p, name)         assert_true(f->p name.addr == w->p name);
#define CHECK_HANDLE8(p, name)        assert_true(f->p name.addr == w->p name.h);
#define CHECK_ENTRY(p, name)          assert_true(f->p name == w->p name.eip && f->p name##_cs == w->p name.cs);
#define CHECK_LOW(p, name, word)      assert_true((uint32_t)f->p word == w->p name);
#define CHECK_HIGH(p, name, word)     assert_true(f->p word >> 32 == w->p name);
#define CHECK_SUB(p, structure, name) check_##structure((const void *)&f->p name, &w->p name);
#define CHECK_SUBS(p, structure, name, n)                                                                    \
    for (unsigned int n_ = 0; n_ < (n); n_++)                                                                \
        check_##structure((const void *)&f->p name[n_], &w->p name[n_]);
#define CHECK_CASE(s, u, m, v, kind, ...)                                                                    \
    if (!found_ && (on_ & (m)) == (v)) {                                                                     \
        found_ = 1;                                                                                          \
        CHECK_##kind(u., __VA_ARGS__)                                                                        \
    }
#define CHECK_MEMBER(...)
#define CHECK_UNION(p, name, on, bytes, CASES)                                                               \
    {                                                                                                        \
        uint64_t on_ = 0;                                                                                    \
        int found_ = 0;                                                                                      \
                                                                                                             \
        memcpy(&on_, (const uint8_t *)w + offsetof(__typeof__(*w), on), bytes);                              \
        CASES(CHECK_CASE, CHECK_CASE, CHECK_MEMBER, , name)                                                  \
        if (!found_)                                                                                         \
            assert_true(is_zero(&f->name, sizeof(f->name)));                                                 \
        cases_met += (unsigned int)found_;                                                                   \
        strangers_met += (unsigned int)!found_;                                                              \
    }
#define CHECK(s, kind, ...) CHECK_##kind(, __VA_ARGS__)

static unsigned int cases_met, strangers_met;

#define CHECK_STRUCTURE(s)                                                                                   \
    static void check_##s(const abi_##s##_t *f, const struct abi32_##s *w)                                   \
    {                                                                                                        \
        ABI_FIELDS_##s(CHECK, s)                                                                             \
    }
ABI_STRUCTURES(CHECK_STRUCTURE, CHECK_STRUCTURE, CHECK_STRUCTURE, ABI_NOTHING, ABI_NOTHING)

/* --- There and back. --- */

static void there_and_back(const struct abi_codec *codec, uint8_t *wire, uint8_t *full)
{
    uint8_t *again = malloc(codec->wire_size), *once_more = malloc(codec->full_size);

    abi_encode(codec, again, full);
    /* Holes and cases that are not meant become zero; nothing else changes. */
    for (unsigned int i = 0; i < codec->wire_size; i++)
        assert_true(again[i] == wire[i] || again[i] == 0);
    abi_decode(codec, once_more, again);
    assert_memory_equal(once_more, full, codec->full_size);
    free(again);
    free(once_more);
}

#define ROUND_TRIP(s)                                                                                        \
    static void round_trip_##s(void **state)                                                                 \
    {                                                                                                        \
        const struct abi_codec *codec = &abi_codec_##s;                                                      \
                                                                                                             \
        assert_int_equal(codec->wire_size, sizeof(struct abi32_##s));                                        \
        for (unsigned int i = 0; i < ROUNDS; i++) {                                                          \
            uint8_t *wire = malloc(codec->wire_size), *full = malloc(codec->full_size);                      \
                                                                                                             \
            fill(wire, codec->wire_size);                                                                    \
            fill(full, codec->full_size);                                                                    \
            seed_##s((struct abi32_##s *)wire);                                                              \
            abi_decode(codec, full, wire);                                                                   \
            check_##s((const abi_##s##_t *)full, (const struct abi32_##s *)wire);                            \
            there_and_back(codec, wire, full);                                                               \
            free(wire);                                                                                      \
            free(full);                                                                                      \
        }                                                                                                    \
    }
ABI_STRUCTURES(ROUND_TRIP, ROUND_TRIP, ROUND_TRIP, ABI_NOTHING, ABI_NOTHING)

/* Nothing of what the hypervisor's stack held goes out: a structure of ones encodes to its members' bytes and zeros. */
static void holes_are_zero(void **state)
{
    struct abi32_xen_memory_reservation wire;
    struct abi_xen_memory_reservation full;

    memset(&full, 0xff, sizeof(full));
    memset(&wire, 0xff, sizeof(wire));
    abi_encode(&abi_codec_xen_memory_reservation, &wire, &full);
    assert_int_equal(((uint8_t *)&wire)[18] | ((uint8_t *)&wire)[19], 0);
    assert_int_equal(wire.domid, 0xffff);
}

/* The discriminator of EFI's cases is two numbers; the first alone is not enough. */
static void cases_of_cases(void **state)
{
    struct abi32_xen_platform_op wire = {.cmd = XENPF_firmware_info};
    struct abi_xen_platform_op full;

    wire.u.firmware_info.type = XEN_FW_EFI_INFO;
    wire.u.firmware_info.index = XEN_FW_EFI_VENDOR;
    wire.u.firmware_info.u.efi_info.vendor.bufsz = 77;
    wire.u.firmware_info.u.efi_info.vendor.name = 0xc0001000;
    abi_decode(&abi_codec_xen_platform_op, &full, &wire);
    assert_int_equal(full.u.firmware_info.u.efi_info.vendor.bufsz, 77);
    assert_true(full.u.firmware_info.u.efi_info.vendor.name.addr == 0xc0001000);
    wire.u.firmware_info.index = 99;
    abi_decode(&abi_codec_xen_platform_op, &full, &wire);
    assert_int_equal(full.u.firmware_info.index, 99);
    assert_true(is_zero(&full.u.firmware_info.u, sizeof(full.u.firmware_info.u)));
}

/* The unions' cases were met, and so were discriminators that name none. */
static void cases_were_met(void **state)
{
    assert_true(cases_met > ROUNDS);
    assert_true(strangers_met > 0);
}

#define TEST(s) cmocka_unit_test(round_trip_##s),

int main(void)
{
    const struct CMUnitTest tests[] = {ABI_STRUCTURES(TEST, TEST, TEST, ABI_NOTHING, ABI_NOTHING)
                                           cmocka_unit_test(holes_are_zero),
                                       cmocka_unit_test(cases_of_cases), cmocka_unit_test(cases_were_met)};

    random_sequence(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
