/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug keys. The letters are Xen's where it has the same dump. A key may come from the serial interrupt, so
 * a dump runs in a tasklet, interrupts on; dumps of data that others change meanwhile take the part's own
 * lock or say what they saw.
 */
#include "debug/keys.h"
#include "arch/x86/clock/clock.h"
#include "arch/x86/irq/irq.h"
#include "arch/x86/smp.h"
#include "arch/x86/watchdog.h"
#include "core/heap.h"
#include "debug/audit.h"
#include "debug/dump.h"
#include "drivers/console.h"
#include "drivers/pci/device.h"
#include "event/event.h"
#include "hv/lock.h"
#include "hv/log.h"
#include "hv/softirq.h"
#include "hv/time.h"
#include "sched/sched.h"

struct key {
    char key;
    void (*dump)(void);
    bool in_all; /* part of '*' */
    const char *what;
};

static void show_help(void);
static void show_all(void);

static void run_audit(void)
{
    audit_report();
}

static void reboot(void)
{
    printk("Rebooting, as the key says\n");
    machine_reboot();
}

static const struct key keys[] = {
    {'h', show_help, false, "this help"},
    {'*', show_all, false, "everything below that only prints"},
    {'0', dump_domain0_registers, true, "registers of domain 0's vcpus"},
    {'a', timer_dump, true, "timers"},
    {'A', run_audit, true, "the audit: counts and cross-links, and how many are wrong"},
    {'d', dump_all_registers, true, "registers of all processors"},
    {'e', dump_events, true, "event channels"},
    {'g', dump_grants, true, "grant tables"},
    {'i', irq_dump, true, "interrupts"},
    {'L', dump_locks, true, "locks that were waited for"},
    {'m', dump_memory, true, "memory"},
    {'O', dump_orphans, true, "frames of dead domains, and who maps them"},
    {'q', dump_domains, true, "domains and their vcpus, whose kernels are asked to say more (VIRQ_DEBUG)"},
    {'Q', pci_device_dump, true, "PCI devices"},
    {'r', sched_dump, true, "run queues"},
    {'R', reboot, false, "reboot the machine"},
    {'t', clock_dump, true, "clocks"},
};

static void show_help(void)
{
    printk("Debug keys:\n");
    for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
        printk(" '%c': %s\n", keys[i].key, keys[i].what);
}

static void show_all(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].in_all) {
            printk("[%c: %s]\n", keys[i].key, keys[i].what);
            keys[i].dump();
        }
}

#define WAITING 64 /* as many keys may be pressed while one's dump runs */

static struct {
    struct tasklet tasklet;
    lock_t lock;
    const struct key *waiting[WAITING];
    unsigned int first, count;
} state = {.lock = LOCK_INIT(RANK_LEAF)};

static const struct key *next_waiting(void)
{
    uint64_t flags = lock_irqsave(&state.lock);
    const struct key *k = NULL;

    if (state.count) {
        k = state.waiting[state.first++ % WAITING];
        state.count--;
    }
    unlock_irqrestore(&state.lock, flags);
    return k;
}

static bool append(const struct key *k)
{
    uint64_t flags = lock_irqsave(&state.lock);
    bool room = state.count < WAITING;

    if (room)
        state.waiting[(state.first + state.count++) % WAITING] = k;
    unlock_irqrestore(&state.lock, flags);
    return room;
}

/* One at a time: a dump takes long, and other softirqs of the processor have their turn in between. */
static void run_wanted(void *unused)
{
    const struct key *k = next_waiting();

    (void)unused;
    if (!k)
        return;
    watchdog_hold(); /* a serial line takes its time */
    k->dump();
    watchdog_release();
    tasklet_schedule_cpu(&state.tasklet, 0);
}

void key_pressed(char key)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++) {
        if (keys[i].key != key)
            continue;
        if (!append(&keys[i]))
            printk("Debug key '%c' is lost: %u are waiting\n", key, WAITING);
        tasklet_schedule_cpu(&state.tasklet, 0);
        return;
    }
    if (key > ' ' && key < 127)
        printk("'%c' is no debug key; 'h' lists them\n", key);
}

void keys_init(void)
{
    tasklet_init(&state.tasklet, run_wanted, NULL);
    console_key_handler = key_pressed;
}
