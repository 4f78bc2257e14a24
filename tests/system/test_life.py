# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains by the hundred, and toolstacks that die half way, on a Debian domain 0. All of it takes long: `make test-life`; samples are in test_xl.py.

LIFE_CYCLES, LIFE_LINUXES and LIFE_DOMAINS in the environment change how many kit guests, Linuxes, and domains at once.
"""
import os
import re

import pytest
import debian_dom0

pytestmark = [pytest.mark.xdist_group('debian-life'), pytest.mark.debian, pytest.mark.life]

CYCLES = int(os.environ.get('LIFE_CYCLES', '1000'))
LINUXES = int(os.environ.get('LIFE_LINUXES', '50'))
DOMAINS = int(os.environ.get('LIFE_DOMAINS', '200'))


@pytest.fixture
def machine(request):
    return debian_dom0.machine(request.config.getoption('--hypervisor'), smp=2)


def side(machine):
    return 'oracle' if machine.is_oracle else 'xenios'


def test_kit_cycles(machine):
    """A kit guest made and destroyed: every page comes back, and the last hundred cost what the first hundred did, in instructions."""
    counting = machine.replace(smp=1, devices=machine.devices + ('-icount', 'shift=0,sleep=off'))
    with counting.boot(f'life-cycles-{side(machine)}') as running:
        dom0 = debian_dom0.Dom0(running)
        text = dom0.ok(f'cycles {CYCLES} /guest/kit', 60 + 3 * CYCLES)
        print(text)
        first, last = map(int, re.search(r'cost first (\d+) last (\d+)', text).groups())
        assert abs(last - first) <= first * 0.02, text
        debian_dom0.audit(dom0, machine)


def live(dom0):
    """A Linux that used its disk and its interface before it is destroyed."""
    assert dom0.create('/etc/xen/linux.cfg', limit=300)['disk'] == "the guest's own disk"
    dom0.wait('ping -c 1 -W 2 192.168.7.2', 60)
    dom0.traffic()
    dom0.ok('xl destroy linux', 300)


def test_linux_cycles(machine):
    """xl makes a Linux with its disk and interface, and destroys it: most in the middle of their boot, each tenth in its user land after traffic both ways."""
    with machine.boot(f'life-linux-{side(machine)}') as running:
        dom0 = debian_dom0.Dom0(running)
        live(dom0)
        before = dom0.free_pages()
        for number in range(LINUXES):
            if number % 10 == 9:
                live(dom0)
            else:
                dom0.ok('xl create -q /etc/xen/linux.cfg && xl destroy linux', 300)
        after = dom0.free_pages()
        print(f'{LINUXES} Linuxes: {before} pages free before, {after} after')
        assert after == before
        debian_dom0.audit(dom0, machine)


def test_killed_at_each_call(machine):
    """xl dies before its k-th privileged call, for every k."""
    with machine.boot(f'life-killed-{side(machine)}') as running:
        dom0 = debian_dom0.Dom0(running)
        killed = debian_dom0.KilledToolstack(dom0)
        for k in range(1, killed.calls + 1):
            killed.at(k)
            if k % 8 == 0 or k == killed.calls:
                debian_dom0.audit(dom0, machine)
        print(f'killed at each of {killed.calls} calls')


def test_many_at_once(machine):
    """So many domains live together, and each answers."""
    large = machine.replace(memory=16384)
    with large.boot(f'life-many-{side(machine)}') as running:
        dom0 = debian_dom0.Dom0(running)
        text = dom0.ok(f'cycles many {DOMAINS} /usr/local/bin/answer-pv64', 120 + 20 * DOMAINS)
        print(text)
        assert f'alive {DOMAINS} answers {2 * DOMAINS} destroyed {DOMAINS}' in text
        debian_dom0.audit(dom0, machine)
