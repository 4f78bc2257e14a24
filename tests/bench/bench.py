#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: what operations cost on Xenios and on Debian's Xen, in instructions executed inside the hypervisor.

One guest binary and one static Linux program run on both (the program on the bare machine, too) in QEMU with -icount shift=0, where
every run gives the same numbers, under the plugin count.c, which counts between the marks that the programs pass. The table shows, per
operation: the hypervisor's share on each, their ratio, all instructions, and of the hypervisor's those that cost more than one:
CR3 writes, INVLPG, WRMSR, interrupts sent (ICR), locked operations. build/bench.json has the same with the command lines and versions.
"""
import argparse
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'system'))
import kernels  # noqa: E402

KINDS = ('instructions', 'cr3', 'invlpg', 'wrmsr', 'icr', 'locked')
QEMU = ['qemu-system-x86_64', '-accel', 'tcg', '-icount', 'shift=0,sleep=off', '-cpu', 'max,-smap,-rdtscp', '-m', '1024',
        '-display', 'none', '-vga', 'none', '-nic', 'none', '-rtc', 'base=2026-01-01T00:00:00,clock=vm', '-no-reboot', '-serial', 'stdio', '-monitor', 'none']
# The target: at most this part of Xen's hypervisor share, and not more of any of the dear kinds but locked operations.
TARGET = 0.80
DEAR = ('cr3', 'invlpg', 'wrmsr', 'icr')
LIMIT = 900


class Failure(Exception):
    pass


def marks(program):
    """{address: 'bench_begin_NAME' or 'bench_end_NAME'} of a program's symbol table."""
    symbols = subprocess.run(['nm', program], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = {int(address, 16): name for address, name in re.findall(r'^([0-9a-f]+) [tT] (bench_(?:begin|end)_\w+)$', symbols, re.M)}
    if not found:
        raise Failure(f'{program} has no marks')
    return found


def run(build, name, command, program):
    """Runs QEMU under the plugin; returns {operation: {'iterations': n, 'hypervisor': {...}, 'elsewhere': {...}}} and the command."""
    known = marks(program)
    folder = build / 'bench'
    (folder / 'marks').write_text(''.join(f'{address:x}\n' for address in known), encoding='utf-8')
    counts = folder / f'{name}.counts'
    counts.unlink(missing_ok=True)
    command = QEMU + command + ['-plugin', f'{folder}/count.so,marks={folder}/marks,out={counts}']
    log = folder / f'{name}.log'
    with open(log, 'wb') as output:
        try:
            status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=LIMIT,
                                    check=False).returncode
        except subprocess.TimeoutExpired:
            raise Failure(f'{name}: not done after {LIMIT} s, see {log}') from None
    text = log.read_text(encoding='utf-8', errors='replace')
    if status or not counts.exists():
        raise Failure(f'{name}: QEMU ended with status {status}, see {log}')
    iterations = {operation: int(n) for operation, n in re.findall(r'^BENCH (\w+) (\d+)', text, re.M)}
    values = {what: (int(n), unit) for what, n, unit in re.findall(r'^VALUE (\w+) (\d+) (\w+)', text, re.M)}
    return {'command': command, 'values': values, 'results': read_counts(counts.read_text(encoding='utf-8'), known, iterations, name)}


def read_counts(text, known, iterations, name):
    """Adds up the plugin's regions by operation. An operation that was begun but printed no number of iterations is left out."""
    results = {}
    for line in text.splitlines():
        words = line.split()
        numbers = [int(word) for word in words[3:9] + words[10:16]]
        mark = known.get(int(words[1], 16), 'bench_begin_reset_to_init')
        operation = mark[len('bench_begin_'):] if mark.startswith('bench_begin_') else None
        if operation == 'reset_to_init' and 'bench_begin_init' in known.values():
            iterations[operation] = 1
        if operation not in iterations:
            continue
        if operation in results:
            raise Failure(f'{name}: {operation} began twice')
        results[operation] = {'iterations': iterations[operation], 'hypervisor': dict(zip(KINDS, numbers[:6])),
                              'elsewhere': dict(zip(KINDS, numbers[6:]))}
    if not results:
        raise Failure(f'{name}: nothing was measured')
    return results


def per_operation(result, side, kind):
    return result[side][kind] / result['iterations']


def number(value):
    if value is None:
        return '-'
    if value >= 1e7:
        return f'{value:.3e}'
    return f'{value:,.0f}' if value >= 100 or value == int(value) else f'{value:.2f}'


