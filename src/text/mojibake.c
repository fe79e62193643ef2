// mojibake.c -- text that was decoded wrongly.
#include "text/passes.h"

enum hp_code hp_fix_mojibake(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    (void)rewrite, (void)options;
    return HP_OK;
}
