/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text screen, and what domain 0 is told of it or of the framebuffer that the loader left.
 * UNIT-SOURCES: hypervisor/drivers/vga.c hypervisor/pv/dom0/screen.c hypervisor/arch/x86/boot/bootinfo.c
 * UNIT-FLAGS: -include tests/unit/include/fake_ports.h
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/x86/boot/bootinfo.h"
#include "drivers/vga.h"
#include "hv/frame.h"
#include "pv/dom0/dom0.h"
#include <xen/xen.h>

#define SCREEN_PA 0xb8000
#define LFB       0x1c0000000ULL

uint8_t *direct_map;
static uint8_t miscellaneous, selected;
static uint16_t loaders_cursor;

size_t copy_string(char *to, const char *from, size_t size)
{
    return (size_t)snprintf(to, size, "%s", from);
}

uint8_t fake_inb(uint16_t port)
{
    switch (port) {
    case 0x3cf:
        assert_int_equal(selected, 6);
        return miscellaneous;
    case 0x3d5:
        return (uint8_t)(selected == 14 ? loaders_cursor >> 8 : selected == 15 ? loaders_cursor : 0);
    default:
        return 0xff;
    }
}

void fake_outb(uint8_t v, uint16_t port)
{
    assert_true(port == 0x3ce || port == 0x3d4);
    selected = v;
}

static struct dom0_vga_console_info told;

static int begin(void **state)
{
    (void)state;
    if (!direct_map)
        direct_map = calloc(1, SCREEN_PA + 80 * 25 * 2);
    memset(&boot_info, 0, sizeof(boot_info));
    miscellaneous = 0x0e;
    loaders_cursor = 5 * 80 + 7;
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(direct_map);
    return 0;
}

static void assert_row(unsigned int row, const char *text)
{
    const uint16_t *screen = (const uint16_t *)(direct_map + SCREEN_PA);

    for (unsigned int i = 0; i < 80; i++)
        if (screen[row * 80 + i] != (0x0700 | (i < strlen(text) ? text[i] : ' ')))
            fail_msg("row %u, column %u: %04x", row, i, screen[row * 80 + i]);
}

/* We have not written: it goes on where the loader stopped. */
static void behind_the_loader(void **state)
{
    (void)state;
    assert_int_equal(dom0_describe_screen(&told), sizeof(told));
    assert_int_equal(told.video_type, XEN_VGATYPE_TEXT_MODE_3);
    assert_int_equal(told.u.text_mode_3.rows, 25);
    assert_int_equal(told.u.text_mode_3.columns, 80);
    assert_int_equal(told.u.text_mode_3.font_height, 16);
    assert_int_equal(told.u.text_mode_3.cursor_x, 7);
    assert_int_equal(told.u.text_mode_3.cursor_y, 5);
    loaders_cursor = 0xffff;
    assert_int_equal(dom0_describe_screen(&told), sizeof(told));
    assert_int_equal(told.u.text_mode_3.cursor_x, 79);
    assert_int_equal(told.u.text_mode_3.cursor_y, 24);
}

static void graphics_are_not_written_to(void **state)
{
    (void)state;
    miscellaneous = 0x05;
    assert_false(vga_init());
    vga_write("x", 1);
    assert_int_equal(dom0_describe_screen(&told), 0);
    miscellaneous = 0xff;
    assert_false(vga_init());
}

/* Behind our last line, also when lines have gone off the top. */
static void behind_our_lines(void **state)
{
    char text[32];

    (void)state;
    assert_true(vga_init());
    for (unsigned int i = 0; i < 30; i++)
        vga_write(text, (size_t)sprintf(text, "line %u\n", i));
    vga_write("rest", 4);
    assert_row(0, "line 6");
    assert_row(23, "line 29");
    assert_row(24, "rest");
    assert_int_equal(dom0_describe_screen(&told), sizeof(told));
    assert_int_equal(told.u.text_mode_3.cursor_x, 4);
    assert_int_equal(told.u.text_mode_3.cursor_y, 24);
}

static _Alignas(8) uint8_t info[64];

static const void *at(paddr_t pa)
{
    return info + pa;
}

