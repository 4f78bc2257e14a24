/* SPDX-License-Identifier: MIT */
/*
 * Traps. Three ways to meet one:
 *  - KIT_PROBE(): one instruction in line; execution goes on behind it whether it faulted or not;
 *  - kit_try(): a function; the first trap in it ends it;
 *  - kit_trap_hook(): a handler that sees the registers and may change them.
 * A trap that nobody expects ends the test that is running (and fails it).
 */
#ifndef KIT_TRAP_H
#define KIT_TRAP_H

#include <kit/arch/regs.h>
#include <kit/types.h>

struct kit_fault {
    bool raised;
    uint16_t vector;   /* 0-255, or KIT_VECTOR_* */
    uint32_t error;    /* 0 for vectors without an error code */
    uint64_t rip, rsp; /* where it was raised */
    uint64_t rflags;
    uint16_t cs, ss;    /* as in the frame */
    uint8_t frame_mask; /* the upcall mask saved in the frame */
    uint8_t mask;       /* the upcall mask as the handler found it */
    uint64_t cr2;       /* vcpu_info.arch.cr2 as the handler found it */
    uint64_t frame;     /* address of the frame's RIP word */
    uint64_t r11, rcx;  /* as the frame saved them */
};

/* Returns true if the trap is dealt with and the context in regs shall be resumed. */
typedef bool (*kit_trap_fn)(struct kit_regs *regs);

/* Set the hook of one vector (NULL: none); returns the one before. One table for all vcpus. */
kit_trap_fn kit_trap_hook(unsigned vector, kit_trap_fn hook);

/* Run fn(arg). Returns true, and fills *fault (which may be NULL), if a trap ended it. Nests. */
bool kit_try(void (*fn)(void *), void *arg, struct kit_fault *fault);

/* The fault that the last KIT_PROBE of this vcpu met. */
struct kit_fault *kit_fault(void);

/*
 * Execute assembly that may trap, and give a struct kit_fault. The landing place is behind the text,
 * so outputs keep what they were given. A trap whose RIP is within or directly behind counts.
 *     struct kit_fault f = KIT_PROBE("mov (%[p]), %[v]", [v] "+r"(v) : [p] "r"(p));
 */
#define KIT_PROBE(text, ...)                                                                                 \
    ({                                                                                                       \
        kit_fault()->raised = false;                                                                         \
        __asm__ volatile("771:\n\t" text "\n772:\n\t"                                                        \
                         ".pushsection .kit_fixup, \"a\"\n\t.quad 771b, 772b\n\t.popsection"                 \
                         : __VA_ARGS__);                                                                     \
        *kit_fault();                                                                                        \
    })

/* RDMSR and WRMSR. *@value is 0xbeef0000dead if the read faults. */
static inline struct kit_fault kit_rdmsr(uint32_t msr, uint64_t *value)
{
    uint32_t lo = 0xdead, hi = 0xbeef;
    struct kit_fault f = KIT_PROBE("rdmsr", "+a"(lo), "+d"(hi) : "c"(msr));

    *value = (uint64_t)hi << 32 | lo;
    return f;
}

static inline struct kit_fault kit_wrmsr(uint32_t msr, uint64_t value)
{
    return KIT_PROBE("wrmsr", : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* Single accesses: true if they went through. */
bool kit_peek(const volatile void *from, uint64_t *value);
bool kit_poke(volatile void *to, uint64_t value);

/* Register the kit's table again, after a test set one of its own. DPL 3 for 3, 4 and 0x80. */
int kit_trap_table_install(void);

/* The stub that a trap table entry for vector must point to; with no_error, one that expects no error code.
 */
unsigned long kit_trap_stub(unsigned vector, bool no_error);

/* Register the kit's event, failsafe, syscall and sysenter callbacks for the calling vcpu. */
int kit_callbacks_install(void);

/* Called by the stubs. */
void kit_trap(struct kit_regs *regs);

/* Selectors ds, es, fs, gs of the last failsafe frame. */
extern uint64_t kit_failsafe_selectors[4];

void kit_dump_regs(const struct kit_regs *regs);

/* Leave everything behind and continue with the given context, through the iret hypercall. */
void kit_resume(const struct kit_regs *regs) __attribute__((noreturn));

int kit_setjmp(struct kit_jump *jump) __attribute__((returns_twice));
void kit_longjmp(const struct kit_jump *jump) __attribute__((noreturn));

#endif
