/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain 0, step by step: the kernel unpacked, memory allocated, everything copied to its place, page tables made and taken into use, registers set. */
#include "arch/x86/boot/bootinfo.h"
#include "arch/x86/cpu.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/layout.h"
#include "core/frame_ref.h"
#include "core/domain_nodes.h"
#include "core/options.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/string.h"
#include "pv/dom0/dom0.h"
#include "hv/irqflags.h"
#include "pv/pv.h"

static const char *module_line(const struct boot_module *m)
{
    /* QEMU puts the file's path in front, GRUB does not: a path has a slash before any blank or equals sign. */
    for (const char *c = m->line; *c && *c != ' ' && *c != '='; c++)
        if (*c == '/')
            return skip_first_word(m->line);
    return m->line;
}

static const void *module_data(const struct boot_module *m)
{
    return direct_map + m->start;
}

/* A block of the heap for a while; panics if there is none. */
static void *temporary(size_t bytes, unsigned int *order)
{
    struct frame *f;

    *order = 0;
    while (PAGE_SIZE << *order < bytes)
        (*order)++;
    f = heap_alloc(*order, 0, HEAP_ANYWHERE, HEAP_NO_SCRUB);
    if (!f)
        cannot_boot("no %lu KiB of memory in one piece to unpack domain 0's kernel. Give the machine "
                    "more memory.\n",
                    bytes >> 10);
    return frame_to_va(f);
}

/* The libraries that unpack use SSE and read their stack protector's value through FS; interrupts stay off (lib/decompress/decompress.h). */
static int unpack_kernel(struct kernel_image *k, const struct boot_module *m, void **out,
                         unsigned int *out_order)
{
    unsigned int scratch_order = 0;
    void *scratch = NULL;
    int rc = kernel_image_probe(k, module_data(m), m->end - m->start);

    if (rc)
        return rc;
    if (k->compressed) {
        *out = temporary(k->elf_size, out_order);
        scratch = temporary(k->scratch_size, &scratch_order);
    }
    rc = kernel_image_load(k, *out, k->elf_size, scratch, k->scratch_size);
    if (scratch)
        heap_free(mfn_to_frame(va_to_mfn(scratch)), scratch_order);
    return rc;
}

static void load_kernel(struct dom0_build *b, const struct boot_module *m, void **out,
                        unsigned int *out_order)
{
    struct kernel_image *k = &b->kernel;
    void *fs_page = hv_alloc_page();
    const char *problem;
    uint64_t flags;
    int rc;

    if (!fs_page)
        cannot_boot("no memory to unpack domain 0's kernel. Give the machine more memory.\n");
    flags = irq_save();
    wrmsr(MSR_FS_BASE, (uint64_t)fs_page);
    rc = unpack_kernel(k, m, out, out_order);
    wrmsr(MSR_FS_BASE, 0);
    irq_restore(flags);
    hv_free_page(fs_page);
    if (rc)
        cannot_boot("domain 0's kernel (the first module) cannot be loaded: %s\n",
                    k->reason ? k->reason : "unknown format");
    if (!k->xen_guest || !(k->notes.present & BIT(XEN_ELFNOTE_ENTRY) || k->notes.legacy))
        cannot_boot("domain 0's kernel has no Xen PV entry point: take a kernel built with "
                    "CONFIG_XEN_PV.\n");
    problem = dom0_check_features(&k->notes);
    if (problem)
        cannot_boot("domain 0's kernel cannot be used: %s%s.\n", problem, k->notes.unknown_feature);
    if (k->notes.bsd_symtab)
        printk("Domain 0's kernel asks for its symbol table (its note BSD_SYMTAB), which is not loaded: "
               "its own debugger will know no names\n");
}

/* Each of the domain's nodes gives as much, one after the other, in whole 2 MiB: the one whose turn it is at `pfn`, and where that ends. */
static unsigned int share_at(const struct dom0_build *b, uint64_t pfn, uint64_t *end)
{
    uint64_t nodes = domain_nodes(b->d);
    uint64_t share = ROUND_UP(DIV_ROUND_UP(b->nr_pages, (unsigned int)__builtin_popcountll(nodes)), 512);

    *end = min((pfn / share + 1) * share, b->nr_pages);
    for (uint64_t before = pfn / share; before; before--)
        nodes &= nodes - 1;
    return (unsigned int)__builtin_ctzll(nodes);
}

