// landlock.c -- which files are still there (landlock(7)): those of the configuration, read only.
#include "http/isolation_parts.h"

#include "base/places.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

// Everything that the kernel's version of Landlock knows of files: 13 rights in version 1, REFER in
// 2, TRUNCATE in 3, IOCTL_DEV in 5.
static uint64_t rights_of(long version)
{
    uint64_t rights = (UINT64_C(1) << 13) - 1;
    for (int added = 2; added <= version && added <= 3; added++)
        rights |= UINT64_C(1) << (added + 11);
    return version >= 5 ? rights | UINT64_C(1) << 15 : rights;
}

static bool allow(int ruleset, const char *folder, uint64_t rights)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == EACCES; // what cannot be opened needs no right
    struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
    long done = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
    return done == 0;
}

// The folder that `path` lies in, and where `path` is a link the folder of its target too.
static bool allow_folder_of(int ruleset, const char *path, uint64_t rights)
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *names[] = { path, realpath(path, real) };
    for (size_t i = 0; i < 2 && names[i]; i++) {
        const char *slash = strrchr(names[i], '/');
        snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - names[i]) + 1 : 1,
            slash ? names[i] : ".");
        if (!allow(ruleset, folder, rights))
            return false;
    }
    return true;
}

static bool allow_text(int ruleset, hp_str path, bool folder, uint64_t rights)
{
    char text[PATH_MAX];
    if (path.len == 0 || path.len >= sizeof text)
        return true;
    snprintf(text, sizeof text, "%.*s", (int)path.len, path.ptr);
    return folder ? allow(ruleset, text, rights) : allow_folder_of(ruleset, text, rights);
}

// Sockets are unlinked when the daemon stops.
static bool allow_sockets(int ruleset, const struct hp_config *config)
{
    hp_str default_socket = HP_S(HP_DATA_SOCKET);
    bool ok = allow_text(ruleset, default_socket, false, LANDLOCK_ACCESS_FS_REMOVE_FILE);
    for (size_t i = 0; i <= config->listen.count && ok; i++) {
        hp_str address = i == config->listen.count ? config->admin : config->listen.item[i];
        hp_str scheme = hp_str_cut(&address, ':');
        if (hp_str_is(scheme, "unix"))
            ok = allow_text(ruleset, address, false, LANDLOCK_ACCESS_FS_REMOVE_FILE);
    }
    return ok;
}

// A collector's name is looked up by glibc's modules and their files.
static bool allow_names(int ruleset, const struct hp_config *config)
{
    static const char *const folders[] = { "/etc", "/lib", "/lib64", "/usr/lib", "/run/systemd" };
    bool ok = true;
    for (size_t i = 0; config->traces.len && i < sizeof folders / sizeof *folders && ok; i++)
        ok = allow(ruleset, folders[i], READ_FILES | LANDLOCK_ACCESS_FS_EXECUTE);
    return ok;
}

static bool allow_all(int ruleset, const struct hp_config *config, const char *config_file)
{
    return (!config_file || allow_folder_of(ruleset, config_file, READ_FILES)) &&
           allow_text(ruleset, config->token_file, false, READ_FILES) &&
           allow_text(ruleset, config->vocabulary, true, READ_FILES) &&
           allow(ruleset, "/proc", READ_FILES) && allow_sockets(ruleset, config) &&
           allow_names(ruleset, config);
}

void hp_isolation_files(const struct hp_config *config, const char *config_file, char *state)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        hp_isolation_without(state, "landlock", strerror(errno));
        return;
    }
    struct landlock_ruleset_attr attr = { .handled_access_fs = rights_of(version) };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset >= 0 && allow_all(ruleset, config, config_file) &&
        syscall(SYS_landlock_restrict_self, ruleset, 0) == 0)
        snprintf(state, HP_ISOLATION_STATE, "on, version %ld", version);
    else
        hp_isolation_without(state, "landlock", strerror(errno));
    if (ruleset >= 0)
        close(ruleset);
}
