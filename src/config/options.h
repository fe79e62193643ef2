// options.h -- the rows of the configuration: the daemon's own, and one section a route, as one
// tree of fields relative to struct hp_config. The reader, the writer and the overrides all walk
// this tree.
#pragma once

#include "config/config.h"

// Bytes of a struct hp_config with its routes and their own options behind it.
size_t hp_options_size(const struct hp_section *sections, size_t count);

// Points config->routes and every `own` to their places behind `config`.
void hp_options_place(struct hp_config *config, const struct hp_section *sections, size_t count);

// The tree, made in `arena`; NULL where there is no memory.
const struct hp_field *hp_options_tree(
    const struct hp_section *sections, size_t count, struct hp_arena *arena);
