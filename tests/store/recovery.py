#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the next daemon knows after kill -9, and what it is told to forget.

    recovery.py STUB XENSTORED
"""
import os
import resource
import struct
import time

from cases import HOME, run_all
from daemon import DOM_EXC, SHUT_DOWN
from wire import CONTROL, ERROR, EVENT, GET_PATH, IS_INTRODUCED, READ, RELEASE, REQ_PROD, RESUME, WATCH, WRITE, Ring, Socket, packed, until

DYING = 1   # XEN_DOMINF_dying
WATCHED = b'@releaseDomain\0gone\0'


def watcher(store, conn=None):
    """Is told of ends."""
    conn = conn or Socket(store.dir)
    assert conn.ask(WATCH, WATCHED)[0] == WATCH
    assert conn.next() == (EVENT, WATCHED)
    return conn


def listed(store, ring, text):
    """The hypervisor's list changes, and the daemon has looked at it."""
    store.domains(text)
    ring.kick(DOM_EXC)
    store.looked()


def silent(conn):
    """No event came before the answer to the next request."""
    conn.post(GET_PATH, b'3\0')
    return conn.next() == (GET_PATH, HOME + b'\0')


def resumed(store):
    """A domain was suspended when the journal began, and went on since: its end is announced."""
    store.domains('3 0\n')
    store.killed()    # to see the list
    ring = store.guest()
    seen = watcher(store)
    listed(store, ring, f'3 {SHUT_DOWN}\n')
    assert seen.next() == (EVENT, WATCHED)
    store.killed()
    store.domains('3 0\n')
    assert store.ours(RESUME, b'3\0') == (RESUME, b'OK\0')
    store.killed()
    seen = watcher(store)
    listed(store, ring, f'3 {SHUT_DOWN}\n')
    assert seen.next() == (EVENT, WATCHED)
    listed(store, ring, f'3 {SHUT_DOWN}\n')
    assert silent(seen), 'announced twice'


def unannounced(store):
    """The daemon may have died between a domain's end and the announcement: who waits on a ring is told once more."""
    ring = watcher(store, Ring(store.dir, 0))
    for _ in range(3):
        store.killed()
        assert ring.next() == (EVENT, WATCHED)
        assert ring.ask(WRITE, b'/a\0b') == (WRITE, b'OK\0')


def dead_on_arrival(store):
    """A domain dies before it is introduced, so that its event comes when nobody knows it: its end is announced all the same."""
    store.domains('3 0\n')
    store.killed()
    seen = watcher(store)
    store.domains(f'3 {DYING}\n')
    store.guest()
    assert seen.next() == (EVENT, WATCHED)
    assert store.ours(IS_INTRODUCED, b'3\0') == (IS_INTRODUCED, b'F\0')
    assert silent(seen), 'announced twice'


def no_list(store):
    """The hypervisor's list cannot be had when a domain ends: it is asked again, for there is no second event."""
    store.domains('3 0\n')
    store.killed()
    ring = store.guest()
    seen = watcher(store)
    (store.dir / 'mute').touch()
    listed(store, ring, '')
    assert silent(seen)
    (store.dir / 'mute').unlink()
    assert seen.next() == (EVENT, WATCHED)
    assert store.ours(IS_INTRODUCED, b'3\0') == (IS_INTRODUCED, b'F\0')


def update_due(store):
    """A domain's release has nothing to do with the live update that somebody prepares."""
    store.guest()
    program = os.path.abspath(store.program).encode()
    assert store.ours(CONTROL, b'live-update\0-f\0' + program + b'\0') == (CONTROL, b'OK\0')
    assert store.ours(RELEASE, b'3\0') == (RELEASE, b'OK\0')
    assert store.ours(CONTROL, b'live-update\0-s\0') == (CONTROL, b'OK\0')


def refused(store, program):
    """Why the daemon does not become this program; it goes on."""
    conn = Socket(store.dir)
    assert conn.ask(CONTROL, b'live-update\0-f\0' + os.path.abspath(program).encode() + b'\0') == (CONTROL, b'OK\0')
    kind, why = conn.ask(CONTROL, b'live-update\0-s\0')
    assert kind == CONTROL
    assert conn.ask(WRITE, b'/still\0here') == (WRITE, b'OK\0')
    conn.close()
    return why[:-1].decode()


