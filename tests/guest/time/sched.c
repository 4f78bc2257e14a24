/* SPDX-License-Identifier: MIT */
/* sched_op: yield, block, watchdog, pinning; and multicalls. Polling: events/poll.c. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

KIT_TEST(yield)
{
    CHECK_RC(hcall_sched_op(SCHEDOP_yield, NULL), 0);
    CHECK_RC(hcall_sched_op(SCHEDOP_yield, (void *)0x1000), 0);
    CHECK_RC(kit_hypercall2(__HYPERVISOR_sched_op_compat, SCHEDOP_yield, 0), 0);
}

static volatile evtchn_port_t wake_port;

static void send_later(void *arg)
{
    kit_spin_ns((uintptr_t)arg);
    kit_event_send(wake_port);
}

/* block unmasks events, and returns after an upcall. */
KIT_TEST(block)
{
    KIT_NEEDS_VCPUS(2);

    evtchn_port_t port = (evtchn_port_t)kit_event_bind_ipi(0);

    wake_port = port;
    kit_events_enable(); /* what other tests left behind */
    kit_event_unmask(port);
    kit_events_disable();
    kit_event_count_reset(port);
    CHECK_RC(kit_vcpu_run(1, send_later, (void *)(20 * KIT_MS)), 0);
    CHECK_RC(hcall_sched_op(SCHEDOP_block, NULL), 0);
    CHECK_EQ(kit_event_count(port), 1);
    CHECK_EQ(kit_this()->info->evtchn_upcall_mask, 0);
    CHECK(kit_vcpu_join(1, KIT_S));
    /* Something pending already: it does not block at all. */
    kit_events_disable();
    CHECK_RC(kit_event_send(port), 0);
    CHECK_RC(hcall_sched_op(SCHEDOP_block, NULL), 0);
    CHECK_EQ(kit_event_count(port), 2);
    kit_events_disable();
    CHECK_RC(kit_event_send(port), 0);
    CHECK_RC(kit_hypercall2(__HYPERVISOR_sched_op_compat, SCHEDOP_block, 0), 0);
    CHECK_EQ(kit_event_count(port), 3);
    kit_events_disable();
    CHECK_RC(kit_event_close(port), 0);
}

static long watchdog(uint32_t id, uint32_t timeout)
{
    struct sched_watchdog w = {.id = id, .timeout = timeout};

    return hcall_sched_op(SCHEDOP_watchdog, &w);
}

/* Two for each domain, numbered from 1. Setting one with a time of 0 would fire at once. */
KIT_TEST(watchdogs)
{
    CHECK_EQ(watchdog(0, 60), 1);
    CHECK_EQ(watchdog(0, 60), 2);
    CHECK_EQ(watchdog(0, 60), (uint32_t)-XEN_ENOSPC); /* 32 bits only: a large positive long */
    CHECK_RC(watchdog(1, 60), 0);
    CHECK_RC(watchdog(1, 0), 0);
    CHECK_RC(watchdog(1, 60), -XEN_EINVAL); /* it is stopped */
    CHECK_RC(watchdog(2, 0), 0);
    CHECK_RC(watchdog(3, 5), -XEN_EINVAL);
    CHECK_RC(watchdog(99, 5), -XEN_EINVAL);
    CHECK_RC(hcall_sched_op(SCHEDOP_watchdog, (void *)0x1000), -XEN_EFAULT);
}

KIT_TEST_ALONE(watchdog_fires)
{
    CHECK_EQ(watchdog(0, 1), 1);
    kit_expect_crash("a watchdog that nobody pokes");
    for (;;)
        hcall_sched_op(SCHEDOP_yield, NULL);
}

static long pin(int pcpu)
{
    struct sched_pin_override p = {.pcpu = pcpu};

    return hcall_sched_op(SCHEDOP_pin_override, &p);
}

KIT_TEST(pin_override)
{
    KIT_NEEDS_VCPUS(2);

    CHECK_RC(pin(0), 0);
    CHECK_RC(pin(1), -XEN_EBUSY); /* undo the first one first */
    CHECK_RC(pin(0), -XEN_EBUSY);
    CHECK_RC(pin(-1), 0);
    CHECK_RC(pin(-1), -XEN_EINVAL);
    CHECK_RC(pin(4), -XEN_EINVAL);
    CHECK_RC(pin(100000), -XEN_EINVAL);
    CHECK_RC(hcall_sched_op(SCHEDOP_pin_override, (void *)0x1000), -XEN_EFAULT);
}

