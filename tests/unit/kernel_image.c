/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel images: a small ELF file made here, packed in every way, must come out the same; damaged ones must
 * be refused. XENIOS_TEST_KERNEL names a real bzImage to be unpacked, too (else build/vmlinuz if it is
 * there).
 *
 * UNIT-SOURCES: hypervisor/lib/elf.c hypervisor/lib/kernel_image.c hypervisor/lib/kernel_notes.c
 * UNIT-SOURCES: hypervisor/lib/decompress/decompress.c hypervisor/lib/decompress/gzip.c
 * UNIT-SOURCES: hypervisor/lib/decompress/xz.c hypervisor/lib/decompress/zstd.c
 * UNIT-SOURCES: hypervisor/lib/decompress/lz4.c
 * UNIT-FLAGS: -Wl,--no-as-needed -lz -llzma -lzstd -llz4
 */
#include <stdarg.h>
#include <setjmp.h>
#include "lib/kernel_image.h"
#include "hv/errno.h"
#include "hv/string.h"
#include <cmocka.h>
#include <zlib.h>
#include <lzma.h>
#include <zstd.h>
#include <lz4hc.h>
#include <xen/features.h>

#define ELF_SIZE 300000
#define SETUP    (5 * 512)

struct blob {
    uint8_t *p;
    size_t n;
};

static struct blob blob_new(size_t n)
{
    struct blob b = {calloc(1, n ? n : 1), n};

    assert_non_null(b.p);
    return b;
}

/* --- The ELF file --- */

static size_t add_note(uint8_t *p, uint32_t type, const void *desc, uint32_t size)
{
    Elf64_Nhdr h = {4, size, type};

    memcpy(p, &h, sizeof(h));
    memcpy(p + sizeof(h), "Xen", 4);
    memcpy(p + sizeof(h) + 4, desc, size);
    return sizeof(h) + 4 + ROUND_UP(size, 4);
}

static size_t add_notes(uint8_t *p)
{
    const uint64_t entry = 0xffffffff81000100, page = 0xffffffff81001000, base = 0xffffffff80000000,
                   p2m = 0x8000000000;
    const uint64_t hole = 0xffff800000000000, valid[2] = {1, 1}, phys = 0x1000200;
    const uint32_t one = 1, supported = 1U << XENFEAT_dom0;
    size_t n = 0;

    n += add_note(p + n, XEN_ELFNOTE_ENTRY, &entry, 8);
    n += add_note(p + n, XEN_ELFNOTE_HYPERCALL_PAGE, &page, 8);
    n += add_note(p + n, XEN_ELFNOTE_VIRT_BASE, &base, 8);
    n += add_note(p + n, XEN_ELFNOTE_INIT_P2M, &p2m, 8);
    n += add_note(p + n, XEN_ELFNOTE_HV_START_LOW, &hole, 8);
    n += add_note(p + n, XEN_ELFNOTE_L1_MFN_VALID, valid, 16);
    n += add_note(p + n, XEN_ELFNOTE_MOD_START_PFN, &one, 4);
    n += add_note(p + n, XEN_ELFNOTE_SUSPEND_CANCEL, &one, 4);
    n += add_note(p + n, XEN_ELFNOTE_SUPPORTED_FEATURES, &supported, 4);
    n += add_note(p + n, XEN_ELFNOTE_PHYS32_ENTRY, &phys, 8);
    n += add_note(p + n, XEN_ELFNOTE_PAE_MODE, "yes", 4);
    n += add_note(p + n, XEN_ELFNOTE_LOADER, "generic", 8);
    n += add_note(p + n, XEN_ELFNOTE_GUEST_OS, "linux", 6);
    n += add_note(p + n, XEN_ELFNOTE_XEN_VERSION, "xen-3.0", 8);
    n +=
        add_note(p + n, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb|!no_such|other", 56);
    return n;
}

static struct blob make_elf(bool notes_in_section)
{
    struct blob b = blob_new(ELF_SIZE);
    Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
                    .e_type = ET_EXEC,
                    .e_machine = EM_X86_64};
    Elf64_Phdr ph[3] = {{.p_type = PT_LOAD,
                         .p_flags = 5,
                         .p_offset = 0x1000,
                         .p_vaddr = 0xffffffff81000000,
                         .p_paddr = 0x1000000,
                         .p_filesz = 0x20000,
                         .p_memsz = 0x20000},
                        {.p_type = PT_LOAD,
                         .p_flags = 6,
                         .p_offset = 0x21000,
                         .p_vaddr = 0xffffffff81200000,
                         .p_paddr = 0x1200000,
                         .p_filesz = 0x8000,
                         .p_memsz = 0x30000},
                        {.p_type = notes_in_section ? PT_NULL : PT_NOTE, .p_offset = 0x800}};
    Elf64_Shdr sh[2] = {{0}, {.sh_type = SHT_NOTE, .sh_offset = 0x800}};
    size_t notes;

    for (size_t i = 0x1000; i < b.n; i++)
        b.p[i] = (uint8_t)(i * i >> 9);
    notes = add_notes(b.p + 0x800);
    ph[2].p_filesz = sh[1].sh_size = notes;
    h.e_entry = 0x1000000;
    h.e_phoff = 64;
    h.e_phnum = 3;
    h.e_phentsize = sizeof(ph[0]);
    h.e_shoff = 0x400;
    h.e_shnum = 2;
    h.e_shentsize = sizeof(sh[0]);
    memcpy(b.p, &h, sizeof(h));
    memcpy(b.p + 64, ph, sizeof(ph));
    memcpy(b.p + 0x400, sh, sizeof(sh));
    return b;
}

