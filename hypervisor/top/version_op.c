/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xen_version (xen/version.h): what we say of ourselves. */
#include "top/calls.h"
#include "arch/x86/layout.h"
#include "core/authority.h"
#include "core/guest_abi.h"
#include "core/options.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "top/version.h"
#include <source.h>
#include <xen/features.h>
#include <xen/version.h>

static long put_text(guest_ptr_t to, const char *text, size_t size)
{
    char buf[1024] = {0};

    copy_string(buf, text, min(size, sizeof(buf)));
    return copy_to_guest(to, buf, size);
}

static long compile_info(guest_ptr_t to)
{
    struct xen_compile_info info = {{0}, {0}, {0}, {0}};

    copy_string(info.compiler, __VERSION__, sizeof(info.compiler));
    /* Nobody's name, so that who builds the same source gets the same image; the date is the source's. */
    copy_string(info.compile_by, "unknown", sizeof(info.compile_by));
    copy_string(info.compile_domain, "unknown", sizeof(info.compile_domain));
    copy_string(info.compile_date, SOURCE_DATE, sizeof(info.compile_date));
    return copy_to_guest(to, &info, sizeof(info));
}

static uint32_t features_of(const struct domain *d)
{
    return 1U << XENFEAT_memory_op_vnode_supported | 1U << XENFEAT_mmu_pt_update_preserve_ad |
           1U << XENFEAT_gnttab_map_avail_bits | (d->is_hardware ? 1U << XENFEAT_dom0 : 0) |
           (d->vm_assist & 1UL << VMASST_TYPE_pae_extended_cr3 ? 1U << XENFEAT_pae_pgdir_above_4gb : 0) |
           1U << XENFEAT_highmem_assist | 1U << XENFEAT_direct_mapped;
}

static long get_features(struct vcpu *v, guest_ptr_t arg)
{
    struct xen_feature_info info;

    if (copy_from_guest(&info, arg, sizeof(info)))
        return -EFAULT;
    if (info.submap_idx > 0)
        return -EINVAL;
    info.submap = features_of(v->domain);
    return copy_to_guest(arg, &info, sizeof(info));
}

/* The note that the linker makes: name "GNU", then the digest. */
extern const struct {
    uint32_t name_size, digest_size, type;
    char name[4];
    uint8_t digest[20];
} build_id_note;

static long build_id(guest_ptr_t arg)
{
    struct xen_build_id id;

    if (guest_ptr_is_null(arg))
        return (long)sizeof(build_id_note.digest);
    if (copy_from_guest(&id.len, arg, sizeof(id.len)))
        return -EFAULT;
    if (id.len == 0)
        return -EINVAL;
    if (id.len < sizeof(build_id_note.digest))
        return -ENOBUFS;
    if (copy_to_guest(guest_ptr_add(arg, offsetof(struct xen_build_id, buf)), build_id_note.digest,
                      sizeof(build_id_note.digest)))
        return -EFAULT;
    return (long)sizeof(build_id_note.digest);
}

long do_xen_version(struct hypercall *hc)
{
    guest_ptr_t arg = hypercall_ptr(hc, 1);
    struct xen_platform_parameters parameters = {.virt_start = HYPERVISOR_START};

    switch ((uint32_t)hc->arg[0]) {
    case XENVER_version:
        return XENIOS_XEN_MAJOR << 16 | XENIOS_XEN_MINOR;
    case XENVER_extraversion:
        return put_text(arg, XENIOS_EXTRA, XEN_EXTRAVERSION_LEN);
    case XENVER_compile_info:
        return compile_info(arg);
    case XENVER_capabilities:
        return put_text(arg, "xen-3.0-x86_64 ", sizeof(xen_capabilities_info_t));
    case XENVER_changeset:
        return put_text(arg, SOURCE_CHANGESET, sizeof(xen_changeset_info_t));
    case XENVER_platform_parameters:
        return abi_write(hc, xen_platform_parameters, arg, &parameters);
    case XENVER_get_features:
        return get_features(hc->vcpu, arg);
    case XENVER_pagesize:
        return hc->arg[1] ? -EINVAL : (long)PAGE_SIZE;
    case XENVER_guest_handle:
        return copy_to_guest(arg, hc->vcpu->domain->handle, sizeof(xen_domain_handle_t));
    case XENVER_commandline:
        return put_text(
            arg, authorise(hc->vcpu->domain, NULL, AUTHORITY_COMMAND_LINE) ? "<denied>" : options_line(),
            sizeof(xen_commandline_t));
    case XENVER_build_id:
        return build_id(arg);
    default:
        return -ENOSYS;
    }
}
