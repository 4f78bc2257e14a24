/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Live update: the process goes on with another program. Everything is written to a file without a name, which the
 * new program is first asked to verify in a process of its own; then it is executed in our place and inherits the
 * file, the listening socket, the clients' sockets and the event channel descriptor with its bindings.
 * The client that asked gets its answer from the new program, or from us if it could not be started.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>
#include "toolstack/xenstored/daemon/daemon.h"
#include "toolstack/xenstored/lib/state.h"

#define MAX_ARGS        64
#define VERIFY_LIMIT_MS 10000
#define LOG_OPTION      "--trace-file="

static struct {
    int argc;
    char **argv;
    char *program, *command_line; /* as told by -f and -c */
    struct st_conn *asked;        /* whom the update is due for */
} h;

void handover_init(int argc, char **argv)
{
    h.argc = argc;
    h.argv = argv;
}

/* ---- The commands ---- */

static int answer(char *reply, size_t *len, const char *text)
{
    *len = strlen(text) + 1;
    memcpy(reply, text, *len);
    return 0;
}

static void forget(void)
{
    free(h.program);
    free(h.command_line);
    h.program = h.command_line = NULL;
    h.asked = NULL;
}

/* The client that asked went away before it was done: nothing happens. */
void handover_client_gone(struct st_conn *c)
{
    if (c && h.asked == c)
        forget();
}

/* live-update -f FILE | -c COMMAND-LINE | -s [-t SECONDS] [-F] | -a, as xenstore-control sends them. */
int handover_command(struct st_conn *c, unsigned int n, const char *const *v, char *reply, size_t *len)
{
    if (n == 3 && !strcmp(v[1], "-f")) {
        if (access(v[2], X_OK))
            return answer(reply, len, "this file cannot be executed");
        forget();
        h.program = strdup(v[2]);
        return h.program ? answer(reply, len, "OK") : -ENOMEM;
    }
    if (n == 2 && !strcmp(v[1], "-a")) {
        forget();
        return answer(reply, len, "OK");
    }
    if (!h.program)
        return answer(reply, len, "Not in live-update session.");
    if (n == 3 && !strcmp(v[1], "-c")) {
        free(h.command_line);
        h.command_line = strdup(v[2]);
        return h.command_line ? answer(reply, len, "OK") : -ENOMEM;
    }
    if (n < 2 || strcmp(v[1], "-s"))
        return -EINVAL;
    h.asked = c; /* transactions are handed over: -t and -F have nothing to wait for or to force */
    return answer(reply, len, "OK");
}

/* ---- Saving ---- */

static int to_file(void *ctx, const void *data, size_t len)
{
    return len && fwrite(data, len, 1, ctx) != 1 ? -EIO : 0;
}

size_t describe_client(void *ctx, struct st_conn *c, void *out)
{
    struct client *cl = st_conn_user(c);

    if (!cl)
        return 0;
    memcpy(out, &cl->id, sizeof(cl->id));
    return sizeof(cl->id) + cl->ops->describe(cl, (char *)out + sizeof(cl->id));
}