/* As a multiboot 2 loader says it: type 8. */
static void tell(uint64_t address, uint32_t pitch, uint32_t width, uint32_t height, uint8_t bits,
                 uint8_t type)
{
    const uint8_t colours[6] = {16, 8, 8, 8, 0, 8};
    const uint32_t total = 64, head[2] = {8, 38}, size[3] = {pitch, width, height};

    memset(info, 0, sizeof(info));
    memcpy(info, &total, 4);
    memcpy(info + 8, head, 8);
    memcpy(info + 16, &address, 8);
    memcpy(info + 24, size, 12);
    info[36] = bits;
    info[37] = type;
    memcpy(info + 40, colours, 6);
    info[52] = 8; /* the end's size */
    memset(&boot_info, 0, sizeof(boot_info));
    assert_null(boot_info_read(0x36d76289, 0, at));
}

static void a_framebuffer(void **state)
{
    (void)state;
    tell(LFB, 4096, 1024, 768, 32, 1);
    assert_int_equal(dom0_describe_screen(&told), sizeof(told));
    assert_int_equal(told.video_type, XEN_VGATYPE_VESA_LFB);
    assert_int_equal(told.u.vesa_lfb.width, 1024);
    assert_int_equal(told.u.vesa_lfb.height, 768);
    assert_int_equal(told.u.vesa_lfb.bytes_per_line, 4096);
    assert_int_equal(told.u.vesa_lfb.bits_per_pixel, 32);
    assert_int_equal(told.u.vesa_lfb.lfb_base, (uint32_t)LFB);
    assert_int_equal(told.u.vesa_lfb.ext_lfb_base, LFB >> 32);
    assert_int_equal(told.u.vesa_lfb.lfb_size, 48); /* 3 MiB */
    assert_int_equal(told.u.vesa_lfb.red_pos, 16);
    assert_int_equal(told.u.vesa_lfb.green_pos, 8);
    assert_int_equal(told.u.vesa_lfb.blue_pos, 0);
    assert_int_equal(told.u.vesa_lfb.blue_size, 8);
    assert_int_equal(told.u.vesa_lfb.rsvd_pos, 24);
    assert_int_equal(told.u.vesa_lfb.rsvd_size, 8);
    boot_info.efi_system_table = 0x1000;
    assert_int_equal(dom0_describe_screen(&told), sizeof(told));
    assert_int_equal(told.video_type, XEN_VGATYPE_EFI_LFB);
    tell(LFB, 2401, 800, 600, 24, 1);
    assert_int_equal(dom0_describe_screen(&told), sizeof(told));
    assert_int_equal(told.u.vesa_lfb.lfb_size, 22);
    assert_int_equal(told.u.vesa_lfb.rsvd_size, 0);
}

/* What the interface has no room for, or nobody could draw in, is not told; nor is text, or what has a palette. */
static void no_framebuffer(void **state)
{
    (void)state;
    miscellaneous = 0x05;
    tell(LFB, 4096, 1024, 768, 32, 0);
    assert_int_equal(dom0_describe_screen(&told), 0);
    tell(SCREEN_PA, 160, 80, 25, 16, 2);
    assert_int_equal(dom0_describe_screen(&told), 0);
    tell(LFB, 1 << 20, 1 << 18, 768, 32, 1);
    assert_int_equal(dom0_describe_screen(&told), 0);
    tell(LFB, 4095, 1024, 768, 32, 1);
    assert_int_equal(dom0_describe_screen(&told), 0);
    tell(0, 4096, 1024, 768, 32, 1);
    assert_int_equal(dom0_describe_screen(&told), 0);
    miscellaneous = 0x0e;
    tell(SCREEN_PA, 160, 80, 25, 16, 2);
    assert_int_equal(dom0_describe_screen(&told), sizeof(told));
    assert_int_equal(told.video_type, XEN_VGATYPE_TEXT_MODE_3);
}

/* Firmware knows better than what answers at the ports. */
static void an_absent_one(void **state)
{
    (void)state;
    assert_true(vga_init());
    vga_is_absent();
    vga_write("x", 1);
    assert_row(0, "");
    assert_int_equal(dom0_describe_screen(&told), 0);
    assert_false(vga_init());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(behind_the_loader, begin),
        cmocka_unit_test_setup(graphics_are_not_written_to, begin),
        cmocka_unit_test_setup(behind_our_lines, begin),
        cmocka_unit_test_setup(a_framebuffer, begin),
        cmocka_unit_test_setup(no_framebuffer, begin),
        cmocka_unit_test_setup(an_absent_one, begin),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
