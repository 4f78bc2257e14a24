/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 16550 UART (National Semiconductor PC16550D data sheet, register summary table): found and set up, its input, its interrupt. Output: serial_out.c.
 */
#include "drivers/serial.h"
#include "arch/x86/cpu.h"
#include "drivers/serial_uart.h"
#include "hv/errno.h"
#include "hv/irq.h"
#include "hv/string.h"

#define UART_CLOCK 115200

struct uart uart;

static bool uart_exists(uint16_t port)
{
    outb(0x5a, port + UART_SCR);
    if (inb(port + UART_SCR) != 0x5a)
        return false;
    outb(0xa5, port + UART_SCR);
    return inb(port + UART_SCR) == 0xa5;
}

/* The line control register (data sheet, 8.1): bits 1:0 data bits less 5, bit 2 two stop bits, bits 5:3 parity. */
int serial_format(const char *text, uint8_t *lcr)
{
    static const char parities[] = {'n', 'o', 0, 'e', 0, 'm', 0, 's'};
    size_t n = strchr(text, ',') ? (size_t)(strchr(text, ',') - text) : strlen(text);

    if (n != 3 || text[0] < '5' || text[0] > '8' || (text[2] != '1' && text[2] != '2'))
        return -EINVAL;
    for (unsigned int parity = 0; parity < sizeof(parities); parity++)
        if (parities[parity] && parities[parity] == text[1]) {
            *lcr = (uint8_t)((text[0] - '5') | (text[2] == '2') << 2 | parity << 3);
            return 0;
        }
    return -EINVAL;
}

bool serial_setting_is_wrong(void)
{
    return uart.wrong_setting;
}

void serial_init(unsigned int number, const char *setting)
{
    uint16_t port = number == 2 ? PORT_COM2 : PORT_COM1;
    uint8_t irq = number == 2 ? 3 : 4;
    char *at;
    unsigned long baud = strtoul(setting, &at, 10), clock = UART_CLOCK;
    unsigned int divisor = 0;
    uint8_t format = UART_LCR_8N1;

    if (*at == '/') /* the rate at which a divisor of 1 runs */
        clock = strtoul(at + 1, &at, 10);
    at = strchr(at, ',');
    if (at && at[1] && at[1] != ',' && serial_format(at + 1, &format))
        uart.wrong_setting = true;
    if (at)
        at = strchr(at + 1, ',');
    if (at && *at == ',') {
        port = (uint16_t)strtoul(at + 1, &at, 0);
        if (*at == ',')
            irq = (uint8_t)strtoul(at + 1, &at, 0);
    }
    if (!uart_exists(port))
        return;
    if (baud >= 50 && baud <= clock && clock / baud <= 0xffff)
        divisor = (unsigned int)(clock / baud);
    outb(0, port + UART_IER);
    if (divisor) {
        outb(format | UART_LCR_DLAB, port + UART_LCR);
        outb((uint8_t)divisor, port + UART_DLL);
        outb((uint8_t)(divisor >> 8), port + UART_DLM);
    }
    outb(format, port + UART_LCR);
    outb(UART_FCR_ENABLE_RESET, port + UART_FCR);
    outb(UART_MCR_DTR_RTS_OUT2, port + UART_MCR);
    /* A 16450 has no FIFOs and says so. */
    uart.at_once = (inb(port + UART_IIR) & UART_IIR_FIFOS) == UART_IIR_FIFOS ? FIFO_SIZE : 1;
    uart.port = port;
    uart.irq = irq;
}

int serial_read(void)
{
    if (!uart.port || !(inb(uart.port + UART_LSR) & UART_LSR_DATA_READY))
        return -1;
    return inb(uart.port + UART_RBR);
}

bool serial_start_interrupts(void (*handler)(void *))
{
    if (!uart.port || !uart.irq || irq_request(uart.irq, handler, NULL))
        return false;
    uart.ier = UART_IER_RECEIVED;
    outb(uart.ier, uart.port + UART_IER);
    return true;
}

unsigned int serial_irq(void)
{
    return uart.irq;
}

bool serial_exists(void)
{
    return uart.port != 0;
}

bool serial_owns_port(uint16_t port)
{
    return uart.port && port >= uart.port && port < uart.port + 8;
}
