/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims on memory not allocated yet (XENMEM_claim_pages), as allocation sees them. */
#ifndef CORE_MEMORY_CLAIM_H
#define CORE_MEMORY_CLAIM_H

#include "core/domain.h"

/* May the domain allocate so many pages without touching what others have claimed? Asked without a lock: two who ask at once may both be told yes. */
bool memory_claim_allows(const struct domain *d, uint64_t pages);
/* The domain got so many pages: its claim shrinks. */
void memory_claim_use(struct domain *d, uint64_t pages);
/* What all domains together have claimed and not got yet, in pages. */
uint64_t memory_claims_outstanding(void);
/* The domain dies. */
void memory_claim_drop(struct domain *d);

#endif
