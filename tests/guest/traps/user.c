/* SPDX-License-Identifier: MIT */
/* User mode: getting there by iret, and every way back. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/user.h>
#include <kit/vcpu.h>

/* Pieces of user code; each starts at its label and is reached through user_start + (label - user_code). */
__asm__(".pushsection .rodata\n"
        "user_code:\n"
        "user_syscall: mov $0x1234, %eax; mov $0x11, %edi; mov $0x22, %r11d; mov $0x33, %ecx; syscall\n"
        "user_after_syscall: mov %rax, %rbx; int $0x80\n"
        "user_int80: int $0x80\n"
        "user_after_int80: ud2\n"
        "user_int50: int $0x50\n"
        "user_int3: int3\n"
        "user_after_int3: nop\n"
        "user_ud2: ud2\n"
        "user_divide: xor %ecx, %ecx; xor %edx, %edx; div %ecx\n"
        "user_read: mov (%rdi), %rax; int $0x80\n"
        "user_write: mov %rax, (%rdi); int $0x80\n"
        "user_jump: jmp *%rdi\n"
        "user_cli: cli; int $0x80\n"
        "user_sti: sti; int $0x80\n"
        "user_hlt: hlt; int $0x80\n"
        "user_in: in $0x61, %al; int $0x80\n"
        "user_port: mov %edi, %edx; mov $0x5a5a, %eax; in %dx, %al; int $0x80\n"
        "user_ports: mov %edi, %edx; in %dx, %eax; in %dx, %ax; out %al, %dx; syscall\n"
        "user_rdmsr: mov $0x10, %ecx; rdmsr; int $0x80\n"
        "user_cr0: mov %cr0, %rax; int $0x80\n"
        "user_wbinvd: wbinvd; int $0x80\n"
        "user_clts: clts; int $0x80\n"
        "user_rdtsc: rdtsc; int $0x80\n"
        "user_cpuid: mov $0x40000000, %eax; .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid; int $0x80\n"
        "user_fs: mov %fs:0, %rax; mov %gs:0, %rbx; int $0x80\n"
        "user_flags: pushfq; pop %rax; int $0x80\n"
        "user_step: nop; nop; int $0x80\n"
        "user_compat: int $0x80\n"
        "user_rcx: mov %rcx, %rax; mov %r11, %rbx; int $0x80\n"
        "user_code_end:\n"
        ".popsection");
extern const char user_code[], user_code_end[], user_syscall[], user_after_syscall[], user_int80[],
    user_after_int80[], user_int50[], user_int3[], user_after_int3[], user_ud2[], user_divide[], user_read[],
    user_write[], user_jump[], user_cli[], user_sti[], user_hlt[], user_in[], user_port[], user_ports[],
    user_rdmsr[], user_cr0[], user_wbinvd[], user_clts[], user_rdtsc[], user_cpuid[], user_fs[], user_flags[],
    user_step[], user_compat[], user_rcx[];

#define AT(label) (KIT_USER_CODE + (uintptr_t)((label)-user_code))

static struct kit_user user;

static bool start(void)
{
    int rc = user.root_mfn ? 0 : kit_user_init(&user, user_code, (size_t)(user_code_end - user_code));

    CHECK_RC(rc, 0);
    return !rc;
}

/* Run from a label with clean registers and an argument in rdi. */
static struct kit_regs *go(const char *label, uint64_t rdi)
{
    memset(&user.regs, 0, sizeof(user.regs));
    user.regs.rip = AT(label);
    user.regs.cs = FLAT_USER_CS64;
    user.regs.ss = FLAT_USER_SS64;
    user.regs.rflags = EFLAGS_IF | EFLAGS_FIXED;
    user.regs.rsp = KIT_USER_DATA + KIT_PAGE_SIZE;
    user.regs.rdi = rdi;
    kit_user_run(&user);
    return &user.regs;
}

#define CHECK_EXIT(r, v, e)                                                                                  \
    kit_check((r)->vector == (v) && (r)->error == (e), __FILE__, __LINE__,                                   \
              "wanted vector %u error %#x, got vector %lu error %#lx rip %lx", (unsigned)(v), (unsigned)(e), \
              (r)->vector, (r)->error, (r)->rip)

