// lines.h -- header lines of a reply that do not pass through libmicrohttpd, which allocates three
// times for each, and copies it twice. They are woven into what it sends (src/outgoing.c), in front
// of the blank line that ends its head.
#pragma once

#include "hotpathd/str.h"
#include "http/by_fd.h"

#include <sys/types.h>
#include <sys/uio.h>

// Of one reply, known by its connection's descriptor to the thread that sends it. All zero: none.
struct hp_lines {
    struct hp_by_fd by_fd;
    hp_str left; // what has not gone out
};

// The next head that this thread sends on `fd` carries `text`, whole lines, which stays until
// hp_lines_drop or until it is sent.
void hp_lines_wait(struct hp_lines *lines, int fd, hp_str text);

// For those that went out, too.
void hp_lines_drop(struct hp_lines *lines);

// NULL: none wait.
struct hp_lines *hp_lines_for(int fd);

enum { HP_WOVEN = 4 };

// What to send where libmicrohttpd sends `part`: its head from where it stands, and its body if
// there are two. Returns how many of `out` are filled.
size_t hp_lines_weave(const struct hp_lines *lines, const struct iovec *part, size_t parts,
    struct iovec out[HP_WOVEN]);

// How many bytes of `part` went out when `sent` bytes of what was woven did. 0: none of them.
size_t hp_lines_sent(struct hp_lines *lines, const struct iovec *part, size_t sent);
