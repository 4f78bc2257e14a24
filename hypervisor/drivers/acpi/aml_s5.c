/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The soft-off sleep types, without an AML interpreter: the bytes that define Name(\_S5, Package { a, b, ...
 * }) are looked for in the definition block (ACPI 6.4, 20.2: NameOp, NameString, PackageOp, PkgLength,
 * NumElements, elements). A match must parse to its end.
 */
#include "drivers/acpi/bytes.h"
#include "hv/errno.h"

#define AML_ZERO       0x00
#define AML_ONE        0x01
#define AML_NAME       0x08
#define AML_BYTE       0x0a
#define AML_WORD       0x0b
#define AML_DWORD      0x0c
#define AML_PACKAGE    0x12
#define AML_ROOT       '\\'
#define SLEEP_TYPE_MAX 7

struct cursor {
    const uint8_t *p, *end;
};

/* PkgLength: its value counts itself; 1 to 4 bytes, the top two bits of the first say how many follow. */
static int package_end(struct cursor *c)
{
    const uint8_t *start = c->p;
    unsigned int follow;
    size_t length;

    if (c->p >= c->end)
        return -EINVAL;
    follow = *c->p >> 6;
    if ((size_t)(c->end - c->p) < follow + 1)
        return -EINVAL;
    length = follow ? *c->p & 0x0f : *c->p & 0x3f;
    for (unsigned int i = 0; i < follow; i++)
        length |= (size_t)c->p[i + 1] << (4 + 8 * i);
    if (length < follow + 1 || length > (size_t)(c->end - start))
        return -EINVAL;
    c->end = start + length;
    c->p = start + follow + 1;
    return 0;
}

static int integer(struct cursor *c, uint32_t *value)
{
    static const uint8_t bytes_of[] = {[AML_BYTE] = 1, [AML_WORD] = 2, [AML_DWORD] = 4};
    uint8_t op;

    if (c->p >= c->end)
        return -EINVAL;
    op = *c->p++;
    if (op == AML_ZERO || op == AML_ONE) {
        *value = op;
        return 0;
    }
    if (op < AML_BYTE || op > AML_DWORD || (size_t)(c->end - c->p) < bytes_of[op])
        return -EINVAL;
    *value = 0;
    for (unsigned int i = 0; i < bytes_of[op]; i++)
        *value |= (uint32_t)c->p[i] << 8 * i;
    c->p += bytes_of[op];
    return 0;
}

static int sleep_package(struct acpi_info *info, struct cursor c)
{
    uint32_t a, b;
    uint8_t elements;

    if (c.p >= c.end || *c.p++ != AML_PACKAGE || package_end(&c) || c.p >= c.end)
        return -EINVAL;
    elements = *c.p++;
    if (elements < 1 || integer(&c, &a))
        return -EINVAL;
    /* Some firmware packs both types into the first element (as ACPI 1.0's wording allowed). */
    b = a >> 8;
    if (elements >= 2 && integer(&c, &b))
        return -EINVAL;
    a &= 0xff;
    if (a > SLEEP_TYPE_MAX || b > SLEEP_TYPE_MAX)
        return -EINVAL;
    info->s5_type_a = (uint8_t)a;
    info->s5_type_b = (uint8_t)b;
    info->has_s5 = true;
    return 0;
}

int acpi_find_s5(struct acpi_info *info, const uint8_t *aml, size_t length)
{
    for (size_t at = ACPI_HEADER_LENGTH + 1; at + 4 < length; at++) {
        if (memcmp(aml + at, "_S5_", 4))
            continue;
        if (aml[at - 1] != AML_NAME && !(aml[at - 1] == AML_ROOT && aml[at - 2] == AML_NAME))
            continue;
        if (!sleep_package(info, (struct cursor){aml + at + 4, aml + length}))
            return 0;
    }
    return -ENOENT;
}
