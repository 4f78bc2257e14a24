/* SPDX-License-Identifier: MIT */
/* System time as the vcpu's time record gives it. */
#ifndef KIT_TIME_H
#define KIT_TIME_H

#include <kit/types.h>

#define KIT_MS 1000000ULL
#define KIT_S  1000000000ULL

/* Nanoseconds since the hypervisor booted, on the calling vcpu. */
uint64_t kit_time_ns(void);

/* The same from a given record and TSC reading; the record must not change meanwhile. */
uint64_t kit_time_from(const struct vcpu_time_info *t, uint64_t tsc);

/* A consistent copy of a record that the hypervisor may be updating. */
struct vcpu_time_info kit_time_snapshot(const volatile struct vcpu_time_info *t);

void kit_spin_ns(uint64_t ns);

#endif
