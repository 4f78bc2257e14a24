/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What serial.c and serial_out.c share. The registers: arch/x86/pc_ports.h. */
#ifndef DRIVERS_SERIAL_UART_H
#define DRIVERS_SERIAL_UART_H

#include "arch/x86/pc_ports.h"
#include "hv/types.h"

#define FIFO_SIZE 16

struct uart {
    uint16_t port;   /* 0: none */
    uint8_t irq;     /* 0: none */
    uint8_t ier;     /* the interrupt enable register */
    uint8_t at_once; /* bytes that an empty transmitter takes */
    bool wrong_setting;
};
extern struct uart uart;

#endif
