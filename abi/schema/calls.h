/* SPDX-License-Identifier: MIT */
/* grant_table.h, physdev.h, sched.h, vcpu.h, sysctl.h. (domctl.h and the rest of sysctl.h are laid out alike for both widths: see `exempt`.) */
#include <xen/grant_table.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/vcpu.h>

/* clang-format off */

#define ABI_FIELDS_gnttab_setup_table(f, s)                                                                  \
    f(s, SAME, uint16_t, dom) f(s, SAME, uint32_t, nr_frames) f(s, SAME, int16_t, status)                    \
    f(s, HANDLE, frame_list)
#define ABI_FIELDS_gnttab_get_status_frames(f, s)                                                            \
    f(s, SAME, uint32_t, nr_frames) f(s, SAME, uint16_t, dom) f(s, SAME, int16_t, status)                    \
    f(s, HANDLE, frame_list)
#define ABI_FIELDS_gnttab_transfer(f, s)                                                                     \
    f(s, WORD, mfn) f(s, SAME, uint16_t, domid) f(s, SAME, uint32_t, ref) f(s, SAME, int16_t, status)
/* A frame number, or a reference in its low half: one word whatever `flags` says. */
#define ABI_FIELDS_gnttab_copy_ptr(f, s)                                                                     \
    f(s, WORD, u) f(s, SAME, uint16_t, domid) f(s, SAME, uint16_t, offset)
#define ABI_FIELDS_gnttab_copy(f, s)                                                                         \
    f(s, SUB, gnttab_copy_ptr, source) f(s, SUB, gnttab_copy_ptr, dest) f(s, SAME, uint16_t, len)            \
    f(s, SAME, uint16_t, flags) f(s, SAME, int16_t, status)

#define ABI_FIELDS_physdev_set_iobitmap(f, s) f(s, HANDLE, bitmap) f(s, SAME, uint32_t, nr_ports)
#define ABI_FIELDS_physdev_apic(f, s)                                                                        \
    f(s, WORD, apic_physbase) f(s, SAME, uint32_t, reg) f(s, SAME, uint32_t, value)
#define ABI_FIELDS_physdev_pirq_eoi_gmfn(f, s) f(s, WORD, gmfn)
#define ABI_FIELDS_physdev_map_pirq(f, s)                                                                    \
    f(s, SAME, uint16_t, domid) f(s, SAME, int32_t, type) f(s, SAME, int32_t, index)                         \
    f(s, SAME, int32_t, pirq) f(s, SAME, int32_t, bus) f(s, SAME, int32_t, devfn)                            \
    f(s, SAME, int32_t, entry_nr) f(s, WIDE, table_base)
#define ABI_CASES_physdev_op(on, also, member, s, u)                                                         \
    on(s, u, ~0u, PHYSDEVOP_irq_status_query, SAME, struct physdev_irq_status_query, irq_status_query)       \
    on(s, u, ~0u, PHYSDEVOP_set_iopl, SAME, struct physdev_set_iopl, set_iopl)                               \
    on(s, u, ~0u, PHYSDEVOP_set_iobitmap, SUB, physdev_set_iobitmap, set_iobitmap)                           \
    on(s, u, ~0u, PHYSDEVOP_apic_read, SUB, physdev_apic, apic_op)                                           \
    also(s, u, ~0u, PHYSDEVOP_apic_write, SUB, physdev_apic, apic_op)                                        \
    on(s, u, ~0u, PHYSDEVOP_alloc_irq_vector, SAME, struct physdev_irq, irq_op)
#define ABI_FIELDS_physdev_op(f, s) f(s, SAME, uint32_t, cmd) f(s, UNION, u, cmd, 4, ABI_CASES_physdev_op)

#define ABI_FIELDS_sched_poll(f, s) f(s, HANDLE, ports) f(s, SAME, uint32_t, nr_ports) f(s, WIDE, timeout)

#define ABI_FIELDS_vcpu_runstate_info(f, s)                                                                  \
    f(s, SAME, int32_t, state) f(s, WIDE, state_entry_time) f(s, WIDES, time, 4)
#define ABI_FIELDS_vcpu_register_runstate_memory_area(f, s) f(s, HANDLE8, addr)
#define ABI_FIELDS_vcpu_register_time_memory_area(f, s)     f(s, HANDLE8, addr)
#define ABI_FIELDS_vcpu_set_singleshot_timer(f, s)          f(s, WIDE, timeout_abs_ns) f(s, SAME, uint32_t, flags)

#define ABI_FIELDS_xen_sysctl_page_offline_op(f, s)                                                          \
    f(s, SAME, uint32_t, cmd) f(s, SAME, uint32_t, start) f(s, SAME, uint32_t, end) f(s, HANDLE, status)

#define ABI_STRUCTURES_calls(plain, handles, part, layout, choice)                                           \
    handles(gnttab_setup_table) handles(gnttab_get_status_frames) plain(gnttab_transfer)                     \
    handles(gnttab_copy_ptr) handles(gnttab_copy) handles(physdev_set_iobitmap) plain(physdev_apic)          \
    plain(physdev_pirq_eoi_gmfn) plain(physdev_map_pirq) handles(physdev_op) handles(sched_poll)             \
    plain(vcpu_runstate_info) handles(vcpu_register_runstate_memory_area)                                    \
    handles(vcpu_register_time_memory_area) plain(vcpu_set_singleshot_timer)                                 \
    handles(xen_sysctl_page_offline_op)
