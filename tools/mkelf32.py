#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Wraps the 64-bit image as the 32-bit ELF that multiboot loaders take: one loadable segment at its physical address.

usage: mkelf32.py INPUT-ELF64 OUTPUT-ELF32 [BYTES]: a file of that many or more is an error, and is not written
"""
import struct
import sys

VIRT_TO_PHYS = 0xFFFF808000000000


def main():
    with open(sys.argv[1], "rb") as f:
        elf = f.read()
    entry, phoff = struct.unpack_from("<QQ", elf, 24)
    phentsize, phnum = struct.unpack_from("<HH", elf, 54)
    loads = []
    for i in range(phnum):
        kind, _flags, offset, _vaddr, paddr, filesz, memsz, _align = struct.unpack_from("<IIQQQQQQ", elf, phoff + i * phentsize)
        if kind == 1:
            loads.append((paddr, offset, filesz, memsz))
    if len(loads) != 1:
        sys.exit("expected exactly one loadable segment")
    paddr, offset, filesz, memsz = loads[0]
    data = elf[offset : offset + filesz].rstrip(b"\0")
    data += b"\0" * (-len(data) % 4)
    header_size = 4096  # the multiboot headers stand at the start of the data, well inside the first 8 KiB of the file
    ident = b"\x7fELF" + bytes([1, 1, 1]) + b"\0" * 9
    ehdr = ident + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, entry - VIRT_TO_PHYS, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    phdr = struct.pack("<IIIIIIII", 1, header_size, paddr, paddr, len(data), memsz, 7, 4096)
    size = header_size + len(data)
    if len(sys.argv) > 3 and size >= int(sys.argv[3]):
        sys.exit(f"{sys.argv[2]}: {size} bytes, and must be under {sys.argv[3]}")
    with open(sys.argv[2], "wb") as f:
        f.write((ehdr + phdr).ljust(header_size, b"\0") + data)


main()
