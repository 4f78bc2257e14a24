# SPDX-License-Identifier: GPL-2.0-or-later
"""Domain 0 reaches /init with all processors and powers off cleanly, on every machine of the matrix."""
import conftest
import matrix
import pytest


def pytest_generate_tests(metafunc):
    if 'combination' not in metafunc.fixturenames:
        return
    schedulers = conftest.schedulers(metafunc.config.getoption('--hypervisor'))
    wanted = matrix.every(schedulers) if metafunc.config.getoption('--matrix') else matrix.pairwise(schedulers)
    metafunc.parametrize('combination', wanted, ids=map(matrix.name_of, wanted))


@pytest.mark.matrix
def test_boots_and_powers_off(machine, log_name, combination):
    smp, board, memory, cpu, sched = combination
    described = machine.replace(smp=smp, machine=board, memory=memory, cpu=cpu, options=(f'sched={sched}',),
                                dom0_args=('xtest=poweroff',))
    with described.boot(log_name) as run:
        assert run.expect_init()[0] == smp
        run.expect_test('poweroff')
        run.expect_poweroff()


@pytest.mark.matrix
def test_choice_covers_every_pair_that_sixteen_boots_can(request):
    """The pairs that the choice leaves out are pairs of N and -cpu alone, and test_devices.py takes all of them."""
    schedulers = conftest.schedulers(request.config.getoption('--hypervisor'))
    import test_devices
    left = matrix.left_over(schedulers)
    assert len(matrix.pairwise(schedulers)) <= matrix.BOOTS
    assert {(first[0], second[0]) for first, second in left} <= {('smp', 'cpu')}
    taken = {(smp, cpu) for smp, cpu in test_devices.places(schedulers).values()}
    assert {(first[1], second[1]) for first, second in left} <= taken
