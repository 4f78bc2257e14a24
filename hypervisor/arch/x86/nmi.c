/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NMIs that the chipset sends: they are counted by cause (key 'i'), and domain 0's first vcpu gets one when
 * it runs next (it is not woken from here), as Xen's default has it. Nothing is logged and no lock is taken:
 * what was interrupted may hold it. (Stopping the machine replaces this handler, arch/x86/reboot.c.)
 */
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/traps.h"
#include "arch/x86/watchdog.h"
#include "core/domain.h"
#include "hv/log.h"

#define PORT_B             0x61 /* ICH9 13.7.1: NMI status and control */
#define PORT_B_SERR        0x80
#define PORT_B_IOCHK       0x40
#define PORT_B_CLEAR_SERR  0x04
#define PORT_B_CLEAR_IOCHK 0x08

static struct {
    unsigned int unknown, system_error, channel_check;
} nmis;

static bool chipset_nmi(struct cpu_user_regs *r)
{
    uint8_t cause = inb(PORT_B), keep = cause & 0x03;

    if (watchdog_nmi(r, cause & (PORT_B_SERR | PORT_B_IOCHK)))
        return true;
    if (cause & PORT_B_SERR)
        nmis.system_error++;
    else if (cause & PORT_B_IOCHK)
        nmis.channel_check++;
    else
        nmis.unknown++;
    if (cause & (PORT_B_SERR | PORT_B_IOCHK)) { /* a pulse of the clear bits re-arms the line */
        outb(keep | PORT_B_CLEAR_SERR | PORT_B_CLEAR_IOCHK, PORT_B);
        outb(keep, PORT_B);
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
