/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 16550 UARTs com1 and com2: `com1=<baud>[/<base>][,<8n1>[,<port>[,<irq>]]]`. */
#ifndef DRIVERS_SERIAL_H
#define DRIVERS_SERIAL_H

#include "hv/types.h"

/* Sets one up as the options say, if it is there and named in console=. 8 data bits, no parity, 1 stop bit unless said otherwise. */
void serial_init(unsigned int number, const char *setting);
/* Data bits 5-8, parity n o e m s, stop bits 1 2, up to a comma or the end, as the line control register has it. -EINVAL. Pure. */
int serial_format(const char *text, uint8_t *lcr) __must_check;
/* The format given was not understood: 8n1 was taken. */
bool serial_setting_is_wrong(void);
/*
 * Output. The console lock is held, interrupts are off. Until serial_buffer() and after serial_wait_always(), each byte waits for the line; in between,
 * bytes wait in a ring, and only a full ring makes the caller wait. A UART that is not ready for a million looks is given up until it is.
 */
void serial_write(const char *text, size_t n);
/* So many bytes can be written without waiting; SIZE_MAX where it always waits, or nobody takes them. */
size_t serial_room(void);
/* Gives the UART what it takes now. True: there is a rest, which the interrupt is to send. */
bool serial_push(void);
/* The interrupt has come: sends, if that is what it came for. False: the UART has nothing more to ask for. */
bool serial_serve(void);
/* Makes the UART interrupt once more for what it still asks for, also where the interrupt is edge-triggered. */
void serial_ask_again(void);
/*
 * To be called now and then while output waits: sends some if the interrupt has not, though it should have. True: call again. *lost: that was so for
 * the third time in a row; the interrupt is not relied upon any more, and output waits for the line from now on.
 */
bool serial_watch(bool *lost);
void serial_buffer(void);
/* What is in the ring is sent, in order, before this returns, and so is what is written from now on. */
void serial_wait_always(void);

/* Next received byte, or -1. */
int serial_read(void);
bool serial_exists(void);
/* The interrupt's number as the options say; 0: none, the line is polled. */
unsigned int serial_irq(void);
/* From now on received bytes raise the UART's interrupt; `handler` is called from it. False: there is none to be had. */
bool serial_start_interrupts(void (*handler)(void *)) __must_check;
/* True if the port belongs to a UART of ours: domain 0 must not touch it. */
bool serial_owns_port(uint16_t port);

#endif
