// main.c -- the commands, each a row; serve's flags.
#include "base/exits.h"
#include "cli/cli.h"
#include "config/config.h"
#include "hotpathd/json.h"
#include "http/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#ifndef HP_VERSION
#define HP_VERSION "unknown"
#endif
#ifndef HP_COMMIT
#define HP_COMMIT "unknown"
#endif

static const char default_config[] = "conf/hotpathd.yaml";

static const char *config_there(void)
{
    return access(default_config, F_OK) == 0 ? default_config : NULL;
}

enum { OVERRIDES_MAX = 64 };

struct flags {
    struct hp_server_options options;
    struct hp_override override[OVERRIDES_MAX];
    char paths[OVERRIDES_MAX][96];
};

static int usage(const char *what, const char *about)
{
    fprintf(stderr, "hotpathd: %s%s%s; `hotpathd help` lists what there is\n", what,
        *about ? ": " : "", about);
    return HP_EXIT_USAGE;
}

static bool override(struct flags *flags, hp_str path, hp_str value)
{
    if (flags->options.override_count == OVERRIDES_MAX)
        return false;
    flags->override[flags->options.override_count++] = (struct hp_override){ path, value };
    return true;
}

// --set chunk.mode=off sets routes.chunk.mode.
static bool set(struct flags *flags, const char *text)
{
    size_t at = flags->options.override_count;
    hp_str rest = hp_str_from(text);
    hp_str path = hp_str_cut(&rest, '=');
    if (at == OVERRIDES_MAX || !rest.ptr || path.len == 0)
        return false;
    int len =
        snprintf(flags->paths[at], sizeof flags->paths[at], "routes.%.*s", (int)path.len, path.ptr);
    if (len >= (int)sizeof flags->paths[at])
        return false;
    return override(flags, (hp_str){ flags->paths[at], (size_t)len }, rest);
}

static bool take_flag(struct flags *flags, const char *name, const char *value)
{
    if (strcmp(name, "--listen") == 0)
        return override(flags, HP_S("listen"), hp_str_from(value));
    if (strcmp(name, "--admin") == 0)
        return override(flags, HP_S("admin"), hp_str_from(value));
    if (strcmp(name, "--set") == 0)
        return set(flags, value);
    if (strcmp(name, "--config") == 0)
        flags->options.config_file = value;
    else if (strcmp(name, "--ready-file") == 0)
        flags->options.ready_file = value;
    else
        return false;
    return true;
}

// `--name value` and `--name=value`; false with the word at fault.
static bool read_flags(struct flags *flags, int argc, char **argv, const char **fault)
{
    for (int i = 0; i < argc; i++) {
        char name[32];
        const char *equals = strchr(argv[i], '=');
        size_t len = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        *fault = argv[i];
        if (len >= sizeof name)
            return false;
        memcpy(name, argv[i], len);
        name[len] = '\0';
        const char *value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (!value || !take_flag(flags, name, value))
            return false;
    }
    return true;
}

static int serve(int argc, char **argv)
{
    static struct flags flags; // large, and overrides point into it
    const char *fault = "";
    flags.options.overrides = flags.override;
    flags.options.config_file = config_there();
    if (!read_flags(&flags, argc, argv, &fault))
        return usage("serve does not take, or needs a value for", fault);
    return hp_serve(&flags.options);
}

// No mistake: tokens are estimated then, as the daemon warns when it starts.
static void warn_of_no_vocabulary(hp_str folder)
{
    char path[512];
    snprintf(path, sizeof path, "%.*s", (int)folder.len, folder.ptr);
    if (access(path, R_OK | X_OK) != 0)
        fprintf(stderr, "vocabulary: %s cannot be read: tokens would be estimated\n", path);
}

static int check_config(int argc, char **argv)
{
    struct hp_config_problem problem = { "" };
    if (argc != 1)
        return usage("check-config takes one file", "");
    struct hp_server_options options = { .config_file = argv[0] };
    struct hp_config *config = hp_server_config_load(&options, &problem);
    if (!config) {
        fprintf(stderr, "%s\n", problem.text);
        return HP_EXIT_CONFIG;
    }
    printf("%s: ok, config_hash %s\n", argv[0], config->hash);
    warn_of_no_vocabulary(config->vocabulary);
    hp_config_free(config);
    return HP_EXIT_OK;
}

// Of the vocabularies in the folder that the configuration names.
static int version(int argc, char **argv)
{
    struct hp_config_problem problem = { "" };
    struct hp_server_options options = { .config_file = config_there() };
    struct hp_config *config = hp_server_config_load(&options, &problem);
    char folder[512];
    if (!config) { // told, and then the versions without vocabularies: who asks may be reporting
                   // just this
        fprintf(stderr, "%s\n", problem.text);
        return hp_cli_version(argc, argv, "");
    }
    snprintf(folder, sizeof folder, "%.*s", (int)config->vocabulary.len, config->vocabulary.ptr);
    hp_config_free(config);
    return hp_cli_version(argc, argv, folder);
}

static int help(int argc, char **argv);

static const struct command {
    const char *name, *arguments, *what;
    int (*run)(int argc, char **argv);
} commands[] = {
    { "serve",
        "[--config FILE] [--listen ADDR]... [--admin ADDR]\n"
        "                 [--set route.option=value]... [--ready-file FILE]",
        "serve; also without a command", serve },
    { "check-config", "FILE", "say what is wrong with a configuration, and where", check_config },
    { "health", "[ADDR]", "0 when the daemon at this admin address is ready", hp_cli_health },
    { "call", "ROUTE [FILE] [--to ADDR]",
        "send a document (or standard input), print the reply; the file's ending tells its type",
        hp_cli_call },
    { "version", "[--json]", "versions, vocabularies, CPU features", version },
    { "help", "", "this list", help },
};

static int help(int argc, char **argv)
{
    (void)argc, (void)argv;
    puts("hotpathd does one CPU-bound step of a service, over localhost HTTP.\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("hotpathd %s%s%s\n    %s\n", commands[i].name, *commands[i].arguments ? " " : "",
            commands[i].arguments, commands[i].what);
    puts("\nADDR is HOST:PORT (port 0 picks a free one) or unix:PATH.");
    return HP_EXIT_OK;
}

// A descriptor 0, 1 or 2 that is closed would be given to the next thing that is opened.
static void fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    hp_build = (struct hp_build){ HP_VERSION, HP_COMMIT, hp_server_library(), hp_json_library(),
        hp_config_library() };
    if (argc >= 2 && asks_for_help(argv[argc - 1]))
        return help(0, NULL);
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return version(0, NULL);
    if (argc < 2 || argv[1][0] == '-')
        return serve(argc - 1, argv + 1);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    return usage("there is no command", argv[1]);
}
