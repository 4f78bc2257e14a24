/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 16550 (PC16550D data sheet, 8.3 to 8.6) for one test program: it takes 16 bytes when it is empty, one goes out in so many accesses to its ports,
 * and its interrupt line is an edge that somebody must take. A byte that is written although there is no room is a failure.
 */
#ifndef FAKE_UART_H
#define FAKE_UART_H

#include <string.h>

#define FAKE_PORT 0x3f8

static struct {
    char wire[1 << 20];
    size_t sent;
    char fifo[16];
    unsigned int held, clock, byte_time; /* byte_time: accesses; 0: QEMU's, which is always ready */
    const char *typed;
    uint8_t ier, lcr, scratch, fcr;
    bool empty_pending, level, edge;
    bool no_fifo, never_ready, gone, loses_interrupts;
    unsigned int accesses;
    void (*handler)(void *);
} fake;

static void fake_line(void)
{
    bool level = ((fake.ier & 1) && fake.typed && *fake.typed) || ((fake.ier & 2) && fake.empty_pending);

    if (level && !fake.level)
        fake.edge = true;
    fake.level = level;
}

static void fake_send(void)
{
    assert_true(fake.sent < sizeof(fake.wire) - 1);
    fake.wire[fake.sent++] = fake.fifo[0];
    memmove(fake.fifo, fake.fifo + 1, --fake.held);
    if (!fake.held)
        fake.empty_pending = true;
}

static void fake_tick(void)
{
    fake.accesses++;
    if (fake.held && !fake.never_ready && ++fake.clock >= fake.byte_time) {
        fake.clock = 0;
        fake_send();
    }
    fake_line();
}

uint8_t fake_inb(uint16_t port)
{
    uint8_t v = 0;

    fake_tick();
    if (fake.gone)
        return 0xff;
    switch (port - FAKE_PORT) {
    case 0:
        v = fake.typed && *fake.typed ? (uint8_t)*fake.typed++ : 0;
        break;
    case 2:
        v = fake.no_fifo || !(fake.fcr & 1) ? 0 : 0xc0;
        if ((fake.ier & 1) && fake.typed && *fake.typed) {
            v |= 4;
        } else if ((fake.ier & 2) && fake.empty_pending) {
            v |= 2;
            fake.empty_pending = false;
        } else {
            v |= 1;
        }
        break;
    case 5:
        v = (uint8_t)((fake.typed && *fake.typed) | (!fake.held && !fake.never_ready) << 5);
        break;
    case 7:
        v = fake.scratch;
        break;
    default:
        break;
    }
    fake_line();
    return v;
}

void fake_outb(uint8_t v, uint16_t port)
{
    uint8_t before = fake.ier;

    fake_tick();
    if (fake.gone)
        return;
    switch (port - FAKE_PORT) {
    case 0:
        if (fake.lcr & 0x80)
            break;
        assert_true(fake.held < (fake.no_fifo ? 1u : 16u));
        fake.fifo[fake.held++] = (char)v;
        fake.empty_pending = false;
        while (!fake.byte_time && fake.held && !fake.never_ready)
            fake_send();
        break;
    case 1:
        if (fake.lcr & 0x80)
            break;
        fake.ier = v;
        if (!(before & 2) && (v & 2) && !fake.held)
            fake.empty_pending = true;
        break;
    case 2:
        fake.fcr = v;
        break;
    case 3:
        fake.lcr = v;
        break;
    case 7:
        fake.scratch = v;
        break;
    default:
        break;
    }
    fake_line();
}

/* Time passes, interrupts are taken. */
static void fake_run(unsigned int ticks)
{
    while (ticks--) {
        fake_tick();
        if (fake.edge && fake.handler && !fake.loses_interrupts) {
            fake.edge = false;
            fake.handler(NULL);
        }
    }
}

#endif
