/* Ends a process with SIGKILL right before its n-th step: a system call that changes files or processes. It is preloaded
 * into the program under test, which is unmodified.
 *
 * KILL_SWITCH names a file with one number of 64 bits, which all processes that have it preloaded count down and only the
 * one that takes it from 1 to 0 dies. A test writes n to arm it and 0 to disarm it, and reads how many steps were left.
 *
 * Log files do not count: what they say decides nothing, and calls that only read would never end otherwise. Sockets do
 * not count either: what is asked of another process shows in the files that are written next. fsync does not count,
 * because a killed process loses nothing that it has written.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic long *left;
static pid_t owner;

__attribute__((constructor)) static void arm(void) {
    const char *path = getenv("KILL_SWITCH");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    owner = getpid();
    if (mapped != MAP_FAILED)
        left = mapped;
}

/* A child between fork and exec is part of the step that made it. */
static void step(void) {
    if (left && getpid() == owner && atomic_load(left) > 0 && atomic_fetch_sub(left, 1) == 1)
        kill(owner, SIGKILL);
}

static int is_log(const char *path) {
    return strstr(path, "/logs/") || strstr(path, "/proc/") == path || strstr(path, "/dev/") == path;
}

static void step_at(const char *path) {
    if (left && !is_log(path))
        step();
}

static void step_on(int file) {
    struct stat status;
    char link[64], path[4096];
    if (!left || fstat(file, &status) || !S_ISREG(status.st_mode))
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return;
    path[length] = 0;
    step_at(path);
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *bytes, size_t length) { REAL(write); step_on(file); return real(file, bytes, length); }
ssize_t writev(int file, const struct iovec *parts, int count) { REAL(writev); step_on(file); return real(file, parts, count); }
ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) { REAL(pwrite); step_on(file); return real(file, bytes, length, at); }
ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) { REAL(pwrite64); step_on(file); return real(file, bytes, length, at); }
int ftruncate(int file, off_t length) { REAL(ftruncate); step_on(file); return real(file, length); }
int ftruncate64(int file, off64_t length) { REAL(ftruncate64); step_on(file); return real(file, length); }
int rename(const char *from, const char *to) { REAL(rename); step_at(from); return real(from, to); }
int unlink(const char *path) { REAL(unlink); step_at(path); return real(path); }
int rmdir(const char *path) { REAL(rmdir); step_at(path); return real(path); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); step_at(path); return real(path, mode); }
int unlinkat(int folder, const char *path, int flags) { REAL(unlinkat); step_at(path); return real(folder, path, flags); }

#define OPEN(name, before, given) \
    int name(before const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        if (flags & (O_CREAT | O_TRUNC)) \
            step_at(path); \
        return real(given path, flags, mode); \
    }
#define COMMA ,
OPEN(open, , )
OPEN(open64, , )
OPEN(openat, int folder COMMA, folder COMMA)
OPEN(openat64, int folder COMMA, folder COMMA)

pid_t fork(void) { REAL(fork); step(); return real(); }
int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                char *const arguments[], char *const environment[]) {
    REAL(posix_spawn);
    step();
    return real(pid, path, actions, attributes, arguments, environment);
}
int posix_spawnp(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                 char *const arguments[], char *const environment[]) {
    REAL(posix_spawnp);
    step();
    return real(pid, path, actions, attributes, arguments, environment);
}