def update_refused(store):
    """Whoever asks for a live update is told what was in its way: the new program, or something that may be there later."""
    program = store.dir / 'program'
    for text, why in (('no program at all', 'the new program could not be started: Exec format error'),
                      ('#!/bin/sh\nexit 1\n', 'the new program does not understand the state'),
                      ('#!/bin/sh\nexit 75\n', 'the new program lacks memory or descriptors to read the state'),
                      ('#!/bin/sh\nexit 127\n', 'the new program lacks a library, or memory for it'),
                      ('#!/bin/sh\nkill -9 $$\n', 'the new program died of signal 9 as it read the state')):
        program.write_text(text)
        program.chmod(0o755)
        assert refused(store, program) == why
    daemon = store.process.pid
    before = resource.prlimit(daemon, resource.RLIMIT_AS)
    with open(f'/proc/{daemon}/statm', encoding='ascii') as sizes:
        resource.prlimit(daemon, resource.RLIMIT_AS, (int(sizes.read().split()[0]) * os.sysconf('SC_PAGESIZE'), before[1]))
    assert refused(store, store.program).endswith(': Cannot allocate memory')
    resource.prlimit(daemon, resource.RLIMIT_AS, before)
    before = resource.prlimit(daemon, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon, resource.RLIMIT_NOFILE, (len(os.listdir(f'/proc/{daemon}/fd')) + 1, before[1]))    # one for the client
    assert refused(store, store.program) == 'the state could not be written: Too many open files'
    resource.prlimit(daemon, resource.RLIMIT_NOFILE, before)
    store.update()
    assert store.ours(READ, b'/still\0') == (READ, b'here')


def update_refused_between(store):
    """Requests before and after it in the same ring, and others' turns that do not come to pass, get their own answers, and it gets its own."""
    program = store.dir / 'program'
    program.write_text('#!/bin/sh\nexit 1\n')
    program.chmod(0o755)
    ring = Ring(store.dir, 0)
    for domid in (4, 5):
        store.introduce(domid)
    assert ring.ask(CONTROL, b'live-update\0-f\0' + bytes(program) + b'\0') == (CONTROL, b'OK\0')
    requests = [(RELEASE, b'4\0'), (RELEASE, b'5\0'), (CONTROL, b'live-update\0-s\0'), (READ, b'/tool/none\0'), (READ, b'/tool/xenstored\0')]
    text, prod = b''.join(packed(*r) for r in requests), ring.index(REQ_PROD)
    for i, byte in enumerate(text):
        ring.page[(prod + i) % Ring.SIZE] = byte
    ring.index(REQ_PROD, prod + len(text))
    os.write(ring.events, struct.pack('<III', ring.port, 104, 105))      # all three have a turn in the round that begins
    assert [ring.next() for _ in requests] == [(RELEASE, b'OK\0'), (RELEASE, b'OK\0'), (CONTROL, b'the new program does not understand the state\0'),
                                               (ERROR, b'ENOENT\0'), (READ, b'')]


def logging(store):
    """Where the log goes, and that requests are traced, is the same after live updates."""
    log = store.dir / 'chosen'
    assert store.ours(CONTROL, b'logfile\0%s\0' % str(log).encode()) == (CONTROL, b'OK\0')
    assert store.ours(CONTROL, b'log\0on\0') == (CONTROL, b'OK\0')
    for _ in range(2):
        store.update()
        lines = log.read_text().count('WRITE /logged')
        assert store.ours(WRITE, b'/logged\0') == (WRITE, b'OK\0')
        assert log.read_text().count('WRITE /logged') == lines + 1
    with open(f'/proc/{store.process.pid}/cmdline', 'rb') as line:
        assert line.read().count(b'--trace-file') == 1
    with open(f'/proc/{store.process.pid}/comm', encoding='ascii') as name:
        assert name.read() == 'xenstored\n'


def full(store):
    """No room for more of the journal: requests are served, and the next daemon does not bring back a store of long ago."""
    ring = store.guest()
    assert ring.ask(WRITE, b'data/x\0before') == (WRITE, b'OK\0')
    (store.dir / 'full').touch()
    for i in range(2000):
        assert ring.ask(WRITE, b'data/x\0%d' % i + b'v' * 400) == (WRITE, b'OK\0')
    until(lambda: not (store.dir / 'journal').exists(), 'the old journal goes')
    assert 'a crash will lose the store' in store.text()
    assert not list(store.dir.glob('journal*'))
    store.killed()
    assert store.ours(READ, HOME + b'/data/x\0')[1] == b'ENOENT\0', 'an old store'


