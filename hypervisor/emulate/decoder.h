/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of the decoder share: a cursor over the bytes. Private to the decoder. */
#ifndef EMULATE_DECODER_H
#define EMULATE_DECODER_H

#include "emulate/table.h"

struct decoder {
    const uint8_t *bytes;
    size_t length; /* readable bytes */
    size_t at;
    struct insn *insn;
};

/* Takes `size` (1, 2, 4, 8) bytes, little endian, zero-extended. */
enum insn_status decoder_take(struct decoder *d, unsigned size, uint64_t *value);

/* The same, sign-extended. */
enum insn_status decoder_take_signed(struct decoder *d, unsigned size, int64_t *value);

/* Takes ModRM, if it has not been taken yet. */
enum insn_status decoder_take_modrm(struct decoder *d);

/* Takes SIB and displacement and fills insn->mem, if ModRM names memory. */
enum insn_status decoder_take_address(struct decoder *d);

/* Fills insn->operand[] from the entry's operand codes, and takes what immediates they need. ModRM and
 * address have been taken. */
enum insn_status decoder_take_operands(struct decoder *d, const uint8_t code[3]);

/* Whether an operand code implies a ModRM byte. */
bool operand_needs_modrm(uint8_t code);

static inline unsigned modrm_mod(const struct insn *insn)
{
    return insn->modrm >> 6;
}

static inline unsigned modrm_reg(const struct insn *insn)
{
    return (insn->modrm >> 3) & 7;
}

static inline unsigned modrm_rm(const struct insn *insn)
{
    return insn->modrm & 7;
}

/* The extension bits of a REX prefix, moved to where they are added to a register number. */
static inline unsigned rex_r(const struct insn *insn)
{
    return (insn->rex & 4) << 1;
}

static inline unsigned rex_x(const struct insn *insn)
{
    return (insn->rex & 2) << 2;
}

static inline unsigned rex_b(const struct insn *insn)
{
    return (insn->rex & 1) << 3;
}

static inline bool rex_w(const struct insn *insn)
{
    return insn->rex & 8;
}

#endif
