#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest can make the journal cost, and what of a guest's ring outlives the daemon.

    journal.py STUB XENSTORED
"""
import select
import struct
import sys
import time

from compare import CONTROL, DIRECTORY, ERROR, EVENT, INTRODUCE, MKDIR, READ, SET_PERMS, TX_END, TX_START, WATCH, WRITE, Daemon, Socket
from crash import update

GUEST = 3
HOME = b'/local/domain/3'
SHORT = ('--journal', '64')
MOST_PER_REQUEST = 250          # bytes of journal: three records and the request
DOM_EXC = 1                     # the stub's port of it
SHUT_DOWN = 4                   # XEN_DOMINF_shutdown
REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD, FEATURES, CONNECTION, RING_ERROR = range(2048, 2076, 4)
RECONNECT, LOST = 1, 1          # of xs_wire.h: connection, error


def message(kind, payload, tx=0):
    return struct.pack('<IIII', kind, 1, tx, len(payload)) + payload


def answer(conn):
    kind, _, _, length = struct.unpack('<IIII', conn.receive(16))
    return kind, conn.receive(length)


def ask(conn, kind, payload, tx=0):
    """The answer; events that come first are dropped."""
    conn.send(message(kind, payload, tx))
    while True:
        got, data = answer(conn)
        if got != EVENT:
            return got, data


def until(condition, what):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.002)


class Store(Daemon):
    def __init__(self, stub, program):
        super().__init__(stub, program, SHORT)

    def ours(self, kind, payload):
        """Domain 0's request, on a connection of its own."""
        conn = Socket(self.dir)
        result = ask(conn, kind, payload)
        conn.s.close()
        return result

    def guest(self):
        self.ours(MKDIR, HOME + b'\0')
        self.ours(SET_PERMS, HOME + b'\0n3\0')
        assert self.introduce(GUEST)[2] == b'OK\0'
        return self.conns.pop(GUEST)

    def killed(self):
        """kill -9, and the next daemon."""
        self.process.kill()
        self.process.wait()
        self.start()

    def domains(self, text):
        """The hypervisor's list from now on; 0 is always in it."""
        (self.dir / 'domains.new').write_text('0 0\n' + text)
        (self.dir / 'domains.new').rename(self.dir / 'domains')

    def inode(self):
        return (self.dir / 'journal').stat().st_ino

    def records(self):
        """Bytes of the journal's records, found as the next daemon would."""
        data = (self.dir / 'journal').read_bytes()
        first = at = 32 + struct.unpack_from('<QQQQ', data)[3] + 7 & ~7
        while struct.unpack_from('<I', data, at)[0]:
            at += struct.unpack_from('<I', data, at)[0]
        return at - first

    def anonymous(self):
        """KiB of memory."""
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as status:
            return int(status.read().split('RssAnon:')[1].split()[0])


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
    Flood(ring, message(DIRECTORY, b'/\0')).fill(0.1)
    before, inode = store.records(), store.inode()
    for _ in range(300):
        ring.kick()
        time.sleep(0.0005)
    assert (store.inode(), store.records()) == (inode, before), (before, store.records())


def slow_guest(store):
    """Its ring is always full, and it fetches one answer at a time: what is not executed is not written down."""
    ring = store.guest()
    flood = Flood(ring, message(DIRECTORY, b'/\0'))
    flood.fill(0.1)
    before, inode, times = store.records(), store.inode(), 150
    for _ in range(times):
        answer(ring)
        flood.fill(0.002)
    used = store.records() - before
    assert inode == store.inode() and used <= times * MOST_PER_REQUEST, used
    return f'{used // times} bytes of journal a request'


def renewals(store):
    """A guest that fills the journal: it is begun anew, in the same process, and nobody notices."""
    ring = store.guest()
    ask(ring, WRITE, b'data/kept\0before')
    ask(ring, WATCH, b'data/seen\0token\0')
    tx = int(ask(ring, TX_START, b'\0')[1][:-1])
    ask(ring, WRITE, b'data/late\0value', tx)
    pid, inodes, memory, longest = store.process.pid, [store.inode()], [], 0
    while len(inodes) < 40:
        begin = time.monotonic()
        assert ask(ring, WRITE, b'data/x%d\0' % (begin * 1e6 % 50) + b'v' * 500)[0] == WRITE
        longest = max(longest, time.monotonic() - begin)
        if store.inode() != inodes[-1]:
            inodes.append(store.inode())
            memory.append(store.anonymous())
    assert max(memory[20:]) <= memory[10] + 128, memory
    with open(f'/proc/{pid}/cmdline', 'rb') as line:
        assert b'--live-update' not in line.read()
    for what in ('as it was', 'killed'):
        assert ask(ring, READ, b'data/kept\0')[1] == b'before', what
        assert ask(ring, READ, b'data/late\0', tx)[1] == b'value', what
        if what == 'as it was':
            store.killed()
    assert ask(ring, TX_END, b'T\0', tx)[0] == TX_END
    assert ask(ring, READ, b'data/late\0')[1] == b'value'
    ring.send(message(WRITE, b'data/seen\0now'))
    assert sorted((answer(ring), answer(ring))) == [(WRITE, b'OK\0'), (EVENT, b'data/seen\0token\0')]
    return f'{len(inodes) - 1} journals, the longest request {longest * 1000:.1f} ms'


