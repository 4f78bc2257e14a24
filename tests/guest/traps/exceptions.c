/* SPDX-License-Identifier: MIT */
/*
 * Exceptions raised by the kernel itself: vector, error code, CR2 and what the bounce frame says.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M cpu=max,-smap,-xsave
 */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

#define KERNEL_CS_IN_FRAME (FLAT_KERNEL_CS & ~3)

static void check_frame(const struct kit_fault *f, int line)
{
    kit_check(f->cs == KERNEL_CS_IN_FRAME, __FILE__, line, "frame cs %x", f->cs);
    kit_check((f->ss | 3) == (FLAT_KERNEL_SS | 3), __FILE__, line, "frame ss %x", f->ss);
    kit_check(!(f->frame & 7), __FILE__, line, "frame at %lx", f->frame);
}

KIT_TEST(divide)
{
    uint64_t start = 0;
    struct kit_fault f =
        KIT_PROBE("lea 1f(%%rip), %[s]; xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; 1: div %%ecx",
                  [s] "+r"(start)::"rax", "rdx", "rcx");

    CHECK_FAULT(f, VECTOR_DE, 0);
    CHECK_EQ(f.rip, start);
    check_frame(&f, __LINE__);
}

KIT_TEST(undefined)
{
    uint64_t start = 0;
    struct kit_fault f = KIT_PROBE("lea 1f(%%rip), %[s]; 1: ud2", [s] "+r"(start));

    CHECK_FAULT(f, VECTOR_UD, 0);
    CHECK_EQ(f.rip, start);
    check_frame(&f, __LINE__);
}

KIT_TEST(breakpoint)
{
    uint64_t after = 0;
    struct kit_fault f = KIT_PROBE("lea 1f(%%rip), %[s]; int3; 1:", [s] "+r"(after));

    CHECK_FAULT(f, VECTOR_BP, 0);
    CHECK_EQ(f.rip, after);
    f = KIT_PROBE("lea 1f(%%rip), %[s]; .byte 0xcd, 3; 1:", [s] "+r"(after));
    CHECK_FAULT(f, VECTOR_BP, 0);
    CHECK_EQ(f.rip, after);
}

KIT_TEST(overflow)
{
    uint64_t after = 0;
    struct kit_fault f = KIT_PROBE("lea 1f(%%rip), %[s]; .byte 0xcd, 4; 1:", [s] "+r"(after));

    CHECK_FAULT(f, VECTOR_OF, 0);
    CHECK_EQ(f.rip, after);
}

KIT_TEST(invalid_in_long_mode)
{
    struct kit_fault f = KIT_PROBE(".byte 0xce", );

    CHECK_FAULT(f, VECTOR_UD, 0); /* into */
    f = KIT_PROBE(".byte 0x06", );
    CHECK_FAULT(f, VECTOR_UD, 0); /* push es */
}

/*
 * INT n looks at the guest's own table: DPL 0 means nobody, and the error code names the gate. QEMU 7.2's TCG
 * pushes n * 16 + 2 where the manuals say n * 8 + 2 (SDM 3A 6.13), so that Xen, which trusts it, sees vector
 * 2n there; what Xen does with that vector is then what it does with n on real machines. Xenios looks at the
 * instruction.
 */
static bool quirk(void)
{
    struct kit_cpuid id = kit_cpuid_native(0x40000000, 0);

    return id.b == 0x54474354 && !kit_on_xenios(); /* "TCGT" */
}

static unsigned seen_vector(unsigned n)
{
    return quirk() ? 2 * n : n;
}

static unsigned seen_error(unsigned n)
{
    return quirk() ? n * 16 + 2 : n * 8 + 2;
}

KIT_TEST(software_interrupt_dpl)
{
    uint64_t start = 0, after = 0;
    struct kit_fault f = KIT_PROBE("lea 1f(%%rip), %[s]; 1: int $0x50", [s] "+r"(start));

    CHECK_FAULT(f, VECTOR_GP, seen_error(0x50));
    CHECK_EQ(f.rip, start);
    f = KIT_PROBE("lea 1f(%%rip), %[s]; int $0x80; 1:", [s] "+r"(after));
    CHECK_FAULT(f, VECTOR_INT80, 0);
    CHECK_EQ(f.rip, after);
    check_frame(&f, __LINE__);
    f = KIT_PROBE("int $0", );
    CHECK_FAULT(f, VECTOR_GP, seen_error(0));
    f = KIT_PROBE("int $13", );
    CHECK_FAULT(f, VECTOR_GP, seen_error(13));
    f = KIT_PROBE("int $14", );
    CHECK_FAULT(f, VECTOR_GP, seen_error(14));
}

