/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the ELF file inside a kernel image, unpacks it, and computes where it goes. The bytes are not
 * trusted. */
#include "lib/kernel_image.h"
#include "hv/errno.h"
#include "hv/string.h"

/* Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". */
#define SETUP_SECTORS        0x1f1
#define SETUP_MAGIC          0x202
#define SETUP_VERSION        0x206
#define SETUP_PAYLOAD_OFFSET 0x248
#define SETUP_PAYLOAD_LENGTH 0x24c
#define SETUP_END            0x250
#define SETUP_PAYLOAD_SINCE  0x0208 /* protocol version with the payload fields */
#define SETUP_SECTOR         512
#define SETUP_DEFAULT        4 /* sectors, where the header says 0 */

static int fail(struct kernel_image *k, int error, const char *reason)
{
    k->reason = reason;
    return error;
}

static bool is_bzimage(const uint8_t *p, size_t size)
{
    return size >= SETUP_END && memcmp(p + SETUP_MAGIC, "HdrS", 4) == 0;
}

static int find_payload(struct kernel_image *k, const uint8_t *p, size_t size)
{
    uint32_t offset = load_le32(p + SETUP_PAYLOAD_OFFSET), length = load_le32(p + SETUP_PAYLOAD_LENGTH);
    uint64_t start =
        (uint64_t)((p[SETUP_SECTORS] ? p[SETUP_SECTORS] : SETUP_DEFAULT) + 1) * SETUP_SECTOR + offset;

    if ((p[SETUP_VERSION] | p[SETUP_VERSION + 1] << 8) < SETUP_PAYLOAD_SINCE)
        return fail(k, -ENOEXEC,
                    "the bzImage is older than boot protocol 2.08 (Linux 2.6.24): use a newer kernel, or its "
                    "vmlinux");
    if (offset == 0 || length < 8 || start > size || length > size - start)
        return fail(k, -ENOEXEC, "the bzImage's payload lies outside the file: it is truncated or corrupt");
    k->container = KERNEL_BZIMAGE;
    k->payload = p + start;
    k->payload_size = length;
    return 0;
}

/* Linux's build puts the unpacked size, 32 bits, behind every payload; gzip's own trailer is the same
 * (scripts/Makefile.lib, size_append). */
static int probe_payload(struct kernel_image *k)
{
    struct decompress_need need;
    int rc = decompress_probe(k->payload, k->payload_size, &need, &k->reason);

    if (rc)
        return rc;
    k->compression = need.format;
    k->compressed = need.format != COMPRESSION_NONE;
    if (k->compressed && k->container == KERNEL_BZIMAGE)
        need.out_size = load_le32(k->payload + k->payload_size - 4);
    if (need.out_size == 0 || need.out_size > KERNEL_IMAGE_MAX)
        return fail(
            k, -EINVAL,
            "the kernel does not say its unpacked size, or one that cannot be: it is truncated or corrupt");
    k->elf_size = need.out_size;
    k->scratch_size = need.scratch_size;
    return 0;
}

int kernel_image_probe(struct kernel_image *k, const void *module, size_t size)
{
    int rc;

    *k = (struct kernel_image){
        .container = KERNEL_ELF, .payload = module, .payload_size = size, .reason = "no error"};
    if (size == 0)
        return fail(k, -ENOEXEC, "the kernel is empty: check the boot loader's module line");
    if (is_bzimage(module, size)) {
        rc = find_payload(k, module, size);
        if (rc)
            return rc;
    }
    rc = probe_payload(k);
    if (rc)
        return rc;
    if (k->compressed) {
        if (k->container == KERNEL_ELF)
            k->container = KERNEL_COMPRESSED_ELF;
        return 0;
    }
    if (!elf_is_elf(k->payload, k->payload_size))
        return fail(k, -ENOEXEC,
                    k->container == KERNEL_BZIMAGE
                        ? "the bzImage's payload is neither ELF nor compressed with gzip, xz, zstd or lz4: "
                          "build the kernel with one of these"
                        : "the first module is not a kernel: it must be a bzImage or an ELF file, plain or "
                          "compressed with gzip, xz, zstd or lz4");
    return 0;
}

static int unpack(struct kernel_image *k, void *out, size_t out_size, void *scratch, size_t scratch_size,
                  size_t *produced)
{
    struct decompress_job job = {.in = k->payload,
                                 .in_size = k->payload_size,
                                 .out = out,
                                 .out_size = min(out_size, k->elf_size),
                                 .scratch = scratch,
                                 .scratch_size = scratch_size};
    int rc;

    if (!out || !scratch)
        return fail(k, -ENOMEM, "not enough memory to unpack the kernel");
    rc = decompress(&job);
    if (rc)
        return fail(k, rc, job.reason);
    *produced = job.produced;
    return 0;
}

/* Where the parts go. A kernel may keep its segments in any order; holes between them belong to it. */
static int place(struct kernel_image *k)
{
    struct elf_segment s;
    uint64_t end;

    k->paddr_start = UINT64_MAX;
    k->paddr_end = 0;
    for (uint32_t i = 0; i < k->elf.segments; i++) {
        if (elf_segment(&k->elf, i, &s))
            return fail(k, -ENOEXEC,
                        "a segment of the kernel lies outside its file: it is truncated or corrupt");
        if (s.type != PT_LOAD || s.memory_size == 0)
            continue;
        if (__builtin_add_overflow(s.paddr, s.memory_size, &end))
            return fail(k, -ENOEXEC,
                        "a segment of the kernel wraps around the address space: the file is corrupt");
        k->paddr_start = min(k->paddr_start, s.paddr);
        k->paddr_end = max(k->paddr_end, end);
    }
    if (k->paddr_end == 0)
        return fail(k, -ENOEXEC, "the kernel has nothing to load: it is corrupt");
    k->virt_start = k->paddr_start - k->notes.paddr_offset + k->notes.virt_base;
    k->virt_end = k->paddr_end - k->notes.paddr_offset + k->notes.virt_base;
    k->virt_entry = k->notes.entry;
    return 0;
}

int kernel_image_load(struct kernel_image *k, void *out, size_t out_size, void *scratch, size_t scratch_size)
{
    const void *file = k->payload;
    size_t size = k->payload_size;
    int rc;

    if (k->compressed) {
        rc = unpack(k, out, out_size, scratch, scratch_size, &size);
        if (rc)
            return rc;
        file = out;
    }
    rc = elf_open(&k->elf, file, size, &k->reason);
    if (rc)
        return rc;
    k->xen_guest = kernel_notes_read(&k->elf, &k->notes);
    return place(k);
}
