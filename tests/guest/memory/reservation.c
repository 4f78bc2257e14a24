/* SPDX-License-Identifier: MIT */
/* Memory comes and goes: populate, increase, decrease, exchange, claims. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>

static struct xen_memory_reservation res(unsigned long *list, unsigned long n, unsigned order)
{
    struct xen_memory_reservation r = {.nr_extents = n, .extent_order = order, .domid = DOMID_SELF};

    set_xen_guest_handle(r.extent_start, list);
    return r;
}

static long op(unsigned cmd, unsigned long *list, unsigned long n, unsigned order)
{
    struct xen_memory_reservation r = res(list, n, order);

    return hcall_memory_op(cmd, &r);
}

static long current(void)
{
    struct xen_memory_domain d = {.domid = DOMID_SELF};

    return hcall_memory_op(XENMEM_current_reservation, &d);
}

KIT_TEST(decrease_and_populate)
{
    unsigned long pfn = kit_pfn_alloc(), mfn = kit_p2m[pfn], entry = mfn;
    long before = current();

    CHECK_EQ(op(XENMEM_decrease_reservation, &entry, 1, 0), 1);
    CHECK_EQ(entry, mfn);
    CHECK_EQ(current(), before - 1);
    CHECK_EQ(kit_m2p(mfn), ~0UL);                               /* the M2P forgets it */
    CHECK_EQ(op(XENMEM_decrease_reservation, &entry, 1, 0), 0); /* no longer ours */
    entry = pfn;
    CHECK_EQ(op(XENMEM_populate_physmap, &entry, 1, 0), 1);
    kit_p2m[pfn] = entry;
    CHECK_EQ(kit_m2p(entry), pfn);
    CHECK_EQ(current(), before);
    kit_pfn_free(pfn);
}

KIT_TEST(increase)
{
    unsigned long list[4] = {1, 2, 3, 4};
    long before = current();

    CHECK_EQ(op(XENMEM_increase_reservation, list, 4, 0), 4);
    CHECK_EQ(current(), before + 4);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(kit_m2p(list[i]), ~0UL);
    }
    CHECK_EQ(op(XENMEM_decrease_reservation, list, 4, 0), 4);
    CHECK_EQ(current(), before);
    /* The list may be missing. */
    CHECK_EQ(op(XENMEM_increase_reservation, NULL, 1, 0), 1);
    CHECK_EQ(current(), before + 1);
}

/* A frame that is still mapped goes away only with its last mapping. */
KIT_TEST(decrease_while_mapped)
{
    unsigned long *page = kit_page_alloc(), pfn = kit_pfn_of(page), entry = kit_p2m[pfn];
    long before = current();

    page[0] = 0x77;
    CHECK_EQ(op(XENMEM_decrease_reservation, &entry, 1, 0), 1);
    CHECK_EQ(current(), before);
    CHECK_EQ(page[0], 0x77);
    CHECK_RC(kit_remap(page, 0), 0);
    CHECK_EQ(current(), before - 1);
    CHECK_EQ(op(XENMEM_decrease_reservation, &entry, 1, 0), 0);
    entry = pfn;
    CHECK_EQ(op(XENMEM_populate_physmap, &entry, 1, 0), 1);
    kit_p2m[pfn] = entry;
    CHECK_RC(kit_set_rw(page),
             0); /* (what it holds is not defined: domain 0 may get its own page back as it was) */
    CHECK_EQ(current(), before);
    kit_page_free(page);
}

