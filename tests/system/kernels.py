# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes Debian's bzImage apart, and makes others of it: the same kernel in other wrappings, and broken ones."""
import gzip
import lzma
import struct
import subprocess

import machine as machines

# Offsets in the Linux/x86 boot protocol (Documentation/arch/x86/boot.rst).
SETUP_SECTS = 0x1f1
PAYLOAD_OFFSET = 0x248
PAYLOAD_LENGTH = 0x24c


def debian_kernel():
    return (machines.ROOT / machines.build_dir() / 'vmlinuz').read_bytes()


def protected_mode_start(image):
    return ((image[SETUP_SECTS] or 4) + 1) * 512


def payload(image):
    offset, length = struct.unpack_from('<II', image, PAYLOAD_OFFSET)
    start = protected_mode_start(image) + offset
    return image[start:start + length]


def vmlinux(image):
    """The ELF image inside a bzImage."""
    packed = payload(image)
    if packed.startswith(b'\xfd7zXZ'):
        return lzma.LZMADecompressor().decompress(packed)
    if packed.startswith(b'\x1f\x8b'):
        return gzip.decompress(packed)
    for magic, command in ((b'\x28\xb5\x2f\xfd', ['zstd', '-dc']), (b'\x02\x21\x4c\x18', ['lz4', '-dc'])):
        if packed.startswith(magic):
            return subprocess.run(command, input=packed[:-4], stdout=subprocess.PIPE, check=True).stdout
    raise ValueError(f'a payload that begins with {packed[:6].hex()}')


def rewrap(image, packed):
    """`image` with another payload, which becomes the last thing in it."""
    offset = struct.unpack_from('<I', image, PAYLOAD_OFFSET)[0]
    made = bytearray(image[:protected_mode_start(image) + offset] + packed)
    struct.pack_into('<I', made, PAYLOAD_LENGTH, len(packed))
    return bytes(made)


def with_size(packed, plain):
    """As the kernel's own build does it: what does not say its size gets it appended, 32 bits."""
    return packed + struct.pack('<I', len(plain) & 0xffffffff)


def pipe(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def compressed(kind, plain):
    """`plain` as the kernel's build would compress it."""
    return {
        'gzip': lambda: gzip.compress(plain, 1, mtime=0),
        'xz': lambda: with_size(pipe(['xz', '-c0', '--check=crc32', '-T0'], plain), plain),
        'zstd': lambda: with_size(pipe(['zstd', '-c1', '--no-progress'], plain), plain),
        'lz4': lambda: with_size(pipe(['lz4', '-lc1'], plain), plain),
    }[kind]()
