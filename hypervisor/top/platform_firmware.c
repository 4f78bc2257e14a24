/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XENPF_firmware_info and XENPF_get_symbol: what domain 0 may know of the firmware, and of our own code. */
#include "arch/x86/boot/bootinfo.h"
#include "debug/symbols.h"
#include "drivers/efi.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "top/platform.h"

static long put_vendor(union abi_xenpf_efi_info *info)
{
    uint32_t size = min(info->vendor.bufsz, (uint32_t)sizeof(efi.vendor));

    info->vendor.revision = efi.vendor_revision;
    return copy_to_guest(info->vendor.name, efi.vendor, size);
}

/* What EFI's memory map says of an address: the caller learns type and attributes, and how much of the size that it asks about has them. */
static long memory_info(union abi_xenpf_efi_info *info)
{
    for (unsigned int i = 0; i < boot_info.efi_memory_count; i++) {
        const struct efi_memory *m = &boot_info.efi_memory[i];
        uint64_t before = info->mem.addr - m->start, size = m->pages << PAGE_SHIFT;

        if (info->mem.addr < m->start || before >= size)
            continue;
        info->mem.type = m->type;
        info->mem.attr = m->attributes;
        info->mem.size = min(info->mem.size, size - before);
        return 0;
    }
    return -ESRCH;
}

static long efi_info_get(abi_xenpf_firmware_info_t *op)
{
    union abi_xenpf_efi_info *info = &op->u.efi_info;

    if (!efi.present)
        return -ENOSYS;
    switch (op->index) {
    case XEN_FW_EFI_VERSION:
        info->version = efi.revision;
        return 0;
    case XEN_FW_EFI_CONFIG_TABLE:
        info->cfg.addr = efi.tables;
        info->cfg.nent = efi.table_count;
        return 0;
    case XEN_FW_EFI_VENDOR:
        return put_vendor(info);
    case XEN_FW_EFI_RT_VERSION:
        if (!efi.runtime_revision)
            return -EOPNOTSUPP;
        info->version = efi.runtime_revision;
        return 0;
    case XEN_FW_EFI_MEM_INFO:
        return memory_info(info);
    default: /* option ROMs, Apple's properties */
        return -EINVAL;
    }
}

long platform_firmware_info(abi_xenpf_firmware_info_t *op)
{
    switch (op->type) {
    case XEN_FW_EFI_INFO:
        return efi_info_get(op);
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
        return -ESRCH; /* the BIOS was not asked about its disks */
    case XEN_FW_VBEDDC_INFO:
        return -ESRCH;
    case XEN_FW_KBD_SHIFT_FLAGS:
        op->u.kbd_shift_flags = 0;
        return 0;
    default:
        return -EINVAL;
    }
}

long platform_get_symbol(abi_xenpf_symdata_t *op)
{
    uint64_t address;
    const char *name;
    size_t length;

    if (!symbol_get(op->symnum, &address, &name)) {
        op->namelen = 0; /* the end: symnum stays as it is */
        return 0;
    }
    length = strlen(name);
    op->address = address;
    op->type = 't';
    op->symnum++;
    if (op->namelen && copy_to_guest(op->name, name, min(length + 1, (size_t)op->namelen)))
        return -EFAULT;
    op->namelen = (uint32_t)length;
    return 0;
}
