# SPDX-License-Identifier: GPL-2.0-or-later
"""Domain 0 drives the machine's disks and network cards by message-signalled interrupts, and what it moves arrives unchanged."""
import hashlib
import http.server
import random
import threading

import conftest
import matrix
import pytest

MEBIBYTE = 1 << 20
HALF = 2                # MiB of a disk that the host fills, and as many that domain 0 fills

# Kind: (QEMU's device, its name in Linux, its lines in /proc/interrupts, board)
DISKS = {
    'virtio-blk': ('virtio-blk-pci,drive=d', 'vda', 'virtio[0-9]+-req', 'pc'),
    'ahci': ('ich9-ahci,id=a -device ide-hd,drive=d,bus=a.0', 'sda', 'ahci', 'q35'),
    'nvme': ('nvme,drive=d,serial=xenios', 'nvme0n1', 'nvme0q', 'q35'),
}
CARDS = {
    'virtio-net': ('virtio-net-pci', 'virtio_net', 'virtio[0-9]+-(input|output)', 'pc'),
    # The 82574: the member of the e1000 family that has MSI-X; QEMU's plain e1000 has only a pin.
    'e1000e': ('e1000e', 'e1000e', 'eth0', 'q35'),
    'e1000': ('e1000', 'e1000', 'eth0', 'pc'),
}
BY_PIN = ('e1000',)


def places(schedulers):
    """Which (N, -cpu) each device is tested on: first the pairs that the sixteen boots of the matrix leave over."""
    left = [(first[1], second[1]) for first, second in matrix.left_over(schedulers)]
    kinds = list(DISKS) + list(CARDS)
    left += [(2, 'qemu64')] * (len(kinds) - len(left))
    return dict(zip(kinds, left, strict=True))


@pytest.fixture
def place(request):
    return places(conftest.schedulers(request.config.getoption('--hypervisor')))


def fill(path, seed):
    """A disk image of which the first half is pseudo-random; returns that half's SHA-256."""
    data = random.Random(seed).randbytes(HALF * MEBIBYTE)
    with open(path, 'wb') as image:
        image.write(data)
        image.truncate(64 * MEBIBYTE)
    return hashlib.sha256(data).hexdigest()


def counts(lines):
    """Lines of /proc/interrupts -> [(interrupts in all, what follows the counts)]."""
    result = []
    for line in lines:
        words = line.split()
        numbers = [int(word) for word in words[1:] if word.isdigit()]
        result.append((sum(numbers), ' '.join(words[1 + len(numbers):])))
    return result


@pytest.mark.parametrize('kind', DISKS)
def test_disk(machine, log_name, tmp_path, place, kind):
    device, name, interrupt, board = DISKS[kind]
    smp, cpu = place[kind]
    image = tmp_path / 'disk.img'
    written = fill(image, kind)
    arguments = ['-drive', f'file={image},if=none,id=d,format=raw,cache=writeback']
    for part in device.split(' -device '):
        arguments += ['-device', part]
    described = machine.replace(machine=board, smp=smp, cpu=cpu, devices=tuple(arguments),
                                dom0_args=('xtest=disk', f'xtest.disk={name}', f'xtest.mb={HALF}', f'xtest.irq={interrupt}'))
    with described.boot(log_name) as run:
        assert run.expect_init()[0] == smp
        facts = run.expect_test('disk')
        run.expect_poweroff()
    assert facts['DISK-READ'] == [written]
    assert facts['DISK-REREAD'] == facts['DISK-WROTE']
    with open(image, 'rb') as disk:
        disk.seek(HALF * MEBIBYTE)
        on_disk = hashlib.sha256(disk.read(HALF * MEBIBYTE)).hexdigest()
    assert facts['DISK-WROTE'] == [on_disk], 'what the host finds in the image is not what domain 0 wrote'
    seen = counts(facts['INTERRUPT'])
    assert all('msi' in what.lower() for _, what in seen), seen
    assert sum(count for count, _ in seen) > 100, seen


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(self.server.blob)

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.answer(hashlib.sha256(body).hexdigest().encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server on the host's loopback, which QEMU's user network shows as 10.0.2.2."""
    made = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    made.blob = random.Random('blob').randbytes(4 * MEBIBYTE)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.mark.parametrize('kind', CARDS)
def test_network(machine, log_name, server, place, kind):
    device, driver, interrupt, board = CARDS[kind]
    smp, cpu = place[kind]
    described = machine.replace(machine=board, smp=smp, cpu=cpu,
                                devices=('-netdev', 'user,id=n', '-device', f'{device},netdev=n'),
                                dom0_args=('xtest=net', f'xtest.port={server.server_address[1]}', f'xtest.irq={interrupt}'))
    with described.boot(log_name) as run:
        assert run.expect_init()[0] == smp
        facts = run.expect_test('net')
        run.expect_poweroff()
    assert facts['NET-DRIVER'] == [driver]
    assert facts['NET-ADDRESS'] == ['10.0.2.15/24']
    assert facts['NET-DOWN'] == [hashlib.sha256(server.blob).hexdigest()]
    assert facts['NET-SERVER-SAW'] == facts['NET-UP']
    seen = counts(facts['INTERRUPT'])
    if kind not in BY_PIN:
        assert all('msi' in what.lower() for _, what in seen), seen
    assert sum(count for count, _ in seen) > 50, seen
