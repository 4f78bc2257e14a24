/* SPDX-License-Identifier: MIT */
/*
 * The start of day and the calls that only report: what every guest meets before anything else.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M
 */
#include <kit/args.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/print.h>
#include <kit/random.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

extern uint64_t kit_entry_rsp, kit_entry_rflags;
extern uint8_t kit_entry_upcall_mask;

static bool terminated(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!text[i])
            return true;
    return false;
}

KIT_TEST(start_info_fields)
{
    const struct start_info *si = kit_start_info;

    CHECK(!strcmp(si->magic, "xen-3.0-x86_64"));
    CHECK_EQ(si->nr_pages, 128UL << 8); /* dom0_mem=128M */
    CHECK_EQ(si->shared_info & ~KIT_PAGE_MASK, 0);
    CHECK_EQ(si->flags & (SIF_PRIVILEGED | SIF_INITDOMAIN), SIF_PRIVILEGED | SIF_INITDOMAIN);
    CHECK_EQ(si->flags & (SIF_MULTIBOOT_MOD | SIF_MOD_START_PFN | SIF_VIRT_P2M_4TOOLS), 0);
    /* SIF_PM_MASK: the hypervisor's cpuidle and cpufreq drivers; 3 on an unconfigured machine. */
    CHECK_EQ(si->store_mfn, 0);
    CHECK_EQ(si->store_evtchn, 0);
    CHECK(si->console.dom0.info_off < KIT_PAGE_SIZE);
    CHECK_EQ(si->mod_start, 0);
    CHECK_EQ(si->mod_len, 0);
    CHECK(kit_arg_flag("seed"));
}

/* Layout from the header: image, P2M, start info, page tables, stack, packed, each on a page of its own. */
KIT_TEST(start_of_day_layout)
{
    const struct start_info *si = kit_start_info;
    uintptr_t p2m_end = si->mfn_list + si->nr_pages * 8, start = (uintptr_t)si;

    CHECK_EQ(si->mfn_list & ~KIT_PAGE_MASK, 0);
    CHECK_EQ(start & ~KIT_PAGE_MASK, 0);
    CHECK_EQ(start, (p2m_end + KIT_PAGE_SIZE - 1) & KIT_PAGE_MASK);
    CHECK_EQ(si->pt_base, start + KIT_PAGE_SIZE);
    CHECK_EQ(kit_entry_rsp, si->pt_base + (si->nr_pt_frames + 1) * KIT_PAGE_SIZE);
    CHECK(si->nr_pt_frames >= 4);
    /* The P2M is in the initial mapping (no INIT_P2M note), so these two stay empty: first is nr_pages here.
     */
    CHECK_EQ(si->nr_p2m_frames, 0);
    /* At least 512 KiB are mapped behind the last element, and the region ends on a multiple of 4 MiB. */
    CHECK(kit_pte_of(kit_entry_rsp + 0x7f000) & PTE_P);
    CHECK(kit_pte_of(((kit_entry_rsp + 0x80000 + 0x3fffff) & ~0x3fffffUL) - KIT_PAGE_SIZE) & PTE_P);
}

KIT_TEST(entry_registers)
{
    CHECK_EQ(kit_entry_rflags & EFLAGS_IF, EFLAGS_IF);
    CHECK_EQ(kit_entry_rflags & (EFLAGS_DF | EFLAGS_TF), 0);
    CHECK_EQ(kit_entry_upcall_mask, 1); /* events come masked */
}

KIT_TEST(p2m_and_m2p)
{
    const struct start_info *si = kit_start_info;
    unsigned long bad = 0;

    for (unsigned long pfn = 0; pfn < si->nr_pages; pfn++)
        bad += kit_m2p(kit_p2m[pfn]) != pfn;
    CHECK_EQ(bad, 0);
}

/* The page tables themselves are mapped read-only, everything else of the initial mapping read-write. */
KIT_TEST(initial_mapping_rights)
{
    const struct start_info *si = kit_start_info;
    uintptr_t tables_end = si->pt_base + si->nr_pt_frames * KIT_PAGE_SIZE;

    for (uintptr_t va = KIT_VIRT_BASE; va < kit_entry_rsp; va += KIT_PAGE_SIZE) {
        uint64_t pte = kit_pte_of(va), want = PTE_P | PTE_W;

        if (va >= si->pt_base && va < tables_end)
            want = PTE_P;
        if (va == (uintptr_t)kit_shared || (pte & (PTE_P | PTE_W)) == want)
            continue;
        if (va < si->mfn_list && kit_va_of_mfn((pte & PTE_ADDR) >> 12) == (void *)va && !(pte & PTE_W))
            continue; /* a table that the kit made from its heap */
        kit_check(false, __FILE__, __LINE__, "va %lx pte %lx", va, pte);
    }
}

