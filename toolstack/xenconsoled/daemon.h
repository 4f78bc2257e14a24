/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console daemon's parts. One thread, one epoll loop, in which a turn serves one event, so that what it frees is nobody's next one.
 *
 *   store.c ----> guests.c ----> console.c   ring and backlog
 *   (xenstored)   (who has      -> pty.c     the terminal in the store's `tty`
 *                  a console)   -> readers.c further readers, on a socket
 *   hvlog.c                                  the hypervisor's console, into a file
 */
#ifndef XENCONSOLED_DAEMON_H
#define XENCONSOLED_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include "toolstack/common/clock.h"
#include "toolstack/common/hypervisor.h"
#include "toolstack/common/log.h"
#include "toolstack/common/loop.h"
#include "toolstack/xenconsoled/console.h"

struct xs_handle;

#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* A domain's console. Number 0 is the one it is born with; further ones are devices, of which we are the backend. */
struct guest {
    struct guest *next;
    unsigned int domid, number;
    char node[64];    /* its nodes in the store */
    char backend[96]; /* those of ours, for a further console */
    bool published;
    struct console console;
    struct hv_page page;        /* the console's */
    uint64_t ring, remote_port; /* as the store has them */
    int port;                   /* ours */
    struct watcher master;      /* of the pty */
    uint64_t position;          /* of who has it open, in the output */
    int watch;                  /* inotify's, of the slave */
    char slave[64];
    unsigned int openers, complaints;
    struct logfile log;
    bool broken;     /* its ring is, and it was said */
    bool seen;       /* in the current scan */
    bool changed;    /* of number 0: something was written, it is to be looked at */
    uint64_t looked; /* when that was done last, ms; 0: never */
    uint64_t again;  /* of number 0: when it is to be looked at though nothing was written, ms; 0: never */
};

extern struct options {
    const char *log_dir, *socket;
    bool log_guest, log_hv, stamp_guest, stamp_hv, foreground;
} options;

/* options.log_dir/NAME.log */
void log_below(struct logfile *l, const char *name, bool stamped);

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
