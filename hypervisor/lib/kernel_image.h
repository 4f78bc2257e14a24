/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest kernel as people have it: a Linux bzImage (any of four compressions, or none), an ELF file, or a
 * compressed ELF file. Found, unpacked and understood as far as a domain builder needs: where its parts go
 * and what it says of itself in Xen's ELF notes (xen/elfnote.h) or in the older __xen_guest section. Pure:
 * memory comes from the caller, nothing of the hypervisor is called.
 *
 *   kernel_image_probe(&k, module, size)      tells k.elf_size and k.scratch_size
 *   (the caller allocates)                    nothing to allocate if !k.compressed
 *   kernel_image_load(&k, out, k.elf_size, scratch, k.scratch_size)
 *
 * The processor's state that decompress.h asks for must be in force around both calls.
 */
#ifndef LIB_KERNEL_IMAGE_H
#define LIB_KERNEL_IMAGE_H

#include "lib/elf.h"
#include "lib/decompress/decompress.h"
#include <xen/elfnote.h>

/* Longest text of a note that is kept, with its end. Linux's longest is a version string. */
#define KERNEL_NOTE_TEXT 32
/* An unpacked kernel larger than this is taken for a corrupt one. */
#define KERNEL_IMAGE_MAX MiB(512)

/* Bits: "bimodal" stands alone or beside "yes". */
enum kernel_pae { KERNEL_PAE_NO = 0, KERNEL_PAE_YES = 1, KERNEL_PAE_BIMODAL = 2 };

/* What the kernel says of itself. A value stands only if its bit in `present` is set; else it is the default
 * that elfnote.h gives, or 0. */
struct kernel_notes {
    uint32_t present;        /* bit for each XEN_ELFNOTE_* found, 0 to XEN_ELFNOTE_MAX */
    bool legacy;             /* came from a __xen_guest section */
    uint64_t entry;          /* virtual address; default: the ELF header's entry */
    uint64_t hypercall_page; /* virtual address */
    uint64_t virt_base;
    uint64_t paddr_offset;
    uint64_t hv_start_low;
    uint64_t init_p2m;
    uint64_t phys32_entry;
    uint64_t l1_mfn_valid_mask, l1_mfn_valid_value;
    uint64_t mod_start_pfn; /* non-zero: the initrd need not be mapped */
    uint64_t suspend_cancel;
    uint32_t pae; /* enum kernel_pae */
    bool pae_extended_cr3;
    bool bsd_symtab;
    uint32_t features_supported; /* bit for each XENFEAT_*; the required ones are in it */
    uint32_t features_required;
    char guest_os[KERNEL_NOTE_TEXT], guest_version[KERNEL_NOTE_TEXT], xen_version[KERNEL_NOTE_TEXT],
        loader[KERNEL_NOTE_TEXT];
    char unknown_feature[KERNEL_NOTE_TEXT]; /* the first required feature whose name we do not know; "" if
                                               none */
};

enum kernel_container { KERNEL_BZIMAGE, KERNEL_ELF, KERNEL_COMPRESSED_ELF };

struct kernel_image {
    enum kernel_container container;
    enum compression compression;
    bool compressed; /* the ELF file must be unpacked: memory is needed */
    const uint8_t *payload;
    size_t payload_size;
    size_t elf_size;     /* bytes of the unpacked ELF file, or an upper bound; <= KERNEL_IMAGE_MAX */
    size_t scratch_size; /* bytes needed while unpacking only */

    /* After kernel_image_load(). The view points into the module or into `out`. */
    struct elf_view elf;
    struct kernel_notes notes;
    bool xen_guest; /* has Xen notes or the section: can run as a PV guest (ENTRY) or PVH guest (PHYS32_ENTRY)
                     */
    /* Of all PT_LOAD segments: physical addresses as in the file, and virtual = physical - paddr_offset +
     * virt_base. End exclusive. */
    uint64_t paddr_start, paddr_end;
    uint64_t virt_start, virt_end, virt_entry;

    const char *reason; /* after an error: a constant sentence saying what is wrong and what to do */
};

/* -ENOEXEC: not a kernel we can load; -EOPNOTSUPP: a compression that is not supported; -EINVAL: corrupt. */
int kernel_image_probe(struct kernel_image *k, const void *module, size_t size) __must_check;
/*
 * Unpacks if needed and reads headers and notes. `out` and `scratch` may be NULL if !k->compressed; `scratch`
 * may be freed afterwards, `out` (or the module) must live as long as the view. Errors as above, and -ENOSPC,
 * -ENOMEM when the buffers are too small.
 */
int kernel_image_load(struct kernel_image *k, void *out, size_t out_size, void *scratch, size_t scratch_size)
    __must_check;

/* lib/kernel_notes.c: fills `notes` from the file; true if the file has anything for Xen in it. */
bool kernel_notes_read(const struct elf_view *elf, struct kernel_notes *notes);

#endif
