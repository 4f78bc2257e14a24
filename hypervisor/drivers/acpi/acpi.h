/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the firmware's static ACPI tables say, decoded once at boot into one structure. Table bytes are not
 * trusted: every length is checked against the table's, every table against its checksum. Nothing here
 * interprets AML; the one exception is the search for the \_S5 package's bytes (aml_s5.c).
 */
#ifndef DRIVERS_ACPI_ACPI_H
#define DRIVERS_ACPI_ACPI_H

#include "hv/types.h"
#include "hv/cpumask.h"

#define ACPI_MAX_IOAPICS   16
#define ACPI_MAX_OVERRIDES 32
#define ACPI_MAX_NMIS      32
#define ACPI_MAX_ECAM      16
#define ACPI_MAX_MEMORY    64
#define ACPI_MAX_PLACES    64
#define ACPI_NO_PLACE      0xff
#define ACPI_ALL_CPUS      0xffffffffu

#define ACPI_DISTANCE_LOCAL 10 /* ACPI 6.4, 5.2.17: of a place to itself */

/* Generic address (ACPI 6.4, 5.2.3.2). */
enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI = 2 };
struct acpi_address {
    uint8_t space, bit_width, bit_offset;
    uint64_t address; /* 0: register does not exist */
};

enum acpi_polarity { ACPI_POLARITY_BUS = 0, ACPI_POLARITY_HIGH = 1, ACPI_POLARITY_LOW = 3 };
enum acpi_trigger { ACPI_TRIGGER_BUS = 0, ACPI_TRIGGER_EDGE = 1, ACPI_TRIGGER_LEVEL = 3 };

struct acpi_cpu {
    uint32_t apic_id;
    uint32_t uid;
    uint8_t place; /* index into place[], if is_placed */
    bool is_placed;
};

struct acpi_ioapic {
    uint8_t id;
    uint32_t gsi_base;
    paddr_t address;
};

/* An ISA interrupt that is not wired to the GSI of its number, or not edge/high. */
struct acpi_override {
    uint8_t source;
    uint8_t polarity, trigger;
    uint32_t gsi;
};

struct acpi_nmi {
    uint32_t uid; /* ACPI_ALL_CPUS: every processor */
    uint8_t lint, polarity, trigger;
};

struct acpi_ecam {
    paddr_t base; /* of bus 0 of the segment, even if start_bus is not 0 */
    uint16_t segment;
    uint8_t start_bus, end_bus;
};

struct acpi_memory {
    paddr_t start, end;
    uint8_t place; /* index into place[] */
    bool hotplug;  /* some of it may not be there yet */
};

struct acpi_info {
    bool present;
    paddr_t rsdp;

    /* MADT */
    bool has_madt;
    paddr_t lapic_address;
    unsigned int cpus, cpus_disabled, cpus_dropped;
    struct acpi_cpu cpu[MAX_CPUS];
    unsigned int ioapics, overrides, nmis;
    struct acpi_ioapic ioapic[ACPI_MAX_IOAPICS];
    struct acpi_override override[ACPI_MAX_OVERRIDES];
    struct acpi_nmi nmi[ACPI_MAX_NMIS];

    /* FADT */
    bool has_fadt, hardware_reduced, timer_32bit, has_reset, no_rtc, no_vga;
    uint16_t sci;
    uint8_t reset_value, century;
    struct acpi_address pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm_timer, reset_register,
        sleep_control;
    paddr_t dsdt;

    /* \_S5 */
    bool has_s5;
    uint8_t s5_type_a, s5_type_b;

    /* HPET */
    paddr_t hpet_address; /* 0: none */

    /* MCFG */
    unsigned int ecams;
    struct acpi_ecam ecam[ACPI_MAX_ECAM];

    /* SRAT: place[] are the proximity domains that it names, by our number for them. Damaged: it contradicts itself, or is too large for us. */
    bool has_srat, srat_damaged;
    unsigned int memories, places;
    struct acpi_memory memory[ACPI_MAX_MEMORY];
    uint32_t place[ACPI_MAX_PLACES];

