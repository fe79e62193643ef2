// isolation.c -- Landlock (landlock(7)), seccomp (seccomp(2)), and no documents in core dumps. In a
// sanitizer's build the sanitizer needs files and calls of its own: both filters stay off.
#include "http/isolation.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { STATE = 64 };

static void without(char *state, const char *what, const char *why)
{
    snprintf(state, STATE, "not to be had: %.40s", why);
    hp_log(HP_WARN, "isolation: this kernel does without", "what", what, "reason", why, NULL);
}

// --- files ---------------------------------------------------------------------------------------

#define READ_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

// Everything that the kernel's version of Landlock knows of files: 13 rights in version 1, REFER in
// 2, TRUNCATE in 3, IOCTL_DEV in 5.
static uint64_t rights_of(long version)
{
    uint64_t rights = (UINT64_C(1) << 13) - 1;
    for (int added = 2; added <= version && added <= 3; added++)
        rights |= UINT64_C(1) << (added + 11);
    return version >= 5 ? rights | UINT64_C(1) << 15 : rights;
}

static bool allow(int ruleset, const char *folder, uint64_t rights)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == EACCES; // what cannot be opened needs no right
    struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
    long done = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
    return done == 0;
}

// The folder that `path` lies in, and where `path` is a link the folder of its target too.
static bool allow_folder_of(int ruleset, const char *path, uint64_t rights)
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *names[] = { path, realpath(path, real) };
    for (size_t i = 0; i < 2 && names[i]; i++) {
        const char *slash = strrchr(names[i], '/');
        snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - names[i]) + 1 : 1,
            slash ? names[i] : ".");
        if (!allow(ruleset, folder, rights))
            return false;
    }
    return true;
}

static bool allow_text(int ruleset, hp_str path, bool folder, uint64_t rights)
{
    char text[PATH_MAX];
    if (path.len == 0 || path.len >= sizeof text)
        return true;
    snprintf(text, sizeof text, "%.*s", (int)path.len, path.ptr);
    return folder ? allow(ruleset, text, rights) : allow_folder_of(ruleset, text, rights);
}

// Sockets are unlinked when the daemon stops.
static bool allow_sockets(int ruleset, const struct hp_config *config)
{
    hp_str default_socket = HP_S("/run/hotpathd/hotpathd.sock");
    bool ok = allow_text(ruleset, default_socket, false, LANDLOCK_ACCESS_FS_REMOVE_FILE);
    for (size_t i = 0; i <= config->listen.count && ok; i++) {
        hp_str address = i == config->listen.count ? config->admin : config->listen.item[i];
        hp_str scheme = hp_str_cut(&address, ':');
        if (hp_str_is(scheme, "unix"))
            ok = allow_text(ruleset, address, false, LANDLOCK_ACCESS_FS_REMOVE_FILE);
    }
    return ok;
}

// A collector's name is looked up by glibc's modules and their files.
static bool allow_names(int ruleset, const struct hp_config *config)
{
    static const char *const folders[] = { "/etc", "/lib", "/lib64", "/usr/lib", "/run/systemd" };
    bool ok = true;
    for (size_t i = 0; config->traces.len && i < sizeof folders / sizeof *folders && ok; i++)
        ok = allow(ruleset, folders[i], READ_FILES | LANDLOCK_ACCESS_FS_EXECUTE);
    return ok;
}

static bool allow_all(int ruleset, const struct hp_config *config, const char *config_file)
{
    return (!config_file || allow_folder_of(ruleset, config_file, READ_FILES)) &&
           allow_text(ruleset, config->token_file, false, READ_FILES) &&
           allow_text(ruleset, config->vocabulary, true, READ_FILES) &&
           allow(ruleset, "/proc", READ_FILES) && allow_sockets(ruleset, config) &&
           allow_names(ruleset, config);
}

static void limit_files(const struct hp_config *config, const char *config_file, char *state)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        without(state, "landlock", strerror(errno));
        return;
    }
    struct landlock_ruleset_attr attr = { .handled_access_fs = rights_of(version) };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset >= 0 && allow_all(ruleset, config, config_file) &&
        syscall(SYS_landlock_restrict_self, ruleset, 0) == 0)
        snprintf(state, STATE, "on, version %ld", version);
    else
        without(state, "landlock", strerror(errno));
    if (ruleset >= 0)
        close(ruleset);
}

// --- system calls --------------------------------------------------------------------------------

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

