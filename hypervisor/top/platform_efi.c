/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XENPF_efi_runtime_call: domain 0's way to the firmware's clock and variables. What points into the guest is
 * copied in before the call and out after it; the firmware sees our copies only.
 */
#include "arch/x86/efi_call.h"
#include "core/heap.h"
#include "drivers/efi.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "pv/context.h"
#include "top/platform.h"

#define NAME_BYTES 2048            /* of a variable, the end included */
#define DATA_ORDER 8               /* 1 MiB: more than any variable's value */
#define EFI_2_00   (2U << 16 | 00) /* query_variable_info came with it */

typedef abi_xenpf_efi_runtime_call_t call_t;

/* One service, with the vcpu's vector registers out of its way. */
static uint64_t serve(struct vcpu *v, enum efi_service service, uint64_t a, uint64_t b, uint64_t c,
                      uint64_t d, uint64_t e)
{
    uint64_t status;

    pv_lend_fpu(v);
    status = efi_call(service, a, b, c, d, e);
    pv_take_fpu_back(v);
    return status;
}

#define P(pointer) ((uint64_t)(pointer))

/* EFI_TIME_CAPABILITIES, UEFI 2.10, 8.3.1. EFI_TIME is laid out as struct xenpf_efi_time. */
struct time_capabilities {
    uint32_t resolution, accuracy;
    uint8_t sets_to_zero;
};
_Static_assert(sizeof(struct xenpf_efi_time) == 16 && offsetof(struct xenpf_efi_time, ns) == 8,
               "UEFI 2.10, 8.3");

static long get_time(struct vcpu *v, call_t *op)
{
    struct time_capabilities can = {0};
    struct xenpf_efi_time time = {0};

    if (op->misc)
        return -EINVAL;
    op->status = serve(v, EFI_GET_TIME, P(&time), P(&can), 0, 0, 0);
    op->u.get_time.time = time;
    op->u.get_time.resolution = can.resolution;
    op->u.get_time.accuracy = can.accuracy;
    if (!op->status && can.sets_to_zero)
        op->misc = XEN_EFI_GET_TIME_SET_CLEARS_NS;
    return 0;
}

static long set_time(struct vcpu *v, call_t *op)
{
    struct xenpf_efi_time time = op->u.set_time;

    if (op->misc)
        return -EINVAL;
    op->status = serve(v, EFI_SET_TIME, P(&time), 0, 0, 0, 0);
    return 0;
}

static long get_wakeup_time(struct vcpu *v, call_t *op)
{
    struct xenpf_efi_time time = {0};
    uint8_t enabled = 0, pending = 0;

    if (op->misc)
        return -EINVAL;
    op->status = serve(v, EFI_GET_WAKEUP_TIME, P(&enabled), P(&pending), P(&time), 0, 0);
    op->u.get_wakeup_time = time;
    if (!op->status)
        op->misc =
            (enabled ? XEN_EFI_GET_WAKEUP_TIME_ENABLED : 0) | (pending ? XEN_EFI_GET_WAKEUP_TIME_PENDING : 0);
    return 0;
}

static long set_wakeup_time(struct vcpu *v, call_t *op)
{
    struct xenpf_efi_time time = op->u.set_wakeup_time;
    bool with_time = !(op->misc & XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY);

    if (op->misc & ~(uint32_t)(XEN_EFI_SET_WAKEUP_TIME_ENABLE | XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY))
        return -EINVAL;
    op->status = serve(v, EFI_SET_WAKEUP_TIME, !!(op->misc & XEN_EFI_SET_WAKEUP_TIME_ENABLE),
                       with_time ? P(&time) : 0, 0, 0, 0);
    return 0;
}

static long next_count(struct vcpu *v, call_t *op)
{
    uint32_t count = 0;

    if (op->misc)
        return -EINVAL;
    op->status = serve(v, EFI_GET_NEXT_HIGH_MONOTONIC_COUNT, P(&count), 0, 0, 0, 0);
    op->misc = count;
    return 0;
}

/* A string of 16-bit characters with its end, into a page of ours. */
static long copy_name(uint16_t *to, guest_ptr_t from)
{
    for (unsigned int i = 0; i < NAME_BYTES / 2; i++) {
        if (copy_from_guest(&to[i], guest_ptr_add(from, 2 * i), 2))
            return -EFAULT;
        if (!to[i])
            return i ? 0 : -EINVAL;
    }
    return -EINVAL;
}

/* What get_variable and set_variable share: name, and a buffer for the value (NULL: the size is 0). */
struct variable {
    uint16_t *name;
    void *data;
    unsigned int order;
};

