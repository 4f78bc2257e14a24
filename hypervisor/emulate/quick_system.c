/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short way for privileged instructions without memory operands; see quick_system.h. */
#include "emulate/quick_system.h"

#include "emulate/arith.h"

static inline uint64_t *gpr(const struct quick_regs *regs, unsigned reg)
{
    return (uint64_t *)((char *)regs->frame + regs->offset[reg & 15]);
}

/* E4-E7 and EC-EF: bit 0 is the width, bit 1 the direction, bit 3 the port's place. */
static bool decode_port(struct quick_system *q, const uint8_t *bytes, size_t len, bool small)
{
    unsigned opcode = bytes[0];

    if ((opcode & 0xf4) != 0xe4) {
        return false;
    }
    q->op = opcode & 2 ? INSN_OP_OUT : INSN_OP_IN;
    q->size = !(opcode & 1) ? 1 : small ? 2 : 4;
    q->fixed_port = !(opcode & 8);
    q->length = (uint8_t)(1 + small + q->fixed_port);
    if (q->fixed_port) {
        if (len < 2) {
            return false;
        }
        q->port = bytes[1];
    }
    return true;
}

/* 0F 20-23: ModRM.mod does not count. */
static bool decode_move(struct quick_system *q, unsigned opcode, unsigned modrm, unsigned rex)
{
    static const uint8_t ops[4] = {INSN_OP_MOV_FROM_CR, INSN_OP_MOV_FROM_DR, INSN_OP_MOV_TO_CR,
                                   INSN_OP_MOV_TO_DR};
    const unsigned control_registers = 1u << 0 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 8;
    unsigned valid = opcode & 1 ? 0xffu : control_registers;

    q->op = ops[opcode & 3];
    q->index = (uint8_t)(((modrm >> 3) & 7) | (rex & 4) << 1);
    q->reg = (uint8_t)((modrm & 7) | (rex & 1) << 3);
    q->length = (uint8_t)(3 + (rex != 0));
    return valid >> q->index & 1;
}

static unsigned plain_op(unsigned opcode)
{
    switch (opcode) {
    case 0x06:
        return INSN_OP_CLTS;
    case 0x09:
        return INSN_OP_WBINVD;
    case 0x30:
        return INSN_OP_WRMSR;
    case 0x31:
        return INSN_OP_RDTSC;
    case 0x32:
        return INSN_OP_RDMSR;
    case 0xa2:
        return INSN_OP_CPUID;
    default:
        return INSN_OP_NONE;
    }
}

bool quick_system_decode(struct quick_system *quick, const uint8_t *bytes, size_t len)
{
    unsigned rex = 0;

    if (len < 2) {
        return len == 1 && decode_port(quick, bytes, len, false);
    }
    if (bytes[0] == 0x66) {
        return decode_port(quick, bytes + 1, len - 1, true);
    }
    if ((bytes[0] & 0xf0) == 0x40) {
        rex = bytes[0];
        bytes++;
        len--;
    }
    if (len >= 3 && bytes[0] == 0x0f && (bytes[1] & 0xfc) == 0x20) {
        return decode_move(quick, bytes[1], bytes[2], rex);
    }
    if (rex) {
        return false;
    }
    if (bytes[0] != 0x0f) {
        return decode_port(quick, bytes, len, false);
    }
    quick->op = (uint8_t)plain_op(bytes[1]);
    quick->length = 2;
    return quick->op != INSN_OP_NONE;
}

static uint16_t port_of(const struct quick_system *q, const struct quick_regs *regs)
{
    return q->fixed_port ? q->port : (uint16_t)*gpr(regs, INSN_RDX);
}

static enum emu_result check_port(const struct quick_system *q, struct emu *emu, uint16_t port)
{
    if (!emu->ops->check_port_permission) {
        return EMU_UNHANDLED; /* IOPL is in RFLAGS, which are not here */
    }
    return emu->ops->check_port_permission(emu, port, q->size);
}

static enum emu_result execute_in(const struct quick_system *q, struct emu *emu,
                                  const struct quick_regs *regs)
{
    uint64_t *rax = gpr(regs, INSN_RAX);
    uint16_t port = port_of(q, regs);
    uint32_t value = 0;
    enum emu_result result = check_port(q, emu, port);

    if (result == EMU_OK) {
        result = emu->ops->io_read ? emu->ops->io_read(emu, port, q->size, &value) : EMU_UNHANDLED;
    }
    if (result == EMU_OK) {
        uint64_t mask = arith_mask(q->size);

        *rax = q->size == 4 ? value : (*rax & ~mask) | (value & mask);
    }
    return result;
}

static enum emu_result execute_out(const struct quick_system *q, struct emu *emu,
                                   const struct quick_regs *regs)
{
    uint16_t port = port_of(q, regs);
    uint32_t value = (uint32_t)(*gpr(regs, INSN_RAX) & arith_mask(q->size));
    enum emu_result result = check_port(q, emu, port);

    if (result == EMU_OK) {
        result = emu->ops->io_write ? emu->ops->io_write(emu, port, q->size, value) : EMU_UNHANDLED;
    }
    return result;
}

static void set_edx_eax(const struct quick_regs *regs, uint64_t value)
{
    *gpr(regs, INSN_RAX) = (uint32_t)value;
    *gpr(regs, INSN_RDX) = value >> 32;
}

