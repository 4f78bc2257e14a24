/* SPDX-License-Identifier: MIT */
/* xen.h, arch-x86/xen.h, callback.h, nmi.h, version.h: the PV interface itself. */
#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/nmi.h>
#include <xen/version.h>

/* clang-format off */

#define ABI_FIELDS_trap_info(f, s)                                                                           \
    f(s, SAME, uint8_t, vector) f(s, SAME, uint8_t, flags) f(s, SAME, uint16_t, cs) f(s, WORD, address)

/* The header calls 64-bit registers by their 32-bit names, too. */
#define ABI_FIELDS_cpu_user_regs(f, s)                                                                       \
    f(s, WORD, ebx) f(s, WORD, ecx) f(s, WORD, edx) f(s, WORD, esi) f(s, WORD, edi) f(s, WORD, ebp)          \
    f(s, WORD, eax) f(s, SHORT, error_code) f(s, SHORT, entry_vector) f(s, WORD, eip)                        \
    f(s, SAME, uint16_t, cs) f(s, SAME, uint8_t, saved_upcall_mask) f(s, WORD, eflags) f(s, WORD, esp)       \
    f(s, SAME, uint16_t, ss) f(s, SPACE, uint16_t, pad1) f(s, SAME, uint16_t, es)                            \
    f(s, SPACE, uint16_t, pad2) f(s, SAME, uint16_t, ds) f(s, SPACE, uint16_t, pad3)                         \
    f(s, SAME, uint16_t, fs) f(s, SPACE, uint16_t, pad4) f(s, SAME, uint16_t, gs)                            \
    f(s, SPACE, uint16_t, pad5)

#define ABI_FIELDS_vcpu_guest_context(f, s)                                                                  \
    f(s, SAMES, uint8_t, fpu_ctxt, 512) f(s, WORD, flags) f(s, SUB, cpu_user_regs, user_regs)                \
    f(s, SUBS, trap_info, trap_ctxt, 256) f(s, WORD, ldt_base) f(s, WORD, ldt_ents)                          \
    f(s, WORDS, gdt_frames, 16) f(s, WORD, gdt_ents) f(s, WORD, kernel_ss) f(s, WORD, kernel_sp)             \
    f(s, WORDS, ctrlreg, 8) f(s, WORDS, debugreg, 8)                                                         \
    /* As the header has it for hypervisors: the selectors stand where a 64-bit kernel has its SYSCALL entry. */\
    f(s, LOW, event_callback_cs, syscall_callback_eip) f(s, WORD, event_callback_eip)                        \
    f(s, HIGH, failsafe_callback_cs, syscall_callback_eip) f(s, WORD, failsafe_callback_eip)                 \
    f(s, WORD, vm_assist)

#define ABI_FIELDS_multicall_entry(f, s) f(s, WORD, op) f(s, WORD, result) f(s, WORDS, args, 6)
#define ABI_FIELDS_mmuext_op(f, s)       f(s, SAME, uint32_t, cmd) f(s, WORD, arg1) f(s, WORD, arg2)

#define ABI_FIELDS_arch_vcpu_info(f, s) f(s, WORD, cr2) f(s, WORDS, pad, 5)
#define ABI_FIELDS_vcpu_info(f, s)                                                                           \
    f(s, SAME, uint8_t, evtchn_upcall_pending) f(s, SAME, uint8_t, evtchn_upcall_mask)                       \
    f(s, WORD, evtchn_pending_sel) f(s, SUB, arch_vcpu_info, arch) f(s, SAME, struct vcpu_time_info, time)
#define ABI_FIELDS_arch_shared_info(f, s)                                                                    \
    f(s, WORD, max_pfn) f(s, WORD, pfn_to_mfn_frame_list_list) f(s, WORD, nmi_reason) f(s, WORD, p2m_cr3)    \
    f(s, WORD, p2m_vaddr) f(s, WORD, p2m_generation) f(s, SAME, uint32_t, wc_sec_hi)
#define ABI_FIELDS_shared_info(f, s)                                                                         \
    f(s, SUBS, vcpu_info, vcpu_info, XEN_LEGACY_MAX_VCPUS) f(s, WORDS, evtchn_pending, 32)                   \
    f(s, WORDS, evtchn_mask, 32) f(s, SAME, uint32_t, wc_version) f(s, SAME, uint32_t, wc_sec)               \
    f(s, SAME, uint32_t, wc_nsec) f(s, SUB, arch_shared_info, arch)

#define ABI_FIELDS_start_info_domU(f, s) f(s, WORD, mfn) f(s, SAME, uint32_t, evtchn)
#define ABI_FIELDS_start_info_dom0(f, s) f(s, SAME, uint32_t, info_off) f(s, SAME, uint32_t, info_size)
#define ABI_CASES_start_info_console(on, also, member, s, u)                                                 \
    on(s, u, SIF_INITDOMAIN, 0, SUB, start_info_domU, domU)                                                  \
    on(s, u, SIF_INITDOMAIN, SIF_INITDOMAIN, SUB, start_info_dom0, dom0)
#define ABI_FIELDS_start_info(f, s)                                                                          \
    f(s, SAMES, char, magic, 32) f(s, WORD, nr_pages) f(s, WORD, shared_info) f(s, SAME, uint32_t, flags)    \
    f(s, WORD, store_mfn) f(s, SAME, uint32_t, store_evtchn)                                                 \
    f(s, UNION, console, flags, 4, ABI_CASES_start_info_console) f(s, WORD, pt_base)                         \
    f(s, WORD, nr_pt_frames) f(s, WORD, mfn_list) f(s, WORD, mod_start) f(s, WORD, mod_len)                  \
    f(s, SAMES, int8_t, cmd_line, MAX_GUEST_CMDLINE) f(s, WORD, first_p2m_pfn) f(s, WORD, nr_p2m_frames)

/* Of a 32-bit guest an entry is a selector and an offset. The decoded form has the selector in the hole of the 64-bit one, where nothing is to be looked for from a 64-bit guest. */
#define ABI_FIELDS_callback_register(f, s)                                                                   \
    f(s, SAME, uint16_t, type) f(s, SAME, uint16_t, flags) f(s, ENTRY, address)
#define ABI_FIELDS_xennmi_callback(f, s) f(s, WORD, handler_address) f(s, WORD, pad)

#define ABI_FIELDS_xen_platform_parameters(f, s) f(s, WORD, virt_start)

#define ABI_STRUCTURES_xen(plain, handles, part, layout, choice)                                             \
    plain(trap_info) plain(cpu_user_regs) plain(vcpu_guest_context) plain(multicall_entry)                   \
    handles(mmuext_op) layout(arch_vcpu_info) layout(vcpu_info) layout(arch_shared_info) layout(shared_info) \
    part(start_info_domU) part(start_info_dom0) plain(start_info) handles(callback_register)                 \
    plain(xennmi_callback) plain(xen_platform_parameters)
