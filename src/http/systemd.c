// systemd.c -- three variables of the environment and one datagram: no library for that.
#include "http/systemd.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// Of a variable that belongs to this process, by the pid beside it; 0: none.
static uint64_t number_for_us(const char *name, const char *pid_name)
{
    uint64_t number, pid;
    const char *text = getenv(name), *pid_text = getenv(pid_name);
    if (!text || !hp_str_decimal(hp_str_from(text), &number))
        return 0;
    if (pid_text && (!hp_str_decimal(hp_str_from(pid_text), &pid) || pid != (uint64_t)getpid()))
        return 0;
    return number;
}

unsigned hp_systemd_sockets(char *names, size_t size)
{
    const char *told = getenv("LISTEN_FDNAMES");
    uint64_t count = getenv("LISTEN_PID") ? number_for_us("LISTEN_FDS", "LISTEN_PID") : 0;
    snprintf(names, size, "%s", told ? told : "");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return count > 1000 ? 1000 : (unsigned)count;
}

uint64_t hp_systemd_watchdog_ns(void)
{
    return number_for_us("WATCHDOG_USEC", "WATCHDOG_PID") * 1000;
}

void hp_systemd_notify(const char *lines)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@') // an abstract one
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    // A manager that does not listen is not to be helped from here.
    (void)sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (struct sockaddr *)(void *)&to,
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}
