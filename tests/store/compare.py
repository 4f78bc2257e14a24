#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same random requests to two xenstored, over the socket and over rings, step by step: replies, errors, watch events and the
final tree must be equal but for the reasons in reasons.py.

    compare.py STUB OURS ORACLE [--ops N] [--seed S]

Both daemons run here, without a hypervisor, under xen_stub.c. The seed of a run is printed.
"""
import argparse
import os
import random

import reasons
from daemon import DOMAINS, Daemon, homes, set_up
from wire import (DIRECTORY, DIRECTORY_PART, GET_PATH, GET_PERMS, IS_INTRODUCED, MKDIR, NAMES, READ, RESET_WATCHES, RM, SET_PERMS, SET_TARGET, TX_END,
                  TX_START, UNWATCH, WATCH, WRITE)


def home_of(path):
    """Whose home an absolute path is in; None for a relative one."""
    parts = path.rstrip(b'\0').split(b'/')
    if parts[0]:
        return None
    return int(parts[3]) if parts[1:3] == [b'local', b'domain'] and len(parts) > 3 and parts[3].isdigit() else 0


class Requests:
    """What to ask next, by chance; knows nothing of the answers."""
    NAMES = ['a', 'b', 'a-b', 'x1']

    def __init__(self, rng, shared=True):
        """@shared: nodes get owners other than their parents': guests write below /s, owners are drawn, a domain is another's target."""
        self.rng, self.shared = rng, shared
        self.open = {d: [] for d in (0,) + DOMAINS}
        self.next = 0

    def path(self, conn):
        r = self.rng
        home = '' if conn and r.random() < 0.3 else f'/local/domain/{r.choice((conn, conn, conn) + DOMAINS)}/'
        if r.random() < 0.2 and (self.shared or not conn):
            home = '/s/'
        if r.random() < 0.03:
            return r.choice(['/', '', '//', '/s/', 'a//b', '/a b', '@releaseDomain', '@none', '/local', 'x' * 2049, '/' + 'y' * 3071])
        return (home + '/'.join(r.choice(self.NAMES) for _ in range(r.randint(1, 3)))).encode().decode()

    def step(self):
        r = self.rng
        conn = r.choice((0,) + DOMAINS)
        tx = r.choice(self.open[conn]) if self.open[conn] and r.random() < 0.5 else None
        kind = r.choices([READ, WRITE, MKDIR, RM, DIRECTORY, GET_PERMS, SET_PERMS, WATCH, UNWATCH, TX_START, TX_END, RESET_WATCHES,
                          GET_PATH, IS_INTRODUCED, DIRECTORY_PART, 19, 99, SET_TARGET],
                         [10, 18, 6, 7, 8, 6, 8, 6, 4, 4, 6, .3, .3, .5, 1, .1, .2, .05])[0]
        path = self.path(conn).encode() + b'\0'
        if kind in (SET_PERMS, GET_PERMS) and path.startswith(b'@'):  # guests' fall on a left-over errno: Debian's C daemon may fall silent
            path = b'/s/a\0'
        payload = path
        if kind == WRITE:
            payload += r.choice([b'', b'v', b'\0\xff', r.randbytes(r.randint(0, 40)), b'w' * r.choice([100, 1500, 1900, 2100])])
        elif kind == SET_PERMS:
            owner = conn if conn and r.random() < .8 else r.randint(0, 3)
            if not self.shared:
                owner = home_of(path) if home_of(path) is not None else conn
            perms = [r.choice('nrwb') + str(owner)] + [r.choice('nrwb') + str(r.randint(0, 4)) for _ in range(r.choice([0, 0, 1, 2, 6]))]
            payload += b''.join(p.encode() + b'\0' for p in perms)
            if r.random() < .03:
                payload += b'z1\0'
        elif kind in (WATCH, UNWATCH):
            payload += r.choice([b't1\0', b't2\0'])
        elif kind == TX_START:
            payload = b'\0'
            if len(self.open[conn]) < 4:
                self.open[conn].append(self.next)
                return conn, kind, payload, None, self.next
            return conn, READ, path, None, None
        elif kind == TX_END:
            payload = r.choice([b'T\0'] * 6 + [b'F\0', b'X\0'])
            if tx is not None and payload != b'X\0':
                self.open[conn].remove(tx)
        elif kind == RESET_WATCHES:
            payload = b'\0'
            self.open[conn] = []
        elif kind in (GET_PATH, IS_INTRODUCED):
            payload = r.choice([b'1\0', b'0\0', b'9\0'])
        elif kind == DIRECTORY_PART:
            payload += b'0\0'
        elif kind == SET_TARGET and self.shared:
            payload = b'1\0' + b'2\0'
        elif kind == SET_TARGET:
            kind = READ
        if r.random() < .01 and kind in (WRITE, WATCH, SET_PERMS):  # at others Debian's C daemon falls silent or crashes
            payload = payload.rstrip(b'\0')
        return conn, kind, payload[:4096], tx, None


def ask(daemon, conn, kind, payload, tx, opens):
    tx_id = daemon.txns.get(tx, 0xdead) if tx is not None else 0
    try:
        result = daemon.call(conn, kind, payload, tx_id)
    except OSError as error:
        raise SystemExit(f'{daemon.program}: {error} after {NAMES.get(kind, kind)} {payload[:80]!r} of domain {conn}') from error
    if opens is not None and result[0] == TX_START:
        daemon.txns[opens] = int(result[2][:-1])
        result = (result[0], result[1], b'<id>', result[3])
    if kind == DIRECTORY_PART and result[0] == kind:
        result = (result[0], result[1], result[2].split(b'\0', 1)[1], result[3])
    return result


def show(result):
    kind, tx_ok, payload, events = result
    return f'{NAMES.get(kind, kind)} {payload[:120]!r}{"" if tx_ok else " WRONG TX"} events {events}'


def tree(daemon, path='/'):
    value = daemon.call(0, READ, path.encode() + b'\0')[2]
    perms = daemon.call(0, GET_PERMS, path.encode() + b'\0')[2]
    out = [(path, value, perms)]
    for name in sorted(daemon.call(0, DIRECTORY, path.encode() + b'\0')[2].split(b'\0')):
        if name and not name.startswith(b'@'):  # oxenstored lists the special nodes
            out += tree(daemon, path.rstrip('/') + '/' + name.decode())
    return out


def start_over(daemons, requests):
    """Empties both stores of what the requests made; one of them may have emptied itself, root and all."""
    for daemon in daemons:
        for conn in daemon.conns:
            daemon.call(conn, RESET_WATCHES, b'\0')
        daemon.call(0, SET_PERMS, b'/\0n0\0')
        daemon.call(0, WRITE, b'/\0')
        for path in (b'/local\0', b'/s\0', b'/tool\0'):
            daemon.call(0, RM, path)
        daemon.call(0, WRITE, b'/tool/xenstored\0')
        homes(daemon)
    for conn in requests.open:
        requests.open[conn] = []


def main():
    args = argparse.ArgumentParser()
    args.add_argument('stub')
    args.add_argument('ours')
    args.add_argument('oracle')
    args.add_argument('--ops', type=int, default=3000)
    args.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(4), 'little'))
    args.add_argument('--trace', action='store_true')
    args.add_argument('--show', type=int, default=10)
    args = args.parse_args()
    print(f'seed {args.seed}, {args.ops} requests', flush=True)
    daemons = [Daemon(args.stub, args.ours), Daemon(args.stub, args.oracle)]
    known = reasons.known_ocaml if daemons[1].ocaml else reasons.known
    requests = Requests(random.Random(args.seed), not daemons[1].ocaml)
    wrong = changes = 0
    began, found = {}, {}
    try:
        for daemon in daemons:
            set_up(daemon)
        for number in range(args.ops):
            conn, kind, payload, tx, opens = requests.step()
            if opens is not None:
                began[opens] = changes
            requests.next += opens is not None
            if args.trace:
                print(f'{number}: domain {conn} {NAMES.get(kind, kind)} {payload[:60]!r} tx {tx} opens {opens}')
            interfered = tx is not None and began[tx] != changes
            ours, theirs = (ask(d, conn, kind, payload, tx, opens) for d in daemons)
            if args.trace:
                print('      ', show(theirs))
            if kind in (WRITE, MKDIR, RM, SET_PERMS) and tx is None and theirs[0] == kind or kind == TX_END and theirs[0] == kind:
                changes += 1
            reason = known(kind, payload, interfered, ours, theirs) if ours != theirs else None
            if daemons[1].ocaml and conn and kind in (WRITE, MKDIR) and ours[0] == kind and home_of(payload.split(b'\0')[0]) not in (None, conn):
                reason = '!a node that a guest creates below another\'s: oxenstored leaves it to the parent\'s owner; the C one and we: the guest owns it'
            if ours == theirs and not reason:
                continue
            if reason:
                found[reason] = found.get(reason, 0) + 1
                if reason[0] == '!':
                    start_over(daemons, requests)
                continue
            wrong += 1
            if wrong <= args.show:
                print(f'{number}: domain {conn} {NAMES.get(kind, kind)} {payload[:80]!r} tx {tx}')
                print(f'    ours:   {show(ours)}\n    oracle: {show(theirs)}', 'interfered' if interfered else '', flush=True)
        for daemon in daemons:
            daemon.call(0, WRITE, b'/tool/xenstored\0')  # oxenstored says there which program it is
        mine, other = (tree(d) for d in daemons)
        for line in sorted(set(mine) ^ set(other))[:args.show]:
            print('tree:', 'ours only' if line in mine else 'oracle only', line)
        wrong += mine != other
        for reason, count in found.items():
            print(f'{count} times: {reason.lstrip("!")}')
        print(f'{wrong} differences without a reason')
    finally:
        for daemon in daemons:
            daemon.stop()
    return 1 if wrong else 0


if __name__ == '__main__':
    raise SystemExit(main())
