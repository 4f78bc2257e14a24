/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the boot processor and the command line what spec_decide() is to decide from. */
#include "arch/x86/layout.h"
#include "arch/x86/patch.h"
#include "arch/x86/spec.h"
#include "arch/x86/split_root.h"
#include "core/options.h"
#include "hv/log.h"
#include <xen/arch-x86/cpufeatureset.h>

struct spec_policy spec_policy;
__section(".decided") uint16_t spec_verw_selector = HV_DS;

/* APM 2, 3.2.9 (AIBRSE); SDM 4, IA32_SPEC_CTRL. A guest has neither register, so what is set stays. */
void spec_apply(void)
{
    const struct spec_policy *p = &spec_policy;
    bool in_msr = p->ibrs && !p->automatic_ibrs;

    if (p->ibrs && p->automatic_ibrs)
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AIBRSE);
    if (in_msr || p->stibp)
        wrmsr(MSR_SPEC_CTRL, (in_msr ? SPEC_CTRL_IBRS : 0) | (p->stibp ? SPEC_CTRL_STIBP : 0));
}

static const char *for_whom(const struct spec_domains *to)
{
    return to->dom0 && to->domu ? "all domains"
           : to->dom0           ? "domain 0"
           : to->domu           ? "other domains"
                                : "nobody";
}

void spec_init(void)
{
    struct spec_options options = {option_string("spec-ctrl"), option_string("xpti"),
                                   option_string("pv-l1tf")};
    struct spec_policy *p = &spec_policy;
    struct spec_cpu cpu;
    const char *unknown;

    spec_read(&cpu, &host_policy, &cpu_features,
              cpu_policy_has(&host_policy, XEN_X86_FEATURE_ARCH_CAPS) ? rdmsr(MSR_ARCH_CAPABILITIES) : 0);
    spec_decide(p, &cpu, &options, &unknown);
    split_root_on = p->split_root.dom0 || p->split_root.domu;
    if (split_root_on)
        patch_enable(PATCH_SPLIT_ROOT);
    if (split_root_on || p->clear_buffers)
        patch_enable(PATCH_EXIT_WORK);
    if (p->fill_return_stack)
        patch_enable(PATCH_FILL_RETURN_STACK);
    if (p->clear_buffers)
        patch_enable(PATCH_CLEAR_BUFFERS);
    if (unknown)
        printk("Speculation: \"%s\" is not understood: ignored (see docs/design/speculation.md)\n", unknown);
    printk("Speculation: the processor is open to%s%s%s%s; split root for %s, L1TF rule for %s, IBPB %s, "
           "IBRS %s, STIBP %s, VERW %s, return stack filled: %s\n",
           p->meltdown ? " Meltdown" : "", p->l1tf ? " L1TF" : "", p->mds ? " MDS" : "",
           p->meltdown || p->l1tf || p->mds ? "" : " neither Meltdown nor L1TF nor MDS",
           for_whom(&p->split_root), for_whom(&p->l1tf_rule), p->ibpb ? "on" : "off", p->ibrs ? "on" : "off",
           p->stibp ? "on" : "off", p->clear_buffers ? "on" : "off", p->fill_return_stack ? "yes" : "no");
}
