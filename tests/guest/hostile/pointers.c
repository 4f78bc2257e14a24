/* SPDX-License-Identifier: MIT */
/*
 * Every hypercall that takes a pointer, with every kind of bad one. What Xen answers stands in answers.inc, which
 * the guest prints itself when started with `record`: run.py --guest-args record --debug hostile/bad_pointers.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M
 */
#include <kit/args.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/print.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

enum kind { UNMAPPED, M2P, HV_TEXT, NON_CANONICAL, WRAPS, READ_ONLY, STRADDLES, UNALIGNED, NR_KINDS };

static const char *const kind_names[NR_KINDS] = {"unmapped", "m2p",       "hv text",   "non-canonical",
                                                 "wraps",    "read-only", "straddles", "unaligned"};

/* The calls: a name, which kinds to leave out (those that would change something), and the call with p. */
#define BAD_ONLY (1U << READ_ONLY | 1U << UNALIGNED)
#define CALLS(X)                                                                                             \
    X(set_trap_table, 0, hcall_set_trap_table(p))                                                            \
    X(mmu_update, 0, hcall_mmu_update(p, 1, NULL, DOMID_SELF))                                               \
    X(mmu_update_many, 0, hcall_mmu_update(p, 1000, NULL, DOMID_SELF))                                       \
    X(set_gdt, 0, hcall_set_gdt(p, 512))                                                                     \
    X(platform_op, 0, hcall_platform_op(p))                                                                  \
    X(multicall, BAD_ONLY, hcall_multicall(p, 1))                                                            \
    X(event_compat, BAD_ONLY, kit_hypercall1(__HYPERVISOR_event_channel_op_compat, (uintptr_t)p))            \
    X(version_extra, 0, hcall_xen_version(XENVER_extraversion, p))                                           \
    X(version_compile, 0, hcall_xen_version(XENVER_compile_info, p))                                         \
    X(version_caps, 0, hcall_xen_version(XENVER_capabilities, p))                                            \
    X(version_change, 0, hcall_xen_version(XENVER_changeset, p))                                             \
    X(version_params, 0, hcall_xen_version(XENVER_platform_parameters, p))                                   \
    X(version_features, 0, hcall_xen_version(XENVER_get_features, p))                                        \
    X(version_handle, 0, hcall_xen_version(XENVER_guest_handle, p))                                          \
    X(version_cmdline, 0, hcall_xen_version(XENVER_commandline, p))                                          \
    X(version_build_id, 0, hcall_xen_version(XENVER_build_id, p))                                            \
    X(console_write, 1U << READ_ONLY | 1U << UNALIGNED | 1U << M2P,                                          \
      hcall_console_io(CONSOLEIO_write, 16, p))                                                              \
    X(console_read, 0, hcall_console_io(CONSOLEIO_read, 16, p))                                              \
    X(grant_setup, 0, hcall_grant_table_op(2, p, 1))                                                         \
    X(grant_query, 0, hcall_grant_table_op(6, p, 1))                                                         \
    X(mmuext, 0, hcall_mmuext_op(p, 1, NULL, DOMID_SELF))                                                    \
    X(mmuext_many, 0, hcall_mmuext_op(p, 1000, NULL, DOMID_SELF))                                            \
    X(nmi_register, BAD_ONLY, hcall_nmi_op(XENNMI_register_callback, p))                                     \
    X(vcpu_initialise, 0, hcall_vcpu_op(VCPUOP_initialise, 1, p))                                            \
    X(vcpu_runstate, 0, hcall_vcpu_op(VCPUOP_get_runstate_info, 0, p))                                       \
    X(vcpu_reg_runstate, 0, hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, p))                       \
    X(vcpu_periodic, 0, hcall_vcpu_op(VCPUOP_set_periodic_timer, 0, p))                                      \
    X(vcpu_singleshot, 0, hcall_vcpu_op(VCPUOP_set_singleshot_timer, 0, p))                                  \
    X(vcpu_reg_info, 0, hcall_vcpu_op(VCPUOP_register_vcpu_info, 1, p))                                      \
    X(vcpu_reg_time, 0, hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, p))                          \
    X(vcpu_physid, 0, hcall_vcpu_op(VCPUOP_get_physid, 0, p))                                                \
    X(sched_poll, BAD_ONLY, hcall_sched_op(SCHEDOP_poll, p))                                                 \
    X(sched_shutdown, BAD_ONLY | 1U << M2P, hcall_sched_op(SCHEDOP_shutdown, p))                             \
    X(sched_watchdog, BAD_ONLY, hcall_sched_op(SCHEDOP_watchdog, p))                                         \
    X(sched_remote, BAD_ONLY, hcall_sched_op(SCHEDOP_remote_shutdown, p))                                    \
    X(sched_pin, BAD_ONLY, hcall_sched_op(SCHEDOP_pin_override, p))                                          \
    X(callback_register, BAD_ONLY, hcall_callback_op(CALLBACKOP_register, p))                                \
    X(callback_unregister, 0, hcall_callback_op(CALLBACKOP_unregister, p))                                   \
    X(evtchn_alloc, BAD_ONLY, hcall_event_channel_op(EVTCHNOP_alloc_unbound, p))                             \
    X(evtchn_interdomain, 0, hcall_event_channel_op(EVTCHNOP_bind_interdomain, p))                           \
    X(evtchn_virq, BAD_ONLY, hcall_event_channel_op(EVTCHNOP_bind_virq, p))                                  \
    X(evtchn_pirq, 0, hcall_event_channel_op(EVTCHNOP_bind_pirq, p))                                         \
    X(evtchn_ipi, BAD_ONLY, hcall_event_channel_op(EVTCHNOP_bind_ipi, p))                                    \
    X(evtchn_close, 0, hcall_event_channel_op(EVTCHNOP_close, p))                                            \
    X(evtchn_send, 0, hcall_event_channel_op(EVTCHNOP_send, p))                                              \
    X(evtchn_status, 0, hcall_event_channel_op(EVTCHNOP_status, p))                                          \
    X(evtchn_bind_vcpu, 0, hcall_event_channel_op(EVTCHNOP_bind_vcpu, p))                                    \
    X(evtchn_unmask, 0, hcall_event_channel_op(EVTCHNOP_unmask, p))                                          \
    X(evtchn_init, 0, hcall_event_channel_op(EVTCHNOP_init_control, p))                                      \
    X(evtchn_expand, 0, hcall_event_channel_op(EVTCHNOP_expand_array, p))                                    \
    X(evtchn_priority, 0, hcall_event_channel_op(EVTCHNOP_set_priority, p))                                  \
    X(physdev_eoi, 0, hcall_physdev_op(PHYSDEVOP_eoi, p))                                                    \
    X(physdev_status, 0, hcall_physdev_op(PHYSDEVOP_irq_status_query, p))                                    \
    X(physdev_iopl, 0, hcall_physdev_op(PHYSDEVOP_set_iopl, p))                                              \
    X(physdev_iobitmap, 0, hcall_physdev_op(PHYSDEVOP_set_iobitmap, p))                                      \
    X(physdev_apic_read, 0, hcall_physdev_op(PHYSDEVOP_apic_read, p))                                        \
    X(physdev_unknown, 0, hcall_physdev_op(99, p))                                                           \
    X(memory_increase, 0, hcall_memory_op(XENMEM_increase_reservation, p))                                   \
    X(memory_decrease, 0, hcall_memory_op(XENMEM_decrease_reservation, p))                                   \
    X(memory_populate, 0, hcall_memory_op(XENMEM_populate_physmap, p))                                       \
    X(memory_exchange, 0, hcall_memory_op(XENMEM_exchange, p))                                               \
    X(memory_current, 0, hcall_memory_op(XENMEM_current_reservation, p))                                     \
    X(memory_map, 0, hcall_memory_op(XENMEM_machine_memory_map, p))                                          \
    X(memory_machphys, 0, hcall_memory_op(XENMEM_machphys_mapping, p))                                       \
    X(memory_mfn_list, 0, hcall_memory_op(XENMEM_machphys_mfn_list, p))                                      \
    X(memory_add, 0, hcall_memory_op(XENMEM_add_to_physmap, p))                                              \
    X(memory_claim, 0, hcall_memory_op(XENMEM_claim_pages, p))                                               \
    X(sysctl, 0, kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)p))                                          \
    X(domctl, 0, kit_hypercall1(__HYPERVISOR_domctl, (uintptr_t)p))                                          \
    X(mca, 0, kit_hypercall1(__HYPERVISOR_arch_0, (uintptr_t)p))

