#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest can make the journal cost, and what of a guest's ring outlives the daemon.

    journal.py STUB XENSTORED
"""
import time

from cases import GUEST, HOME, run_all
from daemon import DOM_EXC, SHUT_DOWN
from wire import (CONNECTION, CONTROL, DIRECTORY, ERROR, EVENT, INTRODUCE, LOST, READ, RECONNECT, REQ_CONS, REQ_PROD, RING_ERROR, TX_END, TX_START, WATCH,
                  WRITE, Ring, Socket, packed, until)

MOST_PER_REQUEST = 250          # bytes of journal: three records and the request


class Flood:
    """Keeps a ring full of one request."""

    def __init__(self, ring, request):
        self.ring, self.request, self.rest = ring, request, b''

    def fill(self, patience):
        """Until the daemon takes no more of it for so many seconds."""
        taken = time.monotonic()
        while time.monotonic() < taken + patience:
            free = 1024 - (self.ring.index(REQ_PROD) - self.ring.index(REQ_CONS) & 0xffffffff)
            if free:
                self.rest = self.rest or self.request
                self.ring.put(self.rest[:free])
                self.rest = self.rest[free:]
                taken = time.monotonic()
            time.sleep(0.001)


def deaf_guest(store):
    """Its ring is full of requests, it fetches no answer, and it kicks: nothing is done, so nothing is written down."""
    ring = store.guest()
    Flood(ring, packed(DIRECTORY, b'/\0')).fill(0.1)
    before, inode = store.records(), store.inode()
    for _ in range(300):
        ring.kick()
        time.sleep(0.0005)
    assert (store.inode(), store.records()) == (inode, before), (before, store.records())


def slow_guest(store):
    """Its ring is always full, and it fetches one answer at a time: what is not executed is not written down."""
    ring = store.guest()
    flood = Flood(ring, packed(DIRECTORY, b'/\0'))
    flood.fill(0.1)
    before, inode, times = store.records(), store.inode(), 150
    for _ in range(times):
        ring.next()
        flood.fill(0.002)
    used = store.records() - before
    assert inode == store.inode() and used <= times * MOST_PER_REQUEST, used
    return f'{used // times} bytes of journal a request'


def refused_guest(store):
    """Its ring is full of what it is refused: each of these is written down once, not with all that waits behind it."""
    ring, request, rounds = store.guest(), packed(CONTROL, b'help\0' + b'x' * 43), 40
    at_once = Ring.SIZE // len(request)
    before, inode = store.records(), store.inode()
    for _ in range(rounds):
        ring.put(request * at_once)
        for _ in range(at_once):
            assert ring.next() == (ERROR, b'EACCES\0')
    used = (store.records() - before) // (rounds * at_once)
    assert inode == store.inode() and used <= MOST_PER_REQUEST, used
    return f'{used} bytes of journal a request'


def renewals(store):
    """A guest that fills the journal: it is begun anew, in the same process, and nobody notices."""
    ring = store.guest()
    ring.ask(WRITE, b'data/kept\0before')
    ring.ask(WATCH, b'data/seen\0token\0')
    tx = int(ring.ask(TX_START, b'\0')[1][:-1])
    ring.ask(WRITE, b'data/late\0value', tx)
    pid, inodes, memory, longest = store.process.pid, [store.inode()], [], 0
    while len(inodes) < 40:
        begin = time.monotonic()
        assert ring.ask(WRITE, b'data/x%d\0' % (begin * 1e6 % 50) + b'v' * 500)[0] == WRITE
        longest = max(longest, time.monotonic() - begin)
        if store.inode() != inodes[-1]:
            inodes.append(store.inode())
            memory.append(store.anonymous())
    assert max(memory[20:]) <= memory[10] + 128, memory
    with open(f'/proc/{pid}/cmdline', 'rb') as line:
        assert b'--live-update' not in line.read()
    for what in ('as it was', 'killed'):
        assert ring.ask(READ, b'data/kept\0')[1] == b'before', what
        assert ring.ask(READ, b'data/late\0', tx)[1] == b'value', what
        if what == 'as it was':
            store.killed()
    assert ring.ask(TX_END, b'T\0', tx)[0] == TX_END
    assert ring.ask(READ, b'data/late\0')[1] == b'value'
    ring.post(WRITE, b'data/seen\0now')
    assert sorted((ring.next(), ring.next())) == [(WRITE, b'OK\0'), (EVENT, b'data/seen\0token\0')]
    return f'{len(inodes) - 1} journals, the longest request {longest * 1000:.1f} ms'


def looks(store):
    """Requests that change nothing leave nothing but where the ring stands, and that once; who asks them is served on after a kill."""
    ring, answers = store.guest(), 0
    ring.ask(WRITE, b'data/kept\0' + b'v' * 900)
    for _ in range(2):
        inode, before = store.inode(), None
        for i in range(1500):
            assert ring.ask(READ, b'data/kept\0')[1] == b'v' * 900
            store.conns[0].post(DIRECTORY, b'/local\0')
            assert store.conns[0].next() == (DIRECTORY, b'domain\0')
            if i == 2:
                before = store.records()
        assert (inode, before) == (store.inode(), store.records()), (before, store.records())
        for i in range(3):    # no room for all the answers: the ring takes two of them, and the rest comes
            ring.post(READ, b'data/kept\0')
        store.killed()
        for i in range(3):
            assert ring.next() == (READ, b'v' * 900)
        answers += 1503
    return f'{answers} answers'


def put_off(store):
    """It is full, a transaction is open, and it cannot be begun anew: it grows with what is written, no faster, and is begun anew when that can be."""
    ring, inode, obstacle = store.guest(), store.inode(), store.dir / 'journal.new'
    obstacle.mkdir()
    tx = int(ring.ask(TX_START, b'\0')[1][:-1])
    for i in range(600):
        assert ring.ask(WRITE, b'data/x\0' + b'v' * 500)[0] == WRITE
        if i == 300:
            assert 'cannot be begun anew' in store.text()
            ring.ask(TX_END, b'F\0', tx)
    size = (store.dir / 'journal').stat().st_size
    assert size <= 4 << 20 and inode == store.inode(), size
    obstacle.rmdir()
    until(lambda: ring.ask(WRITE, b'data/x\0' + b'v' * 500)[0] == WRITE and store.inode() != inode, 'a journal')
    store.killed()
    assert ring.ask(READ, b'data/x\0')[1] == b'v' * 500
    return f'{size >> 10} KiB'


def told_once(store):
    """What CONTROL tells is of that moment, also if it is delivered after a kill: requests that looked are not played again, but were counted."""
    def requests(text):
        return int(text.split(b'requests: ')[1].split(b'\n')[0])
    ring = Ring(store.dir, 0)
    store.conns[0].post(WRITE, b'/tool/large\0' + b'v' * 900)
    store.conns[0].next()
    for _ in range(1200):
        store.conns[0].post(READ, b'/tool/large\0')
        store.conns[0].next()
    before = requests(store.ours(CONTROL, b'memreport\0')[1])
    for _ in range(2):
        ring.post(READ, b'/tool/large\0')
    ring.post(CONTROL, b'memreport\0')
    until(lambda: requests(store.ours(CONTROL, b'memreport\0')[1]) > before + 3, 'three requests')
    store.killed()
    for _ in range(2):
        assert ring.next() == (READ, b'v' * 900)
    kind, text = ring.next()
    assert kind == CONTROL and requests(text) > before, (before, text)
    return requests(text)


def large_store(store):
    """A large state leaves more room: beginning anew costs a constant for each byte that was written down."""
    for i in range(20000):
        store.conns[0].post(WRITE, b'/tool/n%d\0value' % i)
        store.conns[0].next()
    ring, inodes = store.guest(), set()
    for _ in range(1500):
        ring.ask(WRITE, b'data/x\0' + b'v' * 500)
        inodes.add(store.inode())
    base = store.journal()[0]
    assert base > 256 * 1024 and len(inodes) <= 8, (base, inodes)
    return f'a state of {base >> 10} KiB, {len(inodes)} journals for {1500 * 600 >> 10} KiB of records'


def lost_ring(store):
    """A ring that cannot be mapped after a change of daemons: the domain's end is announced all the same, each once."""
    page = store.dir / f'ring-{GUEST}'
    store.domains('3 0\n')
    store.killed()    # to see the list
    ring = store.guest()
    ring.ask(WRITE, b'data/x\0y')
    page.rename(store.dir / 'away')
    store.killed()
    assert 'domain 3: its ring cannot be taken up again' in store.text()
    seen = Socket(store.dir)
    seen.ask(WATCH, b'@releaseDomain\0gone\0')
    assert seen.next()[0] == EVENT
    store.update()
    for flags in (0, SHUT_DOWN, SHUT_DOWN):
        store.domains(f'3 {flags}\n')
        ring.kick(DOM_EXC)
        store.looked()
    assert seen.next() == (EVENT, b'@releaseDomain\0gone\0')
    (store.dir / 'away').rename(page)
    store.update()
    until(lambda: ring.index(RING_ERROR) == LOST, 'the guest is told')
    ring.index(CONNECTION, RECONNECT)
    ring.kick()
    until(lambda: not ring.index(CONNECTION), 'a new beginning')
    assert ring.ask(READ, b'data/x\0') == (READ, b'y')
    ring.kick(DOM_EXC)
    store.looked()
    seen.post(READ, b'/local/domain/3/data/x\0')
    assert seen.next() == (READ, b'y'), 'announced twice'
    store.domains('')
    ring.kick(DOM_EXC)
    assert seen.next() == (EVENT, b'@releaseDomain\0gone\0')
    assert seen.ask(READ, HOME + b'\0') == (ERROR, b'ENOENT\0')


