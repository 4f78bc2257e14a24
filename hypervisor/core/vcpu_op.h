/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vcpu_op, set_timer_op, sched_op: what a guest asks about and of its own vcpus. */
#ifndef CORE_VCPU_OP_H
#define CORE_VCPU_OP_H

#include "core/hypercall.h"

long do_vcpu_op(struct hypercall *hc);
long do_set_timer_op(struct hypercall *hc);

/* The vcpu's timers, made once. Their functions send VIRQ_TIMER. */
void vcpu_timers_init(struct vcpu *v);
/* The vcpu is no longer VCPU_DOWN: its periodic timer starts, and it may run. */
void vcpu_start(struct vcpu *v);
void vcpu_timers_kill(struct vcpu *v);

#endif
