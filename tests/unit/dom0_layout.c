/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where domain 0's parts go, and notes of its kernel that say what cannot be: refused before anything is placed by them.
 * UNIT-SOURCES: hypervisor/core/options.c hypervisor/pv/dom0/layout.c hypervisor/pv/dom0/notes.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "core/heap.h"
#include "hv/log.h"
#include "pv/dom0/dom0.h"
#include <xen/features.h>

#define BASE  0xffffffff80000000ULL
#define PAGES (MiB(128) >> PAGE_SHIFT)

void log_printf(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

size_t copy_string(char *to, const char *from, size_t size)
{
    return (size_t)snprintf(to, size, "%s", from);
}

uint64_t heap_free_frames(void)
{
    return PAGES;
}

/* A kernel of 8 MiB at its physical address 1 MiB, as kernel_image_load() leaves it. */
static struct dom0_build good(void)
{
    struct dom0_build b = {.nr_pages = PAGES};
    struct kernel_image *k = &b.kernel;

    k->notes.present = BIT(XEN_ELFNOTE_ENTRY) | BIT(XEN_ELFNOTE_VIRT_BASE) | BIT(XEN_ELFNOTE_HYPERCALL_PAGE);
    k->notes.virt_base = BASE;
    k->notes.hypercall_page = BASE + MiB(2);
    k->notes.entry = BASE + MiB(1);
    k->paddr_start = MiB(1);
    k->paddr_end = MiB(9);
    return b;
}

static const char *laid_out(struct dom0_build *b)
{
    struct kernel_image *k = &b->kernel;

    k->virt_start = k->paddr_start - k->notes.paddr_offset + k->notes.virt_base;
    k->virt_end = k->paddr_end - k->notes.paddr_offset + k->notes.virt_base;
    k->virt_entry = k->notes.entry;
    return dom0_layout(b);
}

static void expect_refused(struct dom0_build b, const char *word)
{
    const char *said = laid_out(&b);

    if (!said || !strstr(said, word))
        fail_msg("%s: %s", word, said ? said : "taken");
}

static void a_good_one(void **state)
{
    struct dom0_build b = good();

    (void)state;
    assert_null(laid_out(&b));
    assert_int_equal(b.p2m_va, BASE + MiB(9));
    assert_int_equal(b.p2m_pages, 0);
    assert_int_equal(b.end_va % MiB(4), 0);
    assert_true(b.end_va >= b.stack_va + PAGE_SIZE + KiB(512) && b.end_va < BASE + PAGES * PAGE_SIZE);
    /* The last byte of the addresses may be domain 0's. */
    b = good();
    b.kernel.notes.virt_base = -MiB(12);
    b.kernel.notes.entry = b.kernel.notes.hypercall_page = -MiB(8);
    b.kernel.paddr_start = MiB(1), b.kernel.paddr_end = MiB(9);
    assert_null(laid_out(&b));
    assert_int_equal(b.end_va, 0);
}

static void list_apart(void **state)
{
    static const uint64_t right[] =
        {0x8000000000, 0, BASE - MiB(2), BASE + MiB(256), HYPERVISOR_VIRT_END, (1ULL << 47) - KiB(256),
         -KiB(256)},
                          wrong[] = {-PAGE_SIZE,
                                     -KiB(252),
                                     (1ULL << 47) - KiB(252),
                                     1ULL << 47,
                                     HYPERVISOR_VIRT_START,
                                     HYPERVISOR_VIRT_END - PAGE_SIZE,
                                     0x8000000010,
                                     0xffff7ffffffff000};

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(right) + ARRAY_SIZE(wrong); i++) {
        struct dom0_build b = good();
        const char *said;

        b.kernel.notes.present |= BIT(XEN_ELFNOTE_INIT_P2M);
        b.kernel.notes.init_p2m = i < ARRAY_SIZE(right) ? right[i] : wrong[i - ARRAY_SIZE(right)];
        said = laid_out(&b);
        if (i < ARRAY_SIZE(right) ? said || b.p2m_pages != PAGES / 512 || b.p2m_tables < 3 || b.p2m_tables > 6
                                  : !said || !strstr(said, "INIT_P2M"))
            fail_msg("INIT_P2M %lx: %s, %lu tables", b.kernel.notes.init_p2m, said, b.p2m_tables);
    }
}

