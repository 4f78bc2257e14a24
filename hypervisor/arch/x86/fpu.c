/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XSAVE areas (SDM 1, 13.4), or FXSAVE where there is no XSAVE. The area's contents come from guests: a
 * restore that faults loads the initial state.
 */
#include "arch/x86/fpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/extable.h"
#include "hv/alloc.h"

#define FXSAVE_SIZE 512
#define FCW_INIT    0x37f
#define MXCSR_INIT  0x1f80

void *fpu_alloc(void)
{
    uint16_t *area = hv_zalloc(cpu_features.xsave ? cpu_features.xsave_size : FXSAVE_SIZE);

    if (area) {
        area[0] = FCW_INIT;
        *(uint32_t *)(area + 12) = MXCSR_INIT;
        if (cpu_features.xsave) /* XSTATE_BV */
            *((uint64_t *)area + FXSAVE_SIZE / 8) = XCR0_X87 | XCR0_SSE;
    }
    return area;
}

void fpu_save(void *area)
{
    __asm__ volatile("clts");
    /* The same instruction but for three bits. */
    __asm__ volatile("1:" PATCH_CODE(PATCH_XSAVE, 4, "fxsave64 (%0)", "xsave64 (%0)")
                         PATCH_AGAIN(PATCH_XSAVEOPT, 4, "xsaveopt64 (%0)")::"D"(area),
                     "a"(~0U), "d"(~0U)
                     : "memory");
}

static const struct {
    uint16_t fcw, pad[11];
    uint32_t mxcsr;
    uint8_t rest[4096 - 28];
} initial __aligned(64) = {.fcw = FCW_INIT, .mxcsr = MXCSR_INIT};

/*
 * Some AMD processors save and restore the pointers to the last x87 instruction and its operand only with an exception pending (APM 2, 11.4.4;
 * CPUID 0x80000008 EBX bit 2 where they always do): the last vcpu's would stay to be read. A load from here makes them point to here.
 */
static void forget_x87_pointers(void)
{
    static const uint32_t something;

    __asm__ volatile("fnclex; ffree %%st(7); fildl %0" : : "m"(something));
}

void fpu_restore(const void *area)
{
    bool bad = false;

    __asm__ volatile("clts");
    if (unlikely(cpu_features.x87_pointers_stay))
        forget_x87_pointers();
    __asm__ volatile("1: " PATCH_CODE(PATCH_XSAVE, 4, "fxrstor64 (%1)",
                                      "xrstor64 (%1)") "jmp 3f\n2: movb $1, %0\n3:\n" EXTABLE(1b, 2b)
                     : "+q"(bad)
                     : "S"(area), "a"(~0U), "d"(~0U)
                     : "memory");
    if (likely(!bad))
        return;
    /* Every component, or the upper halves of the last vcpu's vectors would be this one's. */
    __asm__ volatile(PATCH_CODE(PATCH_XSAVE, 4, "fxrstor64 (%0)", "xrstor64 (%0)")::"S"(&initial), "a"(~0U),
                     "d"(~0U));
}