KIT_TEST(user_syscall_entry)
{
    struct kit_regs *r;

    CHECK_OR_RETURN(start());
    r = go(user_syscall, 0);
    CHECK_EXIT(r, KIT_VECTOR_SYSCALL, 0);
    CHECK_EQ(r->rip, AT(user_after_syscall));
    CHECK_EQ(r->rax, 0x1234);
    CHECK_EQ(r->rdi, 0x11);
    CHECK_EQ(r->rcx, r->rip); /* as SYSCALL leaves them */
    CHECK_EQ(r->r11, r->rflags);
    CHECK_EQ(r->cs, FLAT_USER_CS64);
    CHECK_EQ(r->ss, FLAT_USER_SS64);
    CHECK_EQ(r->rsp, KIT_USER_DATA + KIT_PAGE_SIZE);
    CHECK_EQ(r->upcall_mask, 0);
    CHECK_EQ(r->rflags & (EFLAGS_IOPL | EFLAGS_IF), EFLAGS_IF);
    CHECK_EQ(kit_fault()->mask, 0);
    CHECK_EQ(kit_fault()->frame + 40, (uintptr_t)kit_this()->trap_stack + KIT_STACK_SIZE);
    /* And on: the same context, with a result. */
    r->rax = 0x77;
    kit_user_run(&user);
    CHECK_EXIT(r, VECTOR_INT80, 0);
    CHECK_EQ(r->rbx, 0x77);
}

KIT_TEST(user_syscall_masks_events)
{
    struct callback_register c = {.type = CALLBACKTYPE_syscall,
                                  .flags = CALLBACKF_mask_events,
                                  .address = kit_trap_stub(KIT_VECTOR_SYSCALL, true)};

    CHECK_OR_RETURN(start());
    CHECK_RC(hcall_callback_op(CALLBACKOP_register, &c), 0);
    go(user_syscall, 0);
    CHECK_EQ(kit_fault()->mask, 1);
    CHECK_EQ(user.regs.upcall_mask, 0);
    c.flags = 0;
    CHECK_RC(hcall_callback_op(CALLBACKOP_register, &c), 0);
    go(user_syscall, 0);
    CHECK_EQ(kit_fault()->mask, 0);
    kit_events_disable();
}

KIT_TEST(user_software_interrupts)
{
    struct kit_regs *r;

    CHECK_OR_RETURN(start());
    r = go(user_int80, 0);
    CHECK_EXIT(r, VECTOR_INT80, 0);
    CHECK_EQ(r->rip, AT(user_after_int80));
    CHECK_EQ(r->cs, FLAT_USER_CS64);
    r = go(user_int3, 0);
    CHECK_EXIT(r, VECTOR_BP, 0);
    CHECK_EQ(r->rip, AT(user_after_int3));
    r = go(user_int50, 0);
    CHECK_EQ(r->vector, VECTOR_GP);
    CHECK_EQ(r->rip, AT(user_int50));
}

KIT_TEST(user_exceptions)
{
    struct kit_regs *r;

    CHECK_OR_RETURN(start());
    r = go(user_ud2, 0);
    CHECK_EXIT(r, VECTOR_UD, 0);
    CHECK_EQ(r->rip, AT(user_ud2));
    r = go(user_divide, 0);
    CHECK_EXIT(r, VECTOR_DE, 0);
}

