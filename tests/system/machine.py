# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole machine in QEMU: what it is made of, and what one does with it once it runs.

A `Machine` is a description and does nothing. `boot()` gives a `Running` machine, a context manager: leaving it ends QEMU. Every wait
is for something on the serial line or from QEMU itself, and every wait is bounded.
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shlex
import socket
import tempfile
import threading
import time

import queue
import pexpect

ROOT = pathlib.Path(__file__).resolve().parents[2]
QEMU = os.environ.get('QEMU', 'qemu-system-x86_64')
# A slow or busy machine may stretch every limit.
PATIENCE = float(os.environ.get('PATIENCE', '1'))
BOOT_LIMIT = 240
HERE = 'XENIOS-DOM0-INIT reached nproc=(\\d+) kernel=(\\S+)'

# What no healthy run prints, whichever hypervisor it is on.
FATAL = [
    r'\(XEN\)[^\n]*(?i:panic)[^\n]*',
    r'\(XEN\)[^\n]*(?i:cannot boot)[^\n]*',
    r'\(XEN\)[^\n]*FATAL[^\n]*',
    r'\(XEN\)[^\n]*Domain 0 crashed[^\n]*',
    r'Kernel panic[^\n]*',
    r'XTEST-FAIL[^\n]*',
]


class MachineError(AssertionError):
    """The machine did not do what the test waits for. The message names the log."""


def build_dir():
    return pathlib.Path(os.environ.get('B', 'build'))


@dataclasses.dataclass(frozen=True)
class Machine:
    """What QEMU is asked for. Paths are relative to the top of the tree, because QEMU splits -initrd at commas."""
    hypervisor: str | None = 'build/xenios'    # None: the kernel on the bare machine
    machine: str = 'pc'
    memory: int = 1024                         # MiB
    smp: int = 1
    cpu: str = 'qemu64'
    devices: tuple = ()                        # further QEMU arguments
    options: tuple = ()                        # further hypervisor options
    dom0_mem: str | None = '512M'
    dom0_args: tuple = ()                      # further arguments of the kernel
    kernel: str | None = None                  # default: build/vmlinuz
    initrd: str | None = None                  # default: build/dom0.cpio.gz; '' for none
    qemu_args: tuple = ()                      # instead of -kernel, -append, -initrd: boot from what these name
    at_once: bool = False                      # a host thread for each processor: docs/decisions/one-thread-for-linux.md

    def replace(self, **changes):
        return dataclasses.replace(self, **changes)

    @property
    def is_oracle(self):
        """True on Debian's Xen: its image does not have our name in it."""
        return self.hypervisor is not None and not is_xenios(self.hypervisor)

    @property
    def side(self):
        """For names of logs: which of the two hypervisors."""
        return 'oracle' if self.is_oracle else 'xenios'

    def cpu_argument(self):
        """Debian's Xen cannot run a PV guest on TCG's SMAP, and its lazy FPU switching needs #NM for XSAVE, which TCG lacks;
        and it waits by MWAIT with ECX = 1, for which TCG raises #GP."""
        if self.is_oracle and self.cpu.split(',')[0] in ('max', 'Skylake-Server', 'EPYC'):
            return self.cpu + ',-smap,-xsave,-monitor'
        return self.cpu

    def kernel_arguments(self):
        console = 'console=ttyS0,115200' if self.hypervisor is None else 'console=hvc0'
        return ' '.join((console,) + tuple(self.dom0_args))

    def hypervisor_arguments(self):
        words = ['console=com1', 'com1=115200']
        if self.dom0_mem:
            words.append(f'dom0_mem={self.dom0_mem}')
        if self.is_oracle:
            words.append('bootscrub=0')        # TCG would touch every page of a 16 GiB machine
        return ' '.join(words + list(self.options))

    def command(self):
        build = build_dir()
        kernel = self.kernel if self.kernel is not None else str(build / 'vmlinuz')
        initrd = self.initrd if self.initrd is not None else str(build / 'dom0.cpio.gz')
        command = [QEMU, '-accel', f'tcg,thread={"multi" if self.at_once else "single"}', '-machine', self.machine, '-cpu', self.cpu_argument(), '-m', str(self.memory),
                   '-smp', str(self.smp), '-nographic', '-no-reboot']
        if not any(word.startswith(('-nic', '-netdev')) for word in self.devices):
            command += ['-nic', 'none']
        if self.qemu_args:
            command += list(self.qemu_args)
        elif self.hypervisor is None:
            command += ['-kernel', kernel, '-append', self.kernel_arguments()]
            command += ['-initrd', initrd] if initrd else []
        else:
            # QEMU takes a doubled comma for one.
            modules = [f'{kernel} {self.kernel_arguments()}'.replace(',', ',,')] if kernel else []
            modules += [initrd] if initrd else []
            command += ['-kernel', self.hypervisor, '-append', self.hypervisor_arguments()]
            command += ['-initrd', ','.join(modules)] if modules else []
        return command + list(self.devices)

    def boot(self, name):
        return Running(self.command(), name)


