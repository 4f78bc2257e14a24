/* SPDX-License-Identifier: MIT */
/*
 * A domain with one vcpu that does what it is told in a page shared with its maker. Its address space is one L1 table:
 *
 *   page 0 to 3  L4, L3, L2, L1    4  code    5  the box    6  stack    7  shared info    8..  free
 */
#include <kit/arch/cpu.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

#define PEEK  (~0UL)
#define POKE  (~1UL)
#define RUN   (~2UL)
#define CODE  4
#define BOX   KIT_PUPPET_BOX
#define STACK 6

struct kit_puppet_box {
    uint64_t request, done; /* it has something to do while they differ */
    uint64_t op, arg[5], result;
};

extern const char kit_puppet_code[], kit_puppet_code_end[];
extern const char kit_program_start[], kit_program_end[]; /* of the link script */

static long step(long rc, const char *what)
{
    if (rc)
        kit_note("puppet: %s: %ld", what, rc);
    return rc;
}

static int populate(struct kit_puppet *p)
{
    struct xen_memory_reservation r = {.nr_extents = KIT_PUPPET_PAGES, .domid = p->id};

    for (unsigned i = 0; i < KIT_PUPPET_PAGES; i++)
        p->mfn[i] = i;
    set_xen_guest_handle(r.extent_start, p->mfn);
    return hcall_memory_op(XENMEM_populate_physmap, &r) == KIT_PUPPET_PAGES ? 0 : -XEN_ENOMEM;
}

/* One page, copied in from here. */
static int fill(struct kit_puppet *p, unsigned page, const void *content)
{
    int rc;
    void *va = kit_foreign_map(p->id, p->mfn[page], PTE_RW, &rc);

    if (!va)
        return rc;
    memcpy(va, content, KIT_PAGE_SIZE);
    return kit_foreign_unmap(va);
}

/* Its frame; upcalls are masked there, as who makes a domain does. */
static int fill_shared_info(struct kit_puppet *p, uint64_t *frame)
{
    struct xen_domctl info = {0};
    volatile struct shared_info *shared;
    int rc = (int)kit_domctl(XEN_DOMCTL_getdomaininfo, p->id, &info);

    if (rc)
        return rc;
    *frame = info.u.getdomaininfo.shared_info_frame;
    shared = kit_foreign_map(p->id, *frame, PTE_RW, &rc);
    if (!shared)
        return rc;
    shared->vcpu_info[0].evtchn_upcall_mask = 1;
    return kit_foreign_unmap((void *)(uintptr_t)shared);
}

static int fill_tables(struct kit_puppet *p)
{
    static uint64_t page[512];
    uint64_t shared = 0;
    int rc = fill_shared_info(p, &shared);

    for (unsigned level = 0; !rc && level < 3; level++) {
        memset(page, 0, sizeof(page));
        page[KIT_PUPPET_VA(0) >> (39 - 9 * level) & 511] = (uint64_t)p->mfn[level + 1] << 12 | PTE_TABLE;
        rc = fill(p, level, page);
    }
    memset(page, 0, sizeof(page));
    for (unsigned i = 0; i < KIT_PUPPET_PAGES; i++)
        page[i] = (uint64_t)p->mfn[i] << 12 | (i <= CODE ? PTE_RO : PTE_RW);
    page[KIT_PUPPET_SHARED] = shared << 12 | PTE_RW;
    return rc ? rc : fill(p, 3, page);
}

static int fill_code(struct kit_puppet *p)
{
    static char page[KIT_PAGE_SIZE];

    memcpy(page, kit_puppet_code, (size_t)(kit_puppet_code_end - kit_puppet_code));
    return fill(p, CODE, page);
}

