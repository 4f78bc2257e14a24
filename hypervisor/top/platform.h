/* SPDX-License-Identifier: GPL-2.0-or-later */
/* platform_op in parts: each gets its member of the union, decoded, and fills in what goes back. */
#ifndef TOP_PLATFORM_H
#define TOP_PLATFORM_H

#include "core/hypercall.h"
#include "core/guest_abi.h"

/* -ENOSYS: not that firmware; -ESRCH: no such disk; -EINVAL, -EOPNOTSUPP, -EFAULT. */
long platform_firmware_info(abi_xenpf_firmware_info_t *op);
/* The symbol number op->symnum; the same number again at the end. */
long platform_get_symbol(abi_xenpf_symdata_t *op);
/* One of EFI's run-time services, for the current vcpu. -ENOSYS: none, or not that one. */
long platform_efi_call(struct vcpu *v, abi_xenpf_efi_runtime_call_t *op);

/* platform_pm.c: XENPF_set_processor_pminfo. Of _PDC, what domain 0 may tell the firmware; the rest is -ENOSYS. */
long platform_processor_power(const abi_xenpf_set_processor_pminfo_t *op) __must_check;

#endif
