/* SPDX-License-Identifier: MIT */
/*
 * Every number of domctl and sysctl, known or not, with arguments that say nothing (all bits 0) and too much (all bits 1): which error tells a toolstack what is the matter, also
 * where the thing is absent. answers.inc is recorded from Debian's Xen; the guest prints its lines when started with `record`: run.py --guest-args record --debug control/sweep.
 * GUEST-GROUP: smp=2 mem=512 dom0=256M timeout=170 qemu=-device;edu
 */
#include <kit/args.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/print.h>
#include <kit/string.h>
#include <kit/test.h>

enum { LAST_LOW = 90, FIRST_HIGH = 999, LAST_HIGH = 1004, LAST_SYSCTL = 32 };
enum column { ZEROS, ONES, NO_DOMAIN, SELF, COLUMNS };

static const char *const column_names[COLUMNS] = {"zeros", "ones", "a domain that is not there",
                                                  "zeros for itself"};
static const struct { /* in order of number */
    int16_t number, rc[COLUMNS];
} domctls[] = {
#include "domctl.inc"
};
static const struct { /* in order of number */
    int16_t number, rc[2];
} sysctls[] = {
#include "sysctl.inc"
};

/* All but the head, which the kit writes. */
static long domctl(unsigned cmd, unsigned domain, int byte)
{
    struct xen_domctl op;

    memset(&op, byte, sizeof(op));
    return kit_domctl(cmd, domain, &op);
}

static long sysctl(unsigned cmd, int byte)
{
    struct xen_sysctl op;

    memset(&op, byte, sizeof(op));
    return kit_sysctl(cmd, &op);
}

/* Nothing that would change domain 0, or what is the subject of another test. */
static bool leave_itself_alone(unsigned cmd)
{
    return cmd == XEN_DOMCTL_max_mem || cmd == XEN_DOMCTL_settimeoffset ||
           cmd == XEN_DOMCTL_setdomainhandle || cmd == XEN_DOMCTL_setvcpucontext ||
           cmd == XEN_DOMCTL_sendtrigger || cmd == XEN_DOMCTL_irq_permission;
}

static void row(unsigned cmd, int16_t rc[COLUMNS])
{
    domid_t id;

    CHECK_OR_RETURN(!kit_domain_create(1, 16, &id));
    rc[ZEROS] = (int16_t)domctl(cmd, id, 0);
    if (cmd == XEN_DOMCTL_destroydomain) {
        kit_domain_gone(id);
        CHECK_OR_RETURN(!kit_domain_create(1, 16, &id));
    }
    rc[ONES] = (int16_t)domctl(cmd, id, 0xff);
    if (cmd == XEN_DOMCTL_createdomain) { /* of which the number is an argument */
        rc[NO_DOMAIN] = (int16_t)domctl(cmd, 4321, 0);
        rc[SELF] = (int16_t)domctl(cmd, 0, 0);
    } else {
        rc[NO_DOMAIN] = (int16_t)domctl(cmd, 4321, 0);
        rc[SELF] = leave_itself_alone(cmd) ? 0 : (int16_t)domctl(cmd, 0, 0);
    }
    CHECK(kit_domain_gone(id));
}

KIT_TEST(domctl_sweep)
{
    bool record = kit_arg_flag("record");
    int16_t rc[COLUMNS] = {0};
    unsigned at = 0;

    for (unsigned cmd = 0; cmd <= LAST_HIGH; cmd = cmd == LAST_LOW ? FIRST_HIGH : cmd + 1, at++) {
        row(cmd, rc);
        if (record) {
            kit_printf("RECORD {%u, {%d, %d, %d, %d}},\n", cmd, rc[0], rc[1], rc[2], rc[3]);
            continue;
        }
        CHECK_OR_RETURN(at < ARRAY_SIZE(domctls) && domctls[at].number == (int)cmd);
        for (unsigned i = 0; i < COLUMNS; i++)
            kit_check(rc[i] == domctls[at].rc[i], __FILE__, __LINE__, "domctl %u, %s: got %d (%s), wanted %d",
                      cmd, column_names[i], rc[i], kit_errno_name(rc[i]), domctls[at].rc[i]);
    }
}

/* Debian's Xen has these, and Xenios does not: it answers as a Xen that was built without. */
static bool is_not_there(unsigned cmd)
{
    return cmd == XEN_SYSCTL_tbuf_op || cmd == XEN_SYSCTL_page_offline_op || cmd == XEN_SYSCTL_livepatch_op;
}

KIT_TEST(sysctl_sweep)
{
    bool record = kit_arg_flag("record");

    for (unsigned cmd = 0; cmd <= LAST_SYSCTL; cmd++) {
        int16_t rc[2] = {(int16_t)sysctl(cmd, 0), (int16_t)sysctl(cmd, 0xff)};

        if (record) {
            kit_printf("RECORD {%u, {%d, %d}},\n", cmd, rc[0], rc[1]);
            continue;
        }
        CHECK_OR_RETURN(cmd < ARRAY_SIZE(sysctls) && sysctls[cmd].number == (int)cmd);
        if (kit_on_xenios() && is_not_there(cmd))
            continue;
        for (unsigned i = 0; i < 2; i++)
            kit_check(rc[i] == sysctls[cmd].rc[i], __FILE__, __LINE__,
                      "sysctl %u, %s: got %d (%s), wanted %d", cmd, column_names[i], rc[i],
                      kit_errno_name(rc[i]), sysctls[cmd].rc[i]);
    }
}
