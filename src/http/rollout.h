// rollout.h -- GET /v1/rollout: the switches in force, for clients that poll.
#pragma once

#include "config/config.h"

void hp_rollout_write(const struct hp_config *config, struct hp_buf *out);

// Whether an If-None-Match names what is in force.
bool hp_rollout_matches(const struct hp_config *config, hp_str if_none_match);
