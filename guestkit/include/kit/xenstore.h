/* SPDX-License-Identifier: MIT */
/* A XenStore client on the guest's own ring, for a kit guest that a toolstack made. One request at a time; it waits by looking. */
#ifndef KIT_XENSTORE_H
#define KIT_XENSTORE_H

#include <kit/types.h>
#include <xen/io/xs_wire.h>

/* False in a domain that has no store (domain 0). */
bool kit_xs_init(void);
volatile struct xenstore_domain_interface *kit_xs_page(void);
void kit_xs_notify(void);

/* Puts bytes into the ring as the daemon makes room; false after `limit` ns without any. Nobody is told. */
bool kit_xs_put(const void *bytes, size_t length, uint64_t limit);
/* Takes bytes from the ring, or throws them away (NULL); false after `limit` ns without any. */
bool kit_xs_take(void *bytes, size_t length, uint64_t limit);
/* Throws away what is there. Returns how much it was. */
size_t kit_xs_drain(void);

/*
 * A request and its reply; events between are dropped. Returns the reply's length, of which at most `max` bytes are stored, or -1 if it was an
 * error or did not come within ten seconds.
 */
int kit_xs_request(unsigned type, uint32_t tx, const void *payload, size_t length, void *reply, size_t max);
int kit_xs_read(const char *path, char *value, size_t max); /* terminates the value */
int kit_xs_write(const char *path, const char *value);

/* Asks the daemon to begin anew (after an error of the ring); false if it does not within `limit` ns. */
bool kit_xs_reconnect(uint64_t limit);

#endif
