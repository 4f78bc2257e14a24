/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Variables that every processor has its own copy of. Hosted builds have one processor whose number a test sets.
 * In the hypervisor the copies lie `percpu_offset[cpu]` bytes from the template; the offset of the running processor and its number
 * stand at the top of its stack block (arch/x86/stack.h).
 */
#ifndef HV_PERCPU_H
#define HV_PERCPU_H

#include "hv/types.h"
#include "hv/cpumask.h"

#ifdef UNIT_HOSTED
extern unsigned int hosted_cpu;
#define DEFINE_PERCPU(type, name)  __typeof__(type) percpu__##name[MAX_CPUS]
#define DECLARE_PERCPU(type, name) extern __typeof__(type) percpu__##name[MAX_CPUS]
#define this_cpu(name)             (percpu__##name[hosted_cpu])
#define per_cpu(name, cpu)         (percpu__##name[cpu])
static inline unsigned int cpu_id(void)
{
    return hosted_cpu;
}
#else
#include "arch/x86/stack.h"
extern uint64_t percpu_offset[MAX_CPUS];
#define DEFINE_PERCPU(type, name)  __section(".percpu") __typeof__(type) percpu__##name
#define DECLARE_PERCPU(type, name) extern __typeof__(type) percpu__##name
#define percpu_at(name, offset)    (*(__typeof__(percpu__##name) *)((char *)&percpu__##name + (offset)))
#define this_cpu(name)             percpu_at(name, stack_top()->percpu_offset)
#define per_cpu(name, cpu)         percpu_at(name, percpu_offset[cpu])
static inline unsigned int cpu_id(void)
{
    return stack_top()->cpu;
}
#endif
#endif
