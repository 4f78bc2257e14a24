#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns `nm -n` output on standard input into the assembly of the symbol table that the hypervisor prints dumps with.

Without input the table is empty. Layout: sorted 32-bit offsets from image_start, then 32-bit offsets into the names, then the names.
"""
import sys

rows = []
base = None
if not sys.stdin.isatty():
    for line in sys.stdin:
        parts = line.split()
        if len(parts) != 3:
            continue
        addr, kind, name = int(parts[0], 16), parts[1], parts[2]
        if name == "image_start":
            base = addr
        if kind in "tT" and not name.startswith("."):
            rows.append((addr, name))
    rows = [(a - base, n) for a, n in rows if base is not None and a >= base]
    seen = {}
    for a, n in rows:
        seen.setdefault(a, n)
    rows = sorted(seen.items())

print('    .section .symbols, "a"\n    .balign 8')
for label in ("symbol_count", "symbol_offsets", "symbol_names_at", "symbol_names"):
    print(f"    .globl {label}\n    .hidden {label}")
print(f"symbol_count: .quad {len(rows)}")
print("symbol_offsets:")
for a, _ in rows:
    print(f"    .long {a:#x}")
print("symbol_names_at:")
at = 0
for _, n in rows:
    print(f"    .long {at}")
    at += len(n) + 1
print("symbol_names:")
for _, n in rows:
    print(f'    .asciz "{n}"')
print('    .section .note.GNU-stack, "", @progbits')