KIT_TEST(software_interrupt_kernel_dpl)
{
    unsigned v = seen_vector(0x51);
    struct trap_info t[2] = {
        {.vector = (uint8_t)v, .cs = FLAT_KERNEL_CS, .address = kit_trap_stub(v, false)},
    };
    uint64_t after = 0;
    struct kit_fault f;

    for (unsigned dpl = 0; dpl < 4; dpl++) {
        t[0].flags = (uint8_t)dpl;
        CHECK_RC(hcall_set_trap_table(t), 0);
        f = KIT_PROBE("lea 1f(%%rip), %[s]; int $0x51; 1:", [s] "+r"(after));
        if (dpl) {
            CHECK_FAULT(f, v, 0);
            CHECK_EQ(f.rip, after);
        } else {
            CHECK_FAULT(f, VECTOR_GP, seen_error(0x51));
        }
    }
    CHECK_RC(kit_trap_table_install(), 0);
}

/* An exception vector may be raised by software too, and then has no error code. */
KIT_TEST(software_interrupt_exception_vector)
{
    unsigned n = quirk() ? 7 : 14;
    struct trap_info t[2] = {
        {.vector = 14, .flags = 3, .cs = FLAT_KERNEL_CS, .address = kit_trap_stub(14, true)}};
    struct kit_fault f;

    CHECK_RC(hcall_set_trap_table(t), 0);
    if (n == 7)
        f = KIT_PROBE("int $7", );
    else
        f = KIT_PROBE("int $14", );
    CHECK_FAULT(f, VECTOR_PF, 0);
    CHECK_RC(kit_trap_table_install(), 0);
}

KIT_TEST(general_protection)
{
    uint64_t v = 0;
    struct kit_fault f = KIT_PROBE("mov (%[p]), %[v]", [v] "+r"(v) : [p] "r"(0x8000000000000000UL));

    CHECK_FAULT(f, VECTOR_GP, 0);
    check_frame(&f, __LINE__);
    /* The descriptors that Xen keeps for itself, in reserved slots of every GDT. */
    f = KIT_PROBE("mov %w[s], %%es", : [s] "r"(0xe008));
    CHECK_FAULT(f, VECTOR_GP, 0xe008);
    f = KIT_PROBE("mov %w[s], %%es", : [s] "r"(0x1b));
    CHECK_FAULT(f, VECTOR_GP, 0x18);
    f = KIT_PROBE("mov %w[s], %%ss; mov %w[k], %%ss", : [s] "r"(0x1b), [k] "r"(FLAT_KERNEL_SS));
    CHECK_FAULT(f, VECTOR_GP, 0x18);
    f = KIT_PROBE("mov %w[s], %%ds; mov %w[z], %%ds", : [s] "r"(FLAT_RING3_DS32), [z] "r"(0));
    CHECK_NO_FAULT(f);
}

static struct kit_fault read_at(const volatile void *p)
{
    uint64_t v = 0;
    return KIT_PROBE("mov (%[p]), %[v]", [v] "+r"(v) : [p] "r"(p) : "memory");
}

static struct kit_fault write_at(volatile void *p)
{
    return KIT_PROBE("movq $0, (%[p])", : [p] "r"(p) : "memory");
}

static void call_at(void *p)
{
    ((void (*)(void))p)();
}

