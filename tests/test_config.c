// test_config.c -- the configuration: what is read, what is refused and where, and the way back.
#include "config/config.h"
#include "config/options.h"
#include "hotpathd/route.h"

#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

// A route with options of its own, beside one that has none.
struct own {
    int64_t terms, document;
    bool strict;
    double ratio;
    struct hp_list names;
};

static const struct hp_field own_fields[] = {
    { .key = "max_terms",
        .type = HP_INT,
        .min = 1,
        .max = 64,
        .preset = "64",
        .offset = offsetof(struct own, terms) },
    { .key = "max_document",
        .type = HP_SIZE,
        .min = 1,
        .max = 1 << 30,
        .preset = "1MiB",
        .offset = offsetof(struct own, document) },
    { .key = "strict", .type = HP_BOOL, .preset = "true", .offset = offsetof(struct own, strict) },
    { .key = "ratio",
        .type = HP_REAL,
        .max = 1,
        .preset = "0.75",
        .offset = offsetof(struct own, ratio) },
    { .key = "names",
        .type = HP_LIST,
        .min = 1,
        .max = 9,
        .preset = "a b",
        .offset = offsetof(struct own, names) },
    { .key = NULL },
};

static const struct hp_section sections[] = { { .name = "chunk" },
    { .name = "extra", .own = own_fields, .own_size = sizeof(struct own) } };

static struct hp_config_problem problem;

static struct hp_config *read_flags(hp_str yaml, const struct hp_override *flags, size_t count)
{
    problem.text[0] = '\0';
    return hp_config_read(yaml, "x.yaml", sections, COUNT(sections), flags, count, &problem);
}

static struct hp_config *read_text(const char *yaml)
{
    return read_flags(hp_str_from(yaml), NULL, 0);
}

static struct hp_config *must_read(const char *yaml)
{
    struct hp_config *config = read_text(yaml);
    ck_assert_msg(config != NULL, "%s: %s", yaml, problem.text);
    return config;
}

static const struct own *own_of(const struct hp_config *config)
{
    return config->routes[1].own;
}

START_TEST(nothing_given_is_all_defaults)
{
    static const char *const nothings[] = { "", "\n", "# only a comment\n", "---\n", "--- ~\n",
        "{}\n", "\xef\xbb\xbf", "null" };
    for (size_t i = 0; i < COUNT(nothings); i++) {
        struct hp_config *config = must_read(nothings[i]);
        ck_assert_uint_eq(config->listen.count, 1);
        ck_assert(hp_str_is(config->listen.item[0], "127.0.0.1:8377"));
        ck_assert(config->listen_is_default);
        ck_assert(hp_str_is(config->admin, "127.0.0.1:8378"));
        ck_assert_int_eq(config->socket_mode, 0660);
        ck_assert(hp_str_is(config->vocabulary, "build/vocab"));
        ck_assert_int_eq(config->workers, 0);
        ck_assert_uint_eq(config->hosts.count + config->origins.count, 0);
        ck_assert_int_eq(config->limits.connections, 1024);
        ck_assert_int_eq(config->limits.header_bytes, 16 << 10);
        ck_assert_int_eq(config->limits.header_ms, 1000);
        ck_assert_int_eq(config->limits.idle_s, 120);
        ck_assert_int_eq(config->limits.memory, 1 << 30);
        ck_assert_int_eq(config->limits.queue_requests, 256);
        ck_assert_int_eq(config->limits.queue_bytes, 256 << 20);
        ck_assert_int_eq(config->limits.log_lines_per_second, 1000);
        ck_assert_uint_eq(config->route_count, 2);
        for (size_t r = 0; r < 2; r++) {
            const struct hp_route_config *route = &config->routes[r];
            ck_assert_int_eq(route->mode, HP_MODE_ON);
            ck_assert_int_eq(route->percent, 10000);
            ck_assert_int_eq(route->shadow_percent, 10000);
            ck_assert(hp_str_is(route->salt, sections[r].name));
            ck_assert_int_eq(route->deadline_ms, 250);
            ck_assert_int_eq(route->max_deadline_ms, 10000);
            ck_assert_int_eq(route->max_body, 32 << 20);
        }
        ck_assert_ptr_null(config->routes[0].own);
        ck_assert_int_eq(own_of(config)->terms, 64);
        ck_assert_int_eq(own_of(config)->document, 1 << 20);
        ck_assert(own_of(config)->strict);
        ck_assert_double_eq(own_of(config)->ratio, 0.75);
        ck_assert_uint_eq(own_of(config)->names.count, 2);
        hp_config_free(config);
    }
}
END_TEST

static const char everything[] = "listen: ['[::1]:0', unix:/tmp/x.sock]\n"
                                 "admin: unix:/tmp/admin.sock\n"
                                 "socket_mode: 0600\n"
                                 "vocabulary: \"/opt/a \\u00e9\\n\\\"b\\\"\"\n"
                                 "workers: 3\n"
                                 "hosts: [sidecar.internal]\n"
                                 "origins:\n"
                                 "  - https://a.example\n"
                                 "  - https://b.example\n"
                                 "routes:\n"
                                 "  chunk: {mode: canary, percent: 5.25, salt: 7, max_body: 4KiB}\n"
                                 "  extra:\n"
                                 "    mode: off\n"
                                 "    deadline_ms: 10000\n"
                                 "    max_terms: 8\n"
                                 "    max_document: 123\n"
                                 "    strict: false\n"
                                 "    ratio: 0.1\n"
                                 "    names: []\n"
                                 "limits:\n"
                                 "  memory: 2GiB\n"
                                 "  idle_s: 5\n";

START_TEST(reads_every_kind_of_option)
{
    struct hp_config *config = must_read(everything);
    ck_assert_uint_eq(config->listen.count, 2);
    ck_assert(hp_str_is(config->listen.item[0], "[::1]:0"));
    ck_assert(hp_str_is(config->listen.item[1], "unix:/tmp/x.sock"));
    ck_assert(!config->listen_is_default);
    ck_assert_int_eq(config->socket_mode, 0600);
    ck_assert(hp_str_is(config->vocabulary, "/opt/a \xc3\xa9\n\"b\""));
    ck_assert_int_eq(config->workers, 3);
    ck_assert_uint_eq(config->origins.count, 2);
    ck_assert(hp_str_is(config->origins.item[1], "https://b.example"));
    ck_assert_int_eq(config->routes[0].mode, HP_MODE_CANARY);
    ck_assert_int_eq(config->routes[0].percent, 525);
    ck_assert(hp_str_is(config->routes[0].salt, "7"));
    ck_assert_int_eq(config->routes[0].max_body, 4096);
    ck_assert_int_eq(config->routes[1].mode, HP_MODE_OFF);
    ck_assert_int_eq(config->routes[1].deadline_ms, 10000);
    ck_assert_int_eq(own_of(config)->terms, 8);
    ck_assert_int_eq(own_of(config)->document, 123);
    ck_assert(!own_of(config)->strict);
    ck_assert_double_eq(own_of(config)->ratio, 0.1);
    ck_assert_uint_eq(own_of(config)->names.count, 0);
    ck_assert_int_eq(config->limits.memory, INT64_C(2) << 30);
    ck_assert_int_eq(config->limits.idle_s, 5);
    ck_assert_int_eq(config->limits.connections, 1024);
    hp_config_free(config);
}
END_TEST