KIT_TEST(user_page_faults)
{
    CHECK_OR_RETURN(start());
    CHECK_EXIT(go(user_read, 0x1000), VECTOR_PF, PF_USER);
    CHECK_EQ(kit_fault()->cr2, 0x1000);
    CHECK_EXIT(go(user_write, 0x1008), VECTOR_PF, PF_WRITE | PF_USER);
    CHECK_EQ(kit_fault()->cr2, 0x1008);
    CHECK_EXIT(go(user_write, KIT_USER_CODE), VECTOR_PF, PF_PRESENT | PF_WRITE | PF_USER);
    CHECK_EXIT(go(user_jump, KIT_USER_DATA), VECTOR_PF, PF_PRESENT | PF_USER | PF_FETCH);
    CHECK_EXIT(go(user_jump, 0x1000), VECTOR_PF, PF_USER | PF_FETCH);
    /* The kernel is not in this address space, nor is the M2P. */
    CHECK_EXIT(go(user_read, (uintptr_t)user_code), VECTOR_PF, PF_USER);
    CHECK_EXIT(go(user_read, 0x8000000000000000UL), VECTOR_GP, 0);
    CHECK_EXIT(go(user_read, KIT_USER_DATA), VECTOR_INT80, 0);
    CHECK_EXIT(go(user_read, MACH2PHYS_VIRT_START), VECTOR_PF, PF_USER);
    go(user_read, 0xffff82d040200000UL);
    CHECK_EQ(user.regs.vector, VECTOR_PF);
    CHECK_EQ(user.regs.error & ~1UL, PF_USER);
}

KIT_TEST(user_privileged)
{
    static const char *const labels[] = {user_cli,   user_sti, user_hlt,    user_in,
                                         user_rdmsr, user_cr0, user_wbinvd, user_clts};
    struct physdev_set_iopl iopl = {.iopl = 2};

    CHECK_OR_RETURN(start());
    for (unsigned i = 0; i < ARRAY_SIZE(labels); i++)
        CHECK_EXIT(go(labels[i], 0), VECTOR_GP, 0);
    /* A virtual IOPL of 3 opens ports to the user, and nothing else. */
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    CHECK_EXIT(go(user_in, 0), VECTOR_GP, 0);
    iopl.iopl = 3;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    CHECK_EXIT(go(user_in, 0), VECTOR_INT80, 0);
    CHECK_EXIT(go(user_cli, 0), VECTOR_INT80, 0);
    CHECK_EXIT(go(user_rdmsr, 0), VECTOR_GP, 0);
    CHECK_EXIT(go(user_wbinvd, 0), VECTOR_GP, 0);
    iopl.iopl = 0;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
}

KIT_TEST(user_cpuid_prefix)
{
    CHECK_OR_RETURN(start());
    CHECK_EXIT(go(user_cpuid, 0), VECTOR_INT80, 0);
    CHECK_EQ(user.regs.rbx, 0x566e6558);
}

KIT_TEST(user_rdtsc_under_tsd)
{
    uint64_t cr4;

    CHECK_OR_RETURN(start());
    CHECK_EXIT(go(user_rdtsc, 0), VECTOR_INT80, 0);
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | 4));
    CHECK_EXIT(go(user_rdtsc, 0), VECTOR_GP, 0);
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4));
}

KIT_TEST(user_segment_bases)
{
    uint64_t *data;

    CHECK_OR_RETURN(start());
    data = user.data;
    data[0] = 0xf5;
    data[1] = 0x65;
    CHECK_RC(hcall_set_segment_base(SEGBASE_FS, KIT_USER_DATA), 0);
    CHECK_RC(hcall_set_segment_base(SEGBASE_GS_USER, KIT_USER_DATA + 8), 0);
    CHECK_EXIT(go(user_fs, 0), VECTOR_INT80, 0);
    CHECK_EQ(user.regs.rax, 0xf5);
    CHECK_EQ(user.regs.rbx, 0x65);
    hcall_set_segment_base(SEGBASE_FS, 0);
    hcall_set_segment_base(SEGBASE_GS_USER, 0);
}

static uint64_t flags_after(uint64_t rflags)
{
    memset(&user.regs, 0, sizeof(user.regs));
    user.regs.rip = AT(user_flags);
    user.regs.cs = FLAT_USER_CS64;
    user.regs.ss = FLAT_USER_SS64;
    user.regs.rflags = rflags;
    user.regs.rsp = KIT_USER_DATA + KIT_PAGE_SIZE;
    kit_user_run(&user);
    CHECK_EQ(user.regs.vector, VECTOR_INT80);
    return user.regs.rax;
}

