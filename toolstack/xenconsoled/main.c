/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xenconsoled: options as Debian's, start, loop. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include <xenstore.h>
#include "toolstack/xenconsoled/daemon.h"

struct xs_handle *xs;
struct options options = {.log_dir = "/var/log/xen/console"};

static const char *pid_file = "/run/xenconsoled.pid";
#define STORE_CHECK_MS 2000

static volatile sig_atomic_t stopping, reopen;

static void usage(void)
{
    puts("Usage: xenconsoled [options]\n"
         "  -i, --interactive        stay in the foreground\n"
         "  --log=none|guest|hv|all  what is logged (hv is not there yet: the hypervisor's log is left to xl "
         "dmesg)\n"
         "  --log-dir=DIR            where (/var/log/xen/console)\n"
         "  -t, --timestamp=none|guest|hv|all  time stamps in these logs\n"
         "  --pid-file=FILE          (/run/xenconsoled.pid)\n"
         "  -o, --overflow-data=...  accepted; a reader that is too slow loses the oldest output, the log "
         "has it\n"
         "  -v, --verbose            accepted");
}

static bool includes_guest(const char *what)
{
    return !strcmp(what, "guest") || !strcmp(what, "all");
}

static int parse(int argc, char **argv)
{
    static const struct option list[] = {
        {"help", 0, NULL, 'h'},
        {"interactive", 0, NULL, 'i'},
        {"log", 1, NULL, 'l'},
        {"log-dir", 1, NULL, 'r'},
        {"timestamp", 1, NULL, 't'},
        {"pid-file", 1, NULL, 'p'},
        {"overflow-data", 1, NULL, 'o'},
        {"verbose", 0, NULL, 'v'},
        {"replace-escape", 0, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "hit:o:vV", list, NULL)) != -1) {
        if (c == 'i')
            options.foreground = true;
        else if (c == 'l')
            options.log_guest = includes_guest(optarg);
        else if (c == 'r')
            options.log_dir = optarg;
        else if (c == 't')
            options.stamp_guest = includes_guest(optarg);
        else if (c == 'p')
            pid_file = optarg;
        else if (c == 'h' || c == '?') {
            usage();
            exit(c == 'h' ? 0 : 1);
        }
    }
    return 0;
}

static void on_signal(int sig)
{
    if (sig == SIGHUP)
        reopen = 1;
    else
        stopping = 1;
}

/* Only one daemon may connect to the consoles: the pid file is locked for as long as it lives. */
static int lock_pid_file(void)
{
    char text[16];
    int fd = open(pid_file, O_RDWR | O_CREAT | O_CLOEXEC, 0644), n;

    if (fd < 0 || lockf(fd, F_TLOCK, 0))
        return -errno;
    n = snprintf(text, sizeof(text), "%d\n", getpid());
    return ftruncate(fd, 0) || write(fd, text, (size_t)n) != n ? -errno : 0;
}

static int epoll_in(int epoll, int fd, void *tag)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = tag};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static int tag_store, tag_events, tag_inotify; /* their addresses tell guests' terminals from the rest */

static int listen_to_store(int epoll)
{
    if (epoll_in(epoll, xs_fileno(xs), &tag_store))
        return -EIO;
    return xs_watch(xs, "@introduceDomain", "introduce") && xs_watch(xs, "@releaseDomain", "release") ? 0
                                                                                                      : -EIO;
}

/* The store's daemon died: waits for the next one, which knows the domains but not us. */
static void reconnect(int epoll)
{
    say("xenconsoled: the connection to the store is lost: waiting for its daemon");
    epoll_ctl(epoll, EPOLL_CTL_DEL, xs_fileno(xs), NULL);
    xs_close(xs);
    while (!(xs = xs_open(0)) && !stopping)
        usleep(100000);
    if (!xs)
        return;
    if (listen_to_store(epoll))
        say("xenconsoled: the store cannot be watched");
    guests_watch_again();
    guests_scan();
}

static bool store_lives(void)
{
    char *value = xs_read(xs, XBT_NULL, "/", NULL);

    free(value);
    return value != NULL;
}

static void store_ready(void)
{
    char **event;
    bool any = false;

    while ((event = xs_check_watch(xs))) {
        any = true;
        free(event);
    }
    if (any)
        guests_scan();
}

static void run(int epoll)
{
    struct epoll_event e[1]; /* one at a time: a scan may free the guest of another */
    uint64_t checked = now_ms();
    int n, port, i;

    while (!stopping) {
        n = guests_timeout();
        n = epoll_wait(epoll, e, 1, n < 0 || n > STORE_CHECK_MS ? STORE_CHECK_MS : n);
        if (now_ms() - checked >=
            STORE_CHECK_MS) { /* libxenstore's descriptor does not tell when the other end is gone */
            checked = now_ms();
            if (!store_lives()) {
                reconnect(epoll);
                continue;
            }
        }
        if (reopen) {
            reopen = 0;
            guests_reopen_logs();
        }
        guests_resume();
        if (n <= 0)
            continue;
        if (e->data.ptr == &tag_store) {
            store_ready();
        } else if (e->data.ptr == &tag_events) {
            for (i = 0; i < 64 && (port = hv_pending()) >= 0; i++)
                guests_event(port);
        } else if (e->data.ptr == &tag_inotify) {
            pty_inotify_ready();
        } else {
            pty_master_ready(e->data.ptr, e->events);
        }
    }
}

static int start(int epoll)
{
    xs = xs_open(0);
    if (!xs) {
        say("xenconsoled: no XenStore daemon to talk to: start xenstored first");
        return -ENOTCONN;
    }
    if (hv_open()) {
        say("xenconsoled: no event channel device, or no way to map rings: is this a Xen domain 0 with "
            "xen-evtchn and xen-gntdev?");
        return -ENODEV;
    }
    if (pty_init(epoll) || epoll_in(epoll, hv_events_fd(), &tag_events) ||
        epoll_in(epoll, pty_inotify_fd(), &tag_inotify))
        return -EIO;
    if (options.log_guest)
        mkdir(options.log_dir, 0755);
    if (listen_to_store(epoll))
        return -EIO;
    guests_scan();
    return 0;
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_signal};
    int epoll, rc;

    parse(argc, argv);
    if (!options.foreground && daemon(0, 0)) {
        perror("xenconsoled");
        return 1;
    }
    openlog("xenconsoled", LOG_PID, LOG_DAEMON);
    umask(027);
    rc = lock_pid_file();
    if (rc) {
        say("xenconsoled: %s: %s (is another one running?)", pid_file, strerror(-rc));
        return 1;
    }
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || start(epoll))
        return 1;
    run(epoll);
    guests_close();
    unlink(pid_file);
    return 0;
}