START_TEST(booleans_of_yaml_mean_the_words_of_a_mode)
{
    static const struct {
        const char *text;
        int mode;
    } rows[] = { { "on", HP_MODE_ON }, { "On", HP_MODE_ON }, { "true", HP_MODE_ON },
        { "off", HP_MODE_OFF }, { "OFF", HP_MODE_OFF }, { "False", HP_MODE_OFF },
        { "'off'", HP_MODE_OFF }, { "\"canary\"", HP_MODE_CANARY }, { "shadow", HP_MODE_SHADOW } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char yaml[64];
        snprintf(yaml, sizeof yaml, "routes: {chunk: {mode: %s}}", rows[i].text);
        struct hp_config *config = must_read(yaml);
        ck_assert_int_eq(config->routes[0].mode, rows[i].mode);
        hp_config_free(config);
    }
}
END_TEST

#define CHUNK "routes:\n  chunk:\n    "
#define MODES "it takes off, shadow, canary or on"
#define NOT_YAML(text) "not YAML: " text "; check indent, quotes and brackets up to here"

static const struct {
    const char *yaml, *problem;
} bad[] = {
    // keys
    { "lisen: []", "x.yaml:1:1: unknown key `lisen`; did you mean `listen`?" },
    { "workers: 1\n\nzzz: 1",
        "x.yaml:3:1: unknown key `zzz`; here go listen, admin, socket_mode, "
        "vocabulary, workers, io_threads, spin_us, hosts, origins, allow_remote, token_file, "
        "peer_uids, kill_switch, traces, routes, presets, limits, isolation" },
    { CHUNK "modee: on", "x.yaml:3:5: unknown key `modee`; did you mean `mode`?" },
    { CHUNK "max_terms: 3", "x.yaml:3:5: unknown key `max_terms`; here go mode, percent, "
                            "shadow_percent, salt, deadline_ms, max_deadline_ms, max_body" },
    { "routes: {chnk: {}}", "x.yaml:1:10: unknown key `chnk`; did you mean `chunk`?" },
    { "presets: {chunk: {}}", "x.yaml:1:11: unknown key `chunk`; here go none" },
    { "\"a\\e[1m\": 1", "x.yaml:1:1: unknown key `a?[1m`; here go listen, admin, socket_mode, "
                        "vocabulary, workers, io_threads, spin_us, hosts, origins, allow_remote, "
                        "token_file, peer_uids, "
                        "kill_switch, traces, routes, presets, limits, isolation" },
    { "# \xc3\xa9\n\xc3\xa9\xc3\xa9: 1",
        "x.yaml:2:1: unknown key `\xc3\xa9\xc3\xa9`; here go listen, admin, socket_mode, "
        "vocabulary, workers, io_threads, spin_us, hosts, origins, allow_remote, token_file, "
        "peer_uids, "
        "kill_switch, "
        "traces, routes, presets, "
        "limits, isolation" },
    { "workers: 1\nadmin: a:1\nworkers: 2",
        "x.yaml:3:1: `workers` is already set on line 1; keep one of the two" },
    { CHUNK "mode: on\n    mode: on",
        "x.yaml:4:5: `mode` is already set on line 3; keep one of the two" },
    { "routes: {chunk: {}, chunk: {}}",
        "x.yaml:1:21: `chunk` is already set on line 1; keep one of the two" },
    { "limits: {}\n'limits': {}",
        "x.yaml:2:1: `limits` is already set on line 1; keep one of the two" },
    { "? [a]\n: 1", "x.yaml:1:3: a list or a mapping as a key; a key is one word" },
    { "? {a: b}\n: 1", "x.yaml:1:3: a list or a mapping as a key; a key is one word" },
    // what YAML can do and we do not take
    { "limits: &l {idle_s: 5}",
        "x.yaml:1:9: anchors are not taken; write the value out where it is used" },
    { "workers: &w 5", "x.yaml:1:10: anchors are not taken; write the value out where it is used" },
    { "hosts: &h [a]", "x.yaml:1:8: anchors are not taken; write the value out where it is used" },
    { "&k workers: 5", "x.yaml:1:1: anchors are not taken; write the value out where it is used" },
    { "workers: *w", "x.yaml:1:10: aliases are not taken; write the value out" },
    { "*a : 1", "x.yaml:1:1: aliases are not taken; write the value out" },
    { "workers: !!int 5", "x.yaml:1:10: tags are not taken; the option decides the type" },
    { "workers: !mine 5", "x.yaml:1:10: tags are not taken; the option decides the type" },
    { "workers: ! 5", "x.yaml:1:10: tags are not taken; the option decides the type" },
    { "hosts: !!seq [a]", "x.yaml:1:8: tags are not taken; the option decides the type" },
    { "!!map {}", "x.yaml:1:1: tags are not taken; the option decides the type" },
    { "limits:\n  <<: {idle_s: 5}", "x.yaml:2:3: merge keys are not taken; write the values out" },
    { "workers: 1\n---\nworkers: 2", "x.yaml:2:1: a second document; one file holds one" },
    { "--- {}\n--- {}", "x.yaml:2:1: a second document; one file holds one" },
    // shapes
    { "- a", "x.yaml:1:1: `the file` is a group; it takes listen, admin, socket_mode, "
             "vocabulary, workers, io_threads, spin_us, hosts, origins, allow_remote, token_file, "
             "peer_uids, "
             "kill_switch, traces, routes, presets, "
             "limits, isolation" },
    { "hello", "x.yaml:1:1: `the file` is a group; it takes listen, admin, socket_mode, "
               "vocabulary, workers, io_threads, spin_us, hosts, origins, allow_remote, "
               "token_file, peer_uids, "
               "kill_switch, traces, routes, presets, "
               "limits, isolation" },
    { "routes: 5", "x.yaml:1:9: `routes` is a group; it takes chunk, extra" },
    { "routes:\n- chunk", "x.yaml:2:1: `routes` is a group; it takes chunk, extra" },
    { "routes: {chunk: on}", "x.yaml:1:17: `chunk` is a group; it takes mode, percent, "
                             "shadow_percent, salt, deadline_ms, max_deadline_ms, max_body" },
    { "listen: 127.0.0.1:1",
        "x.yaml:1:9: listen is not of its type; it takes a list of strings, 1 to 255 bytes" },
    { "listen: {a: b}",
        "x.yaml:1:9: listen is not of its type; it takes a list of strings, 1 to 255 bytes" },
    { "listen: [a:1, [b]]",
        "x.yaml:1:15: listen is not of its type; it takes a list of strings, 1 to 255 bytes" },
    { "listen: [a:1, ~]",
        "x.yaml:1:15: listen is not of its type; it takes a list of strings, 1 to 255 bytes" },
    { "workers: [1]", "x.yaml:1:10: workers is not of its type; it takes an integer, 0 to 1024" },
    { "workers: {a: 1}",
        "x.yaml:1:10: workers is not of its type; it takes an integer, 0 to 1024" },
    { "hosts: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,b]",
        "x.yaml:1:41: hosts is out of its range; it takes at most 16 items" },
    // types
    { "workers:", "x.yaml:1:9: workers is not of its type; it takes an integer, 0 to 1024" },
    { "workers: null", "x.yaml:1:10: workers is not of its type; it takes an integer, 0 to 1024" },
    { "workers: two", "x.yaml:1:10: workers is not of its type; it takes an integer, 0 to 1024" },
    { "workers: '2'", "x.yaml:1:10: workers is not of its type; it takes an integer, 0 to 1024" },
    { "workers: 2.0", "x.yaml:1:10: workers is not of its type; it takes an integer, 0 to 1024" },
    { "workers: |\n  2",
        "x.yaml:1:10: workers is not of its type; it takes an integer, 0 to 1024" },
    { "admin: ~", "x.yaml:1:8: admin is not of its type; it takes a string, 1 to 255 bytes" },
    { "socket_mode: 660",
        "x.yaml:1:14: socket_mode is not of its type; it takes an octal file mode "
        "as in 0660, 0000 to 0777" },
    { "limits: {memory: 1GB}",
        "x.yaml:1:18: limits.memory is not of its type; it takes a number of "
        "bytes, or a size as in "
        "16MiB, 1KiB to 1024GiB" },
    { CHUNK "percent: '5'", "x.yaml:3:14: routes.chunk.percent is not of its type; it takes a "
                            "percentage with at most two decimals, 0 to 100" },
    { CHUNK "percent: 5.123", "x.yaml:3:14: routes.chunk.percent is not of its type; it takes a "
                              "percentage with at most two decimals, 0 to 100" },
    { "routes: {extra: {strict: yes}}",
        "x.yaml:1:26: routes.extra.strict is not of its type; it takes true or false" },
    { "routes: {extra: {strict: 'true'}}",
        "x.yaml:1:26: routes.extra.strict is not of its type; it takes true or false" },
    // ranges
    { CHUNK "mode: maybe", "x.yaml:3:11: routes.chunk.mode is out of its range; " MODES },
    { CHUNK "mode: yes", "x.yaml:3:11: routes.chunk.mode is out of its range; " MODES },
    { CHUNK "mode: 'true'", "x.yaml:3:11: routes.chunk.mode is out of its range; " MODES },
    { CHUNK "percent: 100.5",
        "x.yaml:3:14: routes.chunk.percent is out of its range; it takes 0 to 100" },
    { CHUNK "salt: ''",
        "x.yaml:3:11: routes.chunk.salt is out of its range; it takes 1 to 128 bytes" },
    { "workers: -1", "x.yaml:1:10: workers is out of its range; it takes 0 to 1024" },
    { "workers: 99999999999999999999",
        "x.yaml:1:10: workers is out of its range; it takes 0 to 1024" },
    { "limits: {header_bytes: 1}",
        "x.yaml:1:24: limits.header_bytes is out of its range; it takes 1KiB to 32KiB" },
    { "socket_mode: 01777", "x.yaml:1:14: socket_mode is out of its range; it takes 0000 to 0777" },
    { "routes: {extra: {max_terms: 65}}",
        "x.yaml:1:29: routes.extra.max_terms is out of its range; it takes 1 to 64" },
    // rules
    { CHUNK "deadline_ms: 20000",
        "x.yaml:3:18: routes.chunk: deadline_ms is above max_deadline_ms; "
        "10000 at most, or raise the maximum" },
    { CHUNK "max_deadline_ms: 249", "x.yaml:3:22: routes.chunk: deadline_ms is above "
                                    "max_deadline_ms; 249 at most, or raise the "
                                    "maximum" },
    { CHUNK "max_deadline_ms: 5\n    deadline_ms: 6",
        "x.yaml:4:18: routes.chunk: deadline_ms is above max_deadline_ms; 5 at most, or raise the "
        "maximum" },
    { "listen: []", "x.yaml:1:9: `listen` is empty; at least one address" },
    { "workers: 1\nlisten:\n - a:1\n - 8377",
        "x.yaml:3:2: `listen` holds what is no address; HOST:PORT, or unix:PATH of at most 107 "
        "bytes" },
    { "admin: 127.0.0.1",
        "x.yaml:1:8: `admin` holds what is no address; HOST:PORT, or unix:PATH of "
        "at most 107 bytes" },
    { "admin: 127.0.0.1:65536", "x.yaml:1:8: `admin` holds what is no address; HOST:PORT, or "
                                "unix:PATH of at most 107 bytes" },
    { "admin: ':80'", "x.yaml:1:8: `admin` holds what is no address; HOST:PORT, or unix:PATH of at "
                      "most 107 bytes" },
    { "admin: '::1:80'", "x.yaml:1:8: `admin` holds what is no address; HOST:PORT, or unix:PATH of "
                         "at most 107 bytes" },
    { "admin: 'unix:'",
        "x.yaml:1:8: `admin` holds what is no address; HOST:PORT, or unix:PATH of at "
        "most 107 bytes" },
    // bytes and syntax
    { "a: \x01", "x.yaml:1:4: control character 0x01; the file is text in UTF-8" },
    { "workers: 1\n# \xc3\xa9\x7f",
        "x.yaml:2:4: control character 0x7f; the file is text in UTF-8" },
    { "workers: 1\n# \xc3\xa9 \xff",
        "x.yaml:2:5: invalid leading UTF-8 octet; the file is text in UTF-8" },
    { "\xff\xfe", "x.yaml:1:1: invalid leading UTF-8 octet; the file is text in UTF-8" },
    { "limits:\n\tidle_s: 5",
        "x.yaml:2:1: " NOT_YAML("found character that cannot start any token") },
    { "listen: [a:1", "x.yaml:2:1: " NOT_YAML("did not find expected ',' or ']'") },
    { "workers: @5", "x.yaml:1:10: " NOT_YAML("found character that cannot start any token") },
    { "workers: 'a", "x.yaml:1:12: " NOT_YAML("found unexpected end of stream") },
    { "limits: {}\n admin: b", "x.yaml:2:2: " NOT_YAML("did not find expected key") },
    { "traces: https://a:1/v1/traces", "x.yaml:1:9: `traces` is http://HOST:PORT/v1/traces, the "
                                       "OTLP/HTTP address of a collector" },
    { "allow_remote: true",
        "x.yaml:1:15: `allow_remote` needs `token_file`: without a secret anybody "
        "could call" },
    { "peer_uids: [root]", "x.yaml:1:12: `peer_uids` are numbers, as `id -u` prints" },
    { "peer_uids: [4294967295]", "x.yaml:1:12: `peer_uids` are numbers, as `id -u` prints" },
    { "[[[[[[[[[[[[[[[[",
        "x.yaml:1:1: `the file` is a group; it takes listen, admin, "
        "socket_mode, vocabulary, workers, io_threads, spin_us, hosts, origins, allow_remote, "
        "token_file, peer_uids, kill_switch, traces, routes, presets, limits, isolation" },
};

