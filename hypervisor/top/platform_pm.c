/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XENPF_set_processor_pminfo: what domain 0's ACPI code finds about the processors' power. Nothing here drives C-, P- or T-states. */
#include "arch/x86/apic/apic.h"
#include "arch/x86/smp.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "top/platform.h"

#define PDC_REVISION 1

static bool is_acpi_id(uint32_t id)
{
    unsigned int cpu;

    for_each_online_cpu (cpu)
        if (cpu_acpi_id[cpu] == id)
            return true;
    return false;
}

/*
 * The buffer of the ACPI method _PDC (ACPI 6.4, 8.4.1): revision, number of words, and words in which the operating system tells the firmware
 * what it can do. Domain 0 fills in what it could do by itself; what remains is what the two can do together, which is
 * nothing beyond the HLT that needs no saying. Only the first word has a meaning.
 */
static long limit_pdc(uint32_t id, guest_ptr_t buffer)
{
    uint32_t words[3];

    if (copy_from_guest(words, buffer, sizeof(words)))
        return -EFAULT;
    if (words[0] != PDC_REVISION || !words[1] || !is_acpi_id(id))
        return -EINVAL;
    words[2] = 0;
    return copy_to_guest(guest_ptr_add(buffer, 2 * sizeof(words[0])), &words[2], sizeof(words[2]));
}

long platform_processor_power(const abi_xenpf_set_processor_pminfo_t *op)
{
    switch (op->type) {
    case XEN_PM_PDC:
        return limit_pdc(op->id, op->u.pdc);
    case XEN_PM_CX:
    case XEN_PM_PX:
    case XEN_PM_TX:
        return -ENOSYS;
    default:
        return -EINVAL;
    }
}
