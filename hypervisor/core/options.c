/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, split once into names and values. Written at boot only. */
#include "core/options.h"
#include "hv/log.h"
#include "hv/string.h"

#define MAX_OPTIONS 64

static struct {
    char line[2048], split[2048];
    struct {
        const char *name, *value;
    } option[MAX_OPTIONS];
    unsigned int count, dropped;
} options;

/* Every option there is, with Xen's names (docs/interfaces/boot-options.md says what each does). */
static const char *const known[] = {
    "acpi",
    "com1",
    "com2",
    "console",
    "console_to_ring",
    "cpuid",
    "dom0_max_vcpus",
    "dom0_mem",
    "dom0_vcpus_pin",
    "fail-alloc",
    "guest_loglvl",
    "loglvl",
    "maxcpus",
    "noreboot",
    "nosmp",
    "numa",
    "sched",
    "sched_ratelimit_us",
    "smap",
    "smep",
    "spec-ctrl",
    "sync_console",
    "tsc",
    "vga",
    "watchdog",
    "x2apic",
    "xsave",
    "conring_size",
    "xpti",
    "pv-l1tf",
    "self-test",
    "sched_credit_tslice_ms",
    "watchdog_timeout",
    "hang",
    "efi",
    /* Debian's GRUB entries have these, which ask for nothing that there is here. */
    "placeholder",
    "real-mode",
    "edd",
};

void options_parse(const char *line)
{
    char *at = options.split;

    copy_string(options.line, line, sizeof(options.line));
    copy_string(options.split, line, sizeof(options.split));
    while (*at) {
        while (*at == ' ')
            *at++ = 0;
        if (!*at)
            break;
        if (options.count == MAX_OPTIONS) {
            options.dropped++;
            break;
        }
        options.option[options.count].name = at;
        options.option[options.count].value = "";
        while (*at && *at != ' ' && *at != '=')
            at++;
        if (*at == '=') {
            *at++ = 0;
            options.option[options.count].value = at;
            while (*at && *at != ' ')
                at++;
        }
        options.count++;
    }
}

const char *options_line(void)
{
    return options.line;
}

const char *option_string(const char *name)
{
    for (unsigned int i = options.count; i-- > 0;)
        if (strcmp(options.option[i].name, name) == 0)
            return options.option[i].value;
    return NULL;
}

static bool is_false(const char *value)
{
    return !strcmp(value, "0") || !strcmp(value, "no") || !strcmp(value, "off") || !strcmp(value, "false") ||
           !strcmp(value, "disable");
}

bool option_bool(const char *name, bool otherwise)
{
    for (unsigned int i = options.count; i-- > 0;) {
        const char *given = options.option[i].name;

        if (strcmp(given, name) == 0)
            return !is_false(options.option[i].value);
        if (strncmp(given, "no-", 3) == 0 && strcmp(given + 3, name) == 0)
            return false;
    }
    return otherwise;
}

uint64_t option_number(const char *name, uint64_t otherwise)
{
    const char *value = option_string(name);
    char *end;
    uint64_t number;

    if (!value || !*value)
        return otherwise;
    number = strtoull(value, &end, 0);
    return end == value ? otherwise : number;
}

uint64_t parse_size(const char *s, const char **end)
{
    char *after;
    uint64_t value = strtoull(s, &after, 0);
    unsigned int shift = 10;

    switch (*after) {
    case 'T':
    case 't':
        shift = 40;
        after++;
        break;
    case 'G':
    case 'g':
        shift = 30;
        after++;
        break;
    case 'M':
    case 'm':
        shift = 20;
        after++;
        break;
    case 'K':
    case 'k':
        after++;
        break;
    case 'B':
    case 'b':
        shift = 0;
        after++;
        break;
    default:
        break;
    }
    if (end)
        *end = after;
    return value << shift;
}

bool option_list_has(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (list && *list) {
        const char *end = strchr(list, ',');
        size_t length = end ? (size_t)(end - list) : strlen(list);

        if (length == n && strncmp(list, word, n) == 0)
            return true;
        list = end ? end + 1 : NULL;
    }
    return false;
}

void options_report_unknown(void)
{
    for (unsigned int i = 0; i < options.count; i++) {
        const char *name = options.option[i].name;
        bool found = false;

        if (strncmp(name, "no-", 3) == 0)
            name += 3;
        for (unsigned int k = 0; k < ARRAY_SIZE(known) && !found; k++)
            found = strcmp(name, known[k]) == 0;
        if (!found)
            printk("Unknown option \"%s\" on the command line: ignored\n", options.option[i].name);
    }
    if (options.dropped)
        printk("More than %d options on the command line: the rest is ignored\n", MAX_OPTIONS);
}
