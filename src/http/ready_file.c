// ready_file.c -- the file of --ready-file: who serves, and where.
#include "http/server_parts.h"

#include "hotpathd/json.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void ready_text(const struct hp_server *server, struct hp_buf *out)
{
    hp_buf_format(out, "{\"pid\":%ld,\"listen\":[", (long)getpid());
    for (size_t i = 0; i < server->listener_count; i++) {
        if (i)
            hp_buf_char(out, ',');
        hp_json_put_string(out, hp_str_from(server->listeners[i].url));
    }
    hp_buf_add(out, HP_S("],\"admin\":"));
    hp_json_put_string(out, hp_str_from(server->admin_listener.url));
    hp_buf_add(out, HP_S("}\n"));
}

static bool write_whole(const char *path, hp_str text)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    bool ok = fwrite(text.ptr, 1, text.len, file) == text.len;
    return fclose(file) == 0 && ok;
}

// Written under another name and renamed: whoever sees it sees all of it.
static bool replace(const char *path, hp_str text)
{
    char temporary[4096];
    int len = snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    if (len >= (int)sizeof temporary)
        return false;
    bool ok = write_whole(temporary, text) && rename(temporary, path) == 0;
    if (!ok)
        unlink(temporary);
    return ok;
}

// A pipe or a device (/dev/stdout) stays what it is.
static bool is_no_file(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && !S_ISREG(found.st_mode);
}

// The listeners accept already: who connects now is answered as soon as the threads run.
static bool write_file(const struct hp_server *server)
{
    const char *path = server->options.ready_file;
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf text = hp_buf_in(&arena);
    ready_text(server, &text);
    bool ok = !text.failed && (is_no_file(path) ? write_whole(path, hp_buf_str(&text))
                                                : replace(path, hp_buf_str(&text)));
    hp_arena_done(&arena);
    return ok;
}

int hp_server_write_ready_file(struct hp_server *server)
{
    if (!server->options.ready_file || write_file(server))
        return HP_EXIT_OK;
    return hp_server_fail(HP_EXIT_CONFIG, "cannot write the ready file", strerror(errno));
}