static enum emu_result execute_read_msr(struct emu *emu, const struct quick_regs *regs, uint32_t msr)
{
    uint64_t value = 0;
    enum emu_result result = emu->ops->read_msr ? emu->ops->read_msr(emu, msr, &value) : EMU_UNHANDLED;

    if (result == EMU_OK) {
        set_edx_eax(regs, value);
    }
    return result;
}

static enum emu_result execute_rdtsc(struct emu *emu, const struct quick_regs *regs)
{
    uint64_t cr4 = 0;
    enum emu_result result = EMU_OK;

    if (emu->cpl != 0 && emu->ops->read_cr) {
        result = emu->ops->read_cr(emu, 4, &cr4);
    }
    if (result == EMU_OK && (cr4 & CR4_TSD)) {
        result = emu_raise(emu, VECTOR_GP, 0);
    }
    return result == EMU_OK ? execute_read_msr(emu, regs, MSR_TSC) : result;
}

static enum emu_result execute_write_msr(struct emu *emu, const struct quick_regs *regs)
{
    uint64_t value = *gpr(regs, INSN_RDX) << 32 | (uint32_t)*gpr(regs, INSN_RAX);

    return emu->ops->write_msr ? emu->ops->write_msr(emu, (uint32_t)*gpr(regs, INSN_RCX), value)
                               : EMU_UNHANDLED;
}

static enum emu_result execute_cpuid(struct emu *emu, const struct quick_regs *regs)
{
    uint32_t out[4] = {0};
    enum emu_result result;

    if (!emu->ops->cpuid) {
        return EMU_UNHANDLED;
    }
    result = emu->ops->cpuid(emu, (uint32_t)*gpr(regs, INSN_RAX), (uint32_t)*gpr(regs, INSN_RCX), out);
    if (result == EMU_OK) {
        *gpr(regs, INSN_RAX) = out[0];
        *gpr(regs, INSN_RBX) = out[1];
        *gpr(regs, INSN_RCX) = out[2];
        *gpr(regs, INSN_RDX) = out[3];
    }
    return result;
}

static enum emu_result execute_read_cr_dr(const struct quick_system *q, struct emu *emu,
                                          const struct quick_regs *regs)
{
    bool control = q->op == INSN_OP_MOV_FROM_CR;
    enum emu_result (*read)(struct emu *, unsigned, uint64_t *) =
        control ? emu->ops->read_cr : emu->ops->read_dr;
    uint64_t value = 0;
    enum emu_result result = read ? read(emu, q->index, &value) : EMU_UNHANDLED;

    if (result == EMU_OK) {
        *gpr(regs, q->reg) = value;
    }
    return result;
}

static enum emu_result execute_write_cr_dr(const struct quick_system *q, struct emu *emu,
                                           const struct quick_regs *regs)
{
    bool control = q->op == INSN_OP_MOV_TO_CR;
    enum emu_result (*write)(struct emu *, unsigned, uint64_t) =
        control ? emu->ops->write_cr : emu->ops->write_dr;

    return write ? write(emu, q->index, *gpr(regs, q->reg)) : EMU_UNHANDLED;
}

static enum emu_result execute_clts(struct emu *emu)
{
    uint64_t cr0 = 0;
    enum emu_result result;

    if (!emu->ops->read_cr || !emu->ops->write_cr) {
        return EMU_UNHANDLED;
    }
    result = emu->ops->read_cr(emu, 0, &cr0);
    return result == EMU_OK ? emu->ops->write_cr(emu, 0, cr0 & ~CR0_TS) : result;
}

/* The instructions that need CPL 0. */
static enum emu_result execute_privileged(const struct quick_system *q, struct emu *emu,
                                          const struct quick_regs *regs)
{
    if (emu->cpl != 0) {
        return emu_raise(emu, VECTOR_GP, 0);
    }
    switch (q->op) {
    case INSN_OP_RDMSR:
        return execute_read_msr(emu, regs, (uint32_t)*gpr(regs, INSN_RCX));
    case INSN_OP_WRMSR:
        return execute_write_msr(emu, regs);
    case INSN_OP_MOV_FROM_CR:
    case INSN_OP_MOV_FROM_DR:
        return execute_read_cr_dr(q, emu, regs);
    case INSN_OP_MOV_TO_CR:
    case INSN_OP_MOV_TO_DR:
        return execute_write_cr_dr(q, emu, regs);
    case INSN_OP_CLTS:
        return execute_clts(emu);
    case INSN_OP_WBINVD:
        return emu->ops->cache ? emu->ops->cache(emu, EMU_CACHE_WBINVD, 0) : EMU_UNHANDLED;
    default:
        return EMU_UNHANDLED;
    }
}

enum emu_result quick_system_execute(const struct quick_system *quick, struct emu *emu,
                                     const struct quick_regs *regs)
{
    emu->length = quick->length;
    emu->events = 0;
    if (!(insn_op_class((enum insn_op)quick->op) & emu->classes)) {
        return EMU_UNHANDLED;
    }
    switch (quick->op) {
    case INSN_OP_IN:
        return execute_in(quick, emu, regs);
    case INSN_OP_OUT:
        return execute_out(quick, emu, regs);
    case INSN_OP_CPUID:
        return execute_cpuid(emu, regs);
    case INSN_OP_RDTSC:
        return execute_rdtsc(emu, regs);
    default:
        return execute_privileged(quick, emu, regs);
    }
}
