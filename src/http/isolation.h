// isolation.h -- what the daemon gives up once it listens: files that it does not need, system
// calls that it never makes, core dumps with documents in them. Each can be switched off, and each
// does without where the kernel has no such thing.
#pragma once

#include "config/config.h"

enum { HP_ISOLATION_STATE = 64 };

struct hp_isolation { // what is in force, for a person
    char landlock[HP_ISOLATION_STATE], seccomp[HP_ISOLATION_STATE], core_dumps[HP_ISOLATION_STATE];
};

// Before any thread is started: threads inherit what their creator gave up. `config_file` may be
// NULL. Logs what could not be had, one line each.
void hp_isolate(
    const struct hp_config *config, const char *config_file, struct hp_isolation *isolation);
