// arena.h -- the memory of one request: blocks that are bumped and dropped together, under a
// ceiling, paid from a budget that all requests share. One thread at a time; the budget is atomic.
//
// This is the one place where memory runs out: an allocation returns NULL, and hp_no_memory() turns
// that into the right code (413 over this request's ceiling, 429 where the shared budget is spent).
#pragma once

#include "hotpathd/error.h"

#include <stdatomic.h>

struct hp_budget {
    atomic_size_t used;
    size_t limit; // bytes
};

struct hp_block;

struct hp_arena {
    struct hp_block *blocks;
    char *at, *end;
    size_t held;    // bytes taken from the system
    size_t ceiling; // of `held`
    struct hp_budget *budget;
    enum hp_code why;    // of the last NULL
    unsigned fail_after; // for tests: the n-th allocation from now on fails; 0: none
};

// `budget` may be NULL. Takes no memory until the first allocation.
void hp_arena_init(struct hp_arena *arena, struct hp_budget *budget, size_t ceiling);
void hp_arena_done(struct hp_arena *arena);

// Memory of the caller's, aligned to 16, less than 16 KiB and given before the first allocation, to
// use before any of the arena's own; it stays the caller's and is not counted.
void hp_arena_lend(struct hp_arena *arena, void *room, size_t bytes);

// count * size bytes, aligned to 16; zero-filled, or (raw) as they come. NULL: see hp_no_memory.
void *hp_alloc(struct hp_arena *arena, size_t count, size_t size);
void *hp_alloc_raw(struct hp_arena *arena, size_t count, size_t size);

// `old` (from this arena, `old_size` bytes long, or NULL) grown to `size` bytes, moved where it
// must.
void *hp_grow(struct hp_arena *arena, void *old, size_t old_size, size_t size);

#define HP_NEW(arena, type, count) ((type *)hp_alloc((arena), (count), sizeof(type)))
#define HP_NEW_RAW(arena, type, count) ((type *)hp_alloc_raw((arena), (count), sizeof(type)))

// What to return after a NULL.
enum hp_code hp_no_memory(const struct hp_arena *arena, struct hp_fault *fault);

// A NUL-terminated copy; NULL where there is no memory.
char *hp_arena_text(struct hp_arena *arena, hp_str s);
