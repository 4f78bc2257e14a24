#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""python3-pyxs against the store of this domain 0: reads and writes, permissions, transactions with and without a conflict, watches."""
import pyxs

BASE = b'/tool/pyxs'


def main():
    with pyxs.Client() as one, pyxs.Client() as two:
        one.write(BASE + b'/a', b'1')
        assert two.read(BASE + b'/a') == b'1' and two.exists(BASE) and not two.exists(BASE + b'/none')
        assert two.read(BASE + b'/none', b'other') == b'other'
        one.mkdir(BASE + b'/b')
        assert sorted(two.list(BASE)) == [b'a', b'b']
        one.set_perms(BASE + b'/a', [b'n0', b'r0'])
        assert two.get_perms(BASE + b'/a') == [b'n0', b'r0']
        assert one.get_domain_path(3) == b'/local/domain/3' and one.is_domain_introduced(0)
        print('PYXS ok basic')

        one.transaction()
        one.write(BASE + b'/a', b'2')
        assert two.read(BASE + b'/a') == b'1'
        assert one.commit() and two.read(BASE + b'/a') == b'2'
        one.transaction()
        one.write(BASE + b'/a', b'3')
        one.rollback()
        assert two.read(BASE + b'/a') == b'2'
        one.transaction()
        value = int(one.read(BASE + b'/a'))
        two.write(BASE + b'/a', b'10')
        one.write(BASE + b'/a', b'%d' % (value + 1))
        assert not one.commit(), 'a lost update'
        assert two.read(BASE + b'/a') == b'10'
        print('PYXS ok transactions')

        monitor = one.monitor()
        monitor.watch(BASE, b'token')
        events = monitor.wait()
        assert tuple(next(events)) == (BASE, b'token')
        two.write(BASE + b'/c/d', b'x')
        assert tuple(next(events)) == (BASE + b'/c/d', b'token')
        two.transaction()
        two.write(BASE + b'/e', b'x')
        two.write(BASE + b'/f', b'x')
        assert two.commit()
        assert sorted(tuple(next(events))[0] for _ in range(2)) == [BASE + b'/e', BASE + b'/f']
        two.delete(BASE)
        assert tuple(next(events)) == (BASE, b'token')
        monitor.unwatch(BASE, b'token')
        print('PYXS ok watches')


main()
