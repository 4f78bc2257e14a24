/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lets other threads run at the points where races would show (core/frame_ref.h: RACE_POINT). Force-included. */
#ifndef FAKE_RACE_H
#define FAKE_RACE_H

#include <sched.h>

extern volatile unsigned int fake_race_one_in; /* 0: never */
/* Called once by this thread, at the n-th point from now. */
extern __thread void (*fake_race_hook)(void);
extern __thread unsigned int fake_race_hook_in;

static inline void fake_race_point(void)
{
    static __thread unsigned int count;

    if (fake_race_hook && --fake_race_hook_in == 0) {
        void (*hook)(void) = fake_race_hook;

        fake_race_hook = 0;
        hook();
    }
    if (fake_race_one_in && ++count % fake_race_one_in == 0)
        sched_yield();
}

#endif
