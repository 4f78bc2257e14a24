/* SPDX-License-Identifier: MIT */
/*
 * What published advisories were about, tried by one vcpu: page types and references, privileged emulation, returns to
 * odd addresses, areas that the hypervisor writes to, progress that a guest makes up.
 */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/user.h>
#include <kit/vcpu.h>

static uint64_t root_slot(unsigned slot)
{
    return ((uint64_t)kit_root_mfn << 12) + slot * 8;
}

/* XSA-182: a change of flags alone must not make a linear mapping writable. */
KIT_TEST(linear_mapping_by_flags)
{
    uint64_t root = (uint64_t)kit_root_mfn << 12;

    CHECK_RC(kit_pte_write(root_slot(272), root | PTE_RO), 0);
    CHECK_RC(kit_pte_write(root_slot(272), root | PTE_RW), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(root_slot(272), root | PTE_P | PTE_W | PTE_U), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(root_slot(272), root | PTE_RO | PTE_AVL), 0);
    CHECK_RC(kit_pte_write(root_slot(272), 0), 0);
}

/* XSA-176 and its kin: nor make a directory entry a large page, at any level. */
KIT_TEST(superpage_by_flags)
{
    uint64_t *l1 = kit_table_alloc(), *l2 = kit_table_alloc(), *l3 = kit_table_alloc();

    CHECK_RC(kit_pte_write(root_slot(272), kit_maddr_of(l3) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(l3), kit_maddr_of(l2) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(l2), kit_maddr_of(l1) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(root_slot(272), kit_maddr_of(l3) | PTE_TABLE | PTE_PSE), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(kit_maddr_of(l3), kit_maddr_of(l2) | PTE_TABLE | PTE_PSE), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(kit_maddr_of(l2), kit_maddr_of(l1) | PTE_TABLE | PTE_PSE), -XEN_EINVAL);
    CHECK_RC(kit_mmu_update1(kit_maddr_of(l2) | MMU_PT_UPDATE_PRESERVE_AD,
                             kit_maddr_of(l1) | PTE_TABLE | PTE_PSE, DOMID_SELF),
             -XEN_EINVAL);
    CHECK_EQ(l2[0] & PTE_PSE, 0);
    CHECK_EQ(l3[0] & PTE_PSE, 0);
    CHECK_RC(kit_pte_write(root_slot(272), 0), 0);
    CHECK_RC(kit_table_free(l1), 0);
    CHECK_RC(kit_table_free(l2), 0);
    CHECK_RC(kit_table_free(l3), 0);
}

/* A table may be in place of several levels in no way at all. */
KIT_TEST(one_page_two_levels)
{
    uint64_t *t = kit_table_alloc(), *l2 = kit_table_alloc(), *l3 = kit_table_alloc();

    CHECK_RC(kit_pte_write(root_slot(272), kit_maddr_of(l3) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(l3), kit_maddr_of(l2) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(l2), kit_maddr_of(t) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(l3) + 8, kit_maddr_of(t) | PTE_TABLE), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(root_slot(273), kit_maddr_of(t) | PTE_TABLE), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + 8, kit_maddr_of(l3) | PTE_TABLE), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(kit_maddr_of(l2) + 8, (uint64_t)kit_root_mfn << 12 | PTE_TABLE), -XEN_EINVAL);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, kit_mfn_of(t), 0), -XEN_EINVAL);
    CHECK_RC(kit_pin(2, kit_mfn_of(t)), -XEN_EINVAL);
    CHECK_RC(hcall_set_gdt((unsigned long[]){kit_mfn_of(t)}, 512), -XEN_EINVAL);
    CHECK_RC(kit_pte_write(root_slot(272), 0), 0);
    CHECK_RC(kit_table_free(t), 0);
    CHECK_RC(kit_table_free(l2), 0);
    CHECK_RC(kit_table_free(l3), 0);
}

