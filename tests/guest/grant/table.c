/* SPDX-License-Identifier: MIT */
/*
 * The table itself: its size, setting it up, its versions.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M
 */
#include "grant.h"

/* In the order in which a fresh domain finds it: the first of the area. */
KIT_TEST(size_at_first)
{
    struct gnttab_query_size q = {.dom = DOMID_SELF, .status = 99};
    struct gnttab_get_version v = {.dom = DOMID_SELF, .version = 99};

    CHECK_RC(grant_op(GNTTABOP_query_size, &q, 1), 0);
    CHECK_EQ(q.status, GNTST_okay);
    CHECK(q.nr_frames == 1 || q.nr_frames == GRANT_FRAMES); /* tests that ran before may have made it grow */
    CHECK_EQ(q.max_nr_frames, 64);
    q.dom = 0;
    q.status = 99;
    CHECK_RC(grant_op(GNTTABOP_query_size, &q, 1), 0);
    CHECK_EQ(q.status, GNTST_okay);
    CHECK_RC(grant_op(GNTTABOP_get_version, &v, 1), 0);
    CHECK_EQ(v.version, 1);
    v.dom = 77;
    CHECK_RC(grant_op(GNTTABOP_get_version, &v, 1), -XEN_ESRCH);
    v.dom = DOMID_IO;
    CHECK_RC(grant_op(GNTTABOP_get_version, &v, 1), -XEN_ESRCH);
    CHECK_RC(grant_op(GNTTABOP_get_version, (void *)0x1000, 1), -XEN_EFAULT);
    v.dom = 0;
    CHECK_RC(grant_op(GNTTABOP_get_version, &v, 2), 0); /* nobody looks at the count */
    CHECK_RC(grant_op(GNTTABOP_get_version, &v, 0), 0);
    q.dom = 77;
    CHECK_RC(grant_op(GNTTABOP_query_size, &q, 1), 0);
    CHECK_EQ(q.status, GNTST_bad_domain);
    CHECK_RC(grant_op(GNTTABOP_query_size, &q, 2), -XEN_EINVAL);
    CHECK_RC(grant_op(GNTTABOP_query_size, &q, 0), -XEN_EINVAL);
    CHECK_RC(grant_op(GNTTABOP_query_size, (void *)0x1000, 1), -XEN_EFAULT);
}

KIT_TEST(unknown_commands)
{
    uint64_t space[8] = {0};

    CHECK_RC(grant_op(13, space, 1), -XEN_ENOSYS);
    CHECK_RC(grant_op(200, space, 1), -XEN_ENOSYS);
    CHECK_RC(grant_op(GNTTABOP_dump_table, space, 1), -XEN_ENOSYS);
    CHECK_RC(grant_op(200, space, 0x80000000u), -XEN_EINVAL);
    CHECK_RC(grant_op(GNTTABOP_query_size, space, 0x80000000u), -XEN_EINVAL);
    CHECK_RC(grant_op(13, (void *)0x1000, 0), -XEN_ENOSYS);
}

KIT_TEST(setup)
{
    static uint64_t list[70];
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 2, .status = 99};
    struct gnttab_query_size q = {.dom = DOMID_SELF, .status = 99};

    set_xen_guest_handle(s.frame_list, list);
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    CHECK(list[0] && list[1] && !list[2] && list[0] != list[1]);
    CHECK_RC(grant_op(GNTTABOP_query_size, &q, 1), 0);
    CHECK_EQ(q.nr_frames, 2);
    s.nr_frames = 1; /* fewer: it does not shrink */
    list[0] = list[1] = 0;
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    CHECK(list[0] && !list[1]);
    CHECK_RC(grant_op(GNTTABOP_query_size, &q, 1), 0);
    CHECK_EQ(q.nr_frames, 2);
    s.nr_frames = 0;
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    s.nr_frames = 65;
    s.status = 99;
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_general_error);
    s.nr_frames = 65;
    s.dom = 77;
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    s.nr_frames = 1;
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_bad_domain);
    s.dom = 0;
    s.status = 99;
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    set_xen_guest_handle(s.frame_list, (void *)0x1000);
    s.status = 99;
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_bad_virt_addr);
    s.status = 99;
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 2), -XEN_EINVAL);
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 0), -XEN_EINVAL);
    CHECK_RC(grant_op(GNTTABOP_setup_table, (void *)0x1000, 1), -XEN_EFAULT);
    s.nr_frames = 64;
    set_xen_guest_handle(s.frame_list, list);
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    CHECK(list[63] && list[63] != list[62] && !list[64]);
}

