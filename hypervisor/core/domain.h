/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains and their virtual processors: the structures that every part hangs its own state on, finding and referencing them.
 *
 * Lifetime (DESIGN 9): alive -> dying -> zombie -> freed. Finding a domain takes a reference; the structure is freed after the last one
 * is dropped. What a part keeps for a domain is a structure of its own behind one of the pointers below, made and destroyed by that part.
 */
#ifndef CORE_DOMAIN_H
#define CORE_DOMAIN_H

#include "arch/x86/clock/guest_tsc.h"
#include "hv/types.h"
#include "hv/cpumask.h"
#include "hv/list.h"
#include "hv/lock.h"
#include "hv/rcu.h"
#include "hv/speculation.h"
#include "hv/time.h"
#include <xen/xen.h>
#include <xen/vcpu.h>
#include <xen/sched.h>

#define MAX_VCPUS 512 /* of one domain; the vcpu array is sized by the domain's own limit */

struct domain;
struct vcpu;
struct guest_kind;
struct hypercall;
struct event_domain;
struct event_vcpu;
struct grant_domain;
struct irq_domain;
struct domain_io;
struct sched_domain;
struct sched_vcpu;
struct cpu_policy;

/* A large extent of frames that a call has begun and not ended (core/memory_extent.c). */
struct domain_extent {
    uint32_t first; /* frame number */
    uint32_t done;  /* frames */
    uint8_t order;  /* 0: there is none */
    bool busy;      /* somebody works on it now */
};

/* A large exchange that a call has begun and not ended (core/memory_exchange_large.c, which knows what the fields mean). */
struct domain_exchange {
    uint8_t phase; /* 0: there is none */
    bool busy;     /* somebody works on it now; page_lock */
    uint8_t in_order, out_order, width;
    int16_t error;    /* what the call will answer */
    uint32_t waiting; /* calls that came for another one; page_lock */
    uint32_t done;    /* frames in this phase */
    uint32_t taken;   /* list of old frames */
    uint32_t block;   /* first of the new frames, from LET_GO on */
    uint32_t room;    /* frames that went, and for which others will come: page_lock */
    uint64_t in, out; /* the guest's lists */
    uint64_t at;      /* how many extents were exchanged before */
    uint64_t pfn;     /* of the new extent that is being assigned */
};

enum domain_state { DOMAIN_ALIVE, DOMAIN_DYING, DOMAIN_ZOMBIE };

struct domain {
    domid_id_t id;
    uint8_t state;    /* enum domain_state; only ever grows */
    bool privileged;  /* may use the control interface: domain 0 */
    bool is_hardware; /* owns the machine's devices: domain 0 */
    bool width32;     /* a 32-bit guest: selects the decoder (abi/) */
    bool is_shut_down,
        is_shutting_down;  /* shutdown_lock, and the next one and the pause that belongs to it */
    uint8_t shutdown_code; /* SHUTDOWN_*; valid if is_shut_down; SHUTDOWN_CODE_NONE until one is given */
    bool is_xenstore;      /* XEN_DOMCTL_CDF_xs_domain: shown to the toolstack */
    bool is_debugged;      /* setdebugging, likewise */
    bool has_devices;      /* is the hardware domain, or was given ports or device memory */
    bool has_run;          /* the toolstack has let it go once: its CPU policy is what it is; control_lock */
    bool being_ended;      /* somebody is at the steps of its end (control/relinquish.c); atomic */
    uint8_t end_step;      /* which one; theirs */
    uint16_t end_vcpu;     /* in that of the vcpus */
    uint32_t
        suspend_port; /* XEN_DOMCTL_subscribe: an event channel of the domain to be notified when it shuts down; 0: none */
    struct rcu_head rcu;
    uint32_t references; /* atomic; domain_get(), domain_put() */
    const struct guest_kind *kind;
    struct list link; /* in the list of all domains; domain list lock */
    struct domain
        *target; /* this domain may act on that one as if privileged; NULL: none; holds a reference */
    xen_domain_handle_t handle;

    lock_t shutdown_lock;
    lock_t control_lock; /* creation, destruction, vcpu bring-up, shutdown */
    unsigned int max_vcpus;
    struct vcpu *
        *vcpu; /* max_vcpus of them; entries are set once and never cleared before the domain is freed */
    int32_t pause_count;      /* atomic: hypervisor and toolstack pauses together */
    int32_t toolstack_pauses; /* of these the toolstack's; control_lock */

