/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forced into every source of a test by -include: before each atomic change of memory that is shared with a
 * guest, the test's unit_step() runs and may play the guest's next move.
 */
#ifndef UNIT_STEP_ATOMICS_H
#define UNIT_STEP_ATOMICS_H

void unit_step(void);

/* A macro is not expanded within itself: what it names there is the compiler's own. */
#define __atomic_fetch_or(p, v, o)   (unit_step(), __atomic_fetch_or(p, v, o))
#define __atomic_fetch_and(p, v, o)  (unit_step(), __atomic_fetch_and(p, v, o))
#define __atomic_store_n(p, v, o)    (unit_step(), __atomic_store_n(p, v, o))
#define __atomic_exchange_n(p, v, o) (unit_step(), __atomic_exchange_n(p, v, o))
#define __atomic_compare_exchange_n(p, e, v, w, s, f)                                                        \
    (unit_step(), __atomic_compare_exchange_n(p, e, v, w, s, f))

#endif
