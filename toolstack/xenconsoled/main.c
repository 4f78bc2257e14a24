/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xenconsoled: options as Debian's, start, loop. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include "toolstack/common/confine.h"
#include "toolstack/xenconsoled/daemon.h"

struct options options = {.log_dir = "/var/log/xen/console", .socket = "/run/xenconsoled/socket"};

static const char *pid_file = "/run/xenconsoled.pid";
#define STORE_RETRY_MS 100

static bool stopping;

void log_below(struct logfile *l, const char *name, bool stamped)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s.log", options.log_dir, name) < (int)sizeof(path))
        log_open(l, path, stamped ? LOG_SECONDS : LOG_PLAIN);
}

static void usage(void)
{
    puts("Usage: xenconsoled [options]\n"
         "  -i, --interactive        stay in the foreground\n"
         "  --log=none|guest|hv|all  what is logged: guests' consoles, the hypervisor's\n"
         "  --log-dir=DIR            where (/var/log/xen/console)\n"
         "  -t, --timestamp=none|guest|hv|all  time stamps in these logs\n"
         "  --pid-file=FILE          (/run/xenconsoled.pid)\n"
         "  --socket=FILE            where further readers come (/run/xenconsoled/socket)\n"
         "  -o, --overflow-data=...  accepted; a reader that is too slow loses the oldest output, the log "
         "has it\n"
         "  -v, --verbose            accepted");
}

static void choose(const char *what, bool *guest, bool *hv)
{
    bool all = !strcmp(what, "all");

    *guest = all || !strcmp(what, "guest");
    *hv = all || !strcmp(what, "hv");
}

static int parse(int argc, char **argv)
{
    static const struct option list[] = {
        {"help", 0, NULL, 'h'},      {"interactive", 0, NULL, 'i'},
        {"log", 1, NULL, 'l'},       {"log-dir", 1, NULL, 'r'},
        {"timestamp", 1, NULL, 't'}, {"pid-file", 1, NULL, 'p'},
        {"socket", 1, NULL, 's'},    {"overflow-data", 1, NULL, 'o'},
        {"verbose", 0, NULL, 'v'},   {"replace-escape", 0, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "hit:o:vV", list, NULL)) != -1) {
        if (c == 'i')
            options.foreground = true;
        else if (c == 'l')
            choose(optarg, &options.log_guest, &options.log_hv);
        else if (c == 'r')
            options.log_dir = optarg;
        else if (c == 't')
            choose(optarg, &options.stamp_guest, &options.stamp_hv);
        else if (c == 's')
            options.socket = optarg;
        else if (c == 'p')
            pid_file = optarg;
        else if (c == 'h' || c == '?') {
            usage();
            exit(c == 'h' ? 0 : 1);
        }
    }
    return 0;
}

static void on_signal(int signal)
{
    if (signal == SIGHUP) {
        guests_reopen_logs();
        hvlog_reopen();
    } else {
        stopping = true;
    }
}

static int listen_for_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

    signal(SIGPIPE, SIG_IGN);
    return loop_signals(signals, 3, on_signal);
}

/* Only one daemon may connect to the consoles: the pid file is locked for as long as it lives. */
static int pid_fd;

static int lock_pid_file(void)
{
    char text[16];
    int n;

    pid_fd = open(pid_file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (pid_fd < 0 || lockf(pid_fd, F_TLOCK, 0))
        return -errno;
    n = snprintf(text, sizeof(text), "%d\n", getpid());
    return ftruncate(pid_fd, 0) || write(pid_fd, text, (size_t)n) != n ? -errno : 0;
}

static struct watcher event_channels;

static void channels_ready(struct watcher *w, uint32_t events)
{
    uint32_t ports[64];
    unsigned int n = hv_pending(ports, 64), i;

    for (i = 0; i < n; i++)
        if (!hvlog_event((int)ports[i]))
            guests_event((int)ports[i]);
}

/* Of two times to wait, of which a negative one is for ever. */
static int sooner(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void run(void)
{
    int wait;

    while (!stopping) {
        wait = sooner(guests_timeout(), readers_timeout(now_ms()));
        if (!xs)
            wait = sooner(wait, STORE_RETRY_MS);
        if (loop_turn(wait, 1)) /* what it frees is nobody's next event */
            break;
        if (!xs)
            store_retry();
        guests_look(now_ms());
        guests_resume();
        readers_turn(now_ms());
    }
}

static int start(void)
{
    int rc = hv_open(-1);

    if (rc || (!hv_maps_grants() && !hv_maps_frames())) {
        say("no event channel device, or no way to map rings: is this a Xen domain 0 with xen-evtchn and "
            "xen-gntdev?");
        return -ENODEV;
    }
    if (store_connect())
        say("XenStore does not answer yet: waiting for it");
    event_channels = (struct watcher){.fd = hv_events_fd(), .ready = channels_ready};
    rc = pty_init();
    if (!rc)
        rc = loop_watch(&event_channels, EPOLLIN);
    if (rc)
        return rc;
    if (options.log_guest || options.log_hv)
        mkdir(options.log_dir, 0755);
    rc = readers_listen();
    if (rc)
        say("no further readers: %s: %s", options.socket, strerror(-rc));
    if (options.log_hv)
        hvlog_open();
    guests_scan();
    return 0;
}

/* From here on guests may try what they like. */
static void confine_now(void)
{
    char dir[256], *slash, got[4];
    const char *const writable[] = {options.log_dir, dir, pid_file, "/dev", NULL};
    const struct confinement c = {.writable = writable};
    int rc;

    snprintf(dir, sizeof(dir), "%s", options.socket);
    slash = strrchr(dir, '/');
    if (slash)
        *slash = 0;
    rc = confine(&c, got);
    if (rc || strcmp(got, "cfs"))
        say("not fully confined: %s", rc ? strerror(-rc) : got);
}

int main(int argc, char **argv)
{
    int rc;

    parse(argc, argv);
    if (!options.foreground && daemon(0, 0)) {
        perror("xenconsoled");
        return 1;
    }
    openlog("xenconsoled", LOG_PID, LOG_DAEMON);
    say_to_syslog(!options.foreground);
    umask(027);
    raise_descriptors();
    rc = lock_pid_file();
    if (rc) {
        say("%s: %s (is another one running?)", pid_file, strerror(-rc));
        return 1;
    }
    if (loop_init() || listen_for_signals() || start())
        return 1;
    confine_now();
    run();
    guests_close();
    readers_close();
    store_close();
    if (unlink(pid_file) && ftruncate(pid_fd, 0)) /* its directory is not ours to change any more */
        say("%s is left behind", pid_file);
    return 0;
}
