/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables in a made-up physical memory: found, read, and refused when damaged; then mutated at random (ASan watches the bounds).
 * UNIT-SOURCES: hypervisor/drivers/acpi/tables.c hypervisor/drivers/acpi/madt.c hypervisor/drivers/acpi/fadt.c
 * UNIT-SOURCES: hypervisor/drivers/acpi/mcfg.c hypervisor/drivers/acpi/srat.c hypervisor/drivers/acpi/aml_s5.c hypervisor/drivers/acpi/sleep_check.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "drivers/acpi/acpi.h"
#include "arch/x86/map.h"
#include "hv/log.h"
#include "hv/string.h"
#include <errno.h>

#define MEMORY   0x100000
#define EXPOSED  0xe0000 /* tables are put here and above */
#define MAPPINGS 4096

static uint8_t *memory;
static uint8_t *mappings[MAPPINGS];
static unsigned int mapping_count;

void log_printf(enum log_level level, const char *fmt, ...)
{
}

/* Each mapping is an allocation of its own size, so that a read past it is seen. */
const void *bios_map(paddr_t pa, size_t len)
{
    if (pa >= MEMORY || len > MEMORY - pa || mapping_count == MAPPINGS)
        return NULL;
    mappings[mapping_count] = malloc(len ? len : 1);
    memcpy(mappings[mapping_count], memory + pa, len);
    return mappings[mapping_count++];
}

static void drop_mappings(void)
{
    while (mapping_count)
        free(mappings[--mapping_count]);
}

static void put32(uint32_t at, uint32_t v)
{
    memcpy(memory + at, &v, 4);
}

static void put64(uint32_t at, uint64_t v)
{
    memcpy(memory + at, &v, 8);
}

static void seal(uint32_t at, uint32_t length, uint32_t checksum_at)
{
    memory[at + checksum_at] = 0;
    memory[at + checksum_at] = (uint8_t)-acpi_checksum(memory + at, length);
}

static void table(uint32_t at, const char *signature, uint32_t length, uint8_t revision)
{
    memcpy(memory + at, signature, 4);
    put32(at + 4, length);
    memory[at + 8] = revision;
}

enum {
    RSDP = 0xf5a00,
    RSDT = 0xe1000,
    MADT = 0xe2000,
    FADT = 0xe3000,
    HPET = 0xe4000,
    MCFG = 0xe5000,
    SRAT = 0xe6000,
    DSDT = 0xe7000,
    XSDT = 0xe8000,
    SLIT = 0xe9000
};

static const uint8_t dsdt_s5[] = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 0x05, 0x00, 0x00, 0x00};

static uint32_t madt_length, srat_length;

static void make_madt(void)
{
    static const uint8_t entries[] = {
        0,    8,    0,    0,  1, 0, 0,    0,                                /* processor, APIC id 0 */
        0,    8,    1,    4,  1, 0, 0,    0,                                /* APIC id 4 */
        0,    8,    2,    6,  0, 0, 0,    0,                                /* disabled */
        9,    16,   0,    0,  4, 0, 0,    0,    1,    0, 0, 0, 1, 0,  0, 0, /* id 4 again, as x2APIC */
        9,    16,   0,    0,  0, 1, 0,    0,    1,    0, 0, 0, 9, 0,  0, 0, /* id 256 */
        1,    12,   3,    0,  0, 0, 0xc0, 0xfe, 0,    0, 0, 0, 1, 12, 4, 0, 0,
        0x10, 0xc0, 0xfe, 24, 0, 0, 0,    2,    10,   0, 0, 2, 0, 0,  0, 0, 0, /* timer on GSI 2 */
        2,    10,   0,    9,  9, 0, 0,    0,    0x0d, 0,                       /* SCI: level, high */
        4,    6,    0xff, 0,  0, 1, 0x7f, 4,    1,    2,                       /* a kind of the future */
        5,    12,   0,    0,  0, 0, 0xe0, 0xfe, 1,    0, 0, 0,
    };

    madt_length = 44 + sizeof(entries);
    table(MADT, "APIC", madt_length, 4);
    put32(MADT + 36, 0xfee00000);
    put32(MADT + 40, 1);
    memcpy(memory + MADT + 44, entries, sizeof(entries));
    seal(MADT, madt_length, 9);
}

