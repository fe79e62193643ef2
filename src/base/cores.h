// cores.h -- how many processors this process may keep busy.
#pragma once

#include "hotpathd/str.h"

// The smaller of its affinity and the quota of its control group (version 2 cpu.max, version 1
// cpu.cfs_quota_us, of the group and those around it); whole processors, at least 1.
unsigned hp_cores(void);

// Of a quota and a period in microseconds, as the files hold them: whole processors, at least 1; 0
// where there is no quota ("max", -1) or the text is none.
unsigned hp_cores_of_quota(hp_str quota, hp_str period);

// The group that a line of /proc/self/cgroup names for processors: false where it names another
// kind. `unified`: version 2.
bool hp_cores_group(hp_str line, bool *unified, hp_str *group);
