/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments for native_run.h outside 64-bit mode: random descriptors in this process's local table, and the same as the emulator sees them.
 */
#ifndef TESTS_NATIVE_SEGMENTS_H
#define TESTS_NATIVE_SEGMENTS_H

#include <asm/ldt.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "random.h"
#include "native_run.h"

static struct emu_segment native_segments[6]; /* by enum insn_seg; FS and GS are null outside 64-bit mode */

static inline uint16_t ldt_selector(unsigned entry)
{
    return (uint16_t)(entry << 3 | 7); /* local table, privilege level 3 */
}

/* Whether the host's kernel lets a process have descriptors of its own. */
static bool have_segments(void)
{
    struct user_desc none = {.read_exec_only = 1, .seg_not_present = 1};

    return syscall(SYS_modify_ldt, 0x11, &none, sizeof(none)) == 0;
}

/* Puts a descriptor into the table and into native_segments. `contents`: 0 data, 1 expand down, 2 code. */
static void set_segment(enum insn_seg seg, uint32_t base, uint32_t limit, unsigned contents, bool big,
                        bool read_only)
{
    bool pages = limit > 0xfffff;
    struct user_desc desc = {
        .entry_number = (unsigned)seg,
        .base_addr = base,
        .limit = pages ? limit >> 12 : limit,
        .seg_32bit = big,
        .contents = contents,
        .read_exec_only = read_only,
        .limit_in_pages = pages,
    };
    unsigned type = 1u | (contents == 2 ? 0xau : contents << 2 | (read_only ? 0 : 2u));

    if (syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)) != 0) {
        perror("modify_ldt");
        exit(1);
    }
    native_segments[seg] = (struct emu_segment){
        .selector = ldt_selector(seg),
        .attributes = (uint16_t)(0xf0 | type | (big ? EMU_SEGMENT_DB : 0)),
        .limit = pages ? limit | 0xfff : limit,
        .base = base,
    };
}

/*
 * A data segment in which the machine's memory can be reached, more or less. Those with a base are kept near the machine, so that a wrong address
 * cannot reach the test's own memory.
 */
static void random_data_segment(enum insn_seg seg)
{
    bool read_only = seg != INSN_SEG_SS && random_below(5) == 0;
    bool big = random_below(2);

    switch (random_below(4)) {
    case 0:
        set_segment(seg, 0, 0xffffffff, 0, big, read_only);
        break;
    case 1:
        set_segment(seg, MACHINE_RW_START - 16 * random_below(256), 0x4800 + random_below(0x1800), 0, big,
                    read_only);
        break;
    case 2:
        set_segment(seg, 0, (uint32_t)MACHINE_RW_START + 0x1000 * random_below(4), 1, true, read_only);
        break;
    default:
        set_segment(seg, MACHINE_RW_START - 16 * random_below(256), random_below(0x3000), 1, big, read_only);
        break;
    }
}

/* The code segment decides the mode. */
static enum insn_mode random_segments(void)
{
    bool big = random_below(2);

    random_data_segment(INSN_SEG_DS);
    random_data_segment(INSN_SEG_ES);
    random_data_segment(INSN_SEG_SS);
    set_segment(INSN_SEG_CS, random_below(3) || !big ? NATIVE_CODE : 0, 0, 2, big, false);
    if (native_segments[INSN_SEG_CS].base) {
        set_segment(INSN_SEG_CS, NATIVE_CODE, MACHINE_PAGE - 1, 2, big, false);
    } else {
        set_segment(INSN_SEG_CS, 0, 0xffffffff, 2, big, false);
    }
    return big ? INSN_MODE_32 : INSN_MODE_16;
}

#endif
