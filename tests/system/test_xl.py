# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own tools in a Debian 12 domain 0: xl and its friends look at the machine and take a Linux guest through its life.

The same commands run on Debian's Xen (--hypervisor build/oracle/xen): what fails there is a wrong test. All share one boot, in order.
Those marked `long` are part of `make test-xl`, not of `make test`.
"""
import json
import re

import debian_dom0
import pytest

pytestmark = [pytest.mark.xdist_group('debian'), pytest.mark.debian]


@pytest.fixture(scope='module')
def dom0(request):
    hypervisor = request.config.getoption('--hypervisor')
    machine = debian_dom0.machine(hypervisor, smp=2)
    with machine.boot(f'xl-{machine.side}') as running:
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
    assert [domain['domid'] for domain in json.loads(dom0.ok('xl list -l'))] == [0]


def test_dmesg(dom0):
    assert int(dom0.ok('xl dmesg | grep -a -i -c "dom0\\|domain 0"')) > 1
    dom0.ok('xl debug-keys h')
    dom0.wait('xl dmesg | tail -n 80 | grep -a -q "key"', 10)
    dom0.ok('xl debug-keys q')
    assert int(dom0.ok('xl dmesg -c | wc -l')) > 10
    assert int(dom0.ok('xl dmesg | wc -l')) < 10


def test_xentop(dom0):
    line = next(line for line in dom0.ok('xentop -b -i 1').splitlines() if 'Domain-0' in line)
    assert float(line.split()[2]) > 1
    dom0.ok('(sleep 4; printf q) | script -q -c "xl top" /run/top >/dev/null; grep -a -q Domain-0 /run/top')


def test_xenstore_tools(dom0):
    text = dom0.ok('xenstore-ls -f')
    assert '/local/domain/0/name = "Domain-0"' in text
    assert dom0.ok('xenstore-read /local/domain/0/domid') == '0'
    dom0.ok('rm -f /run/watched; (timeout 60 xenstore-watch -n 3 /tool/test >/run/watched &)')
    dom0.wait('grep -q /tool/test /run/watched', 20)    # it is set
    dom0.ok('xenstore-write /tool/test/a 1 /tool/test/b 2')
    assert dom0.ok('xenstore-list /tool/test').split() == ['a', 'b']
    dom0.ok('xenstore-chmod /tool/test/a n0 r1')
    assert '/tool/test/a = "1"   (n0,r1)' in dom0.ok('xenstore-ls -f -p /tool/test')
    dom0.ok('xenstore-exists /tool/test/a; xenstore-rm /tool/test')
    dom0.fails('xenstore-exists /tool/test/a')
    dom0.wait('[ $(grep -c /tool/test /run/watched) = 3 ]', 10)


def test_topology(dom0):
    assert dom0.ok('xl vcpu-list 0').count('Domain-0') == 2
    assert 'Pool-0' in dom0.ok('xl cpupool-list') and '0,1' in dom0.ok('xl cpupool-list -c')
    dom0.ok('lsevtchn 0 2>/dev/null || /usr/lib/xen-4.17/bin/lsevtchn 0')
    assert 'PV' in dom0.ok('/usr/lib/xen-4.17/bin/xen-cpuid -p 2>&1; xen-cpuid 2>&1 || /usr/lib/xen-4.17/bin/xen-cpuid')


def test_create(dom0):
    facts = dom0.create('/etc/xen/linux.cfg')
    assert facts == {'nproc': '1', 'disk': "the guest's own disk", 'net': '00:16:3e:00:00:02'}
    assert column(dom0, 'xl list', 'linux', 2) == '128'


def test_console(guest):
    guest.console('xl console linux', 'linux', 'echo said $((6*7))', 'said 42')
    guest.ok('! pgrep xenconsole$')


def test_traffic_both_ways(guest):
    guest.wait('ping -c 1 -W 2 192.168.7.2', 30)
    guest.traffic()


def test_names(guest):
    domid = guest.ok('xl domid linux')
    assert guest.ok(f'xl domname {domid}') == 'linux'
    guest.ok('xl rename linux other')
    assert guest.ok('xl domid other') == domid
    guest.ok('xl rename other linux')
    assert 'linux' in guest.ok('xl uptime linux')
    assert 'linux' in guest.ok('xl claims')
    assert 'linux' in guest.ok('xl vm-list')
    assert json.loads(guest.ok('xl list -l linux'))[0]['config']['c_info']['name'] == 'linux'


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
    guest.fails('xl mem-set linux 170')


def test_scheduling(guest):
    guest.ok('xl sched-credit -d linux -w 512 -c 50')
    assert guest.ok('xl sched-credit -d linux').splitlines()[-1].split() == ['linux', guest.ok('xl domid linux'), '512', '50']
    guest.ok('xl sched-credit -d linux -w 256 -c 0')
    assert 'tslice=30ms ratelimit=1000us' in guest.ok('xl sched-credit -s')
    guest.ok('xl sched-credit -s -t 10 -r 500')
    assert 'tslice=10ms ratelimit=500us' in guest.ok('xl sched-credit -s')
    guest.ok('xl sched-credit -s -t 30 -r 1000')
    guest.fails('xl sched-credit -d linux -w 0')


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


@pytest.mark.long
def test_block_detach_in_use(guest):
    """The guest writes to a disk that goes: it gets errors, and lives."""
    guest.ok('dd if=/dev/zero of=/run/second.img bs=1M count=4 2>/dev/null; losetup /dev/loop1 /run/second.img')
    guest.ok('xl block-attach linux phy:/dev/loop1,xvdb,w')
    guest.wait('xl block-list linux | grep -q "51728 .* 4 "', 30)
    guest.tell('linux', 'while [ -b /dev/xvdb ] && dd if=/dev/urandom of=/dev/xvdb bs=64k conv=fsync count=32 2>/dev/null; do echo wrote; done; echo no more &')
    guest.wait('[ $(grep -a -c wrote /var/log/xen/console/guest-linux.log) -gt 2 ]', 60)
    guest.ok('xl block-detach linux xvdb', 60)
    guest.wait('! xl block-list linux | grep -q 51728', 30)
    guest.wait('grep -a -q "no more" /var/log/xen/console/guest-linux.log', 60)
    guest.wait('losetup -d /dev/loop1; ! losetup -a | grep -q loop1', 30)
    guest.ok('ping -c 1 -W 5 192.168.7.2')


@pytest.mark.long
def test_network_detach_in_use(guest):
    guest.ok('ip addr add 192.168.8.1/24 dev xenbr0; ip neigh replace 192.168.8.2 lladdr 00:16:3e:00:00:03 dev xenbr0')
    guest.ok('xl network-attach linux bridge=xenbr0 mac=00:16:3e:00:00:03')
    guest.wait('xl network-list linux | grep -q "00:16:3e:00:00:03 .* 4 "', 30)
    guest.tell('linux', 'ip addr add 192.168.8.2/24 dev eth1; ip link set eth1 up')
    guest.wait('ping -c 1 -W 2 192.168.8.2', 30)
    guest.ok('(timeout 60 busybox nc 192.168.8.2 7 </dev/zero | cat >/dev/null &)')
    count = 'cat /sys/class/net/vif$(xl domid linux).1/statistics/tx_bytes'
    before = int(guest.ok(count))
    guest.wait(f'[ $({count}) -gt {before + 1000000} ]', 30)
    guest.ok('xl network-detach linux 00:16:3e:00:00:03', 60)
    guest.wait('! xl network-list linux | grep -q 00:16:3e:00:00:03', 30)
    guest.ok('busybox pkill -x "busybox nc" ; ip addr del 192.168.8.1/24 dev xenbr0')
    guest.wait('ping -c 1 -W 5 192.168.7.2', 20)


@pytest.mark.long
def test_two_guests(guest):
    """Two guests on the bridge, each sending to the other at the same time."""
    guest.ok('cp /guest/guest.img /run/other.img; losetup /dev/loop2 /run/other.img')
    guest.ok('sed "s/^name.*/name = \\"other\\"/; s/loop0/loop2/; s/00:02/00:05/; s/hvc0/hvc0 address=192.168.7.5/" /etc/xen/linux.cfg >/etc/xen/other.cfg')
    guest.create('/etc/xen/other.cfg', 'other')
    for name, peer in ('linux', 5), ('other', 2):
        guest.tell(name, f'head -c 2000000 /dev/urandom >/tmp/sent; (cat /tmp/sent; sleep 20) | nc 192.168.7.{peer} 7 | head -c 2000000 | cmp - /tmp/sent && echo back from {peer}')
    for name, peer in ('linux', 5), ('other', 2):
        guest.wait(f'grep -a "back from {peer}" /var/log/xen/console/guest-{name}.log', 90)
    guest.ok('xl destroy other')
    guest.gone('other')
    guest.wait('losetup -d /dev/loop2; ! losetup -a | grep -q loop2', 30)


def test_dump_core(guest):
    guest.ok('xl dump-core linux /run/core', 120)
    assert guest.ok('head -c 4 /run/core | tail -c 3') == 'ELF'
    guest.ok('rm /run/core')


def test_sysrq(guest):
    guest.ok('xl sysrq linux h')
    guest.wait('grep -a -i "sysrq.*help" /var/log/xen/console/guest-linux.log', 20)


@pytest.mark.long
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


@pytest.mark.long
def test_four_vcpus_and_qcow2(dom0):
    """Four vcpus on two processors, unpinned, then pinned; a disk that QEMU serves from a qcow2 file."""
    dom0.ok('qemu-img convert -O qcow2 /guest/guest.img /run/disk.qcow2')
    dom0.ok('sed "s/^vcpus.*/vcpus = 4/; s/^disk.*/disk = [ \\"format=qcow2,vdev=xvda,access=rw,target=\\/run\\/disk.qcow2\\" ]/; '
            's/^name.*/name = \\"four\\"/" /etc/xen/linux.cfg >/etc/xen/four.cfg')
    facts = dom0.create('/etc/xen/four.cfg', 'four')
    assert facts['nproc'] == '4' and facts['disk'] == "the guest's own disk"
    assert 'qdisk' in dom0.ok('xl block-list four')
    dom0.wait('ping -c 1 -W 2 192.168.7.2', 30)
    dom0.traffic()
    dom0.ok('xl vcpu-set four 2')
    dom0.wait('[ $(xl vcpu-list four | grep -c -- "--p") = 2 ]', 30)
    dom0.ok('xl vcpu-set --ignore-host four 4')
    # Linux only makes them known again: without udev somebody has to switch them on.
    dom0.tell('four', 'for c in 2 3; do until echo 1 >/sys/devices/system/cpu/cpu$c/online; do sleep 1; done 2>/dev/null; done')
    dom0.wait('[ $(xl vcpu-list four | grep -c -- "--p") = 0 ]', 30)
    for vcpu in range(4):
        dom0.ok(f'xl vcpu-pin four {vcpu} {vcpu % 2}')
    rows = [line.split() for line in dom0.ok('xl vcpu-list four').splitlines()[1:]]
    assert [(row[2], row[6]) for row in rows] == [(str(n), str(n % 2)) for n in range(4)]
    # All four work, on a disk that is read past the guest's cache; each on the processor it is pinned to.
    dom0.tell('four', 'n=0; while [ $n -lt 4 ]; do (dd if=/dev/xvda bs=1M count=16 iflag=direct 2>/dev/null | md5sum && echo read) & n=$((n+1)); done; wait; echo all done')
    dom0.wait('grep -a "all done" /var/log/xen/console/guest-four.log', 120)
    text = dom0.ok('grep -a -B 9 "all done" /var/log/xen/console/guest-four.log')
    sums = re.findall('[0-9a-f]{32}', text)
    assert sums == [dom0.ok('head -c 16M /guest/guest.img | md5sum').split()[0]] * 4
    rows = [line.split() for line in dom0.ok('xl vcpu-list four').splitlines()[1:]]
    assert [row[3] for row in rows] == ['0', '1', '0', '1']
    # What is written arrives in the file.
    dom0.tell('four', 'dd if=/dev/xvda of=/dev/xvda bs=1M count=1 seek=31 conv=fsync 2>/dev/null && echo written')
    dom0.wait('grep -a written /var/log/xen/console/guest-four.log', 60)
    dom0.ok('xl destroy four')
    dom0.gone('four')
    dom0.ok('qemu-img convert -O raw /run/disk.qcow2 /run/disk.raw; head -c 1M /run/disk.raw | cmp - <(tail -c 1M /run/disk.raw) && rm /run/disk.raw')
    # Pinned from the start, by the configuration.
    dom0.ok('echo \'cpus = [ "1", "0", "1", "0" ]\' >>/etc/xen/four.cfg')
    assert dom0.create('/etc/xen/four.cfg', 'four')['nproc'] == '4'
    rows = [line.split() for line in dom0.ok('xl vcpu-list four').splitlines()[1:]]
    assert [(row[3], row[6]) for row in rows] == [(str(n), str(n)) for n in (1, 0, 1, 0)]
    dom0.ok('xl destroy four')
    dom0.gone('four')


@pytest.mark.long
def test_tsc_modes(dom0):
    """What tsc_mode says of a guest's TSC: emulated or not, Linux boots and its clock runs; what there is no more is refused."""
    for mode in 'always_emulate', 'native':
        dom0.ok(f'sed "s/^name.*/name = \\"tsc\\"/" /etc/xen/linux.cfg >/etc/xen/tsc.cfg; echo \'tsc_mode = "{mode}"\' >>/etc/xen/tsc.cfg')
        dom0.create('/etc/xen/tsc.cfg', 'tsc')
        dom0.tell('tsc', 'sleep 2; echo slept')
        dom0.wait('grep -a -x "slept.*" /var/log/xen/console/guest-tsc.log', 30)
        dom0.ok('xl destroy tsc')
        dom0.gone('tsc')
    before = dom0.free_pages()
    dom0.ok('sed -i "s/^tsc_mode.*/tsc_mode = \\"native_paravirt\\"/" /etc/xen/tsc.cfg')
    dom0.fails('xl create -q /etc/xen/tsc.cfg 2>&1', 60)
    dom0.gone('tsc')
    assert dom0.free_pages() == before


def test_too_large(dom0):
    before = dom0.free_pages()
    dom0.ok('sed "s/^memory.*/memory = 4096/; s/^name.*/name = \\"huge\\"/" /etc/xen/linux.cfg >/etc/xen/huge.cfg')
    dom0.fails('xl create -q /etc/xen/huge.cfg 2>&1', 120)
    dom0.gone('huge')
    assert dom0.free_pages() == before


@pytest.mark.long
def test_grub(dom0):
    """GRUB as the guest's kernel loads a Linux from the guest's own disk."""
    dom0.ok('sed "s/^kernel.*/kernel = \\"\\/usr\\/lib\\/grub-xen\\/grub-x86_64-xen.bin\\"/; s/^ramdisk.*//; s/^cmdline.*//; s/^memory.*/memory = 256/; '
            's/^name.*/name = \\"grub\\"/" /etc/xen/linux.cfg >/etc/xen/grub.cfg')
    facts = dom0.create('/etc/xen/grub.cfg', 'grub', 300)
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
