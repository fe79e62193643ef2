// line.h -- one JSON object on one line, put together on the stack and written with one write.
// Strings are escaped, and what is not UTF-8 becomes '?', so that whoever reads the log can always
// parse it.
#pragma once

#include "hotpathd/str.h"

enum { HP_LINE_MAX = 4096 }; // PIPE_BUF: a pipe takes a line of this size whole or not at all

struct hp_line {
    size_t len;
    char text[HP_LINE_MAX];
};

void hp_line_start(struct hp_line *line);

// A member that does not fit is left out whole.
void hp_line_string(struct hp_line *line, const char *key, hp_str value);
void hp_line_uint(struct hp_line *line, const char *key, uint64_t value);

// A nested object; only on lines that are known to have room for it.
void hp_line_open(struct hp_line *line, const char *key);
void hp_line_close(struct hp_line *line);

// Closes the object and the line: after this, text[0, len) is ready to be written.
void hp_line_end(struct hp_line *line);
