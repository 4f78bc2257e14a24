/* SPDX-License-Identifier: MIT */
/* Privileged instructions in the kernel: what the hypervisor carries out, what it answers, what it refuses.
 */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

#define EXPECT(v, e, text, ...)                                                                              \
    do {                                                                                                     \
        struct kit_fault ef = KIT_PROBE(text, ##__VA_ARGS__);                                                \
        kit_check(ef.raised &&ef.vector == (v) && ef.error == (e), __FILE__, __LINE__,                       \
                  "%s: raised %d vector %u error %x", text, ef.raised, ef.vector, ef.error);                 \
    } while (0)
#define EXPECT_GP(text, ...) EXPECT(VECTOR_GP, 0, text, ##__VA_ARGS__)
#define EXPECT_UD(text, ...) EXPECT(VECTOR_UD, 0, text, ##__VA_ARGS__)
#define EXPECT_OK(text, ...)                                                                                 \
    do {                                                                                                     \
        struct kit_fault ef = KIT_PROBE(text, ##__VA_ARGS__);                                                \
        kit_check(!ef.raised, __FILE__, __LINE__, "%s: raised vector %u error %x", text, ef.vector,          \
                  ef.error);                                                                                 \
    } while (0)

static long set_iopl(uint32_t iopl)
{
    struct physdev_set_iopl op = {.iopl = iopl};

    return hcall_physdev_op(PHYSDEVOP_set_iopl, &op);
}

/* cli and sti need a virtual IOPL of 1 or more, and even then do nothing: the mask is the guest's own
 * business. */
KIT_TEST(cli_sti)
{
    volatile struct vcpu_info *info = kit_this()->info;

    kit_events_disable();
    EXPECT_GP("sti", );
    EXPECT_GP("cli", );
    for (unsigned level = 1; level < 4; level++) {
        CHECK_RC(set_iopl(level), 0);
        EXPECT_OK("sti", );
        CHECK_EQ(info->evtchn_upcall_mask, 1);
        info->evtchn_upcall_mask = 0;
        EXPECT_OK("cli", );
        CHECK_EQ(info->evtchn_upcall_mask, 0);
        info->evtchn_upcall_mask = 1;
    }
    CHECK_RC(set_iopl(4), -XEN_EINVAL);
    CHECK_RC(set_iopl(0), 0);
}

/* The virtual IOPL shows in bounce frames only under architectural_iopl, and never in the real flags. */
KIT_TEST(iopl_in_frames)
{
    uint64_t flags;
    struct kit_fault f;

    CHECK_RC(set_iopl(3), 0);
    f = KIT_PROBE("ud2", );
    CHECK_EQ(f.rflags & EFLAGS_IOPL, 0);
    CHECK_RC(hcall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_architectural_iopl), 0);
    for (unsigned level = 0; level < 4; level++) {
        CHECK_RC(set_iopl(level), 0);
        f = KIT_PROBE("ud2", );
        CHECK_EQ(f.rflags & EFLAGS_IOPL, level << 12);
        __asm__ volatile("pushfq; popq %0" : "=r"(flags));
        CHECK_EQ(flags & EFLAGS_IOPL, 0);
    }
    CHECK_RC(set_iopl(0), 0);
    /* A kernel counts as level 0 now: IOPL 0 is enough. */
    EXPECT_OK("cli", );
    EXPECT_OK("inb $0x61, %%al", ::"rax");
    CHECK_RC(hcall_vm_assist(VMASST_CMD_disable, VMASST_TYPE_architectural_iopl), 0);
    EXPECT_GP("inb $0x61, %%al", ::"rax");
}

static bool iopl_hook(struct kit_regs *regs)
{
    regs->rip += 2;
    regs->rflags |= EFLAGS_IOPL;
    return true;
}

/* With architectural_iopl, iret sets the virtual IOPL. */
KIT_TEST(iopl_by_iret)
{
    struct kit_fault f;

    kit_trap_hook(VECTOR_UD, iopl_hook);
    __asm__ volatile("ud2");
    kit_trap_hook(VECTOR_UD, NULL);
    EXPECT_GP("cli", );
    CHECK_RC(hcall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_architectural_iopl), 0);
    kit_trap_hook(VECTOR_UD, iopl_hook);
    __asm__ volatile("ud2");
    kit_trap_hook(VECTOR_UD, NULL);
    f = KIT_PROBE("ud2", );
    CHECK_EQ(f.rflags & EFLAGS_IOPL, EFLAGS_IOPL);
    CHECK_RC(set_iopl(0), 0);
    CHECK_RC(hcall_vm_assist(VMASST_CMD_disable, VMASST_TYPE_architectural_iopl), 0);
}

