/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What domain 0 is told of the screen, which is its own from the moment it starts (xen.h: dom0_vga_console_info). */
#include "arch/x86/boot/bootinfo.h"
#include "drivers/vga.h"
#include "hv/string.h"
#include "pv/dom0/dom0.h"
#include <xen/xen.h>

#define FONT_HEIGHT 16 /* of mode 3 */
#define LFB_UNIT    KiB(64)
#define MODE_ATTRS                                                                                           \
    0x9b /* VBE 3.0, 4.4: supported, colour, graphics, linear, and what its predecessors reserved as 1 */

/* The bits of a pixel of `bits` that no colour has: where and how many. */
static void spare_bits(const struct boot_framebuffer *f, uint8_t *at, uint8_t *size)
{
    uint64_t used = ((1ULL << f->red_size) - 1) << f->red_at | ((1ULL << f->green_size) - 1) << f->green_at |
                    ((1ULL << f->blue_size) - 1) << f->blue_at,
             spare = ((1ULL << f->bits_per_pixel) - 1) & ~used;

    *at = spare ? (uint8_t)__builtin_ctzll(spare) : 0;
    *size = (uint8_t)__builtin_popcountll(spare);
}

/* As the loader says it; is it what the interface has room for, and something that one could draw in? */
static bool can_tell(const struct boot_framebuffer *f)
{
    return f->address && f->is_rgb && f->width && f->height && f->width <= UINT16_MAX &&
           f->height <= UINT16_MAX && f->bytes_per_line <= UINT16_MAX && f->bits_per_pixel >= 15 &&
           f->bits_per_pixel <= 32 && f->bytes_per_line >= f->width * ((f->bits_per_pixel + 7U) / 8) &&
           f->red_size <= 16 && f->green_size <= 16 && f->blue_size <= 16 && f->red_at < 32 &&
           f->green_at < 32 && f->blue_at < 32;
}

static void tell_framebuffer(struct dom0_vga_console_info *to, const struct boot_framebuffer *f, bool efi)
{
    to->video_type = efi ? XEN_VGATYPE_EFI_LFB : XEN_VGATYPE_VESA_LFB;
    to->u.vesa_lfb.width = (uint16_t)f->width;
    to->u.vesa_lfb.height = (uint16_t)f->height;
    to->u.vesa_lfb.bytes_per_line = (uint16_t)f->bytes_per_line;
    to->u.vesa_lfb.bits_per_pixel = f->bits_per_pixel;
    to->u.vesa_lfb.lfb_base = (uint32_t)f->address;
    to->u.vesa_lfb.ext_lfb_base = (uint32_t)(f->address >> 32);
    to->u.vesa_lfb.lfb_size =
        (uint32_t)(ROUND_UP((uint64_t)f->bytes_per_line * f->height, LFB_UNIT) / LFB_UNIT);
    to->u.vesa_lfb.red_pos = f->red_at;
    to->u.vesa_lfb.red_size = f->red_size;
    to->u.vesa_lfb.green_pos = f->green_at;
    to->u.vesa_lfb.green_size = f->green_size;
    to->u.vesa_lfb.blue_pos = f->blue_at;
    to->u.vesa_lfb.blue_size = f->blue_size;
    spare_bits(f, &to->u.vesa_lfb.rsvd_pos, &to->u.vesa_lfb.rsvd_size);
    to->u.vesa_lfb.mode_attrs = MODE_ATTRS;
}

size_t dom0_describe_screen(struct dom0_vga_console_info *to)
{
    unsigned int column, row;

    memset(to, 0, sizeof(*to));
    if (can_tell(&boot_info.framebuffer)) {
        tell_framebuffer(to, &boot_info.framebuffer, boot_info.efi_system_table != 0);
        return sizeof(*to);
    }
    if (!vga_cursor(&column, &row))
        return 0;
    to->video_type = XEN_VGATYPE_TEXT_MODE_3;
    to->u.text_mode_3.font_height = FONT_HEIGHT;
    to->u.text_mode_3.rows = 25;
    to->u.text_mode_3.columns = 80;
    to->u.text_mode_3.cursor_x = (uint16_t)column;
    to->u.text_mode_3.cursor_y = (uint16_t)row;
    return sizeof(*to);
}
