// watch.c -- the folder is watched, not the file: a watch on a file follows the inode, and is gone
// with the first replacement. A moment passes before the file is read, since an editor's save and a
// ConfigMap's swap are several events.
#include "http/watch.h"

#include "hotpathd/deadline.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SETTLE_MS = 50 };

bool hp_watch_open(struct hp_watch *watch, const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    *watch = (struct hp_watch){ .fd = -1 };
    if (strlen(path) >= sizeof folder || strlen(slash ? slash + 1 : path) >= sizeof watch->file) {
        errno = ENAMETOOLONG;
        return false;
    }
    snprintf(watch->path, sizeof watch->path, "%s", path);
    snprintf(watch->file, sizeof watch->file, "%s", slash ? slash + 1 : path);
    snprintf(
        folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR;
    if (watch->fd >= 0 && inotify_add_watch(watch->fd, folder, events) >= 0)
        return true;
    int error = errno;
    hp_watch_close(watch);
    errno = error;
    return false;
}

void hp_watch_close(struct hp_watch *watch)
{
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}

// A file that was only created is not written yet, and an empty one would be read as all defaults;
// a link is whole when it is there.
static bool is_link(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

static bool concerns(const struct hp_watch *watch, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        return true; // something happened
    if (event->len == 0)
        return false;
    if (strcmp(event->name, "..data") == 0) // of a ConfigMap: the link to all its files
        return true;
    if (strcmp(event->name, watch->file) != 0)
        return false;
    return !(event->mask & IN_CREATE) || is_link(watch->path);
}

void hp_watch_read(struct hp_watch *watch, uint64_t now_ns)
{
    _Alignas(struct inotify_event) char events[4096 + NAME_MAX + 1];
    ssize_t len;
    while ((len = read(watch->fd, events, sizeof events)) > 0) {
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const void *)(events + at);
            if (concerns(watch, event))
                watch->look_ns = now_ns + (uint64_t)SETTLE_MS * HP_NS_PER_MS;
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
}
