/* SPDX-License-Identifier: MIT */
/*
 * A machine of two nodes. What the tools see of them, where memory comes from, who may say so; as recorded of Debian's Xen. The firmware
 * calls the first processor's node 1 and gives it the upper memory: the hypervisor counts nodes as it finds them, and calls it 0.
 * GUEST-GROUP: smp=2 mem=768 dom0=128M qemu=-object;memory-backend-ram,id=a,size=512M;-object;memory-backend-ram,id=b,size=256M;-numa;node,nodeid=0,cpus=1,memdev=a;-numa;node,nodeid=1,cpus=0,memdev=b;-numa;dist,src=0,dst=1,val=25
 */
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <xen/memory.h>
#include <xen/sysctl.h>

#define BOUNDARY 0x20000UL /* frame number: below node 1, above node 0 */
#define NODES    2
#define POISON   0xcccccccc
#define NOT_MET  ~0UL

static struct xen_sysctl sysctl;
static struct xen_domctl domctl;
static uint32_t out[256];

static unsigned node_of(unsigned long mfn)
{
    return mfn < BOUNDARY;
}

static uint64_t available(uint32_t min_width, uint32_t max_width, int32_t node)
{
    memset(&sysctl, 0, sizeof(sysctl));
    sysctl.u.availheap.min_bitwidth = min_width;
    sysctl.u.availheap.max_bitwidth = max_width;
    sysctl.u.availheap.node = node;
    CHECK_RC(kit_sysctl(XEN_SYSCTL_availheap, &sysctl), 0);
    return sysctl.u.availheap.avail_bytes;
}

KIT_TEST(topology)
{
    const struct xen_sysctl_cputopo *topo = (void *)out;

    memset(&sysctl, 0, sizeof(sysctl));
    CHECK_RC(kit_sysctl(XEN_SYSCTL_physinfo, &sysctl), 0);
    CHECK_EQ(sysctl.u.physinfo.nr_nodes, NODES);
    CHECK_EQ(sysctl.u.physinfo.max_node_id, 63);
    memset(&sysctl, 0, sizeof(sysctl));
    sysctl.u.cputopoinfo.num_cpus = 2;
    set_xen_guest_handle(sysctl.u.cputopoinfo.cputopo, (void *)out);
    CHECK_RC(kit_sysctl(XEN_SYSCTL_cputopoinfo, &sysctl), 0);
    CHECK(topo[0].node == 0 && topo[1].node == 1);
}

/* Room for fewer than there are: so many, and distances between these. */
KIT_TEST(sizes_and_distances)
{
    static const uint32_t expected[NODES + 1][4] = {
        {POISON, POISON, POISON, POISON}, {10, POISON, POISON, POISON}, {10, 25, 25, 10}};
    const struct xen_sysctl_meminfo *memory = (void *)out;
    uint32_t *distance = out + 64;

    memset(&sysctl, 0, sizeof(sysctl));
    CHECK_RC(kit_sysctl(XEN_SYSCTL_numainfo, &sysctl), 0);
    CHECK_EQ(sysctl.u.numainfo.num_nodes, NODES);
    for (unsigned room = 0; room < 4; room++) {
        unsigned told = room < NODES ? room : NODES;

        memset(out, 0xcc, sizeof(out));
        sysctl.u.numainfo.num_nodes = room;
        set_xen_guest_handle(sysctl.u.numainfo.meminfo, (void *)out);
        set_xen_guest_handle(sysctl.u.numainfo.distance, distance);
        CHECK_RC(kit_sysctl(XEN_SYSCTL_numainfo, &sysctl), 0);
        CHECK_EQ(sysctl.u.numainfo.num_nodes, told);
        for (unsigned i = 0; i < 4; i++)
            CHECK_EQ(distance[i], expected[told][i]);
        CHECK_EQ(out[told * 4], POISON);
        if (told > 0)
            CHECK(memory[0].memsize > 255UL << 20 && memory[0].memsize < 256UL << 20);
        if (told > 1)
            CHECK_EQ(memory[1].memsize, 512UL << 20);
    }
    CHECK_EQ(memory[0].memfree, available(0, 0, 0));
    CHECK_EQ(memory[1].memfree, available(0, 0, 1));
}

