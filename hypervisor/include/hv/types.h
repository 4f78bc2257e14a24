/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words everything is written in: fixed-width integers, frame numbers and guest pointers as types of their own,
 * and the few macros of the language that C lacks. Includes nothing of the hypervisor.
 */
#ifndef HV_TYPES_H
#define HV_TYPES_H

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>
#include "abi/types.h"
#include "hv/const.h"

#define __must_check   __attribute__((warn_unused_result))
#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __noreturn     __attribute__((noreturn))
#define __noinline     __attribute__((noinline))
#define __cold         __attribute__((cold))
#define __section(s)   __attribute__((section(s)))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#ifdef UNIT_HOSTED
#define __init
#define __initdata
#else
/* Code and data that are freed once domain 0 runs. */
#define __init     __attribute__((section(".init.text"), cold, noinline))
#define __initdata __attribute__((section(".init.data")))
#endif

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a)                 (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d)            (((n) + (d)-1) / (d))
#define ROUND_UP(n, a)                (((n) + (a)-1) & ~((__typeof__(n))(a)-1))
#define ROUND_DOWN(n, a)              ((n) & ~((__typeof__(n))(a)-1))
#define IS_ALIGNED(n, a)              (((n) & ((a)-1)) == 0)
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

#define min(a, b)                                                                                            \
    ({                                                                                                       \
        __typeof__(a) min_a = (a);                                                                           \
        __typeof__(b) min_b = (b);                                                                           \
        min_a < min_b ? min_a : min_b;                                                                       \
    })
#define max(a, b)                                                                                            \
    ({                                                                                                       \
        __typeof__(a) max_a = (a);                                                                           \
        __typeof__(b) max_b = (b);                                                                           \
        max_a > max_b ? max_a : max_b;                                                                       \
    })

/* Where another agent (a processor, a guest) may change memory under us: exactly one access, never repeated or torn. */
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define barrier()        __asm__ volatile("" ::: "memory")

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))
#define KiB(n)     ((uint64_t)(n) << 10)
#define MiB(n)     ((uint64_t)(n) << 20)
#define GiB(n)     ((uint64_t)(n) << 30)

typedef uint64_t paddr_t; /* machine physical address, bytes */
typedef uint16_t domid_id_t;
typedef int64_t s_time_t; /* system time: nanoseconds since the hypervisor started */

#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S  1000000000LL

/* Machine frame number: a page of the machine's physical memory. */
typedef struct {
    uint64_t n;
} mfn_t;
/* Guest frame number: what a guest calls a frame. For a PV guest it is an MFN, for an HVM guest its physical address >> 12. */
typedef struct {
    uint64_t n;
} gfn_t;

#define MFN(x)        ((mfn_t){(x)})
#define GFN(x)        ((gfn_t){(x)})
#define MFN_INVALID   MFN(~0ULL)
#define INVALID_M2P   (~0ULL)
#define mfn_add(m, k) MFN((m).n + (k))

static inline mfn_t paddr_to_mfn(paddr_t pa)
{
    return MFN(pa >> PAGE_SHIFT);
}

static inline paddr_t mfn_to_paddr(mfn_t mfn)
{
    return mfn.n << PAGE_SHIFT;
}

/* Bits 48 to 63 as bit 47, as the processor wants addresses (SDM 1 3.3.7.1). */
static inline bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* An address that a guest gave us. Only the copy functions of hv/guest.h take it. */
typedef abi_handle_t guest_ptr_t;

#define GUEST_PTR(a)            ((guest_ptr_t){(a)})
#define guest_ptr_add(p, bytes) GUEST_PTR((p).addr + (bytes))
#define guest_ptr_is_null(p)    ((p).addr == 0)

#endif