static void make_fadt(void)
{
    table(FADT, "FACP", 244, 4);
    put32(FADT + 40, DSDT);
    memory[FADT + 46] = 9;
    put32(FADT + 56, 0x600);
    put32(FADT + 64, 0x604);
    put32(FADT + 76, 0x608);
    memory[FADT + 88] = 4;
    memory[FADT + 89] = 2;
    memory[FADT + 91] = 4;
    memory[FADT + 108] = 0x32;
    put32(FADT + 112, 1 << 8 | 1 << 10);
    memory[FADT + 116] = ACPI_SPACE_IO;
    memory[FADT + 117] = 8;
    put64(FADT + 120, 0xcf9);
    memory[FADT + 128] = 6;
    put64(FADT + 140, DSDT);
    memory[FADT + 208] = ACPI_SPACE_IO;
    put64(FADT + 212, 0xb008);
    seal(FADT, 244, 9);
}

static void make_srat(void)
{
    uint8_t entries[16 + 40] = {0};

    entries[1] = 16;
    entries[2] = 3; /* node 3 */
    entries[3] = 4; /* APIC id */
    entries[4] = 1;
    entries[16] = 1;
    entries[17] = 40;
    entries[18] = 3;
    entries[16 + 11] = 1; /* base 0x1000000 */
    entries[16 + 18] = 2; /* length 0x20000 */
    entries[16 + 28] = 1;
    srat_length = 48 + sizeof(entries);
    table(SRAT, "SRAT", srat_length, 3);
    memcpy(memory + SRAT + 48, entries, sizeof(entries));
    seal(SRAT, srat_length, 9);
}

/* Four localities, of which SRAT names the last. */
static void make_slit(void)
{
    table(SLIT, "SLIT", 44 + 16, 1);
    put64(SLIT + 36, 4);
    memory[SLIT + 44 + 15] = 10;
    seal(SLIT, 44 + 16, 9);
}

static void make_roots(void)
{
    static const uint32_t all[] = {MADT, FADT, HPET, MCFG, SRAT, SLIT};

    table(RSDT, "RSDT", 36 + 4 * 6, 1);
    table(XSDT, "XSDT", 36 + 8 * 6, 1);
    for (unsigned int i = 0; i < 6; i++) {
        put32(RSDT + 36 + 4 * i, all[5 - i]); /* SRAT before MADT: the order must not matter */
        put64(XSDT + 36 + 8 * i, all[5 - i]);
    }
    seal(RSDT, 36 + 4 * 6, 9);
    seal(XSDT, 36 + 8 * 6, 9);
    memcpy(memory + RSDP, "RSD PTR ", 8);
    memory[RSDP + 15] = 2;
    put32(RSDP + 16, RSDT);
    put32(RSDP + 20, 36);
    put64(RSDP + 24, XSDT);
    seal(RSDP, 20, 8);
    seal(RSDP, 36, 32);
}

static void make_all(void)
{
    memset(memory, 0, MEMORY);
    make_madt();
    make_fadt();
    make_srat();
    make_slit();
    table(HPET, "HPET", 56, 1);
    put64(HPET + 44, 0xfed00000);
    memory[HPET + 53] = 0x64;
    seal(HPET, 56, 9);
    table(MCFG, "MCFG", 44 + 16, 1);
    put64(MCFG + 44, 0xb0000000);
    memory[MCFG + 55] = 255;
    seal(MCFG, 60, 9);
    table(DSDT, "DSDT", 36 + 7 + sizeof(dsdt_s5), 1);
    memcpy(memory + DSDT + 36 + 7, dsdt_s5, sizeof(dsdt_s5));
    seal(DSDT, 36 + 7 + sizeof(dsdt_s5), 9);
    make_roots();
}

