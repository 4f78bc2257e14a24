/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console daemon's parts. One thread, one epoll loop. */
#ifndef XENCONSOLED_DAEMON_H
#define XENCONSOLED_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "toolstack/xenconsoled/console.h"

struct xs_handle;

struct guest {
    struct guest *next;
    unsigned int domid;
    struct console console;
    uint32_t remote_port; /* as the store has it */
    int port;             /* ours */
    bool granted;         /* the page was mapped by grant */
    int master;           /* of the pty */
    int watch;            /* inotify's, of the slave */
    char slave[64];
    unsigned int openers;
    bool polled; /* the master is in epoll */
    uint32_t events;
    FILE *log;
    char log_path[512];
    bool line_start;
    bool seen; /* in the current scan */
};

extern struct xs_handle *xs;
extern struct options {
    const char *log_dir;
    bool log_guest, stamp_guest, foreground, verbose;
} options;

/* hypervisor.c */
int hv_open(void);
int hv_events_fd(void);
int hv_pending(void);
void hv_unmask(int port);
void hv_notify(int port);
int hv_bind(unsigned int domid, uint32_t port);
void hv_unbind(int port);
void *hv_map(unsigned int domid, uint64_t gfn, bool *granted);
void hv_unmap(void *page, bool granted);

/* guests.c */
void guests_scan(void); /* after @introduceDomain, @releaseDomain, or a change of a console's nodes */
void guests_event(int port);
int guests_timeout(void); /* ms until a guest that was too fast may go on; -1: none */
void guests_resume(void);
void guests_reopen_logs(void);
void guests_watch_again(void); /* on a new connection to the store */
void guests_close(void);

/* pty.c */
int pty_init(int epoll);
int pty_open(struct guest *g);
void pty_close(struct guest *g);
void pty_send(struct guest *g);
void pty_master_ready(struct guest *g, uint32_t events);
void pty_inotify_ready(void);
int pty_inotify_fd(void);
struct guest *guests_by_watch(int watch);

/* log.c */
void log_open(struct guest *g);
void log_close(struct guest *g);
void log_output(struct guest *g, const char *p, size_t len);
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ms(void);

#endif
