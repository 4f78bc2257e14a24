# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that are functions, each with a store of its own that keeps a short journal, and one guest."""
import struct
import sys

from daemon import Daemon
from wire import MKDIR, SET_PERMS

GUEST = 3
HOME = b'/local/domain/3'
SHORT = ('--journal', '64')


class Store(Daemon):
    def __init__(self, stub, program):
        super().__init__(stub, program, SHORT)

    def guest(self):
        self.ours(MKDIR, HOME + b'\0')
        self.ours(SET_PERMS, HOME + b'\0n3\0')
        assert self.introduce(GUEST)[2] == b'OK\0'
        return self.conns.pop(GUEST)

    def inode(self):
        return (self.dir / 'journal').stat().st_ino

    def journal(self):
        """The journal as the next daemon would read it: bytes of the state that it begins with, and where the records begin and end."""
        data = (self.dir / 'journal').read_bytes()
        base = struct.unpack_from('<QQQQ', data)[3]
        first = at = 32 + base + 7 & ~7
        while struct.unpack_from('<I', data, at)[0]:
            at += struct.unpack_from('<I', data, at)[0]
        return base, first, at

    def records(self):
        """Bytes of them."""
        _, first, end = self.journal()
        return end - first

    def anonymous(self):
        """KiB of memory."""
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as status:
            return int(status.read().split('RssAnon:')[1].split()[0])


def run_all(tests):
    """Each with a store of its own, which is whole afterwards; argv: the stub, the daemon."""
    stub, program = sys.argv[1:3]
    for test in tests:
        store = Store(stub, program)
        try:
            print('ok', test.__name__, test(store) or '', flush=True)
            store.looked()
        except BaseException:
            print(test.__name__, store.text()[-2000:])
            raise
        finally:
            store.stop()