START_TEST(refuses_with_place_and_what_is_right)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        ck_assert_msg(read_text(bad[i].yaml) == NULL, "taken: %s", bad[i].yaml);
        ck_assert_msg(strcmp(problem.text, bad[i].problem) == 0, "%s:\n%s\n%s", bad[i].yaml,
            problem.text, bad[i].problem);
    }
}
END_TEST

START_TEST(refuses_nul_bytes)
{
    ck_assert_ptr_null(read_flags(HP_S("workers: 1\n\0zzz: 1"), NULL, 0));
    ck_assert_str_eq(problem.text, "x.yaml:2:1: control character 0x00; the file is text in UTF-8");
}
END_TEST

// Cut anywhere, the file is taken or refused with a place, and never half taken.
START_TEST(every_truncation_is_taken_or_refused_with_a_place)
{
    size_t refused = 0;
    for (size_t len = 0; len < sizeof everything; len++) {
        char *copy = malloc(len + 1); // exactly as long as it is said to be
        memcpy(copy, everything, len);
        struct hp_config *config = read_flags((hp_str){ copy, len }, NULL, 0);
        free(copy);
        if (!config) {
            refused++;
            ck_assert_msg(strncmp(problem.text, "x.yaml:", 7) == 0, "%s", problem.text);
            ck_assert_ptr_nonnull(strchr(problem.text, ';'));
        }
        hp_config_free(config);
    }
    ck_assert_uint_gt(refused, 50);
}
END_TEST