static int read_into(struct acpi_info *info, paddr_t rsdp)
{
    int rc;

    memset(info, 0, sizeof(*info));
    rc = acpi_read_tables(info, rsdp);
    drop_mappings();
    return rc;
}

static int setup(void **state)
{
    static struct acpi_info info;

    memory = malloc(MEMORY);
    make_all();
    *state = &info;
    return 0;
}

static int teardown(void **state)
{
    free(memory);
    return 0;
}

static void test_everything_is_found(void **state)
{
    struct acpi_info *info = *state;

    assert_int_equal(read_into(info, 0), 0);
    assert_int_equal(info->rsdp, RSDP);
    assert_int_equal(info->cpus, 3);
    assert_int_equal(info->cpu[1].apic_id, 4);
    assert_true(info->cpu[1].is_placed && info->cpu[1].place == 0 && !info->cpu[0].is_placed);
    assert_int_equal(info->places, 1);
    assert_int_equal(info->place[0], 3);
    assert_true(info->has_srat && !info->srat_damaged && info->has_slit);
    assert_int_equal(info->distance[0][0], 10);
    assert_int_equal(info->cpu[2].apic_id, 256);
    assert_int_equal(acpi_cpu_uid(info, 0), 0);
    assert_int_equal(acpi_cpu_uid(info, 4), 1);
    assert_int_equal(acpi_cpu_uid(info, 256), 9);
    assert_int_equal(acpi_cpu_uid(info, 6), 0); /* disabled: not kept */
    assert_int_equal(info->cpus_disabled, 1);
    assert_int_equal(info->lapic_address, 0x1fee00000);
    assert_int_equal(info->ioapics, 2);
    assert_int_equal(info->ioapic[1].gsi_base, 24);
    assert_int_equal(info->nmis, 1);
    assert_int_equal(info->nmi[0].uid, ACPI_ALL_CPUS);
    assert_int_equal(info->sci, 9);
    assert_int_equal(info->pm1a_control.address, 0x604);
    assert_int_equal(info->pm_timer.address, 0xb008); /* the extended form wins */
    assert_true(info->timer_32bit);
    assert_true(info->has_reset);
    assert_int_equal(info->reset_value, 6);
    assert_true(info->has_s5);
    assert_int_equal(info->s5_type_a, 5);
    assert_int_equal(info->s5_type_b, 0);
    assert_int_equal(info->hpet_address, 0xfed00000);
    assert_int_equal(info->ecams, 1);
    assert_int_equal(info->ecam[0].end_bus, 255);
    assert_int_equal(info->memories, 1);
    assert_int_equal(info->memory[0].start, 0x1000000);
    assert_int_equal(info->memory[0].end, 0x1020000);
}

static void test_isa_interrupts(void **state)
{
    struct acpi_info *info = *state;
    struct acpi_override o;

    assert_int_equal(read_into(info, RSDP), 0);
    o = acpi_isa_irq(info, 0);
    assert_int_equal(o.gsi, 2);
    assert_int_equal(o.trigger, ACPI_TRIGGER_EDGE);
    o = acpi_isa_irq(info, 9);
    assert_int_equal(o.trigger, ACPI_TRIGGER_LEVEL);
    assert_int_equal(o.polarity, ACPI_POLARITY_HIGH);
    o = acpi_isa_irq(info, 4);
    assert_int_equal(o.gsi, 4);
    assert_int_equal(o.trigger, ACPI_TRIGGER_EDGE);
}

static void test_old_root_serves_when_new_is_damaged(void **state)
{
    struct acpi_info *info = *state;

    memory[XSDT + 40] ^= 1;
    assert_int_equal(read_into(info, 0), 0);
    assert_int_equal(info->cpus, 3);
    memory[RSDT + 40] ^= 1;
    assert_int_equal(read_into(info, 0), -EINVAL);
    memory[RSDP + 1] ^= 1;
    assert_int_equal(read_into(info, 0), -ENOENT);
    assert_int_equal(read_into(info, RSDP), -ENOENT);
}

