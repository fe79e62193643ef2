// arena.c -- a chain of blocks, bumped and dropped. A large allocation gets a block of its own, so
// that growing it can be left to realloc; small ones share blocks that double in size.
#include "hotpathd/arena.h"

#include <assert.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define HP_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HP_ASAN 1
#endif
#endif

#ifdef HP_ASAN
#include <sanitizer/asan_interface.h>
#define poison(at, len) ASAN_POISON_MEMORY_REGION((at), (len))
#define unpoison(at, len) ASAN_UNPOISON_MEMORY_REGION((at), (len))
#else
#define poison(at, len) ((void)0)
#define unpoison(at, len) ((void)0)
#endif

enum { ALIGN = 16, BLOCK_FIRST = 16 << 10, BLOCK_LAST = 1 << 20 };

struct hp_block {
    struct hp_block *next;
    size_t size; // of the data behind
    _Alignas(ALIGN) char data[];
};

void hp_arena_init(struct hp_arena *arena, struct hp_budget *budget, size_t ceiling)
{
    *arena = (struct hp_arena){ .budget = budget, .ceiling = ceiling };
}

void hp_arena_lend(struct hp_arena *arena, void *room, size_t bytes)
{
    assert(!arena->blocks && !arena->at && bytes < BLOCK_FIRST && (uintptr_t)room % ALIGN == 0);
    arena->at = room;
    arena->end = arena->at + bytes;
}

static void give_back(struct hp_arena *arena, size_t bytes)
{
    arena->held -= bytes;
    if (arena->budget)
        atomic_fetch_sub_explicit(&arena->budget->used, bytes, memory_order_relaxed);
}

void hp_arena_done(struct hp_arena *arena)
{
    for (struct hp_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        unpoison(block->data, block->size);
        free(block);
    }
    give_back(arena, arena->held);
    arena->blocks = NULL;
    arena->at = arena->end = NULL;
}

static bool refuse(struct hp_arena *arena, enum hp_code why)
{
    arena->why = why;
    return false;
}

static bool take(struct hp_arena *arena, size_t bytes)
{
    if (bytes > arena->ceiling - arena->held)
        return refuse(arena, HP_TOO_LARGE);
    if (arena->budget) {
        size_t before =
            atomic_fetch_add_explicit(&arena->budget->used, bytes, memory_order_relaxed);
        if (before + bytes > arena->budget->limit) {
            atomic_fetch_sub_explicit(&arena->budget->used, bytes, memory_order_relaxed);
            return refuse(arena, HP_OVERLOADED);
        }
    }
    arena->held += bytes;
    return true;
}

// True where a test asked this allocation to fail.
static bool fails_on_purpose(struct hp_arena *arena)
{
    if (arena->fail_after == 0 || --arena->fail_after > 0)
        return false;
    arena->fail_after = 1; // and so do all that follow: memory that is gone stays gone
    arena->why = HP_OVERLOADED;
    return true;
}

static struct hp_block *block_new(struct hp_arena *arena, size_t size)
{
    size_t bytes = sizeof(struct hp_block) + size;
    if (!take(arena, bytes))
        return NULL;
    struct hp_block *block = malloc(bytes);
    if (!block) {
        give_back(arena, bytes);
        arena->why = HP_OVERLOADED;
        return NULL;
    }
    block->size = size;
    return block;
}

// A block of its own goes behind the head, so that the head stays the one that is bumped.
static void *own_block(struct hp_arena *arena, size_t size)
{
    struct hp_block *block = block_new(arena, size);
    if (!block)
        return NULL;
    if (arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = NULL;
        arena->blocks = block; // nothing is bumped from it
    }
    return block->data;
}

static bool shared_block(struct hp_arena *arena, size_t least)
{
    size_t size = arena->held < BLOCK_FIRST ? BLOCK_FIRST : arena->held;
    if (size > BLOCK_LAST)
        size = BLOCK_LAST;
    if (size < least)
        size = least;
    struct hp_block *block = block_new(arena, size);
    if (!block)
        return false;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->at = block->data;
    arena->end = block->data + size;
    poison(block->data, size);
    return true;
}

static bool product(size_t count, size_t size, size_t *bytes)
{
    if (__builtin_mul_overflow(count, size, bytes) || *bytes > SIZE_MAX / 2)
        return false;
    *bytes = *bytes ? (*bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
    return true;
}

void *hp_alloc_raw(struct hp_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (fails_on_purpose(arena))
        return NULL;
    if (!product(count, size, &bytes)) {
        arena->why = HP_TOO_LARGE;
        return NULL;
    }
    if (bytes >= BLOCK_FIRST)
        return own_block(arena, bytes);
    if ((size_t)(arena->end - arena->at) < bytes && !shared_block(arena, bytes))
        return NULL;
    void *out = arena->at;
    unpoison(out, bytes);
    arena->at += bytes;
    return out;
}

void *hp_alloc(struct hp_arena *arena, size_t count, size_t size)
{
    void *out = hp_alloc_raw(arena, count, size);
    if (out)
        memset(out, 0, count * size);
    return out;
}

static struct hp_block **block_of(struct hp_arena *arena, const void *data)
{
    for (struct hp_block **link = &arena->blocks; *link; link = &(*link)->next)
        if ((*link)->data == (const char *)data)
            return link;
    return NULL;
}

// Grows a block that holds nothing but `old`.
static void *grow_own(struct hp_arena *arena, struct hp_block **link, size_t size)
{
    size_t bytes;
    if (!product(size, 1, &bytes)) {
        arena->why = HP_TOO_LARGE;
        return NULL;
    }
    size_t more = bytes - (*link)->size;
    if (!take(arena, more))
        return NULL;
    struct hp_block *block = realloc(*link, sizeof **link + bytes);
    if (!block) {
        give_back(arena, more);
        arena->why = HP_OVERLOADED;
        return NULL;
    }
    block->size = bytes;
    *link = block;
    return block->data;
}

void *hp_grow(struct hp_arena *arena, void *old, size_t old_size, size_t size)
{
    assert(size >= old_size);
    if (old && old_size >= BLOCK_FIRST) {
        struct hp_block **link = block_of(arena, old);
        assert(link); // an allocation of this size has a block of its own
        if (size <= (*link)->size)
            return old;
        if (fails_on_purpose(arena))
            return NULL;
        return grow_own(arena, link, size);
    }
    void *out = hp_alloc_raw(arena, size, 1);
    if (out && old_size)
        memcpy(out, old, old_size);
    return out;
}

enum hp_code hp_no_memory(const struct hp_arena *arena, struct hp_fault *fault)
{
    if (arena->why == HP_TOO_LARGE)
        return hp_fail_limit(fault, HP_TOO_LARGE, NULL, arena->ceiling,
            "this request needs more than %zu bytes of memory", arena->ceiling);
    return hp_fail(fault, HP_OVERLOADED, NULL, "no memory left for this request");
}

char *hp_arena_text(struct hp_arena *arena, hp_str s)
{
    char *text = hp_alloc_raw(arena, s.len + 1, 1);
    if (!text)
        return NULL;
    if (s.len)
        memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return text;
}