def is_xenios(path):
    return b'xenios' in (ROOT / path).read_bytes().lower()


class Running:
    """A QEMU process. `name` names its log in build/logs/."""

    def __init__(self, command, name):
        self.command = command
        self.log_path = ROOT / build_dir() / 'logs' / (re.sub(r'[^\w.=,+-]+', '_', name) + '.log')
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self.log = open(self.log_path, 'w', encoding='utf-8', errors='replace')
        self.log.write('$ ' + shlex.join(command) + '\n')
        self.log.flush()
        self.events = []
        self.answers = queue.Queue()
        self.connected = threading.Event()
        self.sockets = tempfile.TemporaryDirectory(prefix='xenios-qmp-')
        path = os.path.join(self.sockets.name, 'qmp')
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.settimeout(60)
        self.qmp = threading.Thread(target=self._listen, daemon=True)
        self.qmp.start()
        self.started = time.monotonic()
        self.child = pexpect.spawn(command[0], command[1:] + ['-qmp', f'unix:{path}'], cwd=str(ROOT), encoding='utf-8',
                                   codec_errors='replace', timeout=BOOT_LIMIT * PATIENCE, maxread=4096, searchwindowsize=8192)
        self.child.logfile_read = self.log
        self.child.delaybeforesend = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _listen(self):
        """Notes QEMU's own events: that alone tells a power-off from a reset, both of which end it under -no-reboot. Answers to monitor() are passed on."""
        try:
            self.connection, _ = self.listener.accept()
            self.connection.sendall(b'{"execute": "qmp_capabilities"}\n')
            self.connected.set()
            for line in self.connection.makefile('r', encoding='utf-8'):
                message = json.loads(line)
                if 'event' in message:
                    self.events.append(message)
                elif isinstance(message.get('return'), str):
                    self.answers.put(message['return'])
        except (OSError, ValueError):
            pass
        self.answers.put(None)

    def close(self):
        if self.child.isalive():
            try:
                self.child.close(force=True)
            except pexpect.ExceptionPexpect:
                self.child.wait()    # it is killed; on a busy machine a large one takes its time to go
        self.listener.close()
        self.qmp.join(5)
        self.sockets.cleanup()
        self.log.write(f'\n# {time.monotonic() - self.started:.1f} s; QEMU events: {self.event_summary()}\n')
        self.log.close()

    def event_summary(self):
        return [(event['event'], event.get('data', {}).get('reason')) for event in self.events
                if event['event'] in ('SHUTDOWN', 'RESET', 'GUEST_PANICKED')]

    def fail(self, what):
        self.log.flush()
        tail = '\n'.join(self.log_path.read_text(encoding='utf-8', errors='replace').splitlines()[-15:])
        raise MachineError(f'{what}\nlog: {os.path.relpath(self.log_path, ROOT)}, its end:\n{tail}')

    def expect(self, pattern, limit=BOOT_LIMIT, fatal=True):
        """Waits until `pattern` comes on the serial line and returns its match. What is in FATAL, or QEMU's end, fails at once."""
        patterns = [pattern, pexpect.EOF, pexpect.TIMEOUT] + (FATAL if fatal else [])
        found = self.child.expect(patterns, timeout=limit * PATIENCE)
        if found == 0:
            return self.child.match
        if found == 1:
            self.qmp.join(5)
            self.fail(f'QEMU ended {self.event_summary()} while waiting for {pattern!r}')
        if found == 2:
            self.fail(f'not within {limit * PATIENCE:.0f} s: {pattern!r}')
        # Let the rest of the message come, for the log.
        self.child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=2)
        self.fail(f'while waiting for {pattern!r}: {self.child.match if isinstance(self.child.match, str) else patterns[found]}')

    def expect_init(self, limit=BOOT_LIMIT):
        """Waits for domain 0's /init; returns (processors, kernel release)."""
        match = self.expect(HERE, limit)
        return int(match.group(1)), match.group(2)

    def expect_test(self, name, limit=BOOT_LIMIT):
        """Waits for the end of domain 0's test `name` and returns what it printed, as {WORD: [rest of the line, ...]}."""
        self.expect(f'XTEST {name} begin', limit)
        status = int(self.expect(f'XTEST {name} exit (\\d+)', limit).group(1))
        facts = {}
        for line in self.child.before.replace('\r', '').splitlines():
            word, _, rest = line.partition(' ')
            facts.setdefault(word, []).append(rest)
        if status:
            self.fail(f'test {name} ended with status {status} in domain 0')
        return facts

    def expect_poweroff(self, limit=60):
        """Waits for QEMU to end by itself because the guest powered the machine off, and for no other reason."""
        if self.child.expect([pexpect.EOF, pexpect.TIMEOUT] + FATAL, timeout=limit * PATIENCE) != 0:
            self.fail(f'no power-off within {limit * PATIENCE:.0f} s')
        self.child.close()
        self.qmp.join(5)
        if self.event_summary() != [('SHUTDOWN', 'guest-shutdown')] or self.child.exitstatus != 0:
            self.fail(f'not a clean power-off: status {self.child.exitstatus}, signal {self.child.signalstatus}, '
                      f'events {self.event_summary()}')

    def expect_reset(self, limit=60):
        """Waits for the machine to reset, which under -no-reboot ends QEMU."""
        if self.child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=limit * PATIENCE) != 0:
            self.fail(f'no reset within {limit * PATIENCE:.0f} s')
        self.qmp.join(5)
        if self.event_summary() != [('SHUTDOWN', 'guest-reset')]:
            self.fail(f'not a reset: {self.event_summary()}')

    def type(self, text):
        """Types on the serial line."""
        self.child.send(text)

    def monitor(self, line):
        """What QEMU's monitor answers to the line."""
        assert self.connected.wait(30)
        request = {'execute': 'human-monitor-command', 'arguments': {'command-line': line}}
        self.connection.sendall(json.dumps(request).encode() + b'\n')
        answer = self.answers.get(timeout=30)
        if answer is None:
            raise MachineError('QEMU ended instead of an answer')
        return answer

    @contextlib.contextmanager
    def repeat(self, line):
        """Says the line to QEMU's monitor again and again, as fast as it answers, until the block is left. Gives the list of the answers so far. Not
        waited for at the end: QEMU does not answer while nobody reads the serial line."""
        answers, over = [], threading.Event()

        def go_on():
            while not over.is_set():
                try:
                    answers.append(self.monitor(line))
                except (OSError, queue.Empty, MachineError):
                    return    # whoever waits for QEMU's words notices
        threading.Thread(target=go_on, daemon=True).start()
        try:
            yield answers
        finally:
            over.set()

    def switch_input(self):
        """Ctrl-A three times, which moves the console's input between the hypervisor and domain 0. With -qmp, QEMU leaves Ctrl-A to us."""
        self.child.send('\x01' * 3)
        self.expect(r'\*\*\* Serial input to[^\r\n]*', 30)

    def expect_standstill(self, seconds):
        """The machine neither ends nor resets for so long, and after a moment says nothing more."""
        if self.child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=seconds) == 0:
            self.qmp.join(5)
            self.fail(f'QEMU ended {self.event_summary()}, the machine should have stopped')
        said = len(self.child.buffer)
        ended = self.child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=1) == 0
        if ended or len(self.child.buffer) != said or self.event_summary():
            self.fail(f'the machine did not stop {self.event_summary()}')

    def text(self):
        """All that came on the serial line so far."""
        self.log.flush()
        return self.log_path.read_text(encoding='utf-8', errors='replace')