/* A hypercall whose number the page has no entry for: the instruction itself. */
static long kit_hypercall_by_number(unsigned op)
{
    long rax = op;

    __asm__ volatile("xor %%edi, %%edi; xor %%esi, %%esi; xor %%edx, %%edx; syscall"
                     : "+a"(rax)::"rcx", "r11", "rdi", "rsi", "rdx", "r8", "r9", "r10", "memory");
    return rax;
}

KIT_TEST(hypercall_numbers)
{
    /* Unknown numbers are refused. (Xen keeps arch_1 for itself: there the answer is -EFAULT.) */
    CHECK_RC(kit_hypercall1(11, 0), -XEN_ENOSYS);
    CHECK_RC(kit_hypercall1(__HYPERVISOR_tmem_op, 0), -XEN_ENOSYS);
    for (unsigned op = 43; op < 128; op++)
        if (op != __HYPERVISOR_arch_0 && op != __HYPERVISOR_arch_1)
            CHECK_RC(kit_hypercall_by_number(op), -XEN_ENOSYS);
    CHECK_RC(kit_hypercall_by_number(~0U), -XEN_ENOSYS);
}

/* The page's code keeps rcx and r11, which SYSCALL itself destroys; r9 and the callee's registers stay. */
KIT_TEST(hypercall_registers)
{
    uint64_t rcx = 0x1111, r11 = 0x2222, r9 = 0x3333, rbx = 0x4444, r12 = 0x5555, r15 = 0x6666, rax;
    register uint64_t in_r11 __asm__("r11") = r11;
    register uint64_t in_r9 __asm__("r9") = r9;
    register uint64_t in_r12 __asm__("r12") = r12;
    register uint64_t in_r15 __asm__("r15") = r15;
    uint64_t rdi = XENVER_version, rsi = 0;

    __asm__ volatile("call *%%rax"
                     : "=a"(rax), "+c"(rcx), "+r"(in_r11), "+r"(in_r9), "+b"(rbx), "+r"(in_r12), "+r"(in_r15),
                       "+D"(rdi), "+S"(rsi)
                     : "0"(kit_hypercall_page + __HYPERVISOR_xen_version * 32)
                     : "rdx", "r8", "r10", "memory");
    CHECK_EQ(rax, 0x40011);
    CHECK_EQ(rcx, 0x1111);
    CHECK_EQ(in_r11, 0x2222);
    CHECK_EQ(in_r9, 0x3333);
    CHECK_EQ(rbx, 0x4444);
    CHECK_EQ(in_r12, 0x5555);
    CHECK_EQ(in_r15, 0x6666);
}

KIT_TEST(version_number)
{
    CHECK_EQ(hcall_xen_version(XENVER_version, NULL), 4 << 16 | 17);
    CHECK_EQ(hcall_xen_version(XENVER_version, (void *)~0UL),
             4 << 16 | 17); /* the argument is not looked at */
    CHECK_EQ(hcall_xen_version(XENVER_pagesize, NULL), KIT_PAGE_SIZE);
    CHECK_RC(hcall_xen_version(11, NULL), -XEN_ENOSYS);
    CHECK_RC(hcall_xen_version(-1, NULL), -XEN_ENOSYS);
}

