/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small machine for the emulator's hosted tests: pages with permissions at fixed linear addresses, a GS
 * base, nothing else. Faults are those of a processor at privilege level 3 whose absent pages are not
 * present.
 */
#ifndef TESTS_EMU_MACHINE_H
#define TESTS_EMU_MACHINE_H

#include <string.h>

#include "emulate/exec.h"

#define MACHINE_BASE     0x10000000ull
#define MACHINE_PAGE     0x1000u
#define MACHINE_RW_START (MACHINE_BASE + 1 * MACHINE_PAGE)
#define MACHINE_RO_START (MACHINE_BASE + 5 * MACHINE_PAGE)
#define MACHINE_END                                                                                          \
    (MACHINE_BASE + 6 * MACHINE_PAGE) /* nothing is mapped below RW_START nor from here on \
                                                            */
#define MACHINE_BYTES (5 * MACHINE_PAGE)

struct machine {
    uint8_t memory[MACHINE_BYTES]; /* from MACHINE_RW_START */
    uint64_t gs_base;
    uint64_t fs_base;
    unsigned reads, writes, exchanges;
};

static inline struct machine *machine_of(struct emu *emu)
{
    return emu->opaque;
}

/* Where the range is in machine->memory, or NULL with a page fault raised. */
static inline uint8_t *machine_map(struct emu *emu, uint64_t linear, unsigned length, bool write)
{
    for (uint64_t at = linear; at < linear + length; at++) {
        bool mapped = at >= MACHINE_RW_START && at < MACHINE_END;

        if (!mapped || (write && at >= MACHINE_RO_START)) {
            emu_raise_page_fault(emu, at, 4u | (write ? 2u : 0) | (mapped ? 1u : 0));
            return NULL;
        }
    }
    return machine_of(emu)->memory + (linear - MACHINE_RW_START);
}

static inline enum emu_result machine_read(struct emu *emu, uint64_t linear, void *buffer, unsigned length,
                                           enum emu_access access)
{
    uint8_t *p = machine_map(emu, linear, length, access != EMU_ACCESS_READ);

    if (!p) {
        return EMU_EXCEPTION;
    }
    machine_of(emu)->reads++;
    memcpy(buffer, p, length);
    return EMU_OK;
}

static inline enum emu_result machine_write(struct emu *emu, uint64_t linear, const void *buffer,
                                            unsigned length)
{
    uint8_t *p = machine_map(emu, linear, length, true);

    if (!p) {
        return EMU_EXCEPTION;
    }
    machine_of(emu)->writes++;
    memcpy(p, buffer, length);
    return EMU_OK;
}

static inline enum emu_result machine_cmpxchg(struct emu *emu, uint64_t linear, const void *expected,
                                              const void *desired, unsigned length)
{
    uint8_t *p = machine_map(emu, linear, length, true);

    if (!p) {
        return EMU_EXCEPTION;
    }
    if (memcmp(p, expected, length) != 0) {
        return EMU_RETRY;
    }
    machine_of(emu)->exchanges++;
    memcpy(p, desired, length);
    return EMU_OK;
}

/* Flat segments with null selectors, as user space has in 64-bit mode, but for the bases of FS and GS. */
static inline enum emu_result machine_segment(struct emu *emu, enum insn_seg seg, struct emu_segment *segment)
{
    struct machine *m = machine_of(emu);

    *segment = (struct emu_segment){
        .attributes = seg == INSN_SEG_CS ? 0xcfb : 0xcf3,
        .limit = 0xffffffffu,
        .base = seg == INSN_SEG_GS   ? m->gs_base
                : seg == INSN_SEG_FS ? m->fs_base
                                     : 0,
    };
    return EMU_OK;
}

static const struct emu_ops machine_ops __attribute__((unused)) = {
    .read = machine_read,
    .write = machine_write,
    .cmpxchg = machine_cmpxchg,
    .read_segment = machine_segment,
};

#endif
