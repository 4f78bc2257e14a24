/* SPDX-License-Identifier: MIT */
/* platform.h, xen-mca.h: what the owner of the machine says to it. */
#include <xen/platform.h>
#include <xen/arch-x86/xen-mca.h>

/* clang-format off */

#define ABI_FIELDS_xenpf_add_memtype(f, s)                                                                   \
    f(s, WORD, mfn) f(s, WIDE, nr_mfns) f(s, SAME, uint32_t, type) f(s, SAME, uint32_t, handle)              \
    f(s, SAME, uint32_t, reg)
#define ABI_FIELDS_xenpf_read_memtype(f, s)                                                                  \
    f(s, SAME, uint32_t, reg) f(s, WORD, mfn) f(s, WIDE, nr_mfns) f(s, SAME, uint32_t, type)
#define ABI_FIELDS_xenpf_microcode_update(f, s) f(s, HANDLE, data) f(s, SAME, uint32_t, length)
#define ABI_FIELDS_xenpf_getidletime(f, s)                                                                   \
    f(s, HANDLE, cpumap_bitmap) f(s, SAME, uint32_t, cpumap_nr_cpus) f(s, HANDLE, idletime) f(s, WIDE, now)
#define ABI_FIELDS_xenpf_resource_op(f, s)                                                                   \
    f(s, SAME, uint32_t, nr_entries) f(s, SAME, uint32_t, cpu) f(s, HANDLE, entries)
#define ABI_FIELDS_xenpf_symdata(f, s)                                                                       \
    f(s, SAME, uint32_t, namelen) f(s, SAME, uint32_t, symnum) f(s, HANDLE, name) f(s, WIDE, address)        \
    f(s, SAME, char, type)

/* EFI run time. */
#define ABI_FIELDS_efi_get_time(f, s)                                                                        \
    f(s, SAME, struct xenpf_efi_time, time) f(s, SAME, uint32_t, resolution) f(s, SAME, uint32_t, accuracy)
#define ABI_FIELDS_efi_variable(f, s)                                                                        \
    f(s, HANDLE, name) f(s, WORD, size) f(s, HANDLE, data) f(s, SAME, struct xenpf_efi_guid, vendor_guid)
#define ABI_FIELDS_efi_next_name(f, s)                                                                       \
    f(s, WORD, size) f(s, HANDLE, name) f(s, SAME, struct xenpf_efi_guid, vendor_guid)
#define ABI_FIELDS_efi_variables(f, s)                                                                       \
    f(s, SAME, uint32_t, attr) f(s, WIDE, max_store_size) f(s, WIDE, remain_store_size) f(s, WIDE, max_size)
#define ABI_FIELDS_efi_capsules(f, s)                                                                        \
    f(s, HANDLE, capsule_header_array) f(s, WORD, capsule_count) f(s, WIDE, max_capsule_size)                \
    f(s, SAME, uint32_t, reset_type)
#define ABI_FIELDS_efi_capsule(f, s)                                                                         \
    f(s, HANDLE, capsule_header_array) f(s, WORD, capsule_count) f(s, WIDE, sg_list)
#define ABI_CASES_efi_runtime_call(on, also, member, s, u)                                                   \
    on(s, u, ~0u, XEN_EFI_get_time, SUB, efi_get_time, get_time)                                             \
    on(s, u, ~0u, XEN_EFI_set_time, SAME, struct xenpf_efi_time, set_time)                                   \
    on(s, u, ~0u, XEN_EFI_get_wakeup_time, SAME, struct xenpf_efi_time, get_wakeup_time)                     \
    on(s, u, ~0u, XEN_EFI_set_wakeup_time, SAME, struct xenpf_efi_time, set_wakeup_time)                     \
    on(s, u, ~0u, XEN_EFI_get_variable, SUB, efi_variable, get_variable)                                     \
    on(s, u, ~0u, XEN_EFI_set_variable, SUB, efi_variable, set_variable)                                     \
    on(s, u, ~0u, XEN_EFI_get_next_variable_name, SUB, efi_next_name, get_next_variable_name)                \
    on(s, u, ~0u, XEN_EFI_query_variable_info, SUB, efi_variables, query_variable_info)                      \
    on(s, u, ~0u, XEN_EFI_query_capsule_capabilities, SUB, efi_capsules, query_capsule_capabilities)         \
    on(s, u, ~0u, XEN_EFI_update_capsule, SUB, efi_capsule, update_capsule)
