// isolation.c -- files (landlock.c), system calls (seccomp.c), and no documents in core dumps. In a
// sanitizer's build the sanitizer needs files and calls of its own: both filters stay off.
#include "http/isolation_parts.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

void hp_isolation_without(char *state, const char *what, const char *why)
{
    snprintf(state, HP_ISOLATION_STATE, "not to be had: %.40s", why);
    hp_log(HP_WARN, "isolation: this kernel does without", "what", what, "reason", why, NULL);
}

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
        snprintf(state, HP_ISOLATION_STATE, "off");
    else
        hp_isolation_without(state, "core dumps without memory", strerror(errno));
}

void hp_isolate(
    const struct hp_config *config, const char *config_file, struct hp_isolation *isolation)
{
    const char *off = SANITIZED ? "off: a sanitizer's build" : "off: by the configuration";
    time_t now = time(NULL);
    struct tm unused;
    (void)localtime_r(&now, &unused); // reads /etc/localtime while that can be read
    snprintf(isolation->landlock, HP_ISOLATION_STATE, "%s", off);
    snprintf(isolation->seccomp, HP_ISOLATION_STATE, "%s", off);
    snprintf(isolation->core_dumps, HP_ISOLATION_STATE, "on: by the configuration");
    if (!config->isolation.core_dumps)
        limit_dumps(isolation->core_dumps);
    if (SANITIZED)
        return;
    // Neither filter may be followed by a program with more rights.
    bool no_more = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (no_more && config->isolation.landlock)
        hp_isolation_files(config, config_file, isolation->landlock);
    if (no_more && config->isolation.seccomp)
        hp_isolation_calls(isolation->seccomp);
}
