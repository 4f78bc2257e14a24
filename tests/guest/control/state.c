/* SPDX-License-Identifier: MIT */
/* A vcpu's state beyond its context: callbacks of 32-bit system calls, machine check registers, extended processor state. */
#include <kit/arch/cpu.h>
#include <kit/audit.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

#define EXT   op.u.ext_vcpucontext
#define STATE op.u.vcpuextstate
#define BAD   ((uint64_t *)0x1000)

static struct xen_domctl op;
static domid_t id;

static long get_ext(unsigned domain, uint32_t vcpu)
{
    memset(&op, 0, sizeof(op));
    EXT.vcpu = vcpu;
    return kit_domctl(XEN_DOMCTL_get_ext_vcpucontext, domain, &op);
}

/* As a toolstack does it: what was got, with changes. */
#define SET_EXT(...)                                                                                         \
    ({                                                                                                       \
        CHECK_RC(get_ext(id, 0), 0);                                                                         \
        __VA_ARGS__;                                                                                         \
        kit_domctl(XEN_DOMCTL_set_ext_vcpucontext, id, &op);                                                 \
    })

KIT_TEST(extended_context)
{
    CHECK_OR_RETURN(!kit_domain_create(2, 16, &id));
    memset(&op, 0xff, sizeof(op));
    EXT.vcpu = 1;
    CHECK_RC(kit_domctl(XEN_DOMCTL_get_ext_vcpucontext, id, &op), 0);
    CHECK_EQ(EXT.size, sizeof(EXT));
    CHECK_EQ(EXT.syscall32_callback_eip | EXT.sysenter_callback_eip, 0);
    CHECK_EQ(EXT.syscall32_callback_cs | EXT.sysenter_callback_cs, 0);
    CHECK_EQ(EXT.syscall32_disables_events | EXT.sysenter_disables_events, 0);
    CHECK_EQ(EXT.vmce.caps & 0xff, 2); /* banks */
    CHECK_EQ(EXT.vmce.mci_ctl2_bank0 | EXT.vmce.mci_ctl2_bank1 | EXT.vmce.mcg_ext_ctl, 0);
    CHECK_RC(get_ext(id, 2), -XEN_ESRCH);
    CHECK_RC(get_ext(0, 0), -XEN_ESRCH); /* who asks */
    CHECK_RC(get_ext(0, 1), 0);

    CHECK_RC(SET_EXT(EXT.size = 0), -XEN_EINVAL);
    CHECK_RC(SET_EXT(EXT.size = 31), -XEN_EINVAL);
    CHECK_RC(SET_EXT(EXT.size = 1000000), 0);
    CHECK_RC(SET_EXT(EXT.vcpu = 2), -XEN_ESRCH);
    CHECK_RC(SET_EXT(EXT.sysenter_callback_eip = 0x800000000000), -XEN_EINVAL);
    CHECK_RC(SET_EXT(EXT.syscall32_callback_eip = 0x800000000000), -XEN_EINVAL);
    CHECK_RC(SET_EXT(EXT.vmce.caps = ~0UL), -XEN_EINVAL);
    CHECK_RC(SET_EXT(EXT.syscall32_callback_eip = 0x1234, EXT.sysenter_callback_eip = 0x5678,
                     EXT.sysenter_callback_cs = 0x10, EXT.syscall32_disables_events = 7),
             0);
    CHECK_RC(get_ext(id, 0), 0);
    CHECK_EQ(EXT.syscall32_callback_eip, 0x1234);
    CHECK_EQ(EXT.sysenter_callback_eip, 0x5678);
    CHECK_EQ(EXT.syscall32_callback_cs, 3);
    CHECK_EQ(EXT.sysenter_callback_cs, 0x13);
    CHECK_EQ(EXT.syscall32_disables_events, 1);
    CHECK_EQ(EXT.sysenter_disables_events, 0);
    /* Below the size of the machine check registers these are left alone, and what is refused changes nothing. */
    CHECK_RC(SET_EXT(EXT.size = 39, EXT.vmce.caps = ~0UL, EXT.sysenter_callback_eip = 0x9999), 0);
    CHECK_RC(SET_EXT(EXT.vmce.caps = ~0UL, EXT.sysenter_callback_eip = 0x7777), -XEN_EINVAL);
    CHECK_RC(get_ext(id, 0), 0);
    if (kit_on_xenios()) /* Xen has taken the callbacks by then */
        CHECK_EQ(EXT.sysenter_callback_eip, 0x9999);
    for (unsigned bit = 0; bit < 64; bit = bit == 7 ? 28 : bit + 1) {
        bool possible = bit < 8; /* of the bits between, some are there on Intel's processors only */

        CHECK_RC(SET_EXT(EXT.vmce.caps = 1UL << bit), possible ? 0 : -XEN_EINVAL);
        CHECK_RC(get_ext(id, 0), 0);
        CHECK(!possible || EXT.vmce.caps == 1UL << bit);
    }
    CHECK_RC(SET_EXT(EXT.vmce.caps = 2, EXT.vmce.mci_ctl2_bank0 = ~0UL, EXT.vmce.mci_ctl2_bank1 = 5,
                     EXT.vmce.mcg_ext_ctl = 1),
             0);
    CHECK_RC(get_ext(id, 0), 0);
    CHECK_EQ(EXT.vmce.mci_ctl2_bank0, ~0UL);
    CHECK_EQ(EXT.vmce.mci_ctl2_bank1, 5);
    CHECK_EQ(EXT.vmce.mcg_ext_ctl, 1);
    CHECK(kit_domain_gone(id));
}