def introduced_again(store):
    """Also a ring that was lost, which is what INTRODUCE and the guest's own reconnection do; then the daemon dies."""
    ring = store.guest()
    for how in ('introduced', 'reconnected', 'lost'):
        assert ring.ask(WATCH, b'data/seen\0old\0')[0] == WATCH and ring.next()[0] == EVENT
        if how == 'introduced':
            ring.empty()
        if how == 'lost':
            ring.path.rename(store.dir / 'away')
            store.killed()
            (store.dir / 'away').rename(ring.path)
        if how == 'reconnected':
            ring.index(CONNECTION, RECONNECT)
            ring.kick()
            until(lambda: not ring.index(CONNECTION), 'a new beginning')
        else:
            assert store.ours(INTRODUCE, b'3\0001\0005\0')[1] == b'OK\0'
        store.killed()
        ring.post(WRITE, b'data/seen\0now')
        assert ring.next() == (WRITE, b'OK\0'), f'{how}: the old watch is there'


def other_port(store):
    """Introduced once more with another port, which cannot be bound: it keeps all that it has, also in the eyes of the next daemon."""
    ring = store.guest()
    assert store.ours(INTRODUCE, b'3\0001\00098\0') == (ERROR, b'EINVAL\0')
    for _ in range(2):
        assert ring.ask(WRITE, b'data/x\0y') == (WRITE, b'OK\0')
        store.killed()
    assert 'cannot be taken up' not in store.text()


if __name__ == '__main__':
    run_all((deaf_guest, slow_guest, refused_guest, renewals, looks, put_off, told_once, large_store, lost_ring, introduced_again, other_port))
