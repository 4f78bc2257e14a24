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


def kit_guest():
    """A small kernel of our own, which boots in a moment."""
    return (machines.ROOT / machines.build_dir() / 'guests' / 'smoke-pv64').read_bytes()


# Numbers of notes (xen/elfnote.h).
ENTRY, HYPERCALL_PAGE, VIRT_BASE, PADDR_OFFSET, FEATURES, BSD_SYMTAB, HV_START_LOW, INIT_P2M, SUPPORTED_FEATURES = 1, 2, 3, 4, 10, 11, 12, 15, 17
PT_NOTE = 4


def elf_notes(data):
    """Name, number and contents of each note."""
    found, at = [], 0
    while at + 12 <= len(data):
        name, size, number = struct.unpack_from('<III', data, at)
        begin = at + 12 + (name + 3) // 4 * 4
        found.append((data[at + 12:at + 12 + name], number, data[begin:begin + size]))
        at = begin + (size + 3) // 4 * 4
    return found


def with_notes(image, changes):
    """A 64-bit ELF kernel with other notes of Xen's: number -> a number of 64 bits, a text, or None for none."""
    made = bytearray(image)
    headers, = struct.unpack_from('<Q', image, 32)
    size, count = struct.unpack_from('<HH', image, 54)
    for header in range(headers, headers + size * count, size):
        if struct.unpack_from('<I', image, header)[0] != PT_NOTE:
            continue
        offset, = struct.unpack_from('<Q', image, header + 8)
        length, = struct.unpack_from('<Q', image, header + 32)
        notes = [note for note in elf_notes(image[offset:offset + length]) if note[0] != b'Xen\0' or note[1] not in changes]
        for number, value in changes.items():
            if value is not None:
                notes.append((b'Xen\0', number, value.encode() + b'\0' if isinstance(value, str) else struct.pack('<Q', value)))
        packed = b''.join(struct.pack('<III', len(name), len(text), number) + name.ljust((len(name) + 3) // 4 * 4, b'\0')
                          + text.ljust((len(text) + 3) // 4 * 4, b'\0') for name, number, text in notes)
        made += bytes(-len(made) % 16)
        struct.pack_into('<Q', made, header + 8, len(made))
        struct.pack_into('<QQ', made, header + 32, len(packed), len(packed))
        made += packed
    return bytes(made)
