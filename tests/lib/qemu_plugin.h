/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debian's QEMU 7.2 exports the plugin interface but ships no header for it, so the calls that our plugins use are declared here (docs/devel/tcg-plugins). */
#ifndef TESTS_QEMU_PLUGIN_H
#define TESTS_QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
typedef uint32_t qemu_plugin_meminfo_t;
typedef void (*tb_callback)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*exit_callback)(uint64_t id, void *data);
typedef void (*exec_callback)(unsigned int vcpu, void *data);
typedef void (*mem_callback)(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *data);

/* enum qemu_plugin_cb_flags, qemu_plugin_mem_rw and qemu_plugin_op of QEMU 7.2. */
#define CB_NO_REGS     0
#define MEM_WRITES     2
#define INLINE_ADD_U64 0

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, tb_callback cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_callback cb, int flags, void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, exit_callback cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *counter,
                                                uint64_t n);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_callback cb, int flags,
                                            void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_callback cb, int flags, int rw,
                                      void *data);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info, uint64_t vaddr);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *hwaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *hwaddr);

/* include/xen/arch-x86/xen-x86_64.h: HYPERVISOR_VIRT_START and _END. */
#define HV_START UINT64_C(0xffff800000000000)
#define HV_END   UINT64_C(0xffff87ffffffffff)
/* SDM 3A 10.4.1 and 10.6.1: the interrupt command register's low half, which sends. */
#define APIC_ICR UINT64_C(0xfee00300)

#endif
