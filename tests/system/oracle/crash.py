#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 at times drawn from a printed seed, or live updates, under load: domains on rings go on as if nothing had happened.

    crash.py STUB XENSTORED kill|update [--times N] [--seed S]

Each domain writes, reads, watches and commits transactions on its ring, one request at a time. Every request must be answered once,
with the right answer, and the store in the end must be what was acknowledged.
"""
import argparse
import os
import pathlib
import random
import signal
import struct
import subprocess
import threading
import time

from compare import CONTROL, DOMAINS, ERROR, EVENT, READ, TX_END, TX_START, WATCH, WRITE, Daemon, Socket, homes, set_up


class Load(threading.Thread):
    """One domain's life."""

    def __init__(self, daemon, domid, seed):
        super().__init__()
        self.daemon, self.domid = daemon, domid
        self.ring = daemon.conns[domid]
        self.rng = random.Random(seed)
        self.known, self.stop, self.error = {}, False, None
        self.requests = self.again = 0
        self.events = {}

    def message(self):
        kind, req, tx, length = struct.unpack('<IIII', self.ring.receive(16))
        return kind, req, tx, self.ring.receive(length)

    def ask(self, kind, payload, tx=0):
        self.requests += 1
        self.ring.send(struct.pack('<IIII', kind, self.requests, tx, len(payload)) + payload)
        while True:
            got, req, _, data = self.message()
            if got == EVENT:
                path = data.split(b'\0')[0]
                self.events[path] = self.events.get(path, 0) + 1
                continue
            assert req == self.requests, f'domain {self.domid}: answer to {req} for {self.requests}'
            return got, data

    def write(self, key, value, tx=0):
        got, data = self.ask(WRITE, key + b'\0' + value, tx)
        assert got == WRITE, (self.domid, key, data)

    def read(self, key, want, tx=0):
        got, data = self.ask(READ, key + b'\0', tx)
        assert (data if got == READ else None) == want, (self.domid, key, got, data, want)

    def transaction(self):
        got, data = self.ask(TX_START, b'\0')
        assert got == TX_START, data
        tx = int(data[:-1])
        mine = {b'data/%d' % self.rng.randrange(20): self.rng.randbytes(self.rng.randrange(60)) for _ in range(3)}
        for key, value in mine.items():
            self.write(key, value, tx)
        for key, value in mine.items():
            self.read(key, value, tx)
        got, data = self.ask(TX_END, b'T\0', tx)
        if got == ERROR:
            assert data == b'EAGAIN\0', data
            self.again += 1
        else:
            self.known.update(mine)

    def step(self):
        key = b'data/%d' % self.rng.randrange(20)
        what = self.rng.random()
        if what < 0.5:
            value = self.rng.randbytes(self.rng.randrange(1500) if what < 0.1 else self.rng.randrange(30))
            before = self.events.get(key, 0)
            self.write(key, value)
            self.known[key] = value
            self.read(key, value)
            assert self.events.get(key, 0) > before, f'domain {self.domid}: no event for {key}'
        elif what < 0.8:
            self.read(key, self.known.get(key))
        else:
            self.transaction()

    def run(self):
        try:
            self.ask(WATCH, b'data\0t\0')
            while not self.stop:
                self.step()
            for key, value in self.known.items():
                self.read(key, value)
        except BaseException as error:  # reported by the main thread
            self.error = error


def start_again(daemon, program, env):
    daemon.process = subprocess.Popen([program, '-N'], env=env, stdout=daemon.log, stderr=daemon.log)


def update(daemon, program):
    s = Socket(daemon.dir)
    for payload in (b'live-update\0-f\0' + os.path.abspath(program).encode() + b'\0', b'live-update\0-s\0'):
        s.send(struct.pack('<IIII', CONTROL, 1, 0, len(payload)) + payload)
        length = struct.unpack('<IIII', s.receive(16))[3]
        answer = s.receive(length)
        assert answer == b'OK\0', answer
    s.s.close()


def main():
    args = argparse.ArgumentParser()
    args.add_argument('stub')
    args.add_argument('program')
    args.add_argument('how', choices=('kill', 'update'))
    args.add_argument('--times', type=int, default=50)
    args.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(4), 'little'))
    args = args.parse_args()
    print(f'seed {args.seed}, {args.times} times', flush=True)
    rng = random.Random(args.seed)
    daemon = Daemon(args.stub, args.program)
    env = dict(os.environ, STUB_DIR=str(daemon.dir), XENSTORED_RUNDIR=str(daemon.dir), LD_PRELOAD=str(pathlib.Path(args.stub).resolve()))
    set_up(daemon)
    homes(daemon)
    loads = [Load(daemon, d, args.seed + d) for d in DOMAINS]
    ok = False
    try:
        for load in loads:
            load.start()
        for i in range(args.times):
            time.sleep(rng.random() * 0.05)
            if args.how == 'kill':
                daemon.process.send_signal(signal.SIGKILL)
                daemon.process.wait()
                start_again(daemon, args.program, env)
                time.sleep(0.03)
            else:
                update(daemon, args.program)
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
        descriptors = len(os.listdir(f'/proc/{daemon.process.pid}/fd'))
        print(f'{sum(load.requests for load in loads)} requests, {sum(load.again for load in loads)} transactions to repeat, '
              f'{descriptors} descriptors')
        ok = True
    finally:
        for load in loads:
            load.stop = True
        if not ok:
            print((daemon.dir / 'log').read_text()[-2000:])
        daemon.process.kill()
        daemon.stop()


if __name__ == '__main__':
    main()
