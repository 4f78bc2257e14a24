#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vmlinux.py BZIMAGE ELF: the ELF file inside a Linux kernel. The boot protocol's header says where it is (Documentation/x86/boot: setup_sects
at 0x1f1, payload_offset and payload_length at 0x248); its last four bytes are the unpacked size."""
import pathlib
import struct
import subprocess
import sys

UNPACK = {b'\xfd7zXZ\0': ['xz', '-dc'], b'\x1f\x8b': ['gzip', '-dc'], b'\x28\xb5\x2f\xfd': ['zstd', '-dc'], b'\x02\x21\x4c\x18': ['lz4', '-dc']}

image = pathlib.Path(sys.argv[1]).read_bytes()
offset, length = struct.unpack_from('<II', image, 0x248)
start = ((image[0x1f1] or 4) + 1) * 512 + offset
payload = image[start:start + length]
command = next(command for magic, command in UNPACK.items() if payload.startswith(magic))
elf = subprocess.run(command, input=payload[:-4], stdout=subprocess.PIPE, check=True).stdout
assert elf[:4] == b'\x7fELF' and len(elf) == struct.unpack('<I', payload[-4:])[0]
pathlib.Path(sys.argv[2]).write_bytes(elf)
