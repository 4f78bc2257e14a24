/* SPDX-License-Identifier: MIT */
/* The log: text in guest memory, which the runner reads out of the machine. The console would be too slow, and would be gone after a panic. */
#include "fuzz.h"

#include <kit/print.h>

#define LOG_PAGES 3072U

static struct {
    char *text;
    size_t used;
    volatile uint64_t *head; /* a page before the text: how much of it is there, for a reader from outside */
} lines;

/* One line a run of machine frames: FUZZ LOG machine-address bytes. */
static void announce(const char *start, size_t size)
{
    for (size_t at = 0; at < size;) {
        uint64_t first = kit_mfn_of(start + at), n = 1;

        while (at + n * KIT_PAGE_SIZE < size && kit_mfn_of(start + at + n * KIT_PAGE_SIZE) == first + n)
            n++;
        kit_printf("FUZZ LOG %lx %lx\n", first << KIT_PAGE_SHIFT, n * KIT_PAGE_SIZE);
        at += n * KIT_PAGE_SIZE;
    }
}

void log_init(void)
{
    char *pages = kit_pages_alloc(LOG_PAGES);

    if (!pages)
        kit_fail_now("no memory for the log");
    lines.head = (void *)pages;
    lines.text = pages + KIT_PAGE_SIZE;
    announce(pages, LOG_PAGES * KIT_PAGE_SIZE);
}

void say(const char *format, ...)
{
    size_t room = (LOG_PAGES - 1) * KIT_PAGE_SIZE - lines.used;
    va_list args;
    int n;

    va_start(args, format);
    n = kit_vsnprintf(lines.text + lines.used, room, format, args);
    va_end(args);
    if ((size_t)n >= room)
        kit_fail_now("the log is full");
    lines.used += (size_t)n;
    *lines.head = lines.used;
}

size_t log_mark(void)
{
    return lines.used;
}

void log_rewind(size_t mark)
{
    lines.used = mark;
    *lines.head = mark;
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3ULL;
    return hash;
}
