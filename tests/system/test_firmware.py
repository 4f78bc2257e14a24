# SPDX-License-Identifier: GPL-2.0-or-later
"""From GRUB by multiboot 2, on BIOS and on UEFI, in QEMU and in Bochs."""
import re

import bochs
import machine as machines
import media
import pytest

FIRMWARE = {
    'bios': ('pc', ()),
    'uefi': ('q35', ('-bios', '/usr/share/ovmf/OVMF.fd')),
}
BOCHS_LIMIT = 900


@pytest.mark.parametrize('firmware', FIRMWARE)
def test_grub(machine, log_name, tmp_path, firmware):
    board, arguments = FIRMWARE[firmware]
    described = machine.replace(machine=board, smp=2, dom0_args=('xtest=poweroff',))
    image = media.grub_iso(described, tmp_path)
    with described.replace(qemu_args=arguments + ('-cdrom', str(image))).boot(log_name) as run:
        assert run.expect_init()[0] == 2
        run.expect_test('poweroff')
        run.expect_poweroff()
        # Debian's words for "nothing": the hypervisor does not wonder, the kernel is given them.
        said = re.search(r'\(XEN\) Command line: placeholder [^\r\n]*', run.text()).group(0)
        assert said.endswith(' no-real-mode edd=off') == (firmware == 'uefi')
        assert re.search(r'ommand line: placeholder console=hvc0 ', run.text())
        assert not re.search(r'\(XEN\)[^\r\n]*(?i:unknown)', run.text())
        if firmware == 'uefi':
            # The memory map and ACPI's root come from EFI, and domain 0 is told so.
            assert re.search(r'\(XEN\).*EFI', run.text())
            # So does its screen.
            assert re.search(r'efifb: framebuffer at 0x\w+, using \d+k', run.text()) and 'fb0: EFI VGA' in run.text()


def test_efi_variables(machine, log_name, tmp_path):
    """Domain 0 lists, reads, writes and deletes EFI's variables: run-time services are called for it."""
    described = machine.replace(machine='q35', smp=2, dom0_args=('xtest=efi,poweroff',))
    image = media.grub_iso(described, tmp_path)
    with described.replace(qemu_args=FIRMWARE['uefi'][1] + ('-cdrom', str(image))).boot(log_name) as run:
        run.expect_init()
        facts = run.expect_test('efi')
        assert int(facts['VARIABLES'][0]) > 20
        assert len(facts['BOOTORDER'][0]) >= 12 and facts['BOOTORDER'][0].startswith('07000000')
        assert facts['BOOTCURRENT'][0].startswith('06000000')
        assert facts['FIRST'] == ['first'] and facts['SECOND'] == ['second value'] and facts['ATTRIBUTES'] == ['07000000']
        assert facts['DELETED'] == ['yes'] and facts['LARGE'] == ['equal']
        run.expect_poweroff()


def test_efi_memory(machine, log_name, tmp_path):
    """Domain 0 learns what EFI's memory map says of an address: Linux >= 6.3 asks for each of EFI's tables."""
    guest = str(machines.build_dir() / 'guests' / 'efi-pv64')
    described = machine.replace(machine='q35', kernel=guest, initrd=guest, dom0_mem='64M', dom0_args=('efi', 'smp=1'))
    image = media.grub_iso(described, tmp_path)
    with described.replace(qemu_args=FIRMWARE['uefi'][1] + ('-cdrom', str(image))).boot(log_name) as run:
        run.expect('KIT RESULT pass')


@pytest.mark.xenios_only
def test_efi_fault(machine, log_name, tmp_path):
    """A run-time service that faults costs domain 0 its call, and all later ones, and nothing else."""
    described = machine.replace(machine='q35', smp=2, options=('efi=fault',), dom0_args=('xtest=shell',))
    image = media.grub_iso(described, tmp_path)
    with described.replace(qemu_args=FIRMWARE['uefi'][1] + ('-cdrom', str(image))).boot(log_name) as run:
        run.expect_init()
        assert 'EFI: run-time services will fault, as efi=fault says' in run.text()
        run.expect('dom0:')
        run.type('modprobe efivarfs; mount -t efivarfs none /sys/firmware/efi/efivars; echo mounted $((40 + 2))\n')
        run.expect('mounted 42')
        run.type('ls /sys/firmware/efi/efivars | wc -l; umount /sys/firmware/efi/efivars; mount -t efivarfs none /sys/firmware/efi/efivars; echo again $((40 + 3))\n')
        run.expect('again 43')
        faults = re.findall(r'EFI: (.*) inside a run-time service, error code 0x(\w+); they are not called any more', run.text())
        assert faults == [('page fault', '10')]
        assert re.search(r'RIP: *\w*:?\[?<?0*10\b', run.text())
        run.type('poweroff\n')
        run.expect_poweroff()


@pytest.mark.matrix
@pytest.mark.parametrize('model', ['corei7_skylake_x', 'ryzen'])
def test_bochs(request, machine, log_name, tmp_path, model):
    if model == 'ryzen' and not request.config.getoption('--matrix'):
        pytest.skip('two minutes: make test-matrix')
    skylake = model == 'corei7_skylake_x'
    options = ('x2apic', 'loglvl=info') if skylake and not machine.is_oracle else ()
    image = media.grub_iso(machine.replace(options=options, dom0_args=('xtest=poweroff',)), tmp_path)
    with bochs.Bochs(model, image, tmp_path, log_name) as run:
        text = run.expect_poweroff(BOCHS_LIMIT)
    assert re.search('XENIOS-DOM0-INIT reached nproc=1 ', text)
    assert 'XTEST poweroff exit 0' in text
    if skylake and not machine.is_oracle:
        assert re.search(r'\(XEN\).*SMEP on, SMAP on', text)
        assert re.search(r'\(XEN\) Speculation: .*return stack filled: no', text)
        assert re.search(r'\(XEN\) APIC: x2APIC, ', text) and re.search(r'\(XEN\) APIC timer: TSC deadline', text)
        for what in ('SMEP', 'SMAP'):
            assert re.search(rf'\(XEN\).*[Ss]elf-test.*{what}.*(ok|passed)', text), f'no self-test that trips {what}'


@pytest.mark.xenios_only
def test_features_taken_by_cpuid(machine, log_name, tmp_path):
    """The hypervisor does not use either what cpuid= takes from the same processor, and does what is to be done without. QEMU has none to take."""
    described = machine.replace(options=('noreboot', 'x2apic', 'loglvl=info', 'cpuid=no-x2apic,no-smep,no-tsc-deadline'))
    image = media.grub_iso(described, tmp_path, domain0=False)
    with bochs.Bochs('corei7_skylake_x', image, tmp_path, log_name) as run:
        text = run.expect(r'\(XEN\) APIC timer: .*\n', BOCHS_LIMIT)
    assert re.search(r'\(XEN\) Processor: .*SMEP off', text)
    assert re.search(r'\(XEN\) Speculation: .*return stack filled: yes', text)
    assert re.search(r'\(XEN\) APIC: xAPIC, ', text)
    assert re.search(r'\(XEN\) APIC timer: one-shot', text)
