/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dates of the Gregorian calendar as seconds. */
#include "arch/x86/clock/clock.h"

uint64_t wallclock_from_date(unsigned int year, unsigned int month, unsigned int day, unsigned int hour,
                             unsigned int minute, unsigned int second)
{
    uint64_t days;

    /* Years start in March, so that the leap day is the last: months then have (153 m + 2) / 5 days before
     * them. */
    if (month <= 2)
        year--;
    month = month <= 2 ? month + 9 : month - 3;
    days = 365ULL * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    days -= 719468; /* 0000-03-01 to 1970-01-01 */
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}
