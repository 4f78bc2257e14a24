# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian 12 domain 0 with Xen's tools (made by tests/system/debian/), driven through the shell on its console."""
import os
import re
import shlex

import pytest
import machine as machines

# With STEADY=1 in the environment a machine's time is what it executes: slower, but no load on the host makes it late for a limit of its own,
# such as libxl's 40 seconds for a script. But QEMU then may give the second processor no turn for a minute and more while the first does not rest, and on Xenios that
# happens: a guest whose console is full yields until domain 0 has read it, and domain 0 is on the other one (docs/howto/debian-tools.md).
STEADY = ('-icount', 'shift=0,sleep=off')
READY = r'DEBIAN-DOM0 ready nproc=(\d+)[^\r\n]*'
PIECE = 80
LOG = '/var/log/xen/console/guest-{}.log'


def machine(hypervisor, daemons=False, **changes):
    """The machine that boots it; `daemons`: with the disk of ours, which its init then installs. `changes`: fields of machine.Machine."""
    build = machines.build_dir() / 'debian'
    disks = ('dom0.img', 'daemons.img') if daemons else ('dom0.img',)
    for part in disks + ('initrd.gz',):
        if not (machines.ROOT / build / part).exists():
            pytest.skip(f'{build / part} is not there: make debian')
    drives = tuple(word for disk in disks for word in ('-drive', f'file={build}/{disk},format=raw,if=virtio,snapshot=on'))
    described = machines.Machine(hypervisor=hypervisor, memory=1536, initrd=str(build / 'initrd.gz'), devices=drives).replace(**changes)
    if os.environ.get('STEADY') and '-icount' not in described.devices:
        described = described.replace(devices=described.devices + STEADY)
    if described.is_oracle:
        # Our default scheduler; and no lazy switching of the FPU, for which TCG raises too few faults.
        described = described.replace(options=described.options + ('sched=credit', 'spec-ctrl=eager-fpu'))
    return described


