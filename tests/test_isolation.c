// test_isolation.c -- what a process can still do under the filter; each try in a process of its
// own.
#include "http/isolation.h"

#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nothing(void *cls)
{
    return cls;
}

static int error_of(long result)
{
    return result < 0 ? errno : 0;
}

static int start_thread(void)
{
    pthread_t thread;
    int code = pthread_create(&thread, NULL, nothing, NULL);
    return code ? code : pthread_join(thread, NULL);
}

static int start_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return error_of(child);
}

static int start_process_by_clone3(void)
{
    struct clone_args {
        _Alignas(8) unsigned long long flags, pidfd, child_tid, parent_tid, exit_signal, stack,
            stack_size, tls;
    } args = { .flags = 0 };
    long child = syscall(SYS_clone3, &args, sizeof args);
    if (child == 0)
        _exit(0);
    return error_of(child);
}

static int start_program(void)
{
    char *const none[] = { NULL };
    return error_of(execve("/bin/true", none, none));
}

enum { OFF = 255 };

// What `attempt` fails with under the filter; OFF: there is none here.
static int filtered(int (*attempt)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct hp_config config = { .isolation = { .seccomp = true, .core_dumps = true } };
        struct hp_isolation isolation;
        hp_isolate(&config, NULL, &isolation);
        _exit(strncmp(isolation.seccomp, "on", 2) == 0 ? attempt() : OFF);
    }
    ck_assert(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(threads_can_be_started_and_processes_cannot)
{
    if (filtered(start_thread) == OFF)
        return; // a sanitizer's build, or a kernel without it
    ck_assert_int_eq(filtered(start_thread), 0);
    ck_assert_int_eq(filtered(start_process), EPERM);
    ck_assert_int_eq(filtered(start_process_by_clone3), ENOSYS);
    ck_assert_int_eq(filtered(start_program), EPERM);
}
END_TEST

TESTS("isolation", threads_can_be_started_and_processes_cannot)
