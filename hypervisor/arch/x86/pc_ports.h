/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports that every PC has, for C and assembly. Where nothing else is named: Intel I/O Controller Hub 9 (ICH9) data sheet, 316972-004. What a driver alone uses of its
 * device stands with the driver.
 */
#ifndef ARCH_X86_PC_PORTS_H
#define ARCH_X86_PC_PORTS_H

/* Interrupt controllers, two 8259s (13.4); the register that routes them past the APIC (MP 1.4, 3.6.2.1) */
#define PORT_PIC_MASTER      0x20
#define PORT_PIC_MASTER_DATA 0x21
#define PORT_PIC_SLAVE       0xa0
#define PORT_PIC_SLAVE_DATA  0xa1
#define PORT_IMCR            0x22
#define PORT_IMCR_DATA       0x23

/* Timer, an 8254 (13.3; control words: Intel 8254 data sheet) */
#define PIT_HZ           1193182
#define PORT_PIT_COUNTER 0x40 /* of counter 0; 1 and 2 behind it */
#define PORT_PIT_CONTROL 0x43

/* NMI status and control (13.7.1), which has the gate of the timer's counter 2 and the speaker, too */
#define PORT_NMI_SC        0x61
#define NMI_SC_TIM_CNT2_EN 0x01
#define NMI_SC_SPKR_DAT_EN 0x02
#define NMI_SC_PCI_SERR_EN 0x04 /* set: off, and its status cleared */
#define NMI_SC_IOCHK_EN    0x08 /* likewise */
#define NMI_SC_IOCHK_STS   0x40
#define NMI_SC_SERR_STS    0x80

/* Keyboard controller (IBM PS/2 Technical Reference): reading is its status, writing a command */
#define PORT_KEYBOARD  0x64
#define KEYBOARD_BUSY  0x02
#define KEYBOARD_RESET 0xfe

/* Clock and CMOS memory, an MC146818 (13.6) */
#define PORT_RTC_INDEX 0x70 /* bit 7 is the NMI's */
#define PORT_RTC_DATA  0x71

/* PCI configuration (PCI 3.0, 3.2.2.3.2) */
#define PORT_PCI_ADDRESS   0xcf8
#define PORT_PCI_DATA      0xcfc
#define PCI_ADDRESS_ENABLE 0x80000000

/* Reset control (13.7.5) */
#define PORT_RST_CNT     0xcf9
#define RST_CNT_SYS_RST  0x02
#define RST_CNT_RST_CPU  0x04
#define RST_CNT_FULL_RST 0x08

/* Serial lines: where firmware puts them, and registers from there on (National Semiconductor PC16550D data sheet, table II) */
#define PORT_COM1 0x3f8
#define PORT_COM2 0x2f8
#define UART_RBR  0
#define UART_THR  0
#define UART_DLL  0
#define UART_IER  1
#define UART_DLM  1
#define UART_IIR  2
#define UART_FCR  2
#define UART_LCR  3
#define UART_MCR  4
#define UART_LSR  5
#define UART_SCR  7

#define UART_IER_RECEIVED     0x01
#define UART_IER_THR_EMPTY    0x02
#define UART_IIR_NONE         0x01
#define UART_IIR_FIFOS        0xc0
#define UART_FCR_ENABLE_RESET 0x07
#define UART_LCR_8N1          0x03
#define UART_LCR_DLAB         0x80
#define UART_MCR_DTR_RTS_OUT2 0x0b
#define UART_LSR_DATA_READY   0x01
#define UART_LSR_THR_EMPTY    0x20

#endif
