/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Linux workloads of `make bench`: the first and only process of a machine. Each runs a few times to warm up, then a fixed
 * number of times between bench_begin_NAME() and bench_end_NAME(), whose addresses the counting plugin watches; then the machine is
 * powered off. Prints, for each, "BENCH name iterations". What is executed before bench_begin_init() is the way from reset to /init.
 *
 * It is linked at an address that no other program here uses, because the plugin knows nothing of address spaces.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "program.h"

#define PAGE 4096u

MARK(bench_begin_init)
MARK(bench_begin_getppid)
MARK(bench_end_getppid)
MARK(bench_begin_fresh_page)
MARK(bench_end_fresh_page)
MARK(bench_begin_fork)
MARK(bench_end_fork)
MARK(bench_begin_fork_exec)
MARK(bench_end_fork_exec)
MARK(bench_begin_pipe_round_trip)
MARK(bench_end_pipe_round_trip)

static void do_getppid(unsigned int n)
{
    while (n--)
        syscall(SYS_getppid);
}

static void do_touch(unsigned int n)
{
    char *pages = mmap(NULL, (size_t)n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED || madvise(pages, (size_t)n * PAGE, MADV_NOHUGEPAGE))
        end("mmap");
    for (unsigned int i = 0; i < n; i++)
        *(volatile char *)(pages + (size_t)i * PAGE) = 1;
    munmap(pages, (size_t)n * PAGE);
}

static void spawn(int with_exec)
{
    char *const arguments[] = {(char *)"/init", (char *)"exit", NULL};
    pid_t child = fork();

    if (child < 0)
        end("fork");
    if (!child) {
        if (with_exec)
            execv(arguments[0], arguments);
        _exit(with_exec);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status)
        end("child");
}

static void do_fork(unsigned int n)
{
    while (n--)
        spawn(0);
}

static void do_fork_exec(unsigned int n)
{
    while (n--)
        spawn(1);
}

static int to_child[2], to_parent[2];

static void do_pipe(unsigned int n)
{
    char byte = 'x';

    while (n--)
        if (write(to_child[1], &byte, 1) != 1 || read(to_parent[0], &byte, 1) != 1)
            end("pipe");
}

/* The other end of do_pipe(): sends back what comes, for as long as the machine runs. */
static void start_echo(void)
{
    char byte;

    if (pipe(to_child) || pipe(to_parent))
        end("pipe");
    if (fork())
        return;
    close(to_child[1]);
    while (read(to_child[0], &byte, 1) == 1 && write(to_parent[1], &byte, 1) == 1)
        ;
    _exit(0);
}

#define WORKLOAD(name, function, warm_up, times)                                                             \
    {                                                                                                        \
#name, function, bench_begin_##name, bench_end_##name, warm_up, times                                \
    }

static const struct {
    const char *name;
    void (*run)(unsigned int n);
    void (*begin)(void);
    void (*end)(void);
    unsigned int warm, n;
} workloads[] = {
    WORKLOAD(getppid, do_getppid, 1000, 20000),
    WORKLOAD(fresh_page, do_touch, 512, 4096),
    WORKLOAD(fork, do_fork, 20, 100),
    WORKLOAD(fork_exec, do_fork_exec, 20, 100),
    WORKLOAD(pipe_round_trip, do_pipe, 200, 2000),
};
#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "exit"))
        return 0;
    bench_begin_init();
    start_echo();
    for (unsigned int i = 0; i < WORKLOADS; i++) {
        workloads[i].run(workloads[i].warm);
        workloads[i].begin();
        workloads[i].run(workloads[i].n);
        workloads[i].end();
    }
    for (unsigned int i = 0; i < WORKLOADS; i++)
        printf("BENCH %s %u\n", workloads[i].name, workloads[i].n);
    printf("BENCH-END\n");
    sync();
    end(NULL);
}
