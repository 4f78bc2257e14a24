/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xenstored: options as Debian's, start, loop. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>
#include "toolstack/common/confine.h"
#include "toolstack/xenstored/daemon/daemon.h"

static struct {
    bool no_recovery, no_domain_init, no_fork, output_pid, verbose;
    const char *pid_file, *trace_file, *live_update;
    int verify; /* a descriptor; -1: not asked */
} opt = {.verify = -1};

static bool stopping;

static const struct option options[] = {
    {"no-domain-init", 0, NULL, 'D'},
    {"entry-nb", 1, NULL, 'E'},
    {"pid-file", 1, NULL, 'F'},
    {"help", 0, NULL, 'H'},
    {"no-fork", 0, NULL, 'N'},
    {"output-pid", 0, NULL, 'P'},
    {"entry-size", 1, NULL, 'S'},
    {"trace-file", 1, NULL, 'T'},
    {"transaction", 1, NULL, 't'},
    {"perm-nb", 1, NULL, 'A'},
    {"path-max", 1, NULL, 'M'},
    {"quota", 1, NULL, 'Q'},
    {"quota-soft", 1, NULL, 'q'},
    {"timeout", 1, NULL, 'w'},
    {"no-recovery", 0, NULL, 'R'},
    {"internal-db", 2, NULL, 'I'},
    {"keep-orphans", 0, NULL, 'K'},
    {"verbose", 0, NULL, 'V'},
    {"watch-nb", 1, NULL, 'W'},
    {"live-update", 1, NULL, 'U'},
    {"verify-state", 1, NULL, 'v'},
    {"journal", 1, NULL, 'J'},
    {NULL, 0, NULL, 0},
};

static void usage(void)
{
    puts("Usage:\n\n  xenstored <options>\n\n"
         "  -D, --no-domain-init    do not connect to domain 0's ring\n"
         "  -F, --pid-file <file>   write the daemon's pid there\n"
         "  -H, --help              this text\n"
         "  -N, --no-fork           stay in the foreground\n"
         "  -P, --output-pid        print the daemon's pid\n"
         "  -T, --trace-file <file> log and trace to this file\n"
         "  -E, --entry-nb <nb>     nodes per domain\n"
         "  -S, --entry-size <size> bytes per node\n"
         "  -W, --watch-nb <nb>     watches per domain\n"
         "  -t, --transaction <nb>  transactions per domain\n"
         "  -A, --perm-nb <nb>      permissions per node\n"
         "  -M, --path-max <chars>  bytes of a path\n"
         "  -Q, --quota <what>=<nb> transaction-nodes, memory or outstanding\n"
         "  -q, --quota-soft <what>=<nb> memory\n"
         "  -V, --verbose           trace every request from the start (needs --trace-file)\n"
         "  -R, --no-recovery       start empty after a crash\n"
         "  -J, --journal <KiB>[,<ms>]  requests kept for a recovery, at least so many KiB of them (2048);\n"
         "                          without room for them it is tried again after so long (10000)\n"
         "Accepted for compatibility, without effect: -I, -w. Refused: -K (it is a security risk).");
}

static bool named_quota(struct st_quota *q, const char *arg, bool soft)
{
    const char *eq = strchr(arg, '=');
    uint32_t v = eq ? (uint32_t)strtoul(eq + 1, NULL, 10) : 0;
    size_t n = eq ? (size_t)(eq - arg) : 0;

    if (n == 6 && !memcmp(arg, "memory", n))
        *(soft ? &q->memory_soft : &q->memory) = v;
    else if (!soft && n == 17 && !memcmp(arg, "transaction-nodes", n))
        q->transaction_nodes = v;
    else if (!soft && n == 11 && !memcmp(arg, "outstanding", n))
        q->outstanding = v;
    else
        return false;
    return true;
}