def room_again(store):
    """There is room again: so is the journal, without anybody asking the daemon for anything, and what was written meanwhile is in it."""
    store.command[-1] += ',200'
    store.killed()
    ring = store.guest()
    (store.dir / 'full').touch()
    for i in range(2000):
        assert ring.ask(WRITE, b'data/x\0%d' % i + b'v' * 400) == (WRITE, b'OK\0')
    log = store.dir / 'log'
    until(lambda: 'a crash will lose the store' in log.read_text(), 'the old journal goes')
    assert ring.ask(WRITE, b'data/x\0meanwhile') == (WRITE, b'OK\0')
    time.sleep(0.5)
    assert 'journal is back' not in log.read_text()
    (store.dir / 'full').unlink()
    until(lambda: 'journal is back' in log.read_text(), 'the journal is not begun again')
    assert ring.ask(WRITE, b'data/y\0later') == (WRITE, b'OK\0')
    store.killed()
    for name, value in ((b'x', b'meanwhile'), (b'y', b'later')):
        assert store.ours(READ, HOME + b'/data/' + name + b'\0') == (READ, value)
    assert ring.ask(READ, b'data/y\0') == (READ, b'later')


def full_from_the_start(store):
    """The same where a journal cannot even be begun: the one that was just played is of no use any more."""
    ring = store.guest()
    (store.dir / 'full').touch()
    store.killed()
    assert ring.ask(WRITE, b'data/x\0y') == (WRITE, b'OK\0')
    assert not list(store.dir.glob('journal*'))


def room(store):
    """Every page is there before it is written to."""
    ring = store.guest()
    page = os.sysconf('SC_PAGESIZE')
    for _ in range(200):
        assert ring.ask(WRITE, b'data/x\0' + b'v' * 900)[0] == WRITE
        at, file = store.journal()[2], (store.dir / 'journal').stat()
        there = file.st_blocks * 512
        assert at + page <= there or there >= file.st_size, (at, there, file.st_size)


def no_epoll(store):
    """The daemon ends because it cannot wait for anybody any more. That is no clean end: the next one has its store."""
    ring = store.guest()
    assert ring.ask(WRITE, b'data/x\0y') == (WRITE, b'OK\0')
    with open(store.dir / f'held-{store.process.pid}', 'r+b') as held:
        held.seek(8)
        held.write(struct.pack('<i', 1))
    ring.post(READ, b'data/x\0')
    assert store.process.wait(20) == 1
    store.start()
    assert ring.next() == (READ, b'y')


def another_version(store):
    """A journal that other code wrote is not played: what the calls did there is not what they would do here."""
    store.guest()
    assert store.ours(WRITE, b'/old\0x') == (WRITE, b'OK\0')
    store.process.kill()
    store.process.wait()
    with open(store.dir / 'journal', 'r+b') as file:
        file.seek(8)
        version, = struct.unpack('<Q', file.read(8))
        file.seek(8)
        file.write(struct.pack('<Q', version + 1))
    store.start()
    assert store.ours(READ, b'/old\0')[1] == b'ENOENT\0'
    assert "is another version's" in store.text()
    assert store.ours(WRITE, b'/new\0y') == (WRITE, b'OK\0')
    store.killed()      # and this one's is of use again
    assert store.ours(READ, b'/new\0') == (READ, b'y')
    for damage in (b'', b'?' * 100):
        store.process.kill()
        store.process.wait()
        (store.dir / 'journal').write_bytes(damage)
        store.start()
        assert store.ours(READ, b'/new\0')[1] == b'ENOENT\0'
        assert store.ours(WRITE, b'/new\0y') == (WRITE, b'OK\0')
    assert store.text().count('cannot be read (') == 2


if __name__ == '__main__':
    run_all((resumed, unannounced, dead_on_arrival, no_list, update_due, update_refused, update_refused_between, logging, full, room_again, no_epoll, another_version,
             full_from_the_start, room))

