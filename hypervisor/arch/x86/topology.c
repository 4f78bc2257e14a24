/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads, cores and sockets: leaf 0xb where it is there, else leaves 1 and 4 (Intel) or 0x80000008 (AMD). */
#include "arch/x86/topology.h"
#include "arch/x86/cpu.h"

#define LEVEL_TYPE(c) ((c) >> 8 & 0xff)
#define LEVEL_THREAD  1
#define LEVEL_CORE    2
#define BIT_HTT       (1u << 28)

static unsigned int bits_for(unsigned int count)
{
    return count > 1 ? 32 - (unsigned int)__builtin_clz(count - 1) : 0;
}

/* The shift at a level is to what is above it; the count is of all logical processors up to it. */
static bool by_leaf_b(struct cpu_topology *t, struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf))
{
    struct cpuid_regs thread = read(0xb, 0), core = read(0xb, 1);
    unsigned int shift;

    if (LEVEL_TYPE(thread.c) != LEVEL_THREAD || !(thread.b & 0xffff))
        return false;
    t->thread_bits = thread.a & 0x1f;
    t->threads_per_core = thread.b & 0xffff;
    if (LEVEL_TYPE(core.c) != LEVEL_CORE)
        return true;
    shift = core.a & 0x1f;
    t->core_bits = shift > t->thread_bits ? shift - t->thread_bits : 0;
    t->cores_per_socket = max((core.b & 0xffff) / t->threads_per_core, 1u);
    return true;
}

void topology_read(struct cpu_topology *t, struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf))
{
    uint32_t basic = read(0, 0).a, extended = read(0x80000000, 0).a, in_socket;

    *t = (struct cpu_topology){.threads_per_core = 1, .cores_per_socket = 1};
    if (basic >= 0xb && by_leaf_b(t, read))
        return;
    if (!(read(1, 0).d & BIT_HTT))
        return;
    in_socket = read(1, 0).b >> 16 & 0xff;
    if (extended >= 0x80000008 && extended >> 16 == 0x8000 && (read(0x80000008, 0).c & 0xff)) {
        t->cores_per_socket = (read(0x80000008, 0).c & 0xff) + 1;
        t->core_bits = read(0x80000008, 0).c >> 12 & 0xf;
        if (!t->core_bits)
            t->core_bits = bits_for(t->cores_per_socket);
        return;
    }
    if (basic >= 4)
        t->cores_per_socket = (read(4, 0).a >> 26) + 1;
    t->threads_per_core = max(in_socket / t->cores_per_socket, 1u);
    t->thread_bits = bits_for(t->threads_per_core);
    t->core_bits = bits_for(t->cores_per_socket);
}

const struct cpu_topology *topology(void)
{
    static struct cpu_topology machine;

    if (!machine.threads_per_core)
        topology_read(&machine, cpuid_count);
    return &machine;
}
