/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records kept until domain 0 has fetched and acknowledged them. */
#include "arch/x86/mca/mca.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/cpu.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "hv/percpu.h"
#include "hv/string.h"

struct record {
    uint64_t id; /* 0: free */
    bool fetched, urgent;
    struct mc_info info;
};

static struct {
    lock_t lock;
    uint64_t next_id;
    unsigned int lost; /* not kept: no room, or the lock was held */
    struct record record[MCA_RECORDS];
} queue = {.lock = LOCK_INIT(RANK_LEAF), .next_id = 1};
LOCK_SHOWN(queue, queue.lock, "machine check records");

static void fill_global(struct mcinfo_global *g, uint64_t global_status, uint32_t flags)
{
    *g = (struct mcinfo_global){
        .common = {.type = MC_TYPE_GLOBAL, .size = sizeof(*g)},
        .mc_domid = DOMID_INVALID,
        .mc_vcpuid = XEN_MC_VCPUID_INVALID,
        .mc_coreid = (uint16_t)cpu_id(),
        .mc_apicid = cpu_apic_id[cpu_id()],
        .mc_flags = flags,
        .mc_gstatus = global_status,
    };
}

/* A machine check may interrupt the holder of the lock: then it must not wait. */
static bool try_lock(uint64_t *flags)
{
    *flags = irq_save();
    for (unsigned int i = 0; i < 1000; i++) {
        if (trylock(&queue.lock))
            return true;
        cpu_relax();
    }
    irq_restore(*flags);
    return false;
}

void mca_record_error(unsigned int bank, uint64_t status, uint64_t address, uint64_t misc,
                      uint64_t global_status, uint32_t flags)
{
    struct record *free = NULL;
    uint8_t *data;
    uint64_t saved;

    if (!try_lock(&saved)) {
        __atomic_fetch_add(&queue.lost, 1, __ATOMIC_RELAXED);
        return;
    }
    for (unsigned int i = 0; i < MCA_RECORDS && !free; i++)
        if (!queue.record[i].id)
            free = &queue.record[i];
    if (free) {
        free->id = queue.next_id++;
        free->fetched = false;
        free->urgent = flags & MC_FLAG_MCE;
        free->info.mi_nentries = 2;
        free->info.flags = 0;
        data = (uint8_t *)free->info.mi_data;
        fill_global((struct mcinfo_global *)data, global_status, flags);
        *(struct mcinfo_bank *)(data + sizeof(struct mcinfo_global)) = (struct mcinfo_bank){
            .common = {.type = MC_TYPE_BANK, .size = sizeof(struct mcinfo_bank)},
            .mc_bank = (uint16_t)bank,
            .mc_domid = DOMID_INVALID,
            .mc_status = status,
            .mc_addr = address,
            .mc_misc = misc,
            .mc_tsc = rdtsc(),
        };
    } else {
        __atomic_fetch_add(&queue.lost, 1, __ATOMIC_RELAXED);
    }
    unlock_irqrestore(&queue.lock, saved);
}

void mca_dump(void)
{
    printk("Machine checks logged but not kept for domain 0: %u\n", READ_ONCE(queue.lost));
}

uint64_t mca_fetch(bool urgent, struct mc_info *out)
{
    uint64_t flags = lock_irqsave(&queue.lock);
    struct record *oldest = NULL;

    for (unsigned int i = 0; i < MCA_RECORDS; i++) {
        struct record *r = &queue.record[i];

        if (r->id && !r->fetched && r->urgent == urgent && (!oldest || r->id < oldest->id))
            oldest = r;
    }
    if (oldest) {
        oldest->fetched = true;
        *out = oldest->info;
    }
    unlock_irqrestore(&queue.lock, flags);
    return oldest ? oldest->id : 0;
}

void mca_return(uint64_t id)
{
    uint64_t flags = lock_irqsave(&queue.lock);

    for (unsigned int i = 0; i < MCA_RECORDS; i++)
        if (id && queue.record[i].id == id)
            queue.record[i].fetched = false;
    unlock_irqrestore(&queue.lock, flags);
}

bool mca_acknowledge(uint64_t id)
{
    uint64_t flags = lock_irqsave(&queue.lock);
    bool found = false;

    for (unsigned int i = 0; i < MCA_RECORDS; i++)
        if (id && queue.record[i].id == id && queue.record[i].fetched) {
            memset(&queue.record[i], 0, sizeof(queue.record[i]));
            found = true;
        }
    unlock_irqrestore(&queue.lock, flags);
    return found;
}
