/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Included before everything else in the hypervisor's own build: all that is declared is in the image, so
 * addresses are taken RIP-relative, not through a GOT. */
#pragma GCC visibility push(hidden)
