// pages.c -- a page of libmicrohttpd's known by its status line and its body, and what goes out in
// its place. No reply of ours is a failure in HTML.
#include "http/pages.h"

#include "http/date.h"
#include "http/problem.h"
#include "telemetry/trace.h"

#include <microhttpd.h>

static const struct {
    unsigned status;
    enum hp_code code;
} codes[] = {
    { MHD_HTTP_CONTENT_TOO_LARGE, HP_TOO_LARGE }, // a length, or a chunk's, beyond 64 bits
    { MHD_HTTP_URI_TOO_LONG, HP_HEADER_TOO_LARGE },
    { MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, HP_HEADER_TOO_LARGE },
    { MHD_HTTP_INTERNAL_SERVER_ERROR, HP_INTERNAL },
};

enum hp_code hp_page_code(unsigned status)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].status == status)
            return codes[i].code;
    return HP_BAD_FRAMING;
}

static bool begins(const struct iovec *part, hp_str with)
{
    return part->iov_len >= with.len && memcmp(part->iov_base, with.ptr, with.len) == 0;
}

// 0: not a failure's status line. A redirection too is a refusal: 1.0 sends one to a target with a
// space in it.
static unsigned failure_of(const struct iovec *head)
{
    const char *line = head->iov_base;
    size_t digits = sizeof "HTTP/1.1 " - 1;
    if (head->iov_len < digits + 3 || memcmp(line, "HTTP/1.", 7) != 0)
        return 0;
    unsigned status = 0;
    for (size_t i = digits; i < digits + 3; i++)
        status = status * 10 + (unsigned)(line[i] - '0');
    return status >= 300 && status <= 599 ? status : 0;
}

static bool holds(const struct iovec *head, hp_str text)
{
    return memmem(head->iov_base, head->iov_len, text.ptr, text.len) != NULL;
}

// To a HEAD goes the head alone, of a refusal without a call twice in a row (0.9.75). Failures of
// our own name their type, here or in lines of their own (lines.h).
static bool is_bare_head(const struct iovec *head)
{
    return head->iov_len >= 4 &&
           memcmp((const char *)head->iov_base + head->iov_len - 4, "\r\n\r\n", 4) == 0 &&
           !holds(head, HP_S("\r\nContent-Type: "));
}

static size_t write_problem(enum hp_code code, bool with_body, char out[HP_PAGE_MAX])
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_arena arena;
    struct hp_date date = { 0 };
    _Alignas(16) char room[4 * HP_PAGE_MAX]; // all that it needs: memory may be what is missing
    char id[33];
    hp_fail(&fault, code, NULL,
        "what came cannot be read as a request, or is over a limit of the reader");
    hp_id_hex(id, 32);
    hp_arena_init(&arena, NULL, 1 << 20);
    hp_arena_lend(&arena, room, sizeof room);
    struct hp_buf body = hp_buf_in(&arena);
    hp_problem_write(&body, &fault, (hp_str){ id, 32 }, HP_QUEUE, 0);
    size_t len =
        hp_problem_head(out, HP_PAGE_MAX, code, hp_date_line(&date), (hp_str){ id, 32 }, body.len);
    size_t sent = with_body ? body.len : 0;
    bool whole = !body.failed && len > 0 && sent < HP_PAGE_MAX - len;
    if (whole && sent)
        memcpy(out + len, body.ptr, sent);
    hp_arena_done(&arena);
    return whole ? len + sent : 0;
}

size_t hp_page_replace(const struct iovec *part, size_t parts, char out[HP_PAGE_MAX])
{
    unsigned status = parts == 1 || parts == 2 ? failure_of(&part[0]) : 0;
    if (!status)
        return 0;
    bool page = parts == 2 ? begins(&part[1], HP_S("<html>")) : is_bare_head(&part[0]);
    return page ? write_problem(hp_page_code(status), parts == 2, out) : 0;
}
