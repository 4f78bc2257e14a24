// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * timerecords READS: threads pinned to one processor each read the monotonic clock, READS times between them, and compare what they
 * read with the latest that any of them has seen. Prints "TIME reads=N threads=T steps-back=S worst=NS". The kernel computes the
 * clock from the time records that the hypervisor keeps for each vcpu, so a record that is behind another's shows here.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64

static _Atomic uint64_t latest, steps_back, worst, done;
static uint64_t reads_each;

static uint64_t now(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_MONOTONIC_RAW, &t)) {
        perror("clock_gettime");
        exit(1);
    }
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void note_worst(uint64_t by)
{
    uint64_t seen = atomic_load(&worst);

    while (by > seen && !atomic_compare_exchange_weak(&worst, &seen, by))
        ;
}

static void *reader(void *cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((int)(uintptr_t)cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set)) {
        perror("sched_setaffinity");
        exit(1);
    }
    for (uint64_t i = 0; i < reads_each; i++) {
        uint64_t before = atomic_load(&latest), t = now();

        if (t < before) {
            atomic_fetch_add(&steps_back, 1);
            note_worst(before - t);
        }
        while (t > before && !atomic_compare_exchange_weak(&latest, &before, t))
            ;
    }
    atomic_fetch_add(&done, reads_each);
    return NULL;
}

int main(int argc, char **argv)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t threads[MAX_THREADS];

    if (cpus > MAX_THREADS)
        cpus = MAX_THREADS;
    reads_each = (argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000) / (uint64_t)cpus;
    for (long i = 0; i < cpus; i++)
        if (pthread_create(&threads[i], NULL, reader, (void *)(uintptr_t)i)) {
            perror("pthread_create");
            return 1;
        }
    for (long i = 0; i < cpus; i++)
        pthread_join(threads[i], NULL);
    printf("TIME reads=%llu threads=%ld steps-back=%llu worst=%llu\n", (unsigned long long)done, cpus,
           (unsigned long long)steps_back, (unsigned long long)worst);
    return 0;
}
