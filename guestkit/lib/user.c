/* SPDX-License-Identifier: MIT */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/user.h>
#include <kit/vcpu.h>

int kit_user_init(struct kit_user *u, const void *code, size_t size)
{
    uint64_t *root = kit_table_alloc();
    int rc;

    memset(u, 0, sizeof(*u));
    u->code = kit_page_alloc();
    u->data = kit_page_alloc();
    if (!root || !u->code || !u->data)
        return -XEN_ENOMEM;
    memcpy(u->code, code, size);
    u->root_mfn = kit_mfn_of(root);
    rc = kit_pin(4, u->root_mfn);
    if (!rc)
        rc = kit_map(u->root_mfn, KIT_USER_CODE, kit_maddr_of(u->code) | PTE_RO | PTE_U);
    if (!rc)
        rc = kit_map(u->root_mfn, KIT_USER_DATA, kit_maddr_of(u->data) | PTE_RW | PTE_U | PTE_NX);
    u->regs.rip = KIT_USER_CODE;
    u->regs.cs = FLAT_USER_CS64;
    u->regs.rflags = EFLAGS_IF | EFLAGS_FIXED;
    u->regs.rsp = KIT_USER_DATA + KIT_PAGE_SIZE;
    u->regs.ss = FLAT_USER_SS64;
    return rc;
}

/* Give back the tables under a table, then itself. */
static void free_tables(unsigned long mfn, int level)
{
    uint64_t *table = kit_va_of_mfn(mfn);

    for (unsigned i = 0; level > 1 && i < (level == 4 ? 256 : 512); i++)
        if (table[i] & PTE_P)
            free_tables((table[i] & PTE_ADDR) >> KIT_PAGE_SHIFT, level - 1);
    kit_table_free(table);
}

void kit_user_free(struct kit_user *u)
{
    if (!u->root_mfn)
        return;
    kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, 0, 0);
    kit_unpin(u->root_mfn);
    free_tables(u->root_mfn, 4);
    kit_page_free(u->code);
    kit_page_free(u->data);
    u->root_mfn = 0;
}

void kit_user_run(struct kit_user *u)
{
    struct kit_vcpu *v = kit_this();
    int rc;

    rc = kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, u->root_mfn, 0);
    if (!rc)
        rc = (int)hcall_stack_switch(FLAT_KERNEL_SS, (uintptr_t)v->trap_stack + KIT_STACK_SIZE);
    if (rc) {
        u->regs.vector = ~0UL;
        return;
    }
    v->user = u;
    u->mask = v->info->evtchn_upcall_mask;
    if (!kit_setjmp(&u->exit))
        kit_resume(&u->regs);
    v->user = NULL;
    if (u->mask)
        kit_events_disable();
    else
        kit_events_enable();
}

void kit_user_trap(struct kit_user *u, struct kit_regs *regs)
{
    if (u->resume && u->resume(regs))
        return;
    u->regs = *regs;
    kit_longjmp(&u->exit);
}
