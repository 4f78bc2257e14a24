/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug keys: what the person at the console, or `xl debug-keys`, can ask for. */
#ifndef DEBUG_KEYS_H
#define DEBUG_KEYS_H

#include "hv/types.h"

/* Joins the console: from here on keys typed to the hypervisor do something. */
void keys_init(void);
/* Any context; what takes time is done from a tasklet. Unknown keys are named in the log. */
void key_pressed(char key);

#endif
