// log.h -- the daemon's own events as JSON lines on standard error: ts, level, msg and some pairs.
// Any thread; one write a line. Never a byte of a document.
#pragma once

#include "base/line.h"

enum hp_level { HP_DEBUG, HP_INFO, HP_WARN, HP_ERROR_LEVEL };

const char *hp_level_name(enum hp_level level);

// Whether a line can be written to `fd` now. A pipe is writable when it has room for PIPE_BUF
// bytes, which is a whole line: so a blocking descriptor (standard error, shared with others, stays
// as it is) does not block.
bool hp_log_has_room(int fd);

// `pairs` are key, value, key, value ..., NULL: all NUL-terminated UTF-8 text.
void hp_log(enum hp_level level, const char *message, ...) __attribute__((sentinel));

// Starts a line with what every line of the log begins with: ts, level, msg.
void hp_log_start(struct hp_line *line, enum hp_level level, const char *message);
