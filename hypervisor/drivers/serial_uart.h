/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The UART itself (National Semiconductor PC16550D data sheet, register summary table): what serial.c and serial_out.c share. */
#ifndef DRIVERS_SERIAL_UART_H
#define DRIVERS_SERIAL_UART_H

#include "hv/types.h"

enum { THR = 0, RBR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, SCR = 7 };
#define LSR_DATA_READY   0x01
#define LSR_THR_EMPTY    0x20
#define IIR_NONE         0x01
#define IIR_FIFOS        0xc0
#define LCR_8N1          0x03
#define LCR_DLAB         0x80
#define FCR_ENABLE_RESET 0x07
#define MCR_DTR_RTS_OUT2 0x0b
#define IER_RECEIVED     0x01
#define IER_THR_EMPTY    0x02
#define FIFO_SIZE        16

struct uart {
    uint16_t port;   /* 0: none */
    uint8_t irq;     /* 0: none */
    uint8_t ier;     /* the interrupt enable register */
    uint8_t at_once; /* bytes that an empty transmitter takes */
    bool wrong_setting;
};
extern struct uart uart;

#endif
