// chunk.c -- POST /v1/chunk: the contract on one side, clean, edges, tokens and chunks on the
// other.
#include "routes/chunk_reply.h"

#include <stdio.h>

// --- vocabularies --------------------------------------------------------------------------------

struct chunk_state {
    struct hp_vocab *vocab[HP_ENCODINGS]; // NULL: not installed
};

static enum hp_code pick_encoding(
    const struct chunk_state *state, struct chunk_request *request, struct hp_fault *fault)
{
    if (request->encoding == ENCODING_DEFAULT)
        request->encoding = state->vocab[HP_O200K_BASE] ? HP_O200K_BASE : HP_ESTIMATE;
    if (request->encoding != HP_ESTIMATE && !state->vocab[request->encoding])
        return hp_fail(fault, HP_ENCODING_UNAVAILABLE, "/encoding",
            "its vocabulary is not installed (make vocab); estimate always is");
    return HP_OK;
}

// --- the route -----------------------------------------------------------------------------------

static enum hp_code chunk_open(void *state, struct hp_setting *setting, struct hp_fault *fault)
{
    struct chunk_state *chunk = state;
    for (int encoding = 0; encoding < HP_ESTIMATE; encoding++) {
        struct hp_fault why = HP_FAULT_NONE;
        chunk->vocab[encoding] = hp_vocab_open(setting->vocabulary, encoding, &why);
        if (why.code) {
            *fault = why;
            return why.code;
        }
        if (!chunk->vocab[encoding] && !setting->notice[0])
            snprintf(setting->notice, sizeof setting->notice,
                "no %s vocabulary in %.120s (make vocab): encoding estimate is the default",
                hp_encoding_name(encoding), setting->vocabulary);
    }
    return HP_OK;
}

static enum hp_code chunk_run(
    const void *state, struct hp_request *in, struct hp_buf *reply, struct hp_fault *fault)
{
    const struct chunk_state *chunk = state;
    struct chunk_request request = { .text = { NULL, 0 } };
    struct hp_document document = { .tokens = NULL };
    struct chunk_outcome outcome = { &request, &document };
    HP_TRY(chunk_read(in, &request, fault));
    HP_TRY(pick_encoding(chunk, &request, fault));
    HP_TRY(hp_enter(in, HP_COMPUTE, fault));
    HP_TRY(hp_document_read(chunk->vocab[request.encoding], request.text, &request.how, in->arena,
        &in->deadline, &document, fault));
    HP_TRY(hp_enter(in, HP_WRITE, fault));
    return chunk_write(&outcome, &in->deadline, reply, fault);
}

static void chunk_close(void *state)
{
    struct chunk_state *chunk = state;
    for (int encoding = 0; encoding < HP_ENCODINGS; encoding++)
        hp_vocab_close(chunk->vocab[encoding]);
}

static struct hp_cached chunk_cached(const void *state)
{
    const struct chunk_state *chunk = state;
    struct hp_cached cached = { 0, 0 };
    for (int encoding = 0; encoding < HP_ESTIMATE; encoding++) {
        if (!chunk->vocab[encoding])
            continue;
        struct hp_remembered words = hp_vocab_remembered(chunk->vocab[encoding]);
        cached.entries += words.words;
        cached.limit += words.most;
    }
    return cached;
}

static const char *const media_types[] = { "text/plain", "text/markdown", "text/html", NULL };

const struct hp_route hp_route_chunk = {
    .name = "chunk",
    .contract = "chunk/1",
    .summary = "Raw document in; clean text, chunk boundaries and token counts out.",
    .example = HP_STR("{\"text\":\"One paragraph.\\n\\nAnother.\",\"format\":\"plain\","
                      "\"clean\":\"standard\",\"chunk\":{\"max\":512,\"overlap\":64,"
                      "\"unit\":\"tokens\"},\"offsets\":\"char\",\"return_text\":\"if_changed\"}"),
    .media_types = media_types,
    .preset = chunk_check_preset,
    .state_size = sizeof(struct chunk_state),
    .open = chunk_open,
    .run = chunk_run,
    .close = chunk_close,
    .cached = chunk_cached,
};
