// config.h -- the configuration: YAML through one table of fields into one immutable struct. A new
// file makes a new struct; who started under the old one finishes under it.
#pragma once

#include "hotpathd/buf.h"
#include "hotpathd/field.h"

#include <stdatomic.h>

enum hp_mode { HP_MODE_OFF, HP_MODE_SHADOW, HP_MODE_CANARY, HP_MODE_ON };

const char *hp_mode_name(int mode);

// What every route has; its own options lie in `own`.
struct hp_route_config {
    int mode;                        // enum hp_mode
    int64_t percent, shadow_percent; // hundredths
    hp_str salt;
    int64_t deadline_ms, max_deadline_ms;
    int64_t max_body; // bytes
    void *own;
    struct hp_presets presets; // of its requests' options
};

struct hp_limits {
    int64_t connections, connections_per_peer, header_bytes, header_ms, idle_s, memory,
        queue_requests, queue_bytes, log_lines_per_second;
};

// What the daemon gives up once it listens.
struct hp_isolation_config {
    bool landlock, seccomp, core_dumps;
};

struct hp_config {
    struct hp_list listen; // HOST:PORT or unix:PATH
    // No flag named a listener and the list is the default one: the server adds its Unix socket by
    // itself.
    bool listen_is_default;
    hp_str admin;
    int64_t socket_mode;
    hp_str vocabulary;
    int64_t workers;
    int64_t io_threads;
    int64_t spin_us;
    struct hp_list hosts, origins; // allowed beside the built-in ones
    bool allow_remote;
    hp_str token_file; // "": none
    hp_str token;      // what the file holds: the server reads it
    struct hp_list peer_uids;
    hp_str kill_switch; // "": none
    hp_str traces;      // URL of a collector; "": none
    struct hp_limits limits;
    struct hp_isolation_config isolation;
    struct hp_route_config *routes; // one for each section, in its order; behind this struct
    size_t route_count;
    // Where these were set, for who finds more to say against them: "conf/x.yaml:3:5".
    const char *listen_at, *admin_at, *token_file_at;
    char hash[17]; // of the values in force, as 16 hex digits; tells versions apart, proves nothing
    struct hp_arena arena;
    atomic_int references;
};

// A route's part of the file, handed in by whoever knows the routes.
struct hp_section {
    const char *name;
    const struct hp_field *own; // NULL: none
    size_t own_size;
    // Refuses a preset, with the pointer of what is wrong in it. NULL: the route takes none.
    enum hp_code (*preset)(hp_str json, struct hp_arena *arena, struct hp_fault *fault);
};

struct hp_config_problem {
    char text[1024]; // "conf/x.yaml:3:5: unknown key `modee`; did you mean `mode`?"
};

// One `--set route.option=value`, `--listen` or `--admin` of the command line; wins over the file.
struct hp_override {
    hp_str path;  // "routes.chunk.mode", "listen", "admin"
    hp_str value; // a list: repeated overrides replace the file's and add to each other
};

// Reads `file` (NULL: defaults only), then the overrides. NULL, with the problem filled in, where
// anything is wrong: unknown or repeated keys, aliases, tags, several documents, wrong types,
// values out of range.
struct hp_config *hp_config_load(const char *file, const struct hp_section *sections,
    size_t section_count, const struct hp_override *overrides, size_t override_count,
    struct hp_config_problem *problem);

// The same from a file's bytes; `name` stands for the file in the problem.
struct hp_config *hp_config_read(hp_str yaml, const char *name, const struct hp_section *sections,
    size_t section_count, const struct hp_override *overrides, size_t override_count,
    struct hp_config_problem *problem);

struct hp_config *hp_config_share(struct hp_config *config); // takes a reference
void hp_config_free(struct hp_config *config);               // drops one; NULL is fine

// The values in force as a YAML document that hp_config_load reads back to the same hash.
// `sections` are those that the configuration was loaded with.
void hp_config_show(
    const struct hp_config *config, const struct hp_section *sections, struct hp_buf *out);

// A YAML file's bytes (our own documentation: aliases are resolved, plain words typed after the
// core schema of YAML 1.2, tags passed over) as JSON; false where that is not possible, or there is
// no memory.
bool hp_yaml_to_json(hp_str yaml, struct hp_buf *out);

// The version of libyaml that is linked.
const char *hp_config_library(void);