static const int16_t answers[][NR_KINDS] = {
#include "answers.inc"
};

static char *good, *read_only, *last;

static void *pointer(enum kind kind)
{
    switch (kind) {
    case UNMAPPED:
        return (void *)0x1000;
    case M2P:
        return (void *)MACH2PHYS_VIRT_START;
    case HV_TEXT:
        return (void *)0xffff82d040200000UL;
    case NON_CANONICAL:
        return (void *)0x800000000000UL;
    case WRAPS:
        return (void *)(~0UL - 7);
    case READ_ONLY:
        return read_only;
    case STRADDLES:
        return last + KIT_PAGE_SIZE - 1;
    default:
        return good + 1;
    }
}

static void restore(void)
{
    hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    hcall_set_timer_op(0);
    memset(good, 0, 3 * KIT_PAGE_SIZE);
    last[KIT_PAGE_SIZE - 1] = 0;
}

#define EVALUATE(name, without, call)                                                                        \
    if (!((without) >> kind & 1))                                                                            \
        results[n][kind] = (int16_t)(call);                                                                  \
    else                                                                                                     \
        results[n][kind] = 0;                                                                                \
    restore();                                                                                               \
    n++;
#define NAME(name, without, call) #name,

KIT_TEST(bad_pointers)
{
    KIT_NEEDS_VCPUS(2);

    static const char *const names[] = {CALLS(NAME)};
    static int16_t results[ARRAY_SIZE(names)][NR_KINDS];
    const volatile unsigned nr_answers = ARRAY_SIZE(answers);
    bool record = kit_arg_flag("record");

    good = kit_pages_alloc(3);
    read_only = kit_pages_alloc(3);
    last = kit_pages_alloc(2);
    for (unsigned i = 0; i < 3; i++)
        CHECK_RC(kit_set_ro(read_only + i * KIT_PAGE_SIZE), 0);
    CHECK_RC(kit_unmap(last + KIT_PAGE_SIZE), 0);
    for (int kind = 0; kind < NR_KINDS; kind++) {
        void *p = pointer((enum kind)kind);
        unsigned n = 0;

        CALLS(EVALUATE)
    }
    for (unsigned n = 0; n < ARRAY_SIZE(names); n++) {
        const int16_t *r = results[n];

        if (record)
            kit_printf("RECORD {%d, %d, %d, %d, %d, %d, %d, %d}, /* %s */\n", r[0], r[1], r[2], r[3], r[4],
                       r[5], r[6], r[7], names[n]);
        for (int kind = 0; kind < NR_KINDS && n < nr_answers; kind++)
            kit_check(r[kind] == answers[n][kind] ||
                          (r[kind] == -XEN_ENOSYS && !strncmp(names[n], "grant", 5)),
                      __FILE__, __LINE__, "%s with a pointer that %s: got %d (%s), wanted %d", names[n],
                      kind_names[kind], r[kind], kit_errno_name(r[kind]), answers[n][kind]);
    }
    CHECK_EQ(nr_answers, ARRAY_SIZE(names));
    CHECK_RC(kit_set_rw(last + KIT_PAGE_SIZE), 0);
}
