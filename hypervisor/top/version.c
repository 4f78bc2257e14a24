/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/version.h"

const char *version_text(void)
{
    return "0.1"
#ifdef DEBUG
           " debug"
#endif
        ;
}
