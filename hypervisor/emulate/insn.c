/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked about a decoded instruction. */
#include "emulate/insn.h"

uint32_t insn_op_class(enum insn_op op)
{
    static const uint32_t classes[INSN_OP_COUNT] = {
#define X(name, class) [INSN_OP_##name] = EMU_CLASS_##class,
        INSN_OPS(X)
#undef X
    };

    return op < INSN_OP_COUNT ? classes[op] : 0;
}

uint32_t insn_class(const struct insn *insn)
{
    return insn_op_class((enum insn_op)insn->op);
}

const char *insn_op_name(enum insn_op op)
{
    static const char *const names[INSN_OP_COUNT] = {[INSN_OP_NONE] = "NONE",
#define X(name, class) [INSN_OP_##name] = #name,
                                                     INSN_OPS(X)
#undef X
    };

    return op < INSN_OP_COUNT ? names[op] : "?";
}

bool insn_writes_mem(const struct insn *insn)
{
    switch (insn->op) {
    case INSN_OP_CMP:
    case INSN_OP_TEST:
    case INSN_OP_BT:
    case INSN_OP_MUL:
    case INSN_OP_IMUL1:
    case INSN_OP_DIV:
    case INSN_OP_IDIV:
    case INSN_OP_PUSH:
    case INSN_OP_JMP:
    case INSN_OP_CALL:
    case INSN_OP_NOP:
    case INSN_OP_INVLPG:
    case INSN_OP_CLFLUSH:
    case INSN_OP_LMSW:
    case INSN_OP_VERR:
    case INSN_OP_VERW:
    case INSN_OP_LLDT:
    case INSN_OP_LTR:
    case INSN_OP_LGDT:
    case INSN_OP_LIDT:
    case INSN_OP_JMP_FAR:
    case INSN_OP_CALL_FAR:
        return false;
    case INSN_OP_XCHG:
    case INSN_OP_XADD:
        return insn_has_mem(insn);
    default:
        return (insn_class(insn) &
                (EMU_CLASS_MEM_MOV | EMU_CLASS_ALU | EMU_CLASS_STACK | EMU_CLASS_CR | EMU_CLASS_SYSTEM)) &&
               insn->operand[0].kind == INSN_OPERAND_MEM;
    }
}
