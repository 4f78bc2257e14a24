/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot loader told us, in one form for multiboot 1 and 2, copied out of the loader's memory. */
#ifndef BOOT_BOOTINFO_H
#define BOOT_BOOTINFO_H

#include "hv/types.h"

#define MAX_MEMORY_RANGES 512 /* that a loader may name */
#define MAX_BOOT_MODULES  8
#define MAX_EFI_REGIONS   64
#define MAX_EFI_MEMORY    512
#define BOOT_LINE_SIZE    2048

/* e820 types (ACPI 6.4, table 15.1). */
enum memory_type {
    MEMORY_RAM = 1,
    MEMORY_RESERVED = 2,
    MEMORY_ACPI = 3,
    MEMORY_NVS = 4,
    MEMORY_UNUSABLE = 5
};

struct memory_range {
    paddr_t start, end; /* bytes, end exclusive */
    uint32_t type;      /* enum memory_type */
};

struct boot_module {
    paddr_t start, end;
    char line[BOOT_LINE_SIZE / 2];
};

/* What the loader left on the screen (Multiboot2 Specification 2.0, 3.6.12). */
struct boot_framebuffer {
    paddr_t address;                        /* 0: the loader said nothing */
    uint32_t bytes_per_line, width, height; /* pixels */
    uint8_t bits_per_pixel;
    bool is_rgb; /* linear, of these colours: bit positions and sizes. Else text or with a palette */
    uint8_t red_at, red_size, green_at, green_size, blue_at, blue_size;
};

struct boot_info {
    char loader[64];
    char line[BOOT_LINE_SIZE];
    struct memory_range memory
        [2 *
         MAX_MEMORY_RANGES]; /* sorted, without overlap after boot_info_read(), which may cut one in two */
    unsigned int memory_count;
    struct boot_module module[MAX_BOOT_MODULES];
    unsigned int module_count;
    paddr_t rsdp;          /* 0: to be searched for */
    uint8_t rsdp_copy[36]; /* multiboot 2 hands over a copy */
    unsigned int rsdp_copy_size;
    paddr_t efi_system_table; /* 0: not booted through EFI */
    /* Memory that EFI's run-time services need, as the memory map has it (UEFI 2.10, 7.2.3). */
    struct efi_region {
        paddr_t start;
        uint64_t pages, attributes;
    } efi_region[MAX_EFI_REGIONS];
    unsigned int efi_region_count;
    /* What there was no room for. Of memory only RAM is left out: what is not usable stays so. */
    unsigned int lost_ranges, lost_modules, lost_efi_regions;
    uint64_t lost_ram; /* bytes */
    /* The whole memory map, for domain 0's questions; `type` is EFI's. What is beyond the last is not known. */
    struct efi_memory {
        paddr_t start;
        uint64_t pages, attributes;
        uint32_t type;
    } efi_memory[MAX_EFI_MEMORY];
    unsigned int efi_memory_count;
    struct boot_framebuffer framebuffer;
};

extern struct boot_info boot_info;

/* Reads what the loader left; `at` maps a physical address to something readable. NULL or why it cannot be used. */
const char *boot_info_read(uint32_t magic, paddr_t info, const void *(*at)(paddr_t));
/* Sorts the ranges and resolves overlaps: the less usable type wins. */
void memory_map_normalise(struct boot_info *info);
/* Bytes of RAM that the memory map names. */
uint64_t ram_bytes(void);
/* The part of a line after the first word, which some loaders put there (the file's path). */
const char *skip_first_word(const char *line);

#endif