static uint64_t area[1024] __attribute__((aligned(64)));

static long get_state(unsigned domain, uint32_t vcpu, uint64_t mask, uint64_t size, uint64_t *buffer)
{
    memset(&op, 0, sizeof(op));
    STATE.vcpu = vcpu;
    STATE.xfeature_mask = mask;
    STATE.size = size;
    set_xen_guest_handle(STATE.buffer, buffer);
    return kit_domctl(XEN_DOMCTL_getvcpuextstate, domain, &op);
}

static long set_state(unsigned domain, uint32_t vcpu, uint64_t size, uint64_t *buffer)
{
    memset(&op, 0, sizeof(op));
    STATE.vcpu = vcpu;
    STATE.size = size;
    set_xen_guest_handle(STATE.buffer, buffer);
    return kit_domctl(XEN_DOMCTL_setvcpuextstate, domain, &op);
}

/* Word n of the form for one call: 0 and 1 are XCR0 and all that was ever on, then the area; its header starts at word 66. */
static long set_with(unsigned n, uint64_t value)
{
    uint64_t was = area[n];
    long rc;

    area[n] = value;
    rc = set_state(id, 0, 592, area);
    area[n] = was;
    return rc;
}

KIT_TEST(extended_state)
{
    uint64_t mask, most;

    CHECK_OR_RETURN(!kit_domain_create(2, 16, &id));
    CHECK_RC(get_state(id, 0, 0, 0, NULL), 0);
    mask = STATE.xfeature_mask;
    most = STATE.size;
    kit_note("components %lx, %lu bytes", mask, most);
    CHECK(mask ? mask & 1 && most >= 592 : most == 16);
    /* This one has used nothing yet: two words say so. */
    CHECK_RC(get_state(id, 0, mask, most + 1, area), 0);
    CHECK_EQ(STATE.size, 16);
    CHECK_EQ(area[0] | area[1], 0);
    CHECK_RC(get_state(id, 0, mask, 15, area), -XEN_EINVAL);
    CHECK_RC(get_state(id, 0, mask ^ 1, most, area), -XEN_EINVAL);
    CHECK_RC(get_state(id, 0, mask, most, BAD), -XEN_EFAULT);
    CHECK_RC(get_state(id, 2, mask, most, area), -XEN_ESRCH);
    CHECK_RC(get_state(0, 0, mask, most, area), -XEN_EINVAL); /* who asks */
    CHECK_RC(set_state(0, 0, 16, area), -XEN_EINVAL);
    CHECK_RC(set_state(id, 2, 16, area), -XEN_ESRCH);
    CHECK_RC(set_state(id, 0, 15, area), -XEN_EINVAL);
    CHECK_RC(set_state(id, 0, 16, area), 0);
    CHECK_RC(set_state(id, 0, 17, area), -XEN_EINVAL);
    CHECK_RC(set_state(id, 0, most + 1, area), -XEN_EINVAL);
    CHECK_RC(set_state(id, 0, 592, area), -XEN_EINVAL);
    if (!mask)
        goto out;
    area[0] = 1;
    area[1] = 3;
    area[2] = 0x27f;
    area[2 + 3] = 0x1f80UL;
    area[2 + 20] = 0x1122334455667788; /* the first of the vectors */
    area[66] = 3;
    CHECK_RC(set_state(id, 0, 592, BAD), -XEN_EFAULT);
    CHECK_RC(set_state(id, 0, 591, area), -XEN_EINVAL);
    CHECK_RC(set_state(id, 0, 592, area), 0);
    CHECK_RC(set_with(0, 0), -XEN_EINVAL); /* x87 is always on */
    CHECK_RC(set_with(0, 2), -XEN_EINVAL);
    CHECK_RC(set_with(0, 7), -XEN_EINVAL); /* more than ever was */
    CHECK_RC(set_with(0, 1UL << 40), -XEN_EINVAL);
    CHECK_RC(set_with(1, 0), -XEN_EINVAL);
    CHECK_RC(set_with(1, 1), -XEN_EINVAL);
    CHECK_RC(set_with(1, 1UL << 40), -XEN_EINVAL);
    CHECK_RC(set_with(66, 7), -XEN_EINVAL);
    CHECK_RC(set_with(67, 1), -XEN_EOPNOTSUPP);
    CHECK_RC(set_with(68, 1), -XEN_EIO);
    CHECK_RC(set_with(2 + 3, ~0UL), 0); /* what is reserved in MXCSR is not taken */
    CHECK_RC(set_with(0, 3), 0);
    memset(area, 0, sizeof(area));
    CHECK_RC(get_state(id, 0, mask, 591, area), -XEN_EINVAL);
    CHECK_RC(get_state(id, 0, mask, most, area), 0);
    CHECK_EQ(STATE.size, 592);
    CHECK_EQ(area[0], 3);
    CHECK_EQ(area[1], 3);
    CHECK_EQ(area[2], 0x27f);
    CHECK_EQ(area[2 + 20], 0x1122334455667788);
    CHECK_EQ(area[66], 3);
out:
    CHECK(kit_domain_gone(id));
}