KIT_TEST(version_strings)
{
    static char buf[1024];
    struct xen_compile_info *info = (void *)buf;

    memset(buf, 'x', sizeof(buf));
    CHECK_RC(hcall_xen_version(XENVER_extraversion, buf), 0);
    CHECK(terminated(buf, 16) && buf[0] == '.');
    CHECK_EQ(buf[16], 'x');

    memset(buf, 'x', sizeof(buf));
    CHECK_RC(hcall_xen_version(XENVER_compile_info, buf), 0);
    CHECK(terminated(info->compiler, sizeof(info->compiler)));
    CHECK(terminated(info->compile_by, sizeof(info->compile_by)));
    /* A date: a year on our side, the form of `date` on Xen's; or nobody knows it. */
    CHECK(terminated(info->compile_date, sizeof(info->compile_date)));
    CHECK(strstr(info->compile_date, "20") || !strcmp(info->compile_date, "unknown"));
    CHECK(terminated(info->compile_domain, sizeof(info->compile_domain)));
    CHECK(terminated(info->compile_date, sizeof(info->compile_date)));
    CHECK_EQ(buf[sizeof(*info)], 'x');

    memset(buf, 'x', sizeof(buf));
    CHECK_RC(hcall_xen_version(XENVER_changeset, buf), 0);
    CHECK(terminated(buf, 64));
    CHECK_EQ(buf[64], 'x');

    memset(buf, 'x', sizeof(buf));
    CHECK_RC(hcall_xen_version(XENVER_commandline, buf), 0);
    CHECK(terminated(buf, sizeof(buf)));
    CHECK(strstr(buf, "dom0_mem=") != NULL);
}

/* Words with a blank behind each, the last one included; the rest of the 1024 bytes is zero. */
KIT_TEST(version_capabilities)
{
    static char buf[1032];
    size_t n;

    memset(buf, 'x', sizeof(buf));
    CHECK_RC(hcall_xen_version(XENVER_capabilities, buf), 0);
    n = strlen(buf);
    CHECK(strstr(buf, "xen-3.0-x86_64 ") == buf);
    CHECK(n > 0 && n < 1024 && buf[n - 1] == ' ');
    for (size_t i = n; i < 1024; i++)
        CHECK_OR_RETURN(!buf[i]);
    CHECK_EQ(buf[1024], 'x');
}

KIT_TEST(version_platform_parameters)
{
    struct xen_platform_parameters p = {0};

    CHECK_RC(hcall_xen_version(XENVER_platform_parameters, &p), 0);
    CHECK_EQ(p.virt_start, HYPERVISOR_VIRT_START);
}

KIT_TEST(version_features)
{
    struct xen_feature_info f = {.submap_idx = 0};
    /* A PV domain 0 counts as direct mapped; pae_pgdir_above_4gb is not reported to a 64-bit guest. */
    uint32_t want = 1U << XENFEAT_mmu_pt_update_preserve_ad | 1U << XENFEAT_highmem_assist |
                    1U << XENFEAT_gnttab_map_avail_bits | 1U << XENFEAT_dom0 |
                    1U << XENFEAT_memory_op_vnode_supported | 1U << XENFEAT_direct_mapped;

    CHECK_RC(hcall_xen_version(XENVER_get_features, &f), 0);
    CHECK_EQ(f.submap, want);
    f.submap_idx = XENFEAT_NR_SUBMAPS;
    CHECK_RC(hcall_xen_version(XENVER_get_features, &f), -XEN_EINVAL);
    f.submap_idx = ~0U;
    CHECK_RC(hcall_xen_version(XENVER_get_features, &f), -XEN_EINVAL);
    CHECK_EQ(f.submap, want); /* untouched */
}

KIT_TEST(version_guest_handle)
{
    uint8_t handle[17], zero[16] = {0};

    memset(handle, 0xaa, sizeof(handle));
    CHECK_RC(hcall_xen_version(XENVER_guest_handle, handle), 0);
    CHECK(!memcmp(handle, zero, 16)); /* domain 0 has none */
    CHECK_EQ(handle[16], 0xaa);
}

KIT_TEST(version_build_id)
{
    union {
        struct xen_build_id id;
        uint8_t bytes[64];
    } u;
    long size = hcall_xen_version(XENVER_build_id, NULL);

    if (size == -XEN_ENODATA)
        return; /* a build without one says so */
    CHECK(size > 0 && size < 60);
    memset(&u, 0xaa, sizeof(u));
    u.id.len = 0;
    CHECK_RC(hcall_xen_version(XENVER_build_id, &u.id), -XEN_EINVAL);
    u.id.len = (uint32_t)size - 1;
    CHECK_RC(hcall_xen_version(XENVER_build_id, &u.id), -XEN_ENOBUFS);
    u.id.len = (uint32_t)size;
    CHECK_EQ(hcall_xen_version(XENVER_build_id, &u.id), size);
    CHECK_EQ(u.bytes[4 + size], 0xaa);
}