/* iret lets through what a user may set, forces IF on, and keeps IOPL, VM, VIF and VIP out; NT passes. */
KIT_TEST(user_flags_from_iret)
{
    CHECK_OR_RETURN(start());
    CHECK_EQ(flags_after(0), 0x202);
    CHECK_EQ(flags_after(0x2d7), 0x2d7);
    CHECK_EQ(flags_after(0xc00), 0xe02);
    CHECK_EQ(flags_after(0x3000), 0x202);
    CHECK_EQ(flags_after(0x4000), 0x4202);
    CHECK_EQ(flags_after(0x20000), 0x202);
    CHECK_EQ(flags_after(0x40000), 0x40202);
    CHECK_EQ(flags_after(0x180000), 0x202);
    CHECK_EQ(flags_after(0x200000), 0x200202);
    kit_events_disable();
}

KIT_TEST(user_single_step)
{
    CHECK_OR_RETURN(start());
    go(user_step, 0);
    user.regs.rip = AT(user_step);
    user.regs.rflags |= EFLAGS_TF;
    kit_user_run(&user);
    CHECK_EXIT(&user.regs, VECTOR_DB, 0);
    CHECK_EQ(user.regs.rip, AT(user_step) + 1);
    kit_user_run(&user);
    CHECK_EXIT(&user.regs, VECTOR_DB, 0);
    CHECK_EQ(user.regs.rip, AT(user_step) + 2);
    user.regs.rflags &= ~EFLAGS_TF;
    kit_user_run(&user);
    CHECK_EXIT(&user.regs, VECTOR_INT80, 0);
    hcall_set_debugreg(6, 0xffff0ff0);
}

KIT_TEST(user_compat_mode)
{
    CHECK_OR_RETURN(start());
    go(user_compat, 0);
    user.regs.rip = AT(user_compat);
    user.regs.cs = FLAT_USER_CS32;
    kit_user_run(&user);
    CHECK_EXIT(&user.regs, VECTOR_INT80, 0);
    CHECK_EQ(user.regs.cs, FLAT_USER_CS32);
}

static unsigned long upcall_cs;

static bool upcall_hook(struct kit_regs *regs)
{
    upcall_cs = regs->cs;
    return false;
}

/* An event that is pending when iret enters user mode is delivered first, on the kernel's stack. */
KIT_TEST(user_entry_with_pending_event)
{
    int port = kit_event_bind_ipi(0);

    CHECK_OR_RETURN(start() && port > 0);
    kit_events_disable();
    kit_event_unmask((unsigned)port);
    kit_event_count_reset((unsigned)port);
    CHECK_RC(kit_event_send((unsigned)port), 0);
    kit_trap_hook(KIT_VECTOR_EVENT, upcall_hook);
    upcall_cs = 0;
    CHECK_EXIT(go(user_int80, 0), VECTOR_INT80, 0);
    CHECK_EQ(kit_event_count((unsigned)port), 1);
    CHECK_EQ(upcall_cs, FLAT_USER_CS64);
    kit_events_disable();
    kit_trap_hook(KIT_VECTOR_EVENT, NULL);
    CHECK_RC(kit_event_close((unsigned)port), 0);
}

/* The iret hypercall by hand, with the flag that says: as SYSRET would. */
static void iret_now(const struct iret_context *frame)
{
    __asm__ volatile("sub $72, %%rsp; mov %%rsp, %%rdi; mov $9, %%ecx; rep movsq; mov $23, %%eax; syscall"
                     :
                     : "S"(frame)
                     : "rdi", "rcx", "rax", "r11", "memory");
}

static struct iret_context user_frame(const char *label)
{
    return (struct iret_context){.rax = 1,
                                 .r11 = 0x1111,
                                 .rcx = 0x2222,
                                 .rip = AT(label),
                                 .cs = FLAT_USER_CS64,
                                 .rflags = EFLAGS_IF | EFLAGS_FIXED,
                                 .rsp = KIT_USER_DATA + KIT_PAGE_SIZE,
                                 .ss = FLAT_USER_SS64};
}

static void run_frame(const struct iret_context *frame)
{
    kit_this()->user = &user;
    if (!kit_setjmp(&user.exit))
        iret_now(frame);
    kit_this()->user = NULL;
}

