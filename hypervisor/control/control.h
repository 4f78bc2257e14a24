/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control interface: sysctl and domctl. What is there so far is the door: layout, version and privilege are checked. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "core/hypercall.h"

long do_sysctl(struct hypercall *hc);
long do_domctl(struct hypercall *hc);

#endif