    /* Memory. page_lock guards the list and the counts. */
    lock_t page_lock;
    uint32_t page_list;     /* first frame number of the list through struct frame, FRAME_LIST_END if empty */
    uint32_t page_walk;     /* where domain_pages_current() is */
    uint64_t tot_pages;     /* pages on page_list */
    uint64_t max_pages;     /* limit of tot_pages; ~0 for domain 0 */
    uint64_t node_affinity; /* bit for each of its nodes (core/domain_nodes.h); 0: all */
    bool nodes_are_named;   /* by the toolstack: they do not follow from where its vcpus may run */
    uint8_t last_node;      /* from which it was given memory last */
    uint64_t outstanding_claim;
    struct domain_extent growing, shrinking; /* page_lock */
    struct domain_exchange exchange;
    struct domain_memory_map *memory_map; /* XENMEM_set_memory_map (core/memory_map.c); control_lock */
    struct domain_vnuma *vnuma;           /* XENMEM_get_vnumainfo (core/vnuma.c); control_lock; NULL: none */
    unsigned int address_width; /* bits; frames allocated to the domain lie below 1 << this; 0: no limit */

    shared_info_t *shared_info; /* one page, FRAME_XENHEAP, owned by the domain */
    vcpu_info_t *
        spare_info; /* of its vcpus beyond those in shared_info that have registered none; NULL if there are none */

    cpumask_t
        dirty_cpus; /* processors whose TLB may hold translations of the domain: those it runs on and ran on since the last flush there */

    struct event_domain *event;
    struct grant_domain *grant;
    struct irq_domain *irq; /* PIRQs */
    struct domain_io *io;   /* ports and device pages given or given up (core/io_grants.c); NULL: none */
    struct sched_domain *sched;
    struct cpu_policy *cpu_policy;

    /* Wall clock offset, periodic: shared_info->wc_*. Guarded by shared_info's version protocol. */
    int64_t time_offset_seconds;
    struct guest_tsc
        tsc; /* domctl settscinfo; changed under the control lock, when none of its vcpus is in a processor */
    uint64_t vm_assist; /* bit for each VMASST_TYPE_* in force */
    struct timer watchdog[2];
    uint32_t watchdog_inuse;
};

/* Why a vcpu is not runnable: bits of vcpu.pause_flags. It may run when all are clear and no pause count is up. */
enum vcpu_pause {
    VCPU_BLOCKED = 1, /* waits for an event: SCHEDOP_block, SCHEDOP_poll */
    VCPU_DOWN = 2,    /* not brought up, or brought down by itself */
    VCPU_POLLING = 4, /* together with VCPU_BLOCKED: only the ports of SCHEDOP_poll end it (event/) */
};

struct vcpu {
    uint64_t stack; /* top of the stack of the processor that it runs on; entry code switches to it */
    uint64_t
        root; /* with a split root: the page tables that entry code goes on with (arch/x86/split_root.h) */
    /* Where a fault on the way out to the guest (at IRET) is pushed, together with the part of `regs` that was restored already. */
    uint64_t exit_fault_room[35];
    /*
     * What the guest's registers were at the last entry into the hypervisor. The processor pushes straight into it (TSS.RSP0 is the
     * address of regs.es, which therefore is a multiple of 16).
     */
    struct cpu_user_regs regs;

    struct domain *domain;
    unsigned int id;
    unsigned int cpu; /* where it runs or ran last; changed by the scheduler only */
    /* Whatever keeps the vcpu from simply going on when its processor leaves the hypervisor, events and softirqs apart; looked at as one word. */
    union {
        struct {
            bool is_idle; /* never leaves: for good */
            bool nmi_pending;
            bool segments_failed; /* loading them faulted at the last switch: the guest is to hear of it */
            bool reserved;
        };
        uint32_t exit_work;
    };
    bool is_initialised;  /* VCPUOP_initialise was done */
    bool is_audited;      /* paused by the audit (debug/audit.c) */
    bool is_initialising; /* somebody works on it now; control_lock, as the one before */
    bool is_running;      /* is the current vcpu of `cpu`; written by that processor only */
    uint32_t
        loaded_on; /* the processor that holds its state, plus 1; 0: none. Outlasts is_running while that processor idles (core/vcpu_state.h) */
    uint32_t pause_flags; /* enum vcpu_pause; atomic */
    int32_t pause_count;  /* atomic */
    struct sched_vcpu *sched;
    cpumask_t hard_affinity, soft_affinity; /* sched/ */

