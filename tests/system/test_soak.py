# SPDX-License-Identifier: GPL-2.0-or-later
"""Ten minutes of load on domain 0 (make soak): hashing, forking, disk and network at once end without an error, and with a clean audit."""
import os

import pytest
from test_devices import server  # noqa: F401 (a fixture)

SECONDS = int(os.environ.get('SOAK_SECONDS', '600'))


@pytest.mark.soak
def test_load(machine, log_name, tmp_path, server):  # noqa: F811
    image = tmp_path / 'disk.img'
    with open(image, 'wb') as disk:
        disk.truncate(64 << 20)
    described = machine.replace(
        smp=2, devices=('-drive', f'file={image},if=none,id=d,format=raw', '-device', 'virtio-blk-pci,drive=d',
                        '-netdev', 'user,id=n', '-device', 'virtio-net-pci,netdev=n'),
        dom0_args=('xtest=soak,shell', f'xtest.seconds={SECONDS}', f'xtest.port={server.server_address[1]}'))
    with described.boot(log_name) as run:
        run.expect_init()
        facts = run.expect_test('soak', SECONDS * 2 + 300)
        results = dict(line.split(' ', 1) for line in facts['SOAK'])
        assert set(results) == {'hash', 'fork', 'disk', 'net'}
        for kind, result in results.items():
            rounds, wrong = (int(word.split('=')[1]) for word in result.split())
            assert rounds >= 2 and wrong == 0, (kind, result)
        assert 'SOAK-ERROR' not in facts, facts['SOAK-ERROR']
        run.expect('dom0:~# ')
        if not machine.is_oracle:
            run.switch_input()
            run.type('A')
            assert run.expect(r'\(XEN\).*Audit: (\d+) violations').group(1) == '0'
            run.switch_input()
        run.type('poweroff\n')
        run.expect_poweroff()
