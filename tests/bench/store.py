#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The second table of `make bench`: what an operation of the store costs our xenstored and Debian's two (C, and oxenstored in OCaml).

Each daemon runs in a domain 0 under Debian's Xen, in QEMU with -icount, where every run gives the same numbers: Linux, the client
store_client.c as its first process, the daemon, and nothing else. The plugin store_count.c counts the daemon's own user-mode instructions,
its libraries' included, and its system calls; for information, all instructions of the machine. The client waits for each answer, so
this is the cost of one request alone, waking up and going back to sleep included. long_write is 40,000 of them, with what a daemon does
now and then (our journal begun anew, a garbage collection). Memory per node is the growth of anonymous memory
and of the daemon's files in /run (a tmpfs; our journal, Debian's tdb) from 10,000 nodes to 100,000, each with a value of ten bytes, and a directory for each hundred.

build/bench.json gets the keys store, store_memory and store_commands.
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
QEMU = ['qemu-system-x86_64', '-accel', 'tcg', '-icount', 'shift=0,sleep=off', '-cpu', 'max,-smap,-rdtscp', '-m', '1024', '-smp', '1',
        '-display', 'none', '-vga', 'none', '-nic', 'none', '-rtc', 'base=2026-01-01T00:00:00,clock=vm', '-no-reboot', '-serial', 'stdio', '-monitor', 'none']
MODULES = ('drivers/xen/xen-privcmd', 'drivers/xen/xen-evtchn', 'drivers/xen/xen-gntdev', 'drivers/xen/xenfs/xenfs')
ARGUMENTS = {'ours': ['-N'], 'c': ['-N'], 'ocaml': ['--no-fork']}
COUNTERS = ('client', 'daemon', 'kernel', 'hypervisor', 'syscalls')
TARGET = 0.33  # of the better of Debian's two
LIMIT = 3000


class Failure(Exception):
    pass


def libraries(program):
    said = subprocess.run(['ldd', program], check=True, stdout=subprocess.PIPE, text=True).stdout
    if 'not found' in said:
        raise Failure(f'{program}: a library is missing:\n{said}')
    return re.findall(r'=> (/\S+)', said), re.findall(r'^\s*(/lib64/\S+)', said, re.M)


def make_image(output, kernel_dir, client, program):
    """An initramfs with the client as /init, the daemon, its libraries, and the modules it needs."""
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        root = pathlib.Path(folder)
        for name in ('lib/x86_64-linux-gnu', 'lib64', 'bin', 'etc/xen', 'var/lib/xenstored', 'var/log/xen'):
            (root / name).mkdir(parents=True)
        (root / 'var/run').symlink_to('/run')
        shutil.copy(client, root / 'init')
        shutil.copy(program, root / 'bin/daemon')
        shutil.copy(ROOT / 'tests/store/oxenstored.conf', root / 'etc/xen')  # it does not start without
        normal, loader = libraries(program)
        for path in normal:
            shutil.copy(path, root / 'lib/x86_64-linux-gnu')
        for path in loader:
            shutil.copy(path, root / 'lib64')
        modules = next((kernel_dir / 'lib/modules').iterdir()) / 'kernel'
        for module in MODULES:
            shutil.copy(modules / f'{module}.ko', root / 'lib')
        names = '\n'.join(sorted(str(p.relative_to(root)) for p in root.rglob('*'))) + '\n'
        archive = subprocess.run(['cpio', '--quiet', '--reproducible', '-o', '-H', 'newc', '-R', '0:0'], input=names.encode(), cwd=root, check=True,
                                 stdout=subprocess.PIPE).stdout
    output.write_bytes(gzip.compress(archive, compresslevel=1, mtime=0))


def marks(program):
    symbols = subprocess.run(['nm', program], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name: int(address, 16) for address, name in re.findall(r'^([0-9a-f]+) [tT] (bench_(?:begin|end))$', symbols, re.M)}


def run(folder, name, hypervisor, kernel, image, levels):
    """{(transport, operation, nodes, watches, connections): counters per operation}, {nodes: bytes}, and the command."""
    addresses = marks(folder / 'store_client')
    (folder / 'store.marks').write_text(''.join(f'{a:x}\n' for a in addresses.values()), encoding='utf-8')
    counts, log = folder / f'store-{name}.counts', folder / f'store-{name}.log'
    counts.unlink(missing_ok=True)
    linux = f'{kernel} console=hvc0 mitigations=off loglevel=4 norandmaps -- {levels} /bin/daemon {" ".join(ARGUMENTS[name])}'
    command = QEMU + ['-kernel', str(hypervisor), '-append', 'console=com1 com1=115200 dom0_mem=768M', '-initrd', f'{linux},{image}',
                      '-plugin', f'{folder}/store_count.so,marks={folder}/store.marks,out={counts}']
    with open(log, 'wb') as output:
        try:
            subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired:
            raise Failure(f'{name}: not done after {LIMIT} s, see {log}') from None
    text = log.read_text(encoding='utf-8', errors='replace')
    if 'BENCH-DONE' not in text or not counts.exists():
        raise Failure(f'{name}: the bench did not come to its end, see {log}')
    regions = [line.split() for line in counts.read_text(encoding='utf-8').splitlines()]
    regions = [words for words in regions if int(words[1], 16) == addresses['bench_begin']]
    lines = re.findall(r'^BENCH (\w+) (\w+) (\d+) (\d+) (\d+) (\d+)', text, re.M)
    if len(lines) != len(regions):
        raise Failure(f'{name}: {len(lines)} operations and {len(regions)} regions, see {log}')
    results = {}
    for (transport, operation, *numbers, times), words in zip(lines, regions):
        cell = {words[i]: int(words[i + 1]) / int(times) for i in range(2, len(words), 2)}
        results[(transport, operation, *map(int, numbers))] = cell
    memory = {int(n): int(anonymous) + int(files) for n, anonymous, files in re.findall(r'^MEMORY (\d+) (\d+) (\d+)', text, re.M)}
    return results, memory, command


