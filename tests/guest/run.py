#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots guest tests as domain 0 on a hypervisor in QEMU and reports each test on one line.

A group is one boot of one binary: all tests of an area, or one that ends its domain (KIT_TEST_ALONE). What an area
needs of the machine stands in its source: `GUEST-GROUP: smp=4 mem=1024 dom0=256M cpu=max,-smap args=... xen=... qemu=-device;edu timeout=90`.
`on=xenios`: Xen cannot be booted so, and the area is left out there unless it is asked for by name.
"""
import argparse
import concurrent.futures
import os
import re
import selectors
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TEST = re.compile(r"^(?:KIT_TEST|BENCH(?:_BETWEEN)?)(_ALONE)?\((\w+)[,)]", re.M)
GROUP = re.compile(r"GUEST-GROUP: *(.*)")
CRASHED = re.compile(r"Domain 0 .*crashed on|Dom0 crashed|domain 0 crashed|watchdog rebooting machine", re.I)
NOT_RUN = "did not run"
AUDIT = re.compile(r"KIT AUDIT (-?\d+) violations")
STOPPED = re.compile(r"Cannot boot: ")   # the machine stands still then
PANIC = re.compile(r"Panic on CPU|Xen BUG|FATAL PAGE FAULT|Xenios panic|hypervisor panic|Assertion .* failed", re.I)


class Group:
    """One boot: an area, the tests it should report, and whether they were picked by name."""

    def __init__(self, area, tests, alone, options):
        self.area, self.tests, self.alone, self.options = area, tests, alone, options


def sources(area):
    single = os.path.join(HERE, area + ".c")
    folder = os.path.join(HERE, area)
    found = [single] if os.path.exists(single) else []
    if os.path.isdir(folder):
        found += sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".c"))
    return found


def areas():
    """Areas in the order in which a hypervisor is brought up; those not listed come last."""
    order = ["smoke", "traps", "mm", "memory", "events", "time", "machine", "hostile", "security", "bench"]
    names = {f[:-2] for f in os.listdir(HERE) if f.endswith(".c")}
    names |= {f for f in os.listdir(HERE) if sources(f) and os.path.isdir(os.path.join(HERE, f))}
    return sorted(names, key=lambda n: (order.index(n) if n in order else len(order), n))


def load(area):
    """The tests of an area as [(name, alone)], and its options."""
    tests, options = [], {}
    for path in sources(area):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        tests += [(m.group(2), bool(m.group(1))) for m in TEST.finditer(text)]
        for m in GROUP.finditer(text):
            options.update(word.split("=", 1) for word in m.group(1).split() if "=" in word)
    return tests, options


def matches(patterns, area, test):
    return not patterns or any(p in (area, test, f"{area}/{test}") for p in patterns)


def plan(patterns, hypervisor):
    groups = []
    for area in areas():
        tests, options = load(area)
        if options.get("on", "") not in os.path.basename(hypervisor) and not patterns:
            continue
        if area == "bench" and area not in patterns and not any(p.startswith("bench/") for p in patterns):
            continue
        chosen = [t for t in tests if matches(patterns, area, t[0])]
        together = [name for name, alone in chosen if not alone]
        if together:
            whole = len(together) == sum(not alone for _, alone in tests)
            groups.append(Group(area, together, not whole, options))
        groups += [Group(area, [name], True, options) for name, alone in chosen if alone]
    return groups


class Boot:
    """One QEMU and the lines it printed."""

    def __init__(self, args, group, after=None):
        self.args, self.group, self.after = args, group, after
        self.lines = []
        self.ended = self.timed_out = False

    def command(self):
        o = self.group.options
        guest = os.path.join(self.args.build, "guests", f"{self.group.area}-pv64")
        smp = self.args.smp or o.get("smp", "2")
        words = [guest, f"seed={self.args.seed}", f"smp={smp}"]
        if self.group.alone:
            words.append("test=" + ":".join(self.group.tests))
        if self.after:
            words.append(f"after={self.after}")
        words += o.get("args", "").split(";") if o.get("args") else []
        words += [self.args.guest_args] if self.args.guest_args else []
        xen = f"console=com1 com1=115200 dom0_mem={o.get('dom0', '128M')} loglvl=all guest_loglvl=all"
        if self.args.sched:
            xen += f" sched={self.args.sched}"
        xen += " " + o["xen"].replace(";", " ") if o.get("xen") else ""
        cpu = self.args.cpu or o.get("cpu")
        command = ["qemu-system-x86_64", "-accel", "tcg", "-m", o.get("mem", "512"), "-smp",
                   str(smp), "-nographic", "-vga", "none", "-nic", "none", "-no-reboot",
                   "-kernel", self.args.hypervisor, "-append", xen, "-initrd", " ".join(words)]
        return command + (["-cpu", cpu] if cpu else []) + o.get("qemu", "").replace(";", " ").split() + (self.args.qemu or "").split()

    def run(self):
        limit = float(self.group.options.get("timeout", "60")) * self.args.patience
        process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        waiter = selectors.DefaultSelector()
        waiter.register(process.stdout, selectors.EVENT_READ)
        deadline, rest = time.monotonic() + limit, b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                self.timed_out = True
                break
            if not waiter.select(left):
                continue
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                break
            rest += data
            *complete, rest = rest.split(b"\n")
            for raw in complete:
                deadline = self.line(raw.decode("utf-8", "replace").rstrip("\r"), deadline)
            if self.ended:
                break
        process.kill()
        process.wait()
        if rest:
            self.lines.append(rest.decode("utf-8", "replace"))

    def line(self, text, deadline):
        """Notes one line; returns the new deadline. The machine is not waited for once the outcome is known."""
        self.lines.append(text)
        if self.args.debug:
            print(text, flush=True)
        if text.startswith("BENCH ") and not self.args.debug:
            print(text, flush=True)
        if text.startswith("KIT RESULT") or "KIT RESULT" in text or CRASHED.search(text):
            self.ended = True
        elif STOPPED.search(text):
            self.ended = True
        elif PANIC.search(text):
            return min(deadline, time.monotonic() + 2)
        return deadline

    def outcome(self):
        """{test: (verdict, why)} for every test that was to run."""
        results, details, current, expected = {}, [], None, False
        for text in self.lines:
            text = text[text.find("TEST "):] if re.search(r"^\S*TEST \w+:", text) else text
            if text.startswith("RUN "):
                current, details = text[4:].strip(), []
            elif m := re.match(r"TEST (\w+): (ok|FAIL|skip)(.*)", text):
                why = m.group(3).strip()
                results[m.group(1)] = (m.group(2), "\n".join([why] + details) if m.group(2) == "FAIL" else why)
                current = None
            elif text.startswith("KIT EXPECT CRASH"):
                expected = True
            elif text.startswith("  ") and not text.startswith("  note:"):
                details.append(text)
        self.culprit = current
        crashed = any(CRASHED.search(t) for t in self.lines)
        panicked = next((t for t in self.lines if PANIC.search(t)), None)
        for name in self.group.tests:
            if panicked and name == current:
                results[name] = ("FAIL", f"the hypervisor died: {panicked}")
            elif name == current and expected and crashed:
                results[name] = ("ok", "")
            elif name == current:
                reason = "timeout" if self.timed_out else "the domain crashed" if crashed else "the machine ended"
                results[name] = ("FAIL", "\n".join([reason] + self.tail()))
            elif name not in results:
                results[name] = ("FAIL", NOT_RUN + (" (timeout)" if self.timed_out else ""))
        return results

    def audit(self):
        """What the hypervisor's audit said after the tests: {} if it was not asked (another hypervisor, or the machine ended before)."""
        said = [m.group(1) for t in self.lines if (m := AUDIT.search(t))]
        if not said:
            return {}
        return {"audit": ("ok", "") if said[-1] == "0" else ("FAIL", "\n".join([f"{said[-1]} violations"] + self.tail()))}

    def tail(self):
        return ["    | " + t for t in self.lines[-12:]]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hypervisor", default="build/xenios")
    parser.add_argument("--build", default="build")
    parser.add_argument("--list", action="store_true", help="print the tests and stop")
    parser.add_argument("--smp", type=int, help="processors, instead of what the area asks for")
    parser.add_argument("--cpu", help="QEMU's processor model")
    parser.add_argument("--sched", help="the hypervisor's scheduler")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guest-args", help="more words for the guest's command line")
    parser.add_argument("--qemu", help="more words for QEMU")
    parser.add_argument("--patience", type=float, default=float(os.environ.get("PATIENCE", "1")), help="factor on every time limit (default: PATIENCE or 1)")
    parser.add_argument("--jobs", type=int, default=1, help="machines at a time")
    parser.add_argument("--debug", action="store_true", help="show the console")
    parser.add_argument("--logs", help="folder for one console log a boot (default: BUILD/guest-logs)")
    parser.add_argument("names", nargs="*", help="area, test or area/test")
    return parser.parse_args()