    /* SLIT: from one place to another; 10 to itself, more to others. */
    bool has_slit;
    uint8_t distance[ACPI_MAX_PLACES][ACPI_MAX_PLACES];
};

/* Written by acpi_init() only. */
extern struct acpi_info acpi;

/*
 * Finds and reads the tables. `rsdp`: where the boot loader says the root pointer is; 0: search the BIOS
 * areas. -ENOENT: no root pointer; -EINVAL: the root table is damaged. A table that is damaged is reported
 * and treated as absent.
 */
int acpi_init(paddr_t rsdp);

/* Parsers, one table each: `table` has `length` readable bytes, header included. -EINVAL if the table is
 * malformed. For tests and fuzzing, too. */
int acpi_parse_madt(struct acpi_info *info, const uint8_t *table, size_t length) __must_check;
int acpi_parse_fadt(struct acpi_info *info, const uint8_t *table, size_t length) __must_check;
int acpi_parse_hpet(struct acpi_info *info, const uint8_t *table, size_t length) __must_check;
int acpi_parse_mcfg(struct acpi_info *info, const uint8_t *table, size_t length) __must_check;
int acpi_parse_srat(struct acpi_info *info, const uint8_t *table, size_t length) __must_check;
/* After SRAT, which says what places there are. */
int acpi_parse_slit(struct acpi_info *info, const uint8_t *table, size_t length) __must_check;
/* Finds the sleep types of \_S5 in definition blocks. -ENOENT. */
int acpi_find_s5(struct acpi_info *info, const uint8_t *aml, size_t length) __must_check;
/* As acpi_init(), into `info`. */
int acpi_read_tables(struct acpi_info *info, paddr_t rsdp) __must_check;

/* Sum of bytes, modulo 256: 0 for an intact table. */
uint8_t acpi_checksum(const uint8_t *p, size_t length);

/* The UID of the processor with this APIC id; 0 of one that the tables do not name. */
uint32_t acpi_cpu_uid(const struct acpi_info *info, uint32_t apic_id);

/* Where the ISA interrupt `source` (0-15) is wired; polarity and trigger resolved (never _BUS). */
struct acpi_override acpi_isa_irq(const struct acpi_info *info, unsigned int source);

/*
 * A sleep as domain 0's ACPI code computed it. `state`: 1 to 5. Not extended: `a` and `b` are the values of the
 * two PM1 control registers, `b` 0 where there is one only. Extended (hardware-reduced machines, ACPI 6.4, 4.8.3.7):
 * `a` is the byte for the sleep control register, as Linux has it, or the sleep type alone, as xen/platform.h has it.
 */
struct acpi_sleep {
    uint16_t a, b;
    uint32_t state;
    bool extended;
};

/*
 * All that can be refused of a sleep, with nothing touched (sleep_check.c). -EPERM: extended, and there is no
 * sleep control register; -EINVAL: no such state, or one half is told to sleep now and the other not, or more than
 * a byte for the sleep control register (the errors of Debian's Xen); -ENODEV: no register to write to.
 */
int acpi_check_sleep(const struct acpi_info *info, const struct acpi_sleep *s) __must_check;
/* Is it the sleep control register that is to be written, not PM1; and the sleep type, 0 to 7, to be put there. */
bool acpi_sleeps_by_control(const struct acpi_info *info, const struct acpi_sleep *s);
uint8_t acpi_control_type(const struct acpi_sleep *s);

/*
 * Ends the machine (sleep.c); returns only if nothing happened. `s` has passed acpi_check_sleep(). Interrupts off,
 * other processors stopped.
 */
void acpi_enter_sleep(const struct acpi_sleep *s);
/* By our own reading of \_S5. -ENODEV if the tables do not say how, -EIO if nothing happened. */
int acpi_power_off(void);
/* Writes the reset register: -ENODEV if there is none; returns 0 if the machine is still there afterwards. */
int acpi_reset(void);

#endif
