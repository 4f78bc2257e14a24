/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a domain (DESIGN 9). */
#ifndef CONTROL_RELINQUISH_H
#define CONTROL_RELINQUISH_H

#include "core/hypercall.h"

/*
 * Goes on with the end of the domain, beginning it if need be: 0 when it holds nothing any more but what
 * others keep of it, -ERESTART: call again. Its structure goes when the last of these lets go. The caller has
 * a reference and is not of this domain. Interrupts on, no lock held.
 */
int domain_relinquish(struct domain *d) __must_check;

#endif
