/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads multiboot information (Multiboot Specification 0.6.96, 3.3; Multiboot2 Specification 2.0, 3.6). The structures are the loader's, so
 * they are trusted to be readable, but every count is bounded by our tables.
 */
#include "arch/x86/boot/bootinfo.h"
#include "hv/string.h"

#define MAGIC_1 0x2BADB002
#define MAGIC_2 0x36d76289

struct boot_info boot_info;

struct mb1_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length,
        mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
};
enum { MB1_MEMORY = 1, MB1_CMDLINE = 4, MB1_MODULES = 8, MB1_MMAP = 64, MB1_LOADER = 512 };

struct mb1_module {
    uint32_t start, end, line, reserved;
};

struct mb1_range {
    uint32_t size; /* of the rest */
    uint64_t base, length;
    uint32_t type;
} __packed;

struct mb2_tag {
    uint32_t type, size;
    uint8_t data[];
};
enum {
    MB2_END,
    MB2_CMDLINE,
    MB2_LOADER,
    MB2_MODULE,
    MB2_MEMORY_MAP = 6,
    MB2_FRAMEBUFFER = 8,
    MB2_EFI64_TABLE = 12,
    MB2_RSDP1 = 14,
    MB2_RSDP2 = 15,
    MB2_EFI_MAP = 17
};

struct mb2_range {
    uint64_t base, length;
    uint32_t type, reserved;
};

const char *skip_first_word(const char *line)
{
    while (*line && *line != ' ')
        line++;
    while (*line == ' ')
        line++;
    return line;
}

/* The table is full: the smallest range of RAM gives way. NULL: that is `added` itself, or there is no RAM that could be taken for usable. */
static struct memory_range *range_to_lose(struct boot_info *info, const struct memory_range *added)
{
    uint64_t smallest = added->type == MEMORY_RAM ? added->end - added->start : ~0ULL;
    struct memory_range *found = NULL;

    for (unsigned int i = 0; i < info->memory_count; i++) {
        struct memory_range *r = &info->memory[i];

        if (r->type == MEMORY_RAM && r->end - r->start < smallest) {
            smallest = r->end - r->start;
            found = r;
        }
    }
    info->lost_ranges++;
    info->lost_ram += smallest == ~0ULL ? 0 : smallest;
    return found;
}

/* A range that goes on where the one before ends is one with it. One that wraps around ends with the addresses, and is nothing to be used. */
static void add_range(struct boot_info *info, uint64_t base, uint64_t length, uint32_t type)
{
    struct memory_range added = {base, base + length < base ? ~0ULL : base + length, type}, *at;

    if (!length || (type == MEMORY_RAM && added.end == ~0ULL))
        return;
    at = info->memory_count ? &info->memory[info->memory_count - 1] : NULL;
    if (at && at->type == type && at->end == base) {
        at->end = added.end;
        return;
    }
    at = info->memory_count < MAX_MEMORY_RANGES ? &info->memory[info->memory_count++]
                                                : range_to_lose(info, &added);
    if (at)
        *at = added;
}

static void add_module(struct boot_info *info, paddr_t start, paddr_t end, const char *line)
{
    struct boot_module *m;

    if (end < start)
        return;
    if (info->module_count == MAX_BOOT_MODULES) {
        info->lost_modules++;
        return;
    }
    m = &info->module[info->module_count++];
    m->start = start;
    m->end = end;
    copy_string(m->line, line, sizeof(m->line));
}

