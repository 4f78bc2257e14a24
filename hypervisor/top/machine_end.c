/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When domain 0 ends, so does the machine: as domain 0 wished, or, after a crash, by a reboot unless `noreboot` says to keep the screen. */
#include "top/machine_end.h"
#include "arch/x86/smp.h"
#include "core/options.h"
#include "hv/log.h"
#include <xen/sched.h>

void machine_end(unsigned int reason)
{
    bool stay = option_bool("noreboot", false);

    switch (reason) {
    case SHUTDOWN_poweroff:
        printk("Hardware Dom0 halted: halting machine\n");
        machine_power_off(NULL);
    case SHUTDOWN_reboot:
        printk("Hardware Dom0 shutdown: rebooting machine\n");
        machine_reboot();
    case SHUTDOWN_crash:
        printk("Hardware Dom0 crashed: %s\n",
               stay ? "'noreboot' set - not rebooting." : "rebooting machine.");
        break;
    case SHUTDOWN_watchdog:
        printk("Hardware Dom0 watchdog rebooting machine\n");
        break;
    default:
        printk("Hardware Dom0 shutdown (unknown reason %u): %s\n", reason,
               stay ? "halting" : "rebooting machine");
        break;
    }
    if (stay)
        machine_halt();
    machine_reboot();
}

void machine_after_panic(void)
{
    if (option_bool("noreboot", false)) {
        printk("Manual reset required ('noreboot' specified)\n");
        machine_halt();
    }
    printk("Reboot...\n");
    machine_reboot();
}
