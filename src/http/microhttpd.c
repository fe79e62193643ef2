// microhttpd.c -- which libmicrohttpd is linked, and what an old one leaves to us.
#include "http/server_parts.h"

#include "base/log.h"

#include <stdio.h>

const char *hp_server_library(void)
{
    return MHD_get_version();
}

// Of the library that is linked, as 10005 for 1.0.5; 0: it says something else.
static unsigned library_version(void)
{
    unsigned major = 0, minor = 0, patch = 0;
    if (sscanf(MHD_get_version(), "%u.%u.%u", &major, &minor, &patch) != 3)
        return 0;
    return major * 10000 + minor * 100 + patch;
}

bool hp_server_library_is_old(void)
{
    return library_version() < 10000;
}

// 1.0.4 and 1.0.5 fixed request smuggling (CWE-444).
void hp_server_warn_of_old_library(void)
{
    unsigned version = library_version();
    if (version == 0 || version >= 10005)
        return;
    hp_log(HP_WARN,
        "libmicrohttpd is older than 1.0.5; what is known of request smuggling in it is refused by "
        "checks of our own",
        "microhttpd", MHD_get_version(), NULL);
}

static hp_mhd_result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    hp_headers_add(cls, (hp_str){ name, name_len }, (hp_str){ value ? value : "", value_len });
    return MHD_YES;
}

// The method is the block's first byte.
void hp_server_headers(const struct hp_server *server, struct MHD_Connection *connection,
    const char *method, const char *version, struct hp_headers *headers)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    headers->bytes = info ? info->header_size : 0;
    if (server->old_library && info)
        hp_headers_begin(headers, version + strlen(version));
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_header, headers);
    if (server->old_library && info)
        hp_headers_end(headers, method + info->header_size);
}

// A line and its end are slices of one buffer: blanks between name and value count. Of a folded one
// 0.9.75 moves the name behind the value.
static hp_mhd_result count_trailer(void *cls, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct hp_headers *headers = cls;
    headers->lines++;
    headers->gap |= value && value < name;
    headers->bytes += (value && value > name ? (size_t)(value - name) + value_len : name_len) + 2;
    return MHD_YES;
}

void hp_server_trailers(struct MHD_Connection *connection, struct hp_headers *headers)
{
    MHD_get_connection_values_n(connection, MHD_FOOTER_KIND, count_trailer, headers);
}
