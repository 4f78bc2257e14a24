/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs have in common that are the first process of a measured machine: places for the plugin to see, and an end. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

/* A function that does nothing, once, at an address of its own: its first instruction ends a region (marks.h). */
#define MARK(name)                                                                                           \
    __attribute__((noinline, noclone, used)) static void name(void)                                          \
    {                                                                                                        \
        __asm__ volatile("" ::: "memory");                                                                   \
    }

/* Turns the machine off. What failed, for the bench, with the reason in errno; NULL: nothing did. */
static inline void end(const char *failed)
{
    if (failed)
        printf("BENCH-FAILED %s: %s\n", failed, strerror(errno));
    fflush(stdout);
    reboot(RB_POWER_OFF);
    _exit(1);
}

#endif