KIT_TEST(version_bad_pointers)
{
    for (int cmd = XENVER_extraversion; cmd <= XENVER_commandline; cmd++) {
        if (cmd == XENVER_pagesize)
            continue;
        CHECK_RC(hcall_xen_version(cmd, (void *)0x1000), -XEN_EFAULT);
        CHECK_RC(hcall_xen_version(cmd, (void *)HYPERVISOR_VIRT_START), -XEN_EFAULT);
        CHECK_RC(hcall_xen_version(cmd, (void *)0x800000000000UL), -XEN_EFAULT);
    }
}

KIT_TEST(console_write)
{
    char text[] = "  note: written by console_io\n";

    CHECK_RC(hcall_console_io(CONSOLEIO_write, sizeof(text) - 1, text), 0);
    CHECK_RC(hcall_console_io(CONSOLEIO_write, 0, NULL), 0);
    CHECK_RC(hcall_console_io(CONSOLEIO_write, 1, (void *)0x1000), -XEN_EFAULT);
}

KIT_TEST(console_read)
{
    char buf[16];

    CHECK_RC(hcall_console_io(CONSOLEIO_read, sizeof(buf), buf), 0);
    CHECK_RC(hcall_console_io(CONSOLEIO_read, 0, buf), 0);
    CHECK_RC(hcall_console_io(2, 1, buf), -XEN_ENOSYS);
}

KIT_TEST(shared_info)
{
    CHECK(kit_nr_vcpus() >= 1);
    for (unsigned i = 0; i < 64; i++) {
        CHECK_EQ(kit_shared->evtchn_pending[i], 0);
        CHECK_EQ(kit_shared->evtchn_mask[i], 0);
    }
    CHECK(kit_shared->wc_sec != 0 || kit_shared->wc_sec_hi != 0);
    CHECK(kit_shared->wc_nsec < 1000000000);
    CHECK_EQ(kit_shared->wc_version & 1, 0);
    CHECK_EQ(kit_shared->arch.max_pfn, 0);
    CHECK_EQ(kit_shared->arch.pfn_to_mfn_frame_list_list, 0);
    CHECK_EQ(kit_shared->arch.nmi_reason, 0);
    CHECK_EQ(kit_shared->arch.p2m_cr3, 0);
    for (unsigned i = 1; i < XEN_LEGACY_MAX_VCPUS; i++) {
        CHECK_EQ(kit_shared->vcpu_info[i].evtchn_upcall_pending, 0);
        CHECK_EQ(kit_shared->vcpu_info[i].evtchn_upcall_mask, 1); /* whether or not the vcpu exists */
    }
}

KIT_TEST(random_is_seeded)
{
    uint64_t a = kit_random(), b = kit_random();

    CHECK(a != b);
    CHECK(kit_random_below(10) < 10);
}

/* What there is of a screen. `hold`: somebody looks at it meanwhile (tests/system/test_options.py). */
KIT_TEST(screen)
{
    const struct start_info *si = kit_start_info;
    const struct dom0_vga_console_info *info = (const void *)((const char *)si + si->console.dom0.info_off);

    if (!si->console.dom0.info_size)
        return;
    CHECK_OR_RETURN(si->console.dom0.info_off >= sizeof(*si));
    /* Debian's Xen tells of one of type 0 where there is no VGA. */
    if (info->video_type == XEN_VGATYPE_TEXT_MODE_3) {
        CHECK(info->u.text_mode_3.cursor_x < info->u.text_mode_3.columns);
        CHECK(info->u.text_mode_3.cursor_y < info->u.text_mode_3.rows);
        kit_printf("SCREEN cursor %u,%u\n", info->u.text_mode_3.cursor_x, info->u.text_mode_3.cursor_y);
    } else if (info->video_type == XEN_VGATYPE_VESA_LFB || info->video_type == XEN_VGATYPE_EFI_LFB) {
        CHECK(info->u.vesa_lfb.width && info->u.vesa_lfb.height && info->u.vesa_lfb.lfb_size);
    }
    if (kit_arg_flag("hold"))
        kit_printf("KIT WAITS for who looks at the screen\n");
    while (kit_arg_flag("hold"))
        hcall_sched_op(SCHEDOP_yield, NULL);
}
