/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VGA text mode: writes to the screen memory, scrolls by copying. The caller holds the console lock. */
#include "drivers/vga.h"
#include "arch/x86/cpu.h"
#include "hv/frame.h"
#include "hv/string.h"

#define COLUMNS   80
#define ROWS      25
#define ATTRIBUTE 0x07
#define SCREEN_PA 0xb8000

static struct {
    volatile uint16_t *screen;
    unsigned int row, column;
} vga;

bool vga_init(void)
{
    /* Graphics controller register 6, bit 0: graphics mode; bits 3:2: memory at 0xB8000 is 11 (VGA data book, "Miscellaneous"). */
    outb(6, 0x3ce);
    uint8_t misc = inb(0x3cf);

    if (misc == 0xff || (misc & 1) || (misc & 0x0c) != 0x0c)
        return false;
    vga.screen = (volatile uint16_t *)(direct_map + SCREEN_PA);
    for (unsigned int i = 0; i < COLUMNS * ROWS; i++)
        vga.screen[i] = ATTRIBUTE << 8 | ' ';
    return true;
}

static void next_row(void)
{
    vga.column = 0;
    if (++vga.row < ROWS)
        return;
    vga.row = ROWS - 1;
    for (unsigned int i = 0; i < COLUMNS * (ROWS - 1); i++)
        vga.screen[i] = vga.screen[i + COLUMNS];
    for (unsigned int i = 0; i < COLUMNS; i++)
        vga.screen[COLUMNS * (ROWS - 1) + i] = ATTRIBUTE << 8 | ' ';
}

void vga_write(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n') {
            next_row();
        } else if (text[i] == '\r') {
            vga.column = 0;
        } else {
            vga.screen[vga.row * COLUMNS + vga.column] = (uint16_t)(ATTRIBUTE << 8 | (uint8_t)text[i]);
            if (++vga.column == COLUMNS)
                next_row();
        }
    }
}
