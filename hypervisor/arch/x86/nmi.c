/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NMIs that the chipset sends: they are counted by cause (key 'i'), and domain 0's first vcpu gets one when
 * it runs next (it is not woken from here), as Xen's default has it. Nothing is logged and no lock is taken:
 * what was interrupted may hold it. (Stopping the machine replaces this handler, arch/x86/reboot.c.)
 */
#include "arch/x86/cpu.h"
#include "arch/x86/pc_ports.h"
#include "arch/x86/platform.h"
#include "arch/x86/traps.h"
#include "arch/x86/watchdog.h"
#include "core/domain.h"
#include "hv/log.h"

static struct {
    unsigned int unknown, system_error, channel_check;
} nmis;

static bool chipset_nmi(struct cpu_user_regs *r)
{
    uint8_t cause = inb(PORT_NMI_SC), keep = cause & (NMI_SC_TIM_CNT2_EN | NMI_SC_SPKR_DAT_EN);

    if (watchdog_nmi(r, cause & (NMI_SC_SERR_STS | NMI_SC_IOCHK_STS)))
        return true;
    if (cause & NMI_SC_SERR_STS)
        nmis.system_error++;
    else if (cause & NMI_SC_IOCHK_STS)
        nmis.channel_check++;
    else
        nmis.unknown++;
    if (cause & (NMI_SC_SERR_STS | NMI_SC_IOCHK_STS)) { /* a pulse of the clear bits re-arms the line */
        outb(keep | NMI_SC_PCI_SERR_EN | NMI_SC_IOCHK_EN, PORT_NMI_SC);
        outb(keep, PORT_NMI_SC);
    }
    if (hardware_domain && hardware_domain->vcpu[0])
        hardware_domain->vcpu[0]->nmi_pending = true;
    return true;
}

void nmi_dump(void)
{
    printk("NMIs: %u PCI system errors, %u I/O channel checks, %u without a cause that the chipset names\n",
           nmis.system_error, nmis.channel_check, nmis.unknown);
    watchdog_dump();
}

void nmi_init(void)
{
    nmi_handler = chipset_nmi;
}