#define ABI_FIELDS_xenpf_efi_runtime_call(f, s)                                                              \
    f(s, SAME, uint32_t, function) f(s, SAME, uint32_t, misc) f(s, WORD, status)                             \
    f(s, UNION, u, function, 4, ABI_CASES_efi_runtime_call)

/* What firmware left behind: type, and for EFI its index, say which case. They lie side by side and are looked at as one number. */
#define ABI_FIELDS_firmware_disk(f, s)                                                                       \
    f(s, SAME, uint8_t, device) f(s, SAME, uint8_t, version) f(s, SAME, uint16_t, interface_support)         \
    f(s, SAME, uint16_t, legacy_max_cylinder) f(s, SAME, uint8_t, legacy_max_head)                           \
    f(s, SAME, uint8_t, legacy_sectors_per_track) f(s, HANDLE, edd_params)
#define ABI_FIELDS_firmware_mbr(f, s) f(s, SAME, uint8_t, device) f(s, SAME, uint32_t, mbr_signature)
#define ABI_FIELDS_firmware_vbe(f, s)                                                                        \
    f(s, SAME, uint8_t, capabilities) f(s, SAME, uint8_t, edid_transfer_time) f(s, HANDLE, edid)
#define ABI_FIELDS_firmware_efi_cfg(f, s) f(s, WIDE, addr) f(s, SAME, uint32_t, nent)
#define ABI_FIELDS_firmware_efi_vendor(f, s)                                                                 \
    f(s, SAME, uint32_t, revision) f(s, SAME, uint32_t, bufsz) f(s, HANDLE, name)
#define ABI_FIELDS_firmware_efi_mem(f, s)                                                                    \
    f(s, WIDE, addr) f(s, WIDE, size) f(s, WIDE, attr) f(s, SAME, uint32_t, type)
#define ABI_FIELDS_firmware_efi_rom(f, s)                                                                    \
    f(s, SAME, uint16_t, segment) f(s, SAME, uint8_t, bus) f(s, SAME, uint8_t, devfn)                        \
    f(s, SAME, uint16_t, vendor) f(s, SAME, uint16_t, devid) f(s, WIDE, address) f(s, WORD, size)
#define ABI_FIELDS_firmware_efi_apple(f, s) f(s, WIDE, address) f(s, WORD, size)
#define ABI_FIELDS_xenpf_efi_info(f, s)                                                                      \
    f(s, SAME, uint32_t, version) f(s, SUB, firmware_efi_cfg, cfg) f(s, SUB, firmware_efi_vendor, vendor)    \
    f(s, SUB, firmware_efi_mem, mem) f(s, SUB, firmware_efi_rom, pci_rom)                                    \
    f(s, SUB, firmware_efi_apple, apple_properties)