static long take_variable(struct variable *var, const call_t *op)
{
    uint64_t size = op->u.get_variable.size;

    var->name = NULL;
    var->data = NULL;
    if (size > PAGE_SIZE << DATA_ORDER)
        return -ENOMEM;
    var->order = 0;
    while (size > PAGE_SIZE << var->order)
        var->order++;
    var->name = hv_alloc_page();
    if (!var->name)
        return -ENOMEM;
    if (size) {
        var->data = hv_alloc_pages(var->order);
        if (!var->data)
            return -ENOMEM;
    }
    return copy_name(var->name, op->u.get_variable.name);
}

static void put_variable(struct variable *var)
{
    if (var->name)
        hv_free_page(var->name);
    if (var->data)
        hv_free_pages(var->data, var->order);
}

static long get_variable(struct vcpu *v, call_t *op)
{
    struct xenpf_efi_guid guid = op->u.get_variable.vendor_guid;
    guest_ptr_t data = op->u.get_variable.data;
    uint64_t size = op->u.get_variable.size, room = size;
    uint32_t attributes = 0;
    struct variable var;
    long rc;

    if (op->misc)
        return -EINVAL;
    rc = take_variable(&var, op);
    if (!rc) {
        op->status = serve(v, EFI_GET_VARIABLE, P(var.name), P(&guid), P(&attributes), P(&size), P(var.data));
        op->u.get_variable.size = size;
        op->misc = op->status ? 0 : attributes;
        if (!op->status && size && copy_to_guest(data, var.data, min(size, room)))
            rc = -EFAULT;
    }
    put_variable(&var);
    return rc;
}

static long set_variable(struct vcpu *v, call_t *op)
{
    struct xenpf_efi_guid guid = op->u.set_variable.vendor_guid;
    guest_ptr_t data = op->u.set_variable.data;
    uint64_t size = op->u.set_variable.size;
    struct variable var;
    long rc = take_variable(&var, op);

    if (!rc && size && copy_from_guest(var.data, data, size))
        rc = -EFAULT;
    if (!rc)
        op->status = serve(v, EFI_SET_VARIABLE, P(var.name), P(&guid), op->misc, size, P(var.data));
    put_variable(&var);
    return rc;
}

static bool has_end(const uint16_t *name, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (!name[i])
            return true;
    return false;
}

static long next_variable_name(struct vcpu *v, call_t *op)
{
    struct xenpf_efi_guid guid = op->u.get_next_variable_name.vendor_guid;
    guest_ptr_t at = op->u.get_next_variable_name.name;
    uint64_t size = op->u.get_next_variable_name.size, room;
    uint16_t *name;
    long rc = 0;

    if (op->misc || size < 2)
        return -EINVAL;
    name = hv_alloc_page();
    if (!name)
        return -ENOMEM;
    room = size = min(size, (uint64_t)NAME_BYTES);
    if (copy_from_guest(name, at, room))
        rc = -EFAULT;
    else if (!has_end(name, room / 2))
        rc = -EINVAL;
    if (!rc) {
        op->status = serve(v, EFI_GET_NEXT_VARIABLE_NAME, P(&size), P(name), P(&guid), 0, 0);
        op->u.get_next_variable_name.size = size;
        op->u.get_next_variable_name.vendor_guid = guid;
        if (!op->status && copy_to_guest(at, name, min(size, room)))
            rc = -EFAULT;
    }
    hv_free_page(name);
    return rc;
}

static long variable_info(struct vcpu *v, call_t *op)
{
    uint64_t most = 0, left = 0, largest = 0;

    if (op->misc & ~(uint32_t)XEN_EFI_VARINFO_BOOT_SNAPSHOT)
        return -EINVAL;
    if (op->misc || efi.runtime_revision < EFI_2_00)
        return -EOPNOTSUPP; /* nobody asked at boot: the boot loader had ended the boot services */
    op->status =
        serve(v, EFI_QUERY_VARIABLE_INFO, op->u.query_variable_info.attr, P(&most), P(&left), P(&largest), 0);
    op->u.query_variable_info.max_store_size = most;
    op->u.query_variable_info.remain_store_size = left;
    op->u.query_variable_info.max_size = largest;
    return 0;
}

/* Capsules: -ENOSYS, as on Xen. */
static long (*const calls[])(struct vcpu *v, call_t *op) = {
    [XEN_EFI_get_time] = get_time,
    [XEN_EFI_set_time] = set_time,
    [XEN_EFI_get_wakeup_time] = get_wakeup_time,
    [XEN_EFI_set_wakeup_time] = set_wakeup_time,
    [XEN_EFI_get_next_high_monotonic_count] = next_count,
    [XEN_EFI_get_variable] = get_variable,
    [XEN_EFI_set_variable] = set_variable,
    [XEN_EFI_get_next_variable_name] = next_variable_name,
    [XEN_EFI_query_variable_info] = variable_info,
};

long platform_efi_call(struct vcpu *v, call_t *op)
{
    if (!efi_call_ready())
        return -ENOSYS;
    if (op->function >= ARRAY_SIZE(calls) || !calls[op->function])
        return -ENOSYS;
    return calls[op->function](v, op);
}
