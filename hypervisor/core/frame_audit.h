/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit of frames: every count equals the sum over its holders, and every page that is not free belongs
 * to somebody (docs/design/page-types.md, "Who holds what"). Each part names what it holds.
 */
#ifndef CORE_FRAME_AUDIT_H
#define CORE_FRAME_AUDIT_H

#include "core/domain.h"
#include "hv/frame.h"

/* Called for each holding: so many type references and general references to the frame. */
typedef void frame_holding_fn(void *context, const struct frame *f, unsigned int types,
                              unsigned int generals);

/* Given by the parts that keep frames of a domain. */
void event_name_holdings(struct domain *d, frame_holding_fn *hold, void *context);
void pirq_name_holdings(struct domain *d, frame_holding_fn *hold, void *context);
void pv_name_holdings(struct domain *d, frame_holding_fn *hold, void *context);

/* All domains are paused. Prints the first violations and returns how many there are; allocates 2 MiB for the time being. */
unsigned int frame_audit(void);

#endif