// --- flags ---------------------------------------------------------------------------------------

#define FLAG(path, value)                                                                          \
    {                                                                                              \
        HP_STR(path), HP_STR(value)                                                                \
    }

START_TEST(flags_win_over_the_file)
{
    static const struct hp_override flags[] = { FLAG("listen", "127.0.0.1:0"),
        FLAG("listen", "unix:/tmp/a"), FLAG("admin", "a:1"), FLAG("routes.chunk.mode", "shadow"),
        FLAG("routes.chunk.mode", "canary"), FLAG("limits.memory", "5MiB"),
        FLAG("routes.extra.max_terms", "9") };
    struct hp_config *config =
        read_flags(HP_S("listen: [b:2]\nroutes: {chunk: {mode: off}}"), flags, COUNT(flags));
    ck_assert_msg(config != NULL, "%s", problem.text);
    ck_assert_uint_eq(config->listen.count, 2);
    ck_assert(hp_str_is(config->listen.item[0], "127.0.0.1:0"));
    ck_assert(hp_str_is(config->listen.item[1], "unix:/tmp/a"));
    ck_assert(hp_str_is(config->admin, "a:1"));
    ck_assert_int_eq(config->routes[0].mode, HP_MODE_CANARY);
    ck_assert_int_eq(config->limits.memory, 5 << 20);
    ck_assert_int_eq(own_of(config)->terms, 9);
    hp_config_free(config);
}
END_TEST

START_TEST(a_named_listener_is_not_the_default_even_where_it_is_the_same)
{
    static const struct hp_override flag = FLAG("listen", "127.0.0.1:8377");
    struct hp_config *named = read_flags(HP_S(""), &flag, 1);
    struct hp_config *written = must_read("listen: ['127.0.0.1:8377']");
    ck_assert(!named->listen_is_default && written->listen_is_default);
    ck_assert_str_eq(named->hash, written->hash);
    hp_config_free(named);
    hp_config_free(written);
}
END_TEST

static const struct {
    struct hp_override flag;
    const char *problem;
} bad_flags[] = {
    { FLAG("routes.chunk.mode", "maybe"),
        "--set chunk.mode=maybe: mode is out of its range; " MODES },
    { FLAG("routes.chunk.mode", "true"),
        "--set chunk.mode=true: mode is out of its range; " MODES },
    { FLAG("routes.chunk.modee", "on"),
        "--set chunk.modee=on: unknown key `modee`; did you mean `mode`?" },
    { FLAG("routes.chnk.mode", "on"),
        "--set chnk.mode=on: unknown key `chnk`; did you mean `chunk`?" },
    { FLAG("routes.chunk.mode.x", "on"),
        "--set chunk.mode.x=on: `mode` is one value; nothing can follow it" },
    { FLAG("routes.extra", "on"),
        "--set extra=on: `extra` is a group; it takes mode, percent, shadow_percent, salt, "
        "deadline_ms, max_deadline_ms, max_body, max_terms, max_document, strict, ratio, names" },
    { FLAG("limits.idle_s", "1.5"),
        "--set limits.idle_s=1.5: idle_s is not of its type; it takes an "
        "integer, 1 to 86400" },
    { FLAG("routes.chunk.salt", "\xff"), "--set chunk.salt=?: not UTF-8; it takes text in UTF-8" },
    { FLAG("listen", "8377"), "--listen 8377: `listen` holds what is no address; HOST:PORT, or "
                              "unix:PATH of at most 107 bytes" },
    { FLAG("admin", ""), "--admin : admin is out of its range; it takes 1 to 255 bytes" },
    { FLAG("routes.chunk.deadline_ms", "10001"),
        "--set chunk.deadline_ms=10001: routes.chunk: deadline_ms is above max_deadline_ms; 10000 "
        "at most, or raise the maximum" },
};

START_TEST(a_bad_flag_is_named)
{
    for (size_t i = 0; i < COUNT(bad_flags); i++) {
        ck_assert_ptr_null(read_flags(HP_S("workers: 1"), &bad_flags[i].flag, 1));
        ck_assert_str_eq(problem.text, bad_flags[i].problem);
    }
}
END_TEST

