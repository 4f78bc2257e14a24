/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client of the bench of the store, and domain 0's first process: starts the daemon that its arguments name behind the number of
 * levels (how full the store gets), fills the store, and
 * does each operation a number of times between bench_begin() and bench_end(), whose addresses the plugin (store_count.c) watches.
 * Over the socket, and over domain 0's ring, which /dev/xen/xenbus passes requests to. The only process beside the daemon.
 * Prints "BENCH transport operation nodes watches connections times" for each region, in order, and "MEMORY nodes bytes".
 *
 * It is linked at an address that no other program here uses, because the plugin knows nothing of address spaces.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>
#include "program.h"

#define TIMES        100 /* of each operation */
#define TRANSACTIONS 20
#define LONG_RUN                                                                                             \
    40000 /* so many that what a daemon does now and then comes several times: once, with so many nodes */
#define LONG_NODES  10000
#define WARM_UP     10
#define BATCH       8
#define WATCHES     1000
#define CONNECTIONS 100
#define PER_DIR     100

MARK(bench_begin)
MARK(bench_end)

/* ---- One client's end of the protocol ---- */

struct message {
    struct xsd_sockmsg hdr;
    char payload[XENSTORE_PAYLOAD_MAX];
};

static void send_all(int fd, const void *data, size_t len)
{
    if (write(fd, data, len) != (ssize_t)len)
        end("write");
}

static void receive(int fd, void *data, size_t len)
{
    char *to = data;

    while (len) {
        ssize_t n = read(fd, to, len);

        if (n <= 0)
            end("read");
        to += n;
        len -= (size_t)n;
    }
}

static size_t compose(struct message *m, uint32_t type, uint32_t tx, const void *payload, size_t len)
{
    m->hdr = (struct xsd_sockmsg){.type = type, .tx_id = tx, .len = (uint32_t)len};
    memcpy(m->payload, payload, len);
    return sizeof(m->hdr) + len;
}

/* The next message; an error is the end of the bench. */
static void next_message(int fd, struct message *m)
{
    receive(fd, &m->hdr, sizeof(m->hdr));
    receive(fd, m->payload, m->hdr.len);
    if (m->hdr.type == XS_ERROR)
        end(m->payload);
}

static struct message in, out;

static void ask(int fd, uint32_t type, uint32_t tx, const void *payload, size_t len)
{
    send_all(fd, &out, compose(&out, type, tx, payload, len));
    next_message(fd, &in);
    if (in.hdr.type != type)
        end("an answer to something else");
}

/* ---- The daemon ---- */

static pid_t daemon_pid;

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
        return fd;
    close(fd);
    return -1;
}

static int connection(void)
{
    int tries, fd = -1;

    for (tries = 0; fd < 0 && tries < 500; tries++) {
        fd = connect_to("/run/xenstored/socket");
        if (fd < 0)
            usleep(10000);
    }
    if (fd < 0)
        end("no daemon at the socket");
    return fd;
}

static void load_modules(void)
{
    static const char *const modules[] = {"/lib/xen-privcmd.ko", "/lib/xen-evtchn.ko", "/lib/xen-gntdev.ko",
                                          "/lib/xenfs.ko"};
    unsigned int i;

    for (i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        int fd = open(modules[i], O_RDONLY | O_CLOEXEC);

        if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
            end(modules[i]);
        close(fd);
    }
}

static void prepare(void)
{
    mkdir("/proc", 0755);
    mkdir("/dev", 0755);
    mkdir("/run", 0755);
    if (mount("proc", "/proc", "proc", 0, NULL) || mount("dev", "/dev", "devtmpfs", 0, NULL) ||
        mount("run", "/run", "tmpfs", 0, NULL))
        end("mount");
    mkdir("/run/xenstored", 0755);
    load_modules();
    if (mount("xenfs", "/proc/xen", "xenfs", 0, NULL))
        end("mount xenfs");
}

static void start_daemon(char **argv)
{
    daemon_pid = fork();
    if (daemon_pid < 0)
        end("fork");
    if (daemon_pid)
        return;
    setenv("XENSTORED_ROOTDIR", "/run/xenstored", 1);
    setenv("LD_LIBRARY_PATH", "/lib/x86_64-linux-gnu", 1);
    execv(argv[0], argv);
    end(argv[0]);
}

/* ---- Memory: what is the daemon's alone, and its files in memory ---- */

static unsigned long anonymous(void)
{
    char path[64], line[256];
    unsigned long kib = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", daemon_pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        sscanf(line, "RssAnon: %lu", &kib);
    if (f)
        fclose(f);
    return kib * 1024;
}

static unsigned long files(void)
{
    DIR *d = opendir("/run/xenstored");
    struct dirent *e;
    struct stat st;
    unsigned long bytes = 0;

    while (d && (e = readdir(d)))
        if (!fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode))
            bytes += (unsigned long)st.st_blocks * 512;
    if (d)
        closedir(d);
    return bytes;
}

/* ---- Filling ---- */

static unsigned int leaves, nodes;

/* PER_DIR leaves a directory, which with its parents is three nodes more. */
static void fill(int fd, unsigned int up_to)
{
    char text[128];
    unsigned int i, sent;

    while (nodes < up_to) {
        for (sent = 0; sent < BATCH && nodes < up_to; sent++, leaves++, nodes++) {
            unsigned int dir = leaves / PER_DIR;
            int len = sprintf(text, "/fill/domain/%u/device/vif/%u", dir, leaves) + 1;

            if (leaves % PER_DIR == 0)
                nodes += 3;
            len += sprintf(text + len, "some value");
            send_all(fd, &out, compose(&out, XS_WRITE, 0, text, (size_t)len));
        }
        for (i = 0; i < sent; i++)
            next_message(fd, &in);
    }
    printf("MEMORY %u %lu %lu\n", nodes, anonymous(), files());
}

