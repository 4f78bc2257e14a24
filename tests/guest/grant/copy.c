/* SPDX-License-Identifier: MIT */
/* GNTTABOP_copy, both ways, and its errors. */
#include "grant.h"

static int copy(struct gnttab_copy c)
{
    c.status = 99;
    CHECK_RC(grant_op(GNTTABOP_copy, &c, 1), 0);
    return c.status;
}

static char *mine;
static struct gnttab_copy to, from;

static bool prepare(void)
{
    if (!grant_prepare())
        return false;
    if (!mine)
        mine = kit_page_alloc();
    to = (struct gnttab_copy){.source = {.u.gmfn = kit_mfn_of(mine), .domid = DOMID_SELF},
                              .dest = {.u.ref = REF, .domid = 0},
                              .len = 8,
                              .flags = GNTCOPY_dest_gref};
    from = (struct gnttab_copy){.dest = {.u.gmfn = kit_mfn_of(mine), .domid = DOMID_SELF},
                                .source = {.u.ref = REF, .domid = 0},
                                .len = 8,
                                .flags = GNTCOPY_source_gref};
    grant(REF, 0, granted_mfn, GTF_permit_access);
    return true;
}

KIT_TEST(copy_both_ways)
{
    struct gnttab_copy c;

    CHECK_OR_RETURN(prepare());
    memcpy(mine, "to there", 8);
    CHECK_EQ(copy(to), GNTST_okay);
    CHECK(!memcmp(granted, "to there", 8));
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    memcpy(granted + 4088, "the end.", 8);
    c = from, c.source.offset = 4088, c.dest.offset = 17;
    CHECK_EQ(copy(c), GNTST_okay);
    CHECK(!memcmp(mine + 17, "the end.", 8));
    c = from, c.source.domid = DOMID_SELF; /* here it is a name */
    CHECK_EQ(copy(c), GNTST_okay);
    CHECK(!memcmp(mine, "to there", 8));
    memcpy(mine, "by frame", 8);
    c = to, c.flags = 0, c.dest.u.gmfn = granted_mfn, c.dest.domid = DOMID_SELF;
    CHECK_EQ(copy(c), GNTST_okay);
    CHECK(!memcmp(granted, "by frame", 8));
    c = from, c.flags = 3, c.dest = c.source, c.dest.offset = 100;
    CHECK_EQ(copy(c), GNTST_okay);
    CHECK(!memcmp(granted + 100, "by frame", 8));
    c = from, c.flags = (uint16_t)0xff01; /* other bits are nobody's */
    CHECK_EQ(copy(c), GNTST_okay);
    grant(REF, 0, granted_mfn, GTF_permit_access | GTF_readonly);
    CHECK_EQ(copy(from), GNTST_okay);
    CHECK_EQ(copy(to), GNTST_general_error);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_readonly);
}

/* In version 1 nothing says which part: for a copy it is the whole page, for a mapping it is an error. */
KIT_TEST(copy_sub_page_of_version_1)
{
    struct gnttab_copy c;

    CHECK_OR_RETURN(prepare());
    grant(REF, 0, granted_mfn, GTF_permit_access | GTF_sub_page);
    memcpy(mine, "to there", 8);
    c = to, c.dest.offset = 4088;
    CHECK_EQ(copy(c), GNTST_okay);
    CHECK(!memcmp(granted + 4088, "to there", 8));
    memset(mine, 0, 8);
    c = from, c.source.offset = 4088;
    CHECK_EQ(copy(c), GNTST_okay);
    CHECK(!memcmp(mine, "to there", 8));
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_sub_page);
}

KIT_TEST(copy_errors)
{
    struct gnttab_copy c;

    CHECK_OR_RETURN(prepare());
    c = from, c.dest.offset = 4090;
    CHECK_EQ(copy(c), GNTST_bad_copy_arg);
    c = from, c.source.offset = 4090;
    CHECK_EQ(copy(c), GNTST_bad_copy_arg);
    c = from, c.len = 0, c.source.offset = 4096;
    CHECK_EQ(copy(c), GNTST_okay);
    c.source.offset = 4097;
    CHECK_EQ(copy(c), GNTST_bad_copy_arg);
    c = from, c.dest.domid = 0; /* frames are named by DOMID_SELF alone */
    CHECK_EQ(copy(c), GNTST_permission_denied);
    c.dest.domid = 77;
    CHECK_EQ(copy(c), GNTST_bad_domain);
    c = from, c.source.domid = 77;
    CHECK_EQ(copy(c), GNTST_bad_domain);
    c = from, c.source.u.ref = 100000;
    CHECK_EQ(copy(c), GNTST_bad_gntref);
    c = from, c.source.u.ref = REF + 1;
    CHECK_EQ(copy(c), GNTST_general_error);
    c = from, c.dest.u.gmfn = kit_root_mfn; /* a page table may be read */
    CHECK_EQ(copy(c), GNTST_general_error);
    c = to, c.source.u.gmfn = kit_root_mfn;
    CHECK_EQ(copy(c), GNTST_okay);
    c = from, c.dest.u.gmfn = 0xfffffff;
    CHECK_EQ(copy(c), GNTST_bad_page);
    c = to, c.source.u.gmfn = 0xfffffff;
    CHECK_EQ(copy(c), GNTST_bad_page);
    grant(REF, 5, granted_mfn, GTF_permit_access);
    CHECK_EQ(copy(from), GNTST_general_error);
    grant(REF, 0, 0xfffffff, GTF_permit_access);
    CHECK_EQ(copy(from), GNTST_bad_page);
    CHECK_EQ(copy(to), GNTST_bad_page);
    grant(REF, 0, kit_root_mfn, GTF_permit_access);
    CHECK_EQ(copy(to), GNTST_general_error);
    CHECK_EQ(copy(from), GNTST_okay);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
}
