// poor_kernel.c -- preloaded: a kernel without Landlock and seccomp, where limits cannot be set.
#include "syscalls.h"

#include <linux/prctl.h>
#include <sys/resource.h>

static int answers(long number, const long a[ARGUMENTS], long *result)
{
    (void)a;
    if (number != SYS_landlock_create_ruleset)
        return 0;
    *result = refuse(ENOSYS);
    return 1;
}

int prctl(int option, long a, long b, long c, long d)
{
    if (option == PR_SET_SECCOMP)
        return (int)refuse(EINVAL);
    return (int)really(SYS_prctl, (long[ARGUMENTS]){ option, a, b, c, d });
}

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    (void)resource, (void)limit;
    return (int)refuse(EPERM);
}
