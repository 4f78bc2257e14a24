/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pre-decoder and executor for the privileged instructions that kernels use all the time: IN and OUT, RDMSR and WRMSR, CPUID,
 * RDTSC, moves from and to control and debug registers, CLTS, WBINVD, in 64-bit mode. They touch few registers and no memory, so they are
 * executed on the caller's own register frame, without a transaction: the one effect first, then the registers.
 *
 * Invariant, tested: where quick_system_decode() answers true, insn_decode() and emu_execute() do the same.
 */
#ifndef EMULATE_QUICK_SYSTEM_H
#define EMULATE_QUICK_SYSTEM_H

#include "emulate/exec.h"
#include "emulate/quick.h"

struct quick_system {
    uint8_t op;     /* enum insn_op */
    uint8_t length; /* of the instruction */
    uint8_t size;   /* of a port access: 1, 2, 4 */
    uint8_t reg;    /* MOV: the general register */
    uint8_t index;  /* MOV: the control or debug register */
    bool fixed_port;
    uint8_t port; /* if fixed, else in DX */
};

/* Decodes in 64-bit mode. False: not one of the forms, or bytes missing; nothing can be said then. */
bool quick_system_decode(struct quick_system *quick, const uint8_t *bytes, size_t len);

/*
 * Executes on the frame, with the callbacks, privilege level and classes of `emu` (of which `regs` and `rep_limit` are not used). The caller
 * adds quick->length to rip, and clears RFLAGS.RF, if the answer is EMU_OK; otherwise nothing has changed.
 */
enum emu_result quick_system_execute(const struct quick_system *quick, struct emu *emu,
                                     const struct quick_regs *regs);

#endif
