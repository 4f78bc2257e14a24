/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the toolstack gives a domain as a whole, and replaces as a whole (core/domain.h). */
#include "core/domain.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/string.h"

int domain_replace_part(struct domain *d, void *at, void *part)
{
    void *unused = part;
    int ret = -EINVAL;

    lock(&d->control_lock);
    if (!part || d->state == DOMAIN_ALIVE) {
        memcpy(&unused, at, sizeof(unused));
        memcpy(at, &part, sizeof(part));
        ret = 0;
    }
    unlock(&d->control_lock);
    hv_free(unused);
    return ret;
}
