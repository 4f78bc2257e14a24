#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenconsoled beside a xenstored, both here and without a hypervisor: a guest's page is a file, its terminal a real one.

    console.py STUB XENSTORED XENCONSOLED

The tests are functions, in the order of a console's life; all share the two daemons.
"""
import os
import pathlib
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from daemon import Daemon
from wire import MKDIR, READ, RELEASE, RM, WRITE, Page, until

OUT, IN_CONS, IN_PROD, OUT_CONS, OUT_PROD = 1024, 3072, 3076, 3080, 3084
OUT_SIZE, IN_SIZE = 2048, 1024
DOMAIN = b'/local/domain/3'
BACKENDS = b'/local/domain/0/backend/console/3/'


class Guest(Page):
    """What a guest's console driver does, on the file of its page; `ref` and `port` of a further console."""

    def __init__(self, directory, domid, ref=None, port=None):
        path = directory / (f'console-{domid}' if ref is None else f'console-{domid}-{ref}')
        path.write_bytes(bytes(4096))
        super().__init__(directory, path, 100 + domid if port is None else port)

    def unread(self):
        """Bytes that the daemon has not taken."""
        return self.index(OUT_PROD) - self.index(OUT_CONS) & 0xffffffff

    def has_room(self):
        if self.unread() >= OUT_SIZE:
            self.kick()
        return self.unread() < OUT_SIZE

    def say(self, text):
        for byte in text:
            until(self.has_room, 'the ring is emptied', 0.001)
            prod = self.index(OUT_PROD)
            self.page[OUT + prod % OUT_SIZE] = byte
            self.index(OUT_PROD, prod + 1)
        self.kick()

    def hear(self):
        cons, prod = self.index(IN_CONS), self.index(IN_PROD)
        self.index(IN_CONS, prod)
        return bytes(self.page[(cons + i) % IN_SIZE] for i in range(prod - cons & 0xffffffff))

    def hears(self, text):
        heard = []
        until(lambda: heard.append(self.hear()) or b''.join(heard) == text, f'{text} reaches the guest')


class Setup:
    """The two daemons, and a guest whose console they serve."""

    def __init__(self, stub, xenstored, xenconsoled, debians=False):
        self.store = Daemon(stub, xenstored)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='xenconsoled-'))
        os.mkfifo(self.directory / 'events')
        self.guest = Guest(self.directory, 3)
        env = dict(os.environ, STUB_DIR=str(self.directory), LD_PRELOAD=str(pathlib.Path(stub).resolve()), XENSTORED_PATH=str(self.store.dir / 'socket'))
        if debians:
            (self.directory / 'log').mkdir()
            (self.directory / 'console').touch()
        self.daemon = subprocess.Popen([xenconsoled, '-i', '--log=guest', f'--log-dir={self.directory}/log', f'--pid-file={self.directory}/pid',
                                        *([] if debians else [f'--socket={self.directory}/socket'])], env=env)
        self.everything = b''   # that the guest said
        self.follower = None    # a further reader, who stays
        self.fd = None          # the terminal, open

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait()
        self.store.stop()
        shutil.rmtree(self.directory)

    def log(self, name):
        path = self.directory / 'log' / f'guest-{name}.log'
        return path.read_bytes() if path.exists() else b''

    def read(self, path):
        kind, _, value, _ = self.store.call(0, READ, path + b'\0')
        return value if kind == READ else None

    def write(self, below, **nodes):
        for name, value in nodes.items():
            self.store.call(0, WRITE, below + b'/' + name.replace('_', '-').encode() + b'\0' + value)

    def open(self):
        """Its terminal, which stands in the store."""
        until(lambda: self.read(DOMAIN + b'/console/tty'), 'the terminal is published')
        return os.open(self.read(DOMAIN + b'/console/tty'), os.O_RDWR | os.O_NOCTTY)

    def reader(self, line):
        """A further reader of a console."""
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.directory / 'socket'))
        if line:
            sock.sendall(line)
        return sock

    def refused(self, line):
        return end_of(self.reader(line)).endswith(b'no such console\n')

    def looked(self):
        """The daemon has seen what happened to its descriptors before: who connects later is answered later."""
        assert self.refused(b'x\n')


