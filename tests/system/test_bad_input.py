# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot boot says so in a line that names the cause, and then stops, though nobody says noreboot: no reset, no triple fault."""
import re
import struct

import kernels
import pytest


def truncated(image):
    return image[:100_000]


def flipped(image):
    """The middle of the compressed payload is not what it was."""
    begin = len(image) // 2
    return image[:begin] + bytes(byte ^ 0x5a for byte in image[begin:begin + 4096]) + image[begin + 4096:]


def wild_payload(image):
    """The header says that the payload lies beyond the end of the file."""
    made = bytearray(image)
    struct.pack_into('<II', made, kernels.PAYLOAD_OFFSET, 0xfffff000, 0x10000)
    return bytes(made)


def elf_of_another_machine(image):
    return b'\x7fELF\x02\x01\x01' + bytes(9) + struct.pack('<HHI', 2, 183, 1) + bytes(40) + bytes(4096)


def elf_with_wild_headers(image):
    """64-bit x86, but its program headers lie at 2^63."""
    return b'\x7fELF\x02\x01\x01' + bytes(9) + struct.pack('<HHIQQQIHHHHHH', 2, 62, 1, 0x1000000, 1 << 63, 0, 0, 64, 56, 65535, 64, 0, 0) \
        + bytes(4096)


def wild_notes(image):
    """The hypercall page is to be where domain 0 has no memory."""
    return kernels.with_notes(kernels.kit_guest(), {kernels.HYPERCALL_PAGE: 0xffffffffc0000000})


def requires_more(image):
    return kernels.with_notes(kernels.kit_guest(), {kernels.FEATURES: '!writable_page_tables|!levitation'})


def words(image):
    return b'This is not a kernel.\n' * 1000


# Case: (what becomes of the kernel, or None for no module at all; changes of the machine; what Xenios says; what Debian's Xen says)
# The texts are regular expressions, searched on lines that begin with the hypervisor's prefix.
XEN = r'Panic on CPU 0|Could not (construct|set up) (domain 0|DOM0)|No Dom0 kernel'
CANNOT = r'(?i:cannot boot).*'
CASES = {
    'no-module': (None, {}, CANNOT + r'(kernel|module)', XEN),
    'words': (words, {}, CANNOT + r'kernel', XEN),
    'truncated': (truncated, {}, CANNOT + r'kernel', XEN),
    'flipped': (flipped, {}, CANNOT + r'kernel', XEN),
    'wild-payload': (wild_payload, {}, CANNOT + r'kernel', XEN),
    'elf-of-another-machine': (elf_of_another_machine, {}, CANNOT + r'kernel', XEN),
    'elf-with-wild-headers': (elf_with_wild_headers, {}, CANNOT + r'kernel', XEN),
    'wild-notes': (wild_notes, {}, CANNOT + r'kernel.*HYPERCALL_PAGE', XEN),
    'requires-more': (requires_more, {}, CANNOT + r'kernel.*levitation', XEN),
    'too-little-for-domain-0': (lambda image: image, {'memory': 768, 'dom0_mem': '16M'}, CANNOT + r'(?i:memory|dom0_mem)', XEN),
    'too-little-memory': (words, {'memory': 48, 'initrd': ''}, CANNOT + r'(?i:memory)', r'Panic on CPU 0|Not enough|no memory'),
    'no-apic': (words, {'cpu': 'qemu64,-apic'}, CANNOT + r'APIC.*firmware', XEN),
    'no-time-stamp-counter': (words, {'cpu': 'qemu64,-tsc'}, CANNOT + r'time stamp counter', XEN),
    'no-timer': (words, {'machine': 'pc,hpet=off,pit=off,acpi=off'}, CANNOT + r'timer', XEN),
    'not-64-bit': (words, {'cpu': 'qemu32'}, r'(?i:cannot boot|ERR).*(64-bit|long mode)', r'Not a 64-bit CPU'),
}
# Without long mode there is no console code yet but a few instructions of assembly; the line may lack the prefix.
BARE = ('not-64-bit',)


@pytest.mark.parametrize('case', CASES)
def test_says_why_and_stops(machine, log_name, tmp_path, case):
    spoil, changes, ours, xens = CASES[case]
    changes = dict(changes)
    if spoil is None:
        changes.update(kernel='', initrd='')
    else:
        spoilt = tmp_path / 'kernel'
        spoilt.write_bytes(spoil(kernels.debian_kernel()))
        changes.update(kernel=str(spoilt))
    # Debian's Xen reboots without it.
    described = machine.replace(options=('noreboot',) if machine.is_oracle else (), **changes)
    wanted = xens if described.is_oracle else ours
    with described.boot(log_name) as run:
        found = run.expect(('' if case in BARE else r'\(XEN\)') + r'[^\r\n]*(' + wanted + ')', 120, fatal=False)
        assert len(re.sub(r'[\r\n].*', '', found.group(0), flags=re.S)) < 300
        run.expect_standstill(2)


# Option: what is said of it.
COMPLAINTS = {
    'com2=9600,9n1': None,      # not the console's line: nobody looks at it
    'cpuid=no-nonsense': 'cpuid=no-nonsense: no feature',
    'sched_credit_tslice_ms=5000': 'sched_credit_tslice_ms=5000 is not between',
    'sync_console': 'sync_console: each byte waits for the serial line',
    'tsc=perhaps': 'tsc=perhaps is not understood',
    'vga=gfx-1024x768x32': 'vga=gfx-1024x768x32: the mode is left',
    'self-test=off': 'Self-tests: left out',
    'nonsense': 'Unknown option "nonsense"',
}


@pytest.mark.xenios_only
def test_options_that_do_nothing_are_reported(machine, log_name):
    described = machine.replace(smp=2, options=tuple(COMPLAINTS), dom0_args=('xtest=poweroff',))
    with described.boot(log_name) as run:
        run.expect_init()
        text = run.text()
        for complaint in filter(None, COMPLAINTS.values()):
            assert re.search(r'\(XEN\) ' + re.escape(complaint), text), complaint
        assert 'Self-test:' not in text and '(XEN) com2' not in text
        run.expect_poweroff()


@pytest.mark.xenios_only
def test_skewed_tscs_have_a_record_each(machine, log_name):
    described = machine.replace(smp=2, options=('tsc=skewed',), dom0_args=('xtest=shell',))
    with described.boot(log_name) as run:
        run.expect_init()
        run.switch_input()
        run.type('t')
        run.expect(r'\(XEN\) Clock: TSC[^\r\n]*a record per processor')
