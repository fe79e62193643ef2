// poor_kernel.c -- preloaded: a kernel without Landlock and seccomp, where limits cannot be set.
#include <dlfcn.h>
#include <errno.h>
#include <linux/prctl.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { ARGUMENTS = 6 };

typedef long call(long, ...);

static long refuse(int error)
{
    errno = error;
    return -1;
}

long syscall(long number, ...)
{
    long a[ARGUMENTS];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < ARGUMENTS; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_landlock_create_ruleset)
        return refuse(ENOSYS);
    return ((call *)dlsym(RTLD_NEXT, "syscall"))(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int prctl(int option, long a, long b, long c, long d)
{
    if (option == PR_SET_SECCOMP)
        return (int)refuse(EINVAL);
    return (int)((call *)dlsym(RTLD_NEXT, "prctl"))(option, a, b, c, d);
}

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    (void)resource, (void)limit;
    return (int)refuse(EPERM);
}
