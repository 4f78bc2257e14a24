/* SPDX-License-Identifier: MIT */
/* The NUMA layout that the toolstack gives a domain: what is none is refused, what is one is read back as it was given. As recorded of Debian's Xen. */
#include <kit/arch/cpu.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/test.h>

#define VCPUS     2
#define NODES     2
#define RANGES    3
#define NOWHERE   0xffffffffu /* no physical node */
#define UNTOUCHED 0x77777777u

static domid_t made;
static unsigned distance[NODES * NODES], node_of[VCPUS], placed[NODES];
static xen_vmemrange_t range[RANGES];
static struct xen_domctl op;

static void good_layout(void)
{
    static const unsigned distances[] = {10, 21, 22, 11};
    struct xen_domctl_vnuma *v = &op.u.vnuma;

    memset(&op, 0, sizeof(op));
    memcpy(distance, distances, sizeof(distance));
    for (unsigned i = 0; i < RANGES; i++)
        range[i] = (xen_vmemrange_t){.start = i * 0x100000UL, .end = (i + 1) * 0x100000UL, .nid = i % NODES};
    node_of[0] = 1;
    node_of[1] = 0;
    placed[0] = 0;
    placed[1] = 0;
    v->nr_vnodes = NODES;
    v->nr_vcpus = VCPUS;
    v->nr_vmemranges = RANGES;
    set_xen_guest_handle(v->vdistance, distance);
    set_xen_guest_handle(v->vcpu_to_vnode, node_of);
    set_xen_guest_handle(v->vnode_to_pnode, placed);
    set_xen_guest_handle(v->vmemrange, range);
}

static long set(void)
{
    return kit_domctl(XEN_DOMCTL_setvnumainfo, made, &op);
}

static unsigned got_distance[NODES * NODES + 1], got_node[VCPUS + 1];
static xen_vmemrange_t got_range[RANGES + 1];

static long get(struct xen_vnuma_topology_info *v)
{
    memset(got_distance, 0x77, sizeof(got_distance));
    memset(got_node, 0x77, sizeof(got_node));
    memset(got_range, 0x77, sizeof(got_range));
    v->domid = made;
    set_xen_guest_handle(v->vdistance.h, got_distance);
    set_xen_guest_handle(v->vcpu_to_vnode.h, got_node);
    set_xen_guest_handle(v->vmemrange.h, got_range);
    return hcall_memory_op(XENMEM_get_vnumainfo, v);
}

#define CHANGED(change, answer)                                                                              \
    do {                                                                                                     \
        good_layout();                                                                                       \
        change;                                                                                              \
        CHECK_RC(set(), answer);                                                                             \
    } while (0)

KIT_TEST(vnuma_layout)
{
    struct xen_domctl_vnuma *v = &op.u.vnuma;
    struct xen_vnuma_topology_info info = {.nr_vnodes = NODES, .nr_vcpus = VCPUS, .nr_vmemranges = RANGES};

    CHECK_OR_RETURN(kit_domain_create(VCPUS, 16, &made) == 0);
    CHECK_RC(get(&info), -XEN_EOPNOTSUPP);
    CHANGED(v->nr_vnodes = 0, -XEN_EINVAL);
    CHANGED(v->nr_vmemranges = 0, 0);
    CHANGED(v->nr_vcpus = 1, -XEN_EINVAL);
    CHANGED(v->pad = 1, -XEN_EINVAL);
    CHANGED(node_of[1] = NODES, -XEN_E2BIG);
    CHANGED(placed[0] = 1000, -XEN_E2BIG);
    CHANGED(placed[1] = NOWHERE, -XEN_E2BIG);
    CHANGED(placed[0] = 64, -XEN_E2BIG);
    CHANGED(placed[0] = 63, 0);       /* a node that is not there, but could be */
    CHANGED(range[1].nid = NODES, 0); /* nobody looks */
    CHANGED(range[1].end = range[1].start, 0);
    CHANGED(range[1].end = range[1].start - 1, 0);
    CHANGED(range[1].start = 0, 0); /* nor whether they overlap */
    CHANGED(range[2].flags = 1, -XEN_EINVAL);
    CHANGED((range[2].flags = 1, node_of[1] = NODES), -XEN_E2BIG);
    CHANGED((range[2].flags = 1, placed[1] = 64), -XEN_E2BIG);
    CHANGED(distance[1] = 0, 0);
    CHANGED(set_xen_guest_handle(v->vdistance, (unsigned *)0x1000), -XEN_EFAULT);
    CHANGED(set_xen_guest_handle(v->vcpu_to_vnode, (unsigned *)0x1000), -XEN_EFAULT);
    CHANGED(set_xen_guest_handle(v->vnode_to_pnode, (unsigned *)0x1000), -XEN_EFAULT);
    CHANGED(set_xen_guest_handle(v->vmemrange, (xen_vmemrange_t *)0x1000), -XEN_EFAULT);
    good_layout();
    CHECK_RC(set(), 0);
    CHECK(kit_domain_gone(made));
}

