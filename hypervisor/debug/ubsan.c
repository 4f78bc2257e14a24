/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug builds: what the compiler calls where the code's behaviour would be undefined (-fsanitize=undefined).
 * The layout of the descriptions is the ABI that gcc and clang share: a source location first, then what
 * depends on the kind. Each is a bug of ours, so each ends in a panic.
 */
#ifdef DEBUG
#include "hv/panic.h"
#include "hv/types.h"

struct location {
    const char *file;
    uint32_t line, column;
};

#define HANDLER(name, ...)                                                                                   \
    void __ubsan_handle_##name(const struct location *at, ##__VA_ARGS__);                                    \
    void __ubsan_handle_##name(const struct location *at, ##__VA_ARGS__)                                     \
    {                                                                                                        \
        panic("undefined behaviour: " #name " at %s:%u:%u\n", at->file, at->line, at->column);               \
    }

HANDLER(add_overflow, uint64_t a, uint64_t b)
HANDLER(sub_overflow, uint64_t a, uint64_t b)
HANDLER(mul_overflow, uint64_t a, uint64_t b)
HANDLER(divrem_overflow, uint64_t a, uint64_t b)
HANDLER(negate_overflow, uint64_t a)
HANDLER(shift_out_of_bounds, uint64_t a, uint64_t b)
HANDLER(out_of_bounds, uint64_t index)
HANDLER(type_mismatch_v1, uint64_t pointer)
HANDLER(vla_bound_not_positive, uint64_t bound)
HANDLER(load_invalid_value, uint64_t value)
HANDLER(builtin_unreachable)
HANDLER(missing_return)
HANDLER(invalid_builtin)
HANDLER(pointer_overflow, uint64_t a, uint64_t b)
HANDLER(nonnull_arg)
#endif
