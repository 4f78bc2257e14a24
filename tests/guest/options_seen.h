/* SPDX-License-Identifier: MIT */
/* What domain 0 sees of the options that the hypervisor was booted with. */
#ifndef OPTIONS_SEEN_H
#define OPTIONS_SEEN_H

#include <kit/audit.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/print.h>
#include <kit/string.h>
#include <xen/physdev.h>
#include <xen/sysctl.h>

#define SERIAL_IRQ 4 /* of com1, which is the hypervisor's */

/* How many processors the hypervisor uses. */
static inline unsigned options_processors(void)
{
    static struct xen_sysctl op;

    memset(&op, 0, sizeof(op));
    op.cmd = XEN_SYSCTL_physinfo;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)&op) ? 0 : op.u.physinfo.nr_cpus;
}

/* Hard affinity of one of domain 0's vcpus: a bit for each of the first 64 processors. 0: refused. */
static inline uint64_t options_affinity(uint32_t vcpu)
{
    static struct xen_domctl op;
    uint64_t hard = 0;

    memset(&op, 0, sizeof(op));
    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)&hard);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    return kit_domctl(XEN_DOMCTL_getvcpuaffinity, 0, &op) ? 0 : hard;
}

/* The IO-APIC at its usual address can be read by PHYSDEVOP_apic_read. */
static inline bool options_has_ioapic(void)
{
    struct physdev_apic op = {.apic_physbase = 0xfec00000, .reg = 1};

    return !hcall_physdev_op(PHYSDEVOP_apic_read, &op);
}

/* The ring from *index on has the text. */
static inline bool ring_has(uint32_t index, const char *text)
{
    static char buf[65536];
    long n = kit_console_ring(buf, sizeof(buf) - 1, &index);

    buf[n > 0 ? n : 0] = '\0';
    return strstr(buf, text);
}

/* Where the ring ends. */
static inline uint32_t ring_end(void)
{
    static char buf[4096];
    uint32_t index = 0;

    while (kit_console_ring(buf, sizeof(buf), &index) > 0)
        ;
    return index;
}

/* What we write to the console arrives in the ring that XEN_SYSCTL_readconsole gives. */
static inline bool options_own_output_is_kept(void)
{
    uint32_t from = ring_end();

    kit_printf("does the ring keep this\n");
    return ring_has(from, "does the ring keep this");
}

/* A line of the hypervisor's start that is information, not a warning, is in the ring. */
static inline bool options_information_was_logged(void)
{
    return ring_has(0, "IRQ limits: ");
}

/* We do what the hypervisor has information to give about, on our account: it is in the ring. */
static inline bool options_guests_lines_are_logged(void)
{
    struct physdev_map_pirq map = {
        .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = SERIAL_IRQ, .pirq = SERIAL_IRQ};
    struct evtchn_bind_pirq bind = {.pirq = SERIAL_IRQ};
    uint32_t from = ring_end();

    (void)hcall_physdev_op(PHYSDEVOP_map_pirq, &map);
    (void)hcall_event_channel_op(EVTCHNOP_bind_pirq, &bind);
    return ring_has(from, "in use");
}

#endif
