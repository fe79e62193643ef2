// markdown_definition.c -- link reference definitions at the start of a paragraph, read a line at a
// time by a machine that needs no memory of the lines before. They matter where an underline
// follows: what is left of the paragraph is the heading, and where nothing is left there is none.
#include "text/markdown.h"

enum { LABEL_MAX = 999, PARENTHESES_MAX = 32 };

struct reader {
    struct hp_markdown_definition *definition;
    hp_str text; // up to the line's end
    size_t at;
};

// Each step reads what its state is named for, and returns whether there is more to read on this
// line.
static bool fail(struct reader *reader)
{
    reader->definition->state = HP_MARKDOWN_TEXT;
    return false;
}

static bool go_on(struct reader *reader, enum hp_markdown_defining state)
{
    reader->definition->state = state;
    return true;
}

static bool at_end(const struct reader *reader)
{
    return reader->at >= reader->text.len;
}

static char now(const struct reader *reader)
{
    return reader->text.ptr[reader->at];
}

static size_t skip_blanks(struct reader *reader)
{
    size_t from = reader->at;
    while (!at_end(reader) && hp_markdown_blank(now(reader)))
        reader->at++;
    return reader->at - from;
}

static bool read_start(struct reader *reader)
{
    if (now(reader) != '[')
        return fail(reader);
    reader->at++;
    reader->definition->label = 0;
    reader->definition->named = false;
    return go_on(reader, HP_MARKDOWN_LABEL);
}

static bool read_label(struct reader *reader)
{
    struct hp_markdown_definition *definition = reader->definition;
    size_t from = reader->at;
    while (!at_end(reader) && now(reader) != ']') {
        if (now(reader) == '[')
            return fail(reader);
        definition->named |= !hp_markdown_blank(now(reader));
        reader->at += now(reader) == '\\' ? 2 : 1;
    }
    definition->label += reader->at - from;
    if (definition->label > LABEL_MAX)
        return fail(reader);
    if (at_end(reader))
        return false; // it goes on in the next line
    reader->at++;
    if (!definition->named || at_end(reader) || now(reader) != ':')
        return fail(reader);
    reader->at++;
    return go_on(reader, HP_MARKDOWN_DESTINATION);
}

// <in angle brackets>: false where the line ends first.
static bool skip_bracketed(struct reader *reader)
{
    for (reader->at++; !at_end(reader) && now(reader) != '<'; reader->at++) {
        if (now(reader) == '>') {
            reader->at++;
            return true;
        }
        if (now(reader) == '\\')
            reader->at++;
    }
    return false;
}

static bool skip_bare(struct reader *reader)
{
    int open = 0;
    size_t from = reader->at;
    for (; !at_end(reader); reader->at++) {
        unsigned char c = (unsigned char)now(reader);
        if (c <= ' ' || c == 0x7f)
            break;
        open += (c == '(') - (c == ')');
        if (open < 0 || open > PARENTHESES_MAX)
            return false;
        if (c == '\\' && reader->at + 1 < reader->text.len &&
            !hp_markdown_blank(reader->text.ptr[reader->at + 1]))
            reader->at++;
    }
    return open == 0 && reader->at > from;
}

static bool quotes(char c)
{
    return c == '"' || c == '\'' || c == '(';
}

static bool read_title_start(struct reader *reader)
{
    char c = now(reader);
    if (!quotes(c))
        return fail(reader);
    reader->at++;
    reader->definition->quote = c == '(' ? ')' : c;
    return go_on(reader, HP_MARKDOWN_TITLE);
}

static bool read_destination(struct reader *reader)
{
    skip_blanks(reader);
    if (at_end(reader))
        return false;
    if (!(now(reader) == '<' ? skip_bracketed(reader) : skip_bare(reader)))
        return fail(reader);
    size_t blanks = skip_blanks(reader);
    if (at_end(reader)) {
        reader->definition->state = HP_MARKDOWN_TITLE_OR_NEXT;
        return false;
    }
    return blanks ? read_title_start(reader) : fail(reader);
}

static bool read_title(struct reader *reader)
{
    char quote = reader->definition->quote;
    for (; !at_end(reader) && now(reader) != quote; reader->at++) {
        if (quote == ')' && now(reader) == '(')
            return fail(reader);
        if (now(reader) == '\\')
            reader->at++;
    }
    if (at_end(reader))
        return false;
    reader->at++;
    skip_blanks(reader);
    if (!at_end(reader))
        return fail(reader);
    reader->definition->state = HP_MARKDOWN_NEXT;
    return false;
}

void hp_markdown_define(
    struct hp_markdown_definition *definition, hp_str text, size_t line, size_t first, size_t end)
{
    static bool (*const read[])(struct reader *) = { [HP_MARKDOWN_NEXT] = read_start,
        [HP_MARKDOWN_LABEL] = read_label,
        [HP_MARKDOWN_DESTINATION] = read_destination,
        [HP_MARKDOWN_TITLE_OR_NEXT] = read_title_start,
        [HP_MARKDOWN_TITLE] = read_title };
    struct reader reader = { definition, { text.ptr, end }, first };
    if (definition->state == HP_MARKDOWN_TITLE_OR_NEXT && !quotes(text.ptr[first]))
        definition->state = HP_MARKDOWN_NEXT;
    if (hp_markdown_defined(definition)) {
        definition->line = line; // a definition or a title begins here, or the paragraph's text
        definition->first = first;
    }
    while (definition->state != HP_MARKDOWN_TEXT && read[definition->state](&reader))
        ;
}
