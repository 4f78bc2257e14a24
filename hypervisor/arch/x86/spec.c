/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processors are open to what: SDM 4, IA32_ARCH_CAPABILITIES (what is not denied there is taken for true), and Intel's list of affected
 * processors, by CPUID signature. AMD's and Hygon's have none of the three.
 */
#include "arch/x86/spec.h"
#include "hv/bitops.h"
#include "hv/string.h"
#include <xen/arch-x86/cpufeatureset.h>

#define ARCH_RDCL_NO  (1U << 0)
#define ARCH_IBRS_ALL (1U << 1) /* IBRS may stay set: it then holds for whatever is trained later, too */
#define ARCH_MDS_NO   (1U << 5)

/* Models of family 6 that are in order or keep faulting loads' data to themselves. */
#define NOT_MELTDOWN 1
#define NOT_L1TF     2
#define NOT_MDS      4

static const struct {
    uint8_t model, immune_to;
} intel_models[] = {
    {0x1c, NOT_MELTDOWN | NOT_L1TF | NOT_MDS}, /* Bonnell */
    {0x26, NOT_MELTDOWN | NOT_L1TF | NOT_MDS},
    {0x27, NOT_MELTDOWN | NOT_L1TF | NOT_MDS}, /* Saltwell */
    {0x35, NOT_MELTDOWN | NOT_L1TF | NOT_MDS},
    {0x36, NOT_MELTDOWN | NOT_L1TF | NOT_MDS},
    {0x37, NOT_L1TF}, /* Silvermont */
    {0x4a, NOT_L1TF},
    {0x4d, NOT_L1TF},
    {0x5a, NOT_L1TF},
    {0x5d, NOT_L1TF},
    {0x4c, NOT_L1TF}, /* Airmont */
    {0x75, NOT_L1TF},
    {0x57, NOT_L1TF}, /* Knights Landing, Knights Mill */
    {0x85, NOT_L1TF},
    {0x5c, NOT_L1TF | NOT_MDS}, /* Goldmont and Goldmont Plus */
    {0x5f, NOT_L1TF | NOT_MDS},
    {0x7a, NOT_L1TF | NOT_MDS},
};

/* Family and model: SDM 2A, CPUID, figure 3-6; APM 3, E.3.2. */
void spec_read(struct spec_cpu *cpu, const struct cpu_policy *host, const struct cpu_features *features,
               uint64_t arch_capabilities)
{
    uint32_t signature = host->basic[1].a, family = signature >> 8 & 15;

    *cpu = (struct spec_cpu){
        .vendor = host->vendor,
        .family = family + (family == 15 ? signature >> 20 & 255 : 0),
        .model = (signature >> 4 & 15) | (signature >> 16 & 15) << 4,
        .ibpb = cpu_policy_has(host, XEN_X86_FEATURE_IBRSB) || cpu_policy_has(host, XEN_X86_FEATURE_IBPB),
        .ibrs = cpu_policy_has(host, XEN_X86_FEATURE_IBRSB),
        .stibp =
            cpu_policy_has(host, XEN_X86_FEATURE_STIBP) || cpu_policy_has(host, XEN_X86_FEATURE_AMD_STIBP),
        .automatic_ibrs = cpu_policy_has(host, XEN_X86_FEATURE_AUTO_IBRS),
        .md_clear = cpu_policy_has(host, XEN_X86_FEATURE_MD_CLEAR),
        .smep = features->smep,
        .arch_capabilities = arch_capabilities,
    };
}

static uint8_t model_is_immune_to(const struct spec_cpu *cpu)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(intel_models); i++)
        if (cpu->family == 6 && intel_models[i].model == cpu->model)
            return intel_models[i].immune_to;
    return 0;
}

static void find_weaknesses(struct spec_policy *p, const struct spec_cpu *cpu)
{
    uint8_t immune_to = model_is_immune_to(cpu);
    bool rdcl = !(cpu->arch_capabilities & ARCH_RDCL_NO);

    if (cpu->vendor == VENDOR_AMD)
        return;
    p->meltdown = rdcl && !(immune_to & NOT_MELTDOWN);
    p->l1tf = rdcl && !(immune_to & NOT_L1TF);
    p->mds = !(cpu->arch_capabilities & ARCH_MDS_NO) && !(immune_to & NOT_MDS);
}

/* One word of a list, `length` characters at `word`. */
struct word {
    const char *at;
    size_t length;
};

static bool word_is(const struct word *w, const char *name)
{
    return strlen(name) == w->length && strncmp(w->at, name, w->length) == 0;
}