KIT_TEST(refused_instructions)
{
    char buf[16] = {0};
    uint64_t v = 0;

    EXPECT_GP("hlt", );
    EXPECT_GP("invd", );
    EXPECT_GP("swapgs", );
    EXPECT_GP("invlpg (%0)", : "r"(buf));
    EXPECT_GP("lmsw %w0", : "r"(0x33));
    EXPECT_GP("lldt %w0", : "r"(0));
    EXPECT_GP("ltr %w0", : "r"(0));
    EXPECT_GP("lgdt %0", : "m"(buf));
    EXPECT_GP("lidt %0", : "m"(buf));
    EXPECT_GP("sysretq", );
    EXPECT_GP("mov %%cr8, %0", "+r"(v));
    EXPECT_GP("mov %0, %%cr8", : "r"(0UL));
    EXPECT_UD("rsm", );
    EXPECT_OK("wbinvd", );
    EXPECT_OK("rdtsc", ::"rax", "rdx");
}

static uint64_t read_cr0(void)
{
    uint64_t v = 0;

    EXPECT_OK("mov %%cr0, %0", "+r"(v));
    return v;
}

/* Only TS may be changed, by any of three ways. */
KIT_TEST(control_register_0)
{
    uint64_t cr0 = read_cr0();

    CHECK_EQ(cr0 & (CR0_PG | CR0_PE), CR0_PG | CR0_PE);
    CHECK_EQ(cr0 & CR0_TS, 0);
    EXPECT_OK("mov %0, %%cr0", : "r"(cr0 | CR0_TS));
    CHECK_EQ(read_cr0(), cr0 | CR0_TS);
    EXPECT(VECTOR_NM, 0, "fninit", );
    CHECK_EQ(read_cr0(), cr0);
    EXPECT_OK("mov %0, %%cr0", : "r"(cr0 | CR0_TS));
    EXPECT_OK("clts", );
    CHECK_EQ(read_cr0(), cr0);
    CHECK_RC(hcall_fpu_taskswitch(1), 0);
    CHECK_EQ(read_cr0(), cr0 | CR0_TS);
    CHECK_RC(hcall_fpu_taskswitch(0), 0);
    CHECK_EQ(read_cr0(), cr0);
    EXPECT_GP("mov %0, %%cr0", : "r"(cr0 & ~CR0_PE));
    EXPECT_GP("mov %0, %%cr0", : "r"(cr0 & ~CR0_PG));
    EXPECT_GP("mov %0, %%cr0", : "r"(cr0 ^ CR0_WP));
    EXPECT_GP("mov %0, %%cr0", : "r"(cr0 | 1UL << 40));
}

KIT_TEST(control_register_2)
{
    uint64_t v = 0;

    EXPECT_OK("mov %0, %%cr2", : "r"(0x1234UL));
    CHECK_EQ(kit_this()->info->arch.cr2, 0x1234);
    kit_this()->info->arch.cr2 = 0x4321;
    EXPECT_OK("mov %%cr2, %0", "+r"(v));
    CHECK_EQ(v, 0x1234); /* what was last written or faulted on, not what the guest stored in the record */
    CHECK(!kit_peek((void *)0x7000, &v));
    EXPECT_OK("mov %%cr2, %0", "+r"(v));
    CHECK_EQ(v, 0x7000);
}

KIT_TEST(control_register_3)
{
    uint64_t v = 0;

    EXPECT_OK("mov %%cr3, %0", "+r"(v));
    CHECK_EQ(v, xen_pfn_to_cr3(kit_root_mfn));
    EXPECT_OK("mov %0, %%cr3", : "r"(v));
    EXPECT_GP("mov %0, %%cr3", : "r"(0x1000UL)); /* a frame of somebody else */
    EXPECT_GP("mov %0, %%cr3", : "r"(kit_maddr_of(kit_this()->stack)));
}