#define ABI_CASES_firmware_info(on, also, member, s, u)                                                      \
    on(s, u, UINT32_MAX, XEN_FW_DISK_INFO, SUB, firmware_disk, disk_info)                                    \
    on(s, u, UINT32_MAX, XEN_FW_DISK_MBR_SIGNATURE, SUB, firmware_mbr, disk_mbr_signature)                   \
    on(s, u, UINT32_MAX, XEN_FW_VBEDDC_INFO, SUB, firmware_vbe, vbeddc_info)                                 \
    on(s, u, UINT32_MAX, XEN_FW_KBD_SHIFT_FLAGS, SAME, uint8_t, kbd_shift_flags)                             \
    member(s, u, CHOICE, xenpf_efi_info, efi_info)                                                           \
    also(s, u, UINT64_MAX, ABI_EFI(XEN_FW_EFI_VERSION), SAME, uint32_t, efi_info.version)                    \
    also(s, u, UINT64_MAX, ABI_EFI(XEN_FW_EFI_RT_VERSION), SAME, uint32_t, efi_info.version)                 \
    also(s, u, UINT64_MAX, ABI_EFI(XEN_FW_EFI_CONFIG_TABLE), SUB, firmware_efi_cfg, efi_info.cfg)            \
    also(s, u, UINT64_MAX, ABI_EFI(XEN_FW_EFI_VENDOR), SUB, firmware_efi_vendor, efi_info.vendor)            \
    also(s, u, UINT64_MAX, ABI_EFI(XEN_FW_EFI_MEM_INFO), SUB, firmware_efi_mem, efi_info.mem)                \
    also(s, u, UINT64_MAX, ABI_EFI(XEN_FW_EFI_PCI_ROM), SUB, firmware_efi_rom, efi_info.pci_rom)             \
    also(s, u, UINT64_MAX, ABI_EFI(XEN_FW_EFI_APPLE_PROPERTIES), SUB, firmware_efi_apple, efi_info.apple_properties)
#define ABI_EFI(index) ((uint64_t)(index) << 32 | XEN_FW_EFI_INFO)
#define ABI_FIELDS_xenpf_firmware_info(f, s)                                                                 \
    f(s, SAME, uint32_t, type) f(s, SAME, uint32_t, index) f(s, UNION, u, type, 8, ABI_CASES_firmware_info)

/* Power management. */
#define ABI_FIELDS_xen_processor_cx(f, s)                                                                    \
    f(s, SUB, power_register, reg) f(s, SAME, uint8_t, type) f(s, SAME, uint32_t, latency)                   \
    f(s, SAME, uint32_t, power) f(s, SAME, uint32_t, dpcnt) f(s, HANDLE, dp)
#define ABI_FIELDS_power_register(f, s)                                                                      \
    f(s, SAME, uint32_t, space_id) f(s, SAME, uint32_t, bit_width) f(s, SAME, uint32_t, bit_offset)          \
    f(s, SAME, uint32_t, access_size) f(s, WIDE, address)
#define ABI_FIELDS_xen_processor_power(f, s)                                                                 \
    f(s, SAME, uint32_t, count) f(s, SAME, struct xen_processor_flags, flags) f(s, HANDLE, states)
/* Numbers of 64 bits from front to back, but not aligned in the outer structure. */
#define ABI_FIELDS_pct_register(f, s)                                                                        \
    f(s, SAME, uint8_t, descriptor) f(s, SAME, uint16_t, length) f(s, SAME, uint8_t, space_id)               \
    f(s, SAME, uint8_t, bit_width) f(s, SAME, uint8_t, bit_offset) f(s, SAME, uint8_t, reserved)             \
    f(s, WIDE, address)
#define ABI_FIELDS_psd_package(f, s)                                                                         \
    f(s, WIDE, num_entries) f(s, WIDE, revision) f(s, WIDE, domain) f(s, WIDE, coord_type)                   \
    f(s, WIDE, num_processors)
#define ABI_FIELDS_xen_processor_performance(f, s)                                                           \
    f(s, SAME, uint32_t, flags) f(s, SAME, uint32_t, platform_limit)                                         \
    f(s, SUB, pct_register, control_register) f(s, SUB, pct_register, status_register)                       \
    f(s, SAME, uint32_t, state_count) f(s, HANDLE, states) f(s, SUB, psd_package, domain_info)               \
    f(s, SAME, uint32_t, shared_type)
#define ABI_CASES_pminfo(on, also, member, s, u)                                                             \
    on(s, u, ~0u, XEN_PM_CX, SUB, xen_processor_power, power)                                                \
    on(s, u, ~0u, XEN_PM_PX, SUB, xen_processor_performance, perf)                                           \
    on(s, u, ~0u, XEN_PM_PDC, HANDLE, pdc)
