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

/* The three headers of either width, as the 64-bit ones: from here on there is one form. The caller knows that they lie inside the file. */
static Elf64_Ehdr read_header(const struct elf_view *elf)
{
    Elf64_Ehdr wide;
    Elf32_Ehdr h;

    if (elf->is64) {
        memcpy(&wide, elf->base, sizeof(wide));
        return wide;
    }
    memcpy(&h, elf->base, sizeof(h));
    return (Elf64_Ehdr){
        .e_type = h.e_type,
        .e_machine = h.e_machine,
        .e_entry = h.e_entry,
        .e_phoff = h.e_phoff,
        .e_shoff = h.e_shoff,
        .e_phentsize = h.e_phentsize,
        .e_phnum = h.e_phnum,
        .e_shentsize = h.e_shentsize,
        .e_shnum = h.e_shnum,
        .e_shstrndx = h.e_shstrndx,
    };
}

static Elf64_Phdr read_segment(const struct elf_view *elf, uint32_t i)
{
    const uint8_t *at = elf->base + elf->segment_headers;
    Elf64_Phdr wide;
    Elf32_Phdr h;

    if (elf->is64) {
        memcpy(&wide, at + i * sizeof(wide), sizeof(wide));
        return wide;
    }
    memcpy(&h, at + i * sizeof(h), sizeof(h));
    return (Elf64_Phdr){
        .p_type = h.p_type,
        .p_flags = h.p_flags,
        .p_offset = h.p_offset,
        .p_vaddr = h.p_vaddr,
        .p_paddr = h.p_paddr,
        .p_filesz = h.p_filesz,
        .p_memsz = h.p_memsz,
        .p_align = h.p_align,
    };
}

static Elf64_Shdr read_section(const struct elf_view *elf, uint32_t i)
{
    const uint8_t *at = elf->base + elf->section_headers;
    Elf64_Shdr wide;
    Elf32_Shdr h;

    if (elf->is64) {
        memcpy(&wide, at + i * sizeof(wide), sizeof(wide));
        return wide;
    }
    memcpy(&h, at + i * sizeof(h), sizeof(h));
    return (Elf64_Shdr){
        .sh_name = h.sh_name,
        .sh_type = h.sh_type,
        .sh_flags = h.sh_flags,
        .sh_addr = h.sh_addr,
        .sh_offset = h.sh_offset,
        .sh_size = h.sh_size,
        .sh_link = h.sh_link,
        .sh_entsize = h.sh_entsize,
    };
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

/* Fills the view's fields; why they are of no use, or NULL. */
static const char *take_header(struct elf_view *elf, const Elf64_Ehdr *h)
{
    size_t segment = elf->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    size_t section = elf->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);

    elf->type = h->e_type;
    elf->machine = h->e_machine;
    elf->entry = h->e_entry;
    elf->segment_headers = h->e_phoff;
    elf->segments = h->e_phnum;
    elf->section_headers = h->e_shoff;
    elf->sections = h->e_shnum;
    elf->names = h->e_shstrndx;
    if (elf->machine != (elf->is64 ? EM_X86_64 : EM_386))
        return "the kernel's ELF file is for another processor: an x86 kernel is needed";
    if (elf->type != ET_EXEC && elf->type != ET_DYN)
        return "the kernel's ELF file is not an executable: give the linked kernel (vmlinux), not an object "
               "file";
    if (elf->segments == 0 || h->e_phentsize != segment ||
        !table_inside(elf, elf->segment_headers, elf->segments, segment))
        return "the kernel's ELF file has no program headers, or they lie outside the file: it is truncated "
               "or corrupt";
    if (elf->sections &&
        (h->e_shentsize != section || !table_inside(elf, elf->section_headers, elf->sections, section)))
        return "the kernel's ELF section headers lie outside the file: it is truncated or corrupt";
    return NULL;
}

int elf_open(struct elf_view *elf, const void *file, size_t size, const char **reason)
{
    const char *wrong;
    Elf64_Ehdr header;

    *elf = (struct elf_view){.base = file, .size = size};
    wrong = check_ident(elf);
    if (!wrong) {
        elf->is64 = elf->base[EI_CLASS] == ELFCLASS64;
        header = read_header(elf);
        wrong = take_header(elf, &header);
    }
    if (!wrong)
        return 0;
    *reason = wrong;
    return -ENOEXEC;
}

int elf_segment(const struct elf_view *elf, uint32_t i, struct elf_segment *out)
{
    Elf64_Phdr h;

    if (i >= elf->segments)
        return -EINVAL;
    h = read_segment(elf, i);
    if (!inside(elf, h.p_offset, h.p_filesz) || (h.p_type == PT_LOAD && h.p_filesz > h.p_memsz))
        return -EINVAL;
    *out = (struct elf_segment){
        .type = h.p_type,
        .flags = h.p_flags,
        .vaddr = h.p_vaddr,
        .paddr = h.p_paddr,
        .file_size = h.p_filesz,
        .memory_size = h.p_memsz,
        .data = h.p_filesz ? elf->base + h.p_offset : NULL,
        .align = h.p_align,
    };
    return 0;
}

static const char *section_name(const struct elf_view *elf, uint32_t name)
{
    Elf64_Shdr names;
    const char *s;

    if (elf->names == 0 || elf->names >= elf->sections)
        return "";
    names = read_section(elf, elf->names);
    if (!inside(elf, names.sh_offset, names.sh_size) || name >= names.sh_size)
        return "";
    s = (const char *)elf->base + names.sh_offset + name;
    return memchr(s, 0, names.sh_size - name) ? s : "";
}

int elf_section(const struct elf_view *elf, uint32_t i, struct elf_section *out)
{
    Elf64_Shdr h;

    if (i >= elf->sections)
        return -EINVAL;
    h = read_section(elf, i);
    *out = (struct elf_section){
        .type = h.sh_type,
        .link = h.sh_link,
        .flags = h.sh_flags,
        .addr = h.sh_addr,
        .size = h.sh_size,
        .entry_size = h.sh_entsize,
        .name = section_name(elf, h.sh_name),
    };
    if (h.sh_type == SHT_NOBITS || h.sh_type == SHT_NULL || h.sh_size == 0)
        return 0;
    if (!inside(elf, h.sh_offset, h.sh_size))
        return -EINVAL;
    out->data = elf->base + h.sh_offset;
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
