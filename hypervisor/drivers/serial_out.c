/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial line's output. Two ways, and one order:
 *
 *   waiting: each byte waits for the wire. So it is at first, at the end (serial_wait_always()), and wherever interrupts do not serve.
 *   buffered: bytes go into a ring. Who prints gives the UART what it takes at that moment; the rest goes out by the interrupt that says that the
 *   transmitter is empty, which is enabled as long as there is a rest. A full ring is emptied by who prints.
 *
 * Callers hold the console lock, interrupts off; a processor that panics holds nothing (console_force_unlock()), and another may be in here at that
 * moment. So no index is trusted: what the ring seems to hold is never more than its size, and bytes may come out twice, but the loops end.
 */
#include "drivers/serial.h"
#include "arch/x86/cpu.h"
#include "drivers/serial_uart.h"
#include "hv/string.h"

#define OUT_SIZE (32 * 1024) /* a power of two; 2.8 s at 115200 baud */
#define SPIN_LIMIT                                                                                           \
    1000000 /* looks in a row at a UART that is not ready: then it is given up, not waited for */
#define MISSED_MOST 3

static struct {
    char ring[OUT_SIZE];
    uint32_t produced, consumed;
    bool buffered;
    bool given_up;      /* until it is ready again */
    unsigned int looks; /* in a row at which it was not ready */
    /* serial_watch(): what the interrupt has sent, then and now, and how often in a row it had sent nothing although it could have */
    uint32_t by_interrupt, by_interrupt_then;
    unsigned int missed;
} out;

static uint32_t waiting(void)
{
    uint32_t n = READ_ONCE(out.produced) - READ_ONCE(out.consumed);

    return n <= OUT_SIZE ? n : 0;
}

static void enable_interrupts(uint8_t ier)
{
    if (uart.ier == ier)
        return;
    uart.ier = ier;
    outb(ier, uart.port + UART_IER);
}

/* True: the UART takes `uart.at_once` bytes. */
static bool is_ready(void)
{
    if (inb(uart.port + UART_LSR) & UART_LSR_THR_EMPTY) {
        out.looks = 0;
        out.given_up = false;
        return true;
    }
    if (++out.looks >= SPIN_LIMIT) {
        out.given_up = true;
        out.consumed = out.produced;
    }
    return false;
}

static bool wait_until_ready(void)
{
    while (!is_ready())
        if (out.given_up)
            return false;
    return true;
}

/* The UART is ready. */
static void send_some(void)
{
    uint32_t n = min(waiting(), (uint32_t)uart.at_once), at = out.consumed;

    out.consumed = at + n;
    for (; n; n--, at++)
        outb((uint8_t)out.ring[at % OUT_SIZE], uart.port + UART_THR);
}

static void send_all(void)
{
    while (waiting() && wait_until_ready())
        send_some();
}

static void write_waiting(const char *text, size_t n)
{
    for (unsigned int room = 0; n; text++, n--, room--) {
        if (!room) {
            if (!wait_until_ready())
                return;
            room = uart.at_once;
        }
        outb((uint8_t)*text, uart.port + UART_THR);
    }
}

static void write_buffered(const char *text, size_t n)
{
    while (n) {
        uint32_t at = out.produced % OUT_SIZE, free = OUT_SIZE - waiting();
        size_t piece = min(n, (size_t)min(free, OUT_SIZE - at));

        if (!piece && wait_until_ready())
            send_some();
        memcpy(out.ring + at, text, piece);
        WRITE_ONCE(out.produced, out.produced + (uint32_t)piece);
        text += piece;
        n -= piece;
    }
}

void serial_write(const char *text, size_t n)
{
    if (!uart.port || (out.given_up && !is_ready()))
        return;
    if (out.buffered)
        write_buffered(text, n);
    else
        write_waiting(text, n);
}

size_t serial_room(void)
{
    return out.buffered && !out.given_up ? OUT_SIZE - waiting() : SIZE_MAX;
}

bool serial_push(void)
{
    if (!out.buffered)
        return false;
    if (waiting() && is_ready())
        send_some();
    enable_interrupts(waiting() ? UART_IER_RECEIVED | UART_IER_THR_EMPTY : UART_IER_RECEIVED);
    return waiting();
}

bool serial_serve(void)
{
    bool asked = !(inb(uart.port + UART_IIR) & UART_IIR_NONE);

    if (uart.ier & UART_IER_THR_EMPTY) {
        if (waiting() && is_ready()) {
            send_some();
            out.by_interrupt++;
        }
        if (!waiting())
            enable_interrupts(UART_IER_RECEIVED);
    }
    return asked;
}

void serial_ask_again(void)
{
    outb(0, uart.port + UART_IER);
    outb(uart.ier, uart.port + UART_IER);
}

bool serial_watch(bool *lost)
{
    *lost = false;
    if (!out.buffered || !waiting())
        return false;
    if (out.by_interrupt != out.by_interrupt_then || !is_ready()) {
        out.missed = 0;
    } else {
        send_some();
        *lost = ++out.missed == MISSED_MOST;
    }
    out.by_interrupt_then = out.by_interrupt;
    if (*lost)
        serial_wait_always();
    return out.buffered;
}

void serial_buffer(void)
{
    out.buffered = uart.port != 0;
}

void serial_wait_always(void)
{
    if (!out.buffered)
        return;
    out.buffered = false;
    enable_interrupts(UART_IER_RECEIVED);
    send_all();
}