static const char *read_multiboot1(struct boot_info *out, paddr_t at, const void *(*map)(paddr_t))
{
    const struct mb1_info *info = map(at);
    const char *loader = info->flags & MB1_LOADER ? map(info->boot_loader_name) : "unknown";

    copy_string(out->loader, loader, sizeof(out->loader));
    if (info->flags & MB1_CMDLINE)
        /* The line starts with the path of the image under every multiboot 1 loader. */
        copy_string(out->line, skip_first_word(map(info->cmdline)), sizeof(out->line));
    if (info->flags & MB1_MODULES) {
        const struct mb1_module *m = map(info->mods_addr);

        for (uint32_t i = 0; i < info->mods_count; i++)
            add_module(out, m[i].start, m[i].end, m[i].line ? map(m[i].line) : "");
    }
    if (info->flags & MB1_MMAP) {
        for (uint32_t offset = 0; offset + sizeof(struct mb1_range) <= info->mmap_length;) {
            const struct mb1_range *r = map(info->mmap_addr + offset);

            add_range(out, r->base, r->length, r->type);
            offset += r->size + 4;
        }
    } else if (info->flags & MB1_MEMORY) {
        add_range(out, 0, (uint64_t)info->mem_lower << 10, MEMORY_RAM);
        add_range(out, 0x100000, (uint64_t)info->mem_upper << 10, MEMORY_RAM);
    }
    return NULL;
}

struct efi_descriptor {
    uint32_t type, pad;
    uint64_t physical, virtual, pages, attributes;
};
#define EFI_AT_RUN_TIME (1UL << 63)

static void add_efi_region(struct boot_info *out, const struct efi_descriptor *d)
{
    if (out->efi_memory_count < MAX_EFI_MEMORY)
        out->efi_memory[out->efi_memory_count++] = (struct efi_memory){
            .start = d->physical, .pages = d->pages, .attributes = d->attributes, .type = d->type};
    if (!(d->attributes & EFI_AT_RUN_TIME))
        return;
    if (out->efi_region_count == MAX_EFI_REGIONS)
        out->lost_efi_regions++;
    else
        out->efi_region[out->efi_region_count++] =
            (struct efi_region){.start = d->physical, .pages = d->pages, .attributes = d->attributes};
}

struct mb2_framebuffer {
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bits_per_pixel, type;
    uint16_t reserved;
    uint8_t colours[6]; /* type 1: RGB */
};
#define MB2_RGB 1

static void read_framebuffer(struct boot_framebuffer *out, const struct mb2_tag *tag)
{
    const struct mb2_framebuffer *f = (const void *)tag->data;

    if (tag->size < 8 + __builtin_offsetof(struct mb2_framebuffer, colours))
        return;
    *out = (struct boot_framebuffer){.address = f->address,
                                     .bytes_per_line = f->pitch,
                                     .width = f->width,
                                     .height = f->height,
                                     .bits_per_pixel = f->bits_per_pixel};
    if (f->type != MB2_RGB || tag->size < 8 + __builtin_offsetof(struct mb2_framebuffer, colours) + 6)
        return;
    out->is_rgb = true;
    out->red_at = f->colours[0];
    out->red_size = f->colours[1];
    out->green_at = f->colours[2];
    out->green_size = f->colours[3];
    out->blue_at = f->colours[4];
    out->blue_size = f->colours[5];
}

static void read_mb2_tag(struct boot_info *out, const struct mb2_tag *tag, paddr_t at)
{
    const uint32_t *words = (const uint32_t *)tag->data;

    switch (tag->type) {
    case MB2_CMDLINE:
        copy_string(out->line, (const char *)tag->data, sizeof(out->line));
        break;
    case MB2_LOADER:
        copy_string(out->loader, (const char *)tag->data, sizeof(out->loader));
        break;
    case MB2_MODULE:
        add_module(out, words[0], words[1], (const char *)(words + 2));
        break;
    case MB2_MEMORY_MAP:
        for (uint32_t offset = 8; words[0] && offset + sizeof(struct mb2_range) + 8 <= tag->size;
             offset += words[0]) {
            const struct mb2_range *r = (const void *)(tag->data + offset);

            add_range(out, r->base, r->length, r->type);
        }
        break;
    case MB2_FRAMEBUFFER:
        read_framebuffer(&out->framebuffer, tag);
        break;
    case MB2_EFI64_TABLE:
        memcpy(&out->efi_system_table, tag->data, 8);
        break;
    case MB2_RSDP1:
    case MB2_RSDP2:
        if (tag->size - 8 > out->rsdp_copy_size) {
            out->rsdp_copy_size = min((unsigned int)(tag->size - 8), (unsigned int)sizeof(out->rsdp_copy));
            memcpy(out->rsdp_copy, tag->data, out->rsdp_copy_size);
        }
        break;
    case MB2_EFI_MAP:
        for (uint32_t offset = 16;
             words[0] >= sizeof(struct efi_descriptor) && offset + words[0] <= tag->size; offset += words[0])
            add_efi_region(out, (const void *)((const uint8_t *)tag + offset));
        break;
    default:
        break;
    }
}

