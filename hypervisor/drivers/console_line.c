/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial line as the console has it: its interrupt, a timer for where that does not come, and the keyboard behind it.
 * Ctrl-A three times switches the keyboard between domain 0 and the hypervisor's debug keys.
 */
#include "drivers/console.h"
#include "drivers/console_lock.h"
#include "drivers/serial.h"
#include "core/options.h"
#include "hv/log.h"
#include "hv/percpu.h"
#include "hv/softirq.h"
#include "hv/time.h"

#define INPUT_SIZE   512
#define SWITCH_KEY   ('a' - 'a' + 1)
#define SWITCH_COUNT 3
#define PASSES       4  /* times that one interrupt serves the UART: 64 bytes, where it is always ready */
#define READ_MOST    64 /* bytes in one pass: a line that is gone reads as ones for ever */
#define WATCH        (50 * NS_PER_MS)
#define POLL         (10 * NS_PER_MS)

static struct {
    char input[INPUT_SIZE];
    uint32_t produced, consumed;
    unsigned int switch_count;
    bool to_domain0;
    bool polled;                                 /* by the timer: interrupts do not come */
    enum { UNWATCHED, TO_WATCH, WATCHED } watch; /* output that waits for the interrupt */
    struct timer timer;
} line;

void (*console_key_handler)(char key);
void (*console_input_for_domain0)(void);

size_t console_read_guest(char *buf, size_t n)
{
    uint64_t flags = console_take();
    size_t i = 0;

    while (i < n && line.consumed != line.produced)
        buf[i++] = line.input[line.consumed++ % INPUT_SIZE];
    console_drop(flags);
    return i;
}

void console_switch_input(bool to_domain0)
{
    line.to_domain0 = to_domain0;
    printk("*** Serial input to %s (type 'CTRL-a' three times to switch input)\n",
           to_domain0 ? "DOM0" : "Xenios");
}

static void input_byte(char c)
{
    bool for_domain0;
    uint64_t flags;

    if (c == SWITCH_KEY) {
        if (++line.switch_count == SWITCH_COUNT) {
            line.switch_count = 0;
            console_switch_input(!line.to_domain0);
            return;
        }
    } else {
        line.switch_count = 0;
    }
    flags = console_take();
    for_domain0 = line.to_domain0;
    if (for_domain0 && line.produced - line.consumed < INPUT_SIZE)
        line.input[line.produced++ % INPUT_SIZE] = c;
    console_drop(flags);
    if (for_domain0 && console_input_for_domain0)
        console_input_for_domain0();
    else if (!for_domain0 && console_key_handler && c != SWITCH_KEY)
        console_key_handler(c);
}

static void read_line(void)
{
    int c;

    for (unsigned int i = 0; i < READ_MOST && (c = serial_read()) >= 0; i++)
        input_byte((char)c);
}

static void interrupted(void *unused)
{
    bool asked = true;
    uint64_t flags;

    (void)unused;
    for (unsigned int pass = 0; asked && pass < PASSES; pass++) {
        read_line();
        flags = console_take();
        asked = serial_serve();
        if (asked && pass == PASSES - 1)
            serial_ask_again(); /* others have their turn */
        console_drop(flags);
    }
}

void console_push(void)
{
    if (!serial_push() || line.watch != UNWATCHED)
        return;
    line.watch = TO_WATCH; /* the timer cannot be set here: its lock comes before ours */
    softirq_raise(SOFTIRQ_CONSOLE);
}

void console_watch_line(void)
{
    uint64_t flags = console_take();
    bool start = line.watch == TO_WATCH;

    if (start)
        line.watch = WATCHED;
    console_drop(flags);
    if (start)
        timer_set(&line.timer, time_now() + WATCH);
}

static void poll_line(void)
{
    line.polled = true;
    timer_set(&line.timer, time_now() + POLL);
    printk("Serial line: no interrupt %u comes: output waits for the line, input is polled\n", serial_irq());
}

static void timer_fired(void *unused)
{
    uint64_t flags;
    bool more, lost;

    (void)unused;
    if (line.polled) {
        read_line();
        timer_set(&line.timer, time_now() + POLL);
        return;
    }
    flags = console_take();
    more = serial_watch(&lost);
    if (!more)
        line.watch = UNWATCHED;
    console_drop(flags);
    if (lost)
        poll_line();
    else if (more)
        timer_set(&line.timer, time_now() + WATCH);
}

void console_start_interrupts(void)
{
    bool waits = option_bool("sync_console", false);
    uint64_t flags;

    if (waits)
        printk("sync_console: each byte waits for the serial line, interrupts off. For debugging only\n");
    if (!serial_exists())
        return;
    timer_init(&line.timer, timer_fired, NULL, cpu_id());
    if (!serial_start_interrupts(interrupted)) {
        poll_line();
        return;
    }
    flags = console_take();
    if (!waits)
        serial_buffer();
    console_drop(flags);
}
