# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine in Bochs: one processor of a given model, booted from an ISO image, its serial line in a file.

Debian's Bochs has the debugger in it, so it waits for a command at its start; it ends with status 1 whatever happened; its sound
output would overflow a buffer of its own where there is no sound card.
"""
import re
import shutil
import subprocess
import time

import machine as machines

CONFIGURATION = '''\
megs: {memory}
cpu: model={model}, count=1, ips=60000000, reset_on_triple_fault=0
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={folder}/serial
display_library: rfb, options="timeout=0"
vga: extension=none
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: {folder}/log
panic: action=fatal
error: action=ignore
info: action=ignore
clock: sync=none
'''
FATAL = re.compile('|'.join(machines.FATAL))


class Bochs:
    """A running Bochs, as a context manager. `name` names the copy of its serial line in build/logs/."""

    def __init__(self, model, iso, folder, name, memory=1024):
        (folder / 'rc').write_text(CONFIGURATION.format(model=model, iso=iso, folder=folder, memory=memory), encoding='utf-8')
        (folder / 'commands').write_text('c\n', encoding='utf-8')
        self.folder, self.name = folder, name
        self.output = open(folder / 'output', 'w', encoding='utf-8')
        self.child = subprocess.Popen(['bochs', '-q', '-f', folder / 'rc', '-rc', folder / 'commands'], stdin=subprocess.DEVNULL,
                                      stdout=self.output, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.child.kill()
        self.child.wait()
        self.output.close()
        logs = machines.ROOT / machines.build_dir() / 'logs'
        logs.mkdir(parents=True, exist_ok=True)
        if (self.folder / 'serial').exists():
            shutil.copy(self.folder / 'serial', logs / (re.sub(r'[^\w.=,+-]+', '_', self.name) + '.log'))

    def text(self):
        try:
            return (self.folder / 'serial').read_text(encoding='utf-8', errors='replace').replace('\r', '')
        except FileNotFoundError:
            return ''

    def expect(self, pattern, limit):
        """Waits for the pattern on the serial line. Returns all that came there."""
        end = time.monotonic() + limit * machines.PATIENCE
        while not re.search(pattern, self.text()):
            assert time.monotonic() < end and self.child.poll() is None, f'{pattern} did not come; the serial line:\n{self.text()[-2000:]}'
            time.sleep(.2)
        return self.text()

    def expect_poweroff(self, limit):
        """Waits for the guest's ACPI power-off. Returns what came on the serial line."""
        end = time.monotonic() + limit * machines.PATIENCE
        while self.child.poll() is None:
            text = self.text()
            assert time.monotonic() < end, f'not within {limit} s; the end of its serial line:\n{text[-2000:]}'
            assert not FATAL.search(text), text[-2000:]
            time.sleep(1)
        said = (self.folder / 'output').read_text(encoding='utf-8', errors='replace')
        assert 'ACPI control: soft power off' in said, said[-1000:] + self.text()[-1000:]
        return self.text()