/*
 * A block for `pfn` of up to 2^*order frames, which becomes what it has. From the node whose turn it is in smaller pieces, down to 2 MiB,
 * rather than from another. NULL: there is no memory at all.
 */
static struct frame *take_share(struct dom0_build *b, uint64_t pfn, unsigned int node, unsigned int *order)
{
    struct heap_where there = {.preferred = BIT(node), .node = (uint8_t)node, .nowhere_else = true};
    unsigned int wanted = *order;
    struct frame *f;

    for (; numa.nodes > 1 && *order >= 9; --*order)
        if (!domain_alloc_frames(b->d, *order, 0, there, HEAP_NO_SCRUB, pfn, &f))
            return f;
    for (*order = wanted; domain_alloc_frames(b->d, *order, 0, HEAP_NEAR(node), HEAP_NO_SCRUB, pfn, &f);
         --*order)
        if (!*order)
            return NULL;
    return f;
}

/* Gives the domain its memory, PFN by PFN, in the largest pieces there are. */
static void allocate_memory(struct dom0_build *b)
{
    uint64_t pfn = 0, end;

    while (pfn < b->nr_pages) {
        unsigned int order =
            pfn ? min((unsigned int)__builtin_ctzll(pfn), (unsigned int)HEAP_MAX_ORDER) : HEAP_MAX_ORDER;
        unsigned int node = share_at(b, pfn, &end);
        struct frame *f;

        while (1ULL << order > end - pfn)
            order--;
        f = take_share(b, pfn, node, &order);
        if (!f)
            cannot_boot("out of memory at page %lu of %lu of domain 0. Choose a smaller dom0_mem=.\n", pfn,
                        b->nr_pages);
        for (uint64_t i = 0; i < 1ULL << order; i++)
            b->p2m[pfn + i] = frame_to_mfn(f).n + i;
        pfn += 1ULL << order;
    }
}

/* Copies into the domain's pages from byte `at` of its pseudo-physical memory; a NULL source writes zeroes. Pages that follow each other in the machine go in one piece. */
static void put(struct dom0_build *b, uint64_t at, const void *from, size_t n)
{
    while (n) {
        uint64_t pfn = at >> PAGE_SHIFT, offset = at & (PAGE_SIZE - 1);
        size_t piece = PAGE_SIZE - offset;

        while (piece < n && b->p2m[pfn + ((offset + piece) >> PAGE_SHIFT)] ==
                                b->p2m[pfn] + ((offset + piece) >> PAGE_SHIFT))
            piece += PAGE_SIZE;
        piece = min(piece, n);
        if (from) {
            memcpy((uint8_t *)dom0_page(b, pfn) + offset, from, piece);
            from = (const uint8_t *)from + piece;
        } else {
            memset((uint8_t *)dom0_page(b, pfn) + offset, 0, piece);
        }
        at += piece;
        n -= piece;
    }
}

static void copy_kernel(struct dom0_build *b)
{
    for (uint32_t i = 0; i < b->kernel.elf.segments; i++) {
        struct elf_segment s;

        if (elf_segment(&b->kernel.elf, i, &s) || s.type != PT_LOAD)
            continue;
        uint64_t at = s.paddr - b->kernel.notes.paddr_offset;

        put(b, at, s.data, s.file_size);
        put(b, at + s.file_size, NULL, s.memory_size - s.file_size);
    }
}

/* HYPERVISOR calls from this page: one stub of 32 bytes for each number (xen.h, elfnote.h: HYPERCALL_PAGE). */
void pv_write_hypercall_page(void *page)
{
    memset(page, 0xcc, PAGE_SIZE);
    for (unsigned int i = 0; i < PAGE_SIZE / 32; i++) {
        uint8_t *at = (uint8_t *)page + i * 32;

        if (i == __HYPERVISOR_iret) {
            /* push %rcx; push %r11; push %rax; mov $nr, %eax; syscall: the frame is struct iret_context, so there is no way back */
            const uint8_t stub[] = {0x51, 0x41, 0x53, 0x50, 0xb8, (uint8_t)i, 0, 0, 0, 0x0f, 0x05};

            memcpy(at, stub, sizeof(stub));
        } else {
            /* push %rcx; push %r11; mov $nr, %eax; syscall; pop %r11; pop %rcx; ret */
            const uint8_t stub[] = {0x51, 0x41, 0x53, 0xb8, (uint8_t)i, 0,    0,
                                    0,    0x0f, 0x05, 0x41, 0x5b,       0x59, 0xc3};

            memcpy(at, stub, sizeof(stub));
        }
    }
}

