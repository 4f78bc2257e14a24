#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xenconsoled beside a xenstored, both here and without a hypervisor: a guest's page is a file, its terminal a real one.

    console.py STUB XENSTORED XENCONSOLED
"""
import os
import pathlib
import resource
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

from compare import MKDIR, READ, RELEASE, RM, WRITE, Daemon

OUT, IN_CONS, IN_PROD, OUT_CONS, OUT_PROD = 1024, 3072, 3076, 3080, 3084


class Guest:
    """What a guest's console driver does, on the file of its page; `ref` and `port` of a further console."""

    def __init__(self, directory, domid, ref=None, port=None):
        import mmap
        path = directory / (f'console-{domid}' if ref is None else f'console-{domid}-{ref}')
        self.port = 100 + domid if port is None else port
        path.write_bytes(bytes(4096))
        self.page = mmap.mmap(os.open(path, os.O_RDWR), 4096)
        self.words = memoryview(self.page).cast('I')
        self.events = os.open(directory / 'events', os.O_RDWR)
        self.domid = domid

    def kick(self):
        os.write(self.events, struct.pack('<I', self.port))

    def say(self, text):
        for byte in text:
            end = time.monotonic() + 5
            while self.words[OUT_PROD // 4] - self.words[OUT_CONS // 4] & 0xffffffff >= 2048:
                assert time.monotonic() < end, 'the ring is not emptied'
                self.kick()
                time.sleep(0.001)
            prod = self.words[OUT_PROD // 4]
            self.page[OUT + prod % 2048] = byte
            self.words[OUT_PROD // 4] = prod + 1 & 0xffffffff
        self.kick()

    def hear(self):
        cons, prod = self.words[IN_CONS // 4], self.words[IN_PROD // 4]
        self.words[IN_CONS // 4] = prod
        return bytes(self.page[(cons + i) % 1024] for i in range(prod - cons & 0xffffffff))


def until(what, condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)
    print('ok', what)


def status(process):
    return pathlib.Path(f'/proc/{process.pid}/status').read_text()


def descriptors(process):
    """Its limits: soft, hard."""
    return resource.prlimit(process.pid, resource.RLIMIT_NOFILE)


def pestered(store, directory):
    """A guest writes its console's nodes as fast as it can: they are looked at now and then, and nobody waits for that."""
    back = b'/local/domain/0/backend/console/3/3/state\0'
    for i in range(20000):
        store.call(0, WRITE, b'/local/domain/3/console/backend-id\0%d' % i)
    store.call(0, WRITE, back + b'1')
    begin = time.monotonic()
    until('events are not kept waiting', lambda: store.call(0, READ, back)[2] == b'2')
    assert time.monotonic() < begin + 1, 'it still looks at what was written long ago'
    store.call(0, RM, back)


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


def reader(directory, line):
    """A further reader of a console."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(directory / 'socket'))
    if line:
        sock.sendall(line)
    return sock


def end_of(sock):
    sock.settimeout(5)
    return b''.join(iter(lambda: sock.recv(65536), b''))


def further_readers(directory, guest, everything):
    assert end_of(reader(directory, b'3 once\n')) == everything
    one, two = reader(directory, b'3\n'), reader(directory, b'3/0\n')
    assert read_all(one.fileno(), len(everything)) == everything
    guest.say(b'to all\n')
    assert read_all(one.fileno(), 7) == b'to all\n'
    assert read_all(two.fileno(), len(everything) + 7) == everything + b'to all\n'
    for line in (b'77\n', b'3/1\n', b'x\n', b'3 twice\n', b'9' * 31):
        assert end_of(reader(directory, line)).endswith(b'no such console\n'), line
    crowd = [reader(directory, b'') for _ in range(80)]   # never say what they want; more than there is room for
    one.close()
    for sock in crowd:
        sock.close()
    print('ok further readers get all of it, and nothing of what is not there')
    return two


def further_console(store, directory):
    """A device that the toolstack makes for domain 3, and what the guest's driver writes; the backend is the daemon."""
    page = Guest(directory, 3, 9, 99)
    front, back = b'/local/domain/3/device/console/1', b'/local/domain/0/backend/console/3/1'

    def state(of):
        return store.call(0, READ, of + b'/state\0')[2]
    for path, value in ((front + b'/backend', back), (front + b'/state', b'1'), (back + b'/frontend', front), (back + b'/state', b'1')):
        store.call(0, WRITE, path + b'\0' + value)
    until('the backend of a further console waits for its driver', lambda: state(back) == b'2')
    page.say(b'a second voice\n')
    for name, value in ((b'/ring-ref', b'9'), (b'/port', b'99'), (b'/state', b'3')):
        store.call(0, WRITE, front + name + b'\0' + value)
    until('and connects', lambda: state(back) == b'4')
    assert store.call(0, READ, front + b'/tty\0')[2].startswith(b'/dev/pts/')
    assert end_of(reader(directory, b'3/1 once\n')) == b'a second voice\n'
    until('it has a log of its own', lambda: (directory / 'log' / 'guest-three-1.log').read_bytes() == b'a second voice\n')
    store.call(0, WRITE, front + b'/state\0' + b'5')
    until('and closes', lambda: state(back) == b'6')
    other = b'/local/domain/3/device/console/2'
    store.call(0, WRITE, other + b'/type\0' + b'ioemu')
    others = [b'/local/domain/0/backend/console/3/' + name for name in (b'2', b'16', b'1x')]
    for back in others:
        store.call(0, WRITE, back + b'/state\0' + b'1')
    time.sleep(0.3)
    assert [state(back) for back in others] == [b'1'] * 3
    print('ok a console of another type is left to others, and more than there may be, and what is none')


def main():
    stub, xenstored, xenconsoled = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))  # the daemons begin with that
    store = Daemon(stub, xenstored)
    directory = pathlib.Path(tempfile.mkdtemp(prefix='xenconsoled-'))
    os.mkfifo(directory / 'events')
    guest = Guest(directory, 3)
    env = dict(os.environ, STUB_DIR=str(directory), LD_PRELOAD=str(pathlib.Path(stub).resolve()), XENSTORED_PATH=str(store.dir / 'socket'))
    daemon = subprocess.Popen([xenconsoled, '-i', '--log=guest', f'--log-dir={directory}/log', f'--pid-file={directory}/pid',
                               f'--socket={directory}/socket'], env=env)
    log = directory / 'log' / 'guest-three.log'
    try:
        until('it gives up what it does not need', lambda: 'Seccomp:\t2' in status(daemon))
        for process in (daemon, store.process):
            assert len(set(descriptors(process))) == 1, 'fewer descriptors than it might have'
        assert os.getuid() or 'CapEff:\t0000000000000000' in status(daemon)
        guest.say(b'first words\n')  # before anybody listens
        base = b'/local/domain/3'
        for path, value in ((b'/name', b'three'), (b'/console/ring-ref', b'1'), (b'/console/port', b'7'), (b'/console/type', b'xenconsoled')):
            store.call(0, WRITE, base + path + b'\0' + value)
        store.introduce(3)
        tty = []

        def published():
            kind, _, value, _ = store.call(0, READ, base + b'/console/tty\0')
            tty[:] = [value.decode()] if kind == READ else []
            return tty
        until('the terminal is published', published)
        until('the log has the first words', lambda: log.exists() and b'first words\n' in log.read_bytes())
        fd = os.open(tty[0], os.O_RDWR | os.O_NOCTTY)
        assert read_all(fd, 12) == b'first words\n'
        print('ok a reader who comes late gets the first words')
        os.write(fd, b'typed\x03\r')
        heard = []
        until('input reaches the guest, raw', lambda: heard.append(guest.hear()) or b''.join(heard) == b'typed\x03\r')
        text = b''.join(b'line %d\n' % i for i in range(3000))
        guest.say(text)
        assert read_all(fd, len(text)) == text
        print('ok 3000 lines in order')
        os.close(fd)
        time.sleep(0.2)
        guest.say(b'while nobody reads\n')
        time.sleep(0.2)
        fd = os.open(tty[0], os.O_RDWR | os.O_NOCTTY)
        everything = b'first words\n' + text + b'while nobody reads\n'
        assert read_all(fd, len(everything)) == everything
        print('ok the next reader gets the whole backlog')
        os.close(fd)
        fd = os.open(tty[0], os.O_RDWR | os.O_NOCTTY)  # leaves unread what is written to it
        os.write(fd, b'typed at once\r')
        select.select([fd], [], [], 5)
        os.close(fd)
        fd = os.open(tty[0], os.O_RDWR | os.O_NOCTTY)
        os.write(fd, b'and at once again\r')
        heard = []
        until('nothing is lost of what is typed at once', lambda: heard.append(guest.hear()) or b''.join(heard) == b'typed at once\rand at once again\r')
        assert read_all(fd, len(everything)) == everything
        print('ok a reader gets nothing of what the last one left')
        until('the log has it too', lambda: log.read_bytes() == everything)
        follower = further_readers(directory, guest, everything)
        everything += b'to all\n'
        further_console(store, directory)
        pestered(store, directory)
        assert daemon.poll() is None
        before = os.sysconf('SC_CLK_TCK'), open(f'/proc/{daemon.pid}/stat').read().rsplit(')', 1)[1].split()[11:13]
        time.sleep(0.5)
        assert open(f'/proc/{daemon.pid}/stat').read().rsplit(')', 1)[1].split()[11:13] == before[1], 'it is busy with nothing to do'
        print('ok idle when nothing happens')
        store.process.kill()  # its daemon dies and comes back
        store.process.wait()
        store.start()
        other = Guest(directory, 4)
        other.say(b'born later\n')
        for path, value in ((b'/name', b'four'), (b'/console/ring-ref', b'1'), (b'/console/port', b'7')):
            store.call(0, WRITE, b'/local/domain/4' + path + b'\0' + value)
        store.introduce(4)
        until('a guest is found after the store was killed', lambda: (directory / 'log' / 'guest-four.log').exists())
        guest.words[OUT_PROD // 4] = guest.words[OUT_CONS // 4] + 5000
        guest.kick()
        time.sleep(0.2)
        store.call(0, MKDIR, b'/anything\0')
        assert daemon.poll() is None
        print('ok impossible indices harm nobody else')
        store.conns.pop(3)
        store.conns.pop(4)
        store.call(0, RELEASE, b'3\0')
        until('the terminal goes with the domain', lambda: hung_up(fd))
        assert end_of(follower) == b''
        print('ok its reader comes to an end')
    finally:
        daemon.terminate()
        daemon.wait()
        store.stop()
        shutil.rmtree(directory)


if __name__ == '__main__':
    main()
