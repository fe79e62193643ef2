// listen.h -- listening sockets, TCP on loopback and Unix.
#pragma once

#include "hotpathd/error.h"

#include <sys/types.h>

struct hp_listener {
    int fd; // -1: closed
    bool unix_socket;
    bool adopted;   // others listen on it too, now or after us
    char path[108]; // of a Unix socket: unlinked on close, if it is still the one that was bound
    dev_t device;
    ino_t inode;
    char url[128]; // http://127.0.0.1:43117 or unix:/tmp/x.sock, with the port that was got
};

enum hp_listen_result { HP_LISTENING, HP_BAD_ADDRESS, HP_NO_LISTENER };

// Whether `address` is one that hp_listen takes.
bool hp_listen_fits(hp_str address, bool remote);

// Opens `address`: HOST:PORT, HOST being localhost, a loopback address or (`remote`) any address of
// this host, or unix:PATH. On failure
// `why` (256 bytes) says what is wrong. A Unix socket that nobody serves any more is replaced.
enum hp_listen_result hp_listen(
    struct hp_listener *listener, hp_str address, unsigned mode, bool remote, char *why);

// The same with a socket that somebody else opened and listens on; its path is not ours to unlink.
enum hp_listen_result hp_listen_adopt(struct hp_listener *listener, int fd, bool remote, char *why);

void hp_listener_close(struct hp_listener *listener);