/* Two who ask for each other's state: each has to stop the other first. */
static uint64_t asked[2];

static void ask_for(void *other)
{
    struct xen_domctl mine = {.cmd = XEN_DOMCTL_get_ext_vcpucontext,
                              .interface_version = XEN_DOMCTL_INTERFACE_VERSION};
    uint32_t vcpu = (uint32_t)(uintptr_t)other;

    for (unsigned i = 0; i < 2000; i++) {
        mine.u.ext_vcpucontext.vcpu = vcpu;
        asked[!vcpu] += !kit_hypercall1(__HYPERVISOR_domctl, (uintptr_t)&mine);
    }
}

KIT_TEST(each_others_state)
{
    KIT_NEEDS_VCPUS(2);
    asked[0] = asked[1] = 0;
    CHECK_OR_RETURN(!kit_vcpu_run(1, ask_for, (void *)0));
    ask_for((void *)1);
    CHECK(kit_vcpu_join(1, 20 * KIT_S));
    CHECK_EQ(asked[0], 2000);
    CHECK_EQ(asked[1], 2000);
}

/* And one who asks for the state of a vcpu on whose processor the audit wants everybody to stop. */
static bool enough;

static void ask_until_enough(void *unused)
{
    (void)unused;
    do
        ask_for((void *)0);
    while (!READ_ONCE(enough));
}

KIT_TEST(state_during_audit)
{
    KIT_NEEDS_VCPUS(2);
    if (!kit_on_xenios())
        return;
    enough = false;
    asked[1] = 0;
    CHECK_OR_RETURN(!kit_vcpu_run(1, ask_until_enough, NULL));
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQ(kit_audit(), 0);
    __atomic_store_n(&enough, true, __ATOMIC_SEQ_CST);
    CHECK(kit_vcpu_join(1, 20 * KIT_S));
    CHECK(asked[1] >= 2000);
}
