/* SPDX-License-Identifier: MIT */
/* What the grant tests share: the table's pages, mapped. */
#ifndef TEST_GRANT_H
#define TEST_GRANT_H

#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <xen/grant_table.h>

#define GRANT_FRAMES 2

extern volatile struct grant_entry_v1 *grant_v1; /* two pages: 1024 entries */
extern volatile union grant_entry_v2 *grant_v2;  /* the same memory */

static inline long grant_op(unsigned cmd, void *op, unsigned count)
{
    return hcall_grant_table_op(cmd, op, count);
}

/* Sets the table up and maps its first pages; again and again without harm. */
bool grant_table_map(void);

#endif
