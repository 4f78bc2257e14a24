/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction executor: a decoded instruction, a register file and callbacks in; the instruction's whole
 * effect, or none, out.
 *
 * An instruction reads what it needs, computes into a private transaction, then commits: at most one external
 * effect (a store, a port, a control register, ...), which may fail, and after it the registers, which
 * cannot. So a result other than EMU_OK leaves the caller's registers as they were, with one exception: a
 * repeated string instruction keeps the iterations that were completed, as the processor does.
 *
 * The executor checks what depends on privilege level, flags, segments and canonical form. What depends on
 * paging, on the hypervisor's policy, or on model-specific state is the callbacks' part. Alignment checks
 * (EFLAGS.AC) and single-step traps (EFLAGS.TF) are the caller's. It must not know about domains or virtual
 * processors.
 *
 * Not executed, though decoded: far control transfers, IRET, descriptor-table instructions, x87 and SIMD.
 * They give EMU_UNHANDLED.
 */
#ifndef EMULATE_EXEC_H
#define EMULATE_EXEC_H

#include "arch/x86/vectors.h"
#include "emulate/insn.h"

enum emu_result {
    EMU_OK = 0,    /* done, and committed */
    EMU_EXCEPTION, /* emu->exception is to be delivered */
    EMU_RETRY, /* nothing is committed; run it again: a compare-and-exchange lost, or a callback asked for it
                */
    EMU_UNHANDLED, /* not of an allowed class, not implemented, or no callback */
    EMU_ERROR,     /* a callback failed for a reason that is not the guest's: emu->error */
};

struct emu_exception {
    uint8_t vector;
    bool has_error_code;
    bool software; /* INT n, INT3, INTO, ICEBP: rip still points at the instruction, whose length is
                      emu->length */
    uint32_t error_code;
    uint64_t cr2; /* for a page fault */
};

struct emu_regs {
    uint64_t gpr[16]; /* by enum insn_gpr */
    uint64_t rip;
    uint64_t rflags;
};

/* A segment register. `attributes` packs bits 40-47 and 52-55 of the descriptor into bits 0-7 and 8-11 (APM
 * 2 15.5, the VMCB's form). */
struct emu_segment {
    uint16_t selector;
    uint16_t attributes;
    uint32_t limit; /* in bytes, inclusive */
    uint64_t base;
};

#define EMU_SEGMENT_S       0x0010u
#define EMU_SEGMENT_PRESENT 0x0080u
#define EMU_SEGMENT_DB      0x0400u

enum emu_access {
    EMU_ACCESS_READ,
    EMU_ACCESS_WRITE,
    EMU_ACCESS_RMW, /* a read that will be followed by a write to the same place: faults as a write */
};

enum emu_cache_op {
    EMU_CACHE_WBINVD,
    EMU_CACHE_WBNOINVD,
    EMU_CACHE_INVD,
    EMU_CACHE_LINE, /* CLFLUSH, CLFLUSHOPT, CLWB of one address */
};

/* What happened beside registers and memory; bits of emu->events. */
enum emu_event {
    EMU_EVENT_HALT = 1u << 0,       /* HLT */
    EMU_EVENT_STI_SHADOW = 1u << 1, /* interrupts stay blocked for one more instruction */
    EMU_EVENT_SS_SHADOW = 1u << 2,  /* the same, and debug traps too */
    EMU_EVENT_REP_PARTIAL =
        1u << 3, /* the iteration limit was reached: rip has not moved, the registers hold the progress */
    EMU_EVENT_FLAGS_WRITE = 1u << 4, /* CLI, STI, POPF: rflags' system bits may have changed */
};

struct emu;

/*
 * The caller's side. Every callback but `read` and `write` may be NULL; what needs it is then EMU_UNHANDLED.
 * Each returns an emu_result: EMU_EXCEPTION after emu_raise() or emu_raise_page_fault(), EMU_ERROR after
 * setting emu->error.
 *
 * Addresses are linear and canonical, ranges up to 64 bytes may cross one page boundary. A store must happen
 * wholly or not at all.
 */
