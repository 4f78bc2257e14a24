/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Given to the compiler with -include: the ports are the test's. */
#ifndef FAKE_PORTS_H
#define FAKE_PORTS_H

#include "arch/x86/cpu.h"

uint8_t fake_inb(uint16_t port);
void fake_outb(uint8_t v, uint16_t port);
#define inb  fake_inb
#define outb fake_outb

#endif
