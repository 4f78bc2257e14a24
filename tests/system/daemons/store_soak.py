#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""In a domain 0: the store dies by kill -9, or updates itself, again and again, under load from a guest, from the kernel's ring and over the socket.

    store_soak.py kill|update TIMES SEED DOMID

DOMID is a guest of tests/system/daemons/guest/storeguest.c in its steady mode. crash.py does the same without a hypervisor.
"""
import os
import pathlib
import random
import select
import subprocess
import sys
import time

import crash
from wire import CONTROL, EVENT, LIMIT, READ, RM, WRITE, Connection, Socket, update

PROGRAM = '/usr/lib/xenios/bin/xenstored'
PAUSE = 0.02    # s between two steps: in an emulator three loads that never rest take most of the time from the store
PID = pathlib.Path('/run/xenstore.pid')


def alive(pid):
    try:
        return ') Z ' not in pathlib.Path(f'/proc/{pid}/stat').read_text(encoding='ascii')
    except OSError:
        return False


class Store:
    dir = pathlib.Path('/run/xenstored')

    def ask(self, kind, payload):
        conn = Socket(self.dir)
        result = conn.ask(kind, payload)
        conn.close()
        return result

    def read(self, path):
        got, data = self.ask(READ, path.encode() + b'\0')
        return data.decode() if got == READ else None

    def pid(self):
        return int(PID.read_text(encoding='ascii'))

    def start(self):
        subprocess.run([PROGRAM, '--pid-file', str(PID), '--journal', '64'], check=True)

    def kill(self):
        pid = self.pid()
        os.kill(pid, 9)
        while alive(pid):
            time.sleep(0.001)
        self.start()


class Xenbus(Connection):
    """Domain 0's ring, through its kernel."""

    def __init__(self):
        self.fd = os.open('/dev/xen/xenbus', os.O_RDWR)
        self.rest = b''

    def send(self, data):
        assert os.write(self.fd, data) == len(data)

    def receive(self, n):
        while len(self.rest) < n:
            if not select.select([self.fd], [], [], LIMIT)[0]:
                raise TimeoutError("no answer on domain 0's ring")
            self.rest += os.read(self.fd, 4096)
        out, self.rest = self.rest[:n], self.rest[n:]
        return out


class XenbusLoad(crash.Load):
    """One request at a time: Linux sends a file's request later, from the buffer into which that file's next one is written. A thread of its own tells events."""

    def several(self):
        for _ in range(self.rng.randint(2, 7)):
            key, value = self.key(), self.rng.randbytes(self.rng.randrange(100))
            self.maybe = {key: value}
            self.write(key, value)
            self.acknowledged()

    def fires(self, key, before):
        while self.events.get(key, 0) == before:
            got, number, _ = self.message()
            assert got == EVENT, f'an answer to {number} that nobody waits for'

    def step(self):
        super().step()
        time.sleep(PAUSE)


class SocketLoad(crash.SocketLoad):
    def step(self):
        super().step()
        time.sleep(PAUSE)


def main():
    how, times, seed, domid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    store, rng = Store(), random.Random(seed)
    store.kill()    # the next has a short journal
    for name in (b'data', b'socket', b'other'):
        store.ask(RM, b'/local/domain/0/' + name + b'\0')
    guest = f'/local/domain/{domid}/data'
    loads = [XenbusLoad(store, 0, seed, Xenbus()), SocketLoad(store, 0, seed + 1, Socket(store.dir), b'socket/')]
    first = int((store.read(f'{guest}/rounds') or '0').split()[0])
    for load in loads:
        load.start()
    try:
        while not all(load.known or load.error for load in loads):
            time.sleep(0.01)
        begin = time.monotonic()
        for i in range(times):
            time.sleep(rng.random() * 0.1)
            if how == 'kill':
                store.kill()
            else:
                update(store.dir, PROGRAM)
            for load in loads:
                assert not load.error, (i, load.error)
            if i % 100 == 99:
                print(f'{i + 1} times in {time.monotonic() - begin:.0f} s', flush=True)
        for load in loads:
            load.stop = True
            load.join(60)
            assert not load.is_alive() and not load.error, load.error
        assert store.ask(CONTROL, b'check\0')[1] == b'OK\0'
        for load in loads:
            for key, value in load.known.items():
                assert store.ask(READ, b'/local/domain/0/' + key + b'\0') == (READ, value), key
        store.ask(WRITE, f'{guest}/stop\0'.encode() + b'1')
        end = time.monotonic() + 120
        while not store.read(f'{guest}/result'):
            assert time.monotonic() < end, 'the guest does not go on'
            time.sleep(0.2)
        rounds, wrong, events = map(int, store.read(f'{guest}/result').split())
        print(f'SOAK {how} {times} times in {time.monotonic() - begin:.0f} s, seed {seed}: domain 0 {sum(load.requests for load in loads)} requests, '
              f'{sum(load.fired for load in loads)} events; guest {rounds} rounds, {events} events, {wrong} wrong', flush=True)
        assert wrong == 0 and rounds > first
    finally:
        for load in loads:
            load.stop = True


if __name__ == '__main__':
    main()
