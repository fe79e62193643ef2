// options.c -- the table of every option. A route's rows are copied for each route, so that its
// name can be the default of `salt`, and its own rows follow them; all values lie in one block
// behind the struct.
#include "config/options.h"

#include "base/places.h"

#include <assert.h>

#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define TIB (INT64_C(1) << 40)

enum { HOUR_MS = 3600000, DAY_S = 86400 };

static const char *const modes[] = {
    [HP_MODE_OFF] = "off",
    [HP_MODE_SHADOW] = "shadow",
    [HP_MODE_CANARY] = "canary",
    [HP_MODE_ON] = "on",
    NULL,
};

const char *hp_mode_name(int mode)
{
    return modes[mode];
}

#define AT(member) .offset = offsetof(struct hp_route_config, member)

static const struct hp_field route_rows[] = {
    { .key = "mode",
        .help = "off: refused with 503; shadow: clients compare, callers get the old result; "
                "canary: `percent` of the callers' keys; on: all of them",
        .type = HP_WORD,
        .words = modes,
        .preset = "on",
        AT(mode) },
    { .key = "percent",
        .help = "share of keys that take the new path in mode canary",
        .type = HP_PERCENT,
        .max = 10000,
        .preset = "100",
        AT(percent) },
    { .key = "shadow_percent",
        .help = "share of keys that are compared in mode shadow",
        .type = HP_PERCENT,
        .max = 10000,
        .preset = "100",
        AT(shadow_percent) },
    { .key = "salt",
        .help = "another salt draws other keys into a canary; the route's name by default",
        .type = HP_STRING,
        .min = 1,
        .max = 128,
        AT(salt) },
    { .key = "deadline_ms",
        .help = "what clients give a call that names no timeout of its own",
        .type = HP_INT,
        .min = 1,
        .max = HOUR_MS,
        .preset = "250",
        AT(deadline_ms) },
    { .key = "max_deadline_ms",
        .help = "the most that a call may ask for; it alone holds where a call names none",
        .type = HP_INT,
        .min = 1,
        .max = HOUR_MS,
        .preset = "10000",
        AT(max_deadline_ms) },
    { .key = "max_body",
        .help = "bytes of a request's body",
        .type = HP_SIZE,
        .min = 1,
        .max = GIB,
        .preset = "32MiB",
        AT(max_body) },
};

#undef AT
#define AT(member) .offset = offsetof(struct hp_limits, member)

static const struct hp_field limit_rows[] = {
    { .key = "connections",
        .help = "open connections; those beyond wait in the kernel",
        .type = HP_INT,
        .min = 1,
        .max = 1000000,
        .preset = "1024",
        AT(connections) },
    { .key = "connections_per_peer",
        .help = "open connections of one user (Unix sockets) or one address (TCP); 0: any number",
        .type = HP_INT,
        .max = 1000000,
        .preset = "0",
        AT(connections_per_peer) },
    { .key = "header_bytes",
        .help = "bytes of a request's line and headers",
        .type = HP_SIZE,
        .min = KIB,
        .max = 32 * KIB,
        .preset = "16KiB",
        AT(header_bytes) },
    { .key = "header_ms",
        .help = "time for a request's headers to come in",
        .type = HP_INT,
        .min = 1,
        .max = HOUR_MS,
        .preset = "1000",
        AT(header_ms) },
    { .key = "idle_s",
        .help = "an idle connection is closed after this many seconds",
        .type = HP_INT,
        .min = 1,
        .max = DAY_S,
        .preset = "120",
        AT(idle_s) },
    { .key = "memory",
        .help = "bytes of all requests together: bodies, work and replies; 429 beyond",
        .type = HP_SIZE,
        .min = KIB,
        .max = TIB,
        .preset = "1GiB",
        AT(memory) },
    { .key = "queue_requests",
        .help = "requests that may wait for a worker; 429 beyond",
        .type = HP_INT,
        .min = 1,
        .max = 1000000,
        .preset = "256",
        AT(queue_requests) },
    { .key = "queue_bytes",
        .help = "bytes of their bodies; 429 beyond",
        .type = HP_SIZE,
        .min = KIB,
        .max = TIB,
        .preset = "256MiB",
        AT(queue_bytes) },
    { .key = "log_lines_per_second",
        .help = "lines of the request log; what is dropped is counted",
        .type = HP_INT,
        .min = 1,
        .max = 1000000,
        .preset = "1000",
        AT(log_lines_per_second) },
    { .key = NULL },
};

