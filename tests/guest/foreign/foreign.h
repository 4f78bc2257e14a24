/* SPDX-License-Identifier: MIT */
/* What the tests of foreign memory share: one puppet for all, and a page of it that this domain sees, for arguments of its hypercalls. */
#ifndef TEST_FOREIGN_H
#define TEST_FOREIGN_H

#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <xen/grant_table.h>

extern struct kit_puppet puppet;
extern char *puppet_page; /* its page PUPPET_PAGE, mapped here */
#define PUPPET_PAGE 40
#define PUPPET_ARG  KIT_PUPPET_VA(PUPPET_PAGE)

/* Makes it the first time. False: it cannot be, and the test has failed. */
bool puppet_ready(void);
/* It ends; the next test that wants one makes another. Checks that it is gone. */
void puppet_gone(void);

static inline long puppet_op(unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                             unsigned long a4)
{
    return kit_puppet_call(&puppet, op, a1, a2, a3, a4);
}

long mmu_one(uint64_t ptr, uint64_t value, unsigned domains);
long mmuext_one(unsigned cmd, unsigned long arg1, unsigned long arg2, unsigned domain);
uint64_t pte_address(const volatile void *va); /* of our own L1 entry for it */
long reservation_of(unsigned domain);
/* XENMEM_{populate,increase,decrease}: one extent. */
long one_extent(unsigned cmd, unsigned domain, uint64_t *extent, unsigned order);

#endif
