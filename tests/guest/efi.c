/* SPDX-License-Identifier: MIT */
/*
 * What domain 0 may ask of EFI: without EFI, nothing; tests/system/test_firmware.py boots this area on a machine with it.
 * GUEST-GROUP: smp=1 dom0=64M
 */
#include <kit/args.h>
#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/print.h>
#include <kit/test.h>

#define RUN_TIME (1ULL << 63) /* attribute: UEFI 2.10, 7.2.3 */

static struct xen_platform_op op;

static long ask(uint32_t index, uint64_t address, uint64_t size)
{
    memset(&op, 0, sizeof(op));
    op.cmd = XENPF_firmware_info;
    op.interface_version = XENPF_INTERFACE_VERSION;
    op.u.firmware_info.type = XEN_FW_EFI_INFO;
    op.u.firmware_info.index = index;
    if (index == XEN_FW_EFI_MEM_INFO) {
        op.u.firmware_info.u.efi_info.mem.addr = address;
        op.u.firmware_info.u.efi_info.mem.size = size;
    }
    return hcall_platform_op(&op);
}

/* Where the tables are, as Linux asks: from there to the end of the address space. */
KIT_TEST(memory_information)
{
    uint64_t address, end;
    uint32_t type;

    if (!kit_arg_flag("efi")) {
        CHECK_RC(ask(XEN_FW_EFI_CONFIG_TABLE, 0, 0), -XEN_ENOSYS);
        CHECK_RC(ask(XEN_FW_EFI_MEM_INFO, 0x1000, 1), -XEN_ENOSYS);
        return;
    }
    CHECK_OR_RETURN(ask(XEN_FW_EFI_CONFIG_TABLE, 0, 0) == 0);
    address = op.u.firmware_info.u.efi_info.cfg.addr;
    CHECK_RC(ask(XEN_FW_EFI_MEM_INFO, address, ~0ULL - address), 0);
    CHECK_EQ(op.u.firmware_info.u.efi_info.mem.addr, address);
    CHECK(op.u.firmware_info.u.efi_info.mem.attr & RUN_TIME);
    type = op.u.firmware_info.u.efi_info.mem.type;
    CHECK_EQ(type, 6); /* data of run-time services */
    end = address + op.u.firmware_info.u.efi_info.mem.size;
    CHECK(end > address && end - address < 1ULL << 32 && !(end & 0xfff));
    /* Less than that is answered with as much. */
    CHECK_RC(ask(XEN_FW_EFI_MEM_INFO, end - 8, 4), 0);
    CHECK_EQ(op.u.firmware_info.u.efi_info.mem.size, 4);
    CHECK_EQ(op.u.firmware_info.u.efi_info.mem.type, type);
    CHECK_RC(ask(XEN_FW_EFI_MEM_INFO, end - 8, 9), 0);
    CHECK_EQ(op.u.firmware_info.u.efi_info.mem.size, 8);
    CHECK_RC(ask(XEN_FW_EFI_MEM_INFO, ~0ULL, 1), -XEN_ESRCH);
}
