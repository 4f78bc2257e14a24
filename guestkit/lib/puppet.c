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
#define CODE  4
#define BOX   5
#define STACK 6

struct kit_puppet_box {
    uint64_t request, done; /* it has something to do while they differ */
    uint64_t op, arg[5], result;
};

extern const char kit_puppet_code[], kit_puppet_code_end[];

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

static int fill_tables(struct kit_puppet *p)
{
    static uint64_t page[512];
    int rc = 0;

    for (unsigned level = 0; !rc && level < 3; level++) {
        memset(page, 0, sizeof(page));
        page[KIT_PUPPET_VA(0) >> (39 - 9 * level) & 511] = (uint64_t)p->mfn[level + 1] << 12 | PTE_TABLE;
        rc = fill(p, level, page);
    }
    memset(page, 0, sizeof(page));
    for (unsigned i = 0; i < KIT_PUPPET_PAGES; i++)
        page[i] = (uint64_t)p->mfn[i] << 12 | (i <= CODE ? PTE_RO : PTE_RW);
    return rc ? rc : fill(p, 3, page);
}

static int fill_code(struct kit_puppet *p)
{
    static char page[KIT_PAGE_SIZE];

    memcpy(page, kit_puppet_code, (size_t)(kit_puppet_code_end - kit_puppet_code));
    return fill(p, CODE, page);
}

static int start(struct kit_puppet *p)
{
    static struct vcpu_guest_context context;
    struct xen_domctl op = {0};
    long rc;

    memset(&context, 0, sizeof(context));
    context.flags = VGCF_in_kernel | VGCF_online;
    context.user_regs.rip = KIT_PUPPET_VA(CODE);
    context.user_regs.rbx = KIT_PUPPET_VA(BOX);
    context.user_regs.rsp = KIT_PUPPET_VA(STACK + 1);
    context.user_regs.rflags = 0x202;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.kernel_ss = FLAT_KERNEL_SS;
    context.kernel_sp = context.user_regs.rsp;
    context.ctrlreg[3] = xen_pfn_to_cr3(p->mfn[0]);
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &context);
    rc = step(kit_domctl(XEN_DOMCTL_setvcpucontext, p->id, &op), "setvcpucontext");
    memset(&op, 0, sizeof(op));
    return (int)(rc ? rc : step(kit_domctl(XEN_DOMCTL_unpausedomain, p->id, &op), "unpausedomain"));
}

int kit_puppet_make(struct kit_puppet *p)
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
    pin.arg1.mfn = p->mfn[0];
    if (!rc)
        rc = (int)step(hcall_mmuext_op(&pin, 1, NULL, p->id), "pin");
    if (!rc)
        rc = start(p);
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
        "    syscall\n"
        "    jmp 5f\n"
        "2:  mov (%rdi), %rax\n"
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
