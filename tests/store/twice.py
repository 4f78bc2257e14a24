#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 again and again, and after live updates, while guests leave answers and events unread, transactions conflict, memory is short, and domains are introduced
once more.

    twice.py STUB XENSTORED [--times N] [--seed S] [--journal KIB]

The second daemon goes on with what the first one's journal gave, and the third with what the second's gives: were that not the same to the
last byte, what is left of a message in a ring would be cut. Each guest sees every request answered once, in order, and whole messages.
"""
import argparse
import os
import random
import struct
import time

from daemon import Daemon
from wire import (CONTROL, ERROR, EVENT, INTRODUCE, LIMIT, MKDIR, READ, REQ_CONS, REQ_PROD, RM, SET_PERMS, TX_END, TX_START, UNWATCH, WATCH, WRITE, Ring,
                  packed)

GUESTS = (1, 2, 3)
MOST = 12           # requests of a guest that wait for their answers
KEYS = 6


class Guest:
    """Asks without waiting, and reads when it likes."""

    def __init__(self, store, domid, rng):
        self.store, self.domid, self.rng = store, domid, rng
        self.ring = Ring(store.dir, domid)
        self.fresh()
        self.replies = self.events = 0

    def fresh(self):
        self.waiting, self.number, self.open, self.got = [], 0, [], b''

    def ask(self, kind, payload, tx=0):
        whole = packed(kind, payload, tx, self.number + 1)
        used = self.ring.index(REQ_PROD) - self.ring.index(REQ_CONS) & 0xffffffff
        if len(self.waiting) >= MOST or used + len(whole) > Ring.SIZE:
            return
        self.number += 1
        self.waiting.append((self.number, kind))
        self.ring.put(whole)

    def step(self):
        r = self.rng
        key = b'data/%d' % r.randrange(KEYS)
        tx = r.choice(self.open) if self.open and r.random() < 0.6 else 0
        what = r.choices((WRITE, READ, RM, WATCH, UNWATCH, TX_START, TX_END), (8, 4, 1, 2, 1, 2, 2))[0]
        if what == WRITE:
            self.ask(WRITE, key + b'\0' + r.randbytes(r.choice((0, 5, 40, 300))), tx)
        elif what in (READ, RM):
            self.ask(what, key + b'\0', tx)
        elif what in (WATCH, UNWATCH):
            self.ask(what, r.choice((b'data', key)) + b'\0token%d\0' % r.randrange(3))
        elif what == TX_START and len(self.open) < 4:
            self.ask(TX_START, b'\0')
        elif what == TX_END and tx:
            self.open.remove(tx)
            self.ask(TX_END, b'T\0', tx)

    def fetch(self, most):
        """At most so many bytes; what they say must be what was asked for."""
        more = self.ring.fetch(most)
        self.got += more
        while len(self.got) >= 16:
            kind, number, _, length = struct.unpack('<IIII', self.got[:16])
            assert length <= 4096 and (kind == EVENT or self.waiting), f'domain {self.domid}: not a message: {self.got[:64]}'
            if len(self.got) < 16 + length:
                break
            self.message(kind, number, self.got[16:16 + length])
            self.got = self.got[16 + length:]
        return len(more)

    def message(self, kind, number, data):
        if kind == EVENT:
            path, token, end = data.split(b'\0')
            assert number == 0 and path.startswith(b'data') and token.startswith(b'token') and not end, data
            self.events += 1
            return
        expected, asked = self.waiting.pop(0)
        assert (number, kind) in ((expected, asked), (expected, ERROR)), f'domain {self.domid}: {kind} {number} {data} for {asked} {expected}'
        if kind == TX_START:
            self.open.append(int(data[:-1]))
        self.replies += 1

    def finish(self):
        end = time.monotonic() + LIMIT
        while self.waiting or self.got:
            assert time.monotonic() < end, f'domain {self.domid}: no answer to {self.waiting}'
            if not self.fetch(1024):
                time.sleep(0.001)


class Test:
    def __init__(self, args):
        self.rng = random.Random(args.seed)
        self.store = Daemon(args.stub, args.program, ('--journal', str(args.journal)) if args.journal else ())
        self.guests = []
        for d in GUESTS:
            self.guests.append(Guest(self.store, d, self.rng))
            self.ours(MKDIR, b'/local/domain/%d/data\0' % d)
            for path in (b'', b'/data'):
                self.ours(SET_PERMS, b'/local/domain/%d' % d + path + b'\0n%d\0' % d)
            self.introduce(self.guests[-1])

    def ours(self, kind, payload):
        got, data = self.store.ours(kind, payload)
        assert got == kind, (kind, payload, data)
        return data

    def introduce(self, guest):
        """Its next kernel begins with an empty ring: nothing is on its way when that happens."""
        guest.finish()
        busy = True
        while busy:
            self.store.looked()
            busy = guest.fetch(1024) or guest.ring.index(REQ_PROD) != guest.ring.index(REQ_CONS) or guest.got
        guest.ring.empty()
        guest.fresh()
        self.ours(INTRODUCE, b'%d\0001\0005\0' % guest.domid)

    def step(self):
        guest, what = self.rng.choice(self.guests), self.rng.random()
        if what < 0.6:
            guest.step()
        elif what < 0.75:
            guest.fetch(self.rng.choice((1, 10, 30, 200, 1024)))
        elif what < 0.77:    # events that find no memory are made up for when there is some
            self.ours(CONTROL, b'quota\0set\0memory\0%d\0' % self.rng.choice((2500, 5000, 2621440, 2621440)))
        elif what < 0.99:    # the guest's transactions conflict, and its events are merged with those it has not read
            self.ours(WRITE, b'/local/domain/%d/data/%d\0v' % (guest.domid, self.rng.randrange(KEYS)))
        else:
            self.introduce(guest)

    def run(self, times):
        kills = 0
        for _ in range(times):
            for _ in range(self.rng.choice((2, 20, 60))):
                self.step()
            if self.rng.random() < 0.2:
                self.store.update()
            for _ in range(self.rng.choice((1, 2, 2, 3))):
                self.store.killed()
                kills += 1
                for guest in self.guests:
                    guest.fetch(self.rng.choice((0, 7, 100, 1024)))
        for guest in self.guests:
            guest.finish()
        self.store.looked()
        text = self.store.text()
        assert 'journal of' not in text and 'no journal' not in text
        print(f'{kills} kills, {sum(g.replies for g in self.guests)} answers, {sum(g.events for g in self.guests)} events')


def main():
    args = argparse.ArgumentParser()
    args.add_argument('stub')
    args.add_argument('program')
    args.add_argument('--times', type=int, default=60)
    args.add_argument('--journal', type=int, default=32)
    args.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(4), 'little'))
    args = args.parse_args()
    print(f'seed {args.seed}, {args.times} times', flush=True)
    test = Test(args)
    try:
        test.run(args.times)
    except BaseException:
        print(test.store.text()[-2000:])
        raise
    finally:
        test.store.stop()


if __name__ == '__main__':
    main()