#undef AT
#define AT(member) .offset = offsetof(struct hp_isolation_config, member)

static const struct hp_field isolation_rows[] = {
    { .key = "landlock",
        .help = "only the folders of the configuration and the vocabularies can be read",
        .type = HP_BOOL,
        .preset = "true",
        AT(landlock) },
    { .key = "seccomp",
        .help = "only the system calls that serving needs",
        .type = HP_BOOL,
        .preset = "true",
        AT(seccomp) },
    { .key = "core_dumps",
        .help = "whether a crash may leave memory, and so documents, on disk",
        .type = HP_BOOL,
        .preset = "false",
        AT(core_dumps) },
    { .key = NULL },
};

#undef AT
#define AT(member) .offset = offsetof(struct hp_config, member)

static const struct hp_field daemon_rows[] = {
    { .key = "listen",
        .help = "where requests come in: HOST:PORT (port 0: a free one) or unix:PATH",
        .type = HP_LIST,
        .min = 1,
        .max = 255,
        .preset = HP_DATA_ADDRESS,
        AT(listen) },
    { .key = "admin",
        .help = "where health, metrics and switches answer: HOST:PORT or unix:PATH",
        .type = HP_STRING,
        .min = 1,
        .max = 255,
        .preset = HP_ADMIN_ADDRESS,
        AT(admin) },
    { .key = "socket_mode",
        .help = "file mode of Unix sockets",
        .type = HP_MODE,
        .max = 0777,
        .preset = "0660",
        AT(socket_mode) },
    { .key = "vocabulary",
        .help = "folder of the token vocabularies",
        .type = HP_STRING,
        .min = 1,
        .max = 4095,
        .preset = "build/vocab",
        AT(vocabulary) },
    { .key = "workers",
        .help = "threads that compute; 0: as many as there are cores but one, at least 1",
        .type = HP_INT,
        .max = 1024,
        .preset = "0",
        AT(workers) },
    { .key = "io_threads",
        .help = "threads that read requests and write replies, each for its own connections",
        .type = HP_INT,
        .min = 1,
        .max = 64,
        .preset = "1",
        AT(io_threads) },
    { .key = "spin_us",
        .help = "how long the I/O thread looks for input before it sleeps, where that pays; 0: "
                "not at all",
        .type = HP_INT,
        .max = 1000,
        .preset = "50",
        AT(spin_us) },
    { .key = "hosts",
        .help = "Host names that are served beside 127.0.0.1, localhost and [::1]",
        .type = HP_LIST,
        .min = 1,
        .max = 255,
        AT(hosts) },
    { .key = "origins",
        .help = "Origins of browsers that may call; all others are refused with 403",
        .type = HP_LIST,
        .min = 1,
        .max = 255,
        AT(origins) },
    { .key = "allow_remote",
        .help = "whether `listen` may name addresses that are not loopback; needs token_file",
        .type = HP_BOOL,
        .preset = "false",
        AT(allow_remote) },
    { .key = "token_file",
        .help = "a file with a secret that callers over TCP send as `Authorization: Bearer`",
        .type = HP_STRING,
        .max = 4095,
        .preset = "",
        AT(token_file) },
    { .key = "peer_uids",
        .help = "user ids that may call over Unix sockets; none: whom socket_mode lets in",
        .type = HP_LIST,
        .min = 1,
        .max = 10,
        AT(peer_uids) },
    { .key = "kill_switch",
        .help = "while there is a file of this name every route is off; looked for each second",
        .type = HP_STRING,
        .max = 4095,
        .preset = HP_RUN_FOLDER "/off",
        AT(kill_switch) },
    { .key = "traces",
        .help = "OTLP/HTTP collector that spans go to, http://HOST:PORT/v1/traces; empty: none",
        .type = HP_STRING,
        .max = 255,
        .preset = "",
        AT(traces) },
    // The offsets and the sections of these two come with the routes: hp_options_tree.
    { .key = "routes", .help = "one section a route", .type = HP_OBJECT },
    { .key = "presets",
        .help = "sets of a request's options, by route and name",
        .type = HP_OBJECT },
    { .key = "limits",
        .help = "what one daemon takes at most",
        .type = HP_OBJECT,
        .fields = limit_rows,
        AT(limits) },
    { .key = "isolation",
        .help = "what the daemon gives up once it listens",
        .type = HP_OBJECT,
        .fields = isolation_rows,
        AT(isolation) },
    { .key = NULL },
};

