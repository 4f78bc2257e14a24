/* SPDX-License-Identifier: MIT */
/*
 * The kit's basic types, and Xen's headers included in the one order in which they compile.
 * Every other header of the kit starts from this one.
 */
#ifndef KIT_TYPES_H
#define KIT_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/elfnote.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/memory.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define KIT_PAGE_SHIFT 12
#define KIT_PAGE_SIZE  4096UL
#define KIT_PAGE_MASK  (~(KIT_PAGE_SIZE - 1))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Read or write a variable exactly once: shared memory, and what another vcpu changes. */
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define barrier()      __asm__ volatile("" ::: "memory")
#define noinline       __attribute__((noinline))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define __unused       __attribute__((unused))
#define __aligned(n)   __attribute__((aligned(n)))

#endif
