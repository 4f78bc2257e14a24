/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PIRQs: the numbers by which a domain names the machine's interrupts. For the hardware domain a GSI's PIRQ is its own number, as Linux
 * expects; MSIs get theirs from the top downwards. A map is made when first used.
 *
 * Locks: irq_domain.lock (RANK_PIRQ, taken with interrupts off) guards the maps; interrupt descriptors are locked inside it.
 */
#ifndef ARCH_X86_IRQ_PIRQ_H
#define ARCH_X86_IRQ_PIRQ_H

#include "core/domain.h"

enum pirq_state { PIRQ_FREE, PIRQ_RESERVED, PIRQ_MAPPED };

struct pirq {
    uint16_t irq;  /* of a mapped one */
    uint8_t state; /* enum pirq_state */
    bool bound;    /* an event channel has it */
};

struct irq_domain {
    lock_t lock;
    unsigned int pirqs;
    struct pirq *pirq;
    uint64_t *revoked; /* of the hardware domain: bit for each GSI that it gave back: not its any more */
    uint64_t *given;   /* of others: bit for each interrupt that they may bind */
    /* The page in which the domain reads which PIRQs want an EOI. Set once; bits are changed atomically. */
    struct frame *eoi_frame;
    uint64_t *eoi_map;
    bool eoi_unmasks; /* version 1: PHYSDEVOP_eoi unmasks the event channel as well */
};

/* Fills event_pirq_ops and the interrupt core's way to guests. Boot. */
void pirq_init(void);
/* The domain's map, made if it is not there: NULL: no memory. */
struct irq_domain *irq_domain_of(struct domain *d);
/*
 * Unmaps everything; the domain runs no more and its event channels are closed. The map itself stays for
 * those who have just found it: an interrupt on its way, domain 0. What they still put there goes with it,
 * when nobody can find the domain any more.
 */
void irq_domain_end(struct domain *d);
void irq_domain_free(struct domain *d);

/* All return -EINVAL for numbers out of range, -ENOMEM. */
/* Any free number, reserved for the caller: >= 0, or -ENOSPC. */
int pirq_reserve(struct domain *d, bool gsi) __must_check;
/* Was it reserved, and nothing mapped to it yet? */
bool pirq_is_reserved(struct domain *d, unsigned int pirq);
/* Is it a number that the domain can have at all? */
bool pirq_exists(struct domain *d, unsigned int pirq);
/*
 * `*pirq` < 0: any number (the GSI's own if it is free). Already mapped so: 0. -EEXIST: mapped elsewhere;
 * -EPERM: not the caller's interrupt. Where the index is a number that the caller has for an interrupt, that
 * one is meant. Another domain may bind it from then on.
 */
int pirq_map_gsi(struct domain *caller, struct domain *d, unsigned int gsi, int *pirq) __must_check;
/*
 * The interrupt that the caller has under this number is the domain's to bind, or not any more. What is bound
 * stays bound. -EPERM: the caller has none there.
 */
int pirq_permit(struct domain *caller, struct domain *d, unsigned int pirq, bool allow) __must_check;
/* The MSI of `irq` gets a number; as above. On failure the caller frees the MSI. */
int pirq_map_msi(struct domain *d, unsigned int irq, int *pirq) __must_check;
/* Unbinds and unmaps; an MSI is freed, a GSI is not the domain's any more. -EINVAL: not mapped. */
int pirq_unmap(struct domain *d, unsigned int pirq) __must_check;
/* The interrupt behind a mapped PIRQ, or -EINVAL. */
int pirq_irq(struct domain *d, unsigned int pirq);
void pirq_eoi(struct domain *d, unsigned int pirq);
/* Registers the page: -EBUSY: there is one; or what frame_get_writable() says. */
int pirq_set_eoi_page(struct domain *d, gfn_t gfn, bool unmasks) __must_check;
/* Prefer this processor for the PIRQ's interrupts. Any context. */
void pirq_set_cpu(struct domain *d, unsigned int pirq, unsigned int cpu);

#endif