KIT_TEST(decrease_errors)
{
    unsigned long list[3] = {0x100, ~0UL, 0};
    uint64_t *table = kit_table_alloc();
    long before = current();

    CHECK_EQ(op(XENMEM_decrease_reservation, list, 3, 0), 0); /* it stops at the first */
    CHECK_EQ(op(XENMEM_decrease_reservation, (void *)0x1000, 1, 0), 0);
    CHECK_EQ(op(XENMEM_decrease_reservation, list, 1, 30), 0);
    CHECK_EQ(op(XENMEM_decrease_reservation, list, 1, 60), 0);
    CHECK_EQ(op(XENMEM_decrease_reservation, list, ~0UL, 0), 0);
    CHECK_EQ(op(XENMEM_decrease_reservation, list, 1UL << 57, 0), 0);
    /* These three never return an error: always how far they came. */
    for (unsigned i = 0; i < 3; i++) {
        static const unsigned cmds[] = {XENMEM_decrease_reservation, XENMEM_increase_reservation,
                                        XENMEM_populate_physmap};
        struct xen_memory_reservation r = res(list, 1, 0);

        r.domid = 77;
        CHECK_EQ(hcall_memory_op(cmds[i], &r), 0);
        CHECK_EQ(hcall_memory_op(cmds[i], (void *)0x1000), 0);
        CHECK_EQ(op(cmds[i], list, 0, 0), 0);
    }
    /* A page table: given back, and still the table it was until its last use ends. */
    CHECK_RC(kit_pin(1, kit_mfn_of(table)), 0);
    list[0] = kit_mfn_of(table);
    CHECK_EQ(op(XENMEM_decrease_reservation, list, 1, 0), 1);
    CHECK_EQ(current(), before);
    CHECK_RC(kit_unpin(kit_mfn_of(table)), 0);
    CHECK_EQ(current(), before);
    CHECK_RC(kit_unmap(table), 0);
    CHECK_EQ(current(), before - 1);
    list[0] = kit_pfn_of(table);
    CHECK_EQ(op(XENMEM_populate_physmap, list, 1, 0), 1);
    kit_p2m[kit_pfn_of(table)] = list[0];
    CHECK_RC(kit_set_rw(table), 0);
    kit_page_free(table);
    CHECK_EQ(current(), before);
}

KIT_TEST(populate_orders)
{
    unsigned long list[2];
    long before = current();

    list[0] = 0x100000;
    CHECK_EQ(op(XENMEM_populate_physmap, list, 1, 9), 1);
    CHECK_EQ(current(), before + 512);
    CHECK_EQ(list[0] & 511, 0);
    CHECK_EQ(kit_m2p(list[0]), 0x100000);
    CHECK_EQ(kit_m2p(list[0] + 511), 0x1001ff);
    CHECK_EQ(op(XENMEM_decrease_reservation, list, 1, 9), 1);
    CHECK_EQ(current(), before);
    /* The pfn need not be aligned; the frames are. */
    list[0] = 0x100001;
    CHECK_EQ(op(XENMEM_populate_physmap, list, 1, 9), 1);
    CHECK_EQ(list[0] & 511, 0);
    CHECK_EQ(op(XENMEM_decrease_reservation, list, 1, 9), 1);
    for (unsigned order = 10; order <= 15; order++) {
        list[0] = 0x100000;
        CHECK_EQ(op(XENMEM_populate_physmap, list, 1, order), 1);
        CHECK_EQ(op(XENMEM_decrease_reservation, list, 1, order), 1);
    }
    for (unsigned order = 19; order < 70; order++) {
        list[0] = 0x100000;
        CHECK_EQ(op(XENMEM_populate_physmap, list, 1, order), 0);
    }
    CHECK_EQ(current(), before);
}

static unsigned long populate_below(unsigned bits)
{
    unsigned long entry = 0x100000;
    struct xen_memory_reservation r = res(&entry, 1, 0);

    r.mem_flags = XENMEMF_address_bits(bits);
    if (hcall_memory_op(XENMEM_populate_physmap, &r) != 1)
        return ~0UL;
    CHECK_EQ(op(XENMEM_decrease_reservation, &entry, 1, 0), 1);
    return entry;
}

KIT_TEST(populate_address_bits)
{
    long before = current();

    CHECK_EQ(populate_below(12), ~0UL);
    CHECK_EQ(populate_below(1), ~0UL);
    for (unsigned bits = 25; bits < 64; bits++)
        CHECK(bits >= 52 + 12 || populate_below(bits) < 1UL << (bits - 12));
    CHECK_EQ(current(), before);
}