static struct start_info *dom0_start_info; /* in domain 0's page */

static void write_start_info(struct dom0_build *b)
{
    struct start_info *si = dom0_page(b, dom0_pfn(b, b->start_info_va));

    memset(si, 0, PAGE_SIZE);
    copy_string(si->magic, "xen-3.0-x86_64", sizeof(si->magic));
    si->nr_pages = b->nr_pages;
    si->shared_info = mfn_to_paddr(va_to_mfn(b->d->shared_info));
    si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
    si->pt_base = b->tables_va;
    si->nr_pt_frames = b->table_count;
    si->mfn_list = b->p2m_va;
    si->first_p2m_pfn = b->p2m_apart ? b->p2m_pfn : 0;
    si->nr_p2m_frames = b->p2m_apart ? b->p2m_pages + b->p2m_tables : 0;
    if (b->initrd_size) {
        si->mod_start = b->initrd_apart ? b->initrd_pfn : b->initrd_va;
        si->mod_len = b->initrd_size;
        si->flags |= b->initrd_apart ? SIF_MOD_START_PFN : 0;
    }
    copy_string((char *)si->cmd_line, b->line, sizeof(si->cmd_line));
    dom0_start_info = si;
}

void dom0_give_screen(void)
{
    struct dom0_vga_console_info *screen = (void *)(dom0_start_info + 1);
    size_t n = dom0_describe_screen(screen);

    dom0_start_info->console.dom0.info_off = n ? sizeof(*dom0_start_info) : 0;
    dom0_start_info->console.dom0.info_size = (uint32_t)n;
}

static void copy_rest(struct dom0_build *b)
{
    const struct kernel_notes *n = &b->kernel.notes;

    if (b->initrd_size)
        put(b, b->initrd_apart ? b->initrd_pfn << PAGE_SHIFT : b->initrd_va - b->virt_base, b->initrd,
            b->initrd_size);
    put(b, b->p2m_apart ? b->p2m_pfn << PAGE_SHIFT : b->p2m_va - b->virt_base, b->p2m,
        b->nr_pages * sizeof(uint64_t));
    if (n->present & BIT(XEN_ELFNOTE_HYPERCALL_PAGE))
        pv_write_hypercall_page(dom0_page(b, dom0_pfn(b, n->hypercall_page)));
    write_start_info(b);
    put(b, b->stack_va - b->virt_base, NULL, PAGE_SIZE);
}

/* The tables become page tables in the validator's eyes; the root is pinned, as the interface says, and in use by vcpu 0. */
static void take_tables(struct dom0_build *b)
{
    struct pv_vcpu *p = pv_vcpu(b->v);
    struct frame *root = mfn_to_frame(MFN(b->p2m[dom0_pfn(b, b->tables_va)]));
    int rc = frame_pin(root, b->d, FT_L4, NULL);

    if (!rc)
        rc = frame_get_type(root, b->d, FT_L4, NULL);
    if (rc)
        panic("domain 0's first page tables do not pass the validator: %d\n", rc);
    pv_show_m2p(b->d, frame_to_va(root), true);
    p->root_kernel = root;
    p->cr3_kernel = mfn_to_paddr(frame_to_mfn(root));
}

static void set_registers(struct dom0_build *b)
{
    struct cpu_user_regs *r = &b->v->regs;

    /* xen.h: "Start-of-day memory layout", and what elfnote.h says of ENTRY: rsi holds the start info, rsp the boot stack. */
    r->rip = b->kernel.virt_entry;
    r->rsi = b->start_info_va;
    r->rsp = b->stack_va + PAGE_SIZE;
    r->cs = GUEST_CS64;
    r->ss = GUEST_DS;
    r->rflags = EFLAGS_IF | EFLAGS_FIXED;
    pv_vcpu(b->v)->kernel_sp = r->rsp;
    pv_vcpu(b->v)->kernel_ss = GUEST_DS;
    b->v->is_initialised = true;
}

static void print_layout(const struct dom0_build *b)
{
    printk(" Domain 0 kernel: 64-bit, %s, %lu pages\n", b->kernel.notes.guest_os, b->nr_pages);
    printk("  Loaded kernel: %016lx->%016lx\n", b->kernel.virt_start, b->kernel_end);
    printk("  Phys-Mach map: %016lx->%016lx\n", b->p2m_va, b->p2m_va + b->nr_pages * 8);
    printk("  Start info:    %016lx->%016lx\n", b->start_info_va, b->start_info_va + PAGE_SIZE);
    printk("  Page tables:   %016lx->%016lx\n", b->tables_va, b->tables_va + b->table_count * PAGE_SIZE);
    printk("  Boot stack:    %016lx->%016lx\n", b->stack_va, b->stack_va + PAGE_SIZE);
    printk("  TOTAL:         %016lx->%016lx\n", b->virt_base, b->end_va);
    printk("  ENTRY ADDRESS: %016lx\n", b->kernel.virt_entry);
}

