/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: to the consoles and into the ring. A line names what happened, to which domain, and what to do about it. Lines that a
 * guest can cause are printed with log_guest(), which is filtered by guest_loglvl= and rate-limited.
 * May be called from any context, also with interrupts off.
 */
#ifndef HV_LOG_H
#define HV_LOG_H

#include "hv/types.h"

enum log_level { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_ALWAYS };

void log_printf(enum log_level level, const char *fmt, ...) __printf(2, 3);
void log_guest_printf(enum log_level level, const char *fmt, ...) __printf(2, 3);

/*
 * May so many lines be printed, by printk, on a guest's account? At most 32 a second are, all guests'
 * together; all of these or none, which is counted.
 */
bool log_guest_allows(unsigned int lines);

#define printk(...)           log_printf(LOG_ALWAYS, __VA_ARGS__)
#define log_err(...)          log_printf(LOG_ERR, __VA_ARGS__)
#define log_warn(...)         log_printf(LOG_WARNING, __VA_ARGS__)
#define log_info(...)         log_printf(LOG_INFO, __VA_ARGS__)
#define log_guest(level, ...) log_guest_printf(level, __VA_ARGS__)

#endif
