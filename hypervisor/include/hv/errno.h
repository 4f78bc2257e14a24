/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error numbers, from the public header: they are part of the interface. Functions return them negated. */
#ifndef HV_ERRNO_H
#define HV_ERRNO_H

#ifdef UNIT_HOSTED
#include <errno.h>
#else
/* xen/errno.h names them XEN_EPERM and so on, and EPERM where the includer says so. */
#define XEN_ERRNO(name, value) name = (value),
enum hv_errno {
#include <xen/errno.h>
};
#endif

/* Never seen by a guest: a hypercall stopped half way and has put what is left into its arguments (core/hypercall.h). */
#ifndef ERESTART
#define ERESTART 85
#endif

#endif
