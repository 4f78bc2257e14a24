/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to XenStore. libxenstore does not tell when the other end is gone, and would then talk to a store through the
 * kernel, where a request waits until somebody answers. So a second, silent connection is held to the daemon's socket: it hangs up
 * at once, and nothing is asked until it can be made again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenstore.h>
#include "toolstack/xenconsoled/daemon.h"

struct xs_handle *xs;
static struct watcher events, wire;

static void socket_path(struct sockaddr_un *a)
{
    const char *path = getenv("XENSTORED_PATH"), *dir = getenv("XENSTORED_RUNDIR");

    memset(a, 0, sizeof(*a));
    a->sun_family = AF_UNIX;
    if (path)
        snprintf(a->sun_path, sizeof(a->sun_path), "%s", path);
    else
        snprintf(a->sun_path, sizeof(a->sun_path), "%s/socket", dir ? dir : "/run/xenstored");
}

void store_close(void)
{
    loop_watch(&wire, 0);
    if (wire.fd > 0)
        close(wire.fd);
    wire.fd = -1;
    if (!xs)
        return;
    loop_watch(&events, 0);
    xs_close(xs);
    xs = NULL;
}

static void hung_up(struct watcher *w, uint32_t what)
{
    say("the connection to XenStore is lost: waiting for its daemon");
    store_close();
}

/* An answer that refuses has one of the protocol's errors; libxenstore itself gives others, and not one alone when nobody is there. */
bool store_lost(void)
{
    return errno && errno != ENOENT && errno != EACCES;
}

/* 0; -ENOENT: no daemon has its socket here (the store is a domain's, perhaps); -ECONNREFUSED: it is dead. */
static int stretch_wire(void)
{
    struct sockaddr_un a;
    struct stat st;
    int fd;

    socket_path(&a);
    if (stat(a.sun_path, &st) || !S_ISSOCK(st.st_mode))
        return -ENOENT;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a))) {
        if (fd >= 0)
            close(fd);
        return -ECONNREFUSED;
    }
    wire = (struct watcher){.fd = fd, .ready = hung_up};
    if (!loop_watch(&wire, EPOLLRDHUP))
        return 0;
    store_close();
    return -EIO;
}

/*
 * A guest may write its nodes as fast as it likes, and libxenstore's thread keeps every event until it is fetched: so all are fetched,
 * and nothing is asked of the store meanwhile. That ends, for an event costs the store far more than its fetching costs us.
 */
static void store_ready(struct watcher *w, uint32_t what)
{
    bool scan = false;
    char **event;

    while ((event = xs_check_watch(xs))) {
        if (!strncmp(event[XS_WATCH_TOKEN], "dom", 3))
            guests_changed((unsigned int)strtoul(event[XS_WATCH_TOKEN] + 3, NULL, 10));
        else
            scan = true;
        free(event);
    }
    if (scan)
        guests_scan();
}

static int listen_to_store(void)
{
    xs = xs_open(0);
    if (!xs) {
        store_close();
        return -ENOTCONN;
    }
    events = (struct watcher){.fd = xs_fileno(xs), .ready = store_ready};
    if (!loop_watch(&events, EPOLLIN) && xs_watch(xs, "@introduceDomain", "introduce") &&
        xs_watch(xs, "@releaseDomain", "release"))
        return 0;
    store_close();
    return -EIO;
}

int store_connect(void)
{
    int rc = stretch_wire();

    return rc && rc != -ENOENT ? rc : listen_to_store();
}

void store_retry(void)
{
    if (stretch_wire() || listen_to_store())
        return;
    say("connected to XenStore");
    guests_watch_again();
    guests_scan();
}

static void join(char out[160], const char *dir, const char *name)
{
    snprintf(out, 160, "%s/%s", dir, name);
}

char *store_read(const char *dir, const char *name)
{
    char path[160];

    join(path, dir, name);
    return xs ? xs_read(xs, XBT_NULL, path, NULL) : NULL;
}

bool store_number(const char *dir, const char *name, uint64_t *v)
{
    char *text = store_read(dir, name);
    bool ok;

    if (!text)
        return false;
    errno = 0;
    *v = strtoull(text, NULL, 10);
    ok = *text && !text[strspn(text, "0123456789")] && !errno;
    free(text);
    return ok;
}

bool store_write(const char *dir, const char *name, const char *value)
{
    char path[160];

    join(path, dir, name);
    return xs && xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value));
}
