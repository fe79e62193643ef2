// by_fd.c -- a doubly linked list whose members know what points to them.
#include "http/by_fd.h"

#include <assert.h>
#include <stddef.h>

void hp_by_fd_add(struct hp_by_fd **list, struct hp_by_fd *one, int fd)
{
    assert(!one->link);
    *one = (struct hp_by_fd){ .fd = fd, .next = *list, .link = list };
    if (one->next)
        one->next->link = &one->next;
    *list = one;
}

void hp_by_fd_drop(struct hp_by_fd *one)
{
    if (!one->link)
        return;
    *one->link = one->next;
    if (one->next)
        one->next->link = one->link;
    one->link = NULL;
}

struct hp_by_fd *hp_by_fd_find(struct hp_by_fd *list, int fd)
{
    while (list && list->fd != fd)
        list = list->next;
    return list;
}
