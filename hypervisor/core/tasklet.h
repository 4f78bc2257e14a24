/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between core/softirq.c and core/tasklet.c only; the interface is hv/softirq.h. */
#ifndef CORE_TASKLET_H
#define CORE_TASKLET_H

/* Before a processor comes up: its queue is empty. */
void tasklet_cpu_init(unsigned int cpu);

#endif
