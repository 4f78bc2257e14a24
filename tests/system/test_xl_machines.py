# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's tools as in test_xl.py on machines of their own: domain 0 with one and with four processors, the other xenstored, and libvirt."""
import re

import debian_dom0
import pytest

pytestmark = [pytest.mark.xdist_group('debian-machines'), pytest.mark.debian, pytest.mark.long]


def live(dom0, vcpus):
    """A Linux that carries traffic both ways."""
    assert dom0.create('/etc/xen/linux.cfg') == {'nproc': str(vcpus), 'disk': "the guest's own disk", 'net': '00:16:3e:00:00:02'}
    dom0.wait('ping -c 1 -W 2 192.168.7.2', 30)
    dom0.traffic()


@pytest.mark.parametrize('smp', (1, 4))
def test_processors(hypervisor, log_name, smp):
    """Four with Xen's xenstored in C, one with the one in OCaml, which Debian starts by itself."""
    machine = debian_dom0.machine(hypervisor, smp=smp, dom0_args=('cxenstored',) if smp == 4 else ())
    with machine.boot(log_name) as running:
        dom0 = debian_dom0.Dom0(running)
        dom0.ok(f'pgrep -x {"xenstored" if smp == 4 else "oxenstored"}')
        assert dom0.ok('nproc') == str(smp)
        assert dict(re.findall(r'^(\w+) *: *(.*)$', dom0.ok('xl info'), re.M))['nr_cpus'] == str(smp)
        assert dom0.ok('xl vcpu-list 0').count('Domain-0') == smp
        dom0.ok(f'sed -i "s/^vcpus.*/vcpus = {smp}/" /etc/xen/linux.cfg')
        live(dom0, smp)
        dom0.ok('xl destroy linux')
        dom0.gone()
        # The first leaves behind what domain 0 then has for all: room for ports and for mapped grants.
        before = dom0.free_pages()
        live(dom0, smp)
        if smp > 1:
            for number in (2, smp):
                dom0.ok(f'xl vcpu-set 0 {number}')
                # Linux only makes a processor known again; udev would switch it on.
                dom0.ok(f'for c in $(seq 1 {number - 1}); do until echo 1 >/sys/devices/system/cpu/cpu$c/online; do sleep 1; done 2>/dev/null; done')
                dom0.wait(f'[ $(nproc) = {number} ]', 30)
                dom0.ok('ping -c 1 -W 5 192.168.7.2')
        dom0.ok('xl shutdown -w linux', 120)
        dom0.gone()
        assert dom0.free_pages() == before
        dom0.ok('xenstore-ls /local/domain | grep -c Domain-0')


def test_virsh(hypervisor, log_name):
    """libvirt knows no processor like qemu64 on AMD without SYSENTER, but this one."""
    virsh = 'virsh -c xen:///system'
    start = f'{virsh} start virsh || {{ tail -n 40 /var/log/libvirt/libxl/libxl-driver.log; false; }}'    # virsh does not say why
    with debian_dom0.machine(hypervisor, smp=2, cpu='Nehalem').boot(log_name) as running:
        dom0 = debian_dom0.Dom0(running)
        dom0.ok('libvirtd -d </dev/null >/run/libvirtd.log 2>&1')
        dom0.wait(f'{virsh} list >/dev/null 2>&1', 60)
        assert re.search(r'0 +Domain-0 +running', dom0.ok(f'{virsh} list'))
        dom0.ok(f'{virsh} define /etc/xen/virsh.xml')
        assert re.search(r'- +virsh +shut off', dom0.ok(f'{virsh} list --all'))
        dom0.ok(start, 120)
        assert dom0.guest_ready('virsh') == {'nproc': '1', 'disk': "the guest's own disk", 'net': '00:16:3e:00:00:04'}
        assert re.search(r'\d+ +virsh +running', dom0.ok(f'{virsh} list'))
        dom0.console(f'{virsh} console virsh', 'virsh', 'echo said $((6*7))', 'said 42')
        dom0.traffic()
        dom0.ok(f'{virsh} suspend virsh')
        assert dom0.ok(f'{virsh} domstate virsh') == 'paused'
        dom0.fails('ping -c 1 -W 1 192.168.7.2')
        dom0.ok(f'{virsh} resume virsh')
        assert dom0.ok(f'{virsh} domstate virsh') == 'running'
        dom0.wait('ping -c 1 -W 2 192.168.7.2', 20)
        dom0.ok(f'{virsh} shutdown virsh')
        # Its state is "shut off" while libvirt still takes it down; then it has no number.
        dom0.wait(f'{virsh} list --all | grep -q -E -- "- +virsh +shut off"', 60)
        dom0.gone('virsh')
        dom0.ok(start, 120)
        dom0.ok(f'{virsh} destroy virsh')
        dom0.gone('virsh')
        dom0.ok(f'{virsh} undefine virsh')
        assert 'virsh' not in dom0.ok(f'{virsh} list --all')
