// by_fd.h -- what a thread keeps for some of its connections between two calls of libmicrohttpd's,
// which names them to us by descriptor only: a list, since there are few at a time. The newest
// stands first, so that what goes out at once is found at once.
#pragma once

// The first member of what is kept. All zero: in no list.
struct hp_by_fd {
    int fd;
    struct hp_by_fd *next, **link;
};

void hp_by_fd_add(struct hp_by_fd **list, struct hp_by_fd *one, int fd);

// Also where it is in no list.
void hp_by_fd_drop(struct hp_by_fd *one);

// NULL: none.
struct hp_by_fd *hp_by_fd_find(struct hp_by_fd *list, int fd);