START_TEST(flags_that_go_together_may_come_in_any_order)
{
    static const struct hp_override flags[] = { FLAG("routes.chunk.deadline_ms", "20000"),
        FLAG("routes.chunk.max_deadline_ms", "20000") };
    struct hp_config *config = read_flags(HP_S(""), flags, 2);
    ck_assert_msg(config != NULL, "%s", problem.text);
    hp_config_free(config);
}
END_TEST

// --- the way back --------------------------------------------------------------------------------

static struct hp_buf shown(const struct hp_config *config, struct hp_arena *arena)
{
    struct hp_buf out = hp_buf_in(arena);
    hp_arena_init(arena, NULL, 1 << 20);
    hp_config_show(config, sections, &out);
    ck_assert(!out.failed);
    return out;
}

START_TEST(what_is_shown_reads_back_to_the_same)
{
    static const char *const files[] = { "", everything,
        "routes: {chunk: {salt: \"on\\u2028\\U0001F600\\e\"}}", "workers: 7" };
    for (size_t i = 0; i < COUNT(files); i++) {
        struct hp_arena one, two;
        struct hp_config *config = must_read(files[i]);
        struct hp_buf text = shown(config, &one);
        struct hp_config *again = read_flags(hp_buf_str(&text), NULL, 0);
        ck_assert_msg(again != NULL, "%s", problem.text);
        struct hp_buf text_again = shown(again, &two);
        ck_assert(hp_str_equal(hp_buf_str(&text), hp_buf_str(&text_again)));
        ck_assert_str_eq(config->hash, again->hash);
        ck_assert(config->listen_is_default == again->listen_is_default);
        hp_arena_done(&one);
        hp_arena_done(&two);
        hp_config_free(config);
        hp_config_free(again);
    }
}
END_TEST

START_TEST(hash_is_of_the_values_and_not_of_the_text)
{
    static const char *const same[] = { "", "workers: 0 # as ever", "limits: {memory: 1024MiB}",
        "routes: {chunk: {percent: 100.0}}", "{routes: {chunk: {mode: 'on'}}, workers: 0}" };
    static const char *const other[] = { "workers: 1", "routes: {chunk: {percent: 99.99}}",
        "routes: {extra: {percent: 99.99}}", "routes: {extra: {ratio: 0.7500000000000001}}",
        "hosts: ['a b']", "hosts: [a, b]" };
    char hashes[1 + COUNT(other)][17];
    for (size_t i = 0; i < COUNT(same); i++) {
        struct hp_config *config = must_read(same[i]);
        if (i == 0)
            memcpy(hashes[0], config->hash, sizeof hashes[0]);
        ck_assert_uint_eq(strlen(config->hash), 16);
        ck_assert_str_eq(config->hash, hashes[0]);
        hp_config_free(config);
    }
    for (size_t i = 0; i < COUNT(other); i++) {
        struct hp_config *config = must_read(other[i]);
        memcpy(hashes[i + 1], config->hash, sizeof hashes[0]);
        for (size_t j = 0; j <= i; j++)
            ck_assert_str_ne(hashes[j], hashes[i + 1]);
        hp_config_free(config);
    }
}
END_TEST

// --- files ---------------------------------------------------------------------------------------

static struct hp_config *load(const char *file)
{
    problem.text[0] = '\0';
    return hp_config_load(file, sections, COUNT(sections), NULL, 0, &problem);
}

static void write_file(const char *path, const char *head, size_t blanks)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(head, file);
    for (size_t i = 0; i < blanks; i++)
        fputc('\n', file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(files_are_read_up_to_a_limit)
{
    char folder[] = "/tmp/hotpathd-config-XXXXXX", path[64], expected[128];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.yaml", folder);

    ck_assert_ptr_null(load(path));
    snprintf(expected, sizeof expected, "%s: No such file or directory", path);
    ck_assert_str_eq(problem.text, expected);

    ck_assert_ptr_null(load(folder));
    snprintf(expected, sizeof expected, "%s: Is a directory", folder);
    ck_assert_str_eq(problem.text, expected);

    write_file(path, "workers: 9\n", (1 << 20) - 11);
    struct hp_config *config = load(path);
    ck_assert_msg(config != NULL, "%s", problem.text);
    ck_assert_int_eq(config->workers, 9);
    hp_config_free(config);

    write_file(path, "workers: 9\n", (1 << 20) - 10);
    ck_assert_ptr_null(load(path));
    snprintf(expected, sizeof expected, "%s: too large; at most 1MiB", path);
    ck_assert_str_eq(problem.text, expected);

    unlink(path);
    rmdir(folder);
}
END_TEST

START_TEST(the_place_survives_a_long_name)
{
    char name[2000];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    ck_assert_ptr_null(hp_config_read(HP_S("workers: x"), name, sections, 2, NULL, 0, &problem));
    ck_assert_ptr_nonnull(strstr(problem.text, "n:1:10: workers is not of its type; it takes"));
}
END_TEST

START_TEST(shared_by_many_and_freed_by_the_last)
{
    struct hp_config *config = must_read("workers: 5");
    ck_assert_ptr_eq(hp_config_share(config), config);
    hp_config_free(config);
    ck_assert_int_eq(config->workers, 5);
    hp_config_free(config);
    hp_config_free(NULL);
}
END_TEST

// --- the file that ships -------------------------------------------------------------------------

static struct hp_section shipped[8]; // of all routes: shipped_begin

static size_t shipped_begin(void)
{
    ck_assert_uint_le(hp_route_count, COUNT(shipped));
    for (size_t i = 0; i < hp_route_count; i++)
        shipped[i] = (struct hp_section){ hp_routes[i]->name, hp_routes[i]->options,
            hp_routes[i]->options_size, hp_routes[i]->preset };
    return hp_route_count;
}

START_TEST(the_shipped_file_is_the_defaults)
{
    struct hp_arena one, two;
    size_t count = shipped_begin();
    struct hp_config *file =
        hp_config_load("conf/hotpathd.yaml", shipped, count, NULL, 0, &problem);
    ck_assert_msg(file != NULL, "%s", problem.text);
    struct hp_config *built_in = hp_config_load(NULL, shipped, count, NULL, 0, &problem);
    ck_assert_ptr_nonnull(built_in);
    ck_assert_str_eq(file->hash, built_in->hash);
    ck_assert(file->listen_is_default && built_in->listen_is_default);
    hp_arena_init(&one, NULL, 1 << 20);
    hp_arena_init(&two, NULL, 1 << 20);
    struct hp_buf file_text = hp_buf_in(&one), built_in_text = hp_buf_in(&two);
    hp_config_show(file, shipped, &file_text);
    hp_config_show(built_in, shipped, &built_in_text);
    ck_assert(
        file_text.len > 0 && hp_str_equal(hp_buf_str(&file_text), hp_buf_str(&built_in_text)));
    hp_arena_done(&one);
    hp_arena_done(&two);
    hp_config_free(file);
    hp_config_free(built_in);
}
END_TEST

// Line by line what is shown of the defaults stands in the file: every key, and its value.
START_TEST(the_shipped_file_names_every_option_with_its_default)
{
    static char text[1 << 16];
    FILE *file = fopen("conf/hotpathd.yaml", "r");
    ck_assert_ptr_nonnull(file);
    text[0] = '\n';
    size_t len = fread(text + 1, 1, sizeof text - 2, file);
    fclose(file);
    text[len + 1] = '\0';

    size_t count = shipped_begin();
    struct hp_config *config = hp_config_load(NULL, shipped, count, NULL, 0, &problem);
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    hp_config_show(config, shipped, &out);
    size_t lines = 0;
    for (hp_str rest = hp_buf_str(&out); rest.len; lines++) {
        char line[256];
        hp_str shown_line = hp_str_cut(&rest, '\n');
        snprintf(line, sizeof line, "\n%.*s\n", (int)shown_line.len, shown_line.ptr);
        ck_assert_msg(strstr(text, line) != NULL, "not in the file:%s", line);
    }
    ck_assert_uint_gt(lines, 40); // all of them were shown
    hp_arena_done(&arena);
    hp_config_free(config);
}
END_TEST

static void check_help(const struct hp_field *fields)
{
    for (const struct hp_field *field = fields; field->key; field++) {
        ck_assert_msg(field->help && *field->help, "no help for %s", field->key);
        if (field->type == HP_OBJECT)
            check_help(field->fields);
    }
}

START_TEST(every_option_has_its_help)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    check_help(hp_options_tree(shipped, shipped_begin(), &arena));
    hp_arena_done(&arena);
}
END_TEST

