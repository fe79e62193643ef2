// route.h -- the interface of a hot path: one const struct a route, one row in routes.def. A route
// knows its contract and its pure functions; routing, deadlines, limits, metrics and logs come with
// the row.
#pragma once

#include "hotpathd/buf.h"
#include "hotpathd/deadline.h"
#include "hotpathd/field.h"

enum hp_stage { HP_ARRIVAL, HP_BODY, HP_QUEUE, HP_PARSE, HP_COMPUTE, HP_WRITE, HP_STAGES };

const char *hp_stage_name(enum hp_stage stage);

// Where a request is, and what each stage has taken so far.
struct hp_progress {
    enum hp_stage stage;
    uint64_t since_ns;
    uint64_t spent_ns[HP_STAGES];
};

void hp_progress_enter(struct hp_progress *progress, enum hp_stage stage);

struct hp_request {
    char *body; // writable, the route's to decode in place; HP_PADDING readable bytes behind it
    size_t body_len;
    hp_str media_type;                // lower case, without parameters
    hp_str query;                     // raw, without '?'
    const void *options;              // the route's own options in force
    const struct hp_presets *presets; // in force; NULL: none
    struct hp_arena *arena;
    struct hp_deadline deadline;
    struct hp_progress progress;
};

// Moves to the next stage and checks the deadline.
HP_MUST_USE enum hp_code hp_enter(
    struct hp_request *request, enum hp_stage stage, struct hp_fault *fault);

// What a route gets when it is opened.
struct hp_setting {
    const char *vocabulary; // folder of the token vocabularies
    char notice[256];       // set by the route: a warning for the log, or empty
};

// What a route's caches hold, and how many entries at most.
struct hp_cached {
    size_t entries, limit;
};

struct hp_route {
    const char *name;     // path /v1/<name>, key in the configuration
    const char *alias;    // a second name for the path alone, or NULL
    const char *contract; // X-Hotpath-Contract
    const char *summary;
    hp_str example; // a JSON body that must succeed
    const char *const
        *media_types; // of raw bodies, taken beside application/json; NULL-terminated, or NULL
    const struct hp_field
        *options; // its own options in the configuration, beside those of every route
    size_t options_size;
    // Reads a preset of the configuration as a request would: what is at fault has its pointer.
    // Lives in `arena`, which is dropped. NULL: the route takes no presets.
    enum hp_code (*preset)(hp_str json, struct hp_arena *arena, struct hp_fault *fault);
    size_t state_size;
    // All three are there; a route without a state opens and closes nothing.
    enum hp_code (*open)(void *state, struct hp_setting *setting, struct hp_fault *fault);
    // Called on any thread, many at a time; does no I/O and logs nothing. Appends the reply's JSON
    // to `reply`.
    enum hp_code (*run)(const void *state, struct hp_request *request, struct hp_buf *reply,
        struct hp_fault *fault);
    void (*close)(void *state);
    // For the metrics, on any thread. NULL: it has no caches.
    struct hp_cached (*cached)(const void *state);
};

// The rows of src/routes/routes.def.
extern const struct hp_route *const hp_routes[];
extern const size_t hp_route_count;
