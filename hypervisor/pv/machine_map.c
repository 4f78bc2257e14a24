/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine's memory looks like: firmware's map, and where M2P is. */
#include "arch/x86/boot/bootinfo.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/layout.h"
#include "core/authority.h"
#include "core/memory_map.h"
#include "core/memory_op.h"
#include "hv/errno.h"

#define M2P_CHUNK_SHIFT 21 /* the list names the table in pieces of 2 MiB */

long memory_op_machine_map(struct hypercall *hc)
{
    abi_xen_memory_map_t arg;
    unsigned int count = boot_info.memory_count;

    if (abi_read(hc, xen_memory_map, &arg, hypercall_ptr(hc, 1)))
        return -EFAULT;
    if (authorise(hc->vcpu->domain, NULL, AUTHORITY_MACHINE_MEMORY_MAP))
        return -EPERM;
    if (!guest_ptr_is_null(arg.buffer) && arg.nr_entries < count)
        return -EINVAL;
    for (unsigned int i = 0; !guest_ptr_is_null(arg.buffer) && i < count; i++) {
        const struct memory_range *r = &boot_info.memory[i];
        struct e820_entry e = {.start = r->start, .size = r->end - r->start, .type = r->type};

        if (copy_to_guest(guest_ptr_add(arg.buffer, i * sizeof(e)), &e, sizeof(e)))
            return -EFAULT;
    }
    arg.nr_entries = count;
    return abi_write(hc, xen_memory_map, hypercall_ptr(hc, 1), &arg) ? -EFAULT : 0;
}

long memory_op_machphys_mapping(struct hypercall *hc)
{
    struct xen_machphys_mapping m = {
        .v_start = MACH2PHYS_VIRT_START, .v_end = MACH2PHYS_VIRT_END, .max_mfn = max_mfn - 1};

    return abi_write(hc, xen_machphys_mapping, hypercall_ptr(hc, 1), &m) ? -EFAULT : 0;
}

/* The first frame of the 2 MiB page that maps `va` in the hypervisor's range; 0: nothing is mapped. */
static uint64_t host_large_frame(uint64_t va)
{
    const uint64_t *table = mfn_to_va(paddr_to_mfn(host_root));

    for (unsigned int shift = 39; shift >= M2P_CHUNK_SHIFT; shift -= 9) {
        uint64_t entry = table[va >> shift & 511];

        if (!(entry & PTE_PRESENT))
            return 0;
        if (shift == M2P_CHUNK_SHIFT)
            return (entry & PTE_ADDRESS) >> PAGE_SHIFT & ~511ULL;
        table = mfn_to_va(MFN((entry & PTE_ADDRESS) >> PAGE_SHIFT));
    }
    return 0;
}

long memory_op_machphys_list(struct hypercall *hc)
{
    uint64_t count = ((max_mfn - 1) >> (M2P_CHUNK_SHIFT - 3)) + 1, last = 0;
    abi_xen_machphys_mfn_list_t arg;

    if (abi_read(hc, xen_machphys_mfn_list, &arg, hypercall_ptr(hc, 1)))
        return -EFAULT;
    count = min(count, (uint64_t)arg.max_extents);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t mfn = host_large_frame(M2P_RW_START + (i << M2P_CHUNK_SHIFT));

        last = mfn ? mfn : last; /* a hole shows what came before it: callers map every piece */
        if (guest_word_write(hc, arg.extent_start, i, last))
            return -EFAULT;
    }
    arg.nr_extents = (uint32_t)count;
    return abi_write(hc, xen_machphys_mfn_list, hypercall_ptr(hc, 1), &arg) ? -EFAULT : 0;
}