def number(value):
    return '-' if value is None else f'{value:,.0f}' if value >= 100 else f'{value:.2f}'


def bytes_per_node(memory):
    nodes = sorted(memory)
    if len(nodes) < 2:
        return float('nan')
    return (memory[nodes[-1]] - memory[nodes[-2]]) / (nodes[-1] - nodes[-2])


def rows_of(results):
    """The table's cells, and whether each line misses the target."""
    for key in results.get('ours') or next(iter(results.values())):
        sides = {name: cells.get(key) for name, cells in results.items()}
        debian = [cell for name, cell in sides.items() if name != 'ours' and cell]
        ours = sides.get('ours')
        misses, ratio = [], None
        if ours and debian:
            ratio = ours['daemon'] / min(cell['daemon'] for cell in debian)
            if ratio > TARGET:
                misses.append('user')
            if ours['syscalls'] > min(cell['syscalls'] for cell in debian) + 0.1:
                misses.append('syscalls')

        def cells(counter):
            return [number(sides[name][counter] if sides.get(name) else None) for name in ARGUMENTS]
        totals = [number(sum(sides[name][c] for c in COUNTERS[:4]) if sides.get(name) else None) for name in ARGUMENTS]
        yield [*map(str, key), *cells('daemon'), '-' if ratio is None else f'{ratio:.2f}', *cells('syscalls'), *totals, ' '.join(misses)]


def table(rows):
    head = ['over', 'operation', 'nodes', 'watches', 'conns', 'ours', 'C', 'OCaml', 'ratio', 'calls: ours', 'C', 'OCaml', 'all: ours', 'C', 'OCaml', 'misses']
    widths = [max(len(cells[column]) for cells in [head] + rows) for column in range(len(head))]
    for cells in [head] + rows:
        print('  '.join(cell.ljust(width) if column in (0, 1, len(head) - 1) else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(cells, widths))).rstrip())


def report(build, results, memory, commands, failures):
    path = build / 'bench.json'
    whole = json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}
    whole['store'] = {name: [dict(zip(('transport', 'operation', 'nodes', 'watches', 'connections'), key), **cell) for key, cell in cells.items()]
                      for name, cells in results.items()}
    whole['store_memory'] = {name: {'bytes_at': m, 'bytes_per_node': bytes_per_node(m)} for name, m in memory.items()}
    whole['store_commands'] = commands
    whole['store_failures'] = failures
    path.write_text(json.dumps(whole, indent=1) + '\n', encoding='utf-8')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hypervisor', required=True)
    parser.add_argument('--kernel', required=True, help='the unpacked kernel package')
    parser.add_argument('--ours', required=True)
    parser.add_argument('--debian', required=True, help='the folder with xenstored and oxenstored')
    parser.add_argument('--side', action='append', choices=ARGUMENTS, help='only these')
    parser.add_argument('--levels', type=int, default=3, choices=(1, 2, 3), help='how full: 100 nodes; 10,000, too; 100,000, too')
    arguments = parser.parse_args()
    os.chdir(ROOT)
    build = pathlib.Path(os.environ.get('B', 'build'))
    folder, kernel_dir = build / 'bench', pathlib.Path(arguments.kernel)
    kernel = next((kernel_dir / 'boot').glob('vmlinuz-*'))
    programs = {'ours': arguments.ours, 'c': f'{arguments.debian}/xenstored', 'ocaml': f'{arguments.debian}/oxenstored'}
    results, memory, commands, failures = {}, {}, {}, []
    for name, program in programs.items():
        if arguments.side and name not in arguments.side:
            continue
        print(f'... {name}', file=sys.stderr, flush=True)
        try:
            image = folder / f'store-{name}.cpio.gz'
            make_image(image, kernel_dir, folder / 'store_client', program)
            results[name], memory[name], commands[name] = run(folder, name, arguments.hypervisor, kernel, image, arguments.levels)
        except Failure as failure:
            failures.append(str(failure))
    rows = list(rows_of(results)) if results else []
    print('The store: user-mode instructions and system calls of the daemon per operation; all: of the whole machine. Ratio: to the better of Debian\'s.')
    table(rows)
    for name, m in memory.items():
        print(f'{name}: {bytes_per_node(m):.0f} bytes per node')
    print(f'{len(rows)} lines, {sum(bool(r[-1]) for r in rows)} miss the target (user mode at most {TARGET:.2f}, system calls no more)')
    for failure in failures:
        print(f'FAILED {failure}')
    report(build, results, memory, commands, failures)
    return 1 if failures or not rows else 0


sys.exit(main())
