/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a kernel image: probe and load must neither read outside them nor write outside the buffers
 * asked for.
 *
 * FUZZ-SOURCES: hypervisor/lib/elf.c hypervisor/lib/kernel_image.c hypervisor/lib/kernel_notes.c
 * FUZZ-SOURCES: hypervisor/lib/decompress/decompress.c hypervisor/lib/decompress/gzip.c
 * FUZZ-SOURCES: hypervisor/lib/decompress/xz.c hypervisor/lib/decompress/zstd.c
 * FUZZ-SOURCES: hypervisor/lib/decompress/lz4.c
 * FUZZ-FLAGS: -Wl,--no-as-needed -lz -llzma -lzstd -llz4
 */
#include "lib/kernel_image.h"
#include <stdlib.h>
#include <string.h>

/* Larger images are real kernels, which the unit test loads. */
#define FUZZ_LIMIT MiB(16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct kernel_image *k)
{
    struct elf_section section;
    struct elf_segment segment;
    volatile uint8_t sum = 0;

    for (uint32_t i = 0; i < k->elf.segments; i++)
        if (elf_segment(&k->elf, i, &segment) == 0 && segment.file_size)
            sum += segment.data[0] + segment.data[segment.file_size - 1];
    for (uint32_t i = 0; i < k->elf.sections && i < 100; i++)
        if (elf_section(&k->elf, i, &section) == 0 && section.data)
            sum += section.data[0] + section.data[section.size - 1] + (uint8_t)strlen(section.name);
    (void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kernel_image k;
    void *out = NULL, *scratch = NULL;

    if (kernel_image_probe(&k, data, size))
        return 0;
    if (k.compressed && (k.elf_size > FUZZ_LIMIT || k.scratch_size > FUZZ_LIMIT))
        return 0;
    if (k.compressed) {
        out = malloc(k.elf_size);
        scratch = malloc(k.scratch_size);
    }
    if (kernel_image_load(&k, out, k.elf_size, scratch, k.scratch_size) == 0)
        walk(&k);
    free(out);
    free(scratch);
    return 0;
}
