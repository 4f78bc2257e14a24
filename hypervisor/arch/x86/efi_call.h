/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of EFI's run-time services (UEFI 2.10, chapter 8), on an address space of their own. */
#ifndef ARCH_X86_EFI_CALL_H
#define ARCH_X86_EFI_CALL_H

#include "hv/types.h"

/* In the order of the table, after its header: UEFI 2.10, 4.5. */
enum efi_service {
    EFI_GET_TIME,
    EFI_SET_TIME,
    EFI_GET_WAKEUP_TIME,
    EFI_SET_WAKEUP_TIME,
    EFI_SET_VIRTUAL_ADDRESS_MAP, /* never called, nor the next: the firmware stays at its physical addresses */
    EFI_CONVERT_POINTER,
    EFI_GET_VARIABLE,
    EFI_GET_NEXT_VARIABLE_NAME,
    EFI_SET_VARIABLE,
    EFI_GET_NEXT_HIGH_MONOTONIC_COUNT,
    EFI_RESET_SYSTEM,
    EFI_UPDATE_CAPSULE,
    EFI_QUERY_CAPSULE_CAPABILITIES,
    EFI_QUERY_VARIABLE_INFO,
    EFI_SERVICES
};

#define EFI_ERROR(n)     (1UL << 63 | (n)) /* UEFI 2.10, appendix D */
#define EFI_DEVICE_ERROR EFI_ERROR(7)

/*
 * Boot processor, when efi_init() has read the tables: makes the address space. Without it, or with
 * efi=no-rs, nothing can be called; says which on the console.
 */
void efi_call_init(void);
bool efi_call_ready(void);
/*
 * One call, of those that are under way in the machine the only one; what points to memory is our own
 * addresses. Returns the service's status. A fault inside the firmware is reported with its registers, ends
 * this and every later call (efi_call_ready() is false then) and looks to the caller like EFI_DEVICE_ERROR.
 * Interrupts on; they are off as long as the firmware runs. Any vector registers are lost: the current vcpu's
 * are to be put away before.
 */
uint64_t efi_call(enum efi_service service, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);

#endif