def status(process):
    return pathlib.Path(f'/proc/{process.pid}/status').read_text()


def descriptors(process):
    """Its limits: soft, hard."""
    return resource.prlimit(process.pid, resource.RLIMIT_NOFILE)


def hung_up(fd):
    try:
        return os.read(fd, 1) == b''
    except OSError:
        return True


def read_all(fd, wanted):
    out = b''
    while len(out) < wanted:
        assert select.select([fd], [], [], 5)[0], f'only {len(out)} of {wanted} bytes came: {out[-80:]!r}'
        out += os.read(fd, 65536)
    return out


def end_of(sock):
    sock.settimeout(5)
    return b''.join(iter(lambda: sock.recv(65536), b''))


def privileges(s):
    """It gives up what it does not need, and has the descriptors that it may have."""
    until(lambda: 'Seccomp:\t2' in status(s.daemon), 'it gives up what it does not need')
    for process in (s.daemon, s.store.process):
        assert len(set(descriptors(process))) == 1, 'fewer descriptors than it might have'
    assert os.getuid() or 'CapEff:\t0000000000000000' in status(s.daemon)


def late_reader(s):
    """Gets the first words, too."""
    s.guest.say(b'first words\n')
    s.write(DOMAIN, name=b'three')
    s.write(DOMAIN + b'/console', ring_ref=b'1', port=b'7', type=b'xenconsoled')
    s.store.introduce(3)
    s.fd = s.open()
    until(lambda: s.log('three') == b'first words\n', 'the log has the first words')
    assert read_all(s.fd, 12) == b'first words\n'
    s.everything = b'first words\n'


def raw_input(s):
    os.write(s.fd, b'typed\x03\r')
    s.guest.hears(b'typed\x03\r')


def in_order(s):
    text = b''.join(b'line %d\n' % i for i in range(3000))
    s.guest.say(text)
    assert read_all(s.fd, len(text)) == text
    s.everything += text


def backlog(s):
    """The next reader gets all of it, with what was said while nobody read."""
    os.close(s.fd)
    s.looked()
    s.guest.say(b'while nobody reads\n')
    until(lambda: not s.guest.unread(), 'it is taken all the same')
    s.fd = s.open()
    s.everything += b'while nobody reads\n'
    assert read_all(s.fd, len(s.everything)) == s.everything


def closed_at_once(s):
    """Nothing is lost of what is typed and left at once, and a reader gets nothing of what the last one left unread."""
    os.close(s.fd)
    s.fd = s.open()
    os.write(s.fd, b'typed at once\r')
    select.select([s.fd], [], [], 5)
    os.close(s.fd)
    s.fd = s.open()
    os.write(s.fd, b'and at once again\r')
    s.guest.hears(b'typed at once\rand at once again\r')
    assert read_all(s.fd, len(s.everything)) == s.everything
    until(lambda: s.log('three') == s.everything, 'the log has it too')


def further_readers(s):
    """They get all of it, and nothing of what is not there."""
    assert end_of(s.reader(b'3 once\n')) == s.everything
    one, s.follower = s.reader(b'3\n'), s.reader(b'3/0\n')
    assert read_all(one.fileno(), len(s.everything)) == s.everything
    s.guest.say(b'to all\n')
    s.everything += b'to all\n'
    assert read_all(one.fileno(), 7) == b'to all\n'
    assert read_all(s.follower.fileno(), len(s.everything)) == s.everything
    for line in (b'77\n', b'3/1\n', b'x\n', b'3 twice\n', b'9' * 31):
        assert s.refused(line), line
    crowd = [s.reader(b'') for _ in range(80)]   # never say what they want; more than there is room for
    one.close()
    for sock in crowd:
        sock.close()


def further_console(s):
    """A device that the toolstack makes for domain 3, and what the guest's driver writes; the backend is the daemon."""
    page = Guest(s.directory, 3, 9, 99)
    front, back = DOMAIN + b'/device/console/1', BACKENDS + b'1'
    s.write(front, backend=back, state=b'1')
    s.write(back, frontend=front, state=b'1')
    until(lambda: s.read(back + b'/state') == b'2', 'the backend waits for its driver')
    page.say(b'a second voice\n')
    s.write(front, ring_ref=b'9', port=b'99', state=b'3')
    until(lambda: s.read(back + b'/state') == b'4', 'it connects')
    assert s.read(front + b'/tty').startswith(b'/dev/pts/')
    assert end_of(s.reader(b'3/1 once\n')) == b'a second voice\n'
    until(lambda: s.log('three-1') == b'a second voice\n', 'it has a log of its own')
    s.write(front, state=b'5')
    until(lambda: s.read(back + b'/state') == b'6', 'it closes')