// --- presets -------------------------------------------------------------------------------------

static struct hp_config *read_shipped(const char *yaml)
{
    problem.text[0] = '\0';
    return hp_config_read(hp_str_from(yaml), "x.yaml", shipped, shipped_begin(), NULL, 0, &problem);
}

static const struct hp_presets *presets_of(const struct hp_config *config, const char *route)
{
    size_t i = 0;
    while (strcmp(shipped[i].name, route) != 0)
        i++;
    return &config->routes[i].presets;
}

static const char presets[] =
    "presets:\n"
    "  chunk:\n"
    "    my-wiki: { format: markdown, chunk: { max: 400 } }\n"
    "    count:\n"
    "      chunk: null\n"
    "      clean: {normalization: none, 'spaces': false}\n"
    "      invalid_utf8: \"replace\"\n"
    "    empty:\n"
    "  score:\n"
    "    my-wiki: { fields: {title: 3, \"b\\u0085\\u2028\\ufeff\\u007f\xf0\x9f\x98\x80\": .5}, "
    "match: 2,\n"
    "        stats: {docs: 9, avg_len: {title: 4}, df: {a: 1}}, must: [\"a b\", 'null'] }\n";

START_TEST(presets_are_kept_as_the_json_of_a_request)
{
    static const struct {
        const char *route, *name, *json;
    } rows[] = { { "chunk", "my-wiki", "{\"format\":\"markdown\",\"chunk\":{\"max\":400}}" },
        { "chunk", "count",
            "{\"chunk\":null,\"clean\":{\"normalization\":\"none\",\"spaces\":false},"
            "\"invalid_utf8\":\"replace\"}" },
        { "chunk", "empty", "{}" },
        { "score", "my-wiki",
            "{\"fields\":{\"title\":3,\"b\\u0085\\u2028\\ufeff\\u007f\xf0\x9f\x98\x80\":0.5},"
            "\"match\":2,\"stats\":{\"docs\":9,\"avg_len\":{\"title\":4},\"df\":{\"a\":1}},"
            "\"must\":[\"a b\",\"null\"]}" } };
    struct hp_config *config = read_shipped(presets);
    ck_assert_msg(config != NULL, "%s", problem.text);
    ck_assert_uint_eq(presets_of(config, "chunk")->count, 3);
    ck_assert_uint_eq(presets_of(config, "score")->count, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct hp_preset *preset =
            hp_preset_find(presets_of(config, rows[i].route), hp_str_from(rows[i].name));
        ck_assert_ptr_nonnull(preset);
        ck_assert_msg(
            hp_str_is(preset->json, rows[i].json), "%.*s", (int)preset->json.len, preset->json.ptr);
    }
    ck_assert_ptr_null(hp_preset_find(presets_of(config, "score"), HP_S("count")));
    ck_assert_ptr_null(hp_preset_find(NULL, HP_S("count")));
    hp_config_free(config);
}
END_TEST

START_TEST(presets_are_shown_and_part_of_the_hash)
{
    struct hp_arena arena;
    struct hp_config *config = read_shipped(presets);
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    hp_config_show(config, shipped, &out);
    hp_buf_char(&out, '\0');
    ck_assert_ptr_nonnull(
        strstr(out.ptr, "\npresets:\n  chunk:\n    \"my-wiki\": {\"format\":\"markdown\","));
    struct hp_config *again = read_shipped(out.ptr), *none = read_shipped("");
    ck_assert_msg(again != NULL, "%s", problem.text);
    ck_assert_str_eq(config->hash, again->hash);
    ck_assert_str_ne(config->hash, none->hash);
    struct hp_config *one = read_shipped("presets: {chunk: {a: {chunk: {max: 1}}}}"),
                     *two = read_shipped("presets: {chunk: {a: {chunk: {max: 2}}}}");
    ck_assert_str_ne(one->hash, two->hash);
    hp_arena_done(&arena);
    hp_config_free(config), hp_config_free(again), hp_config_free(none);
    hp_config_free(one), hp_config_free(two);
}
END_TEST

#define PRESET "presets:\n  chunk:\n    a: "
#define SCORE "presets:\n  score:\n    a: "
#define NAMES                                                                                      \
    "no name for a preset; 1 to 64 letters, digits, `.`, `_` or `-`, but none, standard and "      \
    "default"

