/* SPDX-License-Identifier: MIT */
/* The words of the wire forms. Includes nothing of the hypervisor. */
#ifndef ABI_TYPES_H
#define ABI_TYPES_H

#include <stddef.h>
#include <stdint.h>

/*
 * An address in the caller's memory, where Xen's headers have a handle. Those are dereferenceable pointers:
 * nothing but this folder names a structure that holds one.
 */
typedef struct {
    uint64_t addr;
} abi_handle_t;

/* 64 bits as i386 lays them out in a structure: aligned to four bytes (System V ABI, Intel386 supplement). */
typedef uint64_t __attribute__((aligned(4), may_alias)) abi_u64_t;

#endif
