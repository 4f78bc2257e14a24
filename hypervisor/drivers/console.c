/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console's output; the serial line's interrupt and the input are in console_line.c. One lock guards both; it is taken with interrupts off and held for as long as it takes to put
 * a line into the serial line's ring, or, where that is not used or is full, for as long as the line takes on the wire (docs/design/locks.md).
 * Every line of the hypervisor's starts with "(XEN) ", as tools that read logs expect.
 */
#include "drivers/console.h"
#include "arch/x86/cpu.h"
#include "drivers/console_lock.h"
#include "drivers/serial.h"
#include "drivers/vga.h"
#include "core/options.h"
#include "hv/frame.h"
#include "hv/irqflags.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "hv/percpu.h"
#include "hv/softirq.h"
#include "hv/string.h"
#include "hv/time.h"

#define RING_SIZE    (64 * 1024) /* until console_grow_ring() */
#define RING_MIN     (4 * 1024)
#define RING_MAX     (64 * 1024 * 1024)
#define GUEST_BURST  32         /* lines that guests may cause at once, and per second in the long run */
#define GUEST_LEAVES (8 * 1024) /* bytes of the serial line's ring that domain 0 does not fill */
#define WAIT_LOOKS                                                                                           \
    1000000 /* for room in that ring, interrupts on, until it is waited for with interrupts off */

static char first_ring[RING_SIZE];

static struct {
    lock_t lock;
    char *ring;
    uint32_t ring_size;                   /* a power of two */
    uint32_t ring_produced, ring_cleared; /* count bytes since boot; the ring holds the last ring_size */
    enum log_level level, guest_level;
    bool at_line_start, vga;
    s_time_t guest_allowance_time;
    unsigned int guest_allowance;
    uint64_t guest_dropped;
    bool announces_output, keeps_guest_output;
    bool has_news;          /* in the ring, since console_take_news() */
    cpumask_t without_lock; /* processors that panic */
} console = {.lock = LOCK_INIT(RANK_CONSOLE),
             .ring = first_ring,
             .ring_size = RING_SIZE,
             .level = LOG_WARNING,
             .guest_level = LOG_ERR,
             .at_line_start = true,
             .guest_allowance = GUEST_BURST};
LOCK_SHOWN(console, console.lock, "console");

uint64_t console_take(void)
{
    uint64_t flags = irq_save();

    if (likely(!cpumask_test(cpu_id(), &console.without_lock)))
        lock(&console.lock);
    return flags;
}

void console_drop(uint64_t flags)
{
    if (likely(!cpumask_test(cpu_id(), &console.without_lock)))
        unlock(&console.lock);
    irq_restore(flags);
}

/* The same with room for n bytes in the serial line's ring, if that can be had without keeping interrupts off. */
static uint64_t take_with_room(size_t n)
{
    bool may_wait = irqs_enabled();

    for (unsigned int looks = 0;; looks++) {
        uint64_t flags = console_take();

        if (!may_wait || looks == WAIT_LOOKS || serial_room() >= n)
            return flags;
        console_push();
        console_drop(flags);
        cpu_relax();
    }
}

/* What XEN_SYSCTL_readconsole gives. */
static void keep(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        console.ring[console.ring_produced++ % console.ring_size] = text[i];
    if (console.announces_output) {
        console.has_news = true;
        softirq_raise(SOFTIRQ_CONSOLE);
    }
}

static void show(const char *text, size_t n)
{
    for (size_t from = 0; from < n;) {
        const char *newline = memchr(text + from, '\n', n - from);
        size_t upto = newline ? (size_t)(newline - text) : n;

        serial_write(text + from, upto - from);
        if (newline)
            serial_write("\r\n", 2);
        from = upto + (newline ? 1 : 0);
    }
    console_push();
    if (console.vga)
        vga_write(text, n);
}

static void emit(const char *text, size_t n)
{
    keep(text, n);
    show(text, n);
}

void console_announce_output(void)
{
    console.announces_output = true;
}

static void emit_lines(const char *text)
{
    while (*text) {
        const char *newline = strchr(text, '\n');
        size_t n = newline ? (size_t)(newline - text) + 1 : strlen(text);

        if (console.at_line_start)
            emit("(XEN) ", 6);
        emit(text, n);
        console.at_line_start = newline != NULL;
        text += n;
    }
}

static void print(const char *fmt, __builtin_va_list args)
{
    char line[512];
    uint64_t flags;

    vsnprintf(line, sizeof(line), fmt, args);
    flags = take_with_room(strlen(line) + 16); /* the prefix and the carriage return of one line */
    emit_lines(line);
    console_drop(flags);
}

void log_printf(enum log_level level, const char *fmt, ...)
{
    __builtin_va_list args;

    if (level != LOG_ALWAYS && level > console.level)
        return;
    __builtin_va_start(args, fmt);
    print(fmt, args);
    __builtin_va_end(args);
}

bool log_guest_allows(unsigned int lines)
{
    uint64_t flags = console_take();
    s_time_t now = time_now();
    bool allowed;

    if (now - console.guest_allowance_time > NS_PER_S) {
        console.guest_allowance_time = now;
        console.guest_allowance = GUEST_BURST;
    }
    allowed = console.guest_allowance >= lines;
    if (allowed)
        console.guest_allowance -= lines;
    else
        console.guest_dropped += lines;
    console_drop(flags);
    return allowed;
}

void console_dump(void)
{
    printk("Lines on guests' account that were too many a second: %llu\n",
           (unsigned long long)READ_ONCE(console.guest_dropped));
}