KIT_TEST(available_by_node)
{
    CHECK_EQ(available(0, 0, 0) + available(0, 0, 1), available(0, 0, -1));
    CHECK(available(0, 0, 0) > 100UL << 20 && available(0, 0, 1) > 300UL << 20);
    /* 512 MiB is 2^29: by width it is the same boundary. */
    CHECK_EQ(available(30, 0, -1), available(0, 0, 0));
    CHECK_EQ(available(0, 29, 0), 0);
    CHECK_EQ(available(0, 29, 1), available(0, 0, 1));
    CHECK_EQ(available(0, 0, 2), 0);
    CHECK_EQ(available(0, 0, 64), 0);
    CHECK_EQ(available(0, 0, 0x7fffffff), 0);
    CHECK_EQ(available(0, 0, (int32_t)0x80000000), 0);
}

/* Domain 0's memory was taken from both. */
KIT_TEST(own_memory)
{
    unsigned long on[NODES] = {0, 0};

    for (unsigned long pfn = 0; pfn < kit_start_info->nr_pages; pfn++)
        on[node_of(kit_p2m[pfn])]++;
    CHECK(on[0] > kit_start_info->nr_pages / 8 && on[1] > kit_start_info->nr_pages / 8);
}

static long reserve(unsigned cmd, unsigned dom, unsigned flags, unsigned order, unsigned long *mfn)
{
    struct xen_memory_reservation r = {
        .nr_extents = 1, .extent_order = order, .mem_flags = flags, .domid = (domid_t)dom};

    if (cmd == XENMEM_populate_physmap)
        *mfn = 0x100000;
    set_xen_guest_handle(r.extent_start, mfn);
    return hcall_memory_op(cmd, &r);
}

#define TRIES 6

/* A bit for each node that memory asked for in this way comes from; 0: it is refused, each time. */
static unsigned nodes_given(unsigned cmd, unsigned dom, unsigned flags, unsigned order)
{
    unsigned long mfn[TRIES];
    unsigned nodes = 0, given = 0;

    for (unsigned i = 0; i < TRIES; i++)
        if (reserve(cmd, dom, flags, order, &mfn[given]) == 1) {
            CHECK_EQ(node_of(mfn[given]), node_of(mfn[given] + (1UL << order) - 1));
            nodes |= 1u << node_of(mfn[given]);
            given++;
        }
    CHECK(given == 0 || given == TRIES);
    while (given--)
        CHECK_EQ(reserve(XENMEM_decrease_reservation, dom, 0, order, &mfn[given]), 1);
    return nodes;
}

static unsigned given(unsigned dom, unsigned flags)
{
    return nodes_given(XENMEM_populate_physmap, dom, flags, 0);
}

static void check_named(unsigned cmd, unsigned order)
{
    CHECK_EQ(nodes_given(cmd, DOMID_SELF, 0, order), 3);
    CHECK_EQ(nodes_given(cmd, DOMID_SELF, XENMEMF_node(0), order), 1);
    CHECK_EQ(nodes_given(cmd, DOMID_SELF, XENMEMF_node(1), order), 2);
    CHECK_EQ(nodes_given(cmd, DOMID_SELF, XENMEMF_exact_node(0), order), 1);
    CHECK_EQ(nodes_given(cmd, DOMID_SELF, XENMEMF_exact_node(1), order), 2);
}

KIT_TEST(nodes_named)
{
    for (unsigned order = 0; order <= 4; order += 4) {
        check_named(XENMEM_populate_physmap, order);
        check_named(XENMEM_increase_reservation, order);
    }
}

/* A node that is not there, but could be, is no wish; but it cannot be a demand. One that cannot be is refused. */
KIT_TEST(nodes_not_there)
{
    CHECK(given(DOMID_SELF, XENMEMF_node(2)));
    CHECK(given(DOMID_SELF, XENMEMF_node(63)));
    CHECK_EQ(given(DOMID_SELF, XENMEMF_exact_node(2)), 0);
    CHECK_EQ(given(DOMID_SELF, XENMEMF_exact_node(63)), 0);
    for (unsigned node = 64; node < 255; node += 19) {
        CHECK_EQ(given(DOMID_SELF, XENMEMF_node(node)), 0);
        CHECK_EQ(given(DOMID_SELF, XENMEMF_exact_node(node)), 0);
    }
    CHECK_EQ(given(DOMID_SELF, XENMEMF_exact_node_request), 3); /* but which? */
    CHECK_EQ(given(DOMID_SELF, XENMEMF_node(1) | XENMEMF_address_bits(28)), 2);
    CHECK_EQ(given(DOMID_SELF, XENMEMF_exact_node(0) | XENMEMF_address_bits(29)), 0);
    CHECK_EQ(given(DOMID_SELF, XENMEMF_node(0) | XENMEMF_address_bits(29)), 2);
}

