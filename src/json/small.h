// small.h -- jansson's part: it decides what a number or literal is, and whether a value of the
// wrong type is JSON at all.
#pragma once

#include "hotpathd/json.h"

#include <jansson.h>

// Reads the value in text[0, len), which begins at `offset` of the body and is no longer than
// HP_JSON_SMALL_MAX; json_decref is the caller's.
HP_MUST_USE enum hp_code hp_small_read(const char *text, size_t len, size_t offset,
    const char *pointer, json_t **out, struct hp_fault *fault);

// Whether the value is a whole number from 0 on of at most 18 digits, written as JSON demands: what
// most numbers in a request are, and needs no jansson.
bool hp_small_plain(const char *text, size_t len, int64_t *value);

static inline void hp_small_drop(json_t **value)
{
    json_decref(*value);
}

// Beside the declaration of a json_t pointer: dropped when it goes out of scope.
#define HP_DROPPED __attribute__((cleanup(hp_small_drop)))
