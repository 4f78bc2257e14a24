/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boot option cpuid=: features of the processor that nobody shall use, the hypervisor and its guests. */
#ifndef ARCH_X86_CPUID_OPTION_H
#define ARCH_X86_CPUID_OPTION_H

#include "hv/types.h"

/*
 * A list of "no-NAME", the names of xen/arch-x86/cpufeatureset.h in small letters with '-' for '_'. NULL:
 * nothing. What is not understood, and features asked for rather than taken, are reported on the console.
 * Boot processor, before anything reads the below.
 */
void cpuid_option_parse(const char *list);
/* Features taken, as a feature word. */
uint32_t cpuid_option_taken(unsigned int word);
/* `feature`: XEN_X86_FEATURE_*. */
bool cpuid_option_takes(unsigned int feature);

#endif