/* The page that `pfn` has goes for one from this node; the new one, or NOT_MET and the error in *rc. */
static unsigned long exchange(unsigned long pfn, unsigned flags, long *rc)
{
    unsigned long in = kit_p2m[pfn], new = pfn;
    struct xen_memory_exchange x = {.in = {.nr_extents = 1, .domid = DOMID_SELF},
                                    .out = {.nr_extents = 1, .domid = DOMID_SELF, .mem_flags = flags}};

    set_xen_guest_handle(x.in.extent_start, &in);
    set_xen_guest_handle(x.out.extent_start, &new);
    *rc = hcall_memory_op(XENMEM_exchange, &x);
    if (*rc || x.nr_exchanged != 1)
        return NOT_MET;
    kit_p2m[pfn] = new;
    return new;
}

KIT_TEST(exchange_between_nodes)
{
    unsigned long pfn = kit_pfn_alloc();
    long rc;

    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQ(node_of(exchange(pfn, XENMEMF_node(i & 1), &rc)), i & 1);
        CHECK_RC(rc, 0);
        CHECK_EQ(node_of(exchange(pfn, XENMEMF_exact_node(i & 1), &rc)), i & 1);
        CHECK_RC(rc, 0);
    }
    CHECK_EQ(exchange(pfn, XENMEMF_exact_node(2), &rc), NOT_MET);
    CHECK_RC(rc, -XEN_ENOMEM);
    CHECK_EQ(exchange(pfn, XENMEMF_node(64), &rc), NOT_MET);
    CHECK_RC(rc, -XEN_EINVAL);
    kit_pfn_free(pfn);
}

static uint64_t get_nodes(unsigned id)
{
    uint64_t nodes = ~0UL;

    memset(&domctl, 0, sizeof(domctl));
    set_xen_guest_handle(domctl.u.nodeaffinity.nodemap.bitmap, (void *)&nodes);
    domctl.u.nodeaffinity.nodemap.nr_bits = 64;
    CHECK_RC(kit_domctl(XEN_DOMCTL_getnodeaffinity, id, &domctl), 0);
    return nodes;
}

static long set_nodes(unsigned id, uint64_t nodes)
{
    memset(&domctl, 0, sizeof(domctl));
    set_xen_guest_handle(domctl.u.nodeaffinity.nodemap.bitmap, (void *)&nodes);
    domctl.u.nodeaffinity.nodemap.nr_bits = 64;
    return kit_domctl(XEN_DOMCTL_setnodeaffinity, id, &domctl);
}

static void place_vcpu(unsigned id, unsigned vcpu, uint64_t hard, uint64_t soft)
{
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.vcpuaffinity.vcpu = vcpu;
    domctl.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    set_xen_guest_handle(domctl.u.vcpuaffinity.cpumap_hard.bitmap, (void *)&hard);
    set_xen_guest_handle(domctl.u.vcpuaffinity.cpumap_soft.bitmap, (void *)&soft);
    domctl.u.vcpuaffinity.cpumap_hard.nr_bits = domctl.u.vcpuaffinity.cpumap_soft.nr_bits = 64;
    CHECK_RC(kit_domctl(XEN_DOMCTL_setvcpuaffinity, id, &domctl), 0);
}

static void place_both(unsigned id, uint64_t hard, uint64_t soft)
{
    place_vcpu(id, 0, hard, soft);
    place_vcpu(id, 1, hard, soft);
}

#define ALL ~0UL

/* A domain's memory is where its vcpus may run, as long as nobody names its nodes. */
KIT_TEST(nodes_follow_vcpus)
{
    domid_t id;

    CHECK_OR_RETURN(kit_domain_create(2, 1000, &id) == 0);
    CHECK_EQ(get_nodes(id), 3);
    CHECK_EQ(given(id, 0), 3);
    place_both(id, 2, ALL);
    CHECK_EQ(get_nodes(id), 2);
    CHECK_EQ(given(id, 0), 2);
    place_both(id, ALL, 1);
    CHECK_EQ(get_nodes(id), 1);
    CHECK_EQ(given(id, 0), 1);
    place_vcpu(id, 0, 1, ALL);
    place_vcpu(id, 1, 2, ALL);
    CHECK_EQ(get_nodes(id), 3);
    place_vcpu(id, 0, 1, 2); /* a wish that cannot be granted to it, but to the other */
    place_vcpu(id, 1, 2, 2);
    CHECK_EQ(get_nodes(id), 2);
    CHECK(kit_domain_gone(id));
}

