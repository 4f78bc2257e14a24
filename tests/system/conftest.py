# SPDX-License-Identifier: GPL-2.0-or-later
"""Options and fixtures of the system tests: which hypervisor, and a machine already named after the test."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import machine as machines  # noqa: E402

DEFAULT_HYPERVISOR = str(machines.build_dir() / 'xenios')
ORACLE = str(machines.build_dir() / 'oracle' / 'xen')


def pytest_addoption(parser):
    parser.addoption('--hypervisor', default=os.environ.get('HYPERVISOR') or DEFAULT_HYPERVISOR,
                     help='the hypervisor to test, relative to the top of the tree (default: %(default)s)')
    parser.addoption('--not-there', action='store_true', help='run also what is known not to be there yet on Xenios')
    parser.addoption('--matrix', action='store_true', help='every combination, not a choice that covers the pairs; every read of the clock, not a sample')


def pytest_configure(config):
    os.chdir(machines.ROOT)
    hypervisor = config.getoption('--hypervisor')
    if not os.path.exists(hypervisor):
        raise pytest.UsageError(f'no hypervisor at {hypervisor}: build it, or say --hypervisor PATH')
    config.addinivalue_line('markers', 'matrix: part of make test-matrix, where it does all of what make test does a choice of')
    config.addinivalue_line('markers', 'debian: needs the Debian domain 0 (make debian)')
    config.addinivalue_line('markers', 'xdist_group: tests that share a boot')
    config.addinivalue_line('markers', 'soak: ten minutes of load')
    config.addinivalue_line('markers', 'long: not part of make test, but of a target of its own (make test-xl, make test-daemons)')
    config.addinivalue_line('markers', 'life: domains by the hundred')
    config.addinivalue_line('markers', 'xenios_only: about what Debian\'s Xen does otherwise')


def schedulers(hypervisor):
    """The policies that sched= may name; the first is what an empty sched= would give."""
    return ('credit', 'rr') if machines.is_xenios(hypervisor) else ('credit', 'credit2')


def pytest_collection_modifyitems(config, items):
    ours = machines.is_xenios(config.getoption('--hypervisor'))
    chosen = config.getoption('markexpr')
    for item in items:
        if item.get_closest_marker('soak') and 'soak' not in chosen:
            item.add_marker(pytest.mark.skip(reason='part of make soak'))
        if item.get_closest_marker('long') and 'long' not in chosen:
            item.add_marker(pytest.mark.skip(reason='a long one: make test-xl, make test-daemons'))
        if item.get_closest_marker('life') and 'life' not in chosen:
            item.add_marker(pytest.mark.skip(reason='part of make test-life'))
        # Named, not passed over: the end of a run lists each with its reason.
        missing = getattr(item.module, 'NOT_THERE_ON_XENIOS', {})
        if ours and item.originalname in missing and not config.getoption('--not-there'):
            item.add_marker(pytest.mark.skip(reason=f'not there yet on Xenios: {missing[item.originalname]}'))
        if item.get_closest_marker('xenios_only') and not ours:
            item.add_marker(pytest.mark.skip(reason='only for Xenios'))


@pytest.fixture
def hypervisor(request):
    return request.config.getoption('--hypervisor')


@pytest.fixture
def machine(hypervisor):
    return machines.Machine(hypervisor=hypervisor)


@pytest.fixture
def log_name(request, hypervisor):
    """The name of the test's log: which hypervisor, which test."""
    return f'{machines.Machine(hypervisor=hypervisor).side}-{request.node.name}'