KIT_TEST(populate_many)
{
    enum { N = 20000 };
    unsigned long *list = kit_pages_alloc(40);
    long before = current(), n;

    for (unsigned i = 0; i < N; i++)
        list[i] = 0x200000 + i;
    n = op(XENMEM_populate_physmap, list, N, 0);
    CHECK_EQ(n, N);
    CHECK_EQ(current(), before + N);
    for (unsigned i = 0; i < N; i += 97)
        CHECK_EQ(kit_m2p(list[i]), 0x200000 + i);
    CHECK_EQ(op(XENMEM_decrease_reservation, list, N, 0), N);
    CHECK_EQ(current(), before);
    kit_pages_free(list, 40);
}

/* More than the machine has: as much as there is. */
KIT_TEST(populate_too_much)
{
    enum { N = 400 };
    unsigned long *list = kit_pages_alloc(1);
    long before = current(), n;

    for (unsigned i = 0; i < N; i++)
        list[i] = 0x400000 + i * 512;
    n = op(XENMEM_populate_physmap, list, N, 9);
    CHECK(n > 0 && n < N);
    CHECK_EQ(current(), before + n * 512);
    CHECK_EQ(op(XENMEM_decrease_reservation, list, (unsigned long)n, 9), n);
    CHECK_EQ(current(), before);
    kit_page_free(list);
}

static long exchange(unsigned long *in, unsigned long nr_in, unsigned order_in, unsigned long *out,
                     unsigned long nr_out, unsigned order_out, unsigned flags, unsigned long *done)
{
    struct xen_memory_exchange x = {.in = res(in, nr_in, order_in), .out = res(out, nr_out, order_out)};
    long rc;

    x.out.mem_flags = flags;
    rc = hcall_memory_op(XENMEM_exchange, &x);
    if (done)
        *done = x.nr_exchanged;
    return rc;
}

KIT_TEST(exchange_one)
{
    unsigned long pfn = kit_pfn_alloc(), in = kit_p2m[pfn], out = pfn, done = 0;
    long before = current();

    CHECK_RC(exchange(&in, 1, 0, &out, 1, 0, 0, &done), 0);
    CHECK_EQ(done, 1);
    CHECK_EQ(in, kit_p2m[pfn]);
    CHECK_EQ(kit_m2p(out), pfn);
    CHECK_EQ(kit_m2p(in), ~0UL);
    CHECK_EQ(current(), before);
    kit_p2m[pfn] = out;
    /* Below 256 MiB, as a driver's DMA buffer would want it. */
    in = out;
    out = pfn;
    CHECK_RC(exchange(&in, 1, 0, &out, 1, 0, XENMEMF_address_bits(28), &done), 0);
    CHECK(out < 1UL << 16);
    kit_p2m[pfn] = out;
    kit_pfn_free(pfn);
}

KIT_TEST(exchange_for_contiguous)
{
    unsigned long in[512], out, pfns[512], done = 0, new[512];
    long before = current();

    for (unsigned i = 0; i < 512; i++) {
        pfns[i] = kit_pfn_alloc();
        in[i] = kit_p2m[pfns[i]];
    }
    out = 0x300000;
    CHECK_RC(exchange(in, 512, 0, &out, 1, 9, 0, &done), 0);
    CHECK_EQ(done, 512);
    CHECK_EQ(out & 511, 0);
    CHECK_EQ(kit_m2p(out + 511), 0x300000 + 511);
    CHECK_EQ(current(), before);
    /* And back. */
    memcpy(new, pfns, sizeof(new));
    CHECK_RC(exchange(&out, 1, 9, new, 512, 0, 0, &done), 0);
    CHECK_EQ(done, 1);
    for (unsigned i = 0; i < 512; i++) {
        CHECK_EQ(kit_m2p(new[i]), pfns[i]);
        kit_p2m[pfns[i]] = new[i];
        if (i < 200)
            kit_pfn_free(pfns[i]);
    }
    CHECK_EQ(current(), before);
}

/* More than 2 MiB at once: domain 0 may have up to 1 GiB. All of it, or none where one page is not free. */
#define LARGE_ORDER 12
#define LARGE_PAGES (1u << LARGE_ORDER)