def not_ours(s):
    """A console of another type is left to others, and more than there may be, and what is none."""
    s.write(DOMAIN + b'/device/console/2', type=b'ioemu')
    others = [BACKENDS + name for name in (b'2', b'16', b'1x')]
    for back in others:
        s.write(back, state=b'1')
    s.write(BACKENDS + b'4', state=b'1')    # one that is, and comes after them
    until(lambda: s.read(BACKENDS + b'4/state') == b'2', 'it looks at a new backend')
    assert [s.read(back + b'/state') for back in others] == [b'1'] * 3
    s.store.call(0, RM, BACKENDS + b'4\0')


def pestered(s):
    """A guest writes its console's nodes as fast as it can: they are looked at now and then, and nobody waits for that."""
    for i in range(20000):
        s.store.call(0, WRITE, DOMAIN + b'/console/backend-id\0%d' % i)
    s.write(BACKENDS + b'3', state=b'1')
    begin = time.monotonic()
    until(lambda: s.read(BACKENDS + b'3/state') == b'2', 'events are not kept waiting')
    assert time.monotonic() < begin + 1, 'it still looks at what was written long ago'
    s.store.call(0, RM, BACKENDS + b'3/state\0')


def idle(s):
    """It comes to rest: half a second in which it takes no processor time, and is not woken up either."""
    def spent():
        switches = [line for line in status(s.daemon).splitlines() if 'ctxt_switches' in line]
        return switches, pathlib.Path(f'/proc/{s.daemon.pid}/stat').read_text().rsplit(')', 1)[1].split()[11:13]

    def rests():
        before = spent()
        time.sleep(0.5)
        return spent() == before
    until(rests, 'it is busy with nothing to do')


def log_moved(s):
    """By logrotate, which then sends SIGHUP."""
    path = s.directory / 'log' / 'guest-three.log'
    path.rename(path.with_suffix('.1'))
    s.daemon.send_signal(signal.SIGHUP)
    until(path.exists, 'a log is begun anew')
    s.guest.say(b'in the new one\n')
    until(lambda: s.log('three') == b'in the new one\n', 'the new log goes on')
    assert path.with_suffix('.1').read_bytes() == s.everything
    assert read_all(s.follower.fileno(), 15) == b'in the new one\n'
    s.everything += b'in the new one\n'


def store_again(s):
    """Its store dies and comes back: a guest of later is found."""
    s.store.killed()
    Guest(s.directory, 4).say(b'born later\n')
    s.write(b'/local/domain/4', name=b'four')
    s.write(b'/local/domain/4/console', ring_ref=b'1', port=b'7')
    s.store.introduce(4)
    until(lambda: s.log('four') == b'born later\n', 'a guest is found after the store was killed')


def impossible_indices(s):
    """Harm nobody else."""
    s.guest.index(OUT_PROD, s.guest.index(OUT_CONS) + 5000)
    s.guest.kick()
    s.looked()
    s.store.call(0, MKDIR, b'/anything\0')


def the_end(s):
    """The terminal goes with the domain, and its reader comes to an end."""
    s.store.conns.pop(3)
    s.store.conns.pop(4)
    s.store.call(0, RELEASE, b'3\0')
    until(lambda: hung_up(s.fd), 'the terminal goes')
    assert end_of(s.follower) == b''


TESTS = (privileges, late_reader, raw_input, in_order, backlog, closed_at_once, further_readers, further_console, not_ours, pestered, idle, log_moved, store_again,
         impossible_indices, the_end)


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))  # the daemons begin with that
    setup = Setup(*sys.argv[1:])
    try:
        for test in TESTS:
            test(setup)
            assert setup.daemon.poll() is None, f'the daemon ended in {test.__name__}'
            print('ok', test.__name__, flush=True)
    finally:
        setup.stop()


if __name__ == '__main__':
    main()
