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

// clean_chars.c
HP_MUST_USE enum hp_code hp_fix_line_endings(struct hp_rewrite *, const struct hp_clean_options *);
HP_MUST_USE enum hp_code hp_fix_controls(struct hp_rewrite *, const struct hp_clean_options *);
HP_MUST_USE enum hp_code hp_fix_spaces(struct hp_rewrite *, const struct hp_clean_options *);
HP_MUST_USE enum hp_code hp_fix_ligatures(struct hp_rewrite *, const struct hp_clean_options *);

// clean_normal.c
HP_MUST_USE enum hp_code hp_fix_normalization(struct hp_rewrite *, const struct hp_clean_options *);

// clean_blanks.c
HP_MUST_USE enum hp_code hp_fix_blank_runs(struct hp_rewrite *, const struct hp_clean_options *);

// clean_escapes.c: length of the terminal escape sequence that the ESC at `at` begins; 1 where it
// begins none.
size_t hp_escape_len(hp_str s, size_t at);