def row(operation, sides):
    """The table's cells for one operation; sides: {'xen': result, 'xenios': result, 'native': result}, any of which may be missing."""
    xen, ours, native = (sides.get(side) for side in ('xen', 'xenios', 'native'))

    def value(result, side, kind='instructions'):
        return None if result is None else per_operation(result, side, kind)

    def total(result):
        return None if result is None else value(result, 'hypervisor') + value(result, 'elsewhere')

    share = value(ours, 'hypervisor') / value(xen, 'hypervisor') if xen and ours and value(xen, 'hypervisor') else None
    remarks = []
    if share is not None and share > TARGET:
        remarks.append('share')
    if xen and ours:
        remarks += [kind for kind in DEAR if value(ours, 'hypervisor', kind) > value(xen, 'hypervisor', kind) + 0.005]
    cells = [operation, number(value(xen, 'hypervisor')), number(value(ours, 'hypervisor')), '-' if share is None else f'{share:.2f}',
             number(total(xen)), number(total(ours)), number(total(native))]
    for kind in KINDS[1:]:
        cells.append('/'.join(number(value(result, 'hypervisor', kind)) for result in (xen, ours)))
    return cells + [' '.join(remarks)], remarks


def table(rows):
    head = ['operation', 'Xen', 'Xenios', 'ratio', 'all: Xen', 'all: Xenios', 'native', 'CR3', 'INVLPG', 'WRMSR', 'ICR', 'locked', 'misses']
    widths = [max(len(cells[column]) for cells in [head] + rows) for column in range(len(head))]
    for cells in [head] + rows:
        print('  '.join(cell.ljust(width) if column in (0, len(head) - 1) else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(cells, widths))).rstrip())


def value_table(done):
    """What is not counted by the plugin but said by the guest: `VALUE name number unit`. Returns the number of lines, and of those that miss the target."""
    values, missed = {}, 0
    for side, groups in done.items():
        for group in groups.values():
            for what, (n, unit) in group['values'].items():
                values.setdefault((what, unit), {})[side] = n
    for (what, unit), sides in values.items():
        xen, ours = sides.get('xen'), sides.get('xenios')
        ratio = ours / xen if xen and ours is not None else None
        missed += ratio is not None and ratio > TARGET
        print(f'{what}: Xen {number(xen)}, Xenios {number(ours)} {unit}' + ('' if ratio is None else f', ratio {ratio:.2f}'))
    return len(values), missed


def linux_files(build):
    """The uncompressed kernel and an initramfs that holds nothing but the workloads."""
    folder = build / 'bench'
    kernel = folder / 'vmlinux'
    if not kernel.exists() or kernel.stat().st_mtime < (build / 'vmlinuz').stat().st_mtime:
        kernel.write_bytes(kernels.vmlinux((build / 'vmlinuz').read_bytes()))
    initrd = folder / 'init.cpio.gz'
    write_initramfs(initrd, {'init': folder / 'init'})
    return kernel, initrd


def write_initramfs(path, files):
    """An initramfs of {name: file}."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, source in files.items():
            parts = name.split('/')
            names += [path for path in ('/'.join(parts[:i]) for i in range(1, len(parts) + 1)) if path not in names]
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            shutil.copy(source, os.path.join(folder, name))
        archive = subprocess.run(['cpio', '--quiet', '--reproducible', '-o', '-H', 'newc', '-R', '0:0'], input='\n'.join(names).encode() + b'\n', cwd=folder,
                                 check=True, stdout=subprocess.PIPE).stdout
    path.write_bytes(gzip.compress(archive, mtime=0))


def toolstack_files(build):
    """An initramfs whose init makes domains through libxenctrl, with what it needs."""
    modules = next((build / 'cache' / 'linux-image-amd64' / 'lib' / 'modules').iterdir()) / 'kernel' / 'drivers' / 'xen'
    initrd = build / 'bench' / 'toolstack.cpio.gz'
    write_initramfs(initrd, {'init': build / 'bench' / 'toolstack', 'sleeper': build / 'bench' / 'sleeper',
                             'xen-privcmd.ko': modules / 'xen-privcmd.ko', 'xen-evtchn.ko': modules / 'xen-evtchn.ko'})
    return initrd


IO_MODULES = ('drivers/xen/xen-privcmd', 'drivers/xen/xen-evtchn', 'drivers/xen/xen-gntdev', 'drivers/xen/xenfs/xenfs', 'drivers/block/brd',
              'drivers/block/xen-blkback/xen-blkback', 'drivers/net/xen-netback/xen-netback')


def io_files(build):
    """An initramfs for a domain 0 that serves a Linux guest a disk and a network interface, with the guest's own inside."""
    folder, modules = build / 'bench', next((build / 'cache' / 'linux-image-amd64' / 'lib' / 'modules').iterdir()) / 'kernel'
    guest, initrd, daemon = folder / 'guest.cpio.gz', folder / 'io.cpio.gz', build / 'tools' / 'xenstored'
    write_initramfs(guest, {'init': folder / 'io', 'lib/xen-blkfront.ko': modules / 'drivers/block/xen-blkfront.ko',
                            'lib/xen-netfront.ko': modules / 'drivers/net/xen-netfront.ko'})
    files = {'init': folder / 'io', 'kernel': folder / 'vmlinux', 'guest.cpio.gz': guest, 'bin/daemon': daemon}
    files.update({f'lib/{os.path.basename(module)}.ko': modules / f'{module}.ko' for module in IO_MODULES})
    said = subprocess.run(['ldd', daemon], check=True, stdout=subprocess.PIPE, text=True).stdout
    files.update({f'lib/x86_64-linux-gnu/{os.path.basename(path)}': path for path in re.findall(r'=> (/\S+)', said)})
    files.update({path[1:]: path for path in re.findall(r'^\s*(/lib64/\S+)', said, re.M)})
    write_initramfs(initrd, files)
    return initrd


