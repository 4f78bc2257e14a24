#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 at times drawn from a printed seed, or live updates, under load: domains on rings go on as if nothing had happened.

    crash.py STUB XENSTORED kill|update [--times N] [--seed S] [--journal KIB]

Each domain writes, reads, watches and commits transactions on its ring, domain 0 on its ring and over the socket: one request at a time, or
some at once. Every request must be answered once, in order, with the right answer; every write fires its watch; and the store in the end must be
what was acknowledged. Over the socket, what was not acknowledged when the daemon died is either done or not, a transaction wholly.
The journal is kept short, so that it is begun anew all the time.
"""
import argparse
import collections
import os
import random
import threading
import time

from daemon import DOMAINS, Daemon, set_up
from wire import CONTROL, ERROR, EVENT, NAMES, READ, SET_PERMS, TX_END, TX_START, WATCH, WRITE, Ring, Socket


class Load(threading.Thread):
    """One client's life. Nodes below `home`, which is relative to its domain's."""

    def __init__(self, daemon, domid, seed, conn, home=b'data/'):
        super().__init__()
        self.daemon, self.domid, self.home = daemon, domid, home
        self.conn = conn
        self.rng = random.Random(seed)
        self.known, self.stop, self.error = {}, False, None
        self.requests = self.again = self.fired = 0
        self.events = {}
        self.past = collections.deque(maxlen=60)    # what was asked and answered, for who looks for an error
        self.maybe = {}         # written, and not acknowledged yet
        self.whole = False      # in a transaction

    def key(self):
        return self.home + b'%d' % self.rng.randrange(20)

    def send(self, kind, payload, tx=0):
        self.requests += 1
        self.past.append((self.requests, NAMES[kind], tx, payload[:40]))
        self.conn.post(kind, payload, tx, self.requests)
        return self.requests

    def message(self):
        """Type, number and payload of what comes next; an event is counted."""
        got, req, _, data = self.conn.message()
        if got == EVENT:
            path = data.split(b'\0')[0]
            self.events[path] = self.events.get(path, 0) + 1
            self.fired += 1
        return got, req, data

    def answer(self, number):
        while True:
            got, req, data = self.message()
            if got == EVENT:
                continue
            self.past.append((req, NAMES[got], data[:40]))
            assert req == number, f'domain {self.domid}: answer to {req} for {number}'
            return got, data

    def ask(self, kind, payload, tx=0):
        return self.answer(self.send(kind, payload, tx))

    def write(self, key, value, tx=0):
        got, data = self.ask(WRITE, key + b'\0' + value, tx)
        assert got == WRITE, (self.domid, key, data)

    def read(self, key, want, tx=0):
        got, data = self.ask(READ, key + b'\0', tx)
        assert (data if got == READ else None) == want, (self.domid, key, got, data, want)

    def acknowledged(self):
        self.known.update(self.maybe)
        self.maybe, self.whole = {}, False

    def transaction(self):
        got, data = self.ask(TX_START, b'\0')
        assert got == TX_START, data
        tx = int(data[:-1])
        mine = {self.key(): self.rng.randbytes(self.rng.randrange(60)) for _ in range(3)}
        for key, value in mine.items():
            self.write(key, value, tx)
        self.ask(READ, b'/local/domain/0/other/%d\0' % self.rng.randrange(4), tx)    # what others change meanwhile
        # One that conflicts already when the daemon changes goes on without what it wrote, and only its end says so.
        lost = [key for key, value in mine.items() if self.ask(READ, key + b'\0', tx)[1] != value]
        self.maybe, self.whole = mine, True
        got, data = self.ask(TX_END, b'T\0', tx)
        assert got == ERROR or not lost, lost
        if got == ERROR:
            assert data == b'EAGAIN\0', data
            self.again += 1
            self.maybe = {}
        self.acknowledged()

    def several(self):
        """Requests that do not wait for each other's answers."""
        values = [(self.key(), self.rng.randbytes(self.rng.randrange(100))) for _ in range(self.rng.randint(2, 7))]
        self.maybe = dict(values)
        numbers = [self.send(WRITE, key + b'\0' + value) for key, value in values]
        for number in numbers:
            got, data = self.answer(number)
            assert got == WRITE, data
        self.acknowledged()

    def fires(self, key, before):
        """The event came before the answer to the next request."""
        assert self.events.get(key, 0) > before, f'domain {self.domid}: no event for {key}'

    def step(self):
        key = self.key()
        what = self.rng.random()
        if what < 0.4:
            value = self.rng.randbytes(self.rng.randrange(1500) if what < 0.1 else self.rng.randrange(30))
            before = self.events.get(key, 0)
            self.maybe = {key: value}
            self.write(key, value)
            self.acknowledged()
            self.read(key, value)
            self.fires(key, before)
        elif what < 0.6:
            self.read(key, self.known.get(key))
        elif what < 0.8:
            self.several()
        else:
            self.transaction()

    def begin(self):
        self.ask(WATCH, self.home[:-1] + b'\0t\0')

    def come(self):
        self.begin()

    def finish(self):
        for key, value in self.known.items():
            self.read(key, value)

    def run(self):
        try:
            self.come()
            while not self.stop:
                self.step()
            self.finish()
        except BaseException as error:  # reported by the main thread
            self.error = error
            print(*self.past, sep='\n', flush=True)


