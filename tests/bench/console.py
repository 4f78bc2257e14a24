#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a line of a guest's console costs our xenconsoled and Debian's: the daemon's instructions in user mode.

    console.py STUB XENSTORED STEPS OURS DEBIANS

Here and without a hypervisor, under tests/store/xen_stub.c, beside our xenstored. A guest prints lines of 80 characters, into a log file and to a client
at the terminal, as `xl console` is: one at a time, each with its event, and as many as its ring takes (25). steps.c counts.
"""
import os
import pathlib
import select
import signal
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests/store'))
from console import DOMAIN, OUT, OUT_PROD, OUT_SIZE, Setup  # pylint: disable=wrong-import-position
from wire import until     # pylint: disable=wrong-import-position

LINE = b'x' * 78 + b'\r\n'
TIMES = 40


class Steps:
    """The counter, attached to a process that waits."""

    def __init__(self, program, pid):
        self.process = subprocess.Popen([program, str(pid)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == '0\n'

    def now(self):
        self.process.send_signal(signal.SIGUSR1)
        return int(self.process.stdout.readline())

    def settled(self):
        """Once nothing is executed any more."""
        seen = [-1]

        def still():
            seen.append(self.now())
            return seen[-1] == seen[-2]
        until(still, 'the daemon waits', 0.2)
        return seen[-1]


class Client(threading.Thread):
    """Reads a terminal, as xenconsole does, until it is stopped."""

    def __init__(self, fd):
        super().__init__(daemon=True)
        self.fd, self.got, self.stop = fd, 0, False

    def run(self):
        while not self.stop:
            if select.select([self.fd], [], [], 0.1)[0]:
                self.got += len(os.read(self.fd, 4096))


def put(guest, text):
    """The text at once: the ring has room for it."""
    prod = guest.index(OUT_PROD)
    for i, byte in enumerate(text):
        guest.page[OUT + (prod + i) % OUT_SIZE] = byte
    guest.index(OUT_PROD, prod + len(text))
    guest.kick()


def measure(setup, steps, client, lines):
    """Instructions of the daemon a line, @lines at a time."""
    before, got = steps.settled(), client.got
    for i in range(TIMES):
        put(setup.guest, LINE * lines)
        until(lambda: client.got >= got + (i + 1) * lines * len(LINE), 'the client gets it', 0.0005)
    return (steps.settled() - before) / TIMES / lines


def costs(stub, xenstored, counter, program, debians):
    setup = Setup(stub, xenstored, program, debians)
    try:
        setup.write(DOMAIN, name=b'three')
        setup.write(DOMAIN + b'/console', ring_ref=b'1', port=b'7', type=b'xenconsoled')
        setup.store.introduce(3)
        client = Client(setup.open())
        client.start()
        put(setup.guest, LINE)
        until(lambda: client.got >= len(LINE), 'the first line')
        steps = Steps(counter, setup.daemon.pid)
        result = {lines: measure(setup, steps, client, lines) for lines in (1, 25)}
        assert setup.log('three').count(b'\n') == 1 + TIMES * 26, 'every line is in the log'
        client.stop = True
        client.join()
        steps.process.kill()
        steps.process.wait()
        return result
    finally:
        setup.stop()


def main():
    stub, xenstored, counter, ours, debians = sys.argv[1:6]
    results = {name: costs(stub, xenstored, counter, program, program == debians) for name, program in (('ours', ours), ('Debian', debians))}
    for lines in (1, 25):
        mine, other = results['ours'][lines], results['Debian'][lines]
        print(f'console, {lines:2} lines at a time: {mine:,.0f} user instructions a line, Debian\'s {other:,.0f}: {mine / other:.2f}')


if __name__ == '__main__':
    main()
