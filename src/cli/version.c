// version.c -- `hotpathd version [--json]`: all that decides what this binary answers: its own
// version, its libraries, the vocabularies that it finds and the CPU features that it uses.
#include "base/line.h"
#include "cli/cli.h"
#include "hotpathd/cpu.h"
#include "telemetry/telemetry.h"
#include "text/tokens.h"

#include <stdio.h>

enum { FACTS_MAX = 8, SHA256 = 65 };

struct fact {
    const char *name, *value;
};

struct facts {
    struct fact fact[FACTS_MAX];
    size_t count;
};

static const char *or_unknown(const char *text)
{
    return text ? text : "unknown";
}

static void add(struct facts *facts, const char *name, const char *value)
{
    facts->fact[facts->count++] = (struct fact){ name, or_unknown(value) };
}

static struct facts libraries(void)
{
    struct facts facts = { .count = 0 };
    add(&facts, "libmicrohttpd", hp_build.microhttpd);
    add(&facts, "jansson", hp_build.jansson);
    add(&facts, "libyaml", hp_build.libyaml);
    return facts;
}

// Which versions of its functions run here.
static struct facts cpu_features(void)
{
    struct facts facts = { .count = 0 };
    add(&facts, "level", hp_cpu_name(hp_cpu()));
    return facts;
}

// A vocabulary that is not installed is left out; one that is damaged is told on standard error.
static struct facts vocabularies(const char *folder, char sha256[HP_ESTIMATE][SHA256])
{
    struct facts facts = { .count = 0 };
    for (enum hp_encoding encoding = 0; encoding < HP_ESTIMATE; encoding++) {
        struct hp_fault fault = HP_FAULT_NONE;
        struct hp_vocab *vocab = hp_vocab_open(folder, encoding, &fault);
        if (vocab) {
            snprintf(sha256[encoding], SHA256, "%s", hp_vocab_sha256(vocab));
            add(&facts, hp_encoding_name(encoding), sha256[encoding]);
        } else if (fault.code != HP_OK) {
            fprintf(stderr, "hotpathd version: %s: %s\n", hp_encoding_name(encoding), fault.detail);
        }
        hp_vocab_close(vocab);
    }
    return facts;
}

// --- the two forms -------------------------------------------------------------------------------

struct section {
    const char *name;
    struct facts facts;
};

static void print_text(const struct section *sections, size_t count)
{
    printf("hotpathd %s (%s)\n", or_unknown(hp_build.version), or_unknown(hp_build.commit));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sections[i].facts.count; j++)
            printf("%s %s\n", sections[i].facts.fact[j].name, sections[i].facts.fact[j].value);
}

static void print_json(const struct section *sections, size_t count)
{
    struct hp_line line;
    hp_line_start(&line);
    hp_line_string(&line, "version", hp_str_from(or_unknown(hp_build.version)));
    hp_line_string(&line, "commit", hp_str_from(or_unknown(hp_build.commit)));
    for (size_t i = 0; i < count; i++) {
        const struct facts *facts = &sections[i].facts;
        hp_line_open(&line, sections[i].name);
        for (size_t j = 0; j < facts->count; j++)
            hp_line_string(&line, facts->fact[j].name, hp_str_from(facts->fact[j].value));
        hp_line_close(&line);
    }
    hp_line_end(&line);
    fwrite(line.text, 1, line.len, stdout);
}

int hp_cli_version(int argc, char **argv, const char *vocabulary)
{
    bool json = argc == 1 && strcmp(argv[0], "--json") == 0;
    if (argc > 0 && !json) {
        fprintf(stderr, "usage: hotpathd version [--json]\n");
        return HP_EXIT_USAGE;
    }
    char sha256[HP_ESTIMATE][SHA256];
    const struct section sections[] = {
        { "libraries", libraries() },
        { "vocabularies", vocabularies(vocabulary, sha256) },
        { "cpu", cpu_features() },
    };
    (json ? print_json : print_text)(sections, sizeof sections / sizeof *sections);
    return fflush(stdout) == 0 ? HP_EXIT_OK : HP_EXIT_FAILED;
}
