/* Loaded before the C library (LD_PRELOAD): writes down what a process does to files, and lets some of it fail.
 *
 * SHIM_LOG=FILE        a line for every call that matters for durability: the call and the path
 * SHIM_FAIL=CALL:TEXT:ERRNO:N   from the N-th time on, CALL on a path that has TEXT in it fails with ERRNO
 * SHIM_CLOCK_BACK=N    from the N-th question on, the clock of the wall is an hour behind
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -2;
static char fail_call[32], fail_text[256];
static int fail_errno, fail_from, fail_seen;

#define REAL(result, name, ...) static result (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, #name)

static void set_up(void) {
    const char *path = getenv("SHIM_LOG"), *fail = getenv("SHIM_FAIL");
    int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    log_fd = path ? real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (fail) sscanf(fail, "%31[^:]:%255[^:]:%d:%d", fail_call, fail_text, &fail_errno, &fail_from);
}

/* Writes the call down; returns whether it is to fail, with errno set. */
static int seen(const char *call, const char *path) {
    ssize_t (*real_write)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    int fails = 0;
    pthread_mutex_lock(&lock);
    if (log_fd == -2) set_up();
    if (log_fd >= 0 && path[0] == '/') {
        char line[4400];
        int length = snprintf(line, sizeof line, "%s %s\n", call, path);
        if (real_write(log_fd, line, length) < 0) abort();
    }
    if (fail_from && !strcmp(call, fail_call) && strstr(path, fail_text)) fails = ++fail_seen >= fail_from;
    pthread_mutex_unlock(&lock);
    if (fails) errno = fail_errno;
    return fails;
}

static int seen_fd(const char *call, int fd) {
    char name[64], path[4097];
    int before = errno;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    errno = before;
    return seen(call, path);
}

int fsync(int fd) { REAL(int, fsync, int); return seen_fd("sync", fd) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(int, fdatasync, int); return seen_fd("sync", fd) ? -1 : real(fd); }
ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    return seen_fd("write", fd) ? -1 : real(fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    return seen_fd("write", fd) ? -1 : real(fd, data, size, at);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    return seen_fd("write", fd) ? -1 : real(fd, data, size, at);
}
int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    return seen("rename", to) ? -1 : real(from, to);
}
int unlink(const char *path) {
    REAL(int, unlink, const char *);
    return seen("unlink", path) ? -1 : real(path);
}
int open64(const char *path, int flags, ...) {
    REAL(int, open64, const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return (flags & O_CREAT) && seen("create", path) ? -1 : real(path, flags, mode);
}
int open(const char *path, int flags, ...) {
    REAL(int, open, const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return (flags & O_CREAT) && seen("create", path) ? -1 : real(path, flags, mode);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(int, clock_gettime, clockid_t, struct timespec *);
    static int asked, from = -1;
    int status = real(clock, now);
    if (from == -1) from = getenv("SHIM_CLOCK_BACK") ? atoi(getenv("SHIM_CLOCK_BACK")) : 0;
    if (clock == CLOCK_REALTIME && from && __atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED) >= from) now->tv_sec -= 3600;
    return status;
}