/* References after failures: whatever failed half way, the pages can be put to another use. */
KIT_TEST(references_after_failures)
{
    uint64_t *l1 = kit_page_alloc(), *l2 = kit_page_alloc(), *pages = kit_pages_alloc(511);

    for (unsigned i = 0; i < 511; i++)
        l1[i] = kit_maddr_of(pages + i * 512) | PTE_RW;
    l1[511] = 0x100000 | PTE_RW;
    l2[0] = kit_maddr_of(l1) | PTE_TABLE;
    CHECK_RC(kit_set_ro(l1), 0);
    CHECK_RC(kit_set_ro(l2), 0);
    for (unsigned i = 0; i < 20; i++) {
        CHECK_RC(kit_pin(1, kit_mfn_of(l1)), -XEN_EBUSY);
        CHECK_RC(kit_pin(2, kit_mfn_of(l2)), -XEN_EBUSY);
    }
    /* Each of the 511 becomes a page table, which a reference left over would forbid. */
    for (unsigned i = 0; i < 511; i += 17) {
        CHECK_RC(kit_set_ro(pages + i * 512), 0);
        CHECK_RC(kit_pin(1, kit_mfn_of(pages + i * 512)), 0);
        CHECK_RC(kit_unpin(kit_mfn_of(pages + i * 512)), 0);
        CHECK_RC(kit_set_rw(pages + i * 512), 0);
    }
    CHECK_RC(kit_set_rw(l1), 0);
    CHECK_RC(kit_set_rw(l2), 0);
    kit_page_free(l1);
    kit_page_free(l2);
    kit_pages_free(pages, 511);
}

/* Many mappings of one frame: the counts go up and come down again. */
KIT_TEST(many_references)
{
    uint64_t *table[2], *page = kit_page_alloc();

    for (unsigned t = 0; t < 2; t++) {
        table[t] = kit_page_alloc();
        for (unsigned i = 0; i < 512; i++)
            table[t][i] = kit_maddr_of(page) | PTE_RW;
        CHECK_RC(kit_set_ro(table[t]), 0);
        CHECK_RC(kit_pin(1, kit_mfn_of(table[t])), 0);
    }
    CHECK_RC(kit_set_ro(page), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(page)), -XEN_EINVAL);
    CHECK_RC(kit_unpin(kit_mfn_of(table[0])), 0);
    CHECK_RC(kit_set_rw(table[0]), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(page)), -XEN_EINVAL);
    CHECK_RC(kit_unpin(kit_mfn_of(table[1])), 0);
    CHECK_RC(kit_set_rw(table[1]), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(page)), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(page)), 0);
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(table[0]);
    kit_page_free(table[1]);
    kit_page_free(page);
}

/* A registered area that is then turned into a page table is no longer written to. */
KIT_TEST(area_becomes_table)
{
    uint64_t *page = kit_page_alloc(), before[512];
    struct vcpu_register_runstate_memory_area a = {.addr.v = (void *)page};
    struct vcpu_register_time_memory_area t = {.addr.v = (void *)(page + 64)};
    struct sched_poll poll;

    CHECK_RC(hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &a), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &t), 0);
    CHECK(page[1] != 0);
    memset(page, 0, KIT_PAGE_SIZE);
    CHECK_RC(kit_set_ro(page), 0);
    memcpy(before, page, sizeof(before));
    for (unsigned i = 0; i < 512; i++)
        CHECK_OR_RETURN(!(before[i] & PTE_P)); /* not written between the two calls */
    CHECK_RC(kit_pin(1, kit_mfn_of(page)), 0);
    for (unsigned i = 0; i < 5; i++) {
        poll = (struct sched_poll){.timeout = kit_time_ns() + 5 * KIT_MS};
        CHECK_RC(hcall_sched_op(SCHEDOP_poll, &poll), 0);
    }
    CHECK(!memcmp(before, page, sizeof(before)));
    a.addr.v = NULL;
    t.addr.v = NULL;
    CHECK_RC(hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &a), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &t), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(page)), 0);
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(page);
}

