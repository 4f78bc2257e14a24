/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads ELF headers out of hostile bytes: unaligned, overlapping, pointing anywhere. Layouts from <elf.h>
 * (System V ABI, chapter 4 and 5). */
#include "lib/elf.h"
#include "hv/errno.h"
#include "hv/string.h"

static bool inside(const struct elf_view *elf, uint64_t offset, uint64_t size)
{
    return offset <= elf->size && size <= elf->size - offset;
}

/* `count` headers of `size` bytes at `offset`. */
static bool table_inside(const struct elf_view *elf, uint64_t offset, uint64_t count, uint64_t size)
{
    return count == 0 || inside(elf, offset, count * size);
}

bool elf_is_elf(const void *file, size_t size)
{
    return size >= EI_NIDENT && memcmp(file, ELFMAG, SELFMAG) == 0;
}

static void read_header64(struct elf_view *elf, uint16_t *phentsize, uint16_t *shentsize)
{
    Elf64_Ehdr h;

    memcpy(&h, elf->base, sizeof(h));
    elf->type = h.e_type;
    elf->machine = h.e_machine;
    elf->entry = h.e_entry;
    elf->segment_headers = h.e_phoff;
    elf->segments = h.e_phnum;
    elf->section_headers = h.e_shoff;
    elf->sections = h.e_shnum;
    elf->names = h.e_shstrndx;
    *phentsize = h.e_phentsize;
    *shentsize = h.e_shentsize;
}

static void read_header32(struct elf_view *elf, uint16_t *phentsize, uint16_t *shentsize)
{
    Elf32_Ehdr h;

    memcpy(&h, elf->base, sizeof(h));
    elf->type = h.e_type;
    elf->machine = h.e_machine;
    elf->entry = h.e_entry;
    elf->segment_headers = h.e_phoff;
    elf->segments = h.e_phnum;
    elf->section_headers = h.e_shoff;
    elf->sections = h.e_shnum;
    elf->names = h.e_shstrndx;
    *phentsize = h.e_phentsize;
    *shentsize = h.e_shentsize;
}

