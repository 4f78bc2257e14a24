/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into a program, counts its calls of the privcmd driver, which all privileged operations pass. DIE_AT=n: it is killed before the n-th. CALLS_TO=FILE: at its end how many there
 * were is written there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PRIVCMD_TYPE 'P'

static unsigned int calls;
static pid_t counted; /* what it forks is not */

static __attribute__((constructor)) void begin(void)
{
    counted = getpid();
}

static __attribute__((destructor)) void end(void)
{
    const char *path = getenv("CALLS_TO");
    FILE *file = path && getpid() == counted ? fopen(path, "w") : NULL;

    if (!file)
        return;
    fprintf(file, "%u\n", calls);
    fclose(file);
}

int ioctl(int fd, unsigned long request, ...)
{
    static int (*real)(int, unsigned long, ...);
    const char *at = getenv("DIE_AT");
    va_list arguments;
    void *argument;

    if (!real)
        real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    if (_IOC_TYPE(request) == PRIVCMD_TYPE && getpid() == counted && ++calls == (at ? (unsigned)atoi(at) : 0))
        kill(getpid(), SIGKILL);
    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    return real(fd, request, argument);
}
