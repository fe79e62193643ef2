// scalar.h -- YAML's scalars as JSON.
#pragma once

#include "config/config.h"

// A string of valid UTF-8, escaped so that it is the same in JSON and between YAML's double quotes.
void hp_json_from_text(struct hp_buf *out, hp_str s);

// A scalar; a plain one is typed after the core schema of YAML 1.2 (section 10.3.2).
void hp_json_from_scalar(struct hp_buf *out, hp_str text, bool plain);