static void list_over_the_rest(void **state)
{
    static const uint64_t wrong[] = {BASE, BASE + MiB(8), BASE - PAGE_SIZE, BASE - KiB(252),
                                     BASE + MiB(12) - PAGE_SIZE};

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct dom0_build b = good();

        b.kernel.notes.present |= BIT(XEN_ELFNOTE_INIT_P2M);
        b.kernel.notes.init_p2m = wrong[i];
        expect_refused(b, "INIT_P2M");
    }
}

static void wild_addresses(void **state)
{
    static const uint64_t wild[] = {0,
                                    PAGE_SIZE,
                                    BASE,
                                    BASE + MiB(9),
                                    BASE + MiB(64),
                                    BASE - PAGE_SIZE,
                                    0x8000000000000000,
                                    -PAGE_SIZE,
                                    HYPERVISOR_VIRT_START};
    struct dom0_build b;

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(wild); i++) {
        b = good();
        b.kernel.notes.hypercall_page = wild[i];
        expect_refused(b, "HYPERCALL_PAGE");
        b = good();
        b.kernel.notes.entry = wild[i];
        expect_refused(b, "ENTRY");
    }
    b = good();
    b.kernel.notes.hypercall_page += 8;
    expect_refused(b, "HYPERCALL_PAGE");
    b.kernel.notes.present &= ~(uint32_t)BIT(XEN_ELFNOTE_HYPERCALL_PAGE);
    assert_null(laid_out(&b));
}

static void wild_places(void **state)
{
    static const uint64_t bases[] = {BASE + 8,
                                     HYPERVISOR_VIRT_START,
                                     0xffff808000000000,
                                     HYPERVISOR_VIRT_END - PAGE_SIZE,
                                     -PAGE_SIZE,
                                     -MiB(8),
                                     (1ULL << 47) - MiB(4),
                                     1ULL << 47,
                                     1ULL << 63};
    struct dom0_build b;

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(bases); i++) {
        b = good();
        b.kernel.notes.virt_base = bases[i];
        expect_refused(b, "VIRT_BASE");
    }
    b = good(); /* the kernel itself would fit there */
    b.kernel.notes.virt_base = -MiB(9) - KiB(512);
    b.kernel.notes.entry = b.kernel.notes.hypercall_page = -MiB(4);
    expect_refused(b, "VIRT_BASE");
    b = good();
    b.kernel.notes.paddr_offset = MiB(1) + 1;
    expect_refused(b, "PADDR_OFFSET");
    b.kernel.notes.paddr_offset = ~0ULL;
    expect_refused(b, "PADDR_OFFSET");
    b = good();
    b.kernel.paddr_end = 1ULL << 62;
    expect_refused(b, "dom0_mem=");
}

static void check_features(uint32_t required, uint32_t supported, bool with_note, const char *unknown,
                           const char *word)
{
    struct kernel_notes n = {.features_required = required, .features_supported = required | supported};
    const char *said;

    n.present = BIT(XEN_ELFNOTE_FEATURES) | (with_note ? BIT(XEN_ELFNOTE_SUPPORTED_FEATURES) : 0);
    snprintf(n.unknown_feature, sizeof(n.unknown_feature), "%s", unknown);
    said = dom0_check_features(&n);
    if (word ? !said || !strstr(said, word) : said != NULL)
        fail_msg("required %x, supported %x %u, %s: %s", required, supported, with_note, unknown,
                 said ? said : "taken");
}

/* As Debian's Xen answers. */
static void features(void **state)
{
    (void)state;
    check_features(BIT(XENFEAT_writable_page_tables), BIT(XENFEAT_dom0), true, "", NULL);
    check_features(BIT(XENFEAT_writable_page_tables), 0, false, "", NULL);
    check_features(BIT(XENFEAT_auto_translated_physmap), BIT(XENFEAT_dom0), true, "", NULL);
    check_features(BIT(XENFEAT_dom0), 0, true, "", NULL);
    check_features(0, BIT(XENFEAT_writable_page_tables), true, "", "domain 0");
    check_features(0, 0, true, "", "domain 0");
    check_features(BIT(XENFEAT_supervisor_mode_kernel), BIT(XENFEAT_dom0), true, "", "supervisor mode");
    check_features(0, BIT(XENFEAT_supervisor_mode_kernel) | BIT(XENFEAT_dom0), true, "", NULL);
    check_features(0, BIT(XENFEAT_dom0), true, "no_such", "requires a feature");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one),     cmocka_unit_test(list_apart),  cmocka_unit_test(list_over_the_rest),
        cmocka_unit_test(wild_addresses), cmocka_unit_test(wild_places), cmocka_unit_test(features),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
