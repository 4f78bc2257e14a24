# SPDX-License-Identifier: GPL-2.0-or-later
"""Our daemons as the systemd units that we ship start them, with systemd as domain 0's first process. Part of `make test-daemons`.

The units are for a system without Debian's init script of Xen, so that one is masked; test_daemons.py has the daemons started by it.
"""
import os

import debian_dom0
import pytest

pytestmark = [pytest.mark.xdist_group('units'), pytest.mark.debian, pytest.mark.long,
              pytest.mark.skipif(os.environ.get('DAEMONS') == 'debian', reason='about our daemons')]
UNITS = 'xenios-xenstored.service xenios-xenconsoled.service'


@pytest.fixture(scope='module')
def dom0(request):
    machine = debian_dom0.machine(request.config.getoption('--hypervisor'), daemons=True, smp=2,
                                  dom0_args=('systemd', 'notools', 'systemd.show_status=no'))    # its messages would stand among the answers
    with machine.boot(f'units-{machine.side}') as running:
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
    dom0.ok('xl destroy linux')
    dom0.gone()
    dom0.ok('xenstore-control check')


def test_both_killed(dom0):
    """In whatever order the two come back: the consoles' daemon finds the store again, the guest its console, and a new guest both."""
    dom0.create('/etc/xen/bare.cfg')
    before = dom0.ok('pidof xenstored xenconsoled')
    for first, second in (('xenstored', 'xenconsoled'), ('xenconsoled', 'xenstored')):
        # The second dies before the first is there again.
        dom0.ok(f'old="$(pidof {first}) $(pidof {second})"; kill -9 $old')
        dom0.wait('[ "$(pidof xenstored xenconsoled | wc -w)" = 2 ] && ! kill -0 $old 2>/dev/null', 30)
        dom0.wait(f'systemctl is-active --quiet {UNITS}', 30)
        dom0.ok("late_console.sh linux 'said 42' 'echo said $((6*7))'", 120)
    assert not set(dom0.ok('pidof xenstored xenconsoled').split()) & set(before.split())
    # Consoles alone, without a store for a while: they wait for it.
    dom0.ok('mv /usr/lib/xenios/bin/xenstored /run/aside; kill -9 $(pidof xenstored xenconsoled)')
    dom0.wait('pidof xenconsoled && ! pidof xenstored && systemctl is-active --quiet xenios-xenconsoled', 30)
    dom0.ok('mv /run/aside /usr/lib/xenios/bin/xenstored; systemctl reset-failed xenios-xenstored; systemctl start xenios-xenstored', 60)
    dom0.ok("late_console.sh linux 'said 30' 'echo said $((5*6))'", 120)
    dom0.ok('xl destroy linux')
    dom0.gone()
    # xl of before the kills hears nothing any more; a new guest's does.
    dom0.create('/etc/xen/bare.cfg')
    dom0.ok("late_console.sh linux 'said 20' 'echo said $((4*5))'", 120)
    dom0.ok('head -n 3 /run/late | grep -a -q "Linux version"')
    dom0.ok('xl shutdown -w linux', 60)
    dom0.gone()
    dom0.ok('xenstore-control check')
    assert dom0.ok('systemctl show -P MainPID xenios-xenstored') == dom0.ok('pidof xenstored')
    dom0.ok(f'systemctl is-active {UNITS}')
