/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start-up self-tests: what everything else relies on is tried once on this very machine. */
#ifndef TOP_SELFTEST_H
#define TOP_SELFTEST_H

/* On the first processor, interrupts off, before there are guests. A line for each in the log; panics if one fails. */
void self_tests(void);

#endif