def measure(build, sides, options, only, tests):
    """Runs everything on every side; returns {side: {group: run}} and the failures."""
    linux_arguments = 'mitigations=off loglevel=4 nokaslr norandmaps' # else what a process maps where, and flushes, depends on the time
    groups = {}
    guest = build / 'guests' / 'bench-pv64'
    if guest.exists():
        groups['guest'] = (str(guest), [str(guest) + ' seed=1' + (' test=' + ':'.join(tests) if tests else '')])
    kernel, initrd = linux_files(build)
    groups['linux'] = (str(build / 'bench' / 'init'), [f'{kernel} console=hvc0 earlyprintk=xen {linux_arguments}', str(initrd)])
    groups['tools'] = (str(build / 'bench' / 'toolstack'), [f'{kernel} console=hvc0 earlyprintk=xen {linux_arguments}', str(toolstack_files(build))])
    groups['io'] = (str(build / 'bench' / 'io'), [f'{kernel} console=hvc0 earlyprintk=xen {linux_arguments}', str(io_files(build))])
    done, failures = {}, []
    for side, hypervisor in sides.items():
        for group, (program, modules) in groups.items():
            if only and group not in only:
                continue
            processors = ['-smp', '2' if group == 'guest' else '1']
            if hypervisor is None:
                if group != 'linux':
                    continue
                command = ['-kernel', str(kernel), '-append', f'console=ttyS0 {linux_arguments}', '-initrd', str(initrd)]
            else:
                command = ['-kernel', str(hypervisor), '-append', f'console=com1 com1=115200 dom0_mem=512M {options}'.strip(),
                           '-initrd', ','.join(modules)]
            try:
                print(f'... {group} on {side}', file=sys.stderr, flush=True)
                done.setdefault(side, {})[group] = run(build, f'{side}-{group}', processors + command, program)
            except Failure as failure:
                failures.append(str(failure))
    return done, failures


def version(command, pattern='.*'):
    said = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    found = re.search(pattern, said)
    return found.group(0).strip() if found else ''


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hypervisor', required=True)
    parser.add_argument('--oracle', required=True)
    parser.add_argument('--options', default='', help='further options for both hypervisors')
    parser.add_argument('--side', action='append', choices=['xen', 'xenios', 'native'], help='only these')
    parser.add_argument('--group', action='append', choices=['guest', 'linux', 'tools', 'io'], help='only these')
    parser.add_argument('--test', action='append', help='of the guest group, only these operations')
    arguments = parser.parse_args()
    os.chdir(ROOT)
    build = pathlib.Path(os.environ.get('B', 'build'))
    sides = {'xen': arguments.oracle, 'xenios': arguments.hypervisor, 'native': None}
    sides = {side: path for side, path in sides.items() if not arguments.side or side in arguments.side}
    done, failures = measure(build, sides, arguments.options, arguments.group, arguments.test)

    operations, results = [], {}
    for side, groups in done.items():
        for group in groups.values():
            for operation, result in group['results'].items():
                if operation not in results:
                    operations.append(operation)
                results.setdefault(operation, {})[side] = result
    rows, missed = [], 0
    for operation in operations:
        cells, remarks = row(operation, results[operation])
        rows.append(cells)
        missed += bool(remarks)
    print('Instructions per operation; Xen and Xenios: inside the hypervisor; all: the whole machine; CR3 to locked: Xen/Xenios.')
    table(rows)
    lines, values_missed = value_table(done)
    missed += values_missed
    print(f'{len(rows) + lines} operations, {missed} miss the target (at most {TARGET:.2f} of Xen\'s, no dear instruction more)')
    for failure in failures:
        print(f'FAILED {failure}')
    report = {
        'versions': {'qemu': version(['qemu-system-x86_64', '--version']), 'kernel': (build / 'cache/linux-image-amd64/version').read_text().strip(),
                     'xen': version(['cat', str(build / 'cache/xen-hypervisor-4.17-amd64/version')]),
                     'xenios': version(['git', 'describe', '--always', '--dirty'])},
        'commands': {f'{side}-{group}': entry['command'] for side, groups in done.items() for group, entry in groups.items()},
        'values': {f'{side}-{group}': entry['values'] for side, groups in done.items() for group, entry in groups.items()},
        'results': results, 'failures': failures,
    }
    path = build / 'bench.json'
    kept = json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}
    report.update((key, value) for key, value in kept.items() if key.startswith('store'))  # the other table's
    path.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')
    return 1 if failures or not rows else 0


sys.exit(main())
