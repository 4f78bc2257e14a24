/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a number is written that C and assembly share: the assembler knows no suffixes, and reckons in 64 bits without them. */
#ifndef HV_CONST_H
#define HV_CONST_H

#ifdef __ASSEMBLER__
#define UL(x)  x
#define BIT(n) (1 << (n))
#else
#define UL(x)  x##UL
#define BIT(n) (1ULL << (n))
#endif

#endif
