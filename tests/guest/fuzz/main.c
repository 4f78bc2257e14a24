/* SPDX-License-Identifier: MIT */
/*
 * seed=, epochs=, calls= (in an epoch), first= (epoch). Run by tests/guest/differential.py, which compares; by tests/guest/run.py, which sees only that the guest and
 * the hypervisor live and that the audit is clean.
 * GUEST-GROUP: smp=1 mem=512 dom0=128M timeout=180 args=epochs=20 xen=dom0_max_vcpus=2;loglvl=error;guest_loglvl=error
 */
#include "fuzz.h"

#include <kit/args.h>
#include <kit/print.h>

KIT_TEST(calls)
{
    uint64_t seed = kit_arg_number("seed", 1);
    unsigned epochs = (unsigned)kit_arg_number("epochs", 20), calls = (unsigned)kit_arg_number("calls", 100);
    unsigned first = (unsigned)kit_arg_number("first", 0);

    watch_pool = kit_arg_number("watch", 0) != 0;
    log_init();
    pool_init();
    run_init();
    CHECK_OR_RETURN(grant_init());
    pool_reset(); /* from here on, the pool's frames are as every epoch finds them */
    for (unsigned i = first; i < first + epochs; i++)
        run_epoch(i, calls, seed);
    kit_random_seed(seed);
    pool_reset();
    say("end\n");
    CHECK(true);
}
