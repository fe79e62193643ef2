// seccomp.c -- a list of system calls, and the filter that lets only these through (seccomp(2)).
#include "http/isolation_parts.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

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

void hp_isolation_calls(char *state)
{
    struct sock_filter filter[2 * CALLS + 16];
    struct sock_fprog program = { .len = (unsigned short)write_filter(filter), .filter = filter };
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
        snprintf(state, HP_ISOLATION_STATE, "on, %d calls allowed", CALLS);
    else
        hp_isolation_without(state, "seccomp", strerror(errno));
}
