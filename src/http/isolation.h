// isolation.h -- what the daemon gives up once it listens: files that it does not need, system
// calls that it never makes, core dumps with documents in them. Each can be switched off, and each
// does without where the kernel has no such thing.
#pragma once

#include "config/config.h"

struct hp_isolation {
    char landlock[64], seccomp[64], core_dumps[64]; // what is in force, for a person
};

// Before any thread is started: threads inherit what their creator gave up. `config_file` may be
// NULL. Logs what could not be had, one line each.
void hp_isolate(
    const struct hp_config *config, const char *config_file, struct hp_isolation *isolation);
