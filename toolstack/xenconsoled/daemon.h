/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console daemon's parts. One thread, one epoll loop, in which a turn serves one event, so that what it frees is nobody's next one.
 *
 *   store.c ----> guests.c ----> console.c   ring and backlog
 *   (xenstored)   (who has      -> pty.c     the terminal in the store's `tty`
 *                  a console)   -> readers.c further readers, on a socket
 *   hypervisor.c, hvlog.c       -> log.c     files
 */
#ifndef XENCONSOLED_DAEMON_H
#define XENCONSOLED_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "toolstack/xenconsoled/console.h"

struct xs_handle;

/* loop.c: descriptors, and what to do when one is ready. Functions return 0 or a negative errno. */
struct watcher {
    int fd; /* -1: none */
    uint32_t events;
    void (*ready)(struct watcher *w, uint32_t events);
};
int loop_init(void);
int loop_watch(struct watcher *w,
               uint32_t events); /* adds it, or changes what it waits for; 0 events: removes it */
int loop_turn(int timeout_ms);
#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* log.c: a file with time stamps at the starts of lines and one old generation. */
struct logfile {
    FILE *file;
    char path[512];
    bool stamped, line_start;
    unsigned int complaints; /* a guest's output is what causes them */
};
void log_open(struct logfile *l, const char *name, bool stamped); /* below options.log_dir */
void log_close(struct logfile *l);
void log_reopen(struct logfile *l); /* it may have been moved away */
void log_output(struct logfile *l, const char *p, size_t len);
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ms(void);

/* A domain's console. Number 0 is the one it is born with; further ones are devices, of which we are the backend. */
struct guest {
    struct guest *next;
    unsigned int domid, number;
    char node[64];    /* its nodes in the store */
    char backend[96]; /* those of ours, for a further console */
    bool published;
    struct console console;
    uint64_t ring, remote_port; /* as the store has them */
    int port;                   /* ours */
    bool granted;               /* the page was mapped by grant */
    struct watcher master;      /* of the pty */
    uint64_t position;          /* of who has it open, in the output */
    int watch;                  /* inotify's, of the slave */
    char slave[64];
    unsigned int openers, complaints;
    struct logfile log;
    bool seen;       /* in the current scan */
    bool changed;    /* of number 0: something was written, it is to be looked at */
    uint64_t looked; /* when that was done last, ms; 0: never */
    uint64_t again;  /* of number 0: when it is to be looked at though nothing was written, ms; 0: never */
};

extern struct options {
    const char *log_dir, *socket;
    bool log_guest, log_hv, stamp_guest, stamp_hv, foreground;
} options;

/* hypervisor.c */
int hv_open(void);
int hv_events_fd(void);
int hv_pending(void);
void hv_unmask(int port);
void hv_notify(int port);
int hv_bind(unsigned int domid, uint32_t port);
int hv_bind_con_ring(void); /* VIRQ_CON_RING */
void hv_unbind(int port);
/* @ref: a grant, or for the first console a frame number behind the well-known grant. */
void *hv_map(unsigned int domid, uint64_t ref, bool first, bool *granted);
void hv_unmap(void *page, bool granted);
/* What the hypervisor printed after @index, which moves on. Returns bytes, or a negative errno. */
int hv_read_log(char *out, unsigned int max, uint32_t *index);

/* store.c: the connection, made later when the store's daemon is not there yet, and again when it has died. */
extern struct xs_handle *xs; /* NULL: nobody is there */
int store_connect(void);
void store_retry(void); /* now and then while there is none */
void store_close(void);
bool store_lost(void); /* what just failed, after errno = 0, was not refused: nobody answered */
char *store_read(const char *dir, const char *name);               /* the caller frees it */
bool store_number(const char *dir, const char *name, uint64_t *v); /* a decimal number, and nothing else */
bool store_write(const char *dir, const char *name, const char *value);

/* guests.c */
void guests_scan(void); /* after @introduceDomain and @releaseDomain */
void guests_changed(
    unsigned int domid);           /* nodes of its consoles: guests_look() will look, nothing is asked now */
void guests_look(uint64_t now_ms); /* at those that changed, each now and then only */
void guests_event(int port);
int guests_timeout(void); /* ms until a guest that was too fast may go on, or is looked at; -1: never */
void guests_resume(void);
void guests_reopen_logs(void);
void guests_watch_again(void); /* on a new connection to the store */
void guests_close(void);
struct guest *guests_by_watch(int watch);
struct guest *guests_find(unsigned int domid, unsigned int number); /* NULL: it has no console of ours */

/* device.c: further consoles */
/* 0; -ENOTCONN: the store did not answer. */
int device_scan(unsigned int domid, void (*found)(unsigned int domid, unsigned int number));
void device_offer(struct guest *g);  /* the guest's driver waits for it */
bool device_wanted(struct guest *g); /* its driver has written what it takes */
void device_state(struct guest *g, unsigned int state);
bool device_closing(struct guest *g);

/* pty.c */
int pty_init(void);
int pty_open(struct guest *g);
void pty_close(struct guest *g);
void pty_send(struct guest *g);

/* readers.c */
int readers_listen(void);
void readers_send(struct guest *g);
void readers_end(struct guest *g);    /* after what they have still to get */
int readers_timeout(uint64_t now_ms); /* ms until readers_turn() has something to do; -1: never */
void readers_turn(uint64_t now_ms);
void readers_close(void);

/* hvlog.c */
int hvlog_open(void);
bool hvlog_event(int port); /* false: it is not its port */
void hvlog_reopen(void);

#endif