/* --- Packing --- */

static struct blob pack_gzip(struct blob in)
{
    struct blob out = blob_new(in.n + 1000);
    z_stream s = {.next_in = in.p, .avail_in = (uInt)in.n, .next_out = out.p, .avail_out = (uInt)out.n};

    assert_int_equal(deflateInit2(&s, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
    out.n = s.total_out;
    deflateEnd(&s);
    return out;
}

static struct blob pack_xz_check(struct blob in, lzma_check check)
{
    struct blob out = blob_new(in.n + 1000);
    lzma_options_lzma options;
    lzma_filter filters[] = {
        {LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    size_t n = 0;

    assert_false(lzma_lzma_preset(&options, 6));
    assert_int_equal(lzma_stream_buffer_encode(filters, check, NULL, in.p, in.n, out.p, &n, out.n), LZMA_OK);
    out.n = n;
    return out;
}

static struct blob pack_xz(struct blob in)
{
    return pack_xz_check(in, LZMA_CHECK_CRC32);
}

static struct blob pack_xz_crc64(struct blob in)
{
    return pack_xz_check(in, LZMA_CHECK_CRC64);
}

static struct blob pack_zstd_size(struct blob in, int tell_size)
{
    struct blob out = blob_new(in.n + 1000);
    ZSTD_CCtx *c = ZSTD_createCCtx();

    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, tell_size)));
    out.n = ZSTD_compress2(c, out.p, out.n, in.p, in.n);
    assert_false(ZSTD_isError(out.n));
    ZSTD_freeCCtx(c);
    return out;
}

static struct blob pack_zstd(struct blob in)
{
    return pack_zstd_size(in, 1);
}

static struct blob pack_zstd_mute(struct blob in)
{
    return pack_zstd_size(in, 0);
}

static struct blob pack_lz4(struct blob in)
{
    struct blob out = blob_new(in.n + in.n / 2 + 1000);
    const size_t block = MiB(8);
    uint32_t word = 0x184c2102;
    size_t n = 4;

    memcpy(out.p, &word, 4);
    for (size_t at = 0; at < in.n; at += block) {
        size_t part = min(in.n - at, block);
        int size =
            LZ4_compress_HC((char *)in.p + at, (char *)out.p + n + 4, (int)part, (int)(out.n - n - 4), 4);

        assert_true(size > 0);
        word = (uint32_t)size;
        memcpy(out.p + n, &word, 4);
        n += 4 + word;
    }
    out.n = n;
    return out;
}

static struct blob pack_none(struct blob in)
{
    struct blob out = blob_new(in.n);

    memcpy(out.p, in.p, in.n);
    return out;
}

static const struct {
    const char *name;
    struct blob (*pack)(struct blob in);
    enum compression format;
} packers[] = {
    {"none", pack_none, COMPRESSION_NONE},     {"gzip", pack_gzip, COMPRESSION_GZIP},
    {"xz crc32", pack_xz, COMPRESSION_XZ},     {"xz crc64", pack_xz_crc64, COMPRESSION_XZ},
    {"zstd", pack_zstd, COMPRESSION_ZSTD},     {"zstd without size", pack_zstd_mute, COMPRESSION_ZSTD},
    {"lz4 legacy", pack_lz4, COMPRESSION_LZ4},
};

/* As Linux's build does it: the size behind the payload, unless gzip has it there already. */
static struct blob wrap_bzimage(struct blob payload, size_t elf_size, enum compression format)
{
    size_t trailer = format == COMPRESSION_GZIP || format == COMPRESSION_NONE ? 0 : 4;
    struct blob b = blob_new(SETUP + 0x2cc + payload.n + trailer + 100);
    uint32_t words[2] = {0x2cc, (uint32_t)(payload.n + trailer)}, size = (uint32_t)elf_size;