struct emu_ops {
    enum emu_result (*read)(struct emu *emu, uint64_t linear, void *buffer, unsigned length,
                            enum emu_access access);
    enum emu_result (*write)(struct emu *emu, uint64_t linear, const void *buffer, unsigned length);
    /* Atomically replaces `expected` by `desired` (1, 2, 4, 8, 16 bytes); EMU_RETRY if something else is
     * there. NULL: `write` will do. */
    enum emu_result (*cmpxchg)(struct emu *emu, uint64_t linear, const void *expected, const void *desired,
                               unsigned length);
    /* Whether a store to the range would fault, without doing it. NULL: not asked. Used before a port is read
     * into memory. */
    enum emu_result (*probe)(struct emu *emu, uint64_t linear, unsigned length, enum emu_access access);

    /* Asked for selectors that are stored; for FS and GS bases; outside 64-bit mode for every access and
     * branch. */
    enum emu_result (*read_segment)(struct emu *emu, enum insn_seg seg, struct emu_segment *segment);
    /* MOV or POP to a segment register; the callback does all checks on the descriptor. */
    enum emu_result (*load_segment)(struct emu *emu, enum insn_seg seg, uint16_t selector);

    /* Whether the current privilege may use the ports [port, port + size): raises #GP(0) if not. NULL: CPL
     * against IOPL decides. */
    enum emu_result (*check_port_permission)(struct emu *emu, uint16_t port, unsigned size);
    enum emu_result (*io_read)(struct emu *emu, uint16_t port, unsigned size, uint32_t *value);
    enum emu_result (*io_write)(struct emu *emu, uint16_t port, unsigned size, uint32_t value);

    enum emu_result (*cpuid)(struct emu *emu, uint32_t leaf, uint32_t subleaf,
                             uint32_t result[4]); /* eax, ebx, ecx, edx */
    enum emu_result (*read_msr)(struct emu *emu, uint32_t msr,
                                uint64_t *value); /* also the TSC and TSC_AUX */
    enum emu_result (*write_msr)(struct emu *emu, uint32_t msr, uint64_t value);
    enum emu_result (*read_cr)(struct emu *emu, unsigned cr, uint64_t *value);
    enum emu_result (*write_cr)(struct emu *emu, unsigned cr, uint64_t value);
    enum emu_result (*read_dr)(struct emu *emu, unsigned dr,
                               uint64_t *value); /* DR4 and DR5: as CR4.DE says, the callback's part */
    enum emu_result (*write_dr)(struct emu *emu, unsigned dr, uint64_t value);
    enum emu_result (*read_xcr)(struct emu *emu, uint32_t xcr, uint64_t *value);
    enum emu_result (*write_xcr)(struct emu *emu, uint32_t xcr, uint64_t value);
    enum emu_result (*cache)(struct emu *emu, enum emu_cache_op op, uint64_t linear);
    enum emu_result (*invlpg)(struct emu *emu, uint64_t linear);
};

/* One emulation. The caller owns it and fills the first part; the second part is the answer. */
struct emu {
    const struct emu_ops *ops;
    void *opaque;          /* the callbacks' */
    struct emu_regs *regs; /* in and out; rip points at the instruction */
    uint32_t classes;      /* bits of enum emu_class that are allowed */
    uint32_t rep_limit;    /* most iterations of a repeated string instruction in one call; 0 means 1 */
    uint8_t mode;          /* enum insn_mode, as given to insn_decode() */
    uint8_t cpl;           /* the guest's own idea of it: 0 for a PV kernel */
    uint8_t va_bits;       /* 48 or 57; 0 means 48 */

    uint8_t length;                 /* of the instruction */
    uint32_t events;                /* bits of enum emu_event */
    int error;                      /* for EMU_ERROR: the callback's own */
    struct emu_exception exception; /* for EMU_EXCEPTION */
};

/* Executes `insn`, which insn_decode() gave for emu->mode and for the bytes at emu->regs->rip. */
enum emu_result emu_execute(struct emu *emu, const struct insn *insn);

/* For callbacks: note an exception and answer EMU_EXCEPTION. Those of EXCEPTIONS_WITH_ERROR_CODE have one. */
enum emu_result emu_raise(struct emu *emu, uint8_t vector, uint32_t error_code);
enum emu_result emu_raise_page_fault(struct emu *emu, uint64_t cr2, uint32_t error_code);

/* Whether `address` is canonical for emu->va_bits. */
bool emu_is_canonical(const struct emu *emu, uint64_t address);

#endif
