/* SPDX-License-Identifier: MIT */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/vcpu.h>

#define NR_PORTS EVTCHN_2L_NR_CHANNELS

volatile struct shared_info *kit_shared;

static struct {
    kit_event_fn handler[NR_PORTS];
    uint32_t count[NR_PORTS];
    void (*upcall)(void);
} events;

static void set_bit(volatile unsigned long *words, unsigned bit)
{
    __atomic_fetch_or(&words[bit / 64], 1UL << (bit % 64), __ATOMIC_SEQ_CST);
}

static bool clear_bit(volatile unsigned long *words, unsigned bit)
{
    unsigned long old = __atomic_fetch_and(&words[bit / 64], ~(1UL << (bit % 64)), __ATOMIC_SEQ_CST);

    return old >> (bit % 64) & 1;
}

void kit_event_handle(evtchn_port_t port, kit_event_fn fn)
{
    if (port < NR_PORTS)
        events.handler[port] = fn;
}

uint32_t kit_event_count(evtchn_port_t port)
{
    return READ_ONCE(events.count[port % NR_PORTS]);
}

void kit_event_count_reset(evtchn_port_t port)
{
    WRITE_ONCE(events.count[port % NR_PORTS], 0);
}

void kit_event_mask(evtchn_port_t port)
{
    set_bit(kit_shared->evtchn_mask, port);
}

void kit_event_unmask(evtchn_port_t port)
{
    struct evtchn_unmask op = {.port = port};

    hcall_event_channel_op(EVTCHNOP_unmask, &op);
}

bool kit_event_pending(evtchn_port_t port)
{
    return kit_shared->evtchn_pending[port / 64] >> (port % 64) & 1;
}

bool kit_event_clear(evtchn_port_t port)
{
    return clear_bit(kit_shared->evtchn_pending, port);
}

void kit_event_upcall_hook(void (*fn)(void))
{
    events.upcall = fn;
}

static void scan_word(unsigned word)
{
    unsigned long ready;

    while ((ready = kit_shared->evtchn_pending[word] & ~kit_shared->evtchn_mask[word])) {
        unsigned port = word * 64 + __builtin_ctzl(ready);

        if (!kit_event_clear(port))
            continue;
        __atomic_fetch_add(&events.count[port], 1, __ATOMIC_SEQ_CST);
        if (events.handler[port])
            events.handler[port](port);
    }
}

void kit_event_upcall(void)
{
    struct kit_vcpu *v = kit_this();

    if (events.upcall) {
        events.upcall();
        return;
    }
    while (v->info->evtchn_upcall_pending) {
        unsigned long selector;

        v->info->evtchn_upcall_pending = 0;
        selector = __atomic_exchange_n(&v->info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
        for (; selector; selector &= selector - 1)
            scan_word(__builtin_ctzl(selector));
    }
}

void kit_events_disable(void)
{
    kit_this()->info->evtchn_upcall_mask = 1;
    barrier();
}

void kit_events_enable(void)
{
    struct kit_vcpu *v = kit_this();

    barrier();
    v->info->evtchn_upcall_mask = 0;
    barrier();
    if (v->info->evtchn_upcall_pending)
        hcall_xen_version(XENVER_version, NULL); /* the way back into the guest delivers the upcall */
}

int kit_event_bind_virq(unsigned virq, unsigned vcpu)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
    int rc = (int)hcall_event_channel_op(EVTCHNOP_bind_virq, &op);

    return rc ? rc : (int)op.port;
}

int kit_event_bind_ipi(unsigned vcpu)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};
    int rc = (int)hcall_event_channel_op(EVTCHNOP_bind_ipi, &op);

    return rc ? rc : (int)op.port;
}

int kit_event_close(evtchn_port_t port)
{
    struct evtchn_close op = {.port = port};

    kit_event_handle(port, NULL);
    return (int)hcall_event_channel_op(EVTCHNOP_close, &op);
}

int kit_event_send(evtchn_port_t port)
{
    struct evtchn_send op = {.port = port};

    return (int)hcall_event_channel_op(EVTCHNOP_send, &op);
}

int kit_event_alloc_unbound(domid_t remote)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = remote};
    int rc = (int)hcall_event_channel_op(EVTCHNOP_alloc_unbound, &op);

    return rc ? rc : (int)op.port;
}
