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
