/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control interface: sysctl (sysctl.c) and domctl (domctl.c), which the toolstack's libraries speak. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "core/hypercall.h"

long do_sysctl(struct hypercall *hc);
long do_domctl(struct hypercall *hc);

#endif
