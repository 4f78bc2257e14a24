/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * freepages: prints how many pages belong to no domain.
 */
#include "free_pages.h"

int main(void)
{
    xc_interface *xen = xc_interface_open(NULL, NULL, 0);

    if (!xen)
        return 1;
    printf("%llu\n", free_pages(xen));
    return 0;
}
