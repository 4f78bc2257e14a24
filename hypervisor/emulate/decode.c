/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoding, first half: prefixes, the opcode's way through the tables, sizes, and what is undefined.
 * Operands are in decode_operand.c.
 */
#include "emulate/decoder.h"

enum insn_status decoder_take(struct decoder *d, unsigned size, uint64_t *value)
{
    uint64_t v = 0;

    if (d->at + size > INSN_MAX_LENGTH) {
        return INSN_TOO_LONG;
    }
    if (d->at + size > d->length) {
        return INSN_TRUNCATED;
    }
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)d->bytes[d->at + i] << (8 * i);
    }
    d->at += size;
    *value = v;
    return INSN_OK;
}

enum insn_status decoder_take_signed(struct decoder *d, unsigned size, int64_t *value)
{
    uint64_t v = 0;
    enum insn_status status = decoder_take(d, size, &v);
    unsigned unused = 64 - 8 * size;

    *value = (int64_t)(v << unused) >> unused;
    return status;
}

enum insn_status decoder_take_modrm(struct decoder *d)
{
    uint64_t v = 0;
    enum insn_status status;

    if (d->insn->has_modrm) {
        return INSN_OK;
    }
    status = decoder_take(d, 1, &v);
    d->insn->modrm = (uint8_t)v;
    d->insn->has_modrm = status == INSN_OK;
    return status;
}

/* Notes a segment override; 64-bit mode ignores those of ES, CS, SS and DS altogether (APM 3 1.2.4). */
static void note_segment(struct insn *insn, enum insn_seg seg)
{
    if (insn->mode != INSN_MODE_64 || seg >= INSN_SEG_FS) {
        insn->seg_override = (uint8_t)seg;
    }
}

/* Notes a legacy prefix; false if the byte is none. */
static bool note_prefix(struct insn *insn, uint8_t byte)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
        note_segment(insn, (enum insn_seg)((byte >> 3) & 3));
        return true;
    case 0x64:
    case 0x65:
        note_segment(insn, (enum insn_seg)(byte - 0x64 + INSN_SEG_FS));
        return true;
    case 0x66:
        insn->prefixes |= INSN_PREFIX_66;
        return true;
    case 0x67:
        insn->prefixes |= INSN_PREFIX_67;
        return true;
    case 0xf0:
        insn->prefixes |= INSN_PREFIX_LOCK;
        return true;
    case 0xf2:
        insn->prefixes = (uint8_t)((insn->prefixes & ~INSN_PREFIX_REP) | INSN_PREFIX_REPNE);
        return true;
    case 0xf3:
        insn->prefixes = (uint8_t)((insn->prefixes & ~INSN_PREFIX_REPNE) | INSN_PREFIX_REP);
        return true;
    default:
        return false;
    }
}

/* Takes all prefixes and the first opcode byte. A REX prefix counts only if it comes last. */
static enum insn_status take_prefixes(struct decoder *d, uint8_t *opcode)
{
    struct insn *insn = d->insn;
    uint64_t byte = 0;
    enum insn_status status;

    for (;;) {
        status = decoder_take(d, 1, &byte);
        if (status != INSN_OK) {
            return status;
        }
        if (note_prefix(insn, (uint8_t)byte)) {
            insn->rex = 0;
        } else if (insn->mode == INSN_MODE_64 && (byte & 0xf0) == 0x40) {
            insn->rex = (uint8_t)byte;
        } else {
            break;
        }
    }
    if (insn->rex) {
        insn->prefixes |= INSN_PREFIX_REX;
    }
    *opcode = (uint8_t)byte;
    return INSN_OK;
}

/* C4, C5, 62 and 8F begin VEX, EVEX and XOP only where the older instruction's ModRM would be senseless. */
static enum insn_status is_vex(struct decoder *d, uint8_t opcode, bool *vex)
{
    enum insn_status status;

    *vex = false;
    if (opcode != 0xc4 && opcode != 0xc5 && opcode != 0x62 && opcode != 0x8f) {
        return INSN_OK;
    }
    status = decoder_take_modrm(d);
    if (status != INSN_OK) {
        return status;
    }
    if (opcode == 0x8f) {
        *vex = (d->insn->modrm & 0x1f) >= 8;
    } else {
        *vex = d->insn->mode == INSN_MODE_64 || modrm_mod(d->insn) == 3;
    }
    return INSN_OK;
}

/* How many immediate bytes follow an instruction of VEX map `map` (8 and up: XOP); -1 where there is no such
 * map. */
static int vex_immediate(unsigned map, uint8_t opcode)
{
    switch (map) {
    case 1:
        return (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6);
    case 2:
    case 5:
    case 6:
    case 9:
        return 0;
    case 3:
    case 8:
        return 1;
    case 10:
        return 4;
    default:
        return -1;
    }
}

