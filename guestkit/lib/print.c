/* SPDX-License-Identifier: MIT */
#include <kit/hypercall.h>
#include <kit/print.h>
#include <kit/string.h>

struct sink {
    char *buf;
    size_t size, used;
};

struct spec {
    bool zero, left;
    int width, precision, length;
};

static void emit(struct sink *s, char c)
{
    if (s->used + 1 < s->size)
        s->buf[s->used] = c;
    s->used++;
}

static void emit_field(struct sink *s, const struct spec *f, const char *text, int n, char pad)
{
    int fill = f->width > n ? f->width - n : 0;

    if (pad == '0' && n && *text == '-') {
        emit(s, '-');
        text++, n--;
    }
    for (int i = 0; !f->left && i < fill; i++)
        emit(s, pad);
    for (int i = 0; i < n; i++)
        emit(s, text[i]);
    for (int i = 0; f->left && i < fill; i++)
        emit(s, ' ');
}

static void emit_number(struct sink *s, const struct spec *f, uint64_t value, unsigned base, bool negative,
                        const char *digits)
{
    char text[24], *p = text + sizeof(text);

    do
        *--p = digits[value % base];
    while (value /= base);
    if (negative)
        *--p = '-';
    emit_field(s, f, p, (int)(text + sizeof(text) - p), f->zero && !f->left ? '0' : ' ');
}

static const char *parse_spec(const char *p, struct spec *f, va_list *args)
{
    *f = (struct spec){.precision = -1};
    for (;; p++) {
        if (*p == '0')
            f->zero = true;
        else if (*p == '-')
            f->left = true;
        else if (*p != '#' && *p != '+' && *p != ' ')
            break;
    }
    if (*p == '*') {
        f->width = va_arg(*args, int);
        p++;
    }
    for (; *p >= '0' && *p <= '9'; p++)
        f->width = f->width * 10 + *p - '0';
    if (*p == '.') {
        f->precision = 0;
        if (p[1] == '*') {
            f->precision = va_arg(*args, int);
            return p + 2;
        }
        for (p++; *p >= '0' && *p <= '9'; p++)
            f->precision = f->precision * 10 + *p - '0';
    }
    for (; *p == 'l' || *p == 'z'; p++)
        f->length++;
    return p;
}

static void emit_string(struct sink *s, const struct spec *f, const char *text)
{
    int n = 0;

    if (!text)
        text = "(null)";
    while (text[n] && (f->precision < 0 || n < f->precision))
        n++;
    emit_field(s, f, text, n, ' ');
}

int kit_vsnprintf(char *buf, size_t size, const char *format, va_list original)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    struct sink s = {buf, size, 0};
    struct spec f;
    va_list args;

    va_copy(args, original);
    for (const char *p = format; *p; p++) {
        if (*p != '%') {
            emit(&s, *p);
            continue;
        }
        p = parse_spec(p + 1, &f, &args);
        switch (*p) {
        case 'd':
        case 'i': {
            int64_t v = f.length ? va_arg(args, long) : va_arg(args, int);

            emit_number(&s, &f, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0, lower);
            break;
        }
        case 'u':
        case 'x':
        case 'X': {
            uint64_t v = f.length ? va_arg(args, unsigned long) : va_arg(args, unsigned int);

            emit_number(&s, &f, v, *p == 'u' ? 10 : 16, false, *p == 'X' ? upper : lower);
            break;
        }
        case 'p':
            emit_number(&s, &f, (uintptr_t)va_arg(args, void *), 16, false, lower);
            break;
        case 's':
            emit_string(&s, &f, va_arg(args, const char *));
            break;
        case 'c':
            emit(&s, (char)va_arg(args, int));
            break;
        case '\0':
            p--;
            break;
        default:
            emit(&s, *p);
        }
    }
    va_end(args);
    if (size)
        buf[s.used < size ? s.used : size - 1] = '\0';
    return (int)s.used;
}

int kit_snprintf(char *buf, size_t size, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = kit_vsnprintf(buf, size, format, args);
    va_end(args);
    return n;
}

void kit_puts(const char *text, size_t length)
{
    hcall_console_io(CONSOLEIO_write, (unsigned)length, (char *)text);
}

void kit_printf(const char *format, ...)
{
    char line[512];
    va_list args;
    int n;

    va_start(args, format);
    n = kit_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    kit_puts(line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
}
