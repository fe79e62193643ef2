// thread.c -- prctl(2): no file, and no error that anybody could do something about.
#include "base/thread.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>

void hp_thread_name(const char *format, ...)
{
    char name[16];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
}
