// process.h -- what the kernel says of this process, for the metrics.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hp_process {
    double cpu_s;
    uint64_t resident_bytes, virtual_bytes;
    uint64_t open_fds, max_fds;
};

// When it started, in seconds since 1970; 0 where /proc cannot be read. Asked once: it is made of
// two clocks, and a second answer would differ in its last digits and look like a restart.
double hp_process_start_s(void);

// False where /proc is not there or cannot be read.
bool hp_process_read(struct hp_process *process);