KIT_TEST(vnuma_read)
{
    struct xen_vnuma_topology_info info = {.nr_vnodes = NODES, .nr_vcpus = VCPUS, .nr_vmemranges = RANGES};

    CHECK_OR_RETURN(kit_domain_create(VCPUS, 16, &made) == 0);
    good_layout();
    CHECK_RC(set(), 0);
    CHECK_RC(get(&info), 0);
    CHECK(info.nr_vnodes == NODES && info.nr_vcpus == VCPUS && info.nr_vmemranges == RANGES);
    CHECK(!memcmp(got_distance, distance, sizeof(distance)));
    CHECK(!memcmp(got_node, node_of, sizeof(node_of)));
    CHECK(!memcmp(got_range, range, sizeof(range)));
    CHECK_EQ(got_distance[NODES * NODES], UNTOUCHED);
    CHECK_EQ(got_node[VCPUS], UNTOUCHED);
    CHECK_EQ(got_range[RANGES].nid, UNTOUCHED);
    /* With too little room it says how much is needed; with more it says what there is. */
    info.nr_vmemranges = 1;
    CHECK_RC(get(&info), -XEN_ENOBUFS);
    CHECK(info.nr_vnodes == NODES && info.nr_vcpus == VCPUS && info.nr_vmemranges == RANGES);
    CHECK_EQ(got_node[0], UNTOUCHED);
    info.nr_vnodes = 1;
    CHECK_RC(get(&info), -XEN_ENOBUFS);
    info.nr_vcpus = 1;
    CHECK_RC(get(&info), -XEN_ENOBUFS);
    info.nr_vnodes = info.nr_vcpus = info.nr_vmemranges = 9;
    CHECK_RC(get(&info), 0);
    CHECK(info.nr_vnodes == NODES && info.nr_vcpus == VCPUS && info.nr_vmemranges == RANGES);
    info.pad = 1;
    CHECK_RC(get(&info), -XEN_EINVAL);
    info.pad = 0;
    /* A second layout is in place of the first; one that is refused leaves it. */
    good_layout();
    node_of[0] = 0;
    CHECK_RC(set(), 0);
    node_of[0] = NODES;
    CHECK_RC(set(), -XEN_E2BIG);
    CHECK_RC(get(&info), 0);
    CHECK_EQ(got_node[0], 0);
    CHECK(kit_domain_gone(made));
}

/* Each array has a page at most. */
KIT_TEST(vnuma_large)
{
    static const struct {
        unsigned nodes, ranges;
        int rc;
    } sizes[] = {{32, 3, 0},  {33, 3, -XEN_EINVAL},  {1u << 16, 3, -XEN_EINVAL}, {~0u, 3, -XEN_EINVAL},
                 {2, 170, 0}, {2, 171, -XEN_EINVAL}, {2, 1024, -XEN_EINVAL},     {2, ~0u, -XEN_EINVAL},
                 {32, 170, 0}};
    static unsigned many[32 * 32];
    static xen_vmemrange_t ranges[170];

    CHECK_OR_RETURN(kit_domain_create(VCPUS, 16, &made) == 0);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        good_layout();
        op.u.vnuma.nr_vnodes = sizes[i].nodes;
        op.u.vnuma.nr_vmemranges = sizes[i].ranges;
        set_xen_guest_handle(op.u.vnuma.vdistance, many);
        set_xen_guest_handle(op.u.vnuma.vnode_to_pnode, many);
        set_xen_guest_handle(op.u.vnuma.vmemrange, ranges);
        CHECK_RC(set(), sizes[i].rc);
    }
    CHECK(kit_domain_gone(made));
}
