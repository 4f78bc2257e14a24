/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames of dead domains that somebody still maps. They belong to FRAME_OWNER_ORPHAN, which is no domain:
 * nobody can map one anew, and each goes back to the heap with its last reference. The domain's number and
 * structures do not wait for that (docs/design/domains.md, "Orphans").
 */
#ifndef CORE_ORPHAN_H
#define CORE_ORPHAN_H

#include "core/domain.h"
#include "hv/frame.h"

/* The last step of a domain's end: what is left of its pages becomes orphans. The walk over the pages was rewound. 0, -ERESTART. */
int orphan_pages(struct domain *d) __must_check;
/*
 * The dead domain `d` is freed, and with it this page of ours that it could map: at once, or, if somebody has it mapped, with the last reference.
 */
void orphan_free_shared_page(struct domain *d, void *va);
/*
 * The last reference to a frame that may be an orphan, or a page of ours that a domain gave up, is gone.
 * False: it is neither, look at its owner again.
 */
bool orphan_release(struct frame *f);
uint64_t orphan_count(void);
/* The first, and the one after; NULL at the end. For the audit, with all domains paused. */
struct frame *orphan_first(void);
struct frame *orphan_next(const struct frame *f);

#endif
