/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two 8259s: moved away from the exceptions' vectors and masked for good. Spurious interrupts can still
 * arrive. */
#include "arch/x86/irq/irq.h"
#include "arch/x86/cpu.h"
#include "arch/x86/pc_ports.h"
#include "hv/log.h"

#define ICW1_INIT      0x11 /* edge, cascade, ICW4 follows */
#define ICW4_8086      0x01
#define MASTER_CASCADE 0x04 /* the slave is at input 2 */
#define SLAVE_CASCADE  2
#define MASK_ALL       0xff

void i8259_init(void)
{
    outb(ICW1_INIT, PORT_PIC_MASTER);
    outb(VECTOR_8259, PORT_PIC_MASTER_DATA);
    outb(MASTER_CASCADE, PORT_PIC_MASTER_DATA);
    outb(ICW4_8086, PORT_PIC_MASTER_DATA);
    outb(ICW1_INIT, PORT_PIC_SLAVE);
    outb(VECTOR_8259 + 8, PORT_PIC_SLAVE_DATA);
    outb(SLAVE_CASCADE, PORT_PIC_SLAVE_DATA);
    outb(ICW4_8086, PORT_PIC_SLAVE_DATA);
    outb(MASK_ALL, PORT_PIC_MASTER_DATA);
    outb(MASK_ALL, PORT_PIC_SLAVE_DATA);
    /* Old boards route INTR past the APIC until told otherwise (MP 1.4, 3.6.2.1); elsewhere nothing listens
     * there. */
    outb(0x70, PORT_IMCR);
    outb(0x01, PORT_IMCR_DATA);
}

void i8259_spurious(unsigned int vector)
{
    static bool reported;

    if (!reported)
        log_info("8259: spurious interrupt, vector %#x (further ones are not reported)\n", vector);
    reported = true;
}