KIT_TEST(nodes_of_a_domain)
{
    domid_t id;

    CHECK_OR_RETURN(kit_domain_create(2, 1000, &id) == 0);
    place_both(id, 1, ALL);
    CHECK_RC(set_nodes(id, 0), -XEN_EINVAL);
    CHECK_RC(set_nodes(id, 4), -XEN_EINVAL); /* none that is there */
    CHECK_EQ(get_nodes(id), 1);
    CHECK_RC(set_nodes(id, 6), 0);
    CHECK_EQ(get_nodes(id), 6);
    CHECK_EQ(given(id, 0), 2);
    CHECK_EQ(given(id, XENMEMF_node(0)), 1);
    CHECK_EQ(given(id, XENMEMF_exact_node(0)), 1);
    place_both(id, ALL, ALL);
    CHECK_EQ(get_nodes(id), 6);
    CHECK_RC(set_nodes(id, 3), 0);
    CHECK_EQ(given(id, 0), 3);
    place_both(id, 2, ALL);
    CHECK_EQ(get_nodes(id), 3);
    CHECK_RC(set_nodes(id, ALL), 0); /* nobody names them any more */
    CHECK_EQ(get_nodes(id), 2);
    CHECK_EQ(given(id, 0), 2);
    CHECK(kit_domain_gone(id));
}

static long set_layout(unsigned id, unsigned first, unsigned second)
{
    static unsigned distance[] = {10, 20, 20, 10}, node_of_vcpu[] = {0, 1}, placed[2];
    static xen_vmemrange_t range[] = {{0, 0x100000, 0, 0}, {0x100000, 0x200000, 0, 1}};

    placed[0] = first;
    placed[1] = second;
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.vnuma.nr_vnodes = 2;
    domctl.u.vnuma.nr_vcpus = 2;
    domctl.u.vnuma.nr_vmemranges = 2;
    set_xen_guest_handle(domctl.u.vnuma.vdistance, distance);
    set_xen_guest_handle(domctl.u.vnuma.vcpu_to_vnode, node_of_vcpu);
    set_xen_guest_handle(domctl.u.vnuma.vnode_to_pnode, placed);
    set_xen_guest_handle(domctl.u.vnuma.vmemrange, range);
    return kit_domctl(XEN_DOMCTL_setvnumainfo, id, &domctl);
}

/* Nodes of the domain's own layout stand for those on which they were placed. */
KIT_TEST(nodes_of_the_layout)
{
    domid_t id;

    CHECK_OR_RETURN(kit_domain_create(2, 1000, &id) == 0);
    CHECK_EQ(given(id, XENMEMF_vnode | XENMEMF_node(0)), 3); /* it has none */
    CHECK_RC(set_layout(id, 1, 0), 0);
    CHECK_EQ(given(id, 0), 3);
    CHECK_EQ(given(id, XENMEMF_node(0)), 1);
    CHECK_EQ(given(id, XENMEMF_vnode | XENMEMF_node(0)), 2);
    CHECK_EQ(given(id, XENMEMF_vnode | XENMEMF_node(1)), 1);
    CHECK_EQ(given(id, XENMEMF_vnode | XENMEMF_exact_node(0)), 2);
    CHECK_EQ(given(id, XENMEMF_vnode | XENMEMF_exact_node(1)), 1);
    CHECK_EQ(given(id, XENMEMF_vnode | XENMEMF_node(2)), 0);
    CHECK_EQ(given(id, XENMEMF_vnode | XENMEMF_node(64)), 0);
    CHECK_EQ(given(id, XENMEMF_vnode), 0);
    CHECK_EQ(given(id, XENMEMF_vnode | XENMEMF_exact_node_request), 0);
    CHECK_RC(set_layout(id, 1, 63), 0);
    CHECK(given(id, XENMEMF_vnode | XENMEMF_node(1)));
    CHECK_EQ(given(id, XENMEMF_vnode | XENMEMF_exact_node(1)), 0);
    CHECK(kit_domain_gone(id));
}

