/* SPDX-License-Identifier: MIT */
/* A test-and-set spin lock. It yields to the hypervisor while it waits: vcpus may outnumber processors. */
#ifndef KIT_LOCK_H
#define KIT_LOCK_H

#include <kit/types.h>

typedef struct {
    uint32_t held;
} kit_lock_t;

void kit_lock(kit_lock_t *lock);
void kit_unlock(kit_lock_t *lock);

/* Wait until *word == value, yielding; false after timeout_ns of system time. */
bool kit_wait_for(const volatile uint32_t *word, uint32_t value, uint64_t timeout_ns);

#endif
