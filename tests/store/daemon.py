# SPDX-License-Identifier: GPL-2.0-or-later
"""A xenstored that runs here, without a hypervisor, under xen_stub.c: its life, the stub's list of domains, domain 0's requests."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import wire
from wire import CONTROL, EVENT, GET_PATH, INTRODUCE, MKDIR, SET_PERMS, Ring, Socket

DOMAINS = (1, 2, 3)
DOM_EXC = 1                     # the stub's port of it
SHUT_DOWN = 4                   # XEN_DOMINF_shutdown
OXENSTORED_CONF = pathlib.Path(__file__).parent / 'oxenstored.conf'


class Daemon:
    def __init__(self, stub, program, options=()):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='xenstored-'))
        os.mkfifo(self.dir / 'events')
        (self.dir / 'xsd_port').write_text('1')
        (self.dir / 'xsd_kva').write_bytes(bytes(4096))
        env = dict(os.environ, STUB_DIR=str(self.dir), XENSTORED_RUNDIR=str(self.dir), LD_PRELOAD=str(pathlib.Path(stub).resolve()))
        self.log = open(self.dir / 'log', 'w')
        self.program = program
        self.ocaml = pathlib.Path(program).name == 'oxenstored'
        foreground = ['--no-fork', '--config-file', str(OXENSTORED_CONF)] if self.ocaml else ['-N']
        self.command, self.env, self.conns = [program, *foreground, *options], env, {}
        self.start()
        self.txns = {}

    def start(self):
        """Starts the program; once more after it was killed."""
        self.process = subprocess.Popen(self.command, env=self.env, stdout=self.log, stderr=self.log)
        for _ in range(500):
            try:
                self.conns[0] = Socket(self.dir)
                return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError(f'{self.program} does not serve its socket')

    def stop(self):
        if self.ocaml:
            self.process.kill()  # it may wait for a client's sign before it heeds SIGTERM
        else:
            self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir)

    def killed(self):
        """kill -9, and the next daemon, which serves its socket."""
        self.process.kill()
        self.process.wait()
        self.start()

    def update(self):
        wire.update(self.dir, self.program)

    def domains(self, text):
        """The hypervisor's list from now on; 0 is always in it."""
        (self.dir / 'domains.new').write_text('0 0\n' + text)
        (self.dir / 'domains.new').rename(self.dir / 'domains')

    def text(self):
        """What it logged."""
        return (self.dir / 'log').read_text()

    def call(self, conn, kind, payload, tx=0):
        """The reply, and the events of all connections that followed from the request."""
        events = []
        self.conns[conn].post(kind, payload, tx)
        answer = self.reply(conn, events)
        for other in self.conns:
            self.conns[other].post(GET_PATH, b'0\0')
            assert self.reply(other, events)[3] == b'/local/domain/0\0'
        return answer[0], answer[2] == tx, answer[3], sorted(set(events))

    def reply(self, conn, events):
        while True:
            message = self.conns[conn].message()
            if message[0] != EVENT:
                return message
            events.append((conn, message[3]))

    def ours(self, kind, payload):
        """Domain 0's request, on a connection of its own."""
        conn = Socket(self.dir)
        result = conn.ask(kind, payload)
        conn.close()
        return result

    def looked(self):
        """The daemon has seen all that was kicked before: what is asked later on a new connection is answered later."""
        assert self.ours(CONTROL, b'check\0') == (CONTROL, b'OK\0')

    def introduce(self, domid):
        self.conns[domid] = Ring(self.dir, domid)
        conn = self.conns.pop(domid)
        result = self.call(0, INTRODUCE, b'%d\0%d\0%d\0' % (domid, 1, 5))
        self.conns[domid] = conn
        conn.kick()
        return result


def set_up(daemon):
    """DOMAINS on their rings, with their homes."""
    for domid in DOMAINS:
        daemon.introduce(domid)
    homes(daemon)


def homes(daemon):
    for domid in DOMAINS:
        home = f'/local/domain/{domid}'.encode()
        daemon.call(0, MKDIR, home + b'\0')
        daemon.call(0, SET_PERMS, home + b'\0n%d\0' % domid)
    daemon.call(0, MKDIR, b'/local/domain/0\0')
    daemon.call(0, MKDIR, b'/s\0')
    daemon.call(0, SET_PERMS, b'/s\0b0\0')
