#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains come, use what their quotas allow, and go: afterwards the daemon is as it was.

    cycles.py STUB XENSTORED [CYCLES]
"""
import os
import struct
import sys

from compare import CONTROL, ERROR, MKDIR, RELEASE, RM, SET_PERMS, TX_START, WATCH, WRITE, Daemon, Ring

DOMID = 3


def report(daemon):
    text = daemon.call(0, CONTROL, b'memreport\0')[2].decode()
    numbers = {line.rsplit(': ', 1)[0]: int(line.rsplit(': ', 1)[1]) for line in text.strip('\0\n').split('\n')}
    return numbers, len(os.listdir(f'/proc/{daemon.process.pid}/fd'))


def fill(daemon, full):
    """Everything up to the quotas; a few of each where it would take long."""
    ring = daemon.conns[DOMID]
    sent = 0

    def post(kind, payload):
        nonlocal sent
        ring.send(struct.pack('<IIII', kind, 1, 0, len(payload)) + payload)
        sent += 1
        while True:
            got, _, _, length = struct.unpack('<IIII', ring.receive(16))
            data = ring.receive(length)
            if got != 15:
                return got, data
    for i in range(1010 if full else 20):
        got, data = post(WRITE, b'data/%d/%d\0value' % (i % 20, i))
    if full:
        assert (got, data) == (ERROR, b'ENOSPC\0'), data
    for i in range(130 if full else 5):
        got, data = post(WATCH, b'data/%d\0t%d\0' % (i % 20, i))
    if full:
        assert (got, data) == (ERROR, b'E2BIG\0'), data
    for i in range(11 if full else 2):
        got, data = post(TX_START, b'\0')
    if full:
        assert (got, data) == (ERROR, b'ENOSPC\0'), data


def cycle(daemon, number):
    ring = Ring(daemon.dir, DOMID)
    daemon.call(0, MKDIR, b'/local/domain/3\0')
    daemon.call(0, SET_PERMS, b'/local/domain/3\0n3\0')
    assert daemon.call(0, 8, b'3\0001\0005\0')[2] == b'OK\0'
    daemon.conns[DOMID] = ring
    ring.kick()
    fill(daemon, number % 50 == 0)
    del daemon.conns[DOMID]
    assert daemon.call(0, RELEASE, b'3\0')[2] == b'OK\0'
    daemon.call(0, RM, b'/local/domain/3\0')
    ring.words.release()
    os.close(ring.events)
    ring.page.close()


def main():
    stub, program = sys.argv[1:3]
    cycles = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    daemon = Daemon(stub, program)
    try:
        cycle(daemon, 0)
        before = report(daemon)
        for i in range(cycles):
            cycle(daemon, i)
        after = report(daemon)
        for numbers, _ in (before, after):
            del numbers['requests']
        print(f'{cycles} cycles; before {before}, after {after}')
        assert before == after
        assert daemon.call(0, CONTROL, b'check\0')[2] == b'OK\0'
    finally:
        daemon.stop()


if __name__ == '__main__':
    main()
