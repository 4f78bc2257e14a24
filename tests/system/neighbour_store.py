# SPDX-License-Identifier: GPL-2.0-or-later
"""Kit guests on a store: a good one that measures how long its requests take, beside one that attacks the store or merely spins."""
import json

import machine as machines

CONFIG = 'name = "{name}"\\nmemory = 32\\nkernel = "/guest/storeguest"\\ncmdline = "test=store mode={mode} seed={seed}"\\ncpus = "{cpu}"\\non_reboot = "destroy"\\n'
MOST_MEMORY = 24 << 20  # bytes of the daemon, with two guests that do what they like


class Neighbours:
    def __init__(self, dom0, processors, seed):
        self.dom0, self.processors, self.seed = dom0, processors, seed
        self.good = self.create('good', 'good', processors[0])
        dom0.wait(f'xenstore-read {self.good}/ready', 60)
        self.runs = 0

    def create(self, name, mode, cpu):
        """Returns where the guest may write."""
        self.dom0.ok(f'printf \'{CONFIG.format(name=name, mode=mode, cpu=cpu, seed=self.seed)}\' >/run/{name}.cfg; xl create -q /run/{name}.cfg', 120)
        return f'/local/domain/{self.dom0.ok(f"xl domid {name}")}/data'

    def measure(self, milliseconds):
        """What the good guest saw in that time: requests, wrong answers, ns at the median, the 99th percentile and the worst."""
        self.runs += 1
        self.dom0.ok(f'xenstore-rm {self.good}/result 2>/dev/null; xenstore-write {self.good}/run {milliseconds + self.runs}')
        text = self.dom0.wait(f'xenstore-read {self.good}/result 2>/dev/null', milliseconds // 100 + 120)
        return dict(zip(('requests', 'median', 'p99', 'worst', 'wrong'), map(int, text.split())))

    def beside(self, mode, milliseconds, times=1):
        """The measurements beside a neighbour in that mode, which is gone afterwards."""
        data = self.create('other', mode, self.processors[1])
        if mode == 'hostile':
            self.dom0.wait(f'xenstore-read {data}/rounds 2>/dev/null', 120)
        results = [self.measure(milliseconds) for _ in range(times)]
        rounds = int(self.dom0.ok(f'xenstore-read {data}/rounds')) if mode == 'hostile' else 0
        self.dom0.ok('xl destroy other')
        self.dom0.gone('other')
        return results, rounds

    def memory(self):
        return int(self.dom0.ok('grep VmRSS: /proc/$(pidof xenstored)/status').split()[1]) << 10

    def end(self):
        self.dom0.ok('xl destroy good')
        self.dom0.gone('good')


def compare(dom0, processors, milliseconds, times, log_name, seed):
    """With and without the attacker; the two medians of medians. What every run must satisfy is asserted here."""
    guests = Neighbours(dom0, processors, seed)
    calm, _ = guests.beside('spin', milliseconds)
    attacked, rounds = guests.beside('hostile', milliseconds, times)
    memory = guests.memory()
    guests.end()
    for result in calm + attacked:
        assert result['requests'] >= 40 and result['wrong'] == 0, result
    assert rounds > 0
    assert memory < MOST_MEMORY, memory
    assert dom0.ok('xenstore-control check').strip() == 'OK'
    facts = {'calm': calm, 'attacked': attacked, 'rounds': rounds, 'memory': memory, 'seed': seed}
    (machines.ROOT / machines.build_dir() / 'logs' / f'{log_name}.json').write_text(json.dumps(facts, indent=1))
    print(facts)
    middle = sorted(result['median'] for result in attacked)[len(attacked) // 2]
    return calm[0]['median'], middle
