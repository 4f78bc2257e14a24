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


def test_kit_cycles(machine):
    """A kit guest made and destroyed: every page comes back, and the last hundred cost what the first hundred did, in instructions."""
    counting = machine.replace(smp=1, devices=machine.devices + ('-icount', 'shift=0,sleep=off'))
    with counting.boot(f'life-cycles-{machine.side}') as running:
        dom0 = debian_dom0.Dom0(running)
        text = dom0.ok(f'cycles {CYCLES} /guest/kit', 60 + 3 * CYCLES)
        print(text)
        first, last = map(int, re.search(r'cost first (\d+) last (\d+)', text).groups())
        assert abs(last - first) <= first * 0.02, text
        debian_dom0.audit(dom0, machine)


def cycle(dom0, used):
    """Makes a Linux and destroys it, in its boot, or once it has `used` its disk and its interface. False if libxl gave up, as it does on a busy machine 40 seconds after
    it started a hotplug script: that one does not count, but what it leaves goes just so."""
    status, text = dom0.run(f'rm -f {debian_dom0.LOG.format("linux")}; xl create -q /etc/xen/linux.cfg 2>&1', 300)
    if status == 0 and used:
        assert dom0.guest_ready(limit=300)['disk'] == "the guest's own disk"
        dom0.wait('ping -c 1 -W 2 192.168.7.2', 60)
        dom0.traffic()
    if status:
        assert 'because of timeout' in text, text
    dom0.run('xl destroy linux 2>&1', 300)
    dom0.gone()
    return status == 0


def test_linux_cycles(machine):
    """xl makes a Linux with its disk and interface, and destroys it; no page is missing after each ten, the last of which carried traffic."""
    with machine.boot(f'life-linux-{machine.side}') as running:
        dom0 = debian_dom0.Dom0(running)
        assert cycle(dom0, True) or cycle(dom0, True)    # the first leaves behind what domain 0 then has for all
        before, made, tries = dom0.free_pages(), 0, 0
        while made < LINUXES:
            tries += 1
            assert tries <= 2 * LINUXES
            made += cycle(dom0, made % 10 == 9)
            if made % 10 == 0:
                after = dom0.free_pages()
                print(f'{made} Linuxes in {tries} goes: {before} pages free before, {after} after', flush=True)
                assert after == before
        assert dom0.free_pages() == before
        debian_dom0.audit(dom0, machine)


def test_killed_at_each_call(machine):
    """xl dies before its k-th privileged call, for every k."""
    with machine.boot(f'life-killed-{machine.side}') as running:
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
    with large.boot(f'life-many-{machine.side}') as running:
        dom0 = debian_dom0.Dom0(running)
        text = dom0.ok(f'cycles many {DOMAINS} /usr/local/bin/answer-pv64', 120 + 20 * DOMAINS)
        print(text)
        assert f'alive {DOMAINS} answers {2 * DOMAINS} destroyed {DOMAINS}' in text
        debian_dom0.audit(dom0, machine)
