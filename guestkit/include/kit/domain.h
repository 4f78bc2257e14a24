/* SPDX-License-Identifier: MIT */
/*
 * Other domains, for a kit guest that is domain 0: the control calls that make and end them, mappings of their frames, and puppets: domains with one vcpu that
 * does nothing but what it is told, one hypercall or one access to memory at a time.
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

/* A PV domain without vcpu contexts and memory, paused: at most so many vcpus (which it has) and pages. 0 and its number, or the error of the call that failed. */
int kit_domain_create(unsigned vcpus, unsigned pages, domid_t *id);
/* Ends it. Its structure may take a moment after that to be gone. */
int kit_domain_destroy(domid_t id);
/* Destroys it and waits until its number is unknown: at most ten seconds (two on Xen). False: it stays. */
bool kit_domain_gone(domid_t id);

/* The frame of another domain, mapped with these bits (PTE_RO, PTE_RW) in place of a page of the heap; NULL: the error is in *rc. Undone by kit_foreign_unmap(). */
void *kit_foreign_map(domid_t owner, unsigned long mfn, uint64_t bits, int *rc);
int kit_foreign_unmap(void *va);

#define KIT_PUPPET_PAGES 64
/* Where its page number n is mapped, writable but for the page tables (0 to 3) and its code (4). */
#define KIT_PUPPET_VA(n)      (0xffffffff80000000UL + (n)*KIT_PAGE_SIZE)
#define KIT_PUPPET_FIRST_FREE 8 /* pages 8 to KIT_PUPPET_PAGES - 1 are for tests */

struct kit_puppet_box;
struct kit_puppet {
    domid_t id;
    unsigned long mfn[KIT_PUPPET_PAGES];
    volatile struct kit_puppet_box *box; /* mapped from it */
};

/* Makes and starts one. 0, or the error of the call that failed, with a note which; nothing is left then. */
int kit_puppet_make(struct kit_puppet *p);
/* Unmaps, destroys, and waits until it is gone. False: somebody holds on to it. */
bool kit_puppet_end(struct kit_puppet *p);
/* Makes the puppet make a hypercall. Pointers are its own addresses. -XEN_ETIME: it does not answer within two seconds. */
long kit_puppet_call(struct kit_puppet *p, unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                     unsigned long a4);
/* A word of its memory, read and written by itself: where it may not, it is crashed by that and does not answer. */
uint64_t kit_puppet_peek(struct kit_puppet *p, unsigned long va);
long kit_puppet_poke(struct kit_puppet *p, unsigned long va, uint64_t value);

#endif
