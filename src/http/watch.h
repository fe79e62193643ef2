// watch.h -- sees that the configuration's file was changed: written in place, replaced, or swapped
// by way of a symbolic link as Kubernetes does with a ConfigMap. The I/O thread's.
#pragma once

#include "hotpathd/str.h"

struct hp_watch {
    int fd;         // -1: not watched
    char file[256]; // its name in the folder
    char path[4096];
    uint64_t look_ns; // when to look; 0: nothing happened
};

// Watches the folder that `path` lies in; false, with errno, where that is not possible.
bool hp_watch_open(struct hp_watch *watch, const char *path);
void hp_watch_close(struct hp_watch *watch);

// Reads what happened; sets look_ns, a moment later, where it may concern the file.
void hp_watch_read(struct hp_watch *watch, uint64_t now_ns);