class SocketLoad(Load):
    """Domain 0's over the socket, which ends with the daemon; here also what others' transactions read is changed."""

    def step(self):
        try:
            if self.rng.random() < 0.3:
                self.write(b'other/%d' % self.rng.randrange(4), self.rng.randbytes(self.rng.randrange(200)))
            else:
                super().step()
        except (ConnectionError, BrokenPipeError):
            self.again += 1
            while not self.connected():
                time.sleep(0.002)

    def come(self):
        """The daemon may be killed while it does."""
        while not self.connected():
            time.sleep(0.002)

    def finish(self):
        """The last kill may have come after its last step."""
        self.come()
        super().finish()

    def begin(self):
        super().begin()
        self.write(b'other', b'')
        assert self.ask(SET_PERMS, b'other\0r0\0')[0] == SET_PERMS

    def connected(self):
        """Is the daemon there again? What was done is looked up."""
        try:
            self.conn = Socket(self.daemon.dir)
            self.begin()
            found = {key: self.ask(READ, key + b'\0') for key in self.maybe}
        except OSError:
            return False
        found = {key: data if got == READ else None for key, (got, data) in found.items()}
        before = {key: self.known.get(key) for key in found}
        assert found in (before, self.maybe) or not self.whole, f'half of a transaction: {found}'
        self.known.update((key, value) for key, value in found.items() if value is not None)
        self.maybe, self.whole = {}, False
        return True


def main():
    args = argparse.ArgumentParser()
    args.add_argument('stub')
    args.add_argument('program')
    args.add_argument('how', choices=('kill', 'update'))
    args.add_argument('--times', type=int, default=50)
    args.add_argument('--journal', type=int, default=64)
    args.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(4), 'little'))
    args = args.parse_args()
    print(f'seed {args.seed}, {args.times} times', flush=True)
    rng = random.Random(args.seed)
    daemon = Daemon(args.stub, args.program, ('--journal', str(args.journal)))
    set_up(daemon)
    loads = [Load(daemon, d, args.seed + d, daemon.conns[d]) for d in DOMAINS]
    loads.append(Load(daemon, 0, args.seed, Ring(daemon.dir, 0)))
    loads.append(SocketLoad(daemon, 0, args.seed + 99, Socket(daemon.dir), b'socket/'))
    ok = False
    try:
        for load in loads:
            load.start()
        for i in range(args.times):
            time.sleep(rng.random() * 0.05)
            if args.how == 'kill':
                daemon.killed()
            else:
                daemon.update()
            assert daemon.process.poll() is None, f'the daemon ended after {i + 1} times'
            errors = [load.error for load in loads if load.error]
            assert not errors, errors
        for load in loads:
            load.stop = True
        for load in loads:
            load.join()
            assert not load.error, load.error
        daemon.conns = {0: Socket(daemon.dir)}
        assert daemon.call(0, CONTROL, b'check\0')[2] == b'OK\0'
        for load in loads:
            for key, value in load.known.items():
                assert daemon.call(0, READ, b'/local/domain/%d/' % load.domid + key + b'\0')[2] == value
        log = daemon.text()
        assert 'journal' not in log and 'cannot' not in log
        descriptors = len(os.listdir(f'/proc/{daemon.process.pid}/fd'))
        print(f'{sum(load.requests for load in loads)} requests, {sum(load.fired for load in loads)} events, '
              f'{sum(load.again for load in loads)} transactions or connections to repeat, {descriptors} descriptors')
        ok = True
    finally:
        for load in loads:
            load.stop = True
        if not ok:
            print(daemon.text()[-2000:])
        daemon.process.kill()
        daemon.stop()


if __name__ == '__main__':
    main()