    /* Shared with the guest. `info` never is NULL: before the guest registers an area it points into shared_info or to a dummy. */
    vcpu_info_t *info;
    bool info_is_dummy;                 /* no area of the guest yet: vcpus beyond those in shared_info */
    struct frame *info_frame;           /* holds a writable reference if the area was registered */
    struct vcpu_runstate_info runstate; /* guarded by the scheduler's lock of the processor it is on */
    guest_ptr_t runstate_area;          /* 0: none */
    guest_ptr_t time_area;              /* VCPUOP_register_vcpu_time_memory_area; 0: none */
    uint32_t time_version;
    bool areas_stale; /* the two above are to be written when the guest's kernel is entered */

    struct timer periodic_timer;   /* VCPUOP_set_periodic_timer */
    struct timer singleshot_timer; /* set_timer_op, VCPUOP_set_singleshot_timer */
    struct timer poll_timer;       /* SCHEDOP_poll's timeout */
    s_time_t periodic_period, periodic_last;

    struct event_vcpu *event;
    bool in_multicall;
};

/* What differs between PV and HVM and is cold. All mandatory. The structures embed struct domain / struct vcpu as their first member. */
struct guest_kind {
    const char *name;
    size_t domain_size, vcpu_size;
    int (*domain_init)(struct domain *d) __must_check;
    void (*domain_free)(struct domain *d);
    /* Gives back what the domain holds, in resumable steps: 0 when done, -ERESTART when to be called again. */
    int (*relinquish)(struct domain *d) __must_check;
    int (*vcpu_init)(struct vcpu *v) __must_check;
    void (*vcpu_free)(struct vcpu *v);
    /*
     * Put the processor's state of `v` away, or make it `v`'s, from no matter whose page tables. Interrupts off, on the processor itself. After
     * switch_from() v's page tables are still loaded, until another's switch_to() or load_host_tables(), but our GDT is: between a
     * root and the next an NMI must find one. (core/vcpu_state.c)
     */
    void (*switch_from)(struct vcpu *v);
    void (*switch_to)(struct vcpu *v);
    /* The whole state of a vcpu that does not run; one caller at a time, no lock held. -EINVAL, -ERESTART: call again, after hc's vcpu has left the hypervisor. */
    int (*set_context)(struct vcpu *v, const void *vcpu_guest_context, struct hypercall *hc) __must_check;
};