static const struct {
    const char *yaml, *problem;
} bad_presets[] = {
    { "presets: {chunks: {}}", "1:11: unknown key `chunks`; did you mean `chunk`?" },
    { "presets: 5", "1:10: `presets` is a group; it takes chunk, score" },
    { "presets: {chunk: 5}", "1:18: `presets.chunk` is a group of presets; a name for each" },
    { "presets: {chunk: {a: 5}}",
        "1:22: `presets.chunk.a` is a preset; it takes a request's options" },
    // names
    { "presets: {chunk: {'': {}}}", "1:19: " NAMES },
    { "presets: {chunk: {a b: {}}}", "1:19: " NAMES },
    { "presets: {chunk: {\xc3\xa9: {}}}", "1:19: " NAMES },
    { "presets: {chunk: {standard: {}}}", "1:19: " NAMES },
    { "presets: {chunk: {none: {}}}", "1:19: " NAMES },
    { "presets: {chunk: {default: {}}}", "1:19: " NAMES },
    { "presets: {chunk: {? [a] : {}}}", "1:21: a list or a mapping as a key; a key is one word" },
    { "presets: {chunk: {<<: {}}}", "1:19: merge keys are not taken; write the values out" },
    { PRESET "{}\n    b: {}\n    a: {}", "5:5: `a` is there already; keep one of the two" },
    // what YAML can do and we do not take
    { PRESET "&a {}", "3:8: anchors are not taken; write the value out where it is used" },
    { PRESET "{clean: *b}", "3:16: aliases are not taken; write the value out" },
    { PRESET "{chunk: {max: !!int 5}}", "3:22: tags are not taken; the option decides the type" },
    { PRESET "{chunk: {<<: {}}}", "3:17: merge keys are not taken; write the values out" },
    // options
    { PRESET "{formt: plain}", "3:9: presets.chunk.a.formt is no option; did you mean format?" },
    { PRESET "{text: a}", "3:9: presets.chunk.a.text is no option; no field has this name" },
    { PRESET "{preset: a}", "3:9: presets.chunk.a.preset is no option; no field has this name" },
    { PRESET "\n      chunk:\n        maxx: 5",
        "5:9: presets.chunk.a.chunk.maxx is no option; did you mean max?" },
    { PRESET "{offsets: char, offsets: byte}",
        "3:24: presets.chunk.a.offsets is set twice; this name was there before" },
    { PRESET "\n      chunk:\n        max: 0",
        "5:14: presets.chunk.a.chunk.max is out of its range; it takes 1 to 1000000" },
    { PRESET "{chunk: {max: '5'}}",
        "3:22: presets.chunk.a.chunk.max is not of its type; it takes an integer, 1 to 1000000" },
    { PRESET "{chunk: {max: 5.0}}",
        "3:22: presets.chunk.a.chunk.max is not of its type; it takes an integer, 1 to 1000000" },
    { PRESET "{chunk: {max: 99999999999999999999}}",
        "3:22: presets.chunk.a.chunk.max is refused; an integer beyond 64 bits, or a number beyond "
        "a double" },
    { PRESET "{chunk: {max: 9, overlap: 9}}",
        "3:34: presets.chunk.a.chunk.overlap is out of its range; it takes less than max" },
    { PRESET "{chunk: {min: -1}}",
        "3:22: presets.chunk.a.chunk.min is out of its range; it takes at least 0" },
    { PRESET "{chunk: none}",
        "3:16: presets.chunk.a.chunk is not of its type; it takes an object, or null" },
    { PRESET "{chunk: }", "3:16: an empty value; null where that is meant" },
    { PRESET "{clean: a}",
        "3:16: presets.chunk.a.clean is unknown; none, standard, or single switches" },
    { PRESET "{clean: {mojibake: on}}",
        "3:27: presets.chunk.a.clean.mojibake is not of its type; it takes true or false" },
    { PRESET "{encoding: gpt}", "3:19: presets.chunk.a.encoding is out of its range; it takes "
                                "o200k_base, cl100k_base or estimate" },
    { PRESET "{a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}}",
        "3:44: too much for a preset; 4096 bytes at most, as JSON" },
    // those of score that no row reads
    { SCORE "{fields: {}}",
        "3:17: presets.score.a.fields is out of its range; it takes 1 to 8 fields" },
    { SCORE "{fields: {t: 1, b: 0}}",
        "3:27: presets.score.a.fields.b is out of its range; it takes above 0 and at most 100" },
    { SCORE "{match: some}", "3:16: presets.score.a.match is out of its range; it takes none, any, "
                             "all, or a number of words" },
    { SCORE "{must: [a, 5]}",
        "3:19: presets.score.a.must.1 is not of its type; it takes a string" },
    { SCORE "{must_not: a}",
        "3:19: presets.score.a.must_not is not of its type; it takes a list of strings" },
    { SCORE "{analyzer: klingon}",
        "3:19: presets.score.a.analyzer is unknown; simple, or a stemmer of Snowball: english, "
        "porter, german, french ..." },
    { SCORE "{stats: {avg_len: {t: 0}}}",
        "3:30: presets.score.a.stats.avg_len.t is out of its range; it takes above 0" },
    { SCORE "{stats: {avg_len: 0}}",
        "3:26: presets.score.a.stats.avg_len is out of its range; it takes above 0" },
    { SCORE "{fields: {t: 1}, stats: {avg_len: {u: 1}}}",
        "3:43: presets.score.a.stats.avg_len.u is no option; `fields` has no such field" },
    { SCORE "{stats: {df: {a: -1}}}",
        "3:25: presets.score.a.stats.df.a is out of its range; it takes at least 0" },
    { SCORE "{stats: {df: {a: 1.5}}}",
        "3:25: presets.score.a.stats.df.a is not of its type; it takes an integer" },
    { SCORE "{query: a}", "3:9: presets.score.a.query is no option; no field has this name" },
    { SCORE "{priors: [1]}", "3:9: presets.score.a.priors is no option; no field has this name" },
};

START_TEST(bad_presets_are_refused_with_their_place)
{
    for (size_t i = 0; i < COUNT(bad_presets); i++) {
        char expected[512];
        struct hp_config *config = read_shipped(bad_presets[i].yaml);
        snprintf(expected, sizeof expected, "x.yaml:%s", bad_presets[i].problem);
        ck_assert_msg(config == NULL, "taken: %s", bad_presets[i].yaml);
        ck_assert_msg(strcmp(problem.text, expected) == 0, "%s:\n%s\n%s", bad_presets[i].yaml,
            problem.text, expected);
    }
}
END_TEST

// `count` presets named p0, p1 ..., with `option`.
static struct hp_config *read_many(size_t count, const char *option)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf yaml = hp_buf_in(&arena);
    hp_buf_add(&yaml, HP_S("presets:\n  score:\n"));
    for (size_t i = 0; i < count; i++)
        hp_buf_format(&yaml, "    p%zu: {must: ['%s']}\n", i, option);
    hp_buf_char(&yaml, '\0');
    ck_assert(!yaml.failed);
    struct hp_config *config = read_shipped(yaml.ptr);
    hp_arena_done(&arena);
    return config;
}

