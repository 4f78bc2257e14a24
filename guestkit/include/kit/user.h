/* SPDX-License-Identifier: MIT */
/*
 * User mode: a second address space in which a context runs until it traps. It holds only what is mapped
 * there, and the whole of it is accessible to user code.
 */
#ifndef KIT_USER_H
#define KIT_USER_H

#include <kit/trap.h>
#include <kit/types.h>

#define KIT_USER_CODE 0x400000UL
#define KIT_USER_DATA 0x500000UL /* one page read-write; the stack starts at its end */

struct kit_user {
    unsigned long root_mfn;
    void *code, *data;                     /* the kernel's view of the two pages */
    struct kit_regs regs;                  /* in: where to start; out: as it left */
    bool (*resume)(struct kit_regs *regs); /* if set: asked at each trap; true goes straight back */
    struct kit_jump exit;
    uint8_t mask;
};

/* Make an address space with the given code (at most a page, position independent) at KIT_USER_CODE. */
int kit_user_init(struct kit_user *u, const void *code, size_t size);
void kit_user_free(struct kit_user *u);

/*
 * Run from u->regs until a trap, which is described in u->regs (vector, error, registers) and in kit_fault()
 * (upcall masks, cr2).
 */
void kit_user_run(struct kit_user *u);

/* Called on traps from user mode. */
void kit_user_trap(struct kit_user *u, struct kit_regs *regs);

#endif
