/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon that guests can reach gives up once it serves: the capabilities of root, writing anywhere but where it has to
 * (Landlock), and system calls that it has no use for (seccomp). It stays user 0, because the devices of Xen are that user's.
 */
#ifndef TOOLSTACK_CONFINE_H
#define TOOLSTACK_CONFINE_H

#include <stdbool.h>

struct confinement {
    const char *const
        *writable; /* files and directories, NULL at the end; what is not there is passed over */
    bool programs; /* may fork, and execute another program, which inherits all this */
};

/*
 * Returns 0, or a negative errno when even the first step was impossible. What this kernel does not know, or this user may not
 * restrict, is left as it is: *@got says which of the three took effect, as letters "cfs" (capabilities, files, system calls).
 * With XENIOS_UNCONFINED in the environment nothing is done, and *@got is empty: for debugging.
 */
int confine(const struct confinement *c, char got[4]);
/* As many descriptors as may be had without a right that confine() takes away: the soft limit becomes the hard one. */
void raise_descriptors(void);
/* It was done already, by the program that executed this one. */
bool confined(void);

#endif
