/* SPDX-License-Identifier: MIT */
/*
 * Machine checks as domain 0 fetches them. tests/system/test_machine_check_records.py boots this area with `injected`, having put an error into a bank before the hypervisor started, and puts another one in when we say so. Else there are none.
 * GUEST-GROUP: smp=1 dom0=64M
 */
#include <kit/args.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/print.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <xen/arch-x86/xen-mca.h>

#define LEFT_OVER_STATUS 0x8c00000000010090 /* valid, MISC and address valid: corrected */
#define URGENT_STATUS    0xa400000000020091 /* valid, uncorrected, address valid; reporting was off */

static struct mc_info info;

static struct xen_mc fetch(uint32_t flags, uint64_t id)
{
    struct xen_mc op = {.cmd = XEN_MC_fetch, .interface_version = XEN_MCA_INTERFACE_VERSION};

    memset(&info, 0, sizeof(info));
    op.u.mc_fetch.flags = flags;
    op.u.mc_fetch.fetch_id = id;
    set_xen_guest_handle(op.u.mc_fetch.data, &info);
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (uintptr_t)&op), 0);
    return op;
}

/* The next record of the kind is this one; then there is none, and it can be acknowledged. */
static void expect(uint32_t kind, unsigned bank, uint64_t status, uint64_t address, uint32_t flags)
{
    struct xen_mc op = fetch(kind, 0);
    uint64_t id = op.u.mc_fetch.fetch_id;
    const struct mcinfo_global *global;
    const struct mcinfo_bank *b;
    struct mcinfo_common *part;

    CHECK_EQ(op.u.mc_fetch.flags, XEN_MC_OK);
    x86_mcinfo_lookup(part, &info, MC_TYPE_GLOBAL);
    global = (void *)part;
    x86_mcinfo_lookup(part, &info, MC_TYPE_BANK);
    b = (void *)part;
    CHECK_OR_RETURN(global && b);
    CHECK_EQ(global->mc_flags, flags);
    CHECK_EQ(global->mc_apicid, 0);
    CHECK_EQ(b->mc_bank, bank);
    CHECK_EQ(b->mc_status, status);
    CHECK_EQ(b->mc_addr, address);
    CHECK_EQ(fetch(kind, 0).u.mc_fetch.flags, XEN_MC_NODATA);
    fetch(kind | XEN_MC_ACK, id);
}

KIT_TEST(left_over)
{
    if (kit_arg_flag("injected"))
        expect(XEN_MC_NONURGENT, 2, LEFT_OVER_STATUS, 0x11223000, MC_FLAG_CORRECTABLE | MC_FLAG_RESET);
    CHECK_EQ(fetch(XEN_MC_NONURGENT, 0).u.mc_fetch.flags, XEN_MC_NODATA);
}

KIT_TEST(urgent)
{
    int port = kit_event_bind_virq(VIRQ_MCA, 0);

    CHECK_OR_RETURN(port > 0);
    kit_event_unmask((evtchn_port_t)port);
    kit_events_enable();
    CHECK_EQ(fetch(XEN_MC_URGENT, 0).u.mc_fetch.flags, XEN_MC_NODATA);
    if (kit_arg_flag("injected")) {
        kit_printf("KIT WAITS for a machine check\n");
        for (uint64_t end = kit_time_ns() + 20 * KIT_S;
             !kit_event_count((evtchn_port_t)port) && kit_time_ns() < end;)
            hcall_sched_op(SCHEDOP_yield, NULL);
        CHECK_EQ(kit_event_count((evtchn_port_t)port), 1);
        expect(XEN_MC_URGENT, 1, URGENT_STATUS, 0x33445000, MC_FLAG_UNCORRECTABLE | MC_FLAG_MCE);
    }
    CHECK_EQ(fetch(XEN_MC_URGENT, 0).u.mc_fetch.flags, XEN_MC_NODATA);
    CHECK_RC(kit_event_close((evtchn_port_t)port), 0);
}