#define ABI_FIELDS_xenpf_set_processor_pminfo(f, s)                                                          \
    f(s, SAME, uint32_t, id) f(s, SAME, uint32_t, type) f(s, UNION, u, type, 4, ABI_CASES_pminfo)

#define ABI_CASES_platform_op(on, also, member, s, u)                                                        \
    on(s, u, ~0u, XENPF_settime32, SAME, struct xenpf_settime32, settime32)                                  \
    on(s, u, ~0u, XENPF_settime64, SAME, struct xenpf_settime64, settime64)                                  \
    on(s, u, ~0u, XENPF_add_memtype, SUB, xenpf_add_memtype, add_memtype)                                    \
    on(s, u, ~0u, XENPF_del_memtype, SAME, struct xenpf_del_memtype, del_memtype)                            \
    on(s, u, ~0u, XENPF_read_memtype, SUB, xenpf_read_memtype, read_memtype)                                 \
    on(s, u, ~0u, XENPF_microcode_update, SUB, xenpf_microcode_update, microcode)                            \
    on(s, u, ~0u, XENPF_platform_quirk, SAME, struct xenpf_platform_quirk, platform_quirk)                   \
    on(s, u, ~0u, XENPF_efi_runtime_call, SUB, xenpf_efi_runtime_call, efi_runtime_call)                     \
    on(s, u, ~0u, XENPF_firmware_info, SUB, xenpf_firmware_info, firmware_info)                              \
    on(s, u, ~0u, XENPF_enter_acpi_sleep, SAME, struct xenpf_enter_acpi_sleep, enter_acpi_sleep)             \
    on(s, u, ~0u, XENPF_change_freq, SAME, struct xenpf_change_freq, change_freq)                            \
    on(s, u, ~0u, XENPF_getidletime, SUB, xenpf_getidletime, getidletime)                                    \
    on(s, u, ~0u, XENPF_set_processor_pminfo, SUB, xenpf_set_processor_pminfo, set_pminfo)                   \
    on(s, u, ~0u, XENPF_get_cpuinfo, SAME, struct xenpf_pcpuinfo, pcpu_info)                                 \
    on(s, u, ~0u, XENPF_get_cpu_version, SAME, struct xenpf_pcpu_version, pcpu_version)                      \
    on(s, u, ~0u, XENPF_cpu_online, SAME, struct xenpf_cpu_ol, cpu_ol)                                       \
    also(s, u, ~0u, XENPF_cpu_offline, SAME, struct xenpf_cpu_ol, cpu_ol)                                    \
    on(s, u, ~0u, XENPF_cpu_hotadd, SAME, struct xenpf_cpu_hotadd, cpu_add)                                  \
    on(s, u, ~0u, XENPF_mem_hotadd, SAME, struct xenpf_mem_hotadd, mem_add)                                  \
    on(s, u, ~0u, XENPF_core_parking, SAME, struct xenpf_core_parking, core_parking)                         \
    on(s, u, ~0u, XENPF_resource_op, SUB, xenpf_resource_op, resource_op)                                    \
    on(s, u, ~0u, XENPF_get_symbol, SUB, xenpf_symdata, symdata)                                             \
    member(s, u, SAMES, uint8_t, pad, 128)
#define ABI_FIELDS_xen_platform_op(f, s)                                                                     \
    f(s, SAME, uint32_t, cmd) f(s, SAME, uint32_t, interface_version)                                        \
    f(s, UNION, u, cmd, 4, ABI_CASES_platform_op)

