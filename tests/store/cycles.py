#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains come, use all that their quotas allow, and go: afterwards the daemon is as it was.

    cycles.py STUB XENSTORED [CYCLES]

The quotas are small, so that they can be used up often, and Debian's in each hundredth cycle. Every other domain is released, the others die.
"""
import os
import struct
import sys

from daemon import DOM_EXC, Daemon
from wire import CONTROL, ERROR, INTRODUCE, IS_INTRODUCED, MKDIR, RELEASE, RM, SET_PERMS, TX_START, WATCH, WRITE, Ring

DOMID = 3
SMALL = {'nodes': 40, 'watches': 12, 'transactions': 3}
DEBIANS = {'nodes': 1000, 'watches': 128, 'transactions': 10}
MORE_MEMORY = 256   # KiB of the process, for what the C library keeps


def report(daemon):
    """What the store counts; descriptors, event channels bound and pages mapped; and KiB of memory."""
    text = daemon.call(0, CONTROL, b'memreport\0')[2].decode()
    numbers = {line.rsplit(': ', 1)[0]: int(line.rsplit(': ', 1)[1]) for line in text.strip('\0\n').split('\n')}
    del numbers['requests']
    pid = daemon.process.pid
    numbers['descriptors'] = len(os.listdir(f'/proc/{pid}/fd'))
    numbers['channels'], numbers['pages'] = struct.unpack_from('<ii', (daemon.dir / f'held-{pid}').read_bytes())
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        return numbers, int(status.read().split('RssAnon:')[1].split()[0])


def fill(daemon, quota):
    """Everything up to the quotas."""
    ring = daemon.conns[DOMID]

    def use_up(answer, limit, kind, payload):
        for i in range(limit + 2):
            if ring.ask(kind, payload(i)) == (ERROR, answer):
                return
        raise AssertionError(f'no {answer} after {limit + 2} requests')

    use_up(b'ENOSPC\0', quota['nodes'], WRITE, lambda i: b'data/%d/%d\0value' % (i % 20, i))
    use_up(b'E2BIG\0', quota['watches'], WATCH, lambda i: b'data/%d\0t%d\0' % (i % 20, i))
    use_up(b'ENOSPC\0', quota['transactions'], TX_START, lambda i: b'\0')


def set_quotas(daemon, quota):
    for name, value in quota.items():
        assert daemon.call(0, CONTROL, b'quota\0set\0%s\0%d\0' % (name.encode(), value))[2] == b'OK\0', name


def cycle(daemon, number):
    quota = DEBIANS if number % 100 == 0 else SMALL
    if number % 100 < 2:
        set_quotas(daemon, quota)
    ring = Ring(daemon.dir, DOMID)
    daemon.domains(f'{DOMID} 0\n')
    daemon.call(0, MKDIR, b'/local/domain/3\0')
    daemon.call(0, SET_PERMS, b'/local/domain/3\0n3\0')
    assert daemon.call(0, INTRODUCE, b'3\0001\0005\0')[2] == b'OK\0'
    daemon.conns[DOMID] = ring
    ring.kick()
    fill(daemon, quota)
    during = report(daemon)[0]
    assert (during['channels'], during['pages']) == (2, 1), during    # domain 0's ring is not a page of a grant
    del daemon.conns[DOMID]
    if number % 2:
        daemon.domains('')
        ring.kick(DOM_EXC)
        while daemon.call(0, IS_INTRODUCED, b'3\0')[2] != b'F\0':
            pass
    else:
        assert daemon.call(0, RELEASE, b'3\0')[2] == b'OK\0'
        daemon.call(0, RM, b'/local/domain/3\0')
    ring.close()


def main():
    stub, program = sys.argv[1:3]
    cycles = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    daemon = Daemon(stub, program)
    try:
        daemon.domains('')
        daemon.killed()    # sees the list
        cycle(daemon, 0)
        cycle(daemon, 1)
        before, memory = report(daemon)
        for i in range(2, cycles):
            cycle(daemon, i)
        after, memory_after = report(daemon)
        print(f'{cycles} cycles; before {before}, {memory} KiB, after {after}, {memory_after} KiB')
        assert before == after
        assert memory_after <= memory + MORE_MEMORY
        assert daemon.call(0, CONTROL, b'check\0')[2] == b'OK\0'
    finally:
        daemon.stop()


if __name__ == '__main__':
    main()
