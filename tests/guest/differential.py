#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the guest tests/guest/fuzz with one seed on Debian's Xen and on ours, and compares what the hypercalls answered.

The guest writes a log into its memory (see tests/guest/fuzz/fuzz.h); when it has ended, or died, the log is read out of the machine through QEMU. Every
line must be the same on both, but for what tests/guest/fuzz/differences.py gives a reason for.

    tests/guest/differential.py                                    a fresh seed, 20,000 calls
    tests/guest/differential.py --seed 17 --first 4 --epochs 1     one epoch of it
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pickle
import random
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import run as runner  # noqa: E402
from fuzz.differences import REASONS  # noqa: E402

REGION = re.compile(r'FUZZ LOG ([0-9a-f]+) ([0-9a-f]+)')
SHOWN = 12
# What a legitimate difference drags behind it within its epoch may be left out; but not much of all.
SKIPPED_MOST = 0.10


class Machine:
    """One QEMU: the console, and the guest's log as far as it came."""

    def __init__(self, hypervisor, args):
        self.hypervisor, self.args = hypervisor, args
        self.console, self.regions, self.log = [], [], []
        self.ended = False

    def command(self, monitor):
        a = self.args
        guest = f'{a.build}/guests/fuzz-pv64 seed={a.seed} epochs={a.epochs} calls={a.calls} first={a.first}{" watch=1" if a.watch else ""}'
        return ['qemu-system-x86_64', '-accel', 'tcg', '-m', '512', '-smp', str(a.smp), '-nographic', '-vga', 'none', '-nic', 'none', '-no-reboot',
                '-action', 'reboot=shutdown,shutdown=pause', '-qmp', f'unix:{monitor},server=on,wait=off', '-monitor', 'none', '-kernel', self.hypervisor, '-append',
                'console=com1 com1=115200 dom0_mem=128M dom0_max_vcpus=2 loglvl=error guest_loglvl=error', '-initrd', guest]

    def run(self):
        with tempfile.TemporaryDirectory() as folder:
            monitor = os.path.join(folder, 'qmp')
            with subprocess.Popen(self.command(monitor), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
                try:
                    self.follow(process.stdout)
                    self.fetch(monitor, os.path.join(folder, 'memory'))
                except (OSError, ValueError) as error:
                    self.console.append(f'(the log cannot be read: {error})')
                finally:
                    process.kill()

    def follow(self, stream):
        """Reads the console until the guest's result, or a panic, or nothing more can come."""
        waiter = selectors.DefaultSelector()
        waiter.register(stream, selectors.EVENT_READ)
        deadline, rest = time.monotonic() + self.args.timeout, b''
        while (left := deadline - time.monotonic()) > 0:
            if not waiter.select(left):
                break
            data = os.read(stream.fileno(), 65536)
            if not data:
                break
            *complete, rest = (rest + data).split(b'\n')
            for raw in complete:
                line = raw.decode('utf-8', 'replace').rstrip('\r')
                self.console.append(line)
                if found := REGION.search(line):
                    self.regions.append((int(found[1], 16), int(found[2], 16)))
                if 'KIT RESULT' in line:
                    self.ended = True
                    return
                if runner.PANIC.search(line) or runner.CRASHED.search(line):
                    deadline = min(deadline, time.monotonic() + 2)
        self.console.append(rest.decode('utf-8', 'replace'))

    def fetch(self, monitor, path):
        """Copies the log out of the machine's memory: one page that says how much there is, then the text."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(monitor)
            stream = connection.makefile('rw')

            def ask(command, **arguments):
                stream.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
                stream.flush()
                while True:
                    answer = json.loads(stream.readline())
                    if 'return' in answer or 'error' in answer:
                        return answer

            stream.readline()
            ask('qmp_capabilities')
            ask('stop')
            memory = b''
            for start, size in self.regions:
                ask('pmemsave', val=start, size=size, filename=path)
                with open(path, 'rb') as f:
                    memory += f.read()
        used = int.from_bytes(memory[:8], 'little')
        self.log = memory[4096:4096 + used].decode('ascii', 'replace').split('\n')

    def audit(self):
        said = [m[1] for line in self.console if (m := runner.AUDIT.search(line))]
        return said[-1] if said else None

    def complete(self):
        return self.ended and 'end' in self.log


Line = collections.namedtuple('Line', 'key text result')


def parse(log):
    """{epoch: {key: Line}}: calls by their number, the state by what it is the state of."""
    epochs, epoch = {}, None
    for text in log:
        if m := re.match(r'epoch (\d+)$', text):
            epoch = epochs.setdefault(int(m[1]), {})
            continue
        if epoch is None or not text or text == 'end':
            continue
        if m := re.match(r'(\d+\.\d+(?::\d+)?) (.*?)(?: ->(.*))?$', text):
            line = Line(m[1], m[2], m[3])
        elif m := re.match(r'(state (?:port|vcpu)? ?\S+)(.*)', text):
            line = Line(m[1], m[1], m[2])
        else:
            line = Line(text, text, '')
        key = line.key
        while key in epoch:
            key += "'"
        epoch[key] = line
    return epochs


def reason_for(left, right):
    for reason in REASONS:
        text = (left or right).text
        if re.search(reason.call, text) and re.fullmatch(reason.xen, (left.result if left else 'absent') or '') and \
                re.fullmatch(reason.ours, (right.result if right else 'absent') or ''):
            return reason
    return None


class Comparison:
    """What the two logs have in common, and what not."""

    def __init__(self, oracle, ours, everything=False):
        self.everything = everything
        self.compared = self.skipped = 0
        self.used, self.different = collections.Counter(), []
        a, b = parse(oracle.log), parse(ours.log)
        for epoch in sorted(a | b):
            self.compare_epoch(epoch, a.get(epoch, {}), b.get(epoch, {}))

    def compare_epoch(self, epoch, left, right):
        keys = list(left) + [k for k in right if k not in left]
        for position, key in enumerate(keys):
            x, y = left.get(key), right.get(key)
            self.compared += 1
            if x == y:
                continue
            reason = reason_for(x, y)
            if reason is None:
                self.different.append((epoch, key, x, y))
                if self.everything:
                    continue
                return  # the rest follows from it
            self.used[reason.why] += 1
            if reason.rest_of_epoch:
                self.skipped += len(keys) - position - 1
                return


def again(args, epoch, key):
    call = re.match(r'\d+\.(\d+)', key)
    calls = f' --calls {int(call[1]) + 1}' if call else f' --calls {args.calls}'
    return f'tests/guest/differential.py --seed {args.seed} --first {epoch} --epochs 1{calls}'


def digest(comparison):
    """Differences by kind, the frequent ones first: what --all is for."""
    kinds = collections.defaultdict(list)
    for _, key, x, y in comparison.different:
        words = re.sub(r'@\w+', '', (x or y).text).split()
        kinds[(' '.join(words[:2]), re.sub(r'\+\w+=', '+', (x.result or '') if x else 'absent')[:60], re.sub(r'\+\w+=', '+', y.result or '')[:60] if y else 'absent')].append(key)
    for (call, xen, ours), keys in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
        print(f'  {len(keys):5} {call:34} Xen:{xen:34} ours:{ours:34} {keys[0]}')


def report(name, comparison, args):
    print(f'{name}: {comparison.compared} lines compared, {comparison.skipped} left out, {sum(comparison.used.values())} differ for a reason, '
          f'{len(comparison.different)} epochs differ without one')
    if args.verbose:
        for why, count in comparison.used.most_common():
            print(f'  {count:6} {why}')
    if args.all or args.kinds:
        digest(comparison)
        return
    for epoch, key, x, y in comparison.different[:SHOWN]:
        shown = x or y
        print(f'  {key} {shown.text if shown.text != key else ""}')
        print(f'    Xen:   {"absent" if x is None else x.result}{"" if not y or not x or x.text == y.text else "   " + x.text}')
        print(f'    ours:  {"absent" if y is None else y.result}{"" if not y or not x or x.text == y.text else "   " + y.text}')
        print(f'    again: {again(args, epoch, key)}')


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hypervisor', action='append', help='ours (more than one: each is compared); default build/xenios')
    parser.add_argument('--oracle', default='build/oracle/xen')
    parser.add_argument('--build', default='build')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1, 2**31))
    parser.add_argument('--epochs', type=int, default=200)
    parser.add_argument('--calls', type=int, default=100, help='in an epoch')
    parser.add_argument('--first', type=int, default=0, help='epoch')
    parser.add_argument('--smp', type=int, default=1)
    parser.add_argument('--timeout', type=float, default=300)
    parser.add_argument('--jobs', type=int, default=1, help='machines that run at once')
    parser.add_argument('--keep', action='store_true', help="use the oracle's log of the last run with the same guest and numbers")
    parser.add_argument('--all', action='store_true', help='go on behind a difference, and list all by kind')
    parser.add_argument('--kinds', action='store_true', help='list the first of each epoch by kind')
    parser.add_argument('--watch', action='store_true', help='log after each call which frames are tables (it is no longer the same run: mapping them settles a few things)')
    parser.add_argument('--verbose', action='store_true', help='how often each reason was met')
    return parser.parse_args()


def oracle_run(args):
    with open(f'{args.build}/guests/fuzz-pv64', 'rb') as f:
        mark = hashlib.sha256(f.read() + repr((args.seed, args.epochs, args.calls, args.first, args.smp, args.watch)).encode()).hexdigest()[:16]
    kept = os.path.join(args.build, 'fuzz', mark)
    if args.keep and os.path.exists(kept):
        with open(kept, 'rb') as f:
            oracle = Machine(args.oracle, args)
            oracle.console, oracle.log, oracle.ended = pickle.load(f)
            return oracle
    oracle = Machine(args.oracle, args)
    oracle.run()
    if args.keep and oracle.complete():
        with open(kept, 'wb') as f:
            pickle.dump((oracle.console, oracle.log, oracle.ended), f)
    return oracle


def save(machine, args, name):
    for kind, lines in (('log', machine.log), ('console', machine.console)):
        with open(os.path.join(args.build, 'fuzz', f'{name}.{kind}'), 'w', encoding='utf-8') as f:
            f.write('\n'.join(lines) + '\n')


def our_run(path, args):
    ours = Machine(path, args)
    ours.run()
    return ours


def timed(run, *args):
    begin = time.monotonic()
    return run(*args), time.monotonic() - begin


def judge(oracle, ours, args, verdict, seconds):
    name = ours.hypervisor.replace('/', '-')
    save(ours, args, name)
    verdict(ours.complete(), f'differential/{name} lives to the end ({seconds:.0f} s)')
    if not ours.complete():
        print('\n'.join('  | ' + line for line in ours.console[-15:] + ['last of the log:'] + ours.log[-4:]))
    verdict(ours.audit() == '0', f'differential/{name} audit: {ours.audit()} violations')
    comparison = Comparison(oracle, ours, args.all)
    report(name, comparison, args)
    verdict(comparison.compared and not comparison.different, f'differential/{name} answers like Xen')
    verdict(comparison.skipped <= SKIPPED_MOST * (comparison.compared + comparison.skipped), f'differential/{name} enough was compared')


def main():
    args = arguments()
    passed = failed = 0

    def verdict(ok, what):
        nonlocal passed, failed
        passed, failed = passed + bool(ok), failed + (not ok)
        print(f'{what}: {"ok" if ok else "FAIL"}', flush=True)

    os.makedirs(os.path.join(args.build, 'fuzz'), exist_ok=True)
    print(f'seed {args.seed}, epochs {args.first} to {args.first + args.epochs - 1}, {args.calls} calls in each', flush=True)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        first = pool.submit(timed, oracle_run, args)
        others = [(path, pool.submit(timed, our_run, path, args)) for path in args.hypervisor or ['build/xenios']]
        oracle, seconds = first.result()
        save(oracle, args, 'oracle')
        verdict(oracle.complete(), f'differential/oracle ({seconds:.0f} s)')
        for path, future in others:
            ours, seconds = future.result()
            judge(oracle, ours, args, verdict, seconds)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
