/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many pages belong to no domain (XEN_SYSCTL_physinfo), once that is settled: a dead domain's pages come back over a while.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xenctrl.h>

/* Pages, after nothing was being scrubbed and the number the same for a second. Ends the program where the hypervisor does not say, or for a minute never the same. */
static inline unsigned long long free_pages(xc_interface *xen)
{
    unsigned long long last = 0;
    int same = 0;

    for (int tries = 0; tries < 300 && same < 5; tries++) {
        xc_physinfo_t info = {0};
        if (xc_physinfo(xen, &info)) {
            perror("physinfo");
            exit(1);
        }
        same = info.free_pages == last && !info.scrub_pages ? same + 1 : 0;
        last = info.free_pages;
        usleep(200000);
    }
    if (same < 5) {
        fprintf(stderr, "the number of free pages does not settle: %llu\n", last);
        exit(1);
    }
    return last;
}