static int set_context(struct kit_puppet *p)
{
    static struct vcpu_guest_context context;
    struct xen_domctl op = {0};

    memset(&context, 0, sizeof(context));
    context.flags = VGCF_in_kernel | VGCF_online;
    context.user_regs.rip = KIT_PUPPET_VA(CODE);
    context.user_regs.rbx = KIT_PUPPET_VA(BOX);
    context.user_regs.rsp = KIT_PUPPET_VA(STACK + 1);
    context.user_regs.rflags = EFLAGS_IF | EFLAGS_FIXED;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.kernel_ss = FLAT_KERNEL_SS;
    context.kernel_sp = context.user_regs.rsp;
    context.ctrlreg[3] = xen_pfn_to_cr3(p->mfn[0]);
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &context);
    return (int)step(kit_domctl(XEN_DOMCTL_setvcpucontext, p->id, &op), "setvcpucontext");
}

int kit_puppet_start(struct kit_puppet *p)
{
    struct xen_domctl op = {0};

    return (int)step(kit_domctl(XEN_DOMCTL_unpausedomain, p->id, &op), "unpausedomain");
}

int kit_puppet_make(struct kit_puppet *p)
{
    int rc = kit_puppet_build(p);

    if (rc)
        return rc;
    rc = kit_puppet_start(p);
    if (rc)
        kit_puppet_end(p);
    return rc;
}

int kit_puppet_build(struct kit_puppet *p)
{
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L4_TABLE};
    int rc;

    p->box = NULL;
    rc = (int)step(kit_domain_create(1, KIT_PUPPET_PAGES + 16, &p->id), "create");
    if (rc)
        return rc;
    rc = (int)step(populate(p), "populate");
    if (!rc)
        rc = (int)step(fill_tables(p), "page tables");
    if (!rc)
        rc = (int)step(fill_code(p), "code");
    if (!rc)
        p->box = kit_foreign_map(p->id, p->mfn[BOX], PTE_RW, &rc);
    if (!rc)
        memset((void *)(uintptr_t)p->box, 0, KIT_PAGE_SIZE); /* pages are as somebody left them */
    pin.arg1.mfn = p->mfn[0];
    if (!rc)
        rc = (int)step(hcall_mmuext_op(&pin, 1, NULL, p->id), "pin");
    if (!rc)
        rc = set_context(p);
    if (rc)
        kit_puppet_end(p);
    return rc;
}

bool kit_puppet_end(struct kit_puppet *p)
{
    if (p->box)
        kit_foreign_unmap((void *)(uintptr_t)p->box);
    p->box = NULL;
    return kit_domain_gone(p->id);
}

static long tell(struct kit_puppet *p, uint64_t op, const unsigned long *arg)
{
    uint64_t deadline = kit_time_ns() + 2000000000UL, number = p->box->request + 1;

    p->box->op = op;
    for (unsigned i = 0; i < 4; i++)
        p->box->arg[i] = arg[i];
    __atomic_store_n(&p->box->request, number, __ATOMIC_RELEASE);
    while (__atomic_load_n(&p->box->done, __ATOMIC_ACQUIRE) != number) {
        if (kit_time_ns() > deadline)
            return -XEN_ETIME;
        hcall_sched_op(SCHEDOP_yield, NULL);
    }
    return (long)p->box->result;
}

long kit_puppet_call(struct kit_puppet *p, unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                     unsigned long a4)
{
    const unsigned long arg[4] = {a1, a2, a3, a4};

    return tell(p, op, arg);
}

uint64_t kit_puppet_peek(struct kit_puppet *p, unsigned long va)
{
    const unsigned long arg[4] = {va};

    return (uint64_t)tell(p, PEEK, arg);
}

long kit_puppet_poke(struct kit_puppet *p, unsigned long va, uint64_t value)
{
    const unsigned long arg[4] = {va, value};

    return tell(p, POKE, arg);
}