KIT_TEST(exchange_large)
{
    unsigned long *in = kit_pages_alloc(LARGE_PAGES / 512), *pfns = kit_pages_alloc(LARGE_PAGES / 512),
                  out = 1, done = 0, *page = kit_page_alloc();
    long before = current();

    CHECK_OR_RETURN(in && pfns);
    for (unsigned i = 0; i < LARGE_PAGES; i++) {
        pfns[i] = kit_pfn_alloc();
        CHECK_OR_RETURN(pfns[i] != ~0UL);
        in[i] = kit_p2m[pfns[i]];
    }
    for (unsigned order = 10; order < 24; order++) { /* the first page is nobody's */
        out = 0x100;
        CHECK_RC(exchange(&out, 1, order, in, 1UL << order, 0, 0, &done),
                 order > 18 ? -XEN_EPERM : -XEN_EINVAL);
        CHECK_RC(exchange(&out, 1UL << order, 0, in, 1, order, 0, &done),
                 order > 18 ? -XEN_EPERM : -XEN_EINVAL);
    }
    CHECK_EQ(done, 0);
    out = in[LARGE_PAGES - 1]; /* the last one is mapped: the others are put back */
    in[LARGE_PAGES - 1] = kit_mfn_of(page);
    CHECK_RC(exchange(in, LARGE_PAGES, 0, &out, 1, LARGE_ORDER, 0, &done), -XEN_EINVAL);
    CHECK_EQ(done, 0);
    in[LARGE_PAGES - 1] = kit_p2m[pfns[LARGE_PAGES - 1]];
    CHECK_EQ(current(), before);
    out = 0x300000;
    CHECK_RC(exchange(in, LARGE_PAGES, 0, &out, 1, LARGE_ORDER, 0, &done), 0);
    CHECK_EQ(done, LARGE_PAGES);
    CHECK_EQ(out & (LARGE_PAGES - 1), 0);
    CHECK_EQ(kit_m2p(out), 0x300000);
    CHECK_EQ(kit_m2p(out + LARGE_PAGES - 1), 0x300000 + LARGE_PAGES - 1);
    CHECK_EQ(current(), before);
    memcpy(in, pfns, LARGE_PAGES * sizeof(*in));
    CHECK_RC(exchange(&out, 1, LARGE_ORDER, in, LARGE_PAGES, 0, 0, &done), 0);
    CHECK_EQ(done, 1);
    for (unsigned i = 0; i < LARGE_PAGES; i++) {
        if (kit_m2p(in[i]) != pfns[i]) {
            CHECK_EQ(kit_m2p(in[i]), pfns[i]);
            break;
        }
        kit_p2m[pfns[i]] = in[i];
        kit_pfn_free(pfns[i]);
    }
    CHECK_EQ(current(), before);
    kit_pages_free(in, LARGE_PAGES / 512);
    kit_pages_free(pfns, LARGE_PAGES / 512);
    kit_page_free(page);
}