// The most presets of the largest size are taken, one more of either is not.
START_TEST(presets_are_bounded_in_number_and_size)
{
    static char option[HP_PRESET_MAX];
    size_t around = strlen("{\"must\":[\"\"]}");
    memset(option, 'a', HP_PRESET_MAX - around);
    struct hp_config *config = read_many(HP_PRESETS_MAX, option);
    ck_assert_msg(config != NULL, "%s", problem.text);
    hp_config_free(config);
    ck_assert_ptr_null(read_many(HP_PRESETS_MAX + 1, ""));
    ck_assert_str_eq(problem.text, "x.yaml:67:5: one preset too many; 64 at most");
    option[HP_PRESET_MAX - around] = 'a';
    ck_assert_ptr_null(read_many(1, option));
    ck_assert_str_eq(
        problem.text, "x.yaml:3:9: too much for a preset; 4096 bytes at most, as JSON");
}
END_TEST

// --- YAML to JSON --------------------------------------------------------------------------------

static const struct {
    const char *yaml, *json; // NULL: refused
} documents[] = {
    { "a: 1\nb: [x, 'y', \"z\\n\"]\nc: {d: ~}",
        "{\"a\":1,\"b\":[\"x\",\"y\",\"z\\u000a\"],\"c\":{\"d\":null}}" },
    { "z: 1\na: 2", "{\"z\":1,\"a\":2}" },
    { "a: &x [1, {b: 2}]\nc: *x\nd: *x",
        "{\"a\":[1,{\"b\":2}],\"c\":[1,{\"b\":2}],\"d\":[1,{\"b\":2}]}" },
    { "a: &x 5\nb: *x", "{\"a\":5,\"b\":5}" },
    { "[true, True, TRUE, false, on, off, yes, 'true', tRue]",
        "[true,true,true,false,\"on\",\"off\",\"yes\",\"true\",\"tRue\"]" },
    { "[null, ~, Null, NULL, nUll, 'null', '']", "[null,null,null,null,\"nUll\",\"null\",\"\"]" },
    { "[0, -0, +7, 007, 12345678901234567890123, 0o17, 0xfF, 0x, 0o8, 1_000, '1']",
        "[0,-0,7,7,12345678901234567890123,15,255,\"0x\",\"0o8\",\"1_000\",\"1\"]" },
    { "[0xffffffffffffffff, 0x10000000000000000]",
        "[18446744073709551615,\"0x10000000000000000\"]" },
    { "[1.5, .5, 1., -2.50, 1e3, 1E-2, 0.1, 1e999, .inf, .nan, ., e5, 1e, 3.1.0]",
        "[1.5,0.5,1.0,-2.5,1e+03,0.01,0.1,\"1e999\",\".inf\",\".nan\",\".\",\"e5\",\"1e\",\"3.1."
        "0\"]" },
    { "a: |\n  one\n  two\nb: >\n  three\n  four\n",
        "{\"a\":\"one\\u000atwo\\u000a\",\"b\":\"three four\\u000a\"}" },
    { "200: {a: 1}\ntrue: 2", "{\"200\":{\"a\":1},\"true\":2}" },
    { "'a\"\\': \"\\x01\\u00e9\\0\"", "{\"a\\\"\\\\\":\"\\u0001\xc3\xa9\\u0000\"}" },
    { "just text", "\"just text\"" },
    { "? [a]\n: 1", NULL },
    { "a: &x [*x]", NULL },
    { "a: *nobody", NULL },
    { "a: [1", NULL },
    { "", NULL },
    { "a: \xff", NULL },
};

START_TEST(yaml_becomes_json_after_the_core_schema)
{
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 1 << 20);
        struct hp_buf out = hp_buf_in(&arena);
        bool good = hp_yaml_to_json(hp_str_from(documents[i].yaml), &out);
        ck_assert_msg(good == (documents[i].json != NULL), "%s", documents[i].yaml);
        if (good)
            ck_assert_msg(hp_str_is(hp_buf_str(&out), documents[i].json), "%.*s is not %s",
                (int)out.len, out.ptr, documents[i].json);
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(aliases_that_multiply_end_at_the_ceiling)
{
    char yaml[1024];
    size_t len = (size_t)sprintf(yaml, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 20; i++) {
        len += (size_t)sprintf(yaml + len, "a%d: &a%d [", i, i);
        for (int j = 0; j < 2; j++)
            len += (size_t)sprintf(yaml + len, "*a%d, ", i - 1);
        len += (size_t)sprintf(yaml + len, "]\n");
    }
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    ck_assert(!hp_yaml_to_json((hp_str){ yaml, len }, &out));
    ck_assert(out.failed);
    hp_arena_done(&arena);
}
END_TEST

// PyYAML as the oracle, over the API's description, where both are there.
START_TEST(the_api_description_is_what_pyyaml_reads)
{
    static const char script[] =
        "import json, sys, yaml\n"
        "sys.exit(json.load(sys.stdin) != yaml.safe_load(open(sys.argv[1])))";
    const char *path =
        getenv("HOTPATHD_OPENAPI") ? getenv("HOTPATHD_OPENAPI") : "docs/openapi.yaml";
    FILE *file = fopen(path, "r");
    if (!file || system("python3 -c 'import yaml' 2>/dev/null") != 0) {
        if (file)
            fclose(file);
        return;
    }
    static char yaml[1 << 20];
    size_t len = fread(yaml, 1, sizeof yaml, file);
    fclose(file);
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 16 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    ck_assert(hp_yaml_to_json((hp_str){ yaml, len }, &out));
    char command[1024];
    snprintf(command, sizeof command, "python3 -c '%s' '%s'", script, path);
    FILE *python = popen(command, "w");
    ck_assert_ptr_nonnull(python);
    ck_assert_uint_eq(fwrite(out.ptr, 1, out.len, python), out.len);
    ck_assert_int_eq(pclose(python), 0);
    hp_arena_done(&arena);
}
END_TEST

TESTS("config", nothing_given_is_all_defaults, reads_every_kind_of_option,
    booleans_of_yaml_mean_the_words_of_a_mode, refuses_with_place_and_what_is_right,
    refuses_nul_bytes, every_truncation_is_taken_or_refused_with_a_place, flags_win_over_the_file,
    a_named_listener_is_not_the_default_even_where_it_is_the_same, a_bad_flag_is_named,
    flags_that_go_together_may_come_in_any_order, what_is_shown_reads_back_to_the_same,
    hash_is_of_the_values_and_not_of_the_text, files_are_read_up_to_a_limit,
    the_place_survives_a_long_name, shared_by_many_and_freed_by_the_last,
    the_shipped_file_is_the_defaults, the_shipped_file_names_every_option_with_its_default,
    every_option_has_its_help, yaml_becomes_json_after_the_core_schema,
    aliases_that_multiply_end_at_the_ceiling, the_api_description_is_what_pyyaml_reads,
    presets_are_kept_as_the_json_of_a_request, presets_are_shown_and_part_of_the_hash,
    bad_presets_are_refused_with_their_place, presets_are_bounded_in_number_and_size)