/* 1, 0, or -1: not a truth value. */
static int truth(const struct word *w)
{
    static const char *const yes[] = {"1", "yes", "on", "true", "enable"}, *const no[] = {"0", "no", "off",
                                                                                          "false", "disable"};

    for (unsigned int i = 0; i < ARRAY_SIZE(yes); i++) {
        if (word_is(w, yes[i]))
            return 1;
        if (word_is(w, no[i]))
            return 0;
    }
    return -1;
}

/* `name`, `no-name` or `name=truth`: 1 or 0; -1: another word. */
static int setting(const struct word *w, const char *name)
{
    size_t length = strlen(name);
    struct word value = {w->at + length + 1, w->length - length - 1}, rest = {w->at + 3, w->length - 3};

    if (word_is(w, name))
        return 1;
    if (w->length > 3 && strncmp(w->at, "no-", 3) == 0 && word_is(&rest, name))
        return 0;
    if (w->length > length + 1 && strncmp(w->at, name, length) == 0 && w->at[length] == '=')
        return truth(&value);
    return -1;
}

static bool next_word(const char **list, struct word *w)
{
    const char *at = *list;

    while (*at == ',')
        at++;
    w->at = at;
    while (*at && *at != ',')
        at++;
    w->length = (size_t)(at - w->at);
    *list = at;
    return w->length > 0;
}

/* "dom0=BOOL,domu=BOOL", or one truth value for both. */
static void read_domains(struct spec_domains *to, const char *list, const char **unknown)
{
    struct word w;

    while (list && next_word(&list, &w)) {
        int both = truth(&w), dom0 = setting(&w, "dom0"), domu = setting(&w, "domu");

        if (both >= 0)
            to->dom0 = to->domu = both;
        else if (dom0 >= 0)
            to->dom0 = dom0;
        else if (domu >= 0)
            to->domu = domu;
        else if (!word_is(&w, "default"))
            *unknown = *unknown ?: w.at;
    }
}

static void switch_ours_off(struct spec_policy *p)
{
    p->ibpb = p->ibrs = p->stibp = p->clear_buffers = p->fill_return_stack = false;
}

static void switch_all_off(struct spec_policy *p)
{
    switch_ours_off(p);
    p->split_root = p->l1tf_rule = (struct spec_domains){false, false};
}

/* The other kind of IBRS has to be set anew on every entry, which costs more than the retpolines that do the same. */
static bool ibrs_can_stay(const struct spec_cpu *cpu)
{
    return cpu->automatic_ibrs || (cpu->ibrs && cpu->arch_capabilities & ARCH_IBRS_ALL);
}

static void read_spec_ctrl(struct spec_policy *p, const struct spec_cpu *cpu, const char *list,
                           const char **unknown)
{
    struct word w;
    int on;

    while (list && next_word(&list, &w)) {
        if (truth(&w) == 0)
            switch_all_off(p);
        else if ((on = setting(&w, "xen")) == 0)
            switch_ours_off(p);
        else if ((on = setting(&w, "ibpb")) >= 0)
            p->ibpb = on && cpu->ibpb;
        else if ((on = setting(&w, "ibrs")) >= 0)
            p->ibrs = on && ibrs_can_stay(cpu);
        else if ((on = setting(&w, "stibp")) >= 0)
            p->stibp = on && cpu->stibp;
        else if ((on = setting(&w, "md-clear")) >= 0)
            p->clear_buffers = on && cpu->md_clear;
        else if ((on = setting(&w, "rsb")) >= 0)
            p->fill_return_stack = on;
        else if (truth(&w) < 0 && setting(&w, "xen") < 0 && setting(&w, "eager-fpu") != 1 &&
                 !word_is(&w, "bti-thunk=retpoline"))
            *unknown = *unknown ?: w.at;
    }
}

void spec_decide(struct spec_policy *p, const struct spec_cpu *cpu, const struct spec_options *options,
                 const char **unknown)
{
    *p = (struct spec_policy){0};
    *unknown = NULL;
    find_weaknesses(p, cpu);
    p->ibpb = cpu->ibpb;
    p->ibrs = ibrs_can_stay(cpu);
    p->automatic_ibrs = cpu->automatic_ibrs;
    p->clear_buffers = p->mds && cpu->md_clear;
    p->fill_return_stack = !cpu->smep;
    p->split_root = (struct spec_domains){p->meltdown, p->meltdown};
    /* Domain 0 has all of memory anyway, and an old kernel there would not boot. */
    p->l1tf_rule = (struct spec_domains){false, p->l1tf};
    read_spec_ctrl(p, cpu, options->spec_ctrl, unknown);
    read_domains(&p->split_root, options->xpti, unknown);
    read_domains(&p->l1tf_rule, options->pv_l1tf, unknown);
}
