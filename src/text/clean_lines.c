// clean_lines.c -- the passes that look at lines: repeated headers and footers, hyphens at line
// ends, hard-wrapped lines.
#include "text/passes.h"

enum hp_code hp_fix_repeated_lines(
    struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    (void)rewrite, (void)options;
    return HP_OK;
}

enum hp_code hp_fix_hyphenation(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    (void)rewrite, (void)options;
    return HP_OK;
}

enum hp_code hp_fix_join_lines(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    (void)rewrite, (void)options;
    return HP_OK;
}
