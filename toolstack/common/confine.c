/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "toolstack/common/confine.h"

/* ---- Capabilities: none, and none for what is executed either, whoever its user is ---- */

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    unsigned long cap;

    for (cap = 0; cap < 64; cap++)
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
            return false;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0))
        return false;
    return !syscall(SYS_capset, &header, none);
}

/* ---- Files: every change is refused but below what is named ---- */

#define FILE_RIGHTS LANDLOCK_ACCESS_FS_WRITE_FILE
#define DIRECTORY_RIGHTS                                                                                     \
    (LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |          \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK)
#define REFUSED                                                                                              \
    (FILE_RIGHTS | DIRECTORY_RIGHTS | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_FIFO |          \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static void allow_below(int rules, const char *path)
{
    struct landlock_path_beneath_attr below = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
    struct stat st;

    if (below.parent_fd < 0)
        return;
    if (!fstat(below.parent_fd, &st)) {
        below.allowed_access = S_ISDIR(st.st_mode) ? FILE_RIGHTS | DIRECTORY_RIGHTS : FILE_RIGHTS;
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0);
    }
    close(below.parent_fd);
}

static bool restrict_files(const struct confinement *c)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs =
                                             REFUSED | (c->programs ? 0 : LANDLOCK_ACCESS_FS_EXECUTE)};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    const char *const *path;
    bool done;

    if (rules < 0)
        return false;
    for (path = c->writable; *path; path++)
        allow_below(rules, *path);
    done = !syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
    return done;
}

/* ---- System calls: a list of what the daemons, their libraries and the C library ask for; the rest is EPERM ---- */

static const uint16_t calls[] = {
    /* descriptors and files */
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_open, SYS_openat,
    SYS_close, SYS_stat, SYS_fstat, SYS_lstat, SYS_newfstatat, SYS_statx, SYS_access, SYS_faccessat,
    SYS_faccessat2, SYS_getcwd, SYS_chdir, SYS_readlink, SYS_readlinkat, SYS_getdents64, SYS_mkdir,
    SYS_mkdirat, SYS_unlink, SYS_unlinkat, SYS_rename, SYS_renameat, SYS_renameat2, SYS_ftruncate,
    SYS_fallocate, SYS_fsync, SYS_fdatasync, SYS_msync, SYS_memfd_create, SYS_umask, SYS_fcntl, SYS_flock,
    SYS_dup, SYS_dup2, SYS_dup3, SYS_pipe, SYS_pipe2, SYS_ioctl, SYS_inotify_init1, SYS_inotify_add_watch,
    SYS_inotify_rm_watch,
    /* waiting */
    SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait,
    SYS_epoll_pwait, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime, SYS_clock_getres,
    SYS_gettimeofday, SYS_time, SYS_restart_syscall, SYS_sched_yield,
    /* memory */
    SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk,
    /* processes and threads */
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_getpid, SYS_gettid,
    SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_futex, SYS_set_robust_list,
    SYS_get_robust_list, SYS_set_tid_address, SYS_rseq, SYS_arch_prctl, SYS_prlimit64, SYS_getrlimit,
    SYS_sched_getaffinity, SYS_uname, SYS_sysinfo, SYS_getrandom, SYS_tgkill, SYS_exit, SYS_exit_group,
    SYS_prctl,
    /* connections; the family of socket() is looked at below */
    SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_sendto, SYS_sendmsg, SYS_recvfrom,
    SYS_recvmsg, SYS_shutdown, SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_getpeername};

static const uint16_t program_calls[] = {SYS_fork,     SYS_vfork, SYS_clone,  SYS_clone3, SYS_execve,
                                         SYS_execveat, SYS_wait4, SYS_waitid, SYS_kill,   SYS_setsid};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define ROOM     (2 * (COUNT(calls) + COUNT(program_calls)) + 24)

static struct sock_filter filter[ROOM];
static unsigned short length;

static void add(uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    filter[length++] = (struct sock_filter){code, yes, no, k};
}

#define LOAD(field)  add(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field), 0, 0)
#define RETURN(what) add(BPF_RET | BPF_K, what, 0, 0)
#define EQUAL        (BPF_JMP | BPF_JEQ | BPF_K)

static void add_list(const uint16_t *list, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        add(EQUAL, list[i], 0, 1);
        RETURN(SECCOMP_RET_ALLOW);
    }
}

/* @call is allowed if its first argument satisfies the test; else it gives @error. Leaves the call's number loaded. */
static void add_tested(uint32_t call, uint16_t test, uint32_t value, uint32_t error)
{
    add(EQUAL, call, 0, 4);
    LOAD(args[0]);
    add((uint16_t)(BPF_JMP | BPF_K | test), value, 0, 1);
    RETURN(SECCOMP_RET_ALLOW);
    RETURN(SECCOMP_RET_ERRNO | error);
}

static bool restrict_calls(const struct confinement *c)
{
    struct sock_fprog program = {.filter = filter};

    length = 0;
    LOAD(arch);
    add(EQUAL, AUDIT_ARCH_X86_64, 1, 0);
    RETURN(SECCOMP_RET_KILL_PROCESS);
    LOAD(nr);
    add_list(calls, COUNT(calls));
    add_tested(SYS_socket, BPF_JEQ, AF_UNIX, EPERM);
    if (c->programs) {
        add_list(program_calls, COUNT(program_calls));
    } else { /* threads, of libxenstore: the C library falls back from clone3, whose flags a filter cannot see */
        add(EQUAL, SYS_clone3, 0, 1);
        RETURN(SECCOMP_RET_ERRNO | ENOSYS);
        add_tested(SYS_clone, BPF_JSET, 0x10000 /* CLONE_THREAD */, EPERM);
    }
    RETURN(SECCOMP_RET_ERRNO | EPERM);
    program.len = length;
    return !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

bool confined(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    prlimit(0, RLIMIT_NOFILE, &limit, NULL);
}

int confine(const struct confinement *c, char got[4])
{
    bool capabilities, files, calls_too;

    memset(got, 0, 4);
    if (getenv("XENIOS_UNCONFINED"))
        return 0;
    capabilities = drop_capabilities();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -errno;
    files = restrict_files(c);
    calls_too = restrict_calls(c);
    got[0] = capabilities ? 'c' : '-';
    got[1] = files ? 'f' : '-';
    got[2] = calls_too ? 's' : '-';
    return 0;
}