class Dom0:
    """A booted one. Commands run one after the other in the same shell, without echo."""

    def __init__(self, running):
        self.running = running
        self.count = 0
        self.running.expect(READY)
        self.running.type("stty -echo; dmesg -n 1; e() { printf '\\n@@%s %d@@\\n' $1 $2; }; e 0 0\n")
        self.running.expect('@@0 0@@')

    def run(self, command, limit=60):
        """Runs a shell command; returns (exit status, what it printed, lines of the hypervisor's log apart)."""
        if len(command) > PIECE:
            # Debian's Xen keeps 128 characters of what is typed for a domain 0 that is busy; more are lost.
            self._line('c=')
            for start in range(0, len(command), PIECE):
                self._line(f'c+={shlex.quote(command[start:start + PIECE])}')
            command = 'eval "$c"'
        return self._line(command, limit)

    def _line(self, command, limit=60):
        self.count += 1
        self.running.type(f'{command}\ne {self.count} $?\n')
        status = int(self.running.expect(f'@@{self.count} (\\d+)@@', limit).group(1))
        text = self.running.child.before.replace('\r', '')
        lines = [line for line in text.split('\n') if not re.match(r'\(XEN\)|\[ *\d+\.\d+\] ', line)]
        return status, '\n'.join(lines).strip()

    def ok(self, command, limit=60):
        """The same, which must succeed; returns what it printed."""
        status, text = self.run(command, limit)
        if status:
            self.running.fail(f'{command!r} ended with status {status}:\n{text}\n')
        return text

    def fails(self, command, limit=60):
        """A command that must fail."""
        status, text = self.run(command, limit)
        if not status:
            self.running.fail(f'{command!r} succeeded:\n{text}\n')
        return text

    def wait(self, command, limit=60):
        """Waits until a command succeeds; returns what it printed."""
        self.ok('begin=$SECONDS')
        limit = int(limit * machines.PATIENCE)
        # What takes long is asked for less often: on a slow machine the asking alone would keep a processor busy.
        return self.ok(f'n=0; until w=$({command}); do [ $SECONDS -lt $((begin + {limit})) ] || break; sleep $((n++ < 4 ? 1 : 4)); done; echo "$w"; '
                       f'({command}) >/dev/null', limit + 20)

    def free_pages(self):
        """Pages that belong to nobody, after what dies has gone."""
        return int(self.ok('freepages'))

    def create(self, config, name='linux', limit=120):
        """xl create, and wait for the guest's user land to say so on its console, which xenconsoled keeps in a file."""
        self.ok(f'rm -f {LOG.format(name)}')
        self.ok(f'xl create -q {config}', limit)
        return self.guest_ready(name, 1, limit)

    def tell(self, name, command):
        """Types a command at the guest's shell, through the terminal that xenconsoled keeps for its console."""
        self.wait(f'grep -a -q "built-in shell" {LOG.format(name)}')    # before it starts, it would not hear all
        self.ok(f'echo {shlex.quote(command)} >$(xenstore-read /local/domain/$(xl domid {name})/console/tty)')

    def console(self, command, name, question, answer, limit=60):
        """Types `question` at a guest's shell through `command`, which gives its console, until `answer` comes; then leaves with Ctrl-]. What is typed
        is passed on only where both ends are terminals: script gives it one."""
        self.ok(f'q={shlex.quote(question)}; rm -f /run/typed; touch /run/typed')
        self.wait(f'grep -a -q "built-in shell" {LOG.format(name)}')
        self.ok('ask() { until grep -a -q "$1" /run/typed; do printf "%s\\n" "$q"; sleep 2; done; printf "\\035"; }')
        self.ok(f'ask {shlex.quote(answer)} | timeout {int(limit * machines.PATIENCE)} script -q -f -c {shlex.quote(command)} /run/typed >/dev/null', limit + 20)
        self.ok(f'grep -a -q {shlex.quote(answer)} /run/typed')

    def traffic(self, address='192.168.7.2', size=2000000, limit=120):
        """So many bytes there and back, both ways at once: nc in the guest gives back what it gets. The sender keeps its end open until all is back."""
        seconds = int(limit * machines.PATIENCE)
        self.ok(f'rm -f /run/back; head -c {size} /dev/urandom >/run/out')
        self.ok('feed() { cat /run/out; until [ -e /run/back ]; do sleep 1; done; }; take() { head -c $1 >/run/in; touch /run/back; }')
        self.ok(f'feed | timeout {seconds} busybox nc {address} 7 | take {size}; cmp /run/in /run/out', limit + 20)

    def guest_ready(self, name='linux', times=1, limit=120):
        """What the guest prints once it is up, for the so-many-th time since create()."""
        log = LOG.format(name)
        self.wait(f'[ "$(grep -a -c GUEST-READY {log} 2>/dev/null)" -ge {times} ]', limit)
        text = self.ok(f'grep -a GUEST-READY {log} | tail -n 1')
        return dict(re.findall(r'(nproc|disk|net)=([^=]*?)(?= \w+=|\r|\n|$)', text))

    def gone(self, name='linux', limit=60):
        self.wait(f'! xl domid {name} 2>/dev/null', limit)


def audit(dom0, machine):
    """On Xenios: the hypervisor audits itself, and finds nothing wrong."""
    if machine.is_oracle:
        return
    dom0.ok('xl dmesg -c >/dev/null; xl debug-keys A')
    dom0.wait('xl dmesg | sed -n "s/^(XEN) Audit: /audit /p" | grep .', 60)
    assert dom0.ok('xl dmesg | sed -n "s/^(XEN) Audit: //p"') == '0 violations'


class KilledToolstack:
    """xl create of a kit guest, killed before one of its privileged calls (tests/system/debian/preload/)."""
    CREATE = 'LD_PRELOAD=/usr/local/bin/die_at_call.so xl create -q -e /etc/xen/kit.cfg >/dev/null 2>&1'

    def __init__(self, dom0):
        self.dom0 = dom0
        dom0.ok('printf \'name = "kit"\\nmemory = 32\\nkernel = "/guest/kit"\\non_poweroff = "preserve"\\n\' >/etc/xen/kit.cfg')
        dom0.ok('left() { for d in $(xl list | awk "NR > 1 && \\$2 > 0 {print \\$2}"); do xl destroy $d || return 1; done; }')
        dom0.ok(f'killed() {{ DIE_AT=$1 {self.CREATE}; left && freepages; }}')
        self.calls = int(dom0.ok(f'CALLS_TO=/run/calls {self.CREATE}; left; cat /run/calls', 120))
        self.free = dom0.free_pages()

    def at(self, k):
        """Killed there: what is left goes with xl destroy, to the page."""
        text = self.dom0.ok(f'killed {k}', 120)
        assert int(text.split()[-1]) == self.free, f'killed at call {k} of {self.calls}: {text}'
