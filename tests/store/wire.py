# SPDX-License-Identifier: GPL-2.0-or-later
"""The store's protocol, from a client's side: its numbers, its messages, and the two ways that bytes take. Knows nothing of who serves them."""
import mmap
import os
import select
import socket
import struct
import time

(CONTROL, DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, TX_START, TX_END, INTRODUCE, RELEASE, GET_PATH, WRITE, MKDIR, RM, SET_PERMS,
 EVENT, ERROR, IS_INTRODUCED, RESUME, SET_TARGET) = range(20)
RESET_WATCHES, DIRECTORY_PART = 21, 22
NAMES = {v: k for k, v in list(globals().items()) if isinstance(v, int)}

# Offsets in a ring's page, and what stands there (xen/io/xs_wire.h).
REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD, FEATURES, CONNECTION, RING_ERROR = range(2048, 2076, 4)
RECONNECT, LOST = 1, 1          # of CONNECTION, RING_ERROR
LIMIT = 20                      # s


def until(condition, what, pause=0.002):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(pause)


def packed(kind, payload, tx=0, number=1):
    return struct.pack('<IIII', kind, number, tx, len(payload)) + payload


class Connection:
    """Messages over what a subclass sends and receives."""

    def post(self, kind, payload, tx=0, number=1):
        self.send(packed(kind, payload, tx, number))

    def message(self):
        """Type, number, transaction and payload of the next message."""
        kind, number, tx, length = struct.unpack('<IIII', self.receive(16))
        return kind, number, tx, self.receive(length)

    def next(self):
        """Type and payload of it."""
        kind, _, _, payload = self.message()
        return kind, payload

    def ask(self, kind, payload, tx=0):
        """The answer; events that come first are dropped."""
        self.post(kind, payload, tx)
        while True:
            got = self.next()
            if got[0] != EVENT:
                return got


class Socket(Connection):
    def __init__(self, directory):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(str(directory / 'socket'))

    def send(self, data):
        self.s.sendall(data)

    def receive(self, n):
        out = b''
        while len(out) < n:
            if not select.select([self.s], [], [], LIMIT)[0]:
                raise TimeoutError('no answer on the socket')
            part = self.s.recv(n - len(out))
            if not part:
                raise ConnectionError('the daemon closed the socket')
            out += part
        return out

    def close(self):
        self.s.close()


class Page:
    """A page that a domain shares, which is a file under xen_stub.c, and the event channel that goes with it."""

    def __init__(self, directory, path, port):
        self.path, self.port = path, port
        file = os.open(path, os.O_RDWR)
        self.page = mmap.mmap(file, 4096)
        os.close(file)
        self.words = memoryview(self.page).cast('I')  # stores whole words, as struct.pack_into does not
        self.events = os.open(directory / 'events', os.O_RDWR)

    def index(self, offset, value=None):
        if value is not None:
            self.words[offset // 4] = value & 0xffffffff
        return self.words[offset // 4]

    def kick(self, port=None):
        os.write(self.events, struct.pack('<I', port or self.port))

    def close(self):
        self.words.release()
        os.close(self.events)
        self.page.close()


class Ring(Page, Connection):
    SIZE = 1024

    def __init__(self, directory, domid):
        self.domid = domid
        path = directory / (f'ring-{domid}' if domid else 'xsd_kva')
        if domid:
            path.write_bytes(bytes(4096))
        super().__init__(directory, path, 100 + domid)

    def wait(self, condition):
        end = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f'no answer in the ring of domain {self.domid}, error {self.index(RING_ERROR)}')
            time.sleep(0.00002)

    def send(self, data):
        for i in range(0, len(data), 512):
            part = data[i:i + 512]
            self.wait(lambda: self.index(REQ_PROD) - self.index(REQ_CONS) & 0xffffffff <= self.SIZE - 512)
            self.put(part)

    def put(self, part):
        """What fits."""
        prod = self.index(REQ_PROD)
        for k, byte in enumerate(part):
            self.page[(prod + k) % self.SIZE] = byte
        self.index(REQ_PROD, prod + len(part))
        self.kick()

    def fetch(self, most):
        """At most so many of the bytes that are there."""
        cons = self.index(RSP_CONS)
        k = min(self.index(RSP_PROD) - cons & 0xffffffff, most)
        assert k <= self.SIZE, f'domain {self.domid}: indices {cons} and {self.index(RSP_PROD)}'
        out = bytes(self.page[self.SIZE + (cons + i) % self.SIZE] for i in range(k))
        self.index(RSP_CONS, cons + k)
        if k:
            self.kick()
        return out

    def receive(self, n):
        out = b''
        while len(out) < n:
            self.wait(lambda: self.index(RSP_PROD) != self.index(RSP_CONS))
            out += self.fetch(n - len(out))
        return out

    def empty(self):
        """As the domain's next kernel begins."""
        for offset in (REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD):
            self.index(offset, 0)


def update(directory, program):
    """The daemon becomes `program`, with all that it knows."""
    conn = Socket(directory)
    for payload in (b'live-update\0-f\0' + os.path.abspath(program).encode() + b'\0', b'live-update\0-s\0'):
        assert conn.ask(CONTROL, payload) == (CONTROL, b'OK\0'), payload
    conn.close()
