/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * On which nodes a domain's memory lies: those that the toolstack names, or else those on which its vcpus may run; one after the other,
 * unless a call names one.
 */
#ifndef CORE_DOMAIN_NODES_H
#define CORE_DOMAIN_NODES_H

#include "core/heap.h"
#include "core/hypercall.h"

/* The nodes that are there among the domain's; at least one. */
uint64_t domain_nodes(const struct domain *d);
/* The toolstack names them, of which one must be there (-EINVAL); all 64: none, they follow from where its vcpus may run. */
int domain_set_nodes(struct domain *d, uint64_t nodes) __must_check;
/* Where the domain's vcpus may run has changed. */
void domain_nodes_follow(struct domain *d);

/* The next of the domain's nodes in turn. */
struct heap_where domain_next_where(struct domain *d);
/* What was asked for, or, if that is HEAP_ANYWHERE, the next of the domain's nodes. */
static inline struct heap_where domain_where(struct domain *d, struct heap_where asked)
{
    return likely(numa.nodes == 1) || asked.node != HEAP_ANY_NODE ? asked : domain_next_where(d);
}

/*
 * What the XENMEMF_* flags of a call ask for; HEAP_ANYWHERE if they name no node, or one that does not matter. -EINVAL: a node that
 * cannot be, or nothing but a node that the caller may not choose; -ENOMEM: nothing but one that is not there.
 */
int memory_where(struct hypercall *hc, struct domain *d, unsigned int mem_flags, struct heap_where *out)
    __must_check;

#endif