/* A write takes over TSD, DE and FSGSBASE, and ignores everything else, reserved bits included. */
KIT_TEST(control_register_4)
{
    uint64_t cr4 = 0, v = 0;

    EXPECT_OK("mov %%cr4, %0", "+r"(cr4));
    CHECK_EQ(cr4 & (CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT), CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT);
    CHECK_EQ(cr4 & (CR4_TSD | CR4_DE | CR4_PGE), 0);
    EXPECT_OK("mov %0, %%cr4", : "r"(cr4 | CR4_TSD));
    EXPECT_OK("mov %%cr4, %0", "+r"(v));
    CHECK_EQ(v, cr4 | CR4_TSD);
    EXPECT_OK("mov %0, %%cr4", : "r"((cr4 | CR4_DE) ^ CR4_PAE ^ (1UL << 40)));
    EXPECT_OK("mov %%cr4, %0", "+r"(v));
    CHECK_EQ(v, cr4 | CR4_DE);
    EXPECT_OK("mov %0, %%cr4", : "r"(cr4));
    EXPECT_OK("mov %%cr4, %0", "+r"(v));
    CHECK_EQ(v, cr4);
    EXPECT_GP("mov %%cr1, %0", "+r"(v));
}

/* Under the guest's TSD the kernel may still read the TSC: its RDTSC traps and is emulated. */
KIT_TEST(tsd_and_rdtsc)
{
    uint64_t cr4 = 0;

    EXPECT_OK("mov %%cr4, %0", "+r"(cr4));
    EXPECT_OK("mov %0, %%cr4", : "r"(cr4 | CR4_TSD));
    EXPECT_OK("rdtsc", ::"rax", "rdx");
    EXPECT_OK("mov %0, %%cr4", : "r"(cr4));
}

KIT_TEST(fsgsbase)
{
    uint64_t cr4 = 0, v = 1;

    if (!(kit_cpuid(7, 0).b & 1)) {
        kit_skip("the processor has no FSGSBASE");
        return;
    }
    EXPECT_UD("rdfsbase %0", "+r"(v));
    EXPECT_OK("mov %%cr4, %0", "+r"(cr4));
    EXPECT_OK("mov %0, %%cr4", : "r"(cr4 | CR4_FSGSBASE));
    CHECK_RC(hcall_set_segment_base(SEGBASE_FS, 0x1000), 0);
    CHECK_RC(hcall_set_segment_base(SEGBASE_GS_KERNEL, 0x2000), 0);
    EXPECT_OK("rdfsbase %0", "+r"(v));
    CHECK_EQ(v, 0x1000);
    EXPECT_OK("rdgsbase %0", "+r"(v));
    CHECK_EQ(v, 0x2000);
    EXPECT_OK("wrfsbase %0", : "r"(0x3000UL));
    EXPECT_OK("wrgsbase %0", : "r"(0x4000UL));
    CHECK(!kit_rdmsr(MSR_FS_BASE, &v).raised);
    CHECK_EQ(v, 0x3000);
    CHECK(!kit_rdmsr(MSR_GS_BASE, &v).raised);
    CHECK_EQ(v, 0x4000);
    EXPECT_OK("mov %0, %%cr4", : "r"(cr4));
    EXPECT_UD("rdfsbase %0", "+r"(v));
}

/* The kernel's GS is the active one; MSR 0xc0000102 is the user's. Hypervisor addresses are taken,
 * non-canonical ones are not. */
KIT_TEST(segment_bases)
{
    uint64_t bad = 0x8000000000000000UL, v, data[2] = {0x11, 0x22}, got;

    CHECK_RC(hcall_set_segment_base(SEGBASE_FS, (uintptr_t)data), 0);
    __asm__ volatile("mov %%fs:8, %0" : "=r"(got));
    CHECK_EQ(got, 0x22);
    CHECK_RC(hcall_set_segment_base(SEGBASE_GS_KERNEL, (uintptr_t)data), 0);
    __asm__ volatile("mov %%gs:0, %0" : "=r"(got));
    CHECK_EQ(got, 0x11);
    CHECK_RC(hcall_set_segment_base(SEGBASE_GS_USER, 0x5000), 0);
    CHECK(!kit_rdmsr(MSR_FS_BASE, &v).raised && v == (uintptr_t)data);
    CHECK(!kit_rdmsr(MSR_GS_BASE, &v).raised && v == (uintptr_t)data);
    CHECK(!kit_rdmsr(MSR_KERNEL_GS_BASE, &v).raised && v == 0x5000);
    CHECK(!kit_wrmsr(MSR_FS_BASE, (uintptr_t)&data[1]).raised);
    __asm__ volatile("mov %%fs:0, %0" : "=r"(got));
    CHECK_EQ(got, 0x22);
    CHECK(!kit_wrmsr(MSR_GS_BASE, (uintptr_t)&data[1]).raised);
    __asm__ volatile("mov %%gs:0, %0" : "=r"(got));
    CHECK_EQ(got, 0x22);
    CHECK(!kit_wrmsr(MSR_KERNEL_GS_BASE, 0x6000).raised);
    CHECK(kit_wrmsr(MSR_FS_BASE, bad).raised);
    CHECK(kit_wrmsr(MSR_GS_BASE, bad).raised);
    CHECK(kit_wrmsr(MSR_KERNEL_GS_BASE, bad).raised);
    for (unsigned which = 0; which < 3; which++) {
        CHECK_RC(hcall_set_segment_base(which, bad), -XEN_EINVAL);
        CHECK_RC(hcall_set_segment_base(which, 0xffff830000000000UL), 0);
        CHECK_RC(hcall_set_segment_base(which, 0), 0);
    }
    CHECK_RC(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 0), 0);
    CHECK_RC(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 0x3), 0);
    CHECK_RC(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 0), 0);
    CHECK_RC(hcall_set_segment_base(4, 0), -XEN_EINVAL);
}

