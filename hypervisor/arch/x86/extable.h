/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions of ours that may fault, each with the place to go on: pairs of offsets relative to themselves, so the table needs no relocation. */
#ifndef ARCH_X86_EXTABLE_H
#define ARCH_X86_EXTABLE_H

/* For inline assembly: a fault at label `from` continues at label `to`. */
#define EXTABLE(from, to)                                                                                    \
    ".pushsection .extable, \"a\"\n\t.balign 8\n\t.long " #from " - .\n\t.long " #to " - .\n\t.popsection\n"

#ifndef __ASSEMBLER__
#include "hv/types.h"
/* Where to go on after a fault at this address, or 0. */
uint64_t extable_find(uint64_t rip);
/* The start-up self-tests jump to an address that must not run: a fault there goes on at `resume`. 0: none. */
extern uint64_t extable_jump_target, extable_jump_resume;
#endif
#endif
