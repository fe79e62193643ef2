// process.c -- /proc/self, as the Prometheus client libraries read it.
#include "telemetry/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

// The head of a file as text.
static bool read_head(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, text, size - 1);
    close(fd);
    if (len <= 0)
        return false;
    text[len] = '\0';
    return true;
}

// Fields 22 to 24 of /proc/self/stat: start in ticks since boot, virtual bytes, resident pages.
// They are counted from the last ')', since the program's name may hold anything.
static bool read_stat(uint64_t *start_ticks, uint64_t *virtual_bytes, uint64_t *pages)
{
    char text[1024];
    if (!read_head("/proc/self/stat", text, sizeof text))
        return false;
    const char *at = strrchr(text, ')');
    for (int field = 3; at && field <= 22; field++)
        at = strchr(at + 1, ' ');
    return at &&
           sscanf(at, " %" SCNu64 " %" SCNu64 " %" SCNu64, start_ticks, virtual_bytes, pages) == 3;
}

static double boot_s(void)
{
    struct timespec now, up;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    return (double)(now.tv_sec - up.tv_sec) + (double)(now.tv_nsec - up.tv_nsec) / 1e9;
}

static bool count_fds(uint64_t *count)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return false;
    uint64_t entries = 0;
    while (readdir(dir))
        entries++;
    closedir(dir);
    *count = entries - 3; // ".", ".." and the directory itself
    return true;
}

static uint64_t max_fds(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

static double cpu_s(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

double hp_process_start_s(void)
{
    uint64_t start_ticks, virtual_bytes, pages;
    if (!read_stat(&start_ticks, &virtual_bytes, &pages))
        return 0;
    return boot_s() + (double)start_ticks / (double)sysconf(_SC_CLK_TCK);
}

bool hp_process_read(struct hp_process *process)
{
    uint64_t start_ticks, virtual_bytes, pages, open_fds;
    if (!read_stat(&start_ticks, &virtual_bytes, &pages) || !count_fds(&open_fds))
        return false;
    *process = (struct hp_process){
        .cpu_s = cpu_s(),
        .resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE),
        .virtual_bytes = virtual_bytes,
        .open_fds = open_fds,
        .max_fds = max_fds(),
    };
    return true;
}