static void test_damaged_table_is_absent(void **state)
{
    struct acpi_info *info = *state;

    memory[MADT + 50] ^= 0x40;
    assert_int_equal(read_into(info, 0), 0);
    assert_false(info->has_madt);
    assert_int_equal(info->cpus, 0);
    assert_true(info->has_fadt);
}

static void test_entries_that_overrun(void **state)
{
    struct acpi_info info = {0};

    memory[MADT + madt_length - 11] = 200; /* the last entry claims more than there is */
    assert_int_equal(acpi_parse_madt(&info, memory + MADT, madt_length), -EINVAL);
    memory[MADT + 45] = 0; /* an entry of length 0 would never end */
    memset(&info, 0, sizeof(info));
    assert_int_equal(acpi_parse_madt(&info, memory + MADT, madt_length), -EINVAL);
    assert_int_equal(acpi_parse_madt(&info, memory + MADT, 43), -EINVAL);
    assert_int_equal(acpi_parse_fadt(&info, memory + FADT, 115), -EINVAL);
    assert_int_equal(acpi_parse_srat(&info, memory + SRAT, 47), -EINVAL);
}

static void test_memory_that_wraps(void **state)
{
    struct acpi_info info = {0};

    put64(SRAT + 48 + 16 + 16, ~0ULL);
    assert_int_equal(acpi_parse_srat(&info, memory + SRAT, srat_length), -EINVAL);
    assert_int_equal(info.memories, 0);
}

static int find_s5(const uint8_t *aml, size_t length, struct acpi_info *info)
{
    uint8_t block[128] = {0};

    memset(info, 0, sizeof(*info));
    memcpy(block + 40, aml, length);
    return acpi_find_s5(info, block, 40 + length);
}

static void test_s5_forms(void **state)
{
    static const uint8_t rooted[] = {0x08, '\\', '_',  'S',  '5',  '_', 0x12,
                                     0x06, 0x02, 0x01, 0x0b, 0x07, 0x00};
    static const uint8_t packed[] = {0x08, '_', 'S', '5', '_', 0x12, 0x05, 0x01, 0x0b, 0x05, 0x03};
    static const uint8_t wide_length[] = {0x08, '_', 'S', '5', '_', 0x12, 0x45, 0x00, 0x02, 0x00, 0x01};
    static const uint8_t reference[] = {0x0a, '_',  'S',  '5',  '_',  0x12, 0x06,
                                        0x04, 0x0a, 0x05, 0x00, 0x00, 0x00};
    static const uint8_t too_long[] = {0x08, '_', 'S', '5', '_', 0x12, 0x3f, 0x04, 0x0a, 0x05};
    static const uint8_t too_big[] = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x02, 0x0a, 0x09, 0x00, 0x00};
    struct acpi_info info;

    assert_int_equal(find_s5(rooted, sizeof(rooted), &info), 0);
    assert_int_equal(info.s5_type_a, 1);
    assert_int_equal(info.s5_type_b, 7);
    assert_int_equal(find_s5(packed, sizeof(packed), &info), 0);
    assert_int_equal(info.s5_type_a, 5);
    assert_int_equal(info.s5_type_b, 3);
    assert_int_equal(find_s5(wide_length, sizeof(wide_length), &info), 0);
    assert_int_equal(info.s5_type_b, 1);
    assert_int_equal(find_s5(reference, sizeof(reference), &info), -ENOENT);
    assert_int_equal(find_s5(too_long, sizeof(too_long), &info), -ENOENT);
    assert_int_equal(find_s5(too_big, sizeof(too_big), &info), -ENOENT);
}

