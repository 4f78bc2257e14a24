/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for a part that is not linked yet. */
#include "hv/errno.h"
#include "top/calls.h"

__attribute__((weak)) long do_memory_op(struct hypercall *hc)
{
    return -ENOSYS;
}
