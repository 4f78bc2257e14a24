/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit: are all counts and cross-links what their holders say? */
#ifndef DEBUG_AUDIT_H
#define DEBUG_AUDIT_H

/* For the debug key, on processor 0: when all domains have stopped, prints the first violations and how many there are, and lets them go on. */
void audit_report(void);

#endif
