/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hv/types.h"
#include "hv/time.h"
#include "hv/irq.h"
#include "hv/cpumask.h"
#include "arch/x86/tlb.h"
#include "arch/x86/traps.h"
#include "core/domain.h"
#include "hv/softirq.h"
#include "event/event.h"
#include "arch/x86/smp.h"
__attribute__((weak)) void softirq_raise(enum softirq n){}
__attribute__((weak)) void event_send_pirq(struct domain *d, unsigned int pirq){}
__attribute__((weak)) void cpu_idle_start(unsigned int cpu){for(;;)__asm__ volatile("sti; hlt");}
__attribute__((weak)) void timer_init(struct timer *t, void (*f)(void *), void *d, unsigned int c){}
__attribute__((weak)) void timer_set(struct timer *t, s_time_t e){}
__attribute__((weak)) void guest_trap(struct vcpu *v);
__attribute__((weak)) void guest_trap(struct vcpu *v){}
void guest_hypercall(struct vcpu *v);
void guest_syscall(struct vcpu *v);
void guest_syscall32(struct vcpu *v);
void guest_exit_fault(struct vcpu *v);
struct vcpu *prepare_exit(void);
__attribute__((weak)) void guest_hypercall(struct vcpu *v){}
__attribute__((weak)) void guest_syscall(struct vcpu *v){}
__attribute__((weak)) void guest_syscall32(struct vcpu *v){}
__attribute__((weak)) void guest_exit_fault(struct vcpu *v){}
__attribute__((weak)) struct vcpu *prepare_exit(void){return 0;}
