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
/* Polled output; any context. */
void serial_write(const char *text, size_t n);
/* Next received byte, or -1. */
int serial_read(void);
/* From now on received bytes raise the UART's interrupt; `received` is called from it. */
void serial_start_interrupts(void (*received)(void *));
/* True if the port belongs to a UART of ours: domain 0 must not touch it. */
bool serial_owns_port(uint16_t port);

#endif
