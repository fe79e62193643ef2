// trace.h -- ids: the W3C trace context that a caller sends, and ids of our own.
#pragma once

#include "hotpathd/str.h"

// Reads a traceparent header (W3C Trace Context, level 1, section 3.2). False, with nothing
// written, where any part of it is wrong: the header is then ignored as a whole. A later version is
// read as far as this one knows it.
bool hp_traceparent_read(hp_str header, char trace_id[33], char parent_id[17], bool *sampled);

// Writes `digits` random lower-case hex digits, not all of them zero, and a NUL: span ids, trace
// ids, request ids. Each thread has a generator of its own (xoshiro256**), seeded once by the
// kernel: ids do not collide, but who has seen some can guess the next; nothing may be kept secret
// by one.
void hp_id_hex(char *out, size_t digits);