/* Emulated string I/O into the hypervisor: refused as the guest's own access would be. */
KIT_TEST(emulated_access_to_hypervisor)
{
    static const uintptr_t targets[] = {MACH2PHYS_VIRT_START, 0xffff810000000000UL, 0xffff82d040200000UL,
                                        0xffff830000000000UL};
    struct physdev_set_iopl iopl = {.iopl = 1};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(targets); i++) {
        void *p = (void *)targets[i];
        uint64_t n = 1;
        struct kit_fault f = KIT_PROBE("cld; rep insb", "+D"(p), "+c"(n) : "d"(0x3f8) : "memory");

        CHECK(f.raised && (f.vector == VECTOR_PF || f.vector == VECTOR_GP));
        CHECK_EQ(n, 1);
        if (targets[i] == MACH2PHYS_VIRT_START)
            continue; /* may be read */
        f = KIT_PROBE("cld; rep outsb", "+S"(p), "+c"(n) : "d"(0x80) : "memory");
        CHECK(f.raised && (f.vector == VECTOR_PF || f.vector == VECTOR_GP));
    }
    iopl.iopl = 0;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
}

/* An instruction that runs off the end of what is mapped, or is too long. */
KIT_TEST(emulated_code_at_the_edge)
{
    uint8_t *pages = kit_pages_alloc(2);
    struct kit_fault f;

    pages[4095] = 0x0f; /* the first byte of wrmsr */
    CHECK_RC(kit_unmap(pages + 4096), 0);
    CHECK(kit_try((void (*)(void *))(uintptr_t)(pages + 4095), NULL, &f));
    CHECK_EQ(f.vector, VECTOR_PF);
    CHECK_EQ(f.cr2, (uintptr_t)pages + 4096);
    CHECK_RC(kit_set_rw(pages + 4096), 0);
    memset(pages, 0x66, 15); /* fifteen prefixes and an instruction */
    pages[15] = 0xfa;
    pages[16] = 0xc3;
    CHECK(kit_try((void (*)(void *))(uintptr_t)pages, NULL, &f));
    CHECK(f.vector == VECTOR_GP || f.vector == VECTOR_UD);
    memset(pages, 0, 8192);
    kit_pages_free(pages, 2);
}

__asm__(".pushsection .rodata\n"
        "edge_code: int $0x80\n"
        "edge_code_end:\n"
        ".popsection");
extern const char edge_code[], edge_code_end[];

static struct kit_user user;

static void return_to(const struct iret_context *frame)
{
    struct kit_vcpu *v = kit_this();

    v->user = &user;
    if (!kit_setjmp(&user.exit))
        __asm__ volatile("sub $72, %%rsp; mov %%rsp, %%rdi; mov $9, %%ecx; rep movsq; mov $23, %%eax; syscall"
                         :
                         : "S"(frame)
                         : "rdi", "rcx", "rax", "r11", "memory");
    v->user = NULL;
}

/* XSA-7: SYSRET to an address that is not canonical. The guest pays for it, nobody else. */
KIT_TEST(sysret_to_non_canonical)
{
    static const uint64_t targets[] = {0x800000000000UL, 0x8000000000000000UL, 0xffff7fffffffffffUL};
    struct iret_context frame;

    CHECK_RC(kit_user_init(&user, edge_code, (size_t)(edge_code_end - edge_code)), 0);
    kit_user_run(&user);
    CHECK_EQ(user.regs.vector, VECTOR_INT80);
    for (unsigned i = 0; i < ARRAY_SIZE(targets); i++)
        for (unsigned flags = 0; flags <= VGCF_in_syscall; flags += VGCF_in_syscall) {
            frame = (struct iret_context){.flags = flags,
                                          .rip = targets[i],
                                          .cs = FLAT_USER_CS64,
                                          .rflags = EFLAGS_IF | EFLAGS_FIXED,
                                          .rsp = KIT_USER_DATA + KIT_PAGE_SIZE,
                                          .ss = FLAT_USER_SS64};
            return_to(&frame);
            CHECK_EQ(user.regs.vector, VECTOR_GP);
            CHECK_EQ(user.regs.rip, targets[i]);
        }
}

