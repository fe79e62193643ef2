// date.c -- one line, kept until the second changes.
#include "http/date.h"

hp_str hp_date_line(struct hp_date *kept)
{
    time_t now = time(NULL);
    if (now != kept->second || !kept->len) {
        struct tm utc;
        gmtime_r(&now, &utc);
        kept->len =
            strftime(kept->line, sizeof kept->line, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
        kept->second = now;
    }
    return (hp_str){ kept->line, kept->len };
}
