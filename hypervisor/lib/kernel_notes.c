/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Xen's ELF notes (xen/elfnote.h) and their predecessor, a string of NAME=VALUE pairs in the section
 * __xen_guest. Notes are looked for in PT_NOTE segments, then, if none of them has one of Xen's, in SHT_NOTE
 * sections, then the string.
 */
#include "lib/kernel_image.h"
#include "hv/string.h"
#include <xen/features.h>

static const char *const feature_names[] = {
    [XENFEAT_writable_page_tables] = "writable_page_tables",
    [XENFEAT_writable_descriptor_tables] = "writable_descriptor_tables",
    [XENFEAT_auto_translated_physmap] = "auto_translated_physmap",
    [XENFEAT_supervisor_mode_kernel] = "supervisor_mode_kernel",
    [XENFEAT_pae_pgdir_above_4gb] = "pae_pgdir_above_4gb",
    [XENFEAT_mmu_pt_update_preserve_ad] = "mmu_pt_update_preserve_ad",
    [XENFEAT_highmem_assist] = "highmem_assist",
    [XENFEAT_gnttab_map_avail_bits] = "gnttab_map_avail_bits",
    [XENFEAT_hvm_callback_vector] = "hvm_callback_vector",
    [XENFEAT_hvm_safe_pvclock] = "hvm_safe_pvclock",
    [XENFEAT_hvm_pirqs] = "hvm_pirqs",
    [XENFEAT_dom0] = "dom0",
    [XENFEAT_memory_op_vnode_supported] = "memory_op_vnode_supported",
    [XENFEAT_ARM_SMCCC_supported] = "ARM_SMCCC_supported",
    [XENFEAT_linux_rsdp_unrestricted] = "linux_rsdp_unrestricted",
};

/* A piece of text inside the file, not terminated. */
struct text {
    const char *s;
    size_t n;
};

static bool text_is(struct text t, const char *word)
{
    return t.n == strlen(word) && memcmp(t.s, word, t.n) == 0;
}

static bool text_starts(struct text t, const char *word)
{
    return t.n >= strlen(word) && memcmp(t.s, word, strlen(word)) == 0;
}

static void text_copy(char out[KERNEL_NOTE_TEXT], struct text t)
{
    size_t n = min(t.n, (size_t)KERNEL_NOTE_TEXT - 1);

    memcpy(out, t.s, n);
    out[n] = 0;
}

/* Cuts the part before the first of `ends` off `rest`. False when nothing is left. */
static bool text_cut(struct text *rest, char end, struct text *part)
{
    size_t n = 0;

    if (rest->n == 0)
        return false;
    while (n < rest->n && rest->s[n] != end)
        n++;
    *part = (struct text){rest->s, n};
    n += n < rest->n;
    rest->s += n;
    rest->n -= n;
    return true;
}

static void read_feature(struct kernel_notes *notes, struct text name)
{
    bool required = name.n && name.s[0] == '!';

    if (required) {
        name.s++;
        name.n--;
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(feature_names); i++) {
        if (!feature_names[i] || !text_is(name, feature_names[i]))
            continue;
        notes->features_supported |= 1U << i;
        if (required)
            notes->features_required |= 1U << i;
        return;
    }
    if (required && name.n && !notes->unknown_feature[0])
        text_copy(notes->unknown_feature, name);
}

static void read_features(struct kernel_notes *notes, struct text list)
{
    struct text name;

    while (text_cut(&list, '|', &name))
        read_feature(notes, name);
}

static void read_pae(struct kernel_notes *notes, struct text mode)
{
    struct text word;

    notes->pae = KERNEL_PAE_NO;
    while (text_cut(&mode, ',', &word)) {
        if (text_is(word, "yes"))
            notes->pae |= KERNEL_PAE_YES;
        else if (text_is(word, "yes[extended-cr3]")) {
            notes->pae |= KERNEL_PAE_YES;
            notes->pae_extended_cr3 = true;
        } else if (text_is(word, "bimodal"))
            notes->pae |= KERNEL_PAE_BIMODAL;
    }
}

/* --- ELF notes --- */

static uint64_t number_at(const uint8_t *p, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | p[i];
    return value;
}

/* Numbers are four or eight bytes (elfnote.h); anything else reads as 0. */
static uint64_t note_number(const struct elf_note *note)
{
    return note->desc_size == 4 || note->desc_size == 8 ? number_at(note->desc, note->desc_size) : 0;
}

