/* SPDX-License-Identifier: MIT */
/* Start-up and the per-vcpu set-up of a 64-bit PV guest. */
#include <kit/args.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/print.h>
#include <kit/random.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

_Static_assert(sizeof(struct kit_regs) == 22 * 8, "entry.S pushes this");
_Static_assert(offsetof(struct kit_regs, vector) == 15 * 8, "entry.S pushes this");
_Static_assert(offsetof(struct kit_regs, upcall_mask) == 18 * 8 + 4, "Xen's frame");

extern char kit_trap_stubs[], kit_trap_stubs_no_error[], kit_failsafe_stub[];

struct start_info *kit_start_info;
uint64_t kit_entry_rsp, kit_entry_rflags;
uint8_t kit_entry_upcall_mask; /* as found at the start of day */
uint64_t kit_failsafe_selectors[4];
char kit_boot_stack[KIT_STACK_SIZE] __aligned(KIT_STACK_SIZE);

static char shared_info_page[KIT_PAGE_SIZE] __aligned(KIT_PAGE_SIZE);

void kit_start(void);

unsigned long kit_trap_stub(unsigned vector, bool no_error)
{
    return (unsigned long)((no_error || vector > 255 ? kit_trap_stubs_no_error : kit_trap_stubs) +
                           vector * 32);
}

void kit_trap_table(struct trap_info *table)
{
    for (unsigned i = 0; i < 256; i++) {
        table[i] = (struct trap_info){
            .vector = (uint8_t)i, .cs = FLAT_KERNEL_CS, .address = kit_trap_stub(i, false)};
        TI_SET_DPL(&table[i], i == 3 || i == 4 || i == 0x80 ? 3 : 0);
    }
}

int kit_trap_table_install(void)
{
    static struct trap_info table[257];

    kit_trap_table(table);
    return (int)hcall_set_trap_table(table);
}

static int register_callback(unsigned type, unsigned long address)
{
    struct callback_register r = {.type = (uint16_t)type, .address = address};

    return (int)hcall_callback_op(CALLBACKOP_register, &r);
}

int kit_callbacks_install(void)
{
    int rc = register_callback(CALLBACKTYPE_event, kit_trap_stub(KIT_VECTOR_EVENT, true));

    if (!rc)
        rc = register_callback(CALLBACKTYPE_failsafe, (unsigned long)kit_failsafe_stub);
    if (!rc)
        rc = register_callback(CALLBACKTYPE_syscall, kit_trap_stub(KIT_VECTOR_SYSCALL, true));
    return rc;
}

void kit_vcpu_context(struct kit_vcpu *v, struct vcpu_guest_context *c)
{
    memset(c, 0, sizeof(*c));
    c->flags = VGCF_IN_KERNEL;
    c->user_regs.cs = FLAT_KERNEL_CS;
    c->user_regs.ss = FLAT_KERNEL_SS;
    c->user_regs.rflags = EFLAGS_IF;
    c->user_regs.rsp = (uintptr_t)v->stack + KIT_STACK_SIZE - 8;
    kit_trap_table(c->trap_ctxt);
    c->kernel_ss = FLAT_KERNEL_SS;
    c->kernel_sp = (uintptr_t)v->trap_stack + KIT_STACK_SIZE;
    c->ctrlreg[3] = xen_pfn_to_cr3(kit_root_mfn);
    c->event_callback_eip = kit_trap_stub(KIT_VECTOR_EVENT, true);
    c->failsafe_callback_eip = (unsigned long)kit_failsafe_stub;
    c->syscall_callback_eip = kit_trap_stub(KIT_VECTOR_SYSCALL, true);
}

static void map_shared_info(void)
{
    kit_shared = (void *)shared_info_page;
    /* No P2M yet to ask, and none needed: the start info names the frame. */
    if (hcall_update_va_mapping((uintptr_t)shared_info_page, kit_start_info->shared_info | PTE_RW,
                                UVMF_INVLPG))
        kit_shutdown(SHUTDOWN_crash);
}

void kit_start(void)
{
    *(struct kit_vcpu **)kit_boot_stack = &kit_vcpus[0];
    map_shared_info();
    kit_vcpus[0].info = &kit_shared->vcpu_info[0];
    kit_entry_upcall_mask = kit_vcpus[0].info->evtchn_upcall_mask;
    kit_vcpus[0].stack = kit_boot_stack;
    kit_args_init((const char *)kit_start_info->cmd_line);
    kit_random_seed(kit_arg_number("seed", 1));
    kit_mm_init();
    kit_vcpu_init_boot();
    if (kit_trap_table_install() || kit_callbacks_install())
        kit_printf("KIT cannot install traps and callbacks\n");
    kit_printf("KIT start %s\n", (const char *)kit_start_info->cmd_line);
    kit_run_tests();
    kit_shutdown(SHUTDOWN_reboot);
}

void kit_shutdown(unsigned reason)
{
    struct sched_shutdown op = {.reason = reason};

    for (;;)
        hcall_sched_op(SCHEDOP_shutdown, &op);
}
