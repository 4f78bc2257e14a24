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

/* Ports of the VGA (VGA data book): an index, and what it selects behind it. */
#define GRAPHICS      0x3ce
#define MISCELLANEOUS 6 /* bit 0: graphics mode; bits 3:2: memory at 0xB8000 is 11 */
#define CRTC          0x3d4
#define CURSOR_HIGH   0x0e
#define CURSOR_LOW    0x0f

static struct {
    volatile uint16_t *screen; /* NULL: nothing is written there */
    unsigned int row, column;
    bool absent;
} vga;

static uint8_t vga_register(uint16_t port, uint8_t index)
{
    outb(index, port);
    return inb(port + 1);
}

static bool is_text(void)
{
    uint8_t misc = vga.absent ? 0xff : vga_register(GRAPHICS, MISCELLANEOUS);

    return misc != 0xff && !(misc & 1) && (misc & 0x0c) == 0x0c;
}

void vga_is_absent(void)
{
    vga.absent = true;
    vga.screen = NULL;
}

bool vga_cursor(unsigned int *column, unsigned int *row)
{
    unsigned int at;

    if (!is_text())
        return false;
    at = (unsigned int)vga_register(CRTC, CURSOR_HIGH) << 8 | vga_register(CRTC, CURSOR_LOW);
    if (vga.screen)
        at = vga.row * COLUMNS + vga.column;
    at = min(at, (unsigned int)(ROWS * COLUMNS - 1));
    *column = at % COLUMNS;
    *row = at / COLUMNS;
    return true;
}

bool vga_init(void)
{
    if (!is_text())
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
    for (size_t i = 0; vga.screen && i < n; i++) {
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
