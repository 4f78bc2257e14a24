/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the hypervisor says it is. The interface is Xen 4.17's; the extra version tells the truth. */
#ifndef TOP_VERSION_H
#define TOP_VERSION_H

#define XENIOS_XEN_MAJOR 4
#define XENIOS_XEN_MINOR 17
#define XENIOS_EXTRA     ".0-xenios"

const char *version_text(void);

#endif
