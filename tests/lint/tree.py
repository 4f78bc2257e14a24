# SPDX-License-Identifier: GPL-2.0-or-later
"""The files that lint looks at: what git tracks or would track, below one root."""
import os
import pathlib
import subprocess


class Tree:
    def __init__(self, root, names=None):
        self.root = pathlib.Path(root)
        if names is None:
            listed = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=self.root, check=True,
                                    stdout=subprocess.PIPE).stdout.decode()
            names = {name for name in listed.split('\0') if name}
        self.names = sorted(name for name in names if os.path.lexists(self.root / name))
        self._texts = {}

    def files(self, *suffixes):
        """Names of regular files, of those suffixes if any are given."""
        return [name for name in self.names if (not suffixes or name.endswith(suffixes)) and not (self.root / name).is_symlink()]

    def text(self, name):
        """A file's text; '' for what is not text."""
        if name not in self._texts:
            data = (self.root / name).read_bytes()
            self._texts[name] = '' if b'\0' in data else data.decode('utf-8', errors='replace')
        return self._texts[name]

    def lines(self, name):
        return enumerate(self.text(name).splitlines(), 1)

    def interpreter(self, name):
        """The program that the first line of a script names, or None."""
        first = self.text(name).split('\n', 1)[0]
        return os.path.basename(first[2:].split()[-1]) if first.startswith('#!') and first[2:].split() else None

    def is_executable(self, name):
        return os.access(self.root / name, os.X_OK)