/* ---- The operations ---- */

static int watcher; /* who has the watch that fires */

static void do_read(int fd, unsigned int i)
{
    char path[64];

    ask(fd, XS_READ, 0, path, (size_t)sprintf(path, "/fill/domain/0/device/vif/%u", i % 90) + 1);
    if (in.hdr.len != 10)
        end("a value is wrong");
}

static void do_write(int fd, unsigned int i)
{
    char text[64];
    int len = sprintf(text, "/fill/domain/0/device/vif/%u", i % 90) + 1;

    ask(fd, XS_WRITE, 0, text, (size_t)(len + sprintf(text + len, "some%06u", i)));
}

static void do_directory(int fd, unsigned int i)
{
    ask(fd, XS_DIRECTORY, 0, "/fill/domain/0/device/vif", 26);
    if (in.hdr.len < 180)
        end("a directory is wrong");
}

static void do_transaction(int fd, unsigned int i)
{
    char text[64], value[64];
    unsigned int k;
    uint32_t tx;
    int len;

    ask(fd, XS_TRANSACTION_START, 0, "", 1);
    tx = (uint32_t)strtoul(in.payload, NULL, 10);
    for (k = 0; k < 5; k++) {
        len = sprintf(text, "/fill/domain/0/device/vif/%u", (i + k) % 90) + 1;
        ask(fd, XS_READ, tx, text, (size_t)len);
        snprintf(value, sizeof(value), "some%06u", i);
        memcpy(text + len, value, 10);
        ask(fd, XS_WRITE, tx, text, (size_t)len + 10);
    }
    ask(fd, XS_TRANSACTION_END, tx, "T", 2);
}

static void do_fire(int fd, unsigned int i)
{
    char text[64];
    int len = sprintf(text, "/fired/node") + 1;

    ask(fd, XS_WRITE, 0, text, (size_t)(len + sprintf(text + len, "some%06u", i)));
    next_message(watcher, &in);
    if (in.hdr.type != XS_WATCH_EVENT || strcmp(in.payload, "/fired/node"))
        end("an event is wrong");
}

static const struct {
    const char *name;
    void (*run)(int fd, unsigned int i);
    unsigned int times;
} operations[] = {
    {"read", do_read, TIMES},           {"write", do_write, TIMES},
    {"directory", do_directory, TIMES}, {"transaction", do_transaction, TRANSACTIONS},
    {"watch", do_fire, TIMES},          {"long_write", do_write, LONG_RUN},
};

static void measure(const char *transport, int fd, unsigned int watches, unsigned int connections)
{
    bool alone = nodes == LONG_NODES && watches == 1 && connections == 1;
    unsigned int o, i;

    for (o = 0; o < sizeof(operations) / sizeof(operations[0]); o++) {
        if (operations[o].times == LONG_RUN && !alone)
            continue;
        for (i = 0; i < WARM_UP; i++)
            operations[o].run(fd, i);
        bench_begin();
        for (i = 0; i < operations[o].times; i++)
            operations[o].run(fd, i);
        bench_end();
        printf("BENCH %s %s %u %u %u %u\n", transport, operations[o].name, nodes, watches, connections,
               operations[o].times);
        fflush(stdout);
    }
}

/* Sets one, and takes the answer and the first event; over the ring the event may come first. */
static void set_watch(int fd, const char *path)
{
    char text[64];
    size_t len = strlen(path) + 1;
    unsigned int i;

    memcpy(text, path, len);
    memcpy(text + len, "token", 6);
    send_all(fd, &out, compose(&out, XS_WATCH, 0, text, len + 6));
    for (i = 0; i < 2; i++)
        next_message(fd, &in);
}

/* Over the one transport; the watch that fires is another connection's over the same. */
static void measure_transport(const char *transport, unsigned int watches, unsigned int connections)
{
    bool ring = !strcmp(transport, "ring");
    int fd = ring ? open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC) : connection();

    watcher = ring ? open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC) : connection();
    if (fd < 0 || watcher < 0)
        end("/dev/xen/xenbus");
    set_watch(watcher, "/fired/node");
    measure(transport, fd, watches, connections);
    close(fd);
    close(watcher);
}

static void measure_level(unsigned int watches, unsigned int connections)
{
    int idle[CONNECTIONS], holder = connection();
    unsigned int i;
    char text[64];

    for (i = 1; i < watches; i++) {
        sprintf(text, "/elsewhere/%u", i);
        set_watch(holder, text);
    }
    for (i = 3; i < connections; i++)
        idle[i] = connection();
    measure_transport("socket", watches, connections);
    measure_transport("ring", watches, connections);
    for (i = 3; i < connections; i++)
        close(idle[i]);
    close(holder);
}

int main(int argc, char **argv)
{
    static const unsigned int levels[] = {100, 10000, 100000};
    unsigned int i, nr_levels = argc > 2 ? (unsigned int)atoi(argv[1]) : 0;
    int fd;

    prepare();
    if (!nr_levels || nr_levels > sizeof(levels) / sizeof(levels[0]))
        end("usage: LEVELS DAEMON ARGUMENTS");
    start_daemon(argv + 2);
    fd = connection();
    ask(fd, XS_MKDIR, 0, "/fired/node", 12);
    for (i = 0; i < nr_levels; i++) {
        fill(fd, levels[i]);
        measure_level(1, 1);
        measure_level(WATCHES, 1);
        measure_level(1, CONNECTIONS);
        measure_level(WATCHES, CONNECTIONS);
    }
    puts("BENCH-DONE");
    end(NULL);
}