    b.p[0x1f1] = SETUP / 512 - 1;
    memcpy(b.p + 0x202, "HdrS\x0f\x02", 6);
    memcpy(b.p + 0x248, words, 8);
    memcpy(b.p + SETUP + 0x2cc, payload.p, payload.n);
    if (trailer)
        memcpy(b.p + SETUP + 0x2cc + payload.n, &size, 4);
    return b;
}

/* --- Loading --- */

/* Copies the module to memory of exactly its size, so that a read beyond is seen. */
static int load(struct kernel_image *k, struct blob module, struct blob *out)
{
    uint8_t *exact = malloc(module.n), *scratch = NULL;
    int rc;

    *out = (struct blob){NULL, 0};
    memcpy(exact, module.p, module.n);
    rc = kernel_image_probe(k, exact, module.n);
    if (rc == 0 && k->compressed) {
        *out = blob_new(k->elf_size);
        scratch = malloc(k->scratch_size);
        memset(scratch, 0xa5, k->scratch_size);
    }
    if (rc == 0)
        rc = kernel_image_load(k, out->p, out->n, scratch, k->scratch_size);
    free(scratch);
    if (out->p || rc)
        free(exact);
    else
        out->p = exact;
    assert_non_null(k->reason);
    return rc;
}

static void check_loaded(const struct kernel_image *k, struct blob elf)
{
    const struct kernel_notes *n = &k->notes;
    struct elf_segment s;

    assert_int_equal(k->elf.size, elf.n);
    assert_memory_equal(k->elf.base, elf.p, elf.n);
    assert_true(k->xen_guest);
    assert_false(n->legacy);
    assert_int_equal(n->entry, 0xffffffff81000100);
    assert_int_equal(k->virt_entry, n->entry);
    assert_int_equal(n->hypercall_page, 0xffffffff81001000);
    assert_int_equal(n->virt_base, 0xffffffff80000000);
    assert_int_equal(n->init_p2m, 0x8000000000);
    assert_int_equal(n->hv_start_low, 0xffff800000000000);
    assert_int_equal(n->l1_mfn_valid_mask, 1);
    assert_int_equal(n->l1_mfn_valid_value, 1);
    assert_int_equal(n->mod_start_pfn, 1);
    assert_int_equal(n->suspend_cancel, 1);
    assert_int_equal(n->phys32_entry, 0x1000200);
    assert_int_equal(n->pae, KERNEL_PAE_YES);
    assert_string_equal(n->guest_os, "linux");
    assert_string_equal(n->xen_version, "xen-3.0");
    assert_string_equal(n->loader, "generic");
    assert_int_equal(n->features_required, 1U << XENFEAT_writable_page_tables);
    assert_int_equal(n->features_supported, 1U << XENFEAT_writable_page_tables |
                                                1U << XENFEAT_pae_pgdir_above_4gb | 1U << XENFEAT_dom0);
    assert_string_equal(n->unknown_feature, "no_such");
    assert_int_equal(n->present & 1U << XEN_ELFNOTE_PADDR_OFFSET, 0);
    assert_int_equal(k->paddr_start, 0x1000000);
    assert_int_equal(k->paddr_end, 0x1230000);
    assert_int_equal(k->virt_start, 0xffffffff81000000);
    assert_int_equal(k->virt_end, 0xffffffff81230000);
    assert_int_equal(elf_segment(&k->elf, 1, &s), 0);
    assert_int_equal(s.file_size, 0x8000);
    assert_ptr_equal(s.data, k->elf.base + 0x21000);
}

static void test_every_form(void **state)
{
    for (unsigned int in_section = 0; in_section < 2; in_section++)
        for (unsigned int i = 0; i < ARRAY_SIZE(packers); i++)
            for (unsigned int bz = 0; bz < 2; bz++) {
                struct blob elf = make_elf(in_section), packed = packers[i].pack(elf), out;
                struct blob module = bz ? wrap_bzimage(packed, elf.n, packers[i].format) : pack_none(packed);
                struct kernel_image k;
                int rc = load(&k, module, &out);

                if (rc)
                    fail_msg("%s, %s: %d, %s", packers[i].name, bz ? "bzImage" : "plain", rc, k.reason);
                assert_int_equal(k.compression, packers[i].format);
                assert_int_equal(k.container, bz             ? KERNEL_BZIMAGE
                                              : k.compressed ? KERNEL_COMPRESSED_ELF
                                                             : KERNEL_ELF);
                check_loaded(&k, elf);
                free(out.p);
                free(elf.p);
                free(packed.p);
                free(module.p);
            }
}

/* Two blocks of lz4, and zlib's window many times over. */
static void test_large(void **state)
{
    struct blob elf = make_elf(false), big = blob_new(MiB(9) + 123);

    memcpy(big.p, elf.p, elf.n);
    for (size_t i = elf.n; i < big.n; i++)
        big.p[i] = (uint8_t)(i % 251 * (i >> 16));
    for (unsigned int i = 0; i < ARRAY_SIZE(packers); i++) {
        struct blob packed = packers[i].pack(big), module = wrap_bzimage(packed, big.n, packers[i].format),
                    out;
        struct kernel_image k;

        assert_int_equal(load(&k, module, &out), 0);
        check_loaded(&k, big);
        free(out.p);
        free(packed.p);
        free(module.p);
    }
    free(elf.p);
    free(big.p);
}

/* Any cut of a compressed image is refused; nothing is read beyond the cut (ASan). */
static void test_truncated(void **state)
{
    struct blob elf = make_elf(false);

    for (unsigned int i = 0; i < ARRAY_SIZE(packers); i++) {
        struct blob packed = packers[i].pack(elf), module = wrap_bzimage(packed, elf.n, packers[i].format),
                    out;
        size_t payload_end = module.n - 100;
        struct kernel_image k;

        for (size_t n = 0; n < payload_end; n += 1 + n / 37) {
            assert_true(load(&k, (struct blob){module.p, n}, &out) < 0);
            free(out.p);
            if (n && n < packed.n - 8 && packers[i].format != COMPRESSION_NONE) {
                assert_true(load(&k, (struct blob){packed.p, n}, &out) < 0);
                free(out.p);
            }
        }
        free(packed.p);
        free(module.p);
    }
    free(elf.p);
}

/* One byte wrong anywhere: refused, or the same content (padding, unused header fields), or, without a
 * checksum, other content. Never a crash. */
static void test_flipped(void **state)
{
    struct blob elf = make_elf(false);

    for (unsigned int i = 0; i < ARRAY_SIZE(packers); i++) {
        struct blob packed = packers[i].pack(elf), module = wrap_bzimage(packed, elf.n, packers[i].format),
                    out;
        bool checksum = packers[i].format == COMPRESSION_GZIP || packers[i].format == COMPRESSION_XZ;
        struct kernel_image k;

        for (size_t n = 0; n < module.n; n += 1 + n / 61) {
            module.p[n] ^= 1 << n % 8;
            if (load(&k, module, &out) == 0 && checksum)
                assert_memory_equal(k.elf.base, elf.p, min(k.elf.size, elf.n));
            free(out.p);
            module.p[n] ^= 1 << n % 8;
        }
        free(packed.p);
        free(module.p);
    }
    free(elf.p);
}

static void expect_reason(const char *bytes, size_t n, int error, const char *part)
{
    struct kernel_image k;
    struct blob out;

    assert_int_equal(load(&k, (struct blob){(uint8_t *)bytes, n}, &out), error);
    if (!strstr(k.reason, part))
        fail_msg("'%s' does not say '%s'", k.reason, part);
}

static void test_reasons(void **state)
{
    struct blob elf = make_elf(false), none = {(uint8_t *)"BZh9..............", 16},
                module = wrap_bzimage(none, 0, COMPRESSION_NONE);

    expect_reason("", 0, -ENOEXEC, "empty");
    expect_reason("#!/bin/sh\n", 10, -ENOEXEC, "not a kernel");
    expect_reason("BZh91AY", 7, -EOPNOTSUPP, "bzip2, which is not supported: use gzip, xz, zstd or lz4");
    expect_reason((char *)module.p, module.n, -EOPNOTSUPP, "bzip2");
    expect_reason("\x04\x22\x4d\x18........", 12, -EOPNOTSUPP, "lz4 -l");
    module.p[0x206] = 7;
    expect_reason((char *)module.p, module.n, -ENOEXEC, "2.08");
    elf.p[18] = 183; /* EM_AARCH64 */
    expect_reason((char *)elf.p, elf.n, -ENOEXEC, "another processor");
    free(module.p);
    free(elf.p);
}

static void test_legacy(void **state)
{
    static const char text[] =
        "GUEST_OS=plan9,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,HYPERCALL_PAGE=0x104,PAE=yes[extended-cr3],"
        "FEATURES=!supervisor_mode_kernel|pae_pgdir_above_4gb,LOADER=generic,BSD_SYMTAB=yes";
    static const char names[] = "\0__xen_guest\0.shstrtab";
    struct blob elf = blob_new(4096), out;
    Elf32_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1},
                    .e_type = ET_EXEC,
                    .e_machine = EM_386,
                    .e_entry = 0xc0100000,
                    .e_phoff = 64,
                    .e_phnum = 1,
                    .e_phentsize = sizeof(Elf32_Phdr),
                    .e_shoff = 256,
                    .e_shnum = 3,
                    .e_shentsize = sizeof(Elf32_Shdr),
                    .e_shstrndx = 2};
    Elf32_Phdr ph = {.p_type = PT_LOAD,
                     .p_offset = 0,
                     .p_vaddr = 0xc0100000,
                     .p_paddr = 0xc0100000,
                     .p_filesz = 64,
                     .p_memsz = 0x2000};
    Elf32_Shdr sh[3] = {{0},
                        {.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = 1024, .sh_size = sizeof(text)},
                        {.sh_name = 13, .sh_type = SHT_STRTAB, .sh_offset = 2048, .sh_size = sizeof(names)}};
    struct kernel_image k;

    memcpy(elf.p, &h, sizeof(h));
    memcpy(elf.p + 64, &ph, sizeof(ph));
    memcpy(elf.p + 256, sh, sizeof(sh));
    memcpy(elf.p + 1024, text, sizeof(text));
    memcpy(elf.p + 2048, names, sizeof(names));
    assert_int_equal(load(&k, elf, &out), 0);
    assert_true(k.xen_guest && k.notes.legacy && !k.elf.is64);
    assert_string_equal(k.notes.guest_os, "plan9");
    assert_int_equal(k.notes.virt_base, 0xc0000000);
    assert_int_equal(k.notes.paddr_offset, 0xc0000000);
    assert_int_equal(k.notes.hypercall_page, 0xc0104000);
    assert_int_equal(k.notes.entry, 0xc0100000);
    assert_int_equal(k.virt_start, 0xc0100000);
    assert_true(k.notes.pae == KERNEL_PAE_YES && k.notes.pae_extended_cr3 && k.notes.bsd_symtab);
    assert_int_equal(k.notes.features_required, 1U << XENFEAT_supervisor_mode_kernel);
    free(out.p);
    free(elf.p);
}