static const char *check_ident(const struct elf_view *elf)
{
    if (!elf_is_elf(elf->base, elf->size))
        return "the kernel is not an ELF file";
    if (elf->base[EI_DATA] != ELFDATA2LSB)
        return "the kernel is a big-endian ELF file: it was not built for x86";
    if (elf->base[EI_CLASS] != ELFCLASS64 && elf->base[EI_CLASS] != ELFCLASS32)
        return "the kernel's ELF header names neither 32 nor 64 bits: the file is corrupt";
    if (elf->size < (elf->base[EI_CLASS] == ELFCLASS64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
        return "the kernel's ELF file is truncated";
    return NULL;
}

static const char *check_header(const struct elf_view *elf, uint16_t phentsize, uint16_t shentsize)
{
    size_t segment = elf->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    size_t section = elf->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);

    if (elf->machine != (elf->is64 ? EM_X86_64 : EM_386))
        return "the kernel's ELF file is for another processor: an x86 kernel is needed";
    if (elf->type != ET_EXEC && elf->type != ET_DYN)
        return "the kernel's ELF file is not an executable: give the linked kernel (vmlinux), not an object "
               "file";
    if (elf->segments == 0 || phentsize != segment ||
        !table_inside(elf, elf->segment_headers, elf->segments, segment))
        return "the kernel's ELF file has no program headers, or they lie outside the file: it is truncated "
               "or corrupt";
    if (elf->sections &&
        (shentsize != section || !table_inside(elf, elf->section_headers, elf->sections, section)))
        return "the kernel's ELF section headers lie outside the file: it is truncated or corrupt";
    return NULL;
}

int elf_open(struct elf_view *elf, const void *file, size_t size, const char **reason)
{
    uint16_t phentsize, shentsize;
    const char *wrong;

    *elf = (struct elf_view){.base = file, .size = size};
    wrong = check_ident(elf);
    if (!wrong) {
        elf->is64 = elf->base[EI_CLASS] == ELFCLASS64;
        (elf->is64 ? read_header64 : read_header32)(elf, &phentsize, &shentsize);
        wrong = check_header(elf, phentsize, shentsize);
    }
    if (!wrong)
        return 0;
    *reason = wrong;
    return -ENOEXEC;
}

int elf_segment(const struct elf_view *elf, uint32_t i, struct elf_segment *out)
{
    uint64_t offset;

    if (i >= elf->segments)
        return -EINVAL;
    if (elf->is64) {
        Elf64_Phdr h;

        memcpy(&h, elf->base + elf->segment_headers + i * sizeof(h), sizeof(h));
        *out = (struct elf_segment){h.p_type,   h.p_flags, h.p_vaddr, h.p_paddr,
                                    h.p_filesz, h.p_memsz, NULL,      h.p_align};
        offset = h.p_offset;
    } else {
        Elf32_Phdr h;

        memcpy(&h, elf->base + elf->segment_headers + i * sizeof(h), sizeof(h));
        *out = (struct elf_segment){h.p_type,   h.p_flags, h.p_vaddr, h.p_paddr,
                                    h.p_filesz, h.p_memsz, NULL,      h.p_align};
        offset = h.p_offset;
    }
    if (!inside(elf, offset, out->file_size) || (out->type == PT_LOAD && out->file_size > out->memory_size))
        return -EINVAL;
    if (out->file_size)
        out->data = elf->base + offset;
    return 0;
}

struct raw_section {
    struct elf_section section;
    uint64_t offset;
    uint32_t name;
};

static struct raw_section read_section(const struct elf_view *elf, uint32_t i)
{
    const uint8_t *at = elf->base + elf->section_headers;

    if (elf->is64) {
        Elf64_Shdr h;

        memcpy(&h, at + i * sizeof(h), sizeof(h));
        return (struct raw_section){
            {h.sh_type, h.sh_link, h.sh_flags, h.sh_addr, h.sh_size, h.sh_entsize, NULL, ""},
            h.sh_offset,
            h.sh_name};
    } else {
        Elf32_Shdr h;

        memcpy(&h, at + i * sizeof(h), sizeof(h));
        return (struct raw_section){
            {h.sh_type, h.sh_link, h.sh_flags, h.sh_addr, h.sh_size, h.sh_entsize, NULL, ""},
            h.sh_offset,
            h.sh_name};
    }
}

static const char *section_name(const struct elf_view *elf, uint32_t name)
{
    struct raw_section names;
    const char *s;

    if (elf->names == 0 || elf->names >= elf->sections)
        return "";
    names = read_section(elf, elf->names);
    if (!inside(elf, names.offset, names.section.size) || name >= names.section.size)
        return "";
    s = (const char *)elf->base + names.offset + name;
    return memchr(s, 0, names.section.size - name) ? s : "";
}

int elf_section(const struct elf_view *elf, uint32_t i, struct elf_section *out)
{
    struct raw_section raw;

    if (i >= elf->sections)
        return -EINVAL;
    raw = read_section(elf, i);
    *out = raw.section;
    out->name = section_name(elf, raw.name);
    if (out->type == SHT_NOBITS || out->type == SHT_NULL || out->size == 0)
        return 0;
    if (!inside(elf, raw.offset, out->size))
        return -EINVAL;
    out->data = elf->base + raw.offset;
    return 0;
}

int elf_find_section(const struct elf_view *elf, const char *name, struct elf_section *out)
{
    for (uint32_t i = 0; i < elf->sections; i++)
        if (elf_section(elf, i, out) == 0 && strcmp(out->name, name) == 0)
            return 0;
    return -ENOENT;
}

bool elf_next_note(const uint8_t *notes, size_t size, size_t *pos, struct elf_note *out)
{
    Elf32_Nhdr h; /* the same as Elf64_Nhdr */
    size_t at = *pos, name_room, desc_room;

    if (at > size || size - at < sizeof(h))
        return false;
    memcpy(&h, notes + at, sizeof(h));
    at += sizeof(h);
    name_room = ROUND_UP((size_t)h.n_namesz, (size_t)4);
    desc_room = ROUND_UP((size_t)h.n_descsz, (size_t)4);
    if (name_room > size - at || h.n_descsz > size - at - name_room)
        return false;
    out->name = (const char *)notes + at;
    out->name_size = h.n_namesz;
    out->type = h.n_type;
    out->desc = notes + at + name_room;
    out->desc_size = h.n_descsz;
    *pos = at + name_room + min(desc_room, size - at - name_room);
    return true;
}