static struct text note_text(const struct elf_note *note)
{
    const char *s = (const char *)note->desc;

    return (struct text){s, strnlen(s, note->desc_size)};
}

static void read_l1_mfn_valid(struct kernel_notes *notes, const struct elf_note *note)
{
    /* Pairs of mask and value, each a maddr_t; one pair is all that any kernel gives and all that is kept. */
    size_t width = note->desc_size % 16 == 0 ? 8 : 4;

    if (note->desc_size < 2 * width)
        return;
    notes->l1_mfn_valid_mask = number_at(note->desc, width);
    notes->l1_mfn_valid_value = number_at(note->desc + width, width);
}

static void read_note(struct kernel_notes *notes, const struct elf_note *note)
{
    static const uint16_t numbers[] = {
        [XEN_ELFNOTE_ENTRY] = offsetof(struct kernel_notes, entry),
        [XEN_ELFNOTE_HYPERCALL_PAGE] = offsetof(struct kernel_notes, hypercall_page),
        [XEN_ELFNOTE_VIRT_BASE] = offsetof(struct kernel_notes, virt_base),
        [XEN_ELFNOTE_PADDR_OFFSET] = offsetof(struct kernel_notes, paddr_offset),
        [XEN_ELFNOTE_HV_START_LOW] = offsetof(struct kernel_notes, hv_start_low),
        [XEN_ELFNOTE_SUSPEND_CANCEL] = offsetof(struct kernel_notes, suspend_cancel),
        [XEN_ELFNOTE_INIT_P2M] = offsetof(struct kernel_notes, init_p2m),
        [XEN_ELFNOTE_MOD_START_PFN] = offsetof(struct kernel_notes, mod_start_pfn),
        [XEN_ELFNOTE_PHYS32_ENTRY] = offsetof(struct kernel_notes, phys32_entry),
    };

    if (note->type > XEN_ELFNOTE_MAX)
        return;
    notes->present |= 1U << note->type;
    if (note->type < ARRAY_SIZE(numbers) && numbers[note->type]) {
        *(uint64_t *)((char *)notes + numbers[note->type]) = note_number(note);
        return;
    }
    if (note->type == XEN_ELFNOTE_XEN_VERSION)
        text_copy(notes->xen_version, note_text(note));
    else if (note->type == XEN_ELFNOTE_GUEST_OS)
        text_copy(notes->guest_os, note_text(note));
    else if (note->type == XEN_ELFNOTE_GUEST_VERSION)
        text_copy(notes->guest_version, note_text(note));
    else if (note->type == XEN_ELFNOTE_LOADER)
        text_copy(notes->loader, note_text(note));
    else if (note->type == XEN_ELFNOTE_PAE_MODE)
        read_pae(notes, note_text(note));
    else if (note->type == XEN_ELFNOTE_FEATURES)
        read_features(notes, note_text(note));
    else if (note->type == XEN_ELFNOTE_SUPPORTED_FEATURES)
        notes->features_supported |= (uint32_t)note_number(note);
    else if (note->type == XEN_ELFNOTE_BSD_SYMTAB)
        notes->bsd_symtab = text_starts(note_text(note), "yes");
    else if (note->type == XEN_ELFNOTE_L1_MFN_VALID)
        read_l1_mfn_valid(notes, note);
}

/* True if one of them was Xen's. */
static bool read_notes(struct kernel_notes *notes, const uint8_t *data, size_t size)
{
    struct elf_note note;
    size_t pos = 0;
    bool found = false;

    while (elf_next_note(data, size, &pos, &note)) {
        if (note.name_size != sizeof("Xen") || memcmp(note.name, "Xen", sizeof("Xen")) != 0)
            continue;
        read_note(notes, &note);
        found = true;
    }
    return found;
}

static bool read_note_segments(const struct elf_view *elf, struct kernel_notes *notes)
{
    struct elf_segment s;
    bool found = false;

    for (uint32_t i = 0; i < elf->segments; i++)
        if (elf_segment(elf, i, &s) == 0 && s.type == PT_NOTE && s.data)
            found |= read_notes(notes, s.data, s.file_size);
    return found;
}

static bool read_note_sections(const struct elf_view *elf, struct kernel_notes *notes)
{
    struct elf_section s;
    bool found = false;

    for (uint32_t i = 0; i < elf->sections; i++)
        if (elf_section(elf, i, &s) == 0 && s.type == SHT_NOTE && s.data)
            found |= read_notes(notes, s.data, s.size);
    return found;
}

