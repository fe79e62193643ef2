// loading.h -- one load in progress. The file's reader and the flags both set rows of one tree;
// each notes where a row was set, so that a failure, even one that shows only later, names its
// place.
#pragma once

#include "config/config.h"

// Where a row was set: at a flag, or at a line and column (from 1, in characters) of the file.
struct hp_origin {
    const struct hp_field *row;
    const struct hp_override *flag; // NULL: the file
    size_t line, column;
    const struct hp_origin *before;
};

struct hp_loading {
    struct hp_config *config;
    const struct hp_field *fields;
    const struct hp_section *sections;
    struct hp_origin at;             // where the load stands: the place of a failure
    const struct hp_origin *origins; // newest first
    struct hp_fault *fault;
};

// Remembers that `row` was set where the load stands.
HP_MUST_USE enum hp_code hp_loading_note(struct hp_loading *loading, const struct hp_field *row);

// Where `row` was set last, or NULL.
const struct hp_origin *hp_loading_origin(
    const struct hp_loading *loading, const struct hp_field *row);

// Failures that the file and the flags share: a key that no row has, a group of options without its
// keys.
enum hp_code hp_loading_unknown(
    struct hp_loading *loading, const struct hp_field *fields, hp_str key);
enum hp_code hp_loading_group(struct hp_loading *loading, const struct hp_field *group);

// The three steps: each leaves the place of its failure in `at`.
HP_MUST_USE enum hp_code hp_yaml_read(struct hp_loading *loading, hp_str yaml);
HP_MUST_USE enum hp_code hp_flags_read(
    struct hp_loading *loading, const struct hp_override *overrides, size_t count);
HP_MUST_USE enum hp_code hp_rules_check(struct hp_loading *loading);