/* SYSCALL in the last two bytes below the hole: the address behind it is not canonical. */
KIT_TEST(syscall_below_the_hole)
{
    uint8_t *page = kit_page_alloc();
    struct iret_context frame = {.rip = 0x7ffffffffffeUL,
                                 .cs = FLAT_USER_CS64,
                                 .rflags = EFLAGS_IF | EFLAGS_FIXED,
                                 .rsp = KIT_USER_DATA + KIT_PAGE_SIZE,
                                 .ss = FLAT_USER_SS64};

    CHECK_OR_RETURN(user.root_mfn != 0);
    page[4094] = 0x0f;
    page[4095] = 0x05;
    CHECK_RC(kit_map(user.root_mfn, 0x7ffffffff000UL, kit_maddr_of(page) | PTE_RO | PTE_U), 0);
    return_to(&frame);
    CHECK_EQ(user.regs.vector, KIT_VECTOR_SYSCALL);
    CHECK_EQ(user.regs.rip, 0x800000000000UL);
    /* Back the way it came. */
    frame.flags = VGCF_in_syscall;
    frame.rip = user.regs.rip;
    return_to(&frame);
    CHECK_EQ(user.regs.vector, VECTOR_GP);
    kit_user_free(&user);
    /* The mapping of `page` went with the tables. */
    kit_page_free(page);
}

/* XSA-213: calls that change the ground under a multicall, inside one. */
KIT_TEST(multicall_with_new_root)
{
    multicall_entry_t list[3] = {{.op = __HYPERVISOR_xen_version, .args = {XENVER_version}},
                                 {.op = __HYPERVISOR_mmuext_op},
                                 {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}}};
    struct mmuext_op op = {.cmd = MMUEXT_NEW_BASEPTR, .arg1.mfn = kit_root_mfn};
    uint64_t *t = kit_page_alloc(), *root = kit_va_of_mfn(kit_root_mfn);

    t[511] = root[511];
    CHECK_RC(kit_set_ro(t), 0);
    CHECK_RC(kit_pin(4, kit_mfn_of(t)), 0);
    op.arg1.mfn = kit_mfn_of(t);
    list[1].args[0] = (uintptr_t)&op;
    list[1].args[1] = 1;
    list[1].args[3] = DOMID_SELF;
    CHECK_RC(hcall_multicall(list, 3), 0);
    CHECK_EQ(list[1].result, 0);
    CHECK_EQ(list[2].result, 4 << 16 | 17);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, kit_root_mfn, 0), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(t)), 0);
    CHECK_RC(kit_table_free(t), 0);
}

#define TOLD 0x5a5a5a5aUL

struct iret_frame {
    uint64_t room[64]; /* below the stack pointer */
    struct iret_context to;
};

/* The list, with the frame as the stack. Comes back if the iret in it leads to the next instruction: with what is in RAX then. */
static uint64_t run_list(multicall_entry_t *list, unsigned n, struct iret_frame *f)
{
    uint64_t rax = __HYPERVISOR_multicall;
    register uint64_t old_sp __asm__("r12");
    register uint64_t rip __asm__("r13") = f->to.rip;

    __asm__ volatile("mov %%rsp, %[old]\n"
                     "lea 1f(%%rip), %%rcx\n"
                     "test %[rip], %[rip]\n"
                     "cmovz %%rcx, %[rip]\n"
                     "mov %[rip], %c[at_rip](%[frame])\n"
                     "mov %[frame], %%rsp\n"
                     "syscall\n"
                     "1: mov %[old], %%rsp\n"
                     : "+a"(rax), [old] "=&r"(old_sp), [rip] "+r"(rip)
                     : [frame] "r"(&f->to), "D"(list),
                       "S"((uint64_t)n), [at_rip] "i"(offsetof(struct iret_context, rip))
                     : "rcx", "r11", "memory");
    return rax;
}

/* XSA-213: an iret ends the multicall that it stands in, wherever it leads; it has no result. */
KIT_TEST(multicall_with_iret_to_kernel)
{
    static struct iret_frame f;
    multicall_entry_t list[2] = {{.op = __HYPERVISOR_iret, .result = TOLD},
                                 {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}, .result = TOLD}};
    uint64_t rax;

    kit_events_disable();

    f.to = (struct iret_context){.rax = TOLD,
                                 .cs = FLAT_KERNEL_CS64 & ~3,
                                 .ss = FLAT_KERNEL_SS & ~3,
                                 .rflags = 2,
                                 .rsp = (uintptr_t)&f.to};
    rax = run_list(list, 2, &f);
    kit_events_enable();
    CHECK_EQ(rax, TOLD);
    CHECK_EQ(list[0].result, TOLD);
    CHECK_EQ(list[1].result, TOLD);
}

static const uint8_t trap_code[] = {0xcd, 0x80}; /* int $0x80 */

