/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wall clock from the MC146818 in the chipset. Reading does not wait for the next second: what is read is
 * right to one second. */
#include "arch/x86/clock/clock.h"
#include "arch/x86/cpu.h"
#include "arch/x86/pc_ports.h"
#include "drivers/acpi/acpi.h"
#include "hv/lock_shown.h"
#include "hv/log.h"

#define RTC_SECONDS  0
#define RTC_MINUTES  2
#define RTC_HOURS    4
#define RTC_DAY      7
#define RTC_MONTH    8
#define RTC_YEAR     9
#define RTC_STATUS_A 10
#define RTC_STATUS_B 11
#define A_UPDATING   0x80
#define B_BINARY     0x04
#define B_24_HOURS   0x02
#define HOUR_PM      0x80
#define READ_TRIES   1000

uint64_t wallclock_at_boot_ns;
static lock_t cmos_lock = LOCK_INIT(RANK_LEAF);
LOCK_SHOWN(cmos, cmos_lock, "CMOS");

struct rtc_time {
    uint8_t second, minute, hour, day, month, year, century;
};

uint8_t cmos_read(uint8_t index)
{
    uint64_t flags = lock_irqsave(&cmos_lock);
    uint8_t value;

    outb(index & 0x7f, PORT_RTC_INDEX);
    value = inb(PORT_RTC_DATA);
    unlock_irqrestore(&cmos_lock, flags);
    return value;
}

void cmos_write(uint8_t index, uint8_t value)
{
    uint64_t flags = lock_irqsave(&cmos_lock);

    outb(index & 0x7f, PORT_RTC_INDEX);
    outb(value, PORT_RTC_DATA);
    unlock_irqrestore(&cmos_lock, flags);
}

static void read_registers(struct rtc_time *t)
{
    t->second = cmos_read(RTC_SECONDS);
    t->minute = cmos_read(RTC_MINUTES);
    t->hour = cmos_read(RTC_HOURS);
    t->day = cmos_read(RTC_DAY);
    t->month = cmos_read(RTC_MONTH);
    t->year = cmos_read(RTC_YEAR);
    t->century = acpi.century && acpi.century < 128 ? cmos_read(acpi.century) : 0;
}

/* Two readings that agree, with no update begun. */
static bool read_stable(struct rtc_time *t)
{
    struct rtc_time again;

    for (unsigned int i = 0; i < READ_TRIES; i++) {
        if (cmos_read(RTC_STATUS_A) & A_UPDATING) {
            clock_delay_us(10);
            continue;
        }
        read_registers(t);
        read_registers(&again);
        if (memcmp(t, &again, sizeof(again)) == 0)
            return true;
    }
    return false;
}

static uint8_t from_bcd(uint8_t v, bool binary)
{
    return binary ? v : (uint8_t)((v >> 4) * 10 + (v & 15));
}

/* Seconds since 1970, 0 if the clock makes no sense. */
static uint64_t rtc_seconds(void)
{
    struct rtc_time t;
    uint8_t status_b = cmos_read(RTC_STATUS_B);
    bool binary = status_b & B_BINARY, pm;
    unsigned int year, month, day, hour, century;

    if (!read_stable(&t))
        return 0;
    pm = t.hour & HOUR_PM;
    hour = from_bcd(t.hour & 0x7f, binary);
    if (!(status_b & B_24_HOURS))
        hour = hour % 12 + (pm ? 12 : 0);
    day = from_bcd(t.day, binary);
    month = from_bcd(t.month, binary);
    year = from_bcd(t.year, binary);
    century = from_bcd(t.century, binary);
    year += century >= 19 && century <= 23 ? century * 100 : year < 70 ? 2000 : 1900;
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || year < 1970)
        return 0;
    return wallclock_from_date(year, month, day, hour, from_bcd(t.minute, binary),
                               from_bcd(t.second, binary));
}

void wallclock_init(void)
{
    uint64_t seconds = acpi.no_rtc ? 0 : rtc_seconds();

    if (!seconds)
        log_warn("Clock: the machine's real-time clock cannot be read; the wall clock starts in 1970 until "
                 "domain 0 sets it\n");
    wallclock_at_boot_ns = seconds * (uint64_t)NS_PER_S - (seconds ? (uint64_t)time_now() : 0);
}
