// presets.h -- named sets of a request's options.
#pragma once

#include "config/events.h"

// Reads the mapping that `events` stands at into the struct hp_presets of `field`, whose key is the
// route's name; `path` is the dotted one, for the failure's words.
HP_MUST_USE enum hp_code hp_presets_read(
    struct hp_events *events, const struct hp_field *field, void *out, const char *path);
