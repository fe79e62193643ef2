// passes.h -- the passes of cleaning, one function a switch: each walks over rewrite->in and puts
// its edits.
#pragma once

#include "text/rewrite.h"

// html.c: HTML to text, and its structure; before all other passes.
HP_MUST_USE enum hp_code hp_html_read(struct hp_rewrite *, struct hp_structure *);

// mojibake.c
HP_MUST_USE enum hp_code hp_fix_mojibake(struct hp_rewrite *, const struct hp_clean_options *);

// clean_lines.c
HP_MUST_USE enum hp_code hp_fix_repeated_lines(
    struct hp_rewrite *, const struct hp_clean_options *);
HP_MUST_USE enum hp_code hp_fix_hyphenation(struct hp_rewrite *, const struct hp_clean_options *);
HP_MUST_USE enum hp_code hp_fix_join_lines(struct hp_rewrite *, const struct hp_clean_options *);

// clean_chars.c: line_endings, controls, spaces and ligatures; counts their changes itself.
HP_MUST_USE enum hp_code hp_fix_chars(struct hp_rewrite *, const struct hp_clean_options *);

// clean_normal.c
HP_MUST_USE enum hp_code hp_fix_normalization(struct hp_rewrite *, const struct hp_clean_options *);

// clean_blanks.c
HP_MUST_USE enum hp_code hp_fix_blank_runs(struct hp_rewrite *, const struct hp_clean_options *);

// clean_escapes.c: length of the terminal escape sequence that the ESC at `at` begins; 1 where it
// begins none. `lines`: no sequence reaches over a line end.
size_t hp_escape_len(hp_str s, size_t at, bool lines);

// Bytes of the line end or page break at `at`, which is below s.len; 0 where none stands there.
size_t hp_break_len(hp_str s, size_t at);

// Bytes of the blank inside a line at `at`, which is below s.len; 0 where none stands there. A
// blank that carries a combining mark is a letter's stand-in: it is no blank.
size_t hp_blank_len(hp_str s, size_t at);
