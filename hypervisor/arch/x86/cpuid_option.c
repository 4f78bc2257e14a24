/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch/x86/cpuid_option.h"
#include "hv/bitops.h"
#include "hv/log.h"
#include "hv/string.h"

#define WORDS 32

static const struct {
    const char *name;
    uint16_t feature;
} features[] = {
#define XEN_CPUFEATURE(name, value) {#name, value},
#include <xen/arch-x86/cpufeatureset.h>
};

static uint32_t taken[WORDS];

/* The header's name, and the user's of n characters. */
static bool same_name(const char *ours, const char *said, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = said[i] == '-'                     ? '_'
                 : said[i] >= 'a' && said[i] <= 'z' ? (char)(said[i] - 'a' + 'A')
                                                    : said[i];

        if (ours[i] != c) /* a shorter one ends with 0 */
            return false;
    }
    return !ours[n];
}

static void take(const char *word, size_t n)
{
    if (n <= 3 || strncmp(word, "no-", 3)) {
        printk("cpuid=%.*s: features can only be taken away (no-NAME): ignored\n", (int)n, word);
        return;
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(features); i++)
        if (same_name(features[i].name, word + 3, n - 3)) {
            taken[features[i].feature / 32] |= 1U << features[i].feature % 32;
            return;
        }
    printk("cpuid=%.*s: no feature has this name: ignored\n", (int)n, word);
}

void cpuid_option_parse(const char *list)
{
    while (list && *list) {
        const char *end = strchr(list, ',');

        take(list, end ? (size_t)(end - list) : strlen(list));
        list = end ? end + 1 : NULL;
    }
}

uint32_t cpuid_option_taken(unsigned int word)
{
    return word < WORDS ? taken[word] : 0;
}

bool cpuid_option_takes(unsigned int feature)
{
    return cpuid_option_taken(feature / 32) >> feature % 32 & 1;
}
