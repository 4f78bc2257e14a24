# SPDX-License-Identifier: GPL-2.0-or-later
"""The direction of includes between the hypervisor's folders, after the table in tests/lint/layers, and no include in a circle."""
import fnmatch
import os
import pathlib
import re

LAYERS = pathlib.Path(__file__).with_name('layers')
SEARCH = ('', 'hypervisor', 'hypervisor/include', 'guestkit/include', 'toolstack', 'toolstack/lib', 'toolstack/include')
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def read_layers(text):
    """Returns ({folder: layer}, {layer: set of layers it may include})."""
    folders, rules = {}, {}
    for line in text.splitlines():
        words = line.split('#')[0].split()
        if len(words) == 3 and words[1] == '=':
            folders[words[0]] = words[2]
        elif len(words) >= 2 and words[1] == ':':
            allowed = {words[0]}
            for word in words[2:]:
                allowed |= rules[word[1:]] if word.startswith('^') else {word}
            rules[words[0]] = allowed
    return folders, rules


def layer_of(name, folders):
    for pattern, layer in folders.items():
        if '.' in pattern and fnmatch.fnmatch(name, pattern) and pattern.count('/') == name.count('/'):
            return layer
    parts = name.split('/')
    for length in range(len(parts) - 1, 0, -1):
        layer = folders.get('/'.join(parts[:length]))
        if layer:
            return layer
    return None


def resolve(names, includer, bracket, wanted):
    """The file of the tree that an include means, or None for a system header."""
    for folder in ((os.path.dirname(includer),) if bracket == '"' else ()) + SEARCH:
        path = os.path.normpath(os.path.join(folder, wanted))
        if path in names:
            return path
    return None


def graph(tree):
    """{file: [(line, included file)]} of all C and assembly files."""
    names = set(tree.names)
    edges = {}
    for name in tree.files('.c', '.h', '.S', '.inc'):
        edges[name] = []
        for number, line in tree.lines(name):
            match = INCLUDE.match(line)
            target = match and resolve(names, name, *match.groups())
            if target:
                edges[name].append((number, target))
    return edges


def include_direction(tree):
    """A folder includes only from what stands before it (DESIGN: the tree)."""
    folders, rules = read_layers(LAYERS.read_text(encoding='utf-8'))
    for name, targets in graph(tree).items():
        mine = layer_of(name, folders)
        if name.startswith('hypervisor/') and name.count('/') > 1 and mine is None:
            yield f'{name}: its folder is not in tests/lint/layers'
        if mine is None:
            continue
        for number, target in targets:
            theirs = layer_of(target, folders)
            if theirs is not None and theirs not in rules[mine]:
                yield f'{name}:{number}: {mine} may not include {target} ({theirs})'


def include_cycles(tree):
    """No header includes itself, over however many others."""
    edges = graph(tree)
    state, stack = {}, []

    def visit(name):
        state[name] = 'open'
        stack.append(name)
        for _, target in edges.get(name, []):
            if state.get(target) == 'open':
                yield f'{name}: includes itself: ' + ' -> '.join(stack[stack.index(target):] + [target])
            elif target not in state:
                yield from visit(target)
        stack.pop()
        state[name] = 'done'

    for name in edges:
        if name not in state:
            yield from visit(name)


CHECKS = [include_direction, include_cycles]
