/* SPDX-License-Identifier: MIT */
#include <kit/args.h>
#include <kit/string.h>

static char line[MAX_GUEST_CMDLINE + 1];

void kit_args_init(const char *text)
{
    size_t n = 0;

    for (; n < MAX_GUEST_CMDLINE && text[n]; n++)
        line[n] = text[n];
    line[n] = '\0';
}

/* The text behind `key`, which is '=', a blank or the end; NULL if the key is not there. */
static const char *find(const char *key)
{
    size_t n = strlen(key);

    for (const char *p = line; *p;) {
        while (*p == ' ')
            p++;
        if (!strncmp(p, key, n) && (p[n] == '=' || p[n] == ' ' || !p[n]))
            return p + n;
        while (*p && *p != ' ')
            p++;
    }
    return NULL;
}

bool kit_arg_flag(const char *key)
{
    return find(key) != NULL;
}

bool kit_arg_string(const char *key, char *buf, size_t size)
{
    const char *p = find(key);
    size_t n = 0;

    if (!p || *p != '=')
        return false;
    for (p++; *p && *p != ' ' && n + 1 < size; p++)
        buf[n++] = *p;
    buf[n] = '\0';
    return true;
}

uint64_t kit_arg_number(const char *key, uint64_t otherwise)
{
    char text[32];
    uint64_t value = 0;
    const char *p = text;
    unsigned base = 10;

    if (!kit_arg_string(key, text, sizeof(text)) || !*text)
        return otherwise;
    if (p[0] == '0' && p[1] == 'x') {
        base = 16;
        p += 2;
    }
    for (; *p; p++) {
        unsigned digit = *p >= 'a' ? (unsigned)(*p - 'a') + 10 : (unsigned)(*p - '0');

        if (digit >= base)
            return otherwise;
        value = value * base + digit;
    }
    return value;
}

bool kit_arg_selects(const char *key, const char *name)
{
    char list[512];
    size_t n = strlen(name);

    if (!kit_arg_string(key, list, sizeof(list)))
        return true;
    for (const char *p = list; p; p = strchr(p, ':')) {
        if (*p == ':')
            p++;
        if (!strncmp(p, name, n) && (p[n] == ':' || !p[n]))
            return true;
    }
    return false;
}
