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

#define REF 20 /* not one of the entries that survive a change of version */

extern char *granted, *window; /* a page to grant, and one whose address is free to map at */
extern unsigned long granted_mfn;

bool grant_prepare(void);
/* Entry `ref` (version 1) grants the frame. */
void grant(unsigned ref, unsigned dom, unsigned long mfn, unsigned flags);
struct gnttab_map_grant_ref map_ref(unsigned dom, unsigned ref, uint64_t addr, unsigned flags);
int unmap_ref(uint64_t addr, uint64_t bus, unsigned handle);

#endif