void log_guest_printf(enum log_level level, const char *fmt, ...)
{
    __builtin_va_list args;

    if (level > console.guest_level || !log_guest_allows(1))
        return;
    __builtin_va_start(args, fmt);
    print(fmt, args);
    __builtin_va_end(args);
}

static enum log_level parse_level(const char *value, enum log_level otherwise)
{
    static const char *const names[] = {"error", "warning", "info", "debug", "all", "none"};

    for (unsigned int i = 0; value && i < ARRAY_SIZE(names); i++)
        if (strncmp(value, names[i], strlen(names[i])) == 0)
            return i == 4 ? LOG_DEBUG : i == 5 ? LOG_ERR : (enum log_level)i;
    return otherwise;
}

/* What asks for something that there is no way to do here. */
static void report_without_effect(void)
{
    const char *mode = option_string("vga");

    if (mode && *mode && !option_list_has(mode, "current") && !option_list_has(mode, "text-80x25") &&
        strcmp(mode, "keep"))
        printk("vga=%s: the mode is left as the boot loader set it; only \"keep\", \"current\" and "
               "\"text-80x25\" are understood\n",
               mode);
}

void console_init_early(void)
{
    const char *which = option_string("console");

    console.level = parse_level(option_string("loglvl"), console.level);
    console.guest_level = parse_level(option_string("guest_loglvl"), console.guest_level);
    console.keeps_guest_output = option_bool("console_to_ring", false);
    if (!which || strstr(which, "com1") || strstr(which, "com2")) {
        unsigned int number = which && !strstr(which, "com1") ? 2 : 1;
        const char *setting = option_string(number == 2 ? "com2" : "com1");

        serial_init(number, setting ? setting : "");
        if (setting && serial_setting_is_wrong())
            printk("com%u=%s: the format is not understood: 8n1 is taken\n", number, setting);
    }
    console.vga = !which || strstr(which, "vga");
    if (console.vga)
        console.vga = vga_init();
    report_without_effect();
}

bool console_has_room(size_t n)
{
    uint64_t flags = console_take();
    size_t room = serial_room(), wanted = 2 * n + GUEST_LEAVES; /* each byte may be a newline, which is two */

    if (room < wanted)
        console_push();
    console_drop(flags);
    return room >= wanted;
}

void console_write_guest(const char *text, size_t n)
{
    uint64_t flags = console_take();

    show(text, n);
    if (console.keeps_guest_output)
        keep(text, n);
    if (n)
        console.at_line_start = text[n - 1] == '\n';
    console_drop(flags);
}

void console_screen_is_absent(void)
{
    uint64_t flags = console_take();

    console.vga = false;
    vga_is_absent();
    console_drop(flags);
}

void console_give_to_domain0(void)
{
    if (console.vga && !option_list_has(option_string("vga"), "keep")) {
        printk("The screen is domain 0's from here on (vga=keep would keep it)\n");
        console.vga = false;
    }
    console_switch_input(true);
}

bool console_take_news(void)
{
    uint64_t flags = console_take();
    bool news = console.has_news;

    console.has_news = false;
    console_drop(flags);
    console_watch_line();
    return news;
}

size_t console_ring_read(char *buf, size_t n, uint32_t *index)
{
    uint64_t flags = console_take();
    uint32_t oldest =
        console.ring_produced > console.ring_size ? console.ring_produced - console.ring_size : 0;
    size_t i = 0;

    oldest = max(oldest, console.ring_cleared);
    if (*index < oldest || *index > console.ring_produced)
        *index = oldest;
    n = min(n, (size_t)(console.ring_produced - *index));
    while (i < n) { /* twice at most */
        uint32_t at = *index % console.ring_size;
        size_t run = min(n - i, (size_t)(console.ring_size - at));

        memcpy(buf + i, console.ring + at, run);
        i += run;
        *index += (uint32_t)run;
    }
    console_drop(flags);
    return i;
}

void console_grow_ring(void *(*allocate)(unsigned int order))
{
    uint64_t wanted = option_string("conring_size") ? parse_size(option_string("conring_size"), NULL) : 0,
             flags;
    uint32_t size = RING_MIN;
    char *ring = NULL;

    if (!option_string("conring_size"))
        return;
    while (size < wanted && size < RING_MAX)
        size *= 2;
    if (size > RING_SIZE)
        ring = allocate((unsigned int)__builtin_ctz(size >> PAGE_SHIFT));
    if (size > RING_SIZE && !ring) {
        printk("conring_size: no memory for %u KiB: the console's ring has %u KiB\n", size / 1024,
               console.ring_size / 1024);
        return;
    }
    if (!ring)
        ring = first_ring;
    flags = console_take();
    /* Not larger: the same memory, differently divided; what it holds is given up. */
    if (ring == first_ring)
        console.ring_cleared = console.ring_produced;
    for (uint32_t i = 0; ring != first_ring && i < min(console.ring_produced, console.ring_size); i++) {
        uint32_t at = console.ring_produced - 1 - i;

        ring[at % size] = console.ring[at % console.ring_size];
    }
    console.ring = ring;
    console.ring_size = size;
    console_drop(flags);
}

void console_ring_clear(void)
{
    uint64_t flags = console_take();

    console.ring_cleared = console.ring_produced;
    console_drop(flags);
}

void console_wait_always(void)
{
    uint64_t flags = console_take();

    serial_wait_always();
    console_drop(flags);
}

void console_force_unlock(void)
{
    cpumask_set(cpu_id(), &console.without_lock);
    console_wait_always();
}
