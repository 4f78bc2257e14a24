/* SPDX-License-Identifier: MIT */
#include <kit/args.h>
#include <kit/audit.h>
#include <kit/hypercall.h>
#include <kit/lock.h>
#include <kit/print.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/trap.h>
#include <kit/vcpu.h>

#define MAX_REPORTS 20 /* failing checks printed for one test */

extern const struct kit_test kit_tests_start[], kit_tests_end[];

static struct {
    kit_lock_t lock;
    unsigned long checks;
    unsigned failures; /* of the running test */
    char skipped[80];
} state;

const char *kit_errno_name(long rc)
{
#define XEN_ERRNO(name, value) {-(value), "-" #name},
    static const struct {
        long value;
        const char *name;
    } names[] = {
#include <xen/errno.h>
    };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].value == rc)
            return names[i].name;
    return rc ? "?" : "0";
}

bool kit_on_xenios(void)
{
    xen_extraversion_t extra = "";

    return !hcall_xen_version(XENVER_extraversion, extra) && strstr(extra, "-xenios");
}

/* Takes the file's name without its folders. */
static const char *base_name(const char *file)
{
    const char *base = file;

    for (; *file; file++)
        if (*file == '/')
            base = file + 1;
    return base;
}

static bool record(bool ok)
{
    bool report = false;

    kit_lock(&state.lock);
    state.checks++;
    if (!ok)
        report = state.failures++ < MAX_REPORTS;
    kit_unlock(&state.lock);
    return report;
}

void kit_check(bool ok, const char *file, int line, const char *what, ...)
{
    char text[256];
    va_list args;

    if (!record(ok))
        return;
    va_start(args, what);
    kit_vsnprintf(text, sizeof(text), what, args);
    va_end(args);
    kit_printf("  %s:%d: %s\n", base_name(file), line, text);
}

void kit_check_equal(uint64_t actual, uint64_t expected, const char *file, int line, const char *what)
{
    if (record(actual == expected))
        kit_printf("  %s:%d: %s: got 0x%lx, wanted 0x%lx\n", base_name(file), line, what, actual, expected);
}

void kit_check_errno(long actual, long expected, const char *file, int line, const char *what)
{
    if (record(actual == expected))
        kit_printf("  %s:%d: %s: got %ld (%s), wanted %ld (%s)\n", base_name(file), line, what, actual,
                   kit_errno_name(actual), expected, kit_errno_name(expected));
}

void kit_note(const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    kit_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    kit_printf("  note: %s\n", text);
}

void kit_skip(const char *why)
{
    kit_snprintf(state.skipped, sizeof(state.skipped), "%s", why);
}

bool kit_skipped(void)
{
    return state.skipped[0] != '\0';
}

static void raise_now(void *unused __unused)
{
    __asm__ volatile("ud2");
}

void kit_fail_now(const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    kit_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (record(false))
        kit_printf("  %s\n", text);
    raise_now(NULL);
    kit_shutdown(SHUTDOWN_crash);
}

void kit_expect_crash(const char *why)
{
    if (state.failures) {
        kit_printf("  not going on to the crash: checks failed before\n");
        return;
    }
    kit_printf("KIT EXPECT CRASH %s\n", why);
}

static void call_test(void *arg)
{
    const struct kit_test *test = arg;

    test->fn();
}

static bool run_one(const struct kit_test *test)
{
    struct kit_fault fault;

    state.failures = 0;
    state.skipped[0] = '\0';
    if (kit_try(call_test, (void *)test, &fault) && record(false))
        kit_printf("  unexpected vector %u error 0x%x rip 0x%lx cr2 0x%lx rsp 0x%lx\n", fault.vector,
                   fault.error, fault.rip, fault.cr2, fault.rsp);
    if (state.failures)
        kit_printf("TEST %s: FAIL %u checks\n", test->name, state.failures);
    else if (state.skipped[0])
        kit_printf("TEST %s: skip %s\n", test->name, state.skipped);
    else
        kit_printf("TEST %s: ok\n", test->name);
    return !state.failures;
}

/* After everything, the hypervisor must find itself in order. True unless it says otherwise, or nothing. */
static bool audit_is_clean(void)
{
    long violations;

    if (!kit_on_xenios() || kit_arg_flag("noaudit"))
        return true;
    violations = kit_audit();
    kit_printf("KIT AUDIT %ld violations\n", violations);
    return violations == 0;
}

int kit_run_tests(void)
{
    unsigned ran = 0, failed = 0, skipped = 0;
    bool named = kit_arg_flag("test");
    char after[64] = "";
    bool reached = !kit_arg_string("after", after, sizeof(after));

    for (const struct kit_test *t = kit_tests_start; t < kit_tests_end; t++) {
        if (!reached || !kit_arg_selects("test", t->name) || (t->flags && !named)) {
            reached |= !strcmp(t->name, after);
            continue;
        }
        kit_printf("RUN %s\n", t->name);
        failed += !run_one(t);
        skipped += state.skipped[0] && !state.failures;
        ran++;
    }
    failed += !audit_is_clean();
    kit_printf("KIT RESULT %s %lu checks\n",
               failed || !ran   ? "fail"
               : ran == skipped ? "skip"
                                : "pass",
               state.checks);
    return (int)failed;
}
