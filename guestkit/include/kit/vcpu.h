/* SPDX-License-Identifier: MIT */
/*
 * Virtual processors. Each has two stacks, aligned to their size, whose lowest word points to its
 * record: that is how kit_this() works without any register of its own (tests play with FS and GS).
 */
#ifndef KIT_VCPU_H
#define KIT_VCPU_H

#include <kit/arch/cpu.h>
#include <kit/trap.h>
#include <kit/types.h>

#define KIT_MAX_VCPUS  XEN_LEGACY_MAX_VCPUS
#define KIT_STACK_SIZE 16384UL

struct kit_try_frame {
    struct kit_jump jump;
    struct kit_try_frame *previous;
    uint8_t mask;
};

struct kit_user;

struct kit_vcpu {
    unsigned id;
    volatile struct vcpu_info *info; /* in shared_info until registered elsewhere */
    void *stack, *trap_stack;        /* lowest address; trap_stack takes traps from user mode */
    struct kit_try_frame *try;
    struct kit_fault fault;
    struct kit_user *user;
    void (*fn)(void *);
    void *arg;
    uint32_t running; /* 1 from when fn starts until it returns */
};

extern struct kit_vcpu kit_vcpus[KIT_MAX_VCPUS];

static inline struct kit_vcpu *kit_this(void)
{
    uintptr_t sp;

    __asm__ volatile("mov %%rsp, %0" : "=r"(sp));
    return *(struct kit_vcpu **)(sp & ~(KIT_STACK_SIZE - 1));
}

/* A stack for the given vcpu: returns its lowest address; its top is KIT_STACK_SIZE above. NULL if out of
 * memory. */
void *kit_stack_alloc(struct kit_vcpu *v);

/* How many vcpus this domain may have. */
unsigned kit_nr_vcpus(void);

/* First line of a test that needs so many vcpus. */
#define KIT_NEEDS_VCPUS(n)                                                                                   \
    do {                                                                                                     \
        if (kit_nr_vcpus() < (n)) {                                                                          \
            kit_skip("needs " #n " vcpus");                                                                  \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)

/*
 * Start fn(arg) on a vcpu that is down: initialise it the first time, later just bring it up (it then goes on
 * in its idle loop, which looks for work). The vcpu waits for more work when fn returns.
 */
int kit_vcpu_run(unsigned id, void (*fn)(void *), void *arg);

/* Wait until the function on that vcpu has returned; false after timeout_ns. */
bool kit_vcpu_join(unsigned id, uint64_t timeout_ns);

/* The trap table of the kit: 256 entries, its DPLs as kit_trap_table_install() says. */
void kit_trap_table(struct trap_info *table);

/* Fill a context such that the vcpu starts at fn with the given stack top, as kit_vcpu_run does. */
void kit_vcpu_context(struct kit_vcpu *v, struct vcpu_guest_context *c);

void kit_vcpu_init_boot(void);

#endif