/* --- The __xen_guest section --- */

/* Decimal, or hexadecimal after 0x. Stops at the first character that is no digit. */
static uint64_t text_number(struct text t)
{
    unsigned int base = text_starts(t, "0x") ? 16 : 10;
    uint64_t value = 0;

    for (size_t i = base == 16 ? 2 : 0; i < t.n; i++) {
        char c = t.s[i] | 0x20;
        unsigned int digit = c >= '0' && c <= '9'   ? (unsigned int)(c - '0')
                             : c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a' + 10)
                                                    : 99;

        if (digit >= base)
            break;
        value = value * base + digit;
    }
    return value;
}

static void read_legacy_pair(struct kernel_notes *notes, struct text name, struct text value,
                             uint64_t *hypercall_frame)
{
    static const struct {
        const char *name;
        uint16_t note, offset;
    } numbers[] = {
        {"VIRT_ENTRY", XEN_ELFNOTE_ENTRY, offsetof(struct kernel_notes, entry)},
        {"VIRT_BASE", XEN_ELFNOTE_VIRT_BASE, offsetof(struct kernel_notes, virt_base)},
        {"ELF_PADDR_OFFSET", XEN_ELFNOTE_PADDR_OFFSET, offsetof(struct kernel_notes, paddr_offset)},
    };
    static const struct {
        const char *name;
        uint16_t note, offset;
    } texts[] = {
        {"GUEST_OS", XEN_ELFNOTE_GUEST_OS, offsetof(struct kernel_notes, guest_os)},
        {"GUEST_VER", XEN_ELFNOTE_GUEST_VERSION, offsetof(struct kernel_notes, guest_version)},
        {"XEN_VER", XEN_ELFNOTE_XEN_VERSION, offsetof(struct kernel_notes, xen_version)},
        {"LOADER", XEN_ELFNOTE_LOADER, offsetof(struct kernel_notes, loader)},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++)
        if (text_is(name, numbers[i].name)) {
            notes->present |= 1U << numbers[i].note;
            *(uint64_t *)((char *)notes + numbers[i].offset) = text_number(value);
        }
    for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++)
        if (text_is(name, texts[i].name)) {
            notes->present |= 1U << texts[i].note;
            text_copy((char *)notes + texts[i].offset, value);
        }
    if (text_is(name, "HYPERCALL_PAGE")) {
        notes->present |= 1U << XEN_ELFNOTE_HYPERCALL_PAGE;
        *hypercall_frame = text_number(value);
    } else if (text_is(name, "FEATURES")) {
        notes->present |= 1U << XEN_ELFNOTE_FEATURES;
        read_features(notes, value);
    } else if (text_is(name, "PAE")) {
        notes->present |= 1U << XEN_ELFNOTE_PAE_MODE;
        read_pae(notes, value);
    } else if (text_is(name, "BSD_SYMTAB")) {
        notes->present |= 1U << XEN_ELFNOTE_BSD_SYMTAB;
        notes->bsd_symtab = true;
    }
}

static void read_legacy(struct kernel_notes *notes, struct text all)
{
    struct text pair, name;
    uint64_t hypercall_frame = 0;

    notes->legacy = true;
    while (text_cut(&all, ',', &pair))
        if (text_cut(&pair, '=', &name))
            read_legacy_pair(notes, name, pair, &hypercall_frame);
    /* elfnote.h: the page is given as a frame number, and PADDR_OFFSET defaults to VIRT_BASE. */
    if (notes->present & 1U << XEN_ELFNOTE_HYPERCALL_PAGE)
        notes->hypercall_page = notes->virt_base + (hypercall_frame << PAGE_SHIFT);
    if (!(notes->present & 1U << XEN_ELFNOTE_PADDR_OFFSET))
        notes->paddr_offset = notes->virt_base;
}

bool kernel_notes_read(const struct elf_view *elf, struct kernel_notes *notes)
{
    struct elf_section legacy;

    *notes = (struct kernel_notes){.entry = elf->entry};
    if (read_note_segments(elf, notes) || read_note_sections(elf, notes))
        return true;
    if (elf_find_section(elf, "__xen_guest", &legacy) || !legacy.data)
        return false;
    read_legacy(notes,
                (struct text){(const char *)legacy.data, strnlen((const char *)legacy.data, legacy.size)});
    return true;
}
