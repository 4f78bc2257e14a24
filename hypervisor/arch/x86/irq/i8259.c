/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two 8259s: moved away from the exceptions' vectors and masked for good. Spurious interrupts can still
 * arrive. */
#include "arch/x86/irq/irq.h"
#include "arch/x86/cpu.h"
#include "hv/log.h"

#define MASTER_COMMAND 0x20
#define MASTER_DATA    0x21
#define SLAVE_COMMAND  0xa0
#define SLAVE_DATA     0xa1
#define ICW1_INIT      0x11 /* edge, cascade, ICW4 follows */
#define ICW4_8086      0x01
#define MASTER_CASCADE 0x04 /* the slave is at input 2 */
#define SLAVE_CASCADE  2
#define MASK_ALL       0xff
#define IMCR_SELECT    0x22
#define IMCR_DATA      0x23

void i8259_init(void)
{
    outb(ICW1_INIT, MASTER_COMMAND);
    outb(VECTOR_8259, MASTER_DATA);
    outb(MASTER_CASCADE, MASTER_DATA);
    outb(ICW4_8086, MASTER_DATA);
    outb(ICW1_INIT, SLAVE_COMMAND);
    outb(VECTOR_8259 + 8, SLAVE_DATA);
    outb(SLAVE_CASCADE, SLAVE_DATA);
    outb(ICW4_8086, SLAVE_DATA);
    outb(MASK_ALL, MASTER_DATA);
    outb(MASK_ALL, SLAVE_DATA);
    /* Old boards route INTR past the APIC until told otherwise (MP 1.4, 3.6.2.1); elsewhere nothing listens
     * there. */
    outb(0x70, IMCR_SELECT);
    outb(0x01, IMCR_DATA);
}

void i8259_spurious(unsigned int vector)
{
    static bool reported;

    if (!reported)
        log_info("8259: spurious interrupt, vector %#x (further ones are not reported)\n", vector);
    reported = true;
}
