#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Well-formed inputs that the store's fuzz targets start from: xenstored_seeds.py wire|state FOLDER."""
import pathlib
import struct
import sys

(CONTROL, DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, TX_START, TX_END, INTRODUCE, RELEASE, GET_PATH, WRITE, MKDIR, RM, SET_PERMS) = range(15)
RESUME, SET_TARGET, RESET_WATCHES, DIRECTORY_PART = 18, 19, 21, 22


def piece(conn, data):
    """What xenstored_wire_fuzz.c feeds to one connection."""
    return bytes([conn, len(data)]) + data


def message(conn, kind, payload=b'', tx=0):
    return piece(conn, struct.pack('<IIII', kind, 1, tx, len(payload)) + payload)


def take(conn):
    return bytes([5 << 2 | conn, 255])


def wire():
    home = message(0, MKDIR, b'/local/domain/1\0') + message(0, SET_PERMS, b'/local/domain/1\0n1\0')
    half = message(1, WRITE, b'a/b\0value')
    yield home + message(1, WRITE, b'a/b\0value') + message(1, READ, b'a/b\0') + message(1, DIRECTORY, b'a\0') + take(1)
    yield home + message(1, MKDIR, b'a\0') + message(1, SET_PERMS, b'a\0n1\0r2\0') + message(2, GET_PERMS, b'/local/domain/1/a\0') + message(1, RM, b'a\0')
    yield home + message(1, TX_START, b'\0') + message(1, WRITE, b'a\0v', 1) + message(0, WRITE, b'/x\0y') + message(1, TX_END, b'T\0', 1) + take(1)
    yield message(0, WATCH, b'/a\0token\0') + message(0, WRITE, b'/a/b\0v') + take(0) + message(0, UNWATCH, b'/a\0token\0') + message(0, RESET_WATCHES, b'\0')
    yield message(0, CONTROL, b'quota\0') + message(0, CONTROL, b'check\0') + message(0, DIRECTORY_PART, b'/\x000\0') + message(0, GET_PATH, b'1\0')
    yield message(0, RELEASE, b'1\0') + message(0, INTRODUCE, b'1\x001\x002\0') + message(0, SET_TARGET, b'1\x002\0') + message(0, RESUME, b'1\0')
    yield home + piece(1, half[2:9]) + piece(1, half[9:]) + bytes([6 << 2, 3]) + message(1, WRITE, b'c\0v') + bytes([7 << 2 | 1, 1])


def record(kind, body):
    return struct.pack('<II', kind, len(body)) + body + bytes(-len(body) % 8)


def node(depth, name, value, flags):
    return bytes([depth, len(name)]) + name + bytes([len(value)]) + value + bytes([2, 2, 0, flags]) + (b'\2\0' if flags & 1 else b'') + (b'' if flags & 2 else b'\1\0')


def state():
    tree = record(3, node(0, b'', b'', 1) + node(1, b'local', b'', 3) + node(2, b'a', b'value', 2) + node(2, b'b', b'', 2) + node(1, b'tool', b'', 2))
    conn = record(4, struct.pack('<IIIII', 0xffffffff, 0, 3, 0, 0))
    guest = record(4, struct.pack('<IIIII', 1, 0, 3, 20, 0) + struct.pack('<IIIII', WRITE, 1, 0, 9, 1))
    watch = record(6, struct.pack('<III', 0, 1, 6) + b'/local' + b'token\0')
    said = record(5, struct.pack('<II', 0, 3) + struct.pack('<IIII', WRITE, 1, 0, 3) + b'OK\0')
    image = struct.pack('<QQQIIII', 9, 9, 0, 0, 0, 1, 8) + struct.pack('<II', 1, 0) + b'v' + b'/local/c'
    txn = record(7, struct.pack('<III', 2, 0, 1)) + record(8, struct.pack('<II', 33, 1) + image) + record(8, struct.pack('<II', 1, 0) + b'/tool')
    domain = record(2, struct.pack('<IIIIQ', 1, 0x7ff4, 1, 5, 0))
    end = record(0, b'')
    yield tree + end
    yield domain + tree + conn + said + watch + txn + guest + txn + end
    yield tree + conn + watch + conn + record(7, struct.pack('<III', 1, 1, 0)) + end


def main():
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate({'wire': wire, 'state': state}[sys.argv[1]]()):
        (folder / f'seed-{number}').write_bytes(seed)


main()