/* The kernel runs in ring 3 but its faults are reported as a supervisor's: the user bit is never set. */
KIT_TEST(page_fault_codes)
{
    uint8_t *page = kit_page_alloc();
    struct kit_fault f;

    page[0] = 0xc3; /* ret */
    CHECK_RC(kit_unmap(page), 0);
    f = read_at(page + 0x123);
    CHECK_FAULT(f, VECTOR_PF, 0);
    CHECK_EQ(f.cr2, (uintptr_t)page + 0x123);
    check_frame(&f, __LINE__);
    f = write_at(page + 8);
    CHECK_FAULT(f, VECTOR_PF, PF_WRITE);
    CHECK_EQ(f.cr2, (uintptr_t)page + 8);
    CHECK(kit_try(call_at, page, &f));
    CHECK_FAULT(f, VECTOR_PF, PF_FETCH);
    CHECK_EQ(f.cr2, (uintptr_t)page);
    CHECK_EQ(f.rip, (uintptr_t)page);

    CHECK_RC(kit_set_ro(page), 0);
    f = read_at(page);
    CHECK_NO_FAULT(f);
    f = write_at(page);
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    CHECK(kit_try(call_at, page, &f));
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_FETCH);

    CHECK_RC(kit_set_rw(page), 0);
    f = write_at(page + 8);
    CHECK_NO_FAULT(f);
    CHECK(!kit_try(call_at, page, &f) || !f.raised);
    page[0] = 0;
    kit_page_free(page);
}

KIT_TEST(page_fault_elsewhere)
{
    struct kit_fault f = read_at((void *)0x1000);

    CHECK_FAULT(f, VECTOR_PF, 0);
    CHECK_EQ(f.cr2, 0x1000);
    /* The hypervisor's range: only the M2P can be read. What is mapped there for itself faults with error 1.
     */
    for (uintptr_t va = MACH2PHYS_VIRT_END; va < HYPERVISOR_VIRT_END; va += 1UL << 34) {
        f = read_at((void *)va);
        if (!f.raised || f.vector != VECTOR_PF || (f.error & ~1U) || f.cr2 != va)
            kit_check(false, __FILE__, __LINE__, "read of %lx: raised %d vector %u error %x", va, f.raised,
                      f.vector, f.error);
    }
    f = write_at((void *)MACH2PHYS_VIRT_START);
    CHECK_FAULT(f, VECTOR_PF, PF_PRESENT | PF_WRITE);
    f = read_at((void *)MACH2PHYS_VIRT_START);
    CHECK_NO_FAULT(f);
}

static unsigned nested_seen;

static bool nested_hook(struct kit_regs *regs)
{
    struct kit_fault f = read_at((void *)0x2000);

    nested_seen += f.raised && f.vector == VECTOR_PF && f.cr2 == 0x2000;
    regs->rip += 2; /* ud2 */
    return true;
}

KIT_TEST(nested_trap)
{
    kit_trap_fn before = kit_trap_hook(VECTOR_UD, nested_hook);

    nested_seen = 0;
    __asm__ volatile("ud2");
    CHECK_EQ(nested_seen, 1);
    kit_trap_hook(VECTOR_UD, before);
}

static struct kit_regs seen;

static bool copy_regs(struct kit_regs *regs)
{
    seen = *regs;
    regs->rip += 2;
    regs->rcx = 0xc0de;
    regs->r11 = 0x11;
    regs->rflags ^= 1; /* carry */
    return true;
}

/* Every register arrives in the handler, and what the handler changed arrives back, flags included. */
KIT_TEST(registers_through_a_trap)
{
    kit_trap_fn before = kit_trap_hook(VECTOR_UD, copy_regs);
    uint64_t rcx = 0x1c, rax = 0xa, rdx = 0xd, rsi = 0x5, rdi = 0xd1;
    uint64_t in_r8, in_r11;
    uint8_t carry;
    register uint64_t r11 __asm__("r11") = 0x1111;
    register uint64_t r8 __asm__("r8") = 0x88;
    register uint64_t r15 __asm__("r15") = 0xff;

    __asm__ volatile("stc; ud2; setc %[c]"
                     : "+c"(rcx), "+a"(rax), "+d"(rdx), "+S"(rsi), "+D"(rdi), "+r"(r11), "+r"(r8),
                       "+r"(r15), [c] "=&b"(carry)
                     :
                     : "cc", "memory");
    in_r8 = r8, in_r11 = r11;
    CHECK_EQ(seen.rcx, 0x1c);
    CHECK_EQ(seen.rax, 0xa);
    CHECK_EQ(seen.rdx, 0xd);
    CHECK_EQ(seen.rsi, 0x5);
    CHECK_EQ(seen.rdi, 0xd1);
    CHECK_EQ(seen.r11, 0x1111);
    CHECK_EQ(seen.r8, 0x88);
    CHECK_EQ(seen.r15, 0xff);
    CHECK_EQ(seen.rflags & 1, 1);
    CHECK_EQ(rcx, 0xc0de);
    CHECK_EQ(in_r11, 0x11);
    CHECK_EQ(carry, 0);
    CHECK_EQ(in_r8, 0x88);
    kit_trap_hook(VECTOR_UD, before);
}