KIT_TEST(multicall_with_iret_to_user)
{
    static struct iret_frame f;
    static struct kit_user user;
    multicall_entry_t *list = kit_page_alloc();
    struct kit_vcpu *v = kit_this();

    CHECK_RC(kit_user_init(&user, trap_code, sizeof(trap_code)), 0);
    CHECK_RC(kit_map(user.root_mfn, (uintptr_t)list, kit_maddr_of(list) | PTE_RW | PTE_U), 0);
    list[0] = (multicall_entry_t){.op = __HYPERVISOR_iret, .result = TOLD};
    list[1] = (multicall_entry_t){.op = __HYPERVISOR_xen_version, .args = {XENVER_version}, .result = TOLD};
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, user.root_mfn, 0), 0);
    CHECK_RC(hcall_stack_switch(FLAT_KERNEL_SS, (uintptr_t)v->trap_stack + KIT_STACK_SIZE), 0);
    kit_events_disable();
    f.to = (struct iret_context){.rax = TOLD,
                                 .cs = FLAT_USER_CS64,
                                 .ss = FLAT_USER_SS64,
                                 .rflags = EFLAGS_FIXED | EFLAGS_IF,
                                 .rsp = KIT_USER_DATA + KIT_PAGE_SIZE,
                                 .rip = KIT_USER_CODE};
    v->user = &user;
    if (!kit_setjmp(&user.exit))
        run_list(list, 2, &f);
    v->user = NULL;
    kit_events_enable();
    CHECK_EQ(user.regs.vector, VECTOR_INT80);
    CHECK_EQ(user.regs.rax, TOLD);
    CHECK_EQ(list[0].result, TOLD);
    CHECK_EQ(list[1].result, TOLD);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
    CHECK_RC(kit_map(user.root_mfn, (uintptr_t)list, 0), 0);
    kit_user_free(&user);
    kit_page_free(list);
}

/* Made-up continuations of batches. */
KIT_TEST(made_up_continuations)
{
    struct mmu_update u[2] = {{.ptr = 0x100000}, {.ptr = 0x100000}};
    struct mmuext_op m = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    unsigned done;

    for (unsigned i = 0; i < 3; i++) {
        done = i == 0 ? 0 : i == 1 ? 0x7fffffff : ~0U;
        CHECK_RC(hcall_mmu_update(u, 0x80000002, &done, DOMID_SELF), -XEN_EINVAL);
        done = i == 0 ? 0 : i == 1 ? 0x7fffffff : ~0U;
        CHECK_RC(hcall_mmuext_op(&m, 0x80000001, &done, DOMID_SELF), 0);
    }
}

/* An unmapped LDT, GDT or stack in the way of a trap ends the domain and nothing else: see traps/trap_on_unmapped_stack. */
KIT_TEST_ALONE(trap_handler_in_hypervisor)
{
    struct trap_info t[2] = {{.vector = 6, .cs = FLAT_KERNEL_CS, .address = 0xffff82d040200000UL}};

    CHECK_RC(hcall_set_trap_table(t), 0);
    t[0].vector = 14;
    t[0].address = 0xffff82d040200100UL;
    CHECK_RC(hcall_set_trap_table(t), 0);
    kit_expect_crash("handlers that cannot be fetched");
    __asm__ volatile("mov %0, %%rsp; ud2" ::"r"((uintptr_t)kit_this()->stack + 512) : "memory");
}

/* set_callbacks returns 0 for a bad address; what counts is that it does not take it. */
KIT_TEST(event_callback_non_canonical)
{
    int port = kit_event_bind_ipi(0);

    CHECK_OR_RETURN(port > 0);
    CHECK_RC(kit_hypercall3(__HYPERVISOR_set_callbacks, 0x8000000000000000UL, 0x8000000000000000UL,
                            0x8000000000000000UL),
             0);
    kit_event_unmask((unsigned)port);
    kit_event_count_reset((unsigned)port);
    kit_events_enable();
    CHECK_RC(kit_event_send((unsigned)port), 0);
    kit_events_disable();
    CHECK_EQ(kit_event_count((unsigned)port), 1);
    CHECK_RC(kit_event_close((unsigned)port), 0);
}
