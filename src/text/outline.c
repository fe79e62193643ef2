// outline.c -- headings as a path: a heading ends all of its level and below.
#include "text/structure.h"

void hp_outline_to(struct hp_outline *outline, size_t place)
{
    const struct hp_structure *structure = outline->structure;
    while (
        outline->next < structure->headings && structure->heading[outline->next].start <= place) {
        const struct hp_heading *heading = &structure->heading[outline->next++];
        outline->at[heading->level - 1] = heading;
        for (int level = heading->level; level < HP_HEADING_LEVELS; level++)
            outline->at[level] = NULL;
    }
}
