// events.h -- a YAML file event by event, as libyaml parses it. Anchors, aliases, tags and merge
// keys are refused on the way, so that there is nothing to resolve.
#pragma once

#include "config/loading.h"

#include <yaml.h>

struct hp_events {
    yaml_parser_t parser;
    yaml_event_t event; // the one that the reader stands at
    struct hp_loading *loading;
};

#define HP_EVENTS_REFUSE(events, ...)                                                              \
    hp_fail((events)->loading->fault, HP_BAD_TYPE, NULL, __VA_ARGS__)

// Moves on to the next event; the load then stands where it begins.
HP_MUST_USE enum hp_code hp_events_next(struct hp_events *events);

void hp_events_done(struct hp_events *events);

bool hp_events_is_scalar(const struct hp_events *events);
bool hp_events_is_plain(const struct hp_events *events); // a scalar without quotes
bool hp_events_is_null(const struct hp_events *events);  // of a scalar
hp_str hp_events_scalar(const struct hp_events *events); // until the next event

// Refuses what is no key of a mapping.
HP_MUST_USE enum hp_code hp_events_key(struct hp_events *events);
