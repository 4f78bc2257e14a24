/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain's nodes. What the flags of memory_op mean, to whom, is as recorded of Debian's Xen (tests/guest/numa): a node of the machine may
 * be named by a privileged caller; a wish of anybody else is not heard, and a demand is refused. A node of the domain's own layout
 * (core/vnuma.h) may be named by all, and stands for the one where it was placed.
 */
#include "core/domain_nodes.h"
#include "core/authority.h"
#include "core/vnuma.h"
#include "hv/errno.h"
#include "hv/speculation.h"
#include <xen/memory.h>

uint64_t domain_nodes(const struct domain *d)
{
    uint64_t nodes = READ_ONCE(d->node_affinity) & numa_all_nodes();

    return nodes ? nodes : numa_all_nodes();
}

static uint64_t nodes_of_processors(const cpumask_t *cpus)
{
    uint64_t nodes = 0;
    unsigned int cpu;

    for_each_cpu (cpu, cpus)
        nodes |= BIT(numa.cpu_node[cpu]);
    return nodes;
}

/* All rules together, and of what they allow the wishes, if any can be granted. */
void domain_nodes_follow(struct domain *d)
{
    cpumask_t hard = {0}, soft = {0};
    struct vcpu *v;

    if (numa.nodes == 1 || READ_ONCE(d->nodes_are_named))
        return;
    for_each_vcpu (v, d)
        for (unsigned int i = 0; i < ARRAY_SIZE(hard.bits); i++) {
            hard.bits[i] |= READ_ONCE(v->hard_affinity.bits[i]);
            soft.bits[i] |= READ_ONCE(v->soft_affinity.bits[i]);
        }
    cpumask_and(&hard, &hard, &cpu_online_mask);
    cpumask_and(&soft, &soft, &hard);
    WRITE_ONCE(d->node_affinity, nodes_of_processors(cpumask_empty(&soft) ? &hard : &soft));
}

int domain_set_nodes(struct domain *d, uint64_t nodes)
{
    if (!(nodes & numa_all_nodes()))
        return -EINVAL;
    WRITE_ONCE(d->nodes_are_named, nodes != ~0ULL);
    WRITE_ONCE(d->node_affinity, nodes == ~0ULL ? 0 : nodes);
    domain_nodes_follow(d);
    return 0;
}

/* Two at once may take the same: no matter. */
struct heap_where domain_next_where(struct domain *d)
{
    uint64_t nodes = domain_nodes(d), later = nodes & ~((2ULL << READ_ONCE(d->last_node)) - 1);
    uint8_t node = (uint8_t)__builtin_ctzll(later ? later : nodes);

    WRITE_ONCE(d->last_node, node);
    return (struct heap_where){.preferred = nodes, .node = node};
}

/* Of a node that may be named. */
static int named(struct domain *d, unsigned int node, bool exact, struct heap_where *out)
{
    if (node < numa.nodes) {
        node = (unsigned int)array_index_clamp(node, numa.nodes);
        *out = (struct heap_where){.preferred = exact ? BIT(node) : BIT(node) | domain_nodes(d),
                                   .node = (uint8_t)node,
                                   .nowhere_else = exact};
        return 0;
    }
    return exact ? -ENOMEM : 0;
}

int memory_where(struct hypercall *hc, struct domain *d, unsigned int mem_flags, struct heap_where *out)
{
    unsigned int node = XENMEMF_get_node(mem_flags);
    bool exact = mem_flags & XENMEMF_exact_node_request;

    *out = HEAP_ANYWHERE;
    if (mem_flags & XENMEMF_vnode) {
        int rc = vnuma_placement(d, node, &node);

        return rc ? min(rc, 0) : named(d, node, exact, out);
    }
    if (node == NUMA_NO_NODE)
        return 0;
    if (authorise(hc->vcpu->domain, NULL, AUTHORITY_MEMORY_NODES))
        return exact ? -EINVAL : 0;
    return node < NUMA_MAX_NODES ? named(d, node, exact, out) : -EINVAL;
}
