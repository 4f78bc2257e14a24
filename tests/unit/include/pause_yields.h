/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forced into the sources of tests with threads: a spinning thread lets the lock's holder run. */
#ifndef UNIT_PAUSE_YIELDS_H
#define UNIT_PAUSE_YIELDS_H

void unit_pause(void);
#define __builtin_ia32_pause() unit_pause()

#endif
