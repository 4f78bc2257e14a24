/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bounds of the parts of our own image (xenios.lds). */
#ifndef ARCH_X86_IMAGE_H
#define ARCH_X86_IMAGE_H

extern char image_start[], text_end[], init_start[], init_text_end[], rodata_start[], rodata_end[],
    data_start[], image_end[];
extern char percpu_start[], percpu_end[];
extern char boot_stack[];

#endif
