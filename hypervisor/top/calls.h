/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hypercalls that belong to no other folder. */
#ifndef TOP_CALLS_H
#define TOP_CALLS_H

#include "core/hypercall.h"

long do_xen_version(struct hypercall *hc);
long do_console_io(struct hypercall *hc);
long do_multicall(struct hypercall *hc);
long do_platform_op(struct hypercall *hc);

long do_memory_op(struct hypercall *hc);
long do_physdev_op(struct hypercall *hc);
long do_set_gdt(struct hypercall *hc);
long do_update_descriptor(struct hypercall *hc);

#endif
