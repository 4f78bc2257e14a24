/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * multicall: a list of calls in guest memory. All share one preemption budget, and between two of them there
 * is always a look at what is pending. When an entry stops half way, what is left of it is written back into
 * the entry, so that the list can be taken up again there; the guest may change it meanwhile, which harms
 * nobody else, for every entry is checked as a call of its own.
 *
 * An iret ends the list where it stands: behind it the guest may be in its user mode, on other page tables,
 * where nothing is a hypercall of its kernel's any more.
 */
#include "top/calls.h"
#include "arch/x86/guest_word.h"
#include "core/guest_abi.h"
#include "core/softirq_bits.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include <xen/xen.h>

/* The entry's call. False: the list cannot be read. */
static bool read_entry(struct hypercall *child, const struct multicall_entry *at)
{
    uint64_t op;
    bool faulted;

    if (unlikely(!guest_range_is_allowed((uint64_t)at, sizeof(*at))))
        return false;
    open_user_access();
    __asm__ volatile(GUEST_LOAD_BEGIN GUEST_LOAD_WORD(0, 1) GUEST_LOAD_WORD(2, 2) GUEST_LOAD_WORD(3, 3)
                         GUEST_LOAD_WORD(4, 4) GUEST_LOAD_WORD(5, 5) GUEST_LOAD_WORD(6, 6)
                             GUEST_LOAD_WORD(7, 7) GUEST_LOAD_END
                     : "=@ccc"(faulted), "=&r"(op), "=&r"(child->arg[0]), "=&r"(child->arg[1]),
                       "=&r"(child->arg[2]), "=&r"(child->arg[3]), "=&r"(child->arg[4]), "=&r"(child->arg[5])
                     : [from] "r"(at)
                     : "memory");
    close_user_access();
    child->number = op;
    return !faulted;
}
_Static_assert(offsetof(struct multicall_entry, op) == 0 && offsetof(struct multicall_entry, args) == 16,
               "the words that are read");

static bool write_result(struct multicall_entry *at, long result)
{
    open_user_access();
    GUEST_STORE(&at->result, result, fault);
    close_user_access();
    return true;
fault:
    close_user_access();
    return false;
}

/* What is left of a stopped entry. */
static bool write_rest(struct multicall_entry *at, const struct hypercall *child)
{
    return copy_to_guest(GUEST_PTR((uint64_t)at->args), child->arg, sizeof(child->arg)) == 0;
}

/* Runs one entry. -ERESTART: stopped, and written back. -EFAULT: the list cannot be read or written. */
static long run_entry(struct hypercall *hc, struct hypercall *child, struct multicall_entry *at)
{
    long result;

    if (!read_entry(child, at))
        return -EFAULT;
    child->budget = hc->budget;
    result = hypercall_dispatch(child);
    hc->budget = child->budget;
    if (unlikely(child->keeps_registers))
        return 0;
    if (unlikely(result == -ERESTART))
        return write_rest(at, child) ? -ERESTART : -EFAULT;
    return write_result(at, result) ? 0 : -EFAULT;
}

/* The same for an entry of a 32-bit caller. */
static long run_entry_32(struct hypercall *hc, struct hypercall *child, guest_ptr_t at)
{
    guest_ptr_t args = guest_ptr_add(at, abi_offset_as(true, multicall_entry, args));
    struct multicall_entry entry;
    long result;

    if (abi_read_as(true, multicall_entry, &entry, at))
        return -EFAULT;
    child->number = entry.op;
    for (unsigned int i = 0; i < ARRAY_SIZE(child->arg); i++)
        child->arg[i] = entry.args[i];
    child->budget = hc->budget;
    result = hypercall_dispatch(child);
    hc->budget = child->budget;
    if (child->keeps_registers)
        return 0;
    if (result != -ERESTART)
        return guest_word_write(hc, guest_ptr_add(at, abi_offset_as(true, multicall_entry, result)), 0,
                                (uint64_t)result);
    for (unsigned int i = 0; i < ARRAY_SIZE(child->arg); i++)
        if (guest_word_write(hc, args, i, child->arg[i]))
            return -EFAULT;
    return -ERESTART;
}

long do_multicall(struct hypercall *hc)
{
    const bool width32 = hypercall_width32(hc);
    struct hypercall child = {.vcpu = hc->vcpu, .caller = hc->caller, .in_multicall = true};
    long rc;

    if (hc->in_multicall)
        return -EINVAL;
    hc->arg[1] = (uint32_t)hc->arg[1];
    while (hc->arg[1]) {
        rc = likely(!width32) ? run_entry(hc, &child, (struct multicall_entry *)hc->arg[0])
                              : run_entry_32(hc, &child, hypercall_ptr(hc, 0));
        if (rc)
            return rc;
        if (unlikely(child.keeps_registers)) {
            hc->keeps_registers = true;
            return 0;
        }
        hc->arg[0] += abi_size_as(width32, multicall_entry);
        hc->arg[1]--;
        if (hc->arg[1] && softirq_pending_here()) /* an entry may be a long call of any kind */
            return -ERESTART;
    }
    return 0;
}
