#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Structures of Xen's public headers whose -m32 and -m64 layouts differ, and whether the schema has each of them as it is.

Both widths are compiled (objects only: no 32-bit library is needed) and the compiler's own account of every structure, in DWARF, is read
with readelf. Nothing about a layout is written down twice.

    abi/layouts.py              prints the structures that differ, each with what is in it and where
    abi/layouts.py --check      compares with the schema; prints what is wrong; status 1 if anything is
"""
import fnmatch
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
FLAGS = ['-std=gnu11', '-ffreestanding', '-D__XEN_TOOLS__', '-g', '-gdwarf-4', '-fno-eliminate-unused-debug-types', '-O0', '-w', '-c']
# Everything that a call's argument may be; io/ is between guests.
HEADERS = ['xen', 'memory', 'grant_table', 'event_channel', 'sched', 'vcpu', 'physdev', 'platform', 'version', 'callback', 'nmi', 'features',
           'sysctl', 'domctl', 'arch-x86/xen-mca', 'kexec', 'tmem', 'pmu', 'xenoprof', 'argo', 'hypfs', 'vm_event', 'hvm/hvm_op', 'hvm/dm_op', 'hvm/hvm_vcpu', 'xsm/flask_op']
ENTRY = re.compile(r'^ *<(\d+)><([0-9a-f]+)>: Abbrev Number: \d+ \((DW_TAG_\w+)\)')
ATTRIBUTE = re.compile(r'^ +<[0-9a-f]+> +(DW_AT_\w+) *: *(.*?)\s*$')
FORM = re.compile(r'^(?:\([^)]*\):? *)+')       # (data1), (indirect string, offset: 0x1):
VOID = {'tag': 'unspecified_type', 'children': []}
PADDING = re.compile(r'_*pad')
HANDLE = '__guest_handle_'
WIRE, FULL = 'abi32_', 'abi_'


# Parts have no name in the headers; where they lie is compared as members of what they are in.
PART = 'abi_part_'
SCHEMA = ['#include "abi/schema.h"', f'#define PART(s) struct {PART}##s {{ int nothing; }};', 'ABI_STRUCTURES(ABI_NOTHING, ABI_NOTHING, PART, ABI_NOTHING, ABI_NOTHING)']


class Problem(Exception):
    pass


class Layouts:
    """The types of one object file."""

    def __init__(self, source, width, folder):
        unit, output = pathlib.Path(folder) / 'probe.c', pathlib.Path(folder) / f'probe{width}.o'
        unit.write_text(source, encoding='utf-8')
        done = subprocess.run(['gcc', f'-m{width}', *FLAGS, f'-I{ROOT}', '-o', output, unit], text=True, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise Problem(done.stderr)
        text = subprocess.run(['readelf', '--debug-dump=info', '--wide', output], check=True, text=True, stdout=subprocess.PIPE).stdout
        self.entries = {}
        self._read(text)
        self.named = {}
        for entry in self.entries.values():
            self._name(entry)
        self._signatures = {}

    def _read(self, text):
        stack, entry = [], None
        for line in text.splitlines():
            match = ENTRY.match(line)
            if match:
                depth, entry = int(match[1]), {'tag': match[3][7:], 'children': []}
                self.entries[int(match[2], 16)] = entry
                del stack[depth:]
                if stack:
                    stack[-1]['children'].append(entry)
                stack.append(entry)
                continue
            match = ATTRIBUTE.match(line)
            if match and entry is not None:
                entry[match[1][6:]] = FORM.sub('', match[2])

    def _name(self, entry):
        """Structures by tag, unnamed ones by the type name given to them."""
        if entry['tag'] in ('structure_type', 'union_type') and 'name' in entry and 'byte_size' in entry:
            self.named[entry['name']] = entry
        elif entry['tag'] == 'typedef':
            target = self.target(entry)
            if target['tag'] in ('structure_type', 'union_type') and 'name' not in target:
                self.named.setdefault(entry['name'], target)
                target.setdefault('called', entry['name'])

    def target(self, entry):
        return self.entries[int(re.search(r'<0x([0-9a-f]+)>', entry['type'])[1], 16)] if 'type' in entry else VOID

    def strip(self, entry):
        while entry['tag'] in ('typedef', 'const_type', 'volatile_type'):
            entry = self.target(entry)
        return entry

    @staticmethod
    def count(entry):
        """How many elements an array has: one number a dimension."""
        return tuple(int(child.get('count', child.get('upper_bound', '-1')), 0) + (0 if 'count' in child else 1)
                     for child in entry['children'] if child['tag'] == 'subrange_type')

    def members(self, entry):
        """[(name, offset, type's entry)]; unnamed members' own members are the structure's."""
        for child in entry['children']:
            if child['tag'] != 'member':
                continue
            offset, kind = int(child.get('data_member_location', '0')), self.strip(self.target(child))
            if 'name' not in child:
                yield from ((name, offset + inner, type_) for name, inner, type_ in self.members(kind))
            else:
                yield child['name'], offset, kind

    def signature(self, entry):
        """What a type looks like in memory, as a value that can be compared."""
        entry = self.strip(entry)
        key = id(entry)
        if key not in self._signatures:
            self._signatures[key] = 'itself'
            tag, size = entry['tag'], int(entry.get('byte_size', '0'))
            if entry.get('called', '').startswith(HANDLE):      # eight bytes for either width where it is an XEN_GUEST_HANDLE_64
                shape = size
            elif tag in ('structure_type', 'union_type'):
                shape = (size, tuple((name, offset, self.signature(kind)) for name, offset, kind in self.members(entry)))
            elif tag == 'array_type':
                shape = (self.count(entry), self.signature(self.target(entry)))
            else:
                shape = size
            self._signatures[key] = shape
        return self._signatures[key]

    def size_of(self, entry):
        entry = self.strip(entry)
        if entry['tag'] == 'array_type':
            total = self.size_of(self.target(entry))
            for count in self.count(entry):
                total *= count
            return total
        return int(entry.get('byte_size', '0'))

    def places(self, name):
        """{member: (offset, size)} of a structure, the members of structures in it included, and '' for the whole."""
        entry = self.named[name]
        found = {'': (0, int(entry['byte_size']))}

        def walk(entry, prefix, base):
            for member, offset, kind in self.members(entry):
                found[prefix + member] = (base + offset, self.size_of(kind))
                if kind['tag'] in ('structure_type', 'union_type'):
                    walk(kind, prefix + member + '.', base + offset)
        walk(entry, '', 0)
        return found


def probe(schema=False):
    lines = ['#include <stdint.h>', '#include <stddef.h>'] + [f'#include <xen/{name}.h>' for name in HEADERS]
    return '\n'.join(lines + (SCHEMA if schema else [])) + '\n'


def differing(narrow, wide):
    """Names of structures in both whose layouts differ. The types of handles, which are pointers, are not structures of the interface."""
    names = sorted(set(narrow.named) & set(wide.named))
    return [name for name in names if not name.startswith(HANDLE)
            and narrow.signature(narrow.named[name]) != wide.signature(wide.named[name])]


def exempt():
    """[(pattern, line)] of what the schema leaves out, with reasons."""
    result = []
    for line in (HERE / 'schema' / 'exempt').read_text(encoding='utf-8').splitlines():
        if line.strip() and not line.startswith('#'):
            pattern, _, reason = line.partition(' # ')
            if not reason.strip():
                raise Problem(f'abi/schema/exempt: no reason: {line}')
            result.append((pattern.strip(), line))
    return result


def compare(what, have, want):
    """Differences between two {member: place}; those that only one of them names do not count, but for the whole."""
    for member in sorted(set(have) & set(want)):
        if have[member] != want[member]:
            yield f'{what}{"." + member if member else ""}: at {have[member][0]}, {have[member][1]} bytes; the header has it at {want[member][0]}, {want[member][1]} bytes'


def top_level(places):
    return {name for name in places if name and '.' not in name}


def check():
    """Yields what is wrong with the schema."""
    with tempfile.TemporaryDirectory() as folder:
        narrow, wide = (Layouts(probe(), width, folder) for width in (32, 64))
        schema = Layouts(probe(True), 64, folder)
    patterns, used = exempt(), set()
    for name in differing(narrow, wide):
        covered = [line for pattern, line in patterns if fnmatch.fnmatchcase(name, pattern)]
        if WIRE + name in schema.named:
            if covered:
                yield f'{name}: in the schema, and exempt by: {covered[0]}'
        elif covered:
            used.update(covered)
        else:
            yield f'{name}: its layouts differ, and the schema does not have it'
    yield from (f'abi/schema/exempt: covers nothing: {line}' for _, line in patterns if line not in used)
    for wire in sorted(name for name in schema.named if name.startswith(WIRE)):
        name = wire[len(WIRE):]
        if PART + name in schema.named:
            continue
        if name not in narrow.named:
            yield f'{name}: in the schema, but in no header'
            continue
        have, want = schema.places(wire), narrow.places(name)
        yield from compare(f'{name}, 32-bit', have, want)
        known = [want[member] for member in top_level(have) & top_level(want)]
        for member in sorted(top_level(want) - top_level(have)):
            if not PADDING.match(member) and not any(at <= want[member][0] and sum(want[member]) <= at + size for at, size in known):
                yield f'{name}: the schema does not have its {member}'
        yield from (f'{name}: the header has no {member}' for member in sorted(top_level(have) - top_level(want)) if not PADDING.match(member))
        if FULL + name in schema.named:
            have, want = schema.places(FULL + name), wide.places(name)
            yield from compare(f'{name}, decoded', have, want)


def main():
    if sys.argv[1:] == ['--check']:
        problems = list(check())
        print('\n'.join(problems))
        return 1 if problems else 0
    with tempfile.TemporaryDirectory() as folder:
        narrow, wide = (Layouts(probe(), width, folder) for width in (32, 64))
    for name in differing(narrow, wide):
        mine, other = narrow.places(name), wide.places(name)
        print(f'{name}: {mine[""][1]} bytes, {other[""][1]} with -m64')
        for member in dict.fromkeys([*mine, *other]):
            if member:
                print(f'    {member:32} {"%4d %4d" % mine[member] if member in mine else "        -"}   {"%4d %4d" % other[member] if member in other else "        -"}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
