// reply.h -- reads an HTTP/1.1 reply out of the bytes that came so far: a pure function.
#pragma once

#include "hotpathd/str.h"

enum { HP_REPLY_HEAD_MAX = 64 << 10 }; // bytes of interim replies, status line and headers

enum hp_reply_state { HP_REPLY_MORE, HP_REPLY_WHOLE, HP_REPLY_BAD };

struct hp_reply {
    int status;
    hp_str body; // part of the bytes
};

// `bytes` are all bytes from the first on; `ended`: no more will come. The body goes by its
// Content-Length, or to the end where there is none. Chunked replies are refused: the daemon sends
// none. The reply is written where it is whole.
enum hp_reply_state hp_reply_read(hp_str bytes, bool ended, struct hp_reply *reply);
