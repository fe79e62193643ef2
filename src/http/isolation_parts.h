// isolation_parts.h -- the two filters of isolation.c, which comes first: the process can gain no
// rights any more. Each writes into `state` what is in force.
#pragma once

#include "http/isolation.h"

void hp_isolation_files(const struct hp_config *config, const char *config_file, char *state);
void hp_isolation_calls(char *state);

// The kernel has no such thing, or does not let us.
void hp_isolation_without(char *state, const char *what, const char *why);