static struct blob read_kernel(void)
{
    const char *path = getenv("XENIOS_TEST_KERNEL");
    FILE *f = fopen(path ? path : "build/vmlinuz", "rb");
    struct blob b = {NULL, 0};

    if (!f)
        return b;
    fseek(f, 0, SEEK_END);
    b = blob_new((size_t)ftell(f));
    rewind(f);
    assert_int_equal(fread(b.p, 1, b.n, f), b.n);
    fclose(f);
    return b;
}

static void test_real_kernel(void **state)
{
    struct blob module = read_kernel(), out;
    struct kernel_image k;

    if (!module.p)
        skip();
    assert_int_equal(load(&k, module, &out), 0);
    assert_true(k.container == KERNEL_BZIMAGE && k.elf.is64 && k.xen_guest);
    assert_string_equal(k.notes.guest_os, "linux");
    assert_string_equal(k.notes.xen_version, "xen-3.0");
    assert_true(k.notes.features_required & 1U << XENFEAT_writable_page_tables ||
                k.notes.features_supported & 1U << XENFEAT_dom0);
    assert_int_equal(k.notes.virt_base, 0xffffffff80000000);
    assert_true(k.virt_entry >= k.virt_start && k.virt_entry < k.virt_end);
    /* Linux has had no hypercall page since its answer to XSA-466. */
    if (k.notes.present & 1U << XEN_ELFNOTE_HYPERCALL_PAGE)
        assert_true(k.notes.hypercall_page >= k.virt_start && k.notes.hypercall_page < k.virt_end);
    print_message("kernel: %s %s, %zu bytes, scratch %zu, %#lx-%#lx, entry %#lx\n", k.notes.guest_os,
                  k.notes.guest_version, k.elf.size, k.scratch_size, k.virt_start, k.virt_end, k.virt_entry);
    free(out.p);
    free(module.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form),  cmocka_unit_test(test_large),   cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped),     cmocka_unit_test(test_reasons), cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_real_kernel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