KIT_TEST(exchange_errors)
{
    unsigned long pfn = kit_pfn_alloc(), in = kit_p2m[pfn], out = pfn, done = 9, list[4] = {in};
    uint64_t *page = kit_page_alloc();
    struct xen_memory_exchange x;

    CHECK_RC(exchange(&in, 1, 0, &out, 2, 0, 0, &done), -XEN_EINVAL);
    CHECK_RC(exchange(&in, 1, 0, &out, 1UL << 60, 4, 0, &done), -XEN_EINVAL);
    CHECK_RC(exchange(&in, 0, 0, &out, 0, 0, 0, &done), 0);
    CHECK_RC(exchange((void *)0x1000, 1, 0, &out, 1, 0, 0, &done), -XEN_EFAULT);
    CHECK_EQ(done, 0);
    CHECK_RC(exchange(&in, 1, 20, &out, 1, 20, 0, &done),
             -XEN_EPERM); /* beyond the greatest order for domain 0 */
    CHECK_RC(exchange(&in, 1, 0, &out, 1, 0, XENMEMF_address_bits(12), &done), -XEN_ENOMEM);
    CHECK_RC(exchange(&in, 1, 0, &out, 1, 0, XENMEMF_address_bits(1), &done), -XEN_ENOMEM);
    list[0] = 0x100;
    CHECK_RC(exchange(list, 1, 0, &out, 1, 0, 0, &done), -XEN_EINVAL);
    list[0] = kit_mfn_of(page); /* mapped */
    CHECK_RC(exchange(list, 1, 0, &out, 1, 0, 0, &done), -XEN_EINVAL);
    list[0] = list[1] = in; /* the same twice */
    list[2] = list[3] = pfn;
    CHECK_RC(exchange(list, 2, 0, list + 2, 2, 0, 0, &done), -XEN_EINVAL);
    CHECK_EQ(kit_m2p(in), ~0UL); /* the first was done, and its new frame is in the list */
    CHECK_EQ(done, 1);
    kit_p2m[pfn] = in = list[2];
    CHECK_EQ(kit_m2p(in), pfn);
    x = (struct xen_memory_exchange){.in = res(&in, 1, 0), .out = res(&out, 1, 0)};
    x.in.domid = 77;
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), -XEN_EINVAL); /* they differ */
    x.out.domid = 77;
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), -XEN_ESRCH);
    x = (struct xen_memory_exchange){.in = res(&in, 1, 0), .out = res(&out, 1, 0), .nr_exchanged = 5};
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), -XEN_EINVAL);
    x.in.extent_order = 20; /* the orders are looked at first */
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), -XEN_EPERM);
    x.nr_exchanged = 1;
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), -XEN_EPERM);
    x.in.domid = 77;
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), -XEN_EPERM);
    x.in.domid = DOMID_SELF;
    x.in.extent_order = 0;
    x.out.extent_order = 20;
    x.nr_exchanged = 5;
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), -XEN_EPERM);
    x.out.extent_order = 0;
    x.nr_exchanged = 1; /* all done already */
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), 0);
    CHECK_EQ(kit_m2p(in), pfn);
    CHECK_RC(hcall_memory_op(XENMEM_exchange, (void *)0x1000), -XEN_EFAULT);
    kit_page_free(page);
    kit_pfn_free(pfn);
}

static long claim(unsigned domid, unsigned long pages)
{
    struct xen_memory_reservation r = res(NULL, pages, 0);

    r.domid = (domid_t)domid;
    return hcall_memory_op(XENMEM_claim_pages, &r);
}

/* DOMID_SELF is not understood here, and an unknown domain is -EINVAL too. */
KIT_TEST(claims)
{
    struct xen_memory_reservation r;
    unsigned long pages = (unsigned long)current(), x;

    CHECK_RC(claim(DOMID_SELF, 0), -XEN_EINVAL);
    CHECK_RC(claim(77, 0), -XEN_EINVAL);
    CHECK_RC(claim(0, 0), 0);
    CHECK_RC(claim(0, 1), -XEN_EINVAL); /* the domain's total is meant, and it has more */
    CHECK_RC(claim(0, pages), -XEN_EINVAL);
    CHECK_RC(claim(0, pages + 100), 0);
    CHECK_RC(claim(0, pages + 50), -XEN_EINVAL); /* there is one */
    CHECK_RC(claim(0, 0), 0);
    CHECK_RC(claim(0, pages + (1 << 20)), -XEN_ENOMEM);
    CHECK_RC(claim(0, 1UL << 40), -XEN_EINVAL);
    CHECK_RC(claim(0, 0), 0);
    r = res(NULL, 1, 1);
    r.domid = 0;
    CHECK_RC(hcall_memory_op(XENMEM_claim_pages, &r), -XEN_EINVAL);
    r = res(NULL, 1, 0);
    r.domid = 0;
    r.mem_flags = 1;
    CHECK_RC(hcall_memory_op(XENMEM_claim_pages, &r), -XEN_EINVAL);
    r = res(&x, 1, 0);
    r.domid = 0;
    CHECK_RC(hcall_memory_op(XENMEM_claim_pages, &r), -XEN_EINVAL);
    CHECK_RC(hcall_memory_op(XENMEM_claim_pages, (void *)0x1000), -XEN_EFAULT);
}