// What glibc, libmicrohttpd and we use after the start, beside threads; no exec, no bind, no
// ptrace, no mount, no kernel modules, no bpf, no io_uring. Older calls are not there on every
// architecture.
static const int calls[] = {
    // bytes and descriptors
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_lseek,
    SYS_close,
    SYS_fcntl,
    SYS_ioctl,
    SYS_dup,
    SYS_ppoll,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
    SYS_epoll_create1,
    SYS_eventfd2,
    SYS_sendfile,
    // sockets
    SYS_accept4,
    SYS_accept,
    SYS_socket,
    SYS_connect,
    SYS_shutdown,
    SYS_sendto,
    SYS_sendmsg,
    SYS_sendmmsg,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    // files
    SYS_openat,
    SYS_newfstatat,
    SYS_fstat,
    SYS_statx,
    SYS_getdents64,
    SYS_readlinkat,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_unlinkat,
    // memory
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_brk,
    SYS_membarrier,
    // threads
    SYS_futex,
    SYS_rseq,
    SYS_set_robust_list,
    SYS_exit,
    SYS_exit_group,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_getpriority,
    SYS_setpriority,
    SYS_gettid,
    SYS_prctl,
    // signals
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_tgkill,
    SYS_signalfd4,
    SYS_restart_syscall,
    // time, limits, identity, chance
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_prlimit64,
    SYS_getrusage,
    SYS_uname,
    SYS_sysinfo,
    SYS_getpid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrandom,
#ifdef SYS_open
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_unlink,
    SYS_poll,
    SYS_epoll_wait,
    SYS_getrlimit,
    SYS_time,
#endif
};

enum { CALLS = sizeof calls / sizeof *calls };

static void put(struct sock_filter **at, unsigned short code, unsigned k, unsigned char if_true,
    unsigned char if_false)
{
    *(*at)++ = (struct sock_filter){ code, if_true, if_false, k };
}

// Threads, but no processes: clone's flags say which. Those of clone3 lie in memory, where a filter
// does not see them; without it glibc takes clone.
static void allow_threads(struct sock_filter **at)
{
    const unsigned short load = BPF_LD | BPF_W | BPF_ABS, equal = BPF_JMP | BPF_JEQ | BPF_K;
    const unsigned short give = BPF_RET | BPF_K;
    put(at, equal, SYS_clone3, 0, 1);
    put(at, give, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
    put(at, equal, SYS_clone, 0, 4);
    put(at, load, offsetof(struct seccomp_data, args[0]), 0, 0); // both are little endian
    put(at, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
    put(at, give, SECCOMP_RET_ALLOW, 0, 0);
    put(at, give, SECCOMP_RET_ERRNO | EPERM, 0, 0);
}

// One comparison a call; those that are made most come early. EPERM rather than the end of the
// process: a library that tries something new goes on without it.
static size_t write_filter(struct sock_filter *filter)
{
    struct sock_filter *at = filter;
    const unsigned short load = BPF_LD | BPF_W | BPF_ABS, equal = BPF_JMP | BPF_JEQ | BPF_K;
    const unsigned short give = BPF_RET | BPF_K;
    put(&at, load, offsetof(struct seccomp_data, arch), 0, 0);
    put(&at, equal, ARCHITECTURE, 1, 0);
    put(&at, give, SECCOMP_RET_KILL_PROCESS, 0, 0);
    put(&at, load, offsetof(struct seccomp_data, nr), 0, 0);
    for (size_t i = 0; i < CALLS; i++) {
        put(&at, equal, (unsigned)calls[i], 0, 1);
        put(&at, give, SECCOMP_RET_ALLOW, 0, 0);
    }
    allow_threads(&at);
    put(&at, give, SECCOMP_RET_ERRNO | EPERM, 0, 0);
    return (size_t)(at - filter);
}

static void limit_calls(char *state)
{
    struct sock_filter filter[2 * CALLS + 16];
    struct sock_fprog program = { .len = (unsigned short)write_filter(filter), .filter = filter };
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
        snprintf(state, STATE, "on, %d calls allowed", CALLS);
    else
        without(state, "seccomp", strerror(errno));
}

// --- core dumps ----------------------------------------------------------------------------------

// The limit holds for files; a program that core_pattern pipes to gets a dump all the same, and
// finds no memory in it.
static void limit_dumps(char *state)
{
    struct rlimit none = { 0, 0 };
    int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    bool empty = fd >= 0 && write(fd, "0", 1) == 1;
    if (fd >= 0)
        close(fd);
    if (setrlimit(RLIMIT_CORE, &none) == 0 && empty)
        snprintf(state, STATE, "off");
    else
        without(state, "core dumps without memory", strerror(errno));
}

void hp_isolate(
    const struct hp_config *config, const char *config_file, struct hp_isolation *isolation)
{
    const char *off = SANITIZED ? "off: a sanitizer's build" : "off: by the configuration";
    time_t now = time(NULL);
    struct tm unused;
    (void)localtime_r(&now, &unused); // reads /etc/localtime while that can be read
    snprintf(isolation->landlock, STATE, "%s", off);
    snprintf(isolation->seccomp, STATE, "%s", off);
    snprintf(isolation->core_dumps, STATE, "on: by the configuration");
    if (!config->isolation.core_dumps)
        limit_dumps(isolation->core_dumps);
    if (SANITIZED)
        return;
    // Neither filter may be followed by a program with more rights.
    bool no_more = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (no_more && config->isolation.landlock)
        limit_files(config, config_file, isolation->landlock);
    if (no_more && config->isolation.seccomp)
        limit_calls(isolation->seccomp);
}
