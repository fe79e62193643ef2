// rollout.h -- GET /v1/rollout: the switches in force, for clients that poll. `killed`: the kill
// switch is there, so every route is off.
#pragma once

#include "config/config.h"

enum { HP_ROLLOUT_VERSION = 24 };

// Changes whenever anything in the rollout does.
void hp_rollout_version(
    const struct hp_config *config, bool killed, char version[HP_ROLLOUT_VERSION]);

void hp_rollout_write(const struct hp_config *config, bool killed, struct hp_buf *out);

// The text that was written last, for as long as it holds. One thread's.
struct hp_rollout_kept {
    struct hp_config *config; // that it tells of, shared; NULL: none yet
    bool killed;
    struct hp_arena arena;
    struct hp_buf text;
};

// As hp_rollout_write.
void hp_rollout_put(
    struct hp_rollout_kept *kept, struct hp_config *config, bool killed, struct hp_buf *out);

void hp_rollout_kept_done(struct hp_rollout_kept *kept);

// Whether an If-None-Match names what is in force.
bool hp_rollout_matches(const struct hp_config *config, bool killed, hp_str if_none_match);
