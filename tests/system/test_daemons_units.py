# SPDX-License-Identifier: GPL-2.0-or-later
"""Our daemons as the systemd units that we ship start them, with systemd as domain 0's first process. Part of `make test-daemons`.

The units are for a system without Debian's init script of Xen, so that one is masked; test_daemons.py has the daemons started by it.
"""
import debian_dom0
import machine as machines
import pytest

pytestmark = [pytest.mark.xdist_group('units'), pytest.mark.debian, pytest.mark.long]
UNITS = 'xenios-xenstored.service xenios-xenconsoled.service'


@pytest.fixture(scope='module')
def dom0(request):
    disk = machines.build_dir() / 'debian' / 'daemons.img'
    if not (machines.ROOT / disk).exists():
        pytest.skip(f'{disk} is not there: make debian')
    machine = debian_dom0.machine(request.config.getoption('--hypervisor'), smp=2, dom0_args=('systemd', 'notools'))
    machine = machine.replace(devices=machine.devices + ('-drive', f'file={disk},format=raw,if=virtio,snapshot=on'))
    with machine.boot('units-' + ('oracle' if machine.is_oracle else 'xenios')) as running:
        yield debian_dom0.Dom0(running)


def test_verify(dom0):
    """systemd finds nothing to say about them."""
    assert dom0.ok(f'systemd-analyze verify --man=no {UNITS} 2>&1', 120) == ''


def test_started(dom0):
    for name in ('xenstored', 'xenconsoled'):
        pid = dom0.ok(f'systemctl show -P MainPID xenios-{name}')
        assert dom0.ok(f'systemctl is-active xenios-{name}') == 'active'
        assert dom0.ok(f'pidof {name}') == pid
        assert dom0.ok(f'readlink /proc/{pid}/exe') == f'/usr/lib/xenios/bin/{name}'
        for line in ('CapBnd:\t0000000000000000', 'NoNewPrivs:\t1', 'Seccomp:\t2'):
            assert line in dom0.ok(f'cat /proc/{pid}/status'), name
    assert dom0.ok('xenstore-read /local/domain/0/name') == 'Domain-0'
    assert dom0.ok('cat /proc/$(pidof xenstored)/oom_score_adj') == '-1000'


def test_second_start(dom0):
    """By whatever way: what lives stays, and goes on under systemd's eyes."""
    before = dom0.ok('pidof xenstored xenconsoled')
    dom0.ok(f'systemctl start {UNITS}')
    dom0.ok('/etc/init.d/xenios start')
    dom0.fails('/usr/lib/xenios/bin/xenstored --pid-file /run/other.pid')
    dom0.fails('systemctl stop xenios-xenstored')
    assert dom0.ok('pidof xenstored xenconsoled') == before


def test_restarts(dom0):
    """Under a guest: a live update leaves the process, a killed store is started again with what it had, consoles are exchanged."""
    dom0.create('/etc/xen/bare.cfg')
    first, consoles = dom0.ok('pidof xenstored'), dom0.ok('pidof xenconsoled')
    dom0.ok('xenstore-control live-update /usr/lib/xenios/bin/xenstored')
    assert dom0.ok('systemctl show -P MainPID xenios-xenstored') == first
    dom0.ok(f'kill -9 {first}')
    dom0.wait(f'systemctl is-active --quiet xenios-xenstored && [ "$(pidof xenstored)" != {first} ]', 30)
    assert dom0.ok('xenstore-read /local/domain/$(xl domid linux)/name') == 'linux'
    assert dom0.ok('pidof xenconsoled') == consoles
    dom0.ok('systemctl restart xenios-xenconsoled', 60)
    assert dom0.ok('pidof xenconsoled') != consoles
    dom0.ok('systemctl reload xenios-xenconsoled')
    dom0.ok("late_console.sh linux 'said 56' 'echo said $((7*8))'", 120)
    dom0.ok('xl shutdown -w linux', 60)
    dom0.gone()
    dom0.ok('xenstore-control check')
    assert dom0.ok('systemctl show -P MainPID xenios-xenstored') == dom0.ok('pidof xenstored')
    dom0.ok(f'systemctl is-active {UNITS}')
