# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's tools as in test_xl.py on machines of their own: domain 0 with one and with four processors, the other xenstored, and libvirt."""
import re

import debian_dom0
import pytest

pytestmark = [pytest.mark.xdist_group('debian-machines'), pytest.mark.debian, pytest.mark.long]

# Not proved there yet; the end of a run names each.
NOT_THERE_ON_XENIOS = dict.fromkeys('test_processors test_virsh'.split(), 'not run to the end there yet')


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
        before = dom0.free_pages()
        dom0.ok(f'sed -i "s/^vcpus.*/vcpus = {smp}/" /etc/xen/linux.cfg')
        assert dom0.create('/etc/xen/linux.cfg') == {'nproc': str(smp), 'disk': "the guest's own disk", 'net': '00:16:3e:00:00:02'}
        dom0.wait('ping -c 1 -W 2 192.168.7.2', 30)
        dom0.ok('head -c 2000000 /dev/urandom >/run/out; (cat /run/out; sleep 5) | busybox nc 192.168.7.2 7 | head -c 2000000 | cmp - /run/out', 120)
        if smp > 1:
            for number in (2, smp):
                dom0.ok(f'xl vcpu-set 0 {number}')
                # Linux only makes a processor known again; udev would switch it on.
                dom0.ok(f'for c in $(seq 1 {number - 1}); do until echo 1 >/sys/devices/system/cpu/cpu$c/online; do sleep 1; done 2>/dev/null; done')
                dom0.wait(f'[ $(nproc) = {number} ]', 30)
                dom0.ok('ping -c 1 -W 5 192.168.7.2')
        dom0.ok('xl shutdown -w linux', 120)
        dom0.gone()
        dom0.create('/etc/xen/linux.cfg')
        dom0.ok('xl destroy linux')
        dom0.gone()
        assert dom0.free_pages() == before
        dom0.ok('xenstore-ls /local/domain | grep -c Domain-0')


def test_virsh(hypervisor, log_name):
    """libvirt knows no processor like qemu64 on AMD without SYSENTER, but this one."""
    virsh = 'virsh -c xen:///system'
    with debian_dom0.machine(hypervisor, smp=2, cpu='Nehalem').boot(log_name) as running:
        dom0 = debian_dom0.Dom0(running)
        dom0.ok('libvirtd -d </dev/null >/run/libvirtd.log 2>&1')
        dom0.wait(f'{virsh} list >/dev/null 2>&1', 60)
        assert re.search(r'0 +Domain-0 +running', dom0.ok(f'{virsh} list'))
        dom0.ok(f'{virsh} define /etc/xen/virsh.xml')
        assert re.search(r'- +virsh +shut off', dom0.ok(f'{virsh} list --all'))
        dom0.ok(f'{virsh} start virsh', 120)
        assert dom0.guest_ready('virsh') == {'nproc': '1', 'disk': "the guest's own disk", 'net': '00:16:3e:00:00:04'}
        assert re.search(r'\d+ +virsh +running', dom0.ok(f'{virsh} list'))
        dom0.ok('(sleep 6; echo "echo said \\$((6*7))"; sleep 6; printf "\\035") | '
                f'timeout 60 script -q -c "{virsh} console virsh" /run/typed >/dev/null', 80)
        dom0.ok('grep -a "said 42" /run/typed')
        dom0.ok(f'{virsh} suspend virsh')
        assert dom0.ok(f'{virsh} domstate virsh') == 'paused'
        dom0.fails('ping -c 1 -W 1 192.168.7.2')
        dom0.ok(f'{virsh} resume virsh')
        assert dom0.ok(f'{virsh} domstate virsh') == 'running'
        dom0.wait('ping -c 1 -W 2 192.168.7.2', 20)
        dom0.ok(f'{virsh} shutdown virsh')
        dom0.wait(f'{virsh} domstate virsh | grep -q "shut off"', 60)
        dom0.gone('virsh')
        dom0.ok(f'{virsh} start virsh', 120)
        dom0.ok(f'{virsh} destroy virsh')
        dom0.gone('virsh')
        dom0.ok(f'{virsh} undefine virsh')
        assert 'virsh' not in dom0.ok(f'{virsh} list --all')