static const char *read_multiboot2(struct boot_info *out, paddr_t at, const void *(*map)(paddr_t))
{
    uint32_t total = *(const uint32_t *)map(at);

    for (uint32_t offset = 8; offset + 8 <= total;) {
        const struct mb2_tag *tag = map(at + offset);

        if (tag->type == MB2_END || tag->size < 8)
            break;
        read_mb2_tag(out, tag, at + offset);
        offset += ROUND_UP(tag->size, 8U);
    }
    return NULL;
}

/* How far from usable a type is: where ranges overlap, the higher one wins. */
static int type_rank(uint32_t type)
{
    switch (type) {
    case MEMORY_RAM:
        return 0;
    case MEMORY_ACPI:
        return 1;
    case MEMORY_NVS:
        return 2;
    case MEMORY_RESERVED:
        return 3;
    default:
        return 4;
    }
}

uint64_t ram_bytes(void)
{
    uint64_t bytes = 0;

    for (unsigned int i = 0; i < boot_info.memory_count; i++)
        if (boot_info.memory[i].type == MEMORY_RAM)
            bytes += boot_info.memory[i].end - boot_info.memory[i].start;
    return bytes;
}

void memory_map_normalise(struct boot_info *info)
{
    static struct memory_range in[MAX_MEMORY_RANGES];
    unsigned int n = info->memory_count;
    paddr_t at = 0;

    memcpy(in, info->memory, n * sizeof(in[0]));
    info->memory_count = 0;
    for (;;) {
        paddr_t start = ~0ULL, next = ~0ULL;
        int best = -1;

        /* The next address that any range covers, the highest-ranked type there, and where the picture next changes. */
        for (unsigned int i = 0; i < n; i++)
            if (in[i].end > at)
                start = min(start, max(in[i].start, at));
        if (start == ~0ULL)
            return;
        for (unsigned int i = 0; i < n; i++) {
            if (in[i].start <= start && in[i].end > start) {
                next = min(next, in[i].end);
                if (best < 0 || type_rank(in[i].type) > type_rank(in[best].type))
                    best = (int)i;
            } else if (in[i].start > start) {
                next = min(next, in[i].start);
            }
        }
        struct memory_range *last = info->memory_count ? &info->memory[info->memory_count - 1] : NULL;

        if (last && last->end == start && last->type == in[best].type)
            last->end = next;
        else /* n ranges have 2 n ends, so there is room */
            info->memory[info->memory_count++] = (struct memory_range){start, next, in[best].type};
        at = next;
    }
}

const char *boot_info_read(uint32_t magic, paddr_t info, const void *(*at)(paddr_t))
{
    const char *problem;

    if (magic == MAGIC_1)
        problem = read_multiboot1(&boot_info, info, at);
    else if (magic == MAGIC_2)
        problem = read_multiboot2(&boot_info, info, at);
    else
        return "the boot loader is neither multiboot 1 nor multiboot 2: load this image with GRUB's "
               "multiboot2 command or with qemu -kernel";
    memory_map_normalise(&boot_info);
    return problem;
}
