// html.c -- HTML to text.
#include "text/passes.h"

enum hp_code hp_html_read(struct hp_rewrite *rewrite, struct hp_structure *out)
{
    (void)rewrite;
    *out = (struct hp_structure){ 0 };
    return HP_OK;
}