/* Returns the domain with a reference, or NULL. Lock-free. DOMID_SELF is not resolved. */
struct domain *domain_get(domid_id_t id);
/* As domain_get(), of a domain that may be a guest: not of those that only own frames (DOMID_IO, DOMID_XEN). A number that is too large names nobody. */
static inline struct domain *domain_get_guest(uint32_t id)
{
    return id < DOMID_FIRST_RESERVED ? domain_get((domid_id_t)id) : NULL;
}
/* As domain_get(), and DOMID_SELF is `self`. */
struct domain *domain_get_or_self(domid_id_t id, struct domain *self);
static inline void domain_ref(struct domain *d)
{
    __atomic_fetch_add(&d->references, 1, __ATOMIC_RELAXED);
}
/* For who has found it without one, a quiescent period not over: false if the last has gone. */
static inline bool domain_ref_living(struct domain *d)
{
    uint32_t seen = __atomic_load_n(&d->references, __ATOMIC_RELAXED);

    do {
        if (!seen)
            return false;
    } while (!__atomic_compare_exchange_n(&d->references, &seen, seen + 1, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return true;
}
void domain_put(struct domain *d);

/* The current vcpu's or any; NULL if it does not exist. */
static inline struct vcpu *domain_vcpu(const struct domain *d, unsigned int id)
{
    return id < d->max_vcpus
               ? __atomic_load_n(&d->vcpu[array_index_clamp(id, d->max_vcpus)], __ATOMIC_ACQUIRE)
               : NULL;
}

_Static_assert((offsetof(struct vcpu, regs) + offsetof(struct cpu_user_regs, es)) % 16 == 0,
               "the processor aligns RSP0");

#define for_each_vcpu(v, d)                                                                                  \
    for (unsigned int for_each_i = 0; for_each_i < (d)->max_vcpus; for_each_i++)                             \
        if (((v) = (d)->vcpu[for_each_i]) != NULL)

/* A consistent copy of the runstate, with the present state's time added up to now (sched/). */
void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out);

/* All domains, in the order of their making; for dumps and for who holds the domain list's lock. NULL at the end. */
struct domain *domain_first(void);
struct domain *domain_next(struct domain *d);

/* Pausing counts. The _sync form returns once the vcpu has left its processor; not for one's own vcpus. */
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_pause_sync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
void domain_pause_nosync(struct domain *d);
void domain_pause_sync(struct domain *d);
void domain_wait_paused(struct domain *d); /* what _sync does behind _nosync */
void domain_unpause(struct domain *d);

/* Stops the domain with SHUTDOWN_* as the reason; for domain 0 that is the machine's end (reboot, power off, crash). Any context with interrupts on. */
void domain_shutdown(struct domain *d, unsigned int reason);
/* The guest cannot go on: prints why with a dump of the vcpu's registers, then SHUTDOWN_crash. No lock held; interrupts are on meanwhile, and what they were after it. */
void domain_crash(struct vcpu *v, const char *fmt, ...) __printf(2, 3);

#define SHUTDOWN_CODE_NONE 0xff

/* What a domain is made with. */
struct domain_config {
    unsigned int max_vcpus;   /* 1 to MAX_VCPUS */
    unsigned int event_ports; /* so many at most; 0: as many as there can be */
    uint32_t grant_frames;    /* pages of its table at most; 0: the default */
    uint32_t maptrack_frames; /* pages of what it has mapped at most; with grant_frames */
    uint32_t grant_version;   /* the highest that it may choose; 0: any */
    uint64_t max_pages;
    bool is_xenstore;
    xen_domain_handle_t handle;
};

/* An id that no domain has, for domain_create(): `wanted`, or any with DOMID_INVALID; those used last come back last. -EEXIST, -ENOSPC. */
int domain_id_reserve(domid_id_t wanted, domid_id_t *out) __must_check;
void domain_id_release(domid_id_t id);
/* The first number from this on that a domain has, or may have; DOMID_FIRST_RESERVED: none has. Cheap, however large the gaps. */
unsigned int domain_id_next(unsigned int from);
/*
 * -ENOMEM, -EINVAL. The new domain has one reference, which its end (control/relinquish.c) drops, and is paused once. The id is reserved; it goes with the domain, or stays the
 * caller's on failure.
 */
int domain_create(domid_id_t id, const struct guest_kind *kind, const struct domain_config *config,
                  struct domain **out) __must_check;
/* Control lock, or nobody else knows the domain. */
int vcpu_create(struct domain *d, unsigned int id, unsigned int cpu, struct vcpu **out) __must_check;
/* The guest's area is given back; v->info is what it was before the first was registered. Its event channels are closed and the vcpu does not run. Returns the frame, whose reference
 * is dropped by frame_put_writable() after event_quiesce(), or NULL. */
struct frame *vcpu_info_forget(struct vcpu *v);
/* What the pointer at `at`, a member of the domain that its control lock guards, points to is freed; `part`, or nothing, comes in its place. -EINVAL: the domain ends and gets no
 * new one any more; `part` is freed. */
int domain_replace_part(struct domain *d, void *at, void *part);
/* Goes on after domain_shutdown(). Not for one's own domain. Control lock. */
void domain_resume(struct domain *d);

extern struct domain *hardware_domain; /* domain 0, NULL before it is made */
extern struct domain *domain_io;       /* DOMID_IO: owns what is not RAM; references to it are not counted */
extern struct domain
    *domain_xen; /* DOMID_XEN: owns hypervisor frames that a privileged domain may map read-only */

/* What the machine does when domain 0 ends with this reason; joined at start-up. */
extern void (*machine_shutdown)(unsigned int reason);

#endif
