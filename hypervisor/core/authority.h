/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may do what to whom (DESIGN 3): handlers ask here and nowhere else. Each operation has a default class,
 * in one table; a security policy may take the default's place. Docs: docs/design/authority.md.
 */
#ifndef CORE_AUTHORITY_H
#define CORE_AUTHORITY_H

#include "core/domain.h"
#include "hv/errno.h"
#include "hv/speculation.h"

/* Who may, unless a policy says otherwise. The first two let a domain act on itself without asking anybody. */
enum authority_class {
    AUTHORITY_CLASS_SELF,         /* the domain itself, and a privileged one */
    AUTHORITY_CLASS_TARGET,       /* these, and a domain whose `target` it is: its device model */
    AUTHORITY_CLASS_DEVICE_MODEL, /* its device model, and a privileged domain; not the domain itself */
    AUTHORITY_CLASS_PRIVILEGED,   /* a privileged domain: the toolstack */
    AUTHORITY_CLASS_HARDWARE,     /* the owner of the machine's devices */
};

/* Every operation that anybody asks for: name, default class. The object is a domain, or the machine where the comment says so. */
/* clang-format off */
#define AUTHORITY_OPERATIONS(op)                                                                                              \
    op(MMU,                  TARGET)       /* pv/: its page tables and frames; mapping its pages */                           \
    op(HYPERVISOR_PAGES,     PRIVILEGED)   /* The machine: mapping what the hypervisor shows of itself, DOMID_XEN's frames */ \
    op(CACHE_FLUSH,          HARDWARE)     /* The machine: caches written back on all processors */                           \
    op(MACHINE_REGISTERS,    HARDWARE)     /* The machine: registers of the processor that a guest sees as they are */        \
    op(MEMORY,               TARGET)       /* memory_op: its reservation, its physical map */                                 \
    op(MEMORY_LARGE_EXTENTS, PRIVILEGED)   /* Extents beyond what every guest may ask for at once */                          \
    op(MEMORY_NODES,         PRIVILEGED)   /* The machine: from which node memory comes */                                    \
    op(MEMORY_SET_MAP,       TARGET)       /* Its memory map, before it runs */                                               \
    op(MEMORY_CLAIM,         PRIVILEGED)   /* How many pages it is to have for certain */                                     \
    op(RESOURCE,             DEVICE_MODEL) /* Frames that belong to it without being its memory */                            \
    op(MACHINE_MEMORY_MAP,   PRIVILEGED)   /* The machine: firmware's memory map */                                           \
    op(GRANT_TABLE,          TARGET)       /* Its grant table's size, frames and version */                                   \
    op(EVENT_CHANNELS,       TARGET)       /* Its event channels: made, asked about, reset */                                 \
    op(REMOTE_SHUTDOWN,      DEVICE_MODEL) /* SCHEDOP_remote_shutdown; for itself a domain has SCHEDOP_shutdown */            \
    op(PIN_OVERRIDE,         HARDWARE)     /* The machine: a vcpu on one processor for a while */                             \
    op(PROCESSOR_ID,         HARDWARE)     /* The machine: which processor a vcpu is on */                                    \
    op(CONSOLE,              HARDWARE)     /* The machine: its console */                                                     \
    op(COMMAND_LINE,         PRIVILEGED)   /* The machine: how it was started */                                              \
    op(PHYSICAL_DEVICES,     HARDWARE)     /* The machine: its interrupt controllers and PCI devices */                       \
    op(PIRQ_MAP,             TARGET)       /* Interrupts of the machine for a domain: physdev_op map_pirq, unmap_pirq */      \
    op(PLATFORM,             HARDWARE)     /* The machine: clock, sleep, firmware, processors */                              \
    op(MACHINE_CHECK,        PRIVILEGED)   /* The machine: machine check records */                                           \
    op(SYSCTL,               PRIVILEGED)   /* The machine: sysctl */                                                          \
    op(DOMCTL,               PRIVILEGED)   /* domctl, but those of the next line; the machine for those without a domain */   \
    op(DOMCTL_DEVICE_MODEL,  DEVICE_MODEL) /* domctls that a device model needs for its guest */
/* clang-format on */

#define AUTHORITY_ENUM(name, class) AUTHORITY_##name,
enum authority_op { AUTHORITY_OPERATIONS(AUTHORITY_ENUM) AUTHORITY_OPS };
#undef AUTHORITY_ENUM

#define AUTHORITY_DEFAULT(name, class) [AUTHORITY_##name] = AUTHORITY_CLASS_##class,
static const uint8_t authority_default_class[AUTHORITY_OPS] = {AUTHORITY_OPERATIONS(AUTHORITY_DEFAULT)};
#undef AUTHORITY_DEFAULT

/*
 * A security policy. decide() answers 0 or a negative errno, usually -EPERM; `object` is NULL for the
 * machine. It is not asked about a domain that acts on itself where the class allows that. Called on any
 * processor, with any lock held: it takes none and does not wait.
 */
struct authority_policy {
    const char *name;
    int (*decide)(const struct domain *subject, const struct domain *object, enum authority_op op);
};

/* What the default classes say. A policy may start from it. */
int authority_default(const struct domain *subject, const struct domain *object, enum authority_op op)
    __must_check;
/* NULL: the default again. Before domains run, or when a policy can do without being asked for a moment. */
void authority_set_policy(const struct authority_policy *policy);

/* The rare side of authorise(). */
int authority_ask(const struct domain *subject, const struct domain *object, enum authority_op op)
    __must_check;

/*
 * May `subject` do `op` to `object` (NULL: the machine)? 0, or a negative errno. A guest that is refused is
 * told that errno, unless Xen has another for the call. A number or pointer from the guest that this protects
 * is used only behind it, by a mispredicting processor, too.
 */
static inline __must_check int authorise(const struct domain *subject, const struct domain *object,
                                         enum authority_op op)
{
    int rc;

    if (likely(subject == object) && authority_default_class[op] <= AUTHORITY_CLASS_TARGET)
        return 0;
    rc = authority_ask(subject, object, op);
    if (rc)
        return rc;
    speculation_barrier();
    return 0;
}

/*
 * The domain of that number, to which `subject` wants to do `op`, with a reference. -ESRCH: there is none, or only one that owns frames;
 * -EPERM. DOMID_SELF is nobody.
 */
static inline __must_check int domain_get_for(struct domain *subject, domid_id_t id, enum authority_op op,
                                              struct domain **out)
{
    struct domain *d = domain_get_guest(id);

    if (!d)
        return -ESRCH;
    if (authorise(subject, d, op)) {
        domain_put(d);
        return -EPERM;
    }
    *out = d;
    return 0;
}

#endif