KIT_TEST(iret_syscall_flag)
{
    struct iret_context frame;

    CHECK_OR_RETURN(start());
    go(user_int80, 0); /* leaves the user's address space and the kernel stack in place */
    frame = user_frame(user_rcx);
    run_frame(&frame);
    CHECK_EXIT(&user.regs, VECTOR_INT80, 0);
    CHECK_EQ(user.regs.rax, 0x2222);
    CHECK_EQ(user.regs.rbx, 0x1111);
    frame.flags = VGCF_in_syscall;
    run_frame(&frame);
    CHECK_EXIT(&user.regs, VECTOR_INT80, 0);
    CHECK_EQ(user.regs.rax, frame.rip);
    CHECK_EQ(user.regs.rbx, frame.rflags);
    /* The selectors do not matter then, but for the privilege level in CS. */
    frame.cs = 0x1237;
    frame.ss = 0x4321;
    run_frame(&frame);
    CHECK_EXIT(&user.regs, VECTOR_INT80, 0);
    CHECK_EQ(user.regs.cs, FLAT_USER_CS64);
    CHECK_EQ(user.regs.ss, FLAT_USER_SS64);
    kit_events_disable();
}

/*
 * A frame that the processor refuses: the kernel gets #GP as if user mode had raised it, with the frame's own
 * values. The failsafe callback has nothing to do with it (it is for DS, ES, FS and GS).
 */
KIT_TEST(iret_bad_frames)
{
    static const struct {
        uint16_t cs, ss;
        uint32_t error;
    } cases[] = {
        {0x1003, FLAT_USER_SS64, 0x1000}, {FLAT_USER_CS64, 0x1003, 0x1000}, {0xe02b, FLAT_USER_SS64, 0xe028},
        {FLAT_USER_CS64, 0, 0},           {3, FLAT_USER_SS64, 0},
    };
    struct iret_context frame;

    CHECK_OR_RETURN(start());
    go(user_int80, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        frame = user_frame(user_int80);
        frame.cs = cases[i].cs;
        frame.ss = cases[i].ss;
        run_frame(&frame);
        CHECK_EXIT(&user.regs, VECTOR_GP, cases[i].error);
        CHECK_EQ(user.regs.cs, cases[i].cs);
        CHECK_EQ(user.regs.rip, frame.rip);
    }
    frame = user_frame(user_int80);
    frame.rip = 0x8000000000000000UL;
    run_frame(&frame);
    CHECK_EXIT(&user.regs, VECTOR_GP, 0);
    CHECK_EQ(user.regs.rip, frame.rip);
    kit_events_disable();
}

KIT_TEST_ALONE(iret_without_user_tables)
{
    struct iret_context frame = user_frame(user_int80);

    kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, 0, 0);
    kit_expect_crash("user mode without page tables");
    iret_now(&frame);
}

KIT_TEST_ALONE(iret_bad_stack)
{
    kit_expect_crash("an iret frame that is not there");
    __asm__ volatile("mov $0x10000, %%esp; mov $23, %%eax; syscall" ::: "memory");
}

KIT_TEST_ALONE(trap_to_bad_kernel_stack)
{
    struct iret_context frame;

    CHECK_OR_RETURN(start());
    go(user_int80, 0);
    frame = user_frame(user_int80);
    CHECK_RC(hcall_stack_switch(FLAT_KERNEL_SS, 0x10000), 0);
    kit_expect_crash("a kernel stack that is not there");
    iret_now(&frame);
}

static long set_iopl(uint32_t iopl)
{
    struct physdev_set_iopl op = {.iopl = iopl};

    return hcall_physdev_op(PHYSDEVOP_set_iopl, &op);
}

static void kernel_uses_port(uint16_t port, bool may)
{
    struct kit_fault f = KIT_PROBE("inb %w0, %%al", : "d"(port) : "rax");

    if (may)
        CHECK_NO_FAULT(f);
    else
        CHECK_FAULT(f, VECTOR_GP, 0);
}

/*
 * What the kernel may (IOPL 1) its user mode may not (IOPL 3), port by port and however often control passes from one to the other; a port that domain 0 has not got reads as
 * ones whoever asks.
 */