/* The guest maps the frames, finds them zero, and writes them. */
KIT_TEST(mapped)
{
    CHECK_OR_RETURN(grant_table_map());
    for (unsigned i = 512; i < 1024; i++) /* those that no test uses */
        CHECK_OR_RETURN(grant_v1[i].flags == 0 && grant_v1[i].domid == 0 && grant_v1[i].frame == 0);
    grant_v1[511].frame = 5;
    CHECK_EQ(grant_v1[511].frame, 5);
    grant_v1[511].frame = 0;
}

KIT_TEST(versions)
{
    struct gnttab_set_version v = {.version = 3};
    struct gnttab_get_version g = {.dom = DOMID_SELF};
    static uint64_t list[16];
    struct gnttab_get_status_frames s = {.dom = DOMID_SELF, .nr_frames = 1, .status = 99};

    CHECK_OR_RETURN(grant_table_map());
    CHECK_RC(grant_op(GNTTABOP_set_version, &v, 1), -XEN_EINVAL);
    v.version = 0;
    CHECK_RC(grant_op(GNTTABOP_set_version, &v, 1), -XEN_EINVAL);
    v.version = 1;
    CHECK_RC(grant_op(GNTTABOP_set_version, &v, 2), 0);
    CHECK_RC(grant_op(GNTTABOP_set_version, (void *)0x1000, 1), -XEN_EFAULT);
    CHECK_RC(grant_op(GNTTABOP_set_version, &v, 1), 0);
    CHECK_EQ(v.version, 1);
    set_xen_guest_handle(s.frame_list, list);
    CHECK_RC(grant_op(GNTTABOP_get_status_frames, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_general_error);
    /* The first eight entries survive, the others do not. */
    for (unsigned i = 0; i < 12; i++)
        grant_v1[i] =
            (struct grant_entry_v1){.domid = (domid_t)(100 + i),
                                    .frame = 7 + i,
                                    .flags = i == 3 ? GTF_accept_transfer : GTF_permit_access | GTF_readonly};
    v.version = 2;
    CHECK_RC(grant_op(GNTTABOP_set_version, &v, 1), 0);
    CHECK_EQ(v.version, 2);
    CHECK_RC(grant_op(GNTTABOP_get_version, &g, 1), 0);
    CHECK_EQ(g.version, 2);
    for (unsigned i = 0; i < 8; i++)
        kit_check(grant_v2[i].hdr.domid == 100 + i && grant_v2[i].full_page.frame == 7 + i &&
                      grant_v2[i].hdr.flags ==
                          (i == 3 ? GTF_accept_transfer : GTF_permit_access | GTF_readonly),
                  __FILE__, __LINE__, "entry %u: %x %u %lx", i, grant_v2[i].hdr.flags, grant_v2[i].hdr.domid,
                  grant_v2[i].full_page.frame);
    for (unsigned i = 8; i < 256; i++)
        CHECK_OR_RETURN(grant_v2[i].hdr.flags == 0 && grant_v2[i].full_page.frame == 0);
    CHECK_RC(grant_op(GNTTABOP_get_status_frames, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    CHECK(list[0]);
    s.nr_frames = 8;
    CHECK_RC(grant_op(GNTTABOP_get_status_frames, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    CHECK(list[7] && !list[8]);
    s.nr_frames = 9;
    CHECK_RC(grant_op(GNTTABOP_get_status_frames, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_general_error);
    s.dom = 77;
    s.nr_frames = 1;
    CHECK_RC(grant_op(GNTTABOP_get_status_frames, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_bad_domain);
    s.dom = 0;
    set_xen_guest_handle(s.frame_list, (void *)0x1000);
    CHECK_RC(grant_op(GNTTABOP_get_status_frames, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_bad_virt_addr);
    CHECK_RC(grant_op(GNTTABOP_get_status_frames, &s, 2), -XEN_EINVAL);
    CHECK_RC(grant_op(GNTTABOP_get_status_frames, (void *)0x1000, 1), -XEN_EFAULT);
    v.version = 1;
    CHECK_RC(grant_op(GNTTABOP_set_version, &v, 1), 0);
    CHECK(!grant_v1[3].flags && !grant_v1[3].domid &&
          !grant_v1[3].frame); /* only GTF_permit_access comes back */
    for (unsigned i = 0; i < 8; i++)
        kit_check(i == 3 || (grant_v1[i].domid == 100 + i && grant_v1[i].frame == 7 + i &&
                             grant_v1[i].flags == (GTF_permit_access | GTF_readonly)),
                  __FILE__, __LINE__, "entry %u: %x %u %x", i, grant_v1[i].flags, grant_v1[i].domid,
                  grant_v1[i].frame);
    for (unsigned i = 8; i < 512; i++)
        CHECK_OR_RETURN(grant_v1[i].flags == 0 && grant_v1[i].frame == 0);
    for (unsigned i = 0; i < 8; i++)
        grant_v1[i] = (struct grant_entry_v1){0};
}

/* Back to version 1: what it cannot say of the first entries is an error, and nothing has changed then; what grants nobody a page is dropped. */
KIT_TEST(version_1_again)
{
    static const struct {
        uint16_t flags;
        uint64_t frame;
        int rc;
        uint16_t then;
    } cases[] = {
        {GTF_permit_access, 7, 0, GTF_permit_access},
        {GTF_permit_access, UINT32_MAX, 0, GTF_permit_access},
        {GTF_permit_access, UINT32_MAX + 1UL, -XEN_ERANGE, GTF_permit_access},
        {GTF_permit_access | GTF_sub_page, 7, 0, GTF_permit_access | GTF_sub_page},
        {GTF_permit_access | GTF_sub_page, UINT32_MAX + 1UL, -XEN_ERANGE, GTF_permit_access | GTF_sub_page},
        {GTF_transitive, 0, -XEN_ERANGE, GTF_transitive},
        {GTF_accept_transfer, UINT32_MAX + 1UL, 0, 0},
        {GTF_invalid, UINT32_MAX + 1UL, 0, 0},
    };
    struct gnttab_set_version v = {.version = 2};

    CHECK_OR_RETURN(grant_table_map());
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        v.version = 2;
        CHECK_RC(grant_op(GNTTABOP_set_version, &v, 1), 0);
        grant_v2[5].hdr.domid = 1;
        grant_v2[5].full_page.frame = cases[i].frame;
        grant_v2[5].hdr.flags = cases[i].flags;
        v.version = 1;
        CHECK_RC(grant_op(GNTTABOP_set_version, &v, 1), cases[i].rc);
        CHECK_EQ(v.version, cases[i].rc ? 2 : 1);
        CHECK_EQ(cases[i].rc ? grant_v2[5].hdr.flags : grant_v1[5].flags, cases[i].then);
        if (cases[i].rc) {
            grant_v2[5].hdr.flags = 0;
            v.version = 1;
            CHECK_RC(grant_op(GNTTABOP_set_version, &v, 1), 0);
        }
        grant_v1[5] = (struct grant_entry_v1){0};
    }
}
