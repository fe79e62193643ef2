// document.c -- clean, encode, cut.
#include "text/document.h"

enum hp_code hp_document_read(const struct hp_vocab *vocab, hp_str raw,
    const struct hp_document_options *options, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_document *out, struct hp_fault *fault)
{
    *out = (struct hp_document){ .tokens = NULL };
    HP_TRY(hp_clean(raw, &options->clean, arena, deadline, &out->clean, fault));
    hp_str text = out->clean.text;
    if (options->whole)
        return hp_tokens_total(vocab, text, arena, deadline, &out->total, fault);
    HP_TRY(hp_tokens_encode(vocab, text, arena, deadline, &out->tokens, fault));
    out->total = hp_tokens_all(out->tokens);
    return hp_chunk_text(text, &out->clean.structure, out->tokens, &options->chunk, arena, deadline,
        &out->chunks, fault);
}
