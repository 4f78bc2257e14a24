/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit: are all counts and cross-links what their holders say? */
#ifndef DEBUG_AUDIT_H
#define DEBUG_AUDIT_H

/* Pauses every domain meanwhile. Prints the first violations, and returns how many there are. */
unsigned int audit_all(void);
/* The same with a closing line, for the debug key. */
void audit_report(void);

#endif
