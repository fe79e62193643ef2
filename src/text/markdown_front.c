// markdown_front.c -- front matter: a first line that is "---" (YAML) or "+++" (TOML), up to the
// line that closes it. Blank lines before it do not count: cleaning removes them. A blank line
// right behind "---" says that it is a thematic break, and so does the want of a closing line.
#include "text/markdown.h"

enum { SIGNS = 3 };

static bool blank_from(hp_str line, size_t at)
{
    return hp_markdown_trim((hp_str){ line.ptr + at, line.len - at }) == 0;
}

static bool three(hp_str line, char sign)
{
    return line.len >= SIGNS && line.ptr[0] == sign && line.ptr[1] == sign && line.ptr[2] == sign &&
           blank_from(line, SIGNS);
}

static bool closes(hp_str line, char sign)
{
    return three(line, sign) || (sign == '-' && three(line, '.'));
}

struct search {
    char sign;     // of the opening line, 0: not yet seen
    size_t inside; // lines behind it
    struct hp_markdown_span *front;
};

enum verdict { GO_ON, NONE, FOUND };

static enum verdict look_at(struct search *search, hp_str text, struct hp_markdown_span at)
{
    hp_str line = { text.ptr + at.start, at.end - at.start };
    if (search->sign == 0) {
        if (blank_from(line, 0))
            return GO_ON;
        search->sign = line.ptr[0];
        *search->front = at;
        return three(line, '-') || three(line, '+') ? GO_ON : NONE;
    }
    search->front->end = at.end;
    if (closes(line, search->sign))
        return FOUND;
    bool thematic_break = search->inside++ == 0 && search->sign == '-' && blank_from(line, 0);
    return thematic_break ? NONE : GO_ON;
}

enum hp_code hp_markdown_front(hp_str text, size_t at, const struct hp_deadline *deadline,
    bool *found, struct hp_markdown_span *front, struct hp_fault *fault)
{
    struct search search = { .front = front };
    struct hp_markdown_lines lines;
    struct hp_markdown_span line;
    hp_markdown_lines_from(&lines, text, at, deadline);
    do {
        HP_TRY(hp_markdown_lines_ahead(&lines, fault));
        while (hp_markdown_lines_next(&lines, &line)) {
            enum verdict verdict = look_at(&search, text, line);
            *found = verdict == FOUND;
            if (verdict != GO_ON)
                return HP_OK;
        }
    } while (lines.begin < text.len);
    *found = false;
    return HP_OK;
}
