/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts of devices: one descriptor for each source, numbered GSIs first, then MSIs. A source is
 * delivered to one processor at a time, with a vector of that processor's table. It is served by a handler of
 * ours or by guests that it is bound to (guest.c), never by both.
 *
 * Locks: irq_desc.lock (RANK_IRQ, taken from interrupts) guards a descriptor; the vector tables have one lock
 * of their own inside it. A guest is notified with no descriptor lock held.
 */
#ifndef ARCH_X86_IRQ_IRQ_H
#define ARCH_X86_IRQ_IRQ_H

#include "hv/cpumask.h"
#include "hv/lock.h"
#include "arch/x86/vectors.h"

struct domain;
struct irq_desc;
struct msi;

#define IRQ_GUESTS_MAX 7
#define IRQ_NO_CPU     0xffff

/* What a kind of interrupt source can do. Called with the descriptor locked, interrupts off. */
struct irq_controller {
    const char *name;
    void (*mask)(struct irq_desc *desc);
    void (*unmask)(struct irq_desc *desc);
    /* Directs the source at desc->cpu with desc->vector; its mask state stays. */
    void (*retarget)(struct irq_desc *desc);
};

enum irq_flags {
    IRQ_LEVEL =
        1, /* stays asserted until the device is served: masked from its arrival to the last guest's EOI */
    IRQ_LOW = 2,         /* polarity */
    IRQ_MASKED = 4,      /* at the source */
    IRQ_RESERVED = 8,    /* ours, or unusable: guests cannot bind it */
    IRQ_STORM = 16,      /* masked because nobody serves it */
    IRQ_CONFIGURED = 32, /* domain 0 has set trigger and polarity */
};

/* A guest that the source is bound to. */
struct irq_guest {
    struct domain *domain;
    unsigned int pirq;
    bool in_flight; /* level: told, EOI not heard yet */
};

struct irq_desc {
    lock_t lock;
    unsigned int number;
    const struct irq_controller *controller; /* NULL: no such source */
    uint32_t flags;
    uint16_t cpu; /* IRQ_NO_CPU: no vector */
    uint8_t vector;
    uint16_t wanted_cpu; /* move there when the next interrupt arrives; IRQ_NO_CPU: stay */
    uint8_t old_vector;  /* still ours on old_cpu: one interrupt may be on its way */
    uint16_t old_cpu;
    void (*handler)(void *data);
    void *data;
    struct irq_guest guest[IRQ_GUESTS_MAX];
    unsigned int guests;
    bool shared;     /* all guests agreed to share */
    struct msi *msi; /* MSI only */
    uint64_t count;
    uint32_t unserved; /* arrivals in a row that nobody wanted */
};

extern unsigned int irq_gsis;  /* number of GSIs; set by ioapic_init() */
extern unsigned int irq_count; /* GSIs and MSIs */

/* Boot, after apic_init() and with the allocator working: IO-APICs found, ISA interrupts known. -ENOMEM. */
int irq_init(unsigned int cpus) __must_check;
/* Entry code: an interrupt with vector 0x20 or above arrived. Interrupts off. */
void irq_dispatch(unsigned int vector);

/* The descriptor, made when first asked for. NULL: no such number, or no memory. */
struct irq_desc *irq_desc_get(unsigned int irq);
/* The descriptor if it was ever made. */
struct irq_desc *irq_desc_find(unsigned int irq);
/* A free MSI number; -ENOSPC, -ENOMEM. The caller fills in controller and msi, and calls irq_msi_free() in
 * the end. */
int irq_msi_alloc(unsigned int count) __must_check;
void irq_msi_free(unsigned int irq);

/* Our own handler for a GSI: called with interrupts off. Level sources must be quiet when it returns. -EBUSY,
 * -EINVAL, -ENOSPC. */
int irq_request(unsigned int gsi, void (*handler)(void *data), void *data) __must_check;
/* GSI of an ISA interrupt. */
unsigned int irq_of_isa(unsigned int isa);

/* Descriptor locked. Gives the source a vector on a processor near `cpu` and writes it there; the mask state stays. -ENOSPC. */
int irq_prepare(struct irq_desc *desc, unsigned int cpu) __must_check;
/* That, and unmasks. */
int irq_startup(struct irq_desc *desc, unsigned int cpu) __must_check;
/* Masks. An MSI keeps its vector, since the device keeps the message; others give it back. */
void irq_shutdown(struct irq_desc *desc);
/* Masks and gives the vector back. */
void irq_release(struct irq_desc *desc);
/* From now on, if possible, interrupt `cpu`. Any context. */
void irq_set_cpu(unsigned int irq, unsigned int cpu);

/* vector.c. Descriptor locked. */
int vector_alloc(unsigned int cpu, unsigned int irq, uint8_t preferred) __must_check; /* vector or -ENOSPC */
void vector_free(unsigned int cpu, uint8_t vector);
/* IRQ number, or -1. */
int vector_irq(unsigned int cpu, uint8_t vector);

/* ioapic.c */
int ioapic_init(void) __must_check;
extern const struct irq_controller ioapic_controller;
/* A GSI that nobody uses, as NMIs to one processor from now on: each edge is one. -EINVAL. */
int ioapic_send_nmi(unsigned int gsi, uint32_t apic_id) __must_check;
/* Sets trigger and polarity of a GSI, once. -EEXIST: that was done, or a domain is bound to it (Debian's Xen
 * changes it under that domain); -EINVAL. */
int ioapic_configure(unsigned int gsi, bool level, bool low) __must_check;
/* Raw registers, as PHYSDEVOP_apic_read has them: -EINVAL. */
int ioapic_read_register(paddr_t address, uint32_t reg, uint32_t *value) __must_check;
/* Is the frame an IO-APIC's or the local APIC's? */
bool irq_is_interrupt_controller(paddr_t pa);
/* Any of the pages of these two addresses and between them. */
bool irq_has_interrupt_controller(paddr_t first, paddr_t last);
void ioapic_dump(void);

/* i8259.c */
void i8259_init(void);
void i8259_spurious(unsigned int vector);

/* guest.c */
/* Bind: -EBUSY (ours, exclusive, or too many), -EINVAL, -ENOSPC. */
int irq_guest_bind(unsigned int irq, struct domain *d, unsigned int pirq, bool share) __must_check;
void irq_guest_unbind(unsigned int irq, struct domain *d);
void irq_guest_eoi(unsigned int irq, struct domain *d);
/* More than one guest has it. */
bool irq_guest_is_shared(unsigned int irq);
/* The interrupt's arrival at its guests; called and returns with the descriptor locked, drops the lock in
 * between. */
void irq_guest_deliver(struct irq_desc *desc);

/* How a guest is told, given by pirq.c. Interrupts off, no descriptor locked. */
extern void (*irq_deliver_to_guest)(struct domain *d, unsigned int pirq, bool level);

/* All domains are paused: prints what does not agree, and returns how much. */
unsigned int irq_audit(void);
/* Debug key 'i'. */
void irq_dump(void);

#endif
