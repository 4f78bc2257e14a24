/* SPDX-License-Identifier: MIT */
/* Bringing up secondary vcpus and giving them work. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/lock.h>
#include <kit/mm.h>
#include <kit/vcpu.h>

struct kit_vcpu kit_vcpus[KIT_MAX_VCPUS];

void *kit_stack_alloc(struct kit_vcpu *v)
{
    void *stack = kit_pages_alloc_aligned(KIT_STACK_SIZE / KIT_PAGE_SIZE, KIT_STACK_SIZE / KIT_PAGE_SIZE);

    if (stack)
        *(struct kit_vcpu **)stack = v;
    return stack;
}

void kit_vcpu_init_boot(void)
{
    for (unsigned i = 0; i < KIT_MAX_VCPUS; i++)
        kit_vcpus[i].id = i;
    kit_vcpus[0].trap_stack = kit_stack_alloc(&kit_vcpus[0]);
}

unsigned kit_nr_vcpus(void)
{
    unsigned n = 0;

    while (n < KIT_MAX_VCPUS && hcall_vcpu_op(VCPUOP_is_up, n, NULL) >= 0)
        n++;
    return n;
}

/* A secondary vcpu's life: it runs what it is given and goes down. */
static void secondary(void)
{
    struct kit_vcpu *v = kit_this();

    for (;;) {
        v->fn(v->arg);
        __atomic_store_n(&v->running, 0, __ATOMIC_SEQ_CST);
        hcall_vcpu_op(VCPUOP_down, v->id, NULL); /* returns when it is brought up again */
    }
}

static int initialise(struct kit_vcpu *v)
{
    struct vcpu_guest_context *c;
    int rc;

    v->stack = kit_stack_alloc(v);
    v->trap_stack = kit_stack_alloc(v);
    c = kit_pages_alloc(2);
    if (!v->stack || !v->trap_stack || !c)
        return -XEN_ENOMEM;
    if (!v->info)
        v->info = &kit_shared->vcpu_info[v->id];
    kit_vcpu_context(v, c);
    c->user_regs.rip = (uintptr_t)secondary;
    rc = (int)hcall_vcpu_op(VCPUOP_initialise, v->id, c);
    kit_pages_free(c, 2);
    return rc;
}

int kit_vcpu_run(unsigned id, void (*fn)(void *), void *arg)
{
    struct kit_vcpu *v = &kit_vcpus[id];
    int rc = 0;

    if (v->running)
        return -XEN_EBUSY;
    /* It may still be on its way down. */
    for (unsigned i = 0; i < 1000000 && hcall_vcpu_op(VCPUOP_is_up, id, NULL) == 1; i++)
        hcall_sched_op(SCHEDOP_yield, NULL);
    v->fn = fn;
    v->arg = arg;
    if (!v->stack)
        rc = initialise(v);
    if (rc)
        return rc;
    v->running = 1;
    rc = (int)hcall_vcpu_op(VCPUOP_up, id, NULL);
    if (rc)
        v->running = 0;
    return rc;
}

bool kit_vcpu_join(unsigned id, uint64_t timeout_ns)
{
    return kit_wait_for(&kit_vcpus[id].running, 0, timeout_ns);
}