/* MSRs whose answer does not depend on the processor model. */
KIT_TEST(msrs)
{
    static const uint32_t none[] = {MSR_PLATFORM_ID,
                                    MSR_SYSENTER_CS,
                                    MSR_SYSENTER_ESP,
                                    MSR_SYSENTER_EIP,
                                    0x200,
                                    0x250,
                                    MSR_MTRR_DEF_TYPE,
                                    0x480,
                                    0x600,
                                    0x802,
                                    0xd90,
                                    MSR_XSS,
                                    MSR_STAR,
                                    MSR_LSTAR,
                                    MSR_CSTAR,
                                    MSR_FMASK,
                                    0xc0010114,
                                    0xc0010117,
                                    0x40000001,
                                    0x12345678};
    uint64_t v;

    for (unsigned i = 0; i < ARRAY_SIZE(none); i++) {
        struct kit_fault r = kit_rdmsr(none[i], &v), w = kit_wrmsr(none[i], 0);

        kit_check(r.raised && r.vector == VECTOR_GP && r.error == 0, __FILE__, __LINE__, "rdmsr %x gave %lx",
                  none[i], v);
        kit_check(w.raised && w.vector == VECTOR_GP && w.error == 0, __FILE__, __LINE__, "wrmsr %x", none[i]);
    }
    CHECK(!kit_rdmsr(MSR_TSC, &v).raised);
    CHECK(kit_wrmsr(MSR_TSC, v).raised);
    CHECK(!kit_rdmsr(MSR_APIC_BASE, &v)
               .raised); /* APIC base, as the processor has it: this is the boot processor's or another's */
    CHECK_EQ(v & ~APIC_BASE_BSP, 0xfee00000 | APIC_BASE_ENABLE);
    CHECK(kit_wrmsr(MSR_APIC_BASE, v).raised);
    CHECK(!kit_rdmsr(MSR_EFER, &v).raised);
    CHECK_EQ(v, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
    CHECK(!kit_wrmsr(MSR_EFER, v).raised); /* the same value is taken, another is not */
    CHECK(kit_wrmsr(MSR_EFER, EFER_LME | EFER_LMA).raised);
    CHECK(kit_wrmsr(MSR_EFER, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME).raised);
    CHECK(!kit_rdmsr(MSR_PAT, &v).raised);
    CHECK_EQ(v, 0x50100070406UL); /* Xen's PAT */
    CHECK(kit_wrmsr(MSR_PAT, v).raised);
    CHECK(!kit_rdmsr(0x40000000, &v).raised);
    CHECK_EQ(v, 0);
    CHECK(kit_wrmsr(0x40000000, 0).raised);
}

KIT_TEST(cpuid_leaves)
{
    struct kit_cpuid h = kit_cpuid(0x40000000, 0), one = kit_cpuid(1, 0), seven = kit_cpuid(7, 0);
    uint64_t start = 0;
    struct kit_fault f;

    CHECK_EQ(h.b, 0x566e6558); /* "XenVMMXenVMM" */
    CHECK_EQ(h.c, 0x65584d4d);
    CHECK_EQ(h.d, 0x4d4d566e);
    CHECK_EQ(h.a, 0x40000005);
    CHECK_EQ(kit_cpuid(0x40000001, 0).a, 4 << 16 | 17);
    h = kit_cpuid(0x40000002, 0);
    CHECK_EQ(h.a, 1);          /* hypercall pages */
    CHECK_EQ(h.b, 0x40000000); /* MSR */
    CHECK_EQ(h.c, 1);          /* features: MMU_PT_UPDATE_PRESERVE_AD */
    CHECK_EQ(kit_cpuid(0x40000006, 0).a, 0);
    CHECK(one.c & 1U << 31);                         /* hypervisor present */
    CHECK(!(one.c & 1U << 5));                       /* no VMX */
    CHECK(!(one.d & 1U << 3));                       /* no PSE */
    CHECK(one.d & 1U << 6);                          /* PAE */
    CHECK(one.d & 1U << 9);                          /* APIC */
    CHECK(!(seven.b & (1U << 7 | 1U << 20)));        /* no SMEP, SMAP: the kernel runs in ring 3 */
    CHECK(!(kit_cpuid(0x80000001, 0).d & 1U << 26)); /* no 1 GiB pages */
    CHECK(!(kit_cpuid(0x80000001, 0).c & 1U << 2));  /* no SVM */
    CHECK(kit_cpuid(0x80000001, 0).d & 1U << 29);    /* long mode */
    CHECK(kit_cpuid(0x80000001, 0).d & 1U << 11);    /* syscall */
    /* The prefix is undefined in front of anything else. */
    f = KIT_PROBE("lea 1f(%%rip), %[s]; 1: .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x90", [s] "+r"(start));
    CHECK_FAULT(f, VECTOR_UD, 0);
    CHECK_EQ(f.rip, start);
}

static uint32_t io_read(uint16_t port, unsigned bytes, bool *raised)
{
    uint32_t v = 0x5a5a5a5a;
    struct kit_fault f;

    if (bytes == 1)
        f = KIT_PROBE("inb %w1, %b0", "+a"(v) : "d"(port));
    else if (bytes == 2)
        f = KIT_PROBE("inw %w1, %w0", "+a"(v) : "d"(port));
    else
        f = KIT_PROBE("inl %w1, %0", "+a"(v) : "d"(port));
    *raised = f.raised;
    return v;
}

KIT_TEST(io_ports_need_iopl)
{
    static const uint16_t ports[] = {
        PORT_PIC_MASTER, PORT_PIT_COUNTER, PORT_NMI_SC,   PORT_RTC_INDEX, PORT_POST,
        PORT_COM1,       PORT_PCI_ADDRESS, PORT_PCI_DATA, 0x1234,         0xffff};
    bool raised;

    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
        EXPECT_GP("inb %w0, %%al", : "d"(ports[i]) : "rax");
        EXPECT_GP("outb %%al, %w0", : "d"(ports[i]), "a"(0));
    }
    CHECK_RC(set_iopl(1), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
        for (unsigned bytes = 1; bytes <= 4; bytes *= 2) {
            io_read(ports[i], bytes, &raised);
            CHECK(!raised);
        }
    CHECK_RC(set_iopl(0), 0);
}

/* What domain 0 may not have reads as ones, without a fault: the PIC, and the hypervisor's serial port. */
KIT_TEST(io_ports_denied)
{
    static const uint16_t denied[] = {PORT_PIC_MASTER,     PORT_PIC_MASTER_DATA, PORT_PIC_SLAVE,
                                      PORT_PIC_SLAVE_DATA, PORT_PIT_COUNTER,     PORT_PIT_CONTROL,
                                      PORT_COM1,           PORT_COM1_LSR};
    bool raised;

    CHECK_RC(set_iopl(1), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(denied); i++)
        if (denied[i] != PORT_PIT_CONTROL)
            CHECK_EQ(io_read(denied[i], 1, &raised), 0x5a5a5aff);
    CHECK_EQ(io_read(PORT_COM1, 2, &raised), 0x5a5affff);
    CHECK_EQ(io_read(PORT_COM1, 4, &raised), 0xffffffff);
    EXPECT_OK("outb %%al, %w0", : "d"(PORT_PIC_MASTER_DATA), "a"(0xff));
    EXPECT_OK("outb %%al, %w0", : "d"(PORT_COM1), "a"('!'));
    CHECK_RC(set_iopl(0), 0);
}

KIT_TEST(io_pci_and_rtc)
{
    uint32_t v;
    bool raised;

    CHECK_RC(set_iopl(1), 0);
    EXPECT_OK("outl %0, %w1", : "a"(PCI_ADDRESS_ENABLE), "d"(PORT_PCI_ADDRESS));
    CHECK_EQ(io_read(PORT_PCI_ADDRESS, 4, &raised), PCI_ADDRESS_ENABLE);
    v = io_read(PORT_PCI_DATA, 4, &raised);
    CHECK(v == 0x12378086 || v == 0x29c08086); /* i440FX or Q35 */
    CHECK_EQ(io_read(PORT_PCI_DATA, 2, &raised) & 0xffff, 0x8086);
    CHECK_EQ(io_read(PORT_PCI_DATA + 2, 2, &raised) & 0xffff, v >> 16);
    CHECK_EQ(io_read(PORT_PCI_DATA + 1, 1, &raised) & 0xff, 0x80);
    EXPECT_OK("outb %b0, %w1", : "a"(0x0d), "d"(PORT_RTC_INDEX));
    CHECK_EQ(io_read(PORT_RTC_DATA, 1, &raised) & 0x80, 0x80); /* register D: battery good */
    CHECK_RC(set_iopl(0), 0);
}

KIT_TEST(io_strings)
{
    uint8_t buf[8] = {0};
    void *p = buf;
    uint64_t count = 4;
    struct kit_fault f;

    CHECK_RC(set_iopl(1), 0);
    f = KIT_PROBE("cld; rep insb", "+D"(p), "+c"(count) : "d"(PORT_COM1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK_EQ(count, 0);
    CHECK(p == buf + 4 && buf[0] == 0xff && buf[3] == 0xff && !buf[4]);
    p = buf + 3;
    count = 2;
    f = KIT_PROBE("std; rep insb; cld", "+D"(p), "+c"(count) : "d"(PORT_COM1) : "memory");
    CHECK_NO_FAULT(f);
    CHECK(p == buf + 1);
    p = (void *)0x1000;
    count = 4;
    f = KIT_PROBE("cld; rep insb", "+D"(p), "+c"(count) : "d"(PORT_NMI_SC) : "memory");
    CHECK_FAULT(f, VECTOR_PF, PF_WRITE);
    CHECK_EQ(f.cr2, 0x1000);
    CHECK_EQ(count, 4);
    p = buf;
    f = KIT_PROBE("cld; rep outsb", "+S"(p), "+c"(count) : "d"(PORT_POST) : "memory");
    CHECK_NO_FAULT(f);
    CHECK(count == 0 && p == buf + 4);
    p = (void *)0x1000;
    count = 1;
    f = KIT_PROBE("cld; rep outsb", "+S"(p), "+c"(count) : "d"(PORT_POST) : "memory");
    CHECK_FAULT(f, VECTOR_PF, 0);
    CHECK_RC(set_iopl(0), 0);
}

/* The bitmap opens single ports to whoever lacks the IOPL; its bits are read when a port is used. */
KIT_TEST(io_bitmap)
{
    static uint8_t bitmap[8192];
    struct physdev_set_iobitmap op = {.nr_ports = 65536};

    memset(bitmap, 0xff, sizeof(bitmap));
    bitmap[0x61 / 8] &= (uint8_t) ~(1 << (0x61 % 8));
    set_xen_guest_handle(op.bitmap, bitmap);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &op), 0);
    EXPECT_OK("inb $0x61, %%al", ::"rax");
    EXPECT_GP("inb $0x60, %%al", ::"rax");
    EXPECT_GP("inw $0x60, %%ax", ::"rax"); /* every byte must be open */
    EXPECT_GP("inw $0x61, %%ax", ::"rax");
    bitmap[0x62 / 8] &= (uint8_t) ~(1 << (0x62 % 8));
    EXPECT_OK("inw $0x61, %%ax", ::"rax");
    op.nr_ports = 0x61;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &op), 0);
    EXPECT_GP("inb $0x61, %%al", ::"rax");
    op.nr_ports = 65537;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &op), -XEN_EINVAL);
    op.nr_ports = 0;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &op), 0);
    EXPECT_GP("inb $0x61, %%al", ::"rax");
}

KIT_TEST(vm_assist)
{
    for (unsigned type = 0; type < 64; type++) {
        long want =
            type <= VMASST_TYPE_runstate_update_flag || type == VMASST_TYPE_m2p_strict ? 0 : -XEN_EINVAL;

        if (type == VMASST_TYPE_m2p_strict)
            continue; /* changes how top-level tables are made: the mm tests try it */
        CHECK_RC(hcall_vm_assist(VMASST_CMD_enable, type), want);
        CHECK_RC(hcall_vm_assist(VMASST_CMD_disable, type), want);
    }
    CHECK_RC(hcall_vm_assist(2, 0), -XEN_ENOSYS);
}