/* Sets operand and address size from mode, prefixes and the entry's defaults. */
static void set_sizes(struct insn *insn, uint16_t flags)
{
    bool small = insn_has(insn, INSN_PREFIX_66);
    bool other_address = insn_has(insn, INSN_PREFIX_67);

    switch (insn->mode) {
    case INSN_MODE_64:
        insn->address_size = other_address ? 4 : 8;
        if (rex_w(insn) || (flags & T_F64)) {
            insn->operand_size = 8;
        } else if (small) {
            insn->operand_size = 2;
        } else {
            insn->operand_size = flags & T_D64 ? 8 : 4;
        }
        break;
    case INSN_MODE_32:
        insn->address_size = other_address ? 2 : 4;
        insn->operand_size = small ? 2 : 4;
        break;
    default:
        insn->address_size = other_address ? 4 : 2;
        insn->operand_size = small ? 4 : 2;
        break;
    }
}

/* Decodes a VEX, EVEX or XOP instruction as far as its length and its memory operand. The first payload byte
 * is in insn->modrm. */
static enum insn_status decode_vex(struct decoder *d, uint8_t prefix)
{
    struct insn *insn = d->insn;
    unsigned payload = prefix == 0xc5 ? 0 : prefix == 0x62 ? 2 : 1;
    unsigned map = prefix == 0xc5 ? 1 : prefix == 0x62 ? insn->modrm & 7 : insn->modrm & 0x1f;
    uint8_t extend = (uint8_t)(~insn->modrm >> 5); /* R, X, B inverted */
    enum insn_status status = INSN_OK;
    uint64_t ignored, opcode = 0;
    int imm;

    if (insn->prefixes & ~(INSN_PREFIX_67)) {
        return INSN_UNDEFINED; /* SDM 2A 2.3.2-2.3.4: 66, F2, F3, LOCK and REX before VEX */
    }
    if (prefix != 0x62 && prefix != 0x8f && map > 3) {
        return INSN_UNDEFINED;
    }
    insn->rex = insn->mode != INSN_MODE_64 ? 0 : prefix == 0xc5 ? extend & 4 : extend & 7;
    insn->has_modrm = false;
    if (payload) {
        status = decoder_take(d, payload, &ignored);
    }
    if (status == INSN_OK) {
        status = decoder_take(d, 1, &opcode);
    }
    if (status != INSN_OK) {
        return status;
    }
    imm = vex_immediate(map, (uint8_t)opcode);
    if (imm < 0) {
        return INSN_UNDEFINED;
    }
    set_sizes(insn, 0);
    insn->map = INSN_MAP_VEX;
    insn->op = INSN_OP_VEX;
    insn->opcode = (uint8_t)opcode;
    if (prefix == 0x62 || map != 1 || opcode != 0x77) { /* VZEROUPPER alone has no ModRM */
        status = decoder_take_modrm(d);
        if (status == INSN_OK) {
            status = decoder_take_address(d);
        }
    } else {
        insn->modrm = 0;
    }
    if (status == INSN_OK && imm) {
        status = decoder_take(d, (unsigned)imm, &ignored);
    }
    return status;
}

/* Follows the escapes to the table entry of the opcode. */
static enum insn_status find_opcode(struct decoder *d, uint8_t first, struct opcode *entry)
{
    struct insn *insn = d->insn;
    uint64_t byte = first;
    enum insn_status status;

    insn->map = INSN_MAP_PRIMARY;
    if (first == 0x0f) {
        status = decoder_take(d, 1, &byte);
        if (status != INSN_OK) {
            return status;
        }
        insn->map = INSN_MAP_0F;
        if (byte == 0x38 || byte == 0x3a) {
            insn->map = byte == 0x38 ? INSN_MAP_0F38 : INSN_MAP_0F3A;
            status = decoder_take(d, 1, &byte);
            if (status != INSN_OK) {
                return status;
            }
        }
    }
    insn->opcode = (uint8_t)byte;
    switch (insn->map) {
    case INSN_MAP_PRIMARY:
        *entry = byte == 0x63 && insn->mode == INSN_MODE_64 ? opcode_movsxd : opcode_primary[byte];
        break;
    case INSN_MAP_0F:
        *entry = opcode_0f[byte];
        break;
    case INSN_MAP_0F38:
        *entry = opcode_0f38((uint8_t)byte);
        break;
    default:
        *entry = opcode_0f3a((uint8_t)byte);
        break;
    }
    return INSN_OK;
}

/* Which entry of a split the instruction takes. */
static enum insn_status split_index(struct decoder *d, enum split_by by, unsigned *index)
{
    struct insn *insn = d->insn;

