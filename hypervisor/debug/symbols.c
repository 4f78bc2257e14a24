/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names for code addresses. The table is sorted, so a binary search finds the last symbol that does not lie above the address. */
#include "debug/symbols.h"
#include "hv/string.h"
#include "arch/x86/image.h"

extern const uint64_t symbol_count;
extern const uint32_t symbol_offsets[], symbol_names_at[];
extern const char symbol_names[];

bool is_hypervisor_text(uint64_t address)
{
    return address >= (uint64_t)image_start && address < (uint64_t)init_text_end;
}

bool symbol_get(uint64_t n, uint64_t *address, const char **name)
{
    if (n >= symbol_count)
        return false;
    *address = (uint64_t)image_start + symbol_offsets[n];
    *name = &symbol_names[symbol_names_at[n]];
    return true;
}

size_t symbol_format(char *buf, size_t size, uint64_t address)
{
    uint64_t low = 0, high = symbol_count, offset = address - (uint64_t)image_start;
    int n;

    if (!is_hypervisor_text(address) || !symbol_count || offset < symbol_offsets[0])
        n = snprintf(buf, size, "%#lx", address);
    else {
        while (high - low > 1) {
            uint64_t middle = (low + high) / 2;

            if (symbol_offsets[middle] <= offset)
                low = middle;
            else
                high = middle;
        }
        n = snprintf(buf, size, "%s+%#lx", &symbol_names[symbol_names_at[low]], offset - symbol_offsets[low]);
    }
    return min((size_t)n, size - 1);
}
