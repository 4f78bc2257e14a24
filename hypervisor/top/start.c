/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch/x86/boot/main.h"
#include "hv/panic.h"
void boot_continue(void)
{
    panic("to be continued\n");
}