def large_store(store):
    """A large state leaves more room: beginning anew costs a constant for each byte that was written down."""
    for i in range(20000):
        store.conns[0].send(message(WRITE, b'/tool/n%d\0value' % i))
        answer(store.conns[0])
    ring, inodes = store.guest(), set()
    for _ in range(1500):
        ask(ring, WRITE, b'data/x\0' + b'v' * 500)
        inodes.add(store.inode())
    base = struct.unpack_from('<QQQQ', (store.dir / 'journal').read_bytes())[3]
    assert base > 256 * 1024 and len(inodes) <= 3, (base, inodes)
    return f'a state of {base >> 10} KiB, {len(inodes)} journals for {1500 * 600 >> 10} KiB of records'


def lost_ring(store):
    """A ring that cannot be mapped after a change of daemons: the domain's end is announced all the same, each once."""
    page = store.dir / f'ring-{GUEST}'
    store.domains('3 0\n')
    store.killed()    # to see the list
    ring = store.guest()
    ask(ring, WRITE, b'data/x\0y')
    page.rename(store.dir / 'away')
    store.killed()
    assert 'domain 3: its ring cannot be taken up again' in (store.dir / 'log').read_text()
    seen = Socket(store.dir)
    ask(seen, WATCH, b'@releaseDomain\0gone\0')
    assert answer(seen)[0] == EVENT
    update(store, store.program)
    for flags in (0, SHUT_DOWN, SHUT_DOWN):
        store.domains(f'3 {flags}\n')
        ring.kick(DOM_EXC)
        time.sleep(0.1)
    assert answer(seen) == (EVENT, b'@releaseDomain\0gone\0')
    (store.dir / 'away').rename(page)
    update(store, store.program)
    until(lambda: ring.index(RING_ERROR) == LOST, 'the guest is told')
    ring.index(CONNECTION, RECONNECT)
    ring.kick()
    until(lambda: not ring.index(CONNECTION), 'a new beginning')
    assert ask(ring, READ, b'data/x\0') == (READ, b'y')
    ring.kick(DOM_EXC)
    assert ask(seen, READ, b'/local/domain/3/data/x\0') == (READ, b'y')
    assert not select.select([seen.s], [], [], 0.2)[0], 'announced twice'
    store.domains('')
    ring.kick(DOM_EXC)
    assert answer(seen) == (EVENT, b'@releaseDomain\0gone\0')
    assert ask(seen, READ, HOME + b'\0') == (ERROR, b'ENOENT\0')


def introduced_again(store):
    """Also a ring that was lost, which is what INTRODUCE and the guest's own reconnection do; then the daemon dies."""
    ring = store.guest()
    for how in ('introduced', 'reconnected', 'lost'):
        assert ask(ring, WATCH, b'data/seen\0old\0')[0] == WATCH and answer(ring)[0] == EVENT
        for offset in (REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD) if how == 'introduced' else ():
            ring.index(offset, 0)    # by the guest's next kernel
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
        ring.send(message(WRITE, b'data/seen\0now'))
        assert answer(ring) == (WRITE, b'OK\0'), f'{how}: the old watch is there'


def other_port(store):
    """Introduced once more with a port that cannot be bound: it keeps the one it has, also in the eyes of the next daemon."""
    ring = store.guest()
    assert store.ours(INTRODUCE, b'3\0001\00098\0')[1] == b'OK\0'
    for _ in range(2):
        assert ask(ring, WRITE, b'data/x\0y') == (WRITE, b'OK\0')
        store.killed()
    assert 'cannot be taken up' not in (store.dir / 'log').read_text()


def run_all(tests):
    """Each with a store of its own, which is whole afterwards; argv: the stub, the daemon."""
    stub, program = sys.argv[1:3]
    for test in tests:
        store = Store(stub, program)
        try:
            print('ok', test.__name__, test(store) or '', flush=True)
            assert store.ours(CONTROL, b'check\0')[1] == b'OK\0'
        except BaseException:
            print(test.__name__, (store.dir / 'log').read_text()[-2000:])
            raise
        finally:
            store.stop()


if __name__ == '__main__':
    run_all((deaf_guest, slow_guest, renewals, large_store, lost_ring, introduced_again, other_port))