/* False: the program is to end with a complaint. */
static bool option(int c, struct st_quota *q)
{
    uint32_t v = optarg ? (uint32_t)strtoul(optarg, NULL, 10) : 0;

    switch (c) {
    case 'D':
        opt.no_domain_init = true;
        return true;
    case 'N':
        opt.no_fork = true;
        return true;
    case 'P':
        opt.output_pid = true;
        return true;
    case 'V':
        opt.verbose = true;
        return true;
    case 'F':
        opt.pid_file = optarg;
        return true;
    case 'T':
        opt.trace_file = optarg;
        return true;
    case 'E':
        q->nodes = v;
        return true;
    case 'S':
        q->node_size = v;
        return true;
    case 'W':
        q->watches = v;
        return true;
    case 't':
        q->transactions = v;
        return true;
    case 'A':
        q->permissions = v;
        return true;
    case 'M':
        q->path_max = v;
        return true;
    case 'Q':
    case 'q':
        return named_quota(q, optarg, c == 'q');
    case 'U':
        opt.live_update = optarg;
        return true;
    case 'v':
        opt.verify = (int)v;
        return true;
    case 'R':
        opt.no_recovery = true;
        return true;
    case 'J':
        journal_room((size_t)v * 1024);
        if (strchr(optarg, ','))
            journal_pause(strtoul(strchr(optarg, ',') + 1, NULL, 10));
        return true;
    case 'I':
    case 'w':
        return true;
    default:
        return false;
    }
}

static const char *run_dir(void)
{
    const char *dir = getenv("XENSTORED_RUNDIR");

    return dir ? dir : "/run/xenstored";
}

static uint64_t seed;

static int make_store(void)
{
    if (!seed && getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        seed = now_ms() * 0x9e3779b97f4a7c15ull;
    return store_make(seed);
}

/* ---- Becoming a daemon: the parent returns when the child serves, with its verdict ---- */

static int ready_pipe = -1;

static void daemonize(void)
{
    int p[2];
    char ok = 1;
    pid_t pid;

    if (pipe2(p, O_CLOEXEC) || (pid = fork()) < 0) {
        perror("xenstored: fork");
        exit(1);
    }
    if (pid) {
        close(p[1]);
        if (read(p[0], &ok, 1) != 1)
            ok = 1;
        _exit(ok);
    }
    close(p[0]);
    ready_pipe = p[1];
    setsid();
    if (chdir("/"))
        say("cannot change to /");
}

static void serve_now(void)
{
    char ok = 0;
    int null;

    if (ready_pipe < 0)
        return;
    null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    if (null > 2)
        close(null);
    openlog("xenstored", LOG_PID, LOG_DAEMON);
    say_to_syslog(true);
    if (write(ready_pipe, &ok, 1) != 1)
        say("the starting process went away");
    close(ready_pipe);
}

static void write_pid(void)
{
    FILE *f;

    if (opt.output_pid) {
        printf("%d\n", getpid());
        fflush(stdout);
    }
    if (!opt.pid_file)
        return;
    f = fopen(opt.pid_file, "we");
    if (!f) {
        say("cannot write the pid file %s: %s", opt.pid_file, strerror(errno));
        return;
    }
    fprintf(f, "%d\n", getpid());
    fclose(f);
}

static void stop(int signal)
{
    stopping = true;
}

static int listen_for_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT};

    signal(SIGPIPE, SIG_IGN);
    return loop_signals(signals, 2, stop);
}

/* Negative errno: it cannot go on. */
static int run(void)
{
    bool busy = true; /* after a live update there is work at once */
    uint64_t now;
    int rc;

    while (!stopping) {
        rc = loop_turn(busy ? 0 : clients_timeout(), LOOP_MOST);
        if (rc < 0)
            return rc;
        now = now_ms();
        st_store_set_time(store, now);
        busy = clients_turn(now);
    }
    return 0;
}

static void start_tracing(void)
{
    static const char request[] = "log\0on";
    struct xsd_sockmsg hdr = {XS_CONTROL, 0, 0, sizeof(request)};
    struct st_conn *c = st_conn_open_socket(store, false);
    unsigned int budget = 1;
    enum st_stall stall;

    if (!c)
        return;
    st_conn_feed(c, &hdr, sizeof(hdr), &budget, &stall);
    st_conn_feed(c, request, sizeof(request), &budget, &stall);
    st_conn_close(c);
}

