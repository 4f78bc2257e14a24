/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts the instructions that a process executes in user mode, by single steps: steps PID. Each SIGUSR1 is answered with a line,
 * the number so far (a system call is one, however long it waits). Until the process ends.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

static void on_signal(int sig)
{
    asked = 1;
}

static void answer(unsigned long steps)
{
    if (!asked)
        return;
    asked = 0;
    printf("%lu\n", steps);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const struct sigaction act = {.sa_handler = on_signal};
    pid_t pid = argc == 2 ? (pid_t)atoi(argv[1]) : 0;
    unsigned long steps = 0;
    int status, sig = 0, tries;

    if (!pid || sigaction(SIGUSR1, &act, NULL) || ptrace(PTRACE_ATTACH, pid, NULL, NULL)) {
        perror("steps");
        return 1;
    }
    waitpid(pid, &status, 0);
    puts("0");
    fflush(stdout);
    while (!ptrace(PTRACE_SINGLESTEP, pid, NULL, sig)) {
        for (tries = 0; waitpid(pid, &status, WNOHANG) == 0; tries++) {
            answer(steps);
            if (tries > 1000) /* it is in a system call that waits */
                usleep(1000);
        }
        if (!WIFSTOPPED(status))
            return 0;
        sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        steps++;
        answer(steps);
    }
    return 1;
}
