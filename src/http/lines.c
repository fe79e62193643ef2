// lines.c -- of a head "...\r\n\r\n" the last two bytes are held back until the lines are out. So
// libmicrohttpd, when a socket's buffer was full, comes again with these at the least.
#include "http/lines.h"

#include <assert.h>

enum { BLANK_LINE = 2 };

static _Thread_local struct hp_by_fd *waiting; // one at a time, but for readers that stall

void hp_lines_wait(struct hp_lines *lines, int fd, hp_str text)
{
    lines->left = text;
    hp_by_fd_add(&waiting, &lines->by_fd, fd);
}

void hp_lines_drop(struct hp_lines *lines)
{
    hp_by_fd_drop(&lines->by_fd);
}

struct hp_lines *hp_lines_for(int fd)
{
    return (struct hp_lines *)(void *)hp_by_fd_find(waiting, fd);
}

static size_t head_len(const struct iovec *part)
{
    assert(part->iov_len >= BLANK_LINE);
    return part->iov_len - BLANK_LINE;
}

size_t hp_lines_weave(const struct hp_lines *lines, const struct iovec *part, size_t parts,
    struct iovec out[HP_WOVEN])
{
    size_t head = head_len(part), count = 0;
    out[count++] = (struct iovec){ part->iov_base, head };
    out[count++] = (struct iovec){ (void *)lines->left.ptr, lines->left.len };
    out[count++] = (struct iovec){ (char *)part->iov_base + head, BLANK_LINE };
    if (parts > 1)
        out[count++] = part[1];
    return count;
}

size_t hp_lines_sent(struct hp_lines *lines, const struct iovec *part, size_t sent)
{
    size_t head = head_len(part);
    if (sent <= head)
        return sent;
    size_t of_lines = sent - head;
    if (of_lines < lines->left.len) {
        lines->left = (hp_str){ lines->left.ptr + of_lines, lines->left.len - of_lines };
        return head;
    }
    hp_lines_drop(lines);
    return sent - lines->left.len;
}