KIT_TEST(other_commands)
{
    struct sched_shutdown s = {.reason = SHUTDOWN_poweroff};
    struct sched_remote_shutdown r = {.domain_id = 77, .reason = 0};

    CHECK_RC(hcall_sched_op(8, NULL), -XEN_ENOSYS);
    CHECK_RC(hcall_sched_op(-1, NULL), -XEN_ENOSYS);
    CHECK_RC(hcall_sched_op(SCHEDOP_shutdown_code, &s), 0); /* only noted */
    CHECK_RC(hcall_sched_op(SCHEDOP_shutdown, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(hcall_sched_op(SCHEDOP_shutdown_code, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(hcall_sched_op(SCHEDOP_remote_shutdown, &r), -XEN_ESRCH);
    CHECK_RC(hcall_sched_op(SCHEDOP_remote_shutdown, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(kit_hypercall2(__HYPERVISOR_sched_op_compat, 3, 0), -XEN_ENOSYS);
}

static multicall_entry_t entry(unsigned op, unsigned long a, unsigned long b, unsigned long c)
{
    return (multicall_entry_t){.op = op, .result = 0x5a5a, .args = {a, b, c}};
}

KIT_TEST(multicall)
{
    multicall_entry_t list[4] = {
        entry(__HYPERVISOR_xen_version, XENVER_version, 0, 0),
        entry(__HYPERVISOR_xen_version, 99, 0, 0),
        entry(63, 0, 0, 0),
        entry(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0),
    };

    CHECK_RC(hcall_multicall(list, 4), 0);
    CHECK_EQ(list[0].result, 4 << 16 | 17);
    CHECK_RC(list[1].result, -XEN_ENOSYS); /* an error does not stop the rest */
    CHECK_RC(list[2].result, -XEN_ENOSYS);
    CHECK_EQ(list[3].result, 0);
    CHECK_EQ(list[0].op, __HYPERVISOR_xen_version);
    CHECK_EQ(list[0].args[0], XENVER_version); /* arguments stay in a release build */
    CHECK_RC(hcall_multicall(list, 0), 0);
    CHECK_RC(hcall_multicall((void *)0x1000, 1), -XEN_EFAULT);
    CHECK_RC(hcall_multicall((void *)HYPERVISOR_VIRT_START, 1), -XEN_EFAULT);
}

KIT_TEST(multicall_nested)
{
    multicall_entry_t inner[1] = {entry(__HYPERVISOR_xen_version, XENVER_version, 0, 0)};
    multicall_entry_t list[2] = {entry(__HYPERVISOR_multicall, (uintptr_t)inner, 1, 0),
                                 entry(__HYPERVISOR_xen_version, XENVER_version, 0, 0)};

    CHECK_RC(hcall_multicall(list, 2), 0);
    CHECK_RC(list[0].result, -XEN_EINVAL); /* not inside another */
    CHECK_EQ(inner[0].result, 0x5a5a);
    CHECK_EQ(list[1].result, 4 << 16 | 17);
}

KIT_TEST(multicall_long)
{
    enum { N = 2000 };
    multicall_entry_t *list = kit_pages_alloc(32);
    unsigned bad = 0;

    for (unsigned i = 0; i < N; i++)
        list[i] = entry(__HYPERVISOR_xen_version, XENVER_version, 0, 0);
    CHECK_RC(hcall_multicall(list, N), 0);
    for (unsigned i = 0; i < N; i++)
        bad += list[i].result != (4 << 16 | 17);
    CHECK_EQ(bad, 0);
    kit_pages_free(list, 32);
}

/* The list ends in an unmapped page: what was done is done. */
KIT_TEST(multicall_list_end)
{
    char *pages = kit_pages_alloc(2);
    multicall_entry_t *list = (void *)(pages + KIT_PAGE_SIZE - 2 * sizeof(*list));

    list[0] = list[1] = entry(__HYPERVISOR_xen_version, XENVER_version, 0, 0);
    CHECK_RC(kit_unmap(pages + KIT_PAGE_SIZE), 0);
    CHECK_RC(hcall_multicall(list, 3), -XEN_EFAULT);
    CHECK_EQ(list[0].result, 4 << 16 | 17);
    CHECK_EQ(list[1].result, 4 << 16 | 17);
    CHECK_RC(kit_set_ro(pages), 0);
    CHECK_RC(hcall_multicall(list, 1), -XEN_EFAULT); /* nowhere to put the result */
    CHECK_RC(kit_set_rw(pages), 0);
    CHECK_RC(kit_set_rw(pages + KIT_PAGE_SIZE), 0);
    kit_pages_free(pages, 2);
}

/* A batch of page-table work inside, longer than the hypervisor wants to go on without a break. */
KIT_TEST(multicall_of_updates)
{
    enum { N = 512 };
    uint64_t *pages = kit_pages_alloc(N);
    multicall_entry_t *list = kit_pages_alloc(8);
    unsigned bad = 0;

    for (unsigned i = 0; i < N; i++)
        list[i] = entry(__HYPERVISOR_update_va_mapping, (uintptr_t)pages + i * KIT_PAGE_SIZE,
                        kit_maddr_of(pages + i * 512) | PTE_RO, UVMF_INVLPG | UVMF_ALL);
    CHECK_RC(hcall_multicall(list, N), 0);
    for (unsigned i = 0; i < N; i++) {
        bad += list[i].result != 0 || (kit_pte_of((uintptr_t)pages + i * KIT_PAGE_SIZE) & PTE_W);
        list[i].args[1] |= PTE_W | PTE_D;
    }
    CHECK_EQ(bad, 0);
    CHECK_RC(hcall_multicall(list, N), 0);
    pages[0] = pages[511 * 512] = 1;
    kit_pages_free(pages, N);
    kit_pages_free(list, 8);
}