int kit_puppet_load(struct kit_puppet *p)
{
    size_t size = (size_t)(kit_program_end - kit_program_start);
    int rc = 0;

    for (unsigned i = 0; !rc && i * KIT_PAGE_SIZE < size; i++)
        rc = fill(p, KIT_PUPPET_PROGRAM + i, kit_program_start + i * KIT_PAGE_SIZE);
    return rc;
}

unsigned long kit_puppet_address(void (*program)(void))
{
    return KIT_PUPPET_VA(KIT_PUPPET_PROGRAM) + ((uintptr_t)program - (uintptr_t)kit_program_start);
}

void kit_puppet_run(struct kit_puppet *p, kit_program program, unsigned long a1, unsigned long a2)
{
    p->box->op = RUN;
    p->box->arg[0] = a1;
    p->box->arg[1] = a2;
    p->box->arg[2] = kit_puppet_address((void (*)(void))program);
    __atomic_store_n(&p->box->request, p->box->request + 1, __ATOMIC_RELEASE);
}

bool kit_puppet_is_idle(struct kit_puppet *p)
{
    return __atomic_load_n(&p->box->done, __ATOMIC_ACQUIRE) == p->box->request;
}

volatile uint64_t *kit_puppet_words(struct kit_puppet *p)
{
    return (volatile uint64_t *)((uintptr_t)p->box + 256);
}

/* Entered with rcx and r11 on top of the interrupted context; left by the iret hypercall. */
__asm__(".pushsection .text.puppet, \"ax\"\n"
        ".balign 16\n"
        ".globl kit_program_upcall\n"
        "kit_program_upcall:\n"
        "    pop %rcx\n"
        "    pop %r11\n"
        "    push %rax\n"
        "    push %rdi\n"
        "    mov $0xffffffff80007000, %rdi\n" /* shared_info: vcpu_info[0] is its beginning */
        "    movb $0, (%rdi)\n"
        "    movq $0, 8(%rdi)\n"
        "    movq $0, 0x800(%rdi)\n" /* evtchn_pending[0] */
        "    mov $0xffffffff80005000 + 256 + 63 * 8, %rdi\n"
        "    incq (%rdi)\n"
        "    pop %rdi\n"
        "    pop %rax\n"
        "    pushq $0\n"
        "    push %rcx\n"
        "    push %r11\n"
        "    push %rax\n"
        "    mov $23, %eax\n" /* iret */
        "    syscall\n"
        ".popsection\n");

/* RBX: the box. A hypercall is SYSCALL in the kernel's mode, with or without the page that usually stands between. */
__asm__(".pushsection .rodata\n"
        ".balign 16\n"
        "kit_puppet_code:\n"
        "1:  mov (%rbx), %rbp\n"
        "    cmp 8(%rbx), %rbp\n"
        "    je 4f\n"
        "    mov 16(%rbx), %rax\n"
        "    mov 24(%rbx), %rdi\n"
        "    mov 32(%rbx), %rsi\n"
        "    mov 40(%rbx), %rdx\n"
        "    mov 48(%rbx), %r10\n"
        "    mov 56(%rbx), %r8\n"
        "    cmp $-1, %rax\n"
        "    je 2f\n"
        "    cmp $-2, %rax\n"
        "    je 3f\n"
        "    cmp $-3, %rax\n"
        "    je 6f\n"
        "    syscall\n"
        "    jmp 5f\n"
        "2:  mov (%rdi), %rax\n"
        "    jmp 5f\n"
        "6:  call *%rdx\n"
        "    jmp 5f\n"
        "3:  mov %rsi, (%rdi)\n"
        "    xor %eax, %eax\n"
        "5:  mov %rax, 64(%rbx)\n"
        "    mov %rbp, 8(%rbx)\n"
        "    jmp 1b\n"
        "4:  mov $29, %eax\n" /* sched_op: yield */
        "    xor %edi, %edi\n"
        "    xor %esi, %esi\n"
        "    syscall\n"
        "    jmp 1b\n"
        "kit_puppet_code_end:\n"
        ".popsection\n");