/* Brings back what a daemon that died left in its journal, if it did: 1. 0: nothing, or it starts empty; -ENOMEM. */
static int recover(void)
{
    struct st_quota as_told = *st_store_quota(store);
    int rc = opt.no_recovery ? 0 : journal_recover(run_dir());

    if (rc > 0)
        say("the store of a daemon that died is back");
    if (rc >= 0)
        return rc;
    if (rc == -EPROTO)
        say("the journal of a daemon that died is another version's, who alone could play it: starting "
            "empty. "
            "Domains that run must be started anew; next time bring the new version in with "
            "xenstore-control live-update while the old one lives");
    else
        say("the journal of a daemon that died cannot be read (%s): starting empty", strerror(-rc));
    if (make_store())
        return -ENOMEM;
    *st_store_quota(store) = as_told;
    return 0;
}

static int listen_here(void)
{
    int rc = sockets_listen();

    if (rc == -EADDRINUSE)
        fprintf(stderr, "xenstored: another xenstored serves %s/socket: not started\n", run_dir());
    else if (rc)
        fprintf(stderr, "xenstored: cannot listen on %s/socket: %s\n", run_dir(), strerror(-rc));
    return rc;
}

static int start(void)
{
    int rc = sockets_set_dir(run_dir()), recovered;

    if (!rc && opt.live_update) {
        rc = handover_take(opt.live_update);
        if (!rc)
            journal_begin(run_dir(), seed);
        return rc;
    }
    if (!rc)
        rc = listen_here();
    if (rc)
        return rc;
    rc = domains_start();
    if (rc)
        say("no event channel device (%s): serving sockets only, no domain can be introduced", strerror(-rc));
    recovered = recover();
    if (recovered < 0)
        return -ENOMEM;
    if (!rc && !opt.no_domain_init)
        domains_bind_dom0();
    if (!rc && recovered)
        domains_recovered();
    else if (!rc)
        domains_scan();
    journal_begin(run_dir(), seed);
    return 0;
}

/* From here on guests may try what they like. A program that takes over inherits it. */
static void confine_now(void)
{
    const char *const writable[] = {
        run_dir(), "/var/log", "/tmp", "/dev", "/proc/xen", opt.pid_file ? opt.pid_file : "/dev", NULL};
    const struct confinement c = {.writable = writable, .programs = true};
    char got[4];
    int rc;

    if (opt.live_update && confined())
        return;
    rc = confine(&c, got);
    if (rc || strcmp(got, "cfs"))
        say("not fully confined: %s", rc ? strerror(-rc) : got);
}

/* Its directory is not ours to change any more, so it may only be made empty. */
static void remove_pid(void)
{
    int fd;

    if (!opt.pid_file || !unlink(opt.pid_file))
        return;
    fd = open(opt.pid_file, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    int c, rc;

    seed = journal_seed(run_dir());
    rc = loop_init();
    if (!rc)
        rc = make_store();
    if (rc) {
        fprintf(stderr, "xenstored: cannot start: %s\n", strerror(-rc));
        return EX_TEMPFAIL;
    }
    while ((c = getopt_long(argc, argv, "DE:F:HJ:NPS:T:t:A:M:Q:q:w:RI::KVW:", options, NULL)) != -1) {
        if (c == 'H') {
            usage();
            return 0;
        }
        if (!option(c, st_store_quota(store))) {
            fprintf(stderr, "xenstored: bad option; see xenstored --help\n");
            return 1;
        }
    }
    if (opt.verify >= 0)
        return handover_verify(opt.verify);
    handover_init(argc, argv);
    umask(027);
    raise_descriptors();
    if (!opt.no_fork && !opt.live_update)
        daemonize();
    if (opt.trace_file)
        trace_open(opt.trace_file);
    if (start())
        return 1;
    rc = listen_for_signals();
    if (rc) {
        say("cannot hear signals: %s", strerror(-rc));
        return 1;
    }
    if (!opt.live_update)
        write_pid();
    if (opt.verbose)
        start_tracing();
    serve_now();
    confine_now();
    rc = run();
    if (rc) { /* not a clean end: the next daemon takes the journal up */
        say("cannot wait for clients: %s", strerror(-rc));
        return 1;
    }
    sockets_unlink();
    journal_end();
    remove_pid();
    return 0;
}
