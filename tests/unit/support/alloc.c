/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor's allocator for hosted tests that have none of their own: the host's, so that ASan sees what is lost. */
#include <stdlib.h>
#include "hv/alloc.h"

__attribute__((weak)) void *hv_zalloc(size_t bytes)
{
    return calloc(1, bytes);
}

__attribute__((weak)) void hv_free(void *p)
{
    free(p);
}