/* The frame goes below the stack pointer, aligned down to 16 bytes. */
KIT_TEST(frame_position)
{
    for (unsigned offset = 0; offset < 16; offset++) {
        uint64_t sp = 0;
        struct kit_fault f =
            KIT_PROBE("mov %%rsp, %%rbx; sub $256, %%rsp; and $-16, %%rsp; sub %[o], %%rsp; mov %%rsp, %[s]; "
                      "ud2; \n772:\n\t mov %%rbx, %%rsp; nop; 773: .set kit_dummy, 773b; \n"
                      ".pushsection .kit_fixup, \"a\"\n\t.quad 771b, 772b\n\t.popsection",
                      [s] "+&r"(sp)
                      : [o] "r"((uint64_t)offset)
                      : "rbx", "memory");
        CHECK_FAULT(f, VECTOR_UD, 0);
        CHECK_EQ(f.rsp, sp);
        /* frame is the address of rip; behind it come cs, rflags, rsp, ss: 40 bytes up to the aligned rsp */
        CHECK_EQ(f.frame + 40, sp & ~15UL);
    }
}

KIT_TEST(single_step)
{
    uint64_t after = 0;
    struct kit_fault f = KIT_PROBE(
        "pushfq; orq $0x100, (%%rsp); popfq; nop; 1: nop; lea 1b(%%rip), %[s]", [s] "+r"(after)::"memory");

    (void)after;
    CHECK_FAULT(f, VECTOR_DB, 0);
    CHECK_EQ(f.rflags & EFLAGS_TF, EFLAGS_TF);
    CHECK_EQ(hcall_get_debugreg(6) & 0x4000, 0x4000);
    CHECK_RC(hcall_set_debugreg(6, 0xffff0ff0), 0);
}

KIT_TEST(device_not_available)
{
    struct kit_fault f;

    CHECK_RC(hcall_fpu_taskswitch(1), 0);
    f = KIT_PROBE("fninit", );
    CHECK_FAULT(f, VECTOR_NM, 0);
    /* Delivering #NM cleared TS. */
    f = KIT_PROBE("fninit", );
    CHECK_NO_FAULT(f);
    CHECK_RC(hcall_fpu_taskswitch(1), 0);
    CHECK_RC(hcall_fpu_taskswitch(0), 0);
    f = KIT_PROBE("fninit", );
    CHECK_NO_FAULT(f);
    CHECK_RC(hcall_fpu_taskswitch(-1), 0);
    f = KIT_PROBE("fninit", );
    CHECK_FAULT(f, VECTOR_NM, 0);
}

KIT_TEST(floating_point_faults)
{
    uint16_t control = 0x037b; /* divide by zero unmasked */
    uint32_t mxcsr = 0x1d80;   /* the same for SSE */
    struct kit_fault f = KIT_PROBE("fninit; fldcw %[c]; fld1; fldz; fdivrp; fwait",
                                   : [c] "m"(control)
                                   : "memory");

    CHECK_FAULT(f, VECTOR_MF, 0);
    __asm__ volatile("fninit");
    f = KIT_PROBE(
        "ldmxcsr %[m]; xorps %%xmm0, %%xmm0; mov $1, %%eax; cvtsi2ss %%eax, %%xmm1; divss %%xmm0, %%xmm1",
        : [m] "m"(mxcsr)
        : "rax", "memory");
    if (f.raised) /* TCG never raises it */
        CHECK_FAULT(f, VECTOR_XM, 0);
    mxcsr = 0x1f80;
    __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
}