KIT_TEST(user_ports_by_iopl)
{
    static const uint16_t ports[] = {PORT_POST, PORT_NMI_SC, 0x1234, 0xfffe, PORT_PIT_COUNTER, PORT_COM1};
    struct kit_regs *r;

    if (!start())
        return;
    for (unsigned level = 0; level < 4; level++) {
        CHECK_RC(set_iopl(level), 0);
        for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
            kernel_uses_port(ports[i], level >= 1);
            r = go(user_port, ports[i]);
            if (level == 3)
                CHECK_EXIT(r, VECTOR_INT80, 0);
            else
                CHECK_EXIT(r, VECTOR_GP, 0);
            if (level == 3 && ports[i] >= PORT_COM1 && ports[i] != 0x1234 && ports[i] != 0xfffe)
                CHECK_EQ(r->rax, 0x5aff);
            kernel_uses_port(ports[i], level >= 1);
        }
        r = go(user_ports, 0x80);
        if (level == 3)
            CHECK_EXIT(r, KIT_VECTOR_SYSCALL, 0);
        else
            CHECK_EXIT(r, VECTOR_GP, 0);
    }
    CHECK_RC(set_iopl(0), 0);
}

/* What user mode's own address space has at an address of the bitmap's: nothing, or a page with all bits like this. */
static void map_for_user(const uint8_t *at, uint8_t *page, uint8_t bits)
{
    if (page)
        memset(page, bits, KIT_PAGE_SIZE);
    CHECK_RC(kit_map(user.root_mfn, (uintptr_t)at, page ? kit_maddr_of(page) | PTE_RO | PTE_U | PTE_NX : 0),
             0);
    CHECK_RC(kit_mmuext1(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
}

static void user_has_only(uint16_t open, uint16_t closed)
{
    CHECK_EXIT(go(user_port, open), VECTOR_INT80, 0);
    CHECK_EXIT(go(user_port, closed), VECTOR_GP, 0);
}

/*
 * A bitmap that closes a port does not take it from a kernel with IOPL 1, nor does that IOPL open it to user mode. The bitmap is the one that the kernel has at the address: user mode has nothing
 * there in its own address space, or something else.
 */
KIT_TEST(user_ports_by_bitmap)
{
    static uint8_t bitmap[8192] __attribute__((aligned(4096)));
    struct physdev_set_iobitmap op = {.nr_ports = 65536};
    uint8_t *other = kit_page_alloc();

    if (!start())
        return;
    memset(bitmap, 0xff, sizeof(bitmap));
    bitmap[0x80 / 8] = 0xfe;
    bitmap[4095] = 0x3f; /* ports 0x7ffe to 0x8001, which lie in both pages */
    bitmap[4096] = 0xfc;
    set_xen_guest_handle(op.bitmap, bitmap);
    CHECK_RC(set_iopl(1), 0);
    CHECK_EXIT(go(user_port, PORT_POST), VECTOR_GP, 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &op), 0);
    kernel_uses_port(PORT_POST, true);
    kernel_uses_port(0x84, true);
    user_has_only(PORT_POST, 0x84);
    CHECK_EXIT(go(user_ports, 0x7ffe), KIT_VECTOR_SYSCALL, 0);
    bitmap[4096] = 0xfd;
    CHECK_EXIT(go(user_ports, 0x7ffe), VECTOR_GP, 0);
    map_for_user(bitmap, other, 0);
    user_has_only(PORT_POST, 0x84);
    map_for_user(bitmap, other, 0xff);
    user_has_only(PORT_POST, 0x84);
    map_for_user(bitmap, NULL, 0);
    CHECK_RC(kit_unmap(bitmap), 0);
    CHECK_EXIT(go(user_port, PORT_POST), VECTOR_GP, 0);
    CHECK_RC(kit_set_rw(bitmap), 0);
    op.nr_ports = 0;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &op), 0);
    CHECK_EXIT(go(user_port, PORT_POST), VECTOR_GP, 0);
    CHECK_RC(set_iopl(0), 0);
    kit_page_free(other);
}
