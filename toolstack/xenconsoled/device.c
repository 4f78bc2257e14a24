/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Further consoles of a domain: devices (device/console/N) whose backend we are, if their type says so. That one is meant for us is
 * told by the backend's directory, which only domain 0 can make; what the guest writes in its own is numbers and a state.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>
#include <xen/io/xenbus.h>
#include "toolstack/xenconsoled/daemon.h"

#define MOST 16 /* further consoles of one domain */

int device_scan(unsigned int domid, void (*found)(unsigned int domid, unsigned int number))
{
    unsigned int n = 0, i;
    char path[64], **list, *end;
    unsigned long number;

    snprintf(path, sizeof(path), "/local/domain/0/backend/console/%u", domid);
    errno = 0;
    list = xs_directory(xs, XBT_NULL, path, &n);
    if (!list && store_lost())
        return -ENOTCONN;
    for (i = 0; list && i < n; i++) {
        number = strtoul(list[i], &end, 10);
        if (!*end && number && number < MOST)
            found(domid, (unsigned int)number);
    }
    free(list);
    return 0;
}

static unsigned int state_of(const char *dir)
{
    uint64_t v;

    return store_number(dir, "state", &v) && v <= XenbusStateReconfigured ? (unsigned int)v
                                                                          : XenbusStateUnknown;
}

void device_state(struct guest *g, unsigned int state)
{
    char text[4];

    snprintf(text, sizeof(text), "%u", state % 10);
    if (state_of(g->backend) != state)
        store_write(g->backend, "state", text);
}

void device_offer(struct guest *g)
{
    if (state_of(g->backend) == XenbusStateInitialising)
        device_state(g, XenbusStateInitWait);
}

bool device_wanted(struct guest *g)
{
    unsigned int state = state_of(g->node);

    return state == XenbusStateInitialised || state == XenbusStateConnected;
}

bool device_closing(struct guest *g)
{
    unsigned int state = state_of(g->node);

    return state == XenbusStateClosing || state == XenbusStateClosed;
}
