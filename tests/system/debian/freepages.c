/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * freepages: prints how many pages belong to no domain (XEN_SYSCTL_physinfo), once nothing is being scrubbed and the number has been the same
 * for a second: a dead domain's pages come back over a while.
 */
#include <stdio.h>
#include <unistd.h>
#include <xenctrl.h>

int main(void)
{
    xc_interface *xen = xc_interface_open(NULL, NULL, 0);
    unsigned long long last = 0;
    int same = 0;

    for (int tries = 0; xen && tries < 300 && same < 5; tries++) {
        xc_physinfo_t info = {0};
        if (xc_physinfo(xen, &info)) {
            perror("physinfo");
            return 1;
        }
        same = info.free_pages == last && !info.scrub_pages ? same + 1 : 0;
        last = info.free_pages;
        usleep(200000);
    }
    if (same < 5)
        return 1;
    printf("%llu\n", last);
    return 0;
}
