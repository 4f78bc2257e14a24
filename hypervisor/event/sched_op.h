/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVENT_SCHED_OP_H
#define EVENT_SCHED_OP_H

#include "core/hypercall.h"

long do_sched_op(struct hypercall *hc);
long do_sched_op_compat(struct hypercall *hc);

#endif
