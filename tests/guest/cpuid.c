/* SPDX-License-Identifier: MIT */
/*
 * What CPUID by the forced-emulation prefix tells a kernel: as Debian's Xen 4.17 does.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M
 */
#include <kit/arch/cpu.h>
#include <kit/string.h>
#include <kit/test.h>

KIT_TEST(cpuid_hypervisor_leaves)
{
    struct kit_cpuid r = kit_cpuid(0x40000000, 0);

    CHECK_EQ(r.a, 0x40000005);
    CHECK(!memcmp(&r.b, "XenVMMXenVMM", 12));
    r = kit_cpuid(0x40000001, 0);
    CHECK_EQ(r.a, 4 << 16 | 17);
    r = kit_cpuid(0x40000002, 0);
    CHECK_EQ(r.a, 1);
    CHECK_EQ(r.b, 0x40000000);
    CHECK_EQ(r.c & 1, 1);
    r = kit_cpuid(0x40000003, 2);
    CHECK(r.a > 100000);
    r = kit_cpuid(0x40000005, 0);
    CHECK_EQ(r.b, 29); /* 512 MiB */
    r = kit_cpuid(0x40000006, 0);
    CHECK_EQ(r.a | r.b | r.c | r.d, 0);
}

KIT_TEST(cpuid_features)
{
    struct kit_cpuid r = kit_cpuid(1, 0), native = kit_cpuid_native(1, 0);

    CHECK_EQ(r.a, native.a);
    CHECK(r.c >> 31);                        /* a hypervisor is there */
    CHECK_EQ(r.d & (1u << 3 | 1u << 13), 0); /* no PSE, no PGE */
    CHECK_EQ(r.c & (1u << 21), 0);           /* no x2APIC */
    CHECK_EQ(r.d & ~native.d, 0);
    r = kit_cpuid(0x80000001, 0);
    CHECK_EQ(r.c & 4, 0); /* no SVM */
    CHECK(r.d >> 29 & 1);
    r = kit_cpuid(0x8000000a, 0);
    CHECK_EQ(r.a | r.b | r.c | r.d, 0);
    r = kit_cpuid(0xb, 1);
    CHECK_EQ(r.a | r.b | r.c | r.d, 0);
}
