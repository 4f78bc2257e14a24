#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""User-mode processor time and system calls of a xenstored per request, over the socket, here and without a hypervisor.

    bench.py STUB DAEMON [DAEMON ...]

Times are of this machine (in ticks of 10 ms, so small ones are coarse) and for comparison with each other only. Bytes per node are
resident memory, ours with what the journal holds of it.
"""
import os
import struct
import sys

from compare import DIRECTORY, READ, TX_END, TX_START, WATCH, WRITE, Daemon, set_up


def cpu(daemon):
    """User and system time, in seconds."""
    fields = open(f'/proc/{daemon.process.pid}/stat').read().rsplit(')', 1)[1].split()
    tick = os.sysconf('SC_CLK_TCK')
    return int(fields[11]) / tick, int(fields[12]) / tick


def resident(daemon):
    return int(open(f'/proc/{daemon.process.pid}/statm').read().split()[1]) * 4096


def ask(daemon, kind, payload, tx=0):
    s = daemon.conns[0].s
    s.sendall(struct.pack('<IIII', kind, 1, tx, len(payload)) + payload)
    while True:
        got, _, _, length = struct.unpack('<IIII', daemon.conns[0].receive(16))
        data = daemon.conns[0].receive(length) if length else b''
        if got != 15:
            return data


def measure(daemon, count, what):
    before = cpu(daemon)
    for i in range(count):
        what(i)
    after = cpu(daemon)
    return (after[0] - before[0]) / count * 1e6, (after[1] - before[1]) / count * 1e6


def transaction(daemon):
    tx = int(ask(daemon, TX_START, b'\0')[:-1])
    for k in range(10):
        ask(daemon, WRITE, b'/bench/t%d\0value' % k, tx)
    ask(daemon, TX_END, b'T\0', tx)


def run(stub, program):
    daemon = Daemon(stub, program)
    set_up(daemon)
    rows = {}
    try:
        for nodes in (100, 10000, 100000):
            have = 0 if nodes == 100 else nodes // (100 if nodes == 10000 else 10)
            start = resident(daemon)
            for i in range(have, nodes):
                ask(daemon, WRITE, b'/fill/domain/%d/device/vif/%d\0some value' % (i // 100, i))
            grown = resident(daemon) - start
            n = 40000
            rows[f'read, {nodes} nodes'] = measure(daemon, n, lambda i: ask(daemon, READ, b'/fill/domain/0/device/vif/%d\0' % (i % 100)))
            rows[f'write, {nodes} nodes'] = measure(daemon, n, lambda i: ask(daemon, WRITE, b'/bench/w\0value'))
            rows[f'directory of 100, {nodes} nodes'] = measure(daemon, n // 4, lambda i: ask(daemon, DIRECTORY, b'/fill/domain/0/device/vif\0'))
            rows[f'transaction of 10, {nodes} nodes'] = measure(daemon, n // 20, lambda i: transaction(daemon))
            rows[f'bytes per node, up to {nodes} nodes'] = (grown / max(nodes - have, 1), 0)
        for i in range(1000):
            ask(daemon, WATCH, b'/elsewhere/%d\0t\0' % i)
        rows['write, 1000 watches elsewhere'] = measure(daemon, n, lambda i: ask(daemon, WRITE, b'/bench/w\0value'))
        ask(daemon, WATCH, b'/bench\0t\0')
        rows['write that fires a watch'] = measure(daemon, n, lambda i: ask(daemon, WRITE, b'/bench/w\0value'))
    finally:
        daemon.stop()
    return rows


def main():
    programs = sys.argv[2:]
    tables = [run(sys.argv[1], p) for p in programs]
    print(f'{"user microseconds (system)":42}' + ''.join(f'{p[-24:]:>28}' for p in programs))
    for name in tables[0]:
        print(f'{name:42}' + ''.join(f'{t[name][0]:18.2f} ({t[name][1]:6.2f})' for t in tables))


if __name__ == '__main__':
    main()
