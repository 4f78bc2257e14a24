/* SPDX-License-Identifier: MIT */
/* memory.h */
#include <xen/memory.h>

/* clang-format off */

#define ABI_FIELDS_xen_memory_reservation(f, s)                                                              \
    f(s, HANDLE, extent_start) f(s, WORD, nr_extents) f(s, SAME, uint32_t, extent_order)                     \
    f(s, SAME, uint32_t, mem_flags) f(s, SAME, uint16_t, domid)
#define ABI_FIELDS_xen_memory_exchange(f, s)                                                                 \
    f(s, SUB, xen_memory_reservation, in) f(s, SUB, xen_memory_reservation, out) f(s, WORD, nr_exchanged)
#define ABI_FIELDS_xen_machphys_mfn_list(f, s)                                                               \
    f(s, SAME, uint32_t, max_extents) f(s, HANDLE, extent_start) f(s, SAME, uint32_t, nr_extents)
#define ABI_FIELDS_xen_machphys_mapping(f, s) f(s, WORD, v_start) f(s, WORD, v_end) f(s, WORD, max_mfn)
#define ABI_FIELDS_xen_add_to_physmap(f, s)                                                                  \
    f(s, SAME, uint16_t, domid) f(s, SAME, uint16_t, size) f(s, SAME, uint32_t, space) f(s, WORD, idx)       \
    f(s, WORD, gpfn)
/* Its union is one number of 16 bits, whatever it is called. */
#define ABI_FIELDS_xen_add_to_physmap_batch(f, s)                                                            \
    f(s, SAME, uint16_t, domid) f(s, SAME, uint16_t, space) f(s, SAME, uint16_t, size)                       \
    f(s, SAME, uint16_t, u) f(s, HANDLE, idxs) f(s, HANDLE, gpfns) f(s, HANDLE, errs)
#define ABI_FIELDS_xen_remove_from_physmap(f, s) f(s, SAME, uint16_t, domid) f(s, WORD, gpfn)
#define ABI_FIELDS_xen_memory_map(f, s)          f(s, SAME, uint32_t, nr_entries) f(s, HANDLE, buffer)
#define ABI_FIELDS_xen_foreign_memory_map(f, s)  f(s, SAME, uint16_t, domid) f(s, SUB, xen_memory_map, map)
#define ABI_FIELDS_xen_pod_target(f, s)                                                                      \
    f(s, WIDE, target_pages) f(s, WIDE, tot_pages) f(s, WIDE, pod_cache_pages) f(s, WIDE, pod_entries)       \
    f(s, SAME, uint16_t, domid)
#define ABI_FIELDS_xen_mem_access_op(f, s)                                                                   \
    f(s, SAME, uint8_t, op) f(s, SAME, uint8_t, access) f(s, SAME, uint16_t, domid) f(s, SAME, uint32_t, nr) \
    f(s, SAME, uint64_t, pfn) f(s, HANDLE, pfn_list) f(s, HANDLE, access_list)
#define ABI_FIELDS_xen_mem_acquire_resource(f, s)                                                            \
    f(s, SAME, uint16_t, domid) f(s, SAME, uint16_t, type) f(s, SAME, uint32_t, id)                          \
    f(s, SAME, uint32_t, nr_frames) f(s, SAME, uint32_t, pad) f(s, WIDE, frame) f(s, HANDLE, frame_list)
#define ABI_FIELDS_xen_reserved_device_memory(f, s) f(s, WORD, start_pfn) f(s, WORD, nr_pages)
#define ABI_FIELDS_xen_reserved_device_memory_map(f, s)                                                      \
    f(s, SAME, uint32_t, flags) f(s, SAME, uint32_t, nr_entries) f(s, HANDLE, buffer)                        \
    f(s, SAME, physdev_pci_device_t, dev)
#define ABI_FIELDS_xen_vnuma_topology_info(f, s)                                                             \
    f(s, SAME, uint16_t, domid) f(s, SAME, uint16_t, pad) f(s, SAME, uint32_t, nr_vnodes)                    \
    f(s, SAME, uint32_t, nr_vcpus) f(s, SAME, uint32_t, nr_vmemranges) f(s, HANDLE8, vdistance)              \
    f(s, HANDLE8, vcpu_to_vnode) f(s, HANDLE8, vmemrange)

#define ABI_STRUCTURES_memory(plain, handles, part, layout, choice)                                          \
    handles(xen_memory_reservation) handles(xen_memory_exchange) handles(xen_machphys_mfn_list)              \
    plain(xen_machphys_mapping) plain(xen_add_to_physmap) handles(xen_add_to_physmap_batch)                  \
    plain(xen_remove_from_physmap) handles(xen_memory_map) handles(xen_foreign_memory_map)                   \
    plain(xen_pod_target) handles(xen_mem_access_op) handles(xen_mem_acquire_resource)                       \
    plain(xen_reserved_device_memory) handles(xen_reserved_device_memory_map)                                \
    handles(xen_vnuma_topology_info)
