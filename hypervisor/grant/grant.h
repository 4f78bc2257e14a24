/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Grant tables: a domain lets others use its frames, entry by entry of a table in memory that it shares with
 * us (xen/grant_table.h). Invariants G1.. are in docs/design/grant-tables.md.
 */
#ifndef GRANT_GRANT_H
#define GRANT_GRANT_H

#include "core/domain.h"
#include "core/frame_audit.h"
#include "core/hypercall.h"
#include "hv/frame.h"

/* Xen's defaults (xen-command-line: gnttab_max_frames, gnttab_max_maptrack_frames), in pages. */
#define GRANT_DEFAULT_FRAMES   64
#define GRANT_DEFAULT_MAPTRACK 1024
#define GRANT_MOST_FRAMES      1024 /* what a toolstack may allow a domain */

/*
 * The domain has a table of one page, and may have `frames` (1 to GRANT_MOST_FRAMES); the list of what it has
 * mapped, `maptrack` (up to GRANT_DEFAULT_MAPTRACK). -EINVAL: out of range. -ENOMEM.
 */
int grant_domain_init(struct domain *d, uint32_t frames, uint32_t maptrack) __must_check;
/* Gives back everything that the domain has mapped; it does not run any more. 0, or -ERESTART: call again. */
int grant_domain_release(struct domain *d) __must_check;
/*
 * Of a closed domain (grant_domain_close()): who maps its pages by grants keeps them without the domain. 0,
 * or -ERESTART: call again. The caller holds one reference to it, besides that of its existence.
 */
int grant_domain_orphan(struct domain *d) __must_check;
/* For a domain that never ran, or after grant_domain_release() has returned 0 and nobody maps the table any more. */
void grant_domain_free(struct domain *d);
/* The same in steps: frees some of its pages; true if more may be left. Nobody can find the domain. */
bool grant_domain_free_some(struct domain *d);
/* The domain may choose no version above this. -EINVAL: neither 1 nor 2. Before it runs. */
int grant_set_max_version(struct domain *d, uint32_t version) __must_check;
/*
 * The domain ends: its table gets no more pages, those it has are nobody's to map any more, and none of its
 * entries can be taken any more. 0, or -ERESTART: call again.
 */
int grant_domain_close(struct domain *d) __must_check;

/* HYPERVISOR_grant_table_op(cmd, args, count) */
long do_grant_table_op(struct hypercall *hc);

/*
 * The machine frame of one page of the table or, for version 2, of its status words; the table grows to hold
 * it. It stays until the domain is freed. -EINVAL: beyond the limit, or no status in version 1. -ENOMEM.
 * -ERESTART: it has grown by GRANT_UNITS_GROWN units of work; call again.
 */
#define GRANT_UNITS_GROWN 32
int grant_table_frame(struct domain *d, uint32_t index, bool status, mfn_t *out) __must_check;

/* What the domain's table holds of its frames (core/frame_audit.h). */
void grant_name_holdings(struct domain *d, frame_holding_fn *hold, void *context);
/* Debug key 'O': the frames of dead domains that it has mapped by grants. */
void grant_dump_orphans(struct domain *d);
/* Debug key 'g', and the audit: the number of entries whose uses are not as many as the mappings of them. All domains are paused. */
void grant_dump(struct domain *d);
void grant_dump_locks(struct domain *d);
unsigned int grant_audit(struct domain *d);

#endif
