/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hv/types.h"
#include "hv/time.h"
#include "hv/irq.h"
#include "hv/cpumask.h"
#include "arch/x86/tlb.h"
#include "arch/x86/traps.h"
#include "core/domain.h"
__attribute__((weak)) s_time_t time_now(void){return 0;}
__attribute__((weak)) int irq_request(unsigned int g, void (*f)(void*), void*d){return -1;}
__attribute__((weak)) void irq_dispatch(unsigned int v){}
__attribute__((weak)) void tlb_filter(cpumask_t *m, uint32_t s){}
__attribute__((weak)) void tlb_flush_mask(const cpumask_t *m, unsigned int f){}
__attribute__((weak)) cpumask_t cpu_online_mask;
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
