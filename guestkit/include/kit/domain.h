/* SPDX-License-Identifier: MIT */
/*
 * Other domains, for a kit guest that is domain 0: the control calls that make and end them, mappings of
 * their frames, and puppets: domains with one vcpu that does nothing but what it is told, one hypercall or
 * one access to memory at a time.
 */
#ifndef KIT_DOMAIN_H
#define KIT_DOMAIN_H

#include <kit/types.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

/* The interface version and the command are filled in; the rest is the caller's, and the hypervisor's afterwards. */
long kit_domctl(unsigned cmd, unsigned domain, struct xen_domctl *op);
long kit_sysctl(unsigned cmd, struct xen_sysctl *op);
uint64_t kit_free_pages(void); /* of the machine */
/* The machine has so many free pages. True on Xen, which keeps and returns some of its own at times of its choice. */
bool kit_free_pages_are(uint64_t pages);

/*
 * A PV domain without vcpu contexts and memory, paused: at most so many vcpus (which it has) and pages. 0 and
 * its number, or the error of the call that failed.
 */
int kit_domain_create(unsigned vcpus, unsigned pages, domid_t *id);
/* Ends it. Its structures may take a moment after that to be gone. */
int kit_domain_destroy(domid_t id);
/*
 * Destroys it and waits until its number is free again, which on Xenios comes after the last of its structures:
 * at most ten seconds (two on Xen). False: it stays.
 */
bool kit_domain_gone(domid_t id);

/*
 * The frame of another domain, mapped with these bits (PTE_RO, PTE_RW) in place of a page of the heap; NULL:
 * the error is in *rc. Undone by kit_foreign_unmap().
 */
void *kit_foreign_map(domid_t owner, unsigned long mfn, uint64_t bits, int *rc);
int kit_foreign_unmap(void *va);

#define KIT_PUPPET_PAGES 64
/* Where its page number n is mapped, writable but for the page tables (0 to 3) and its code (4). */
#define KIT_PUPPET_VA(n)      (0xffffffff80000000UL + (n)*KIT_PAGE_SIZE)
#define KIT_PUPPET_FIRST_FREE 8  /* pages 8 to KIT_PUPPET_PAGES - 1 are for tests */
#define KIT_PUPPET_BOX        5  /* its first 256 bytes are the kit's, the rest is for programs */
#define KIT_PUPPET_SHARED     7  /* its shared_info */
#define KIT_PUPPET_PROGRAM    56 /* up to the last: programs, once they are loaded */

struct kit_puppet_box;
struct kit_puppet {
    domid_t id;
    unsigned long mfn[KIT_PUPPET_PAGES];
    volatile struct kit_puppet_box *box; /* mapped from it */
};

/* Makes and starts one. 0, or the error of the call that failed, with a note which; nothing is left then. */
int kit_puppet_make(struct kit_puppet *p);
/* The same in two steps: it is there and paused; it runs. */
int kit_puppet_build(struct kit_puppet *p);
int kit_puppet_start(struct kit_puppet *p);
/* Unmaps, destroys, and waits until it is gone. False: somebody holds on to it. */
bool kit_puppet_end(struct kit_puppet *p);
/* Makes the puppet make a hypercall. Pointers are its own addresses. -XEN_ETIME: it does not answer within two seconds. */
long kit_puppet_call(struct kit_puppet *p, unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                     unsigned long a4);
/* A word of its memory, read and written by itself: where it may not, it is crashed by that and does not answer. */
uint64_t kit_puppet_peek(struct kit_puppet *p, unsigned long va);
long kit_puppet_poke(struct kit_puppet *p, unsigned long va, uint64_t value);

/*
 * Programs: functions of C that a puppet runs by itself. They are copied, so they use their arguments, fixed
 * addresses, each other, and no variables or constants of the binary. KIT_PUPPET_WORDS are words of the box
 * that its maker sees as kit_puppet_words(p).
 */
#define KIT_PROGRAM __attribute__((__noinline__, used, section(".text.puppet")))
#define KIT_PUPPET_WORDS                                                                                     \
    ((volatile uint64_t *)(KIT_PUPPET_VA(KIT_PUPPET_BOX) + 256)) /* for programs: 64 of them */
typedef void (*kit_program)(unsigned long a1, unsigned long a2);

static inline __attribute__((always_inline)) long
kit_program_call(unsigned op, unsigned long a1, unsigned long a2, unsigned long a3, unsigned long a4)
{
    register unsigned long r10 __asm__("r10") = a4;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10)
                     : "0"((unsigned long)op)
                     : "rcx", "r8", "r9", "r11", "memory");
    return result;
}
/* As little as an upcall can do, for events on ports below 64: takes them all back, and counts in word 63. Address for CALLBACKTYPE_event. */
#define KIT_PROGRAM_UPCALLS KIT_PUPPET_WORDS[63]
void kit_program_upcall(void);

/* Copies the programs in. Before anything of them is run; may be done between building and starting. */
int kit_puppet_load(struct kit_puppet *p);
/* Where a program is, for the puppet. */
unsigned long kit_puppet_address(void (*program)(void));
/* Tells the puppet to run one, and does not wait; a puppet that is not yet started does it first of all. */
void kit_puppet_run(struct kit_puppet *p, kit_program program, unsigned long a1, unsigned long a2);
/* It has returned. */
bool kit_puppet_is_idle(struct kit_puppet *p);
volatile uint64_t *kit_puppet_words(struct kit_puppet *p);
/* All its vcpus (KIT: there is one) may run on these processors only; for domain 0, too. */
long kit_domain_pin(unsigned domain, unsigned vcpu, uint64_t processors);

#endif