/* As much as the node has, and not a page of the other; how many. */
static unsigned long fill(domid_t id, unsigned flags)
{
    unsigned long mfn, pages = 0;

    for (unsigned order = 10; order <= 10; order -= 5)
        while (reserve(XENMEM_populate_physmap, id, flags, order, &mfn) == 1) {
            CHECK_EQ(node_of(mfn), 0);
            pages += 1UL << order;
        }
    return pages;
}

KIT_TEST(full_node)
{
    uint64_t free[NODES] = {available(0, 0, 0), available(0, 0, 1)}, since;
    domid_t id;

    CHECK_OR_RETURN(kit_domain_create(1, 1000000, &id) == 0);
    CHECK(fill(id, XENMEMF_exact_node(0)) > free[0] / 4096 - 500);
    CHECK_EQ(available(0, 0, 0), 0);
    CHECK(available(0, 0, 1) + (2UL << 20) > free[1]);
    CHECK_EQ(given(id, XENMEMF_exact_node(0)), 0);
    CHECK_EQ(given(id, XENMEMF_node(0)), 2);
    CHECK_EQ(given(id, 0), 2);
    CHECK_EQ(set_nodes(id, 1), 0);
    CHECK_EQ(given(id, 0), 2);
    CHECK_EQ(given(DOMID_SELF, XENMEMF_exact_node(1)), 2);
    CHECK(kit_domain_gone(id));
    /* Each page goes back to where it is from, and they join again. */
    since = kit_time_ns();
    while (available(0, 0, 0) < free[0] - (1UL << 20) && kit_time_ns() - since < 2000000000UL)
        hcall_sched_op(SCHEDOP_yield, NULL);
    CHECK(available(0, 0, 0) >= free[0] - (1UL << 20));
    CHECK(available(0, 0, 1) >= free[1] - (1UL << 20));
    CHECK_EQ(available(0, 0, 0) + available(0, 0, 1), available(0, 0, -1));
    CHECK_EQ(nodes_given(XENMEM_populate_physmap, DOMID_SELF, XENMEMF_exact_node(0), 12), 1);
}

/* Who is not privileged does not choose among the machine's nodes: a wish is not heard, a demand refused. */
static unsigned given_to_puppet(struct kit_puppet *p, unsigned flags)
{
    unsigned long at = KIT_PUPPET_VA(KIT_PUPPET_FIRST_FREE);
    unsigned nodes = 0, done = 0;

    for (unsigned i = 0; i < TRIES; i++) {
        kit_puppet_poke(p, at, at + 512); /* struct xen_memory_reservation */
        kit_puppet_poke(p, at + 8, 1);
        kit_puppet_poke(p, at + 16, (uint64_t)flags << 32);
        kit_puppet_poke(p, at + 24, DOMID_SELF);
        kit_puppet_poke(p, at + 512, 100);
        if (kit_puppet_call(p, __HYPERVISOR_memory_op, XENMEM_populate_physmap, at, 0, 0) != 1)
            continue;
        nodes |= 1u << node_of(kit_puppet_peek(p, at + 512));
        done++;
        CHECK_EQ(kit_puppet_call(p, __HYPERVISOR_memory_op, XENMEM_decrease_reservation, at, 0, 0), 1);
    }
    CHECK(done == 0 || done == TRIES);
    return nodes;
}

KIT_TEST(unprivileged)
{
    struct kit_puppet p;

    CHECK_OR_RETURN(kit_puppet_make(&p) == 0);
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.max_mem.max_memkb = 1 << 20;
    CHECK_RC(kit_domctl(XEN_DOMCTL_max_mem, p.id, &domctl), 0);
    CHECK_EQ(given_to_puppet(&p, 0), 3);
    CHECK_EQ(given_to_puppet(&p, XENMEMF_node(0)), 3);
    CHECK_EQ(given_to_puppet(&p, XENMEMF_node(1)), 3);
    CHECK_EQ(given_to_puppet(&p, XENMEMF_node(64)), 3);
    CHECK_EQ(given_to_puppet(&p, XENMEMF_exact_node(0)), 0);
    CHECK_EQ(given_to_puppet(&p, XENMEMF_exact_node(1)), 0);
    CHECK_EQ(given_to_puppet(&p, XENMEMF_exact_node_request), 3);
    CHECK_EQ(given_to_puppet(&p, XENMEMF_vnode | XENMEMF_node(0)), 3);
    CHECK_RC(set_nodes(p.id, 2), 0);
    CHECK_EQ(given_to_puppet(&p, XENMEMF_node(0)), 2);
    CHECK(kit_puppet_end(&p));
}