static void test_too_many_of_everything(void **state)
{
    static uint8_t big[65536];
    struct acpi_info *info = *state;
    size_t at = 44;

    memset(info, 0, sizeof(*info));
    for (unsigned int i = 0; i < 600; i++, at += 16) {
        big[at] = 9;
        big[at + 1] = 16;
        big[at + 4] = (uint8_t)i;
        big[at + 5] = (uint8_t)(i >> 8);
        big[at + 8] = 1;
    }
    for (unsigned int i = 0; i < 100; i++, at += 12) {
        big[at] = 1;
        big[at + 1] = 12;
        big[at + 6] = 0xc0;
    }
    assert_int_equal(acpi_parse_madt(info, big, at), 0);
    assert_int_equal(info->cpus, MAX_CPUS);
    assert_int_equal(info->cpus_dropped, 600 - MAX_CPUS);
    assert_int_equal(info->ioapics, ACPI_MAX_IOAPICS);
}

static void test_mutations(void **state)
{
    struct acpi_info *info = *state;
    uint64_t seed = 0x9e3779b97f4a7c15ULL;
    static const uint32_t tables[][3] = {{MADT, 44 + 130, 9}, {FADT, 244, 9}, {HPET, 56, 9}, {MCFG, 60, 9},
                                         {SRAT, 104, 9},      {SLIT, 60, 9},  {DSDT, 60, 9}, {XSDT, 84, 9}};

    for (unsigned int round = 0; round < 3000; round++) {
        make_all();
        for (unsigned int k = 0; k < 1 + round % 4; k++) {
            const uint32_t *t;

            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            t = tables[seed % ARRAY_SIZE(tables)];
            memory[t[0] + (seed >> 8) % t[1]] = (uint8_t)(seed >> 40);
            for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
                uint32_t length;

                memcpy(&length, memory + tables[i][0] + 4, 4);
                if (length >= 36 && length < 0x1000)
                    seal(tables[i][0], length, 9);
            }
        }
        (void)read_into(info, 0);
        assert_true(info->cpus <= MAX_CPUS);
    }
}

/* A machine with the old registers, then one with the new. */
static void test_sleeps(void **state)
{
    struct acpi_info info = {.has_fadt = true, .pm1a_control = {.space = ACPI_SPACE_IO, .address = 0x604}};
    struct acpi_sleep s = {.a = 0x3400, .b = 0x2000, .state = 5};

    assert_int_equal(acpi_check_sleep(&info, &s), 0);
    assert_false(acpi_sleeps_by_control(&info, &s));
    s.b = 0x1400;
    assert_int_equal(acpi_check_sleep(&info, &s), -EINVAL);
    s.b = 0;
    assert_int_equal(acpi_check_sleep(&info, &s), 0);
    s.state = 6;
    assert_int_equal(acpi_check_sleep(&info, &s), -EINVAL);
    s.state = 5;
    info.pm1a_control.space = 127; /* functional fixed hardware: nobody knows how to write it */
    assert_int_equal(acpi_check_sleep(&info, &s), -ENODEV);
    s.extended = true;
    assert_int_equal(acpi_check_sleep(&info, &s), -EPERM);

    info.hardware_reduced = true;
    info.sleep_control = (struct acpi_address){.space = ACPI_SPACE_MEMORY, .address = 0xfed00000};
    assert_int_equal(acpi_check_sleep(&info, &s), -EINVAL); /* more than a byte */
    s.a = 5 << 2 | 1 << 5;
    assert_int_equal(acpi_check_sleep(&info, &s), 0);
    assert_true(acpi_sleeps_by_control(&info, &s));
    assert_int_equal(acpi_control_type(&s), 5);
    s.a = 5;
    assert_int_equal(acpi_control_type(&s), 5);
    s = (struct acpi_sleep){.a = 5 << 10, .state = 5};
    assert_int_equal(acpi_check_sleep(&info, &s), 0);
    assert_true(acpi_sleeps_by_control(&info, &s));
    assert_int_equal(acpi_control_type(&s), 5);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_everything_is_found),
        TEST(test_isa_interrupts),
        TEST(test_old_root_serves_when_new_is_damaged),
        TEST(test_damaged_table_is_absent),
        TEST(test_entries_that_overrun),
        TEST(test_memory_that_wraps),
        TEST(test_s5_forms),
        TEST(test_too_many_of_everything),
        TEST(test_sleeps),
        TEST(test_mutations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
