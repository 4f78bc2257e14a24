/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IN and OUT. The string forms are in exec_string.c. */
#include "emulate/txn.h"

enum emu_result txn_check_port(struct emu_txn *t, uint16_t port, unsigned size)
{
    if (t->emu->ops->check_port_permission) {
        return t->emu->ops->check_port_permission(t->emu, port, size);
    }
    if (t->emu->cpl > (t->regs.rflags & EFLAGS_IOPL) >> EFLAGS_IOPL_SHIFT) {
        return emu_raise(t->emu, VECTOR_GP, 0);
    }
    return EMU_OK;
}

/* The port: DX, or the immediate byte. */
static uint16_t port_of(struct emu_txn *t, unsigned operand)
{
    uint64_t port = 0;

    (void)txn_get(t, operand, &port); /* a register or an immediate: cannot fail */
    return (uint16_t)port;
}

enum emu_result exec_in(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint16_t port = port_of(t, 1);
    uint32_t value = 0;
    enum emu_result result = txn_check_port(t, port, size);

    if (result == EMU_OK) {
        result = t->emu->ops->io_read ? t->emu->ops->io_read(t->emu, port, size, &value) : EMU_UNHANDLED;
    }
    return result == EMU_OK ? txn_set(t, 0, value) : result;
}

enum emu_result exec_out(struct emu_txn *t)
{
    unsigned size = t->insn->operand[1].size;
    uint16_t port = port_of(t, 0);
    enum emu_result result = txn_check_port(t, port, size);

    if (result == EMU_OK) {
        txn_note(t, EFFECT_PORT, port, txn_gpr(t, INSN_RAX, size));
        t->effect.length = (uint8_t)size;
    }
    return result;
}
