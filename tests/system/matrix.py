# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines on which domain 0 must boot: every combination (240 of them), and a small deterministic choice that covers the pairs.

N and -cpu alone make 20 pairs, so sixteen boots cannot cover all of them: `left_over()` names the pairs that the sixteen do not
reach, and the device tests use those for their machines.
"""
import itertools

SMP = (1, 2, 4, 8)
MACHINES = ('pc', 'q35')
MEMORY = (768, 4096, 16384)
CPUS = ('qemu64', 'Nehalem', 'Skylake-Server', 'EPYC', 'max')
BOOTS = 16
FACTORS = ('smp', 'machine', 'memory', 'cpu', 'sched')


def every(schedulers):
    """All combinations, as tuples in the order of FACTORS."""
    return list(itertools.product(SMP, MACHINES, MEMORY, CPUS, schedulers))


def pairs_of(combination):
    """The pairs of (factor, value) that one boot covers."""
    named = list(zip(FACTORS, combination))
    return {frozenset(pair) for pair in itertools.combinations(named, 2)}


def pairwise(schedulers, limit=BOOTS):
    """At most `limit` combinations, each the one that covers most of what is not covered yet; the first of equals."""
    combinations = every(schedulers)
    missing = set().union(*map(pairs_of, combinations))
    chosen = []
    while missing and len(chosen) < limit:
        best = max(combinations, key=lambda combination: len(pairs_of(combination) & missing))
        chosen.append(best)
        missing -= pairs_of(best)
    return chosen


def left_over(schedulers):
    """The pairs that pairwise() does not cover, as sorted ((factor, value), (factor, value))."""
    covered = set().union(*map(pairs_of, pairwise(schedulers)))
    missing = set().union(*map(pairs_of, every(schedulers))) - covered
    return sorted(tuple(sorted(pair, key=lambda named: FACTORS.index(named[0]))) for pair in missing)


def name_of(combination):
    smp, machine, memory, cpu, sched = combination
    return f'{machine}-{smp}cpu-{memory}M-{cpu}-{sched}'
