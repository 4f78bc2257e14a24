/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HYPERVISOR_physdev_op(cmd, arg), and its old form with the command in the structure. */
#ifndef ARCH_X86_IRQ_PHYSDEV_H
#define ARCH_X86_IRQ_PHYSDEV_H

#include "core/hypercall.h"

long do_physdev_op(struct hypercall *hc);
long do_physdev_op_compat(struct hypercall *hc);

#endif