#undef AT

enum { ROUTE_ROWS = sizeof route_rows / sizeof *route_rows, ALIGN = _Alignof(max_align_t) };

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t route_at(size_t i)
{
    return aligned(sizeof(struct hp_config)) + i * sizeof(struct hp_route_config);
}

// Where the own options of section `i` begin; with i == count where all end.
static size_t own_at(const struct hp_section *sections, size_t count, size_t i)
{
    size_t at = aligned(route_at(count));
    for (size_t j = 0; j < i; j++)
        at += aligned(sections[j].own_size);
    return at;
}

size_t hp_options_size(const struct hp_section *sections, size_t count)
{
    return own_at(sections, count, count);
}

void hp_options_place(struct hp_config *config, const struct hp_section *sections, size_t count)
{
    char *start = (char *)config;
    config->routes = (struct hp_route_config *)(void *)(start + route_at(0));
    config->route_count = count;
    for (size_t i = 0; i < count; i++)
        config->routes[i].own = sections[i].own ? start + own_at(sections, count, i) : NULL;
}

static size_t rows_count(const struct hp_field *rows)
{
    size_t count = 0;
    while (rows && rows[count].key)
        count++;
    return count;
}

// The rows of section `i`, relative to its struct hp_route_config.
static const struct hp_field *section_rows(
    const struct hp_section *sections, size_t count, size_t i, struct hp_arena *arena)
{
    const struct hp_section *section = &sections[i];
    size_t own_count = rows_count(section->own);
    struct hp_field *rows = HP_NEW(arena, struct hp_field, ROUTE_ROWS + own_count + 1);
    if (!rows)
        return NULL;
    memcpy(rows, route_rows, sizeof route_rows);
    for (size_t r = 0; r < ROUTE_ROWS; r++)
        if (strcmp(rows[r].key, "salt") == 0)
            rows[r].preset = section->name;
    for (size_t r = 0; r < own_count; r++) {
        struct hp_field *row = &rows[ROUTE_ROWS + r];
        *row = section->own[r];
        assert(hp_field_find(rows, hp_str_from(row->key)) == row); // an option of every route
        row->offset += own_at(sections, count, i) - route_at(i);
    }
    return rows;
}

static const struct hp_field *all_sections(
    const struct hp_section *sections, size_t count, struct hp_arena *arena)
{
    struct hp_field *rows = HP_NEW(arena, struct hp_field, count + 1);
    for (size_t i = 0; rows && i < count; i++) {
        rows[i] = (struct hp_field){ .key = sections[i].name,
            .help = "the options of this route",
            .type = HP_OBJECT,
            .offset = i * sizeof(struct hp_route_config),
            .fields = section_rows(sections, count, i, arena) };
        if (!rows[i].fields)
            return NULL;
    }
    return rows;
}

static const struct hp_field *all_presets(
    const struct hp_section *sections, size_t count, struct hp_arena *arena)
{
    struct hp_field *rows = HP_NEW(arena, struct hp_field, count + 1), *row = rows;
    for (size_t i = 0; rows && i < count; i++)
        if (sections[i].preset)
            *row++ = (struct hp_field){ .key = sections[i].name,
                .help = "what a request may name as its preset",
                .type = HP_PRESETS,
                .offset = i * sizeof(struct hp_route_config) +
                          offsetof(struct hp_route_config, presets) };
    return rows;
}

static void place_rows(struct hp_field *tree, const char *key, const struct hp_field *rows)
{
    for (struct hp_field *row = tree; row->key; row++)
        if (strcmp(row->key, key) == 0) {
            row->offset = route_at(0);
            row->fields = rows;
        }
}

const struct hp_field *hp_options_tree(
    const struct hp_section *sections, size_t count, struct hp_arena *arena)
{
    struct hp_field *rows = HP_NEW_RAW(arena, struct hp_field, sizeof daemon_rows / sizeof *rows);
    const struct hp_field *routes = all_sections(sections, count, arena);
    const struct hp_field *presets = all_presets(sections, count, arena);
    if (!rows || !routes || !presets)
        return NULL;
    memcpy(rows, daemon_rows, sizeof daemon_rows);
    place_rows(rows, "routes", routes);
    place_rows(rows, "presets", presets);
    return rows;
}