/* A descriptor with the stream, at its start; or negative errno. */
static int save(void)
{
    int fd = memfd_create("xenstored-state", 0), copy = fd < 0 ? -1 : dup(fd), rc;
    FILE *f = copy < 0 ? NULL : fdopen(copy, "w");
    struct st_saver saver = {to_file, describe_client, f};

    if (!f) {
        rc = -errno;
        close(fd);
        return rc;
    }
    rc = st_state_save(store, &saver);
    if (fclose(f) && !rc)
        rc = -EIO;
    if (rc) {
        close(fd);
        return rc;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

/* ---- Asking. The operator is told what it was: another program helps, or another time. ---- */

static char reason[120];

static const char *because(const char *what, int error)
{
    snprintf(reason, sizeof(reason), "%s: %s", what, strerror(error));
    return reason;
}

/* NULL: it understands the state. */
static const char *verdict(int status)
{
    if (WIFSIGNALED(status)) {
        snprintf(reason, sizeof(reason), "the new program died of signal %d as it read the state",
                 WTERMSIG(status));
        return reason;
    }
    switch (WEXITSTATUS(status)) {
    case 0:
        return NULL;
    case EX_TEMPFAIL:
        return "the new program lacks memory or descriptors to read the state";
    case 127: /* the loader's, as a shell's */
        return "the new program lacks a library, or memory for it";
    default:
        return "the new program does not understand the state";
    }
}

/* Can the new program read it? Asked in a process of its own, which may crash or hang as it likes. NULL: it can. */
static const char *verify(int fd)
{
    char option[40], *argv[] = {h.program, option, NULL};
    int rc, status, waited;
    pid_t pid;

    snprintf(option, sizeof(option), "--verify-state=%d", fd);
    rc = posix_spawn(&pid, h.program, NULL, NULL, argv, environ);
    if (rc)
        return because("the new program could not be started", rc);
    for (waited = 0; waited < VERIFY_LIMIT_MS; waited += 5) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return verdict(status);
        usleep(5000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return "the new program did not tell in time whether it understands the state";
}

/* ---- Handing over ---- */

static void inherit(struct client *cl)
{
    if (cl->ops->inherit)
        cl->ops->inherit(cl, true);
}

static void keep(struct client *cl)
{
    if (cl->ops->inherit)
        cl->ops->inherit(cl, false);
}

static void set_inherited(int fd, bool yes)
{
    if (fd >= 0)
        fcntl(fd, F_SETFD, yes ? 0 : FD_CLOEXEC);
}

static bool starts(const char *word, const char *with)
{
    return !strncmp(word, with, strlen(with));
}

/* The new program's arguments: those of -c, or ours, and the log that CONTROL asked for; without an earlier hand-over's. */
static void arguments(char **out, char *how, char *log)
{
    int i, n = 0;
    char *word;

    out[n++] = h.program;
    if (h.command_line)
        for (word = strtok(h.command_line, " "); word && n < MAX_ARGS - 3; word = strtok(NULL, " "))
            out[n++] = word;
    else
        for (i = 1; i < h.argc && n < MAX_ARGS - 3; i++)
            if (!starts(h.argv[i], "--live-update=") && !starts(h.argv[i], LOG_OPTION))
                out[n++] = h.argv[i];
    if (!h.command_line && trace_path())
        out[n++] = log;
    out[n++] = how;
    out[n] = NULL;
}

static const char *try(void)
{
    char how[96], log[4200], *argv[MAX_ARGS];
    const char *why_not;
    int fd = save();

    if (fd < 0)
        return because("the state could not be written", -fd);
    why_not = verify(fd);
    if (why_not) {
        close(fd);
        return why_not;
    }
    lseek(fd, 0, SEEK_SET);
    snprintf(how, sizeof(how), "--live-update=%d,%d,%d,%d,%d", fd, sockets_listener(), hv_events_fd(),
             domains_exc_port(), says_to_syslog());
    snprintf(log, sizeof(log), LOG_OPTION "%s", trace_path() ? trace_path() : "");
    arguments(argv, how, log);
    client_all(inherit);
    set_inherited(sockets_listener(), true);
    set_inherited(hv_events_fd(), true);
    execv(h.program, argv);
    why_not = because("the new program could not be executed", errno);
    client_all(keep);
    set_inherited(sockets_listener(), false);
    set_inherited(hv_events_fd(), false);
    close(fd);
    return why_not;
}

bool handover_is_due(void)
{
    return h.asked;
}

void handover_if_due(void)
{
    struct st_conn *c = h.asked;
    const char *error;

    if (!c)
        return;
    say("live update: to %s", h.program);
    error = try();
    say("live update: not done: %s", error);
    st_conn_amend_reply(c, error);
    forget();
}

/* ---- Taking over ---- */

static int no_client(void *ctx, struct st_conn *c, const void *p, size_t len)
{
    return 0;
}

static int restore(void *ctx, struct st_conn *c, const void *p, size_t len)
{
    const char *kind = (const char *)p + sizeof(uint32_t);
    uint32_t id;

    if (len < sizeof(id) + 1)
        return -EINVAL;
    memcpy(&id, p, sizeof(id));
    len -= sizeof(id);
    return *kind == DESCRIBES_SOCKET ? socket_restore(c, id, kind, len)
           : *kind == DESCRIBES_RING ? domain_restore(c, id, kind, len, true)
                                     : -EINVAL;
}

static int load(int fd, int (*adopt)(void *, struct st_conn *, const void *, size_t))
{
    struct st_loader loader = {adopt, NULL};
    struct stat st;
    void *p;
    int rc;

    if (fstat(fd, &st) || !st.st_size)
        return -EINVAL;
    p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    rc = st_state_load(store, p, (size_t)st.st_size, &loader);
    munmap(p, (size_t)st.st_size);
    return rc;
}

int handover_verify(int fd)
{
    int rc = load(fd, no_client);

    if (!rc)
        return st_store_check(store) ? EXIT_FAILURE : EXIT_SUCCESS;
    return rc == -ENOMEM ? EX_TEMPFAIL : EXIT_FAILURE;
}

int handover_take(const char *how)
{
    int fd, listener, evtchn, exc, to_syslog, rc;

    if (sscanf(how, "%d,%d,%d,%d,%d", &fd, &listener, &evtchn, &exc, &to_syslog) != 5)
        return -EINVAL;
    if (to_syslog)
        openlog("xenstored", LOG_PID, LOG_DAEMON);
    say_to_syslog(to_syslog);
    rc = evtchn >= 0 ? domains_resume(evtchn, exc) : 0;
    if (!rc)
        rc = load(fd, restore);
    close(fd);
    fcntl(listener, F_SETFD, FD_CLOEXEC);
    if (!rc)
        rc = sockets_adopt(listener);
    say("live update: %s", rc ? "the state was not understood" : "done");
    return rc;
}