/* Machine checks. */
#define ABI_FIELDS_mcinfo_logical_cpu(f, s)                                                                  \
    f(s, SAME, uint32_t, mc_cpunr) f(s, SAME, uint32_t, mc_chipid) f(s, SAME, uint16_t, mc_coreid)           \
    f(s, SAME, uint16_t, mc_threadid) f(s, SAME, uint32_t, mc_apicid) f(s, SAME, uint32_t, mc_clusterid)     \
    f(s, SAME, uint32_t, mc_ncores) f(s, SAME, uint32_t, mc_ncores_active) f(s, SAME, uint32_t, mc_nthreads) \
    f(s, SAME, int32_t, mc_cpuid_level) f(s, SAME, uint32_t, mc_family) f(s, SAME, uint32_t, mc_vendor)      \
    f(s, SAME, uint32_t, mc_model) f(s, SAME, uint32_t, mc_step) f(s, SAMES, char, mc_vendorid, 16)          \
    f(s, SAMES, char, mc_brandid, 64) f(s, SAMES, uint32_t, mc_cpu_caps, MC_NCAPS)                           \
    f(s, SAME, uint32_t, mc_cache_size) f(s, SAME, uint32_t, mc_cache_alignment)                             \
    f(s, SAME, int32_t, mc_nmsrvals) f(s, WIDES, mc_msrvalues, 2 * __MC_MSR_ARRAYSIZE)
#define ABI_FIELDS_xen_mc_fetch(f, s)                                                                        \
    f(s, SAME, uint32_t, flags) f(s, SAME, uint32_t, pad0) f(s, WIDE, fetch_id) f(s, HANDLE, data)
#define ABI_FIELDS_xen_mc_physcpuinfo(f, s)                                                                  \
    f(s, SAME, uint32_t, ncpus) f(s, SAME, uint32_t, pad0) f(s, HANDLE, info)
/* The injecting ones are not taken apart: nothing here injects. Their sizes are. */
#define ABI_FIELDS_mc_msrinject(f, s)                                                                        \
    f(s, SAME, uint32_t, mcinj_cpunr) f(s, SAME, uint32_t, mcinj_flags) f(s, SAME, uint32_t, mcinj_count)    \
    f(s, SAME, uint32_t, mcinj_pad0) f(s, WIDES, mcinj_msr, 2 * MC_MSRINJ_MAXMSRS)
#define ABI_CASES_mc(on, also, member, s, u)                                                                 \
    on(s, u, ~0u, XEN_MC_fetch, SUB, xen_mc_fetch, mc_fetch)                                                 \
    on(s, u, ~0u, XEN_MC_notifydomain, SAME, struct xen_mc_notifydomain, mc_notifydomain)                    \
    on(s, u, ~0u, XEN_MC_physcpuinfo, SUB, xen_mc_physcpuinfo, mc_physcpuinfo)                               \
    on(s, u, ~0u, XEN_MC_msrinject, SUB, mc_msrinject, mc_msrinject)                                         \
    on(s, u, ~0u, XEN_MC_mceinject, SAME, struct xen_mc_mceinject, mc_mceinject)                             \
    member(s, u, SAMES, uint64_t, mc_inject_v2, 3)
#define ABI_FIELDS_xen_mc(f, s)                                                                              \
    f(s, SAME, uint32_t, cmd) f(s, SAME, uint32_t, interface_version) f(s, UNION, u, cmd, 4, ABI_CASES_mc)

#define ABI_STRUCTURES_platform(plain, handles, part, layout, choice)                                        \
    plain(xenpf_add_memtype) plain(xenpf_read_memtype) handles(xenpf_microcode_update)                       \
    handles(xenpf_getidletime) handles(xenpf_resource_op) handles(xenpf_symdata) part(efi_get_time)          \
    part(efi_variable) part(efi_next_name) part(efi_variables) part(efi_capsules) part(efi_capsule)          \
    handles(xenpf_efi_runtime_call) part(firmware_disk) part(firmware_mbr) part(firmware_vbe)                \
    part(firmware_efi_cfg) part(firmware_efi_vendor) part(firmware_efi_mem) part(firmware_efi_rom)           \
    part(firmware_efi_apple) choice(xenpf_efi_info) handles(xenpf_firmware_info) part(power_register)        \
    handles(xen_processor_cx) handles(xen_processor_power) part(pct_register) part(psd_package)              \
    handles(xen_processor_performance) handles(xenpf_set_processor_pminfo) handles(xen_platform_op)          \
    plain(mcinfo_logical_cpu) handles(xen_mc_fetch) handles(xen_mc_physcpuinfo) part(mc_msrinject)           \
    handles(xen_mc)