    if (by == SPLIT_PREFIX) {
        *index = insn_has(insn, INSN_PREFIX_REP)     ? 2
                 : insn_has(insn, INSN_PREFIX_REPNE) ? 3
                 : insn_has(insn, INSN_PREFIX_66)    ? 1
                                                     : 0;
        return INSN_OK;
    }
    enum insn_status status = decoder_take_modrm(d);

    *index = by == SPLIT_REG ? modrm_reg(insn) : by == SPLIT_RM ? modrm_rm(insn) : modrm_mod(insn) == 3;
    return status;
}

/* Goes through the splits to the final entry; flags accumulate, operands are inherited. */
static enum insn_status resolve(struct decoder *d, struct opcode *entry)
{
    while (entry->flags & T_SPLIT) {
        const struct opcode_split *split = &opcode_split[entry->op];
        unsigned index = 0;
        enum insn_status status = split_index(d, (enum split_by)split->by, &index);

        if (status != INSN_OK) {
            return status;
        }
        const struct opcode *next = &split->entry[index];

        entry->op = next->op;
        entry->flags = (uint16_t)((entry->flags & ~T_SPLIT) | next->flags);
        if (next->code[0] != K_NONE) {
            for (unsigned i = 0; i < 3; i++) {
                entry->code[i] = next->code[i];
            }
        }
    }
    return entry->op == INSN_OP_NONE ? INSN_UNDEFINED : INSN_OK;
}

/* What is undefined for reasons that no table entry expresses. */
static enum insn_status check(const struct insn *insn, uint16_t flags)
{
    if ((flags & T_NO64) && insn->mode == INSN_MODE_64) {
        return INSN_UNDEFINED;
    }
    if ((flags & T_ONLY64) && insn->mode != INSN_MODE_64) {
        return INSN_UNDEFINED;
    }
    if ((flags & T_MEM) && modrm_mod(insn) == 3) {
        return INSN_UNDEFINED;
    }
    if (insn_has(insn, INSN_PREFIX_LOCK) &&
        (!(flags & T_LOCK) || insn->operand[0].kind != INSN_OPERAND_MEM)) {
        return INSN_UNDEFINED;
    }
    return INSN_OK;
}

static bool needs_modrm(const struct opcode *entry)
{
    return (entry->flags & T_MODRM) || operand_needs_modrm(entry->code[0]) ||
           operand_needs_modrm(entry->code[1]);
}

/* Everything after the prefixes, for instructions of the legacy maps. */
static enum insn_status decode_legacy(struct decoder *d, uint8_t first)
{
    struct insn *insn = d->insn;
    struct opcode entry;
    uint64_t ignored;
    enum insn_status status = find_opcode(d, first, &entry);

    if (status == INSN_OK) {
        status = resolve(d, &entry);
    }
    if (status != INSN_OK) {
        return status;
    }
    insn->op = entry.op;
    if (insn->map == INSN_MAP_PRIMARY && insn->opcode == 0x90 && rex_b(insn)) {
        insn->op = INSN_OP_XCHG; /* of r8: not the NOP that 90h is otherwise */
    }
    set_sizes(insn, entry.flags);
    if (needs_modrm(&entry)) {
        status = decoder_take_modrm(d);
    }
    /* MOV to and from CR and DR has ModRM, but no address whatever it says. */
    if (status == INSN_OK && insn->has_modrm && entry.code[0] != K_Ry && entry.code[1] != K_Ry) {
        status = decoder_take_address(d);
    }
    if (status == INSN_OK) {
        status = decoder_take_operands(d, entry.code);
    }
    if (status == INSN_OK && (entry.flags & T_IMM8)) {
        status = decoder_take(d, 1, &ignored);
    }
    return status == INSN_OK ? check(insn, entry.flags) : status;
}

enum insn_status insn_decode(struct insn *insn, const uint8_t *bytes, size_t len, enum insn_mode mode)
{
    struct decoder d = {.bytes = bytes, .length = len, .insn = insn};
    enum insn_status status;
    uint8_t opcode = 0;
    bool vex = false;

    *insn = (struct insn){
        .mode = (uint8_t)mode,
        .seg_override = INSN_SEG_NONE,
        .mem = {.seg = INSN_SEG_NONE, .base = INSN_REG_NONE, .index = INSN_REG_NONE, .scale = 1},
    };
    status = take_prefixes(&d, &opcode);
    if (status == INSN_OK) {
        status = is_vex(&d, opcode, &vex);
    }
    if (status == INSN_OK) {
        status = vex ? decode_vex(&d, opcode) : decode_legacy(&d, opcode);
    }
    insn->length = (uint8_t)d.at;
    return status;
}