/* dom0_max_vcpus=N, or MIN-MAX (either may be left out): as many as processors, within these bounds. */
static unsigned int vcpu_count(void)
{
    const char *text = option_string("dom0_max_vcpus");
    uint64_t online = cpumask_weight(&cpu_online_mask), least = 1, most = MAX_VCPUS;
    char *end;

    if (text && *text) {
        least = strtoull(text, &end, 0);
        most = least ? least : MAX_VCPUS;
        if (*end == '-')
            most = end[1] ? strtoull(end + 1, NULL, 0) : MAX_VCPUS;
    }
    return (unsigned int)min(max(min(max(online, least), most), 1UL), (uint64_t)MAX_VCPUS);
}

static void create_vcpus(struct dom0_build *b, unsigned int count)
{
    unsigned int cpu = 0;
    struct vcpu *v;

    for (unsigned int i = 0; i < count; i++) {
        int rc = vcpu_create(b->d, i, cpu, &v);

        if (rc)
            cannot_boot("%s for vcpu %u of domain 0. Give the machine more memory, or choose a smaller "
                        "dom0_max_vcpus=.\n",
                        rc == -ENOMEM ? "no memory" : "no room", i);
        if (option_bool("dom0_vcpus_pin", false)) {
            cpumask_t one = cpumask_of(cpu);

            v->hard_affinity = one;
        }
        cpu = cpumask_next(cpu, &cpu_online_mask);
        if (cpu >= MAX_CPUS)
            cpu = cpumask_first(&cpu_online_mask);
    }
    b->v = b->d->vcpu[0];
}

struct domain *dom0_create(void)
{
    static struct dom0_build b;
    unsigned int out_order = 0, p2m_order, vcpus = vcpu_count();
    uint64_t limit;
    void *unpacked = NULL;
    const char *problem;
    int rc;

    if (!boot_info.module_count)
        cannot_boot("there is no kernel for domain 0. Give one as the first module: qemu -initrd "
                    "\"vmlinuz ARGS,INITRD\", GRUB's module2.\n");
    load_kernel(&b, &boot_info.module[0], &unpacked, &out_order);
    b.line = module_line(&boot_info.module[0]);
    if (boot_info.module_count > 1) {
        b.initrd = module_data(&boot_info.module[1]);
        b.initrd_size = boot_info.module[1].end - boot_info.module[1].start;
    }
    const struct domain_config config = {.max_vcpus = vcpus, .max_pages = ~0ULL};
    domid_id_t id;

    rc = domain_id_reserve(0, &id);
    if (!rc)
        rc = domain_create(id, &pv_kind, &config, &b.d);
    if (rc)
        cannot_boot("domain 0 cannot be created: %s. Give the machine more memory.\n",
                    rc == -ENOMEM ? "no memory" : "an error");
    b.d->privileged = b.d->is_hardware = b.d->has_devices = true;
    hardware_domain = b.d;
    create_vcpus(&b, vcpus);
    domain_nodes_follow(b.d);

    b.nr_pages = dom0_pages(&limit);
    b.d->max_pages = limit;
    problem = dom0_layout(&b);
    if (problem)
        cannot_boot("domain 0's kernel cannot be placed: %s.\n", problem);
    b.p2m = temporary(b.nr_pages * sizeof(uint64_t), &p2m_order);
    b.nr_pages = min(b.nr_pages, dom0_pages(&limit));
    allocate_memory(&b);
    copy_kernel(&b);
    copy_rest(&b);
    dom0_make_tables(&b);
    take_tables(&b);
    set_registers(&b);
    print_layout(&b);

    heap_free(mfn_to_frame(va_to_mfn(b.p2m)), p2m_order);
    if (unpacked)
        heap_free(mfn_to_frame(va_to_mfn(unpacked)), out_order);
    for (unsigned int i = 0; i < boot_info.module_count; i++)
        hostmap_release_boot_range(boot_info.module[i].start, boot_info.module[i].end);
    return b.d;
}