def run_group(args, group, logs):
    """Runs all tests of a group; one that ends or hangs the machine does not keep the others from a boot of their own."""
    results, after, part = {}, None, 0
    while True:
        boot = Boot(args, group, after)
        boot.run()
        name = group.area + ("-" + group.tests[0] if group.alone else "") + (f".{part}" if part else "")
        with open(os.path.join(logs, name + ".log"), "w", encoding="utf-8") as f:
            f.write(" ".join(boot.command()) + "\n" + "\n".join(boot.lines) + "\n")
        outcome = {t: r for t, r in boot.outcome().items() if t in group.tests and t not in results}
        if results.get("audit", ("ok",))[0] == "ok":
            results.update(boot.audit())
        left = [t for t in outcome if outcome[t][1].startswith(NOT_RUN)]
        if boot.culprit is None or not left or part > 20:
            return {**results, **outcome}
        results.update({t: r for t, r in outcome.items() if t not in left})
        after, part = boot.culprit, part + 1


def main():
    args = arguments()
    groups = plan(args.names, args.hypervisor)
    if args.list:
        for g in groups:
            for t in g.tests:
                print(f"{g.area}/{t}")
        return 0
    missing = [g.area for g in groups if not os.path.exists(os.path.join(args.build, "guests", f"{g.area}-pv64"))]
    if missing or not os.path.exists(args.hypervisor):
        sys.exit(f"not built: {', '.join(sorted(set(missing))) or args.hypervisor}; run make first")
    logs = args.logs or os.path.join(args.build, "guest-logs", os.path.basename(args.hypervisor))
    os.makedirs(logs, exist_ok=True)
    count, failures = {"ok": 0, "FAIL": 0, "skip": 0}, []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for group, results in zip(groups, pool.map(lambda group: run_group(args, group, logs), groups)):
            for test, (verdict, why) in results.items():
                count[verdict] += 1
                said = f"{group.area}/{test}: {verdict} {why}".rstrip()
                print(said, flush=True)
                if verdict == "FAIL":
                    failures.append(said)
    if failures:
        print("\n".join(["once more, what failed:"] + failures))
    if count["skip"]:
        print(f"{count['skip']} skipped")
    print(f"{count['ok']} passed, {count['FAIL']} failed")
    return 1 if count["FAIL"] or not count["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
