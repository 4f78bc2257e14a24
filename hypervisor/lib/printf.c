/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vsnprintf for the log: %d %u %x %X %o %c %s %p %% with width, precision, '-', '0', '#', '+', and the lengths hh h l ll z t. No floating point.
 * %pS prints a code address as symbol+offset (debug/symbols.c).
 */
#include "hv/string.h"
#include "debug/symbols.h"

struct sink {
    char *at, *end;
    size_t total;
};

struct spec {
    bool left, zero, alternate, plus, upper;
    int width, precision;
    int length; /* bytes of the argument */
};

static void put(struct sink *out, char c)
{
    if (out->at < out->end)
        *out->at++ = c;
    out->total++;
}

static void put_padded(struct sink *out, const char *text, size_t n, const struct spec *spec)
{
    int pad = spec->width - (int)n;

    if (!spec->left)
        while (pad-- > 0)
            put(out, ' ');
    for (size_t i = 0; i < n; i++)
        put(out, text[i]);
    if (spec->left)
        while (pad-- > 0)
            put(out, ' ');
}

static void put_number(struct sink *out, uint64_t value, bool negative, unsigned int base, struct spec *spec)
{
    char digits[24], text[96];
    const char *alphabet = spec->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    int count = 0, n = 0, zeros;

    for (uint64_t rest = value; rest || !count; rest /= base)
        digits[count++] = alphabet[rest % base];
    if (negative)
        text[n++] = '-';
    else if (spec->plus)
        text[n++] = '+';
    if (spec->alternate && base == 16 && value) {
        text[n++] = '0';
        text[n++] = 'x';
    }
    zeros = spec->precision >= 0        ? spec->precision - count
            : spec->zero && !spec->left ? spec->width - count - n
                                        : 0;
    for (; zeros > 0 && n < 64; zeros--)
        text[n++] = '0';
    while (count)
        text[n++] = digits[--count];
    put_padded(out, text, (size_t)n, spec);
}

/* A width or a precision: digits, none at all for 0, or * for an argument. */
static const char *parse_count(const char *fmt, int *count, __builtin_va_list *args)
{
    if (*fmt == '*') {
        *count = __builtin_va_arg(*args, int);
        return fmt + 1;
    }
    for (*count = 0; *fmt >= '0' && *fmt <= '9'; fmt++)
        *count = *count * 10 + *fmt - '0';
    return fmt;
}

static const char *parse_spec(const char *fmt, struct spec *spec, __builtin_va_list *args)
{
    *spec = (struct spec){.precision = -1, .length = 4};
    for (;; fmt++) {
        if (*fmt == '-')
            spec->left = true;
        else if (*fmt == '0')
            spec->zero = true;
        else if (*fmt == '#')
            spec->alternate = true;
        else if (*fmt == '+')
            spec->plus = true;
        else if (*fmt != ' ')
            break;
    }
    fmt = parse_count(fmt, &spec->width, args);
    if (*fmt == '.')
        fmt = parse_count(fmt + 1, &spec->precision, args);
    for (;; fmt++) {
        if (*fmt == 'h')
            spec->length = spec->length == 2 ? 1 : 2;
        else if (*fmt == 'l' || *fmt == 'z' || *fmt == 't' || *fmt == 'j')
            spec->length = 8;
        else
            break;
    }
    return fmt;
}

static uint64_t next_unsigned(__builtin_va_list *args, int length)
{
    uint64_t value = length == 8 ? __builtin_va_arg(*args, uint64_t) : __builtin_va_arg(*args, unsigned int);

    return length >= 4 ? value : value & (BIT(length * 8) - 1);
}

static void put_pointer(struct sink *out, const char **fmt, uint64_t value, struct spec *spec)
{
    char name[96];

    if ((*fmt)[1] == 'S') {
        (*fmt)++;
        put_padded(out, name, symbol_format(name, sizeof(name), value), spec);
        return;
    }
    spec->precision = 16;
    put_number(out, value, false, 16, spec);
}

int vsnprintf(char *buf, size_t size, const char *fmt, __builtin_va_list ap)
{
    struct sink out = {.at = buf, .end = buf + (size ? size - 1 : 0)};
    struct spec spec;
    const char *s;
    char c;
    int64_t number;
    __builtin_va_list args;

    __builtin_va_copy(args, ap);
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(&out, *fmt);
            continue;
        }
        fmt = parse_spec(fmt + 1, &spec, &args);
        if (*fmt == 'd' || *fmt == 'i') {
            number = spec.length == 8 ? __builtin_va_arg(args, int64_t) : __builtin_va_arg(args, int);
            put_number(&out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, number < 0, 10, &spec);
        } else if (*fmt == 'u') {
            put_number(&out, next_unsigned(&args, spec.length), false, 10, &spec);
        } else if (*fmt == 'x' || *fmt == 'X') {
            spec.upper = *fmt == 'X';
            put_number(&out, next_unsigned(&args, spec.length), false, 16, &spec);
        } else if (*fmt == 'o') {
            put_number(&out, next_unsigned(&args, spec.length), false, 8, &spec);
        } else if (*fmt == 'p') {
            put_pointer(&out, &fmt, (uint64_t) __builtin_va_arg(args, void *), &spec);
        } else if (*fmt == 's') {
            s = __builtin_va_arg(args, const char *);
            s = s ? s : "(null)";
            put_padded(&out, s, spec.precision >= 0 ? strnlen(s, (size_t)spec.precision) : strlen(s), &spec);
        } else if (*fmt == 'c') {
            c = (char)__builtin_va_arg(args, int);
            put_padded(&out, &c, 1, &spec);
        } else if (*fmt == '%') {
            put(&out, '%');
        } else {
            put(&out, '?');
            if (!*fmt)
                break;
        }
    }
    __builtin_va_end(args);
    if (size)
        *out.at = 0;
    return (int)out.total;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    __builtin_va_list args;
    int n;

    __builtin_va_start(args, fmt);
    n = vsnprintf(buf, size, fmt, args);
    __builtin_va_end(args);
    return n;
}
