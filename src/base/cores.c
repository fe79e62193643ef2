// cores.c -- affinity and control groups. A container's quota is not seen in the affinity: a pool
// of threads sized by the host would be throttled for most of each period.
#include "base/cores.h"

#include <sched.h>
#include <stdio.h>

static bool lists(hp_str controllers, const char *name)
{
    while (controllers.len)
        if (hp_str_is(hp_str_cut(&controllers, ','), name))
            return true;
    return false;
}

bool hp_cores_group(hp_str line, bool *unified, hp_str *group)
{
    hp_str id = hp_str_cut(&line, ':');
    hp_str controllers = hp_str_cut(&line, ':');
    if (line.len == 0 || line.ptr[0] != '/')
        return false;
    *unified = controllers.len == 0 && hp_str_is(id, "0");
    *group = line;
    return *unified || lists(controllers, "cpu");
}

unsigned hp_cores_of_quota(hp_str quota, hp_str period)
{
    uint64_t busy, of;
    if (!hp_str_decimal(hp_str_trim(quota), &busy) || !hp_str_decimal(hp_str_trim(period), &of) ||
        of == 0)
        return 0;
    uint64_t cores = busy / of;
    return cores < 1 ? 1 : cores > 1u << 16 ? 1u << 16 : (unsigned)cores;
}

static hp_str without_end(const char *line)
{
    hp_str rest = hp_str_from(line);
    return hp_str_cut(&rest, '\n');
}

// The first line of a file.
static hp_str read_line(const char *path, char *text, int size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return (hp_str){ NULL, 0 };
    char *got = fgets(text, size, file);
    fclose(file);
    return got ? without_end(text) : (hp_str){ NULL, 0 };
}

static unsigned quota_of(bool unified, const char *folder)
{
    char path[1200], text[64], period[64];
    if (unified) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", folder);
        hp_str both = read_line(path, text, sizeof text);
        hp_str quota = hp_str_cut(&both, ' ');
        return hp_cores_of_quota(quota, both);
    }
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", folder);
    hp_str quota = read_line(path, text, sizeof text);
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", folder);
    return hp_cores_of_quota(quota, read_line(path, period, sizeof period));
}

static unsigned smaller(unsigned cores, unsigned quota)
{
    return quota && quota < cores ? quota : cores;
}

// The group itself and all around it, up to the root: each may hold a quota.
static unsigned within(unsigned cores, bool unified, hp_str group)
{
    char folder[1024];
    snprintf(folder, sizeof folder, "%.*s", (int)group.len, group.ptr);
    for (char *slash = strrchr(folder, '/'); slash; slash = strrchr(folder, '/')) {
        cores = smaller(cores, quota_of(unified, folder));
        *slash = '\0';
    }
    return smaller(cores, quota_of(unified, ""));
}

static unsigned affinity(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 0 ? (unsigned)count : 1;
}

unsigned hp_cores(void)
{
    unsigned cores = affinity();
    char line[1100];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        bool unified;
        hp_str group;
        if (hp_cores_group(without_end(line), &unified, &group))
            cores = within(cores, unified, group);
    }
    if (file)
        fclose(file);
    return cores;
}
