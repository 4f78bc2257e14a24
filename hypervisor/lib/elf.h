/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A read-only view of an ELF file in memory, 32 or 64 bits wide, little endian. Every number in the file is
 * checked against the file's size before it is used; the file must not change while the view is in use. No
 * state, no allocation.
 */
#ifndef LIB_ELF_H
#define LIB_ELF_H

#include "hv/types.h"
#include <elf.h>

struct elf_view {
    const uint8_t *base;
    size_t size;
    bool is64;
    uint16_t type;    /* ET_EXEC, ET_DYN */
    uint16_t machine; /* EM_386, EM_X86_64 */
    uint64_t entry;
    uint32_t segments, sections; /* how many headers of each; all lie inside the file */
    uint64_t segment_headers, section_headers;
    uint32_t names; /* index of the section that holds section names; 0: none */
};

struct elf_segment {
    uint32_t type;  /* PT_LOAD, PT_NOTE */
    uint32_t flags; /* PF_R, PF_W, PF_X */
    uint64_t vaddr, paddr;
    uint64_t file_size, memory_size; /* file_size <= memory_size for PT_LOAD */
    const uint8_t *data;             /* file_size bytes inside the file; NULL if file_size is 0 */
    uint64_t align;
};

struct elf_section {
    uint32_t type; /* SHT_NOTE, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB; SHT_NOBITS has data NULL */
    uint32_t link;
    uint64_t flags, addr, size, entry_size;
    const uint8_t *data;
    const char *name; /* terminated, inside the file; "" if it has none */
};

struct elf_note {
    const char *name; /* name_size bytes, the terminating zero (if there is one) included */
    uint32_t name_size;
    uint32_t type;
    const uint8_t *desc;
    uint32_t desc_size;
};

/* True if the bytes start like an ELF file; the rest may be wrong. */
bool elf_is_elf(const void *file, size_t size);
/* -ENOEXEC with *reason, a constant sentence, if it is not an x86 executable whose headers lie inside the
 * file. */
int elf_open(struct elf_view *elf, const void *file, size_t size, const char **reason) __must_check;
/* -EINVAL: no such segment or section, or its contents are not inside the file. */
int elf_segment(const struct elf_view *elf, uint32_t i, struct elf_segment *out) __must_check;
int elf_section(const struct elf_view *elf, uint32_t i, struct elf_section *out) __must_check;
/* The first section of that name. -ENOENT. */
int elf_find_section(const struct elf_view *elf, const char *name, struct elf_section *out) __must_check;
/*
 * Takes the next note from the `size` bytes of notes at `notes`, starting at *pos (0 at first). False at the
 * end, also where the rest is not a well-formed note. Notes are aligned to four bytes, as all of Xen's and
 * Linux's are, whatever the segment says.
 */
bool elf_next_note(const uint8_t *notes, size_t size, size_t *pos, struct elf_note *out);

#endif
