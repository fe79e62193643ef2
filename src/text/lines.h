// lines.h -- the edges of a text that its line ends and its format make: lines and above, and the
// end of the document. There are few of them, and they are found at the speed of memory.
#pragma once

#include "text/segment.h"

// As hp_edges_find lists them, but none below HP_EDGE_LINE, with the ranks that `structure` (NULL:
// none) gives them:
//
// * The gap in which a heading begins is a section's, but a page's stays one.
// * The gap directly behind a heading is a line's at most, also where the next heading follows.
// * Inside code, tables, front matter and items of lists the end of a paragraph is a line's.
//
// 0 edges where the text is blank.
HP_MUST_USE enum hp_code hp_lines_find(hp_str text, const struct hp_structure *structure,
    struct hp_arena *arena, const struct hp_deadline *deadline, struct hp_edges *out,
    struct hp_fault *fault);

// Where the first character at or behind `at` stands that ends a line or a page (LF, VT, FF, CR,
// NEL, LS, PS); s.len where there is none. The plain one is the reference.
size_t hp_line_scan(hp_str s, size_t at);
size_t hp_line_scan_plain(hp_str s, size_t at);
