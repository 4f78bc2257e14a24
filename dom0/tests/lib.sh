# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests in domain 0 share. A test is sourced in a subshell after this file: it prints facts, one per line, beginning with
# an upper-case word, for the host to judge; its exit status says whether it could run at all.

# fail MESSAGE: the test could not do its work.
fail() {
    echo "XTEST-FAIL $*"
    exit 1
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    tries=$(($1 * 10))
    shift
    while ! "$@" 2>/dev/null; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        usleep 100000
    done
}

# interrupts WORD: the lines of /proc/interrupts that name WORD, joined to one line each.
interrupts() {
    grep -E "$1" /proc/interrupts | tr -s ' ' | sed 's/^/INTERRUPT /'
}

sha() {
    sha256sum | cut -d' ' -f1
}
