# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own tools in a Debian 12 domain 0: xl and its friends look at the machine and take a Linux guest through its life.

The same commands run on Debian's Xen (--hypervisor build/oracle/xen): what fails there is a wrong test. All share one boot, in order.
"""
import re

import debian_dom0
import pytest

pytestmark = [pytest.mark.xdist_group('debian'), pytest.mark.debian]

# Not proved there yet; the end of a run names each.
NOT_THERE_ON_XENIOS = dict.fromkeys('''
    test_console test_reboot test_four_vcpus_and_qcow2 test_grub test_killed_toolstack test_cycles test_virsh
'''.split(), 'not proved yet')


@pytest.fixture(scope='module')
def dom0(request):
    hypervisor = request.config.getoption('--hypervisor')
    machine = debian_dom0.machine(hypervisor, smp=2)
    with machine.boot('xl-' + ('oracle' if machine.is_oracle else 'xenios')) as running:
        yield debian_dom0.Dom0(running)


@pytest.fixture
def guest(dom0):
    """A running Linux, which is gone after the test."""
    if dom0.run('xl domid linux')[0]:
        dom0.create('/etc/xen/linux.cfg')
    return dom0


def column(dom0, command, row, number):
    lines = [line.split() for line in dom0.ok(command).splitlines()]
    return next(line[number] for line in lines if line and line[0] == row)


def test_info(dom0):
    facts = dict(re.findall(r'^(\w+) *: *(.*)$', dom0.ok('xl info -n'), re.M))
    assert facts['nr_cpus'] == '2' and facts['xen_major'] == '4' and facts['xen_minor'] == '17'
    assert 'xen-3.0-x86_64' in facts['xen_caps'] and facts['xen_pagesize'] == '4096'
    assert int(facts['total_memory']) in range(1500, 1537)
    assert 0 < int(facts['free_memory']) < int(facts['total_memory']) - 500
    assert int(facts['cpu_mhz'].split('.')[0]) > 100
    assert facts['xen_scheduler'] and facts['nr_nodes'] == '1'


def test_list(dom0):
    name, domid, memory, vcpus, state, time = dom0.ok('xl list').splitlines()[1].split()
    assert (name, domid, memory, vcpus) == ('Domain-0', '0', '512', '2')
    assert state == 'r-----' and float(time) > 1


def test_dmesg(dom0):
    assert int(dom0.ok('xl dmesg | grep -a -i -c "dom0\\|domain 0"')) > 1
    dom0.ok('xl debug-keys h')
    dom0.wait('xl dmesg | tail -n 80 | grep -a -q "key"', 10)


def test_xentop(dom0):
    line = next(line for line in dom0.ok('xentop -b -i 1').splitlines() if 'Domain-0' in line)
    assert float(line.split()[2]) > 1


def test_xenstore_ls(dom0):
    text = dom0.ok('xenstore-ls -f')
    assert '/local/domain/0/name = "Domain-0"' in text
    assert dom0.ok('xenstore-read /local/domain/0/domid') == '0'


def test_topology(dom0):
    assert dom0.ok('xl vcpu-list 0').count('Domain-0') == 2
    assert 'Pool-0' in dom0.ok('xl cpupool-list')
    dom0.ok('lsevtchn 0 2>/dev/null || /usr/lib/xen-4.17/bin/lsevtchn 0')
    assert 'PV' in dom0.ok('/usr/lib/xen-4.17/bin/xen-cpuid -p 2>&1; xen-cpuid 2>&1 || /usr/lib/xen-4.17/bin/xen-cpuid')


def test_create(dom0):
    facts = dom0.create('/etc/xen/linux.cfg')
    assert facts == {'nproc': '1', 'disk': "the guest's own disk", 'net': '00:16:3e:00:00:02'}
    assert column(dom0, 'xl list', 'linux', 2) == '128'


def test_console(guest):
    guest.ok('( (sleep 3; echo "echo said \\$((6*7))"; sleep 30) | xl console linux >/run/typed 2>&1 &)')
    guest.wait('grep -a "said 42" /run/typed', 40)
    guest.wait('! pgrep xenconsole$', 40)


def test_traffic_both_ways(guest):
    guest.wait('ping -c 1 -W 2 192.168.7.2', 30)
    # nc in the guest gives back what it gets: both ways at once.
    guest.ok('head -c 2000000 /dev/urandom >/run/out; (cat /run/out; sleep 5) | busybox nc 192.168.7.2 7 | head -c 2000000 | cmp - /run/out', 120)


def test_names(guest):
    domid = guest.ok('xl domid linux')
    assert guest.ok(f'xl domname {domid}') == 'linux'
    guest.ok('xl rename linux other')
    assert guest.ok('xl domid other') == domid
    guest.ok('xl rename other linux')
    assert 'linux' in guest.ok('xl uptime linux')
    assert 'linux' in guest.ok('xl claims')


def test_pause(guest):
    guest.ok('xl pause linux')
    state = guest.ok('xl list linux').splitlines()[1].split()[4]
    assert state[2] == 'p', state
    guest.ok('! ping -c 1 -W 1 192.168.7.2')
    guest.ok('xl unpause linux')
    guest.wait('ping -c 1 -W 2 192.168.7.2', 20)


def test_vcpus(guest):
    guest.ok('xl vcpu-pin linux 0 1')
    assert guest.ok('xl vcpu-list linux').splitlines()[1].split()[6] == '1'
    guest.ok('xl vcpu-pin linux 0 all')
    assert guest.ok('xl vcpu-list linux').splitlines()[1].split()[6] == 'all'


def test_memory(guest):
    guest.ok('xl mem-max linux 160')
    guest.ok('xl mem-set linux 100')
    guest.wait('xl list linux | grep -q " 100 "', 30)
    guest.ok('xl mem-set linux 128')
    guest.wait('xl list linux | grep -q " 128 "', 30)


def test_scheduling(guest):
    word = 'credit2' if 'credit2' in guest.ok('xl info') else 'credit'
    guest.ok(f'xl sched-{word} -d linux -w 512')
    assert column(guest, f'xl sched-{word} -d linux', 'linux', 2) == '512'
    guest.ok(f'xl sched-{word} -d linux -w 256')


def test_block_attach(guest):
    guest.ok('dd if=/dev/zero of=/run/second.img bs=1M count=4 2>/dev/null; losetup /dev/loop1 /run/second.img')
    guest.ok('xl block-attach linux phy:/dev/loop1,xvdb,w')
    guest.wait('xl block-list linux | grep -q "51728 .* 4 "', 30)
    guest.ok('xl block-detach linux xvdb', 60)
    guest.wait('! xl block-list linux | grep -q 51728', 30)
    guest.ok('losetup -d /dev/loop1')


def test_network_attach(guest):
    guest.ok('xl network-attach linux bridge=xenbr0 mac=00:16:3e:00:00:03')
    guest.wait('xl network-list linux | grep -q "00:16:3e:00:00:03 .* 4 "', 30)
    guest.ok('xl network-detach linux 00:16:3e:00:00:03')
    guest.wait('! xl network-list linux | grep -q 00:16:3e:00:00:03', 30)


def test_dump_core(guest):
    guest.ok('xl dump-core linux /run/core', 120)
    assert guest.ok('head -c 4 /run/core | tail -c 3') == 'ELF'
    guest.ok('rm /run/core')


def test_reboot(guest):
    before = int(guest.ok('xl domid linux'))
    guest.ok('xl reboot linux')
    guest.wait(f'n=$(xl domid linux 2>/dev/null) && [ "$n" != {before} ]', 90)
    guest.guest_ready(times=2)
    assert int(guest.ok('xl domid linux')) > before


def test_shutdown(guest):
    guest.ok('xl shutdown -w linux', 60)
    guest.gone()


def test_leaves_nothing(dom0):
    dom0.ok('xl destroy linux 2>/dev/null; true')
    before = dom0.free_pages()
    dom0.create('/etc/xen/linux.cfg')
    dom0.ok('xl destroy linux')
    dom0.gone()
    assert dom0.free_pages() == before


def test_four_vcpus_and_qcow2(dom0):
    dom0.ok('qemu-img convert -O qcow2 /guest/guest.img /run/disk.qcow2')
    dom0.ok('sed "s/^vcpus.*/vcpus = 4/; s/^disk.*/disk = [ \\"format=qcow2,vdev=xvda,access=rw,target=\\/run\\/disk.qcow2\\" ]/; '
            's/^name.*/name = \\"four\\"/" /etc/xen/linux.cfg >/etc/xen/four.cfg')
    facts = dom0.create('/etc/xen/four.cfg', 'four')
    assert facts['nproc'] == '4' and facts['disk'] == "the guest's own disk"
    dom0.ok('xl vcpu-set four 2')
    dom0.wait('[ $(xl vcpu-list four | grep -c -- "--p") = 2 ]', 30)
    dom0.ok('xl destroy four')
    dom0.gone('four')


def test_too_large(dom0):
    before = dom0.free_pages()
    dom0.ok('sed "s/^memory.*/memory = 4096/; s/^name.*/name = \\"huge\\"/" /etc/xen/linux.cfg >/etc/xen/huge.cfg')
    dom0.fails('xl create -q /etc/xen/huge.cfg 2>&1', 120)
    dom0.gone('huge')
    assert dom0.free_pages() == before


def test_grub(dom0):
    """GRUB as the guest's kernel loads a Linux from the guest's own disk."""
    dom0.ok('sed "s/^kernel.*/kernel = \\"\\/usr\\/lib\\/grub-xen\\/grub-x86_64-xen.bin\\"/; s/^ramdisk.*//; s/^cmdline.*//; s/^memory.*/memory = 256/; '
            's/^name.*/name = \\"grub\\"/" /etc/xen/linux.cfg >/etc/xen/grub.cfg')
    facts = dom0.create('/etc/xen/grub.cfg', 'grub', 200)
    assert facts['disk'] == "the guest's own disk"
    dom0.ok('grep -a from-grub /var/log/xen/console/guest-grub.log')
    dom0.ok('xl destroy grub')
    dom0.gone('grub')


def test_killed_toolstack(dom0):
    """xl dies before its k-th privileged call: xl destroy removes what is left, and nothing leaks. (make test-life: every k.)"""
    killed = debian_dom0.KilledToolstack(dom0)
    for part in (0.2, 0.6, 0.9):
        killed.at(round(killed.calls * part))


def test_cycles(dom0):
    text = dom0.ok('cycles 10 /guest/kit', 300)
    assert 'CYCLES 10' in text


def test_virsh(dom0):
    dom0.ok('mkdir -p /run/libvirt; (libvirtd -d </dev/null >/run/libvirtd.log 2>&1); true')
    dom0.wait('virsh -c xen:///system list >/dev/null 2>&1', 60)
    virsh = 'virsh -c xen:///system'
    assert 'Domain-0' in dom0.ok(f'{virsh} list')
    dom0.ok(f'{virsh} define /etc/xen/virsh.xml')
    dom0.ok('rm -f /var/log/xen/console/guest-virsh.log')
    dom0.ok(f'{virsh} start virsh', 120)
    dom0.guest_ready('virsh')
    dom0.ok(f'{virsh} suspend virsh')
    assert 'paused' in dom0.ok(f'{virsh} domstate virsh')
    dom0.ok(f'{virsh} resume virsh')
    assert 'running' in dom0.ok(f'{virsh} domstate virsh')
    dom0.ok(f'{virsh} shutdown virsh')
    dom0.wait(f'{virsh} domstate virsh | grep -q "shut off"', 60)
    dom0.ok(f'{virsh} start virsh', 120)
    dom0.ok(f'{virsh} destroy virsh')
    dom0.ok(f'{virsh} undefine virsh')
    dom0.ok('kill $(cat /run/libvirtd.pid)')
