/* Faults of single calls in chosen processes: files by path, names by host, and a wall clock that is off.
 *
 * CELERY_HARNESS_CALLS  the page of rules, shared by all processes of a stage; unset: nothing is looked at
 * CELERY_HARNESS_ROLE   who this process is (`worker:NAME`, `client`), inherited by what it starts
 *
 * Without a rule a call costs one reading of memory. What the C library calls itself (stdio) is not seen, nor a
 * program that libc does not load (static). The stage's own record is never struck. */
#include "simtime.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define RULES_MAGIC 0x31534c4cLL
#define RULE_COUNT 32

/* harness/call_faults.py knows this layout, these bits and these numbers. */
enum { CALL_OPEN = 1, CALL_READ = 2, CALL_WRITE = 4, CALL_FSYNC = 8, CALL_RENAME = 16, CALL_RESOLVE = 32, CALL_CLOCK = 64 };
enum { DO_ERROR = 0, DO_SLOW = 1, DO_SHORT = 2, DO_KILL = 3, DO_KILL_AFTER = 4 };

struct rule {
    _Atomic int64_t armed;
    int64_t calls, action, error, amount, from, times;
    _Atomic int64_t seen, struck;
    char roles[256], path[1024], fault[56];
};
struct rules {
    _Atomic int64_t magic, armed;
    struct rule rule[RULE_COUNT];
};
_Static_assert(sizeof(struct rule) == 1408 && offsetof(struct rules, rule) == 16, "call_faults.py knows this layout");

static struct rules *rules;
static char role[256], folder[PATH_MAX];

void harness_calls_start(void) {
    const char *path = getenv("CELERY_HARNESS_CALLS"), *who = getenv("CELERY_HARNESS_ROLE");
    if (!path || !*path || !who || strlen(who) >= sizeof role || strlen(path) >= sizeof folder) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    struct rules *found = mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found == MAP_FAILED || atomic_load(&found->magic) != RULES_MAGIC) return;
    strcpy(role, who);
    strcpy(folder, path);
    *strrchr(folder, '/') = 0;
    rules = found;
}

static int is_armed(void) { return rules && atomic_load_explicit(&rules->armed, memory_order_relaxed) > 0; }

/* Whether this process is meant: a list with commas. Nothing of libc, since clock readings come here. */
static int is_meant(const char *list) {
    for (const char *own = role;; list++) {
        while (*own && *list == *own) own++, list++;
        if (!*own && (!*list || *list == ',')) return 1;
        while (*list && *list != ',') list++;
        if (!*list) return 0;
        own = role;
    }
}

int64_t harness_skew_ns(void) {
    if (!is_armed()) return 0;
    int64_t skew_ns = 0;
    for (int i = 0; i < RULE_COUNT; i++) {
        struct rule *r = &rules->rule[i];
        if (atomic_load(&r->armed) && r->calls & CALL_CLOCK && is_meant(r->roles)) skew_ns += r->amount;
    }
    return skew_ns;
}

/* What the harness itself writes and reads in this process. */
static int is_own(const char *path) {
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) != 0) return 0;
    static const char *const own[] = { "/events", "/orders", "/logs", "/probe", "/clock", "/refused", "/calls" };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strncmp(path + length, own[i], strlen(own[i])) == 0) return 1;
    return 0;
}

static void record(const struct rule *r, const char *call, const char *step, int64_t nth, const char *path) {
    char plain[512], line[1024], where[PATH_MAX + 16];
    size_t n = 0;
    for (; path[n] && n + 1 < sizeof plain; n++)
        plain[n] = path[n] < 0x20 || path[n] > 0x7e || path[n] == '"' || path[n] == '\\' ? '?' : path[n];
    plain[n] = 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int length = snprintf(line, sizeof line,
        "{\"mono_ns\": %lld, \"kind\": \"fault-struck\", \"source\": \"harness\", \"data\": {\"fault\": \"%s\", "
        "\"link\": \"system\", \"command\": \"%s\", \"step\": \"%s\", \"nth\": %lld, \"what\": \"%s\", "
        "\"role\": \"%s\", \"concerns\": []}}\n",
        (long long)timespec_ns(&now), r->fault, call, step, (long long)nth, plain, role);
    snprintf(where, sizeof where, "%s/events.jsonl", folder);
    int fd = (int)KERNEL4(SYS_openat, AT_FDCWD, where, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    if (fd < 0) return; /* too many open files, for one */
    /* One write with O_APPEND: lines of several processes do not mix. */
    KERNEL3(SYS_write, fd, line, length);
    KERNEL3(SYS_close, fd, 0, 0);
}

static void die(void) {
    for (;;) KERNEL2(SYS_kill, getpid(), SIGKILL);
}

/* -1: the call fails with the error given; else 0, and whether to die after it. `count` may get smaller. */
static int64_t strike(int call, const char *name, const char *path, size_t *count, int *dies) {
    *dies = 0;
    for (int i = 0; i < RULE_COUNT; i++) {
        struct rule *r = &rules->rule[i];
        if (!atomic_load(&r->armed) || !(r->calls & call) || !is_meant(r->roles)) continue;
        if (fnmatch(r->path, path, 0) != 0) continue;
        int64_t nth = atomic_fetch_add(&r->seen, 1) + 1;
        if (nth < r->from || (r->times && nth >= r->from + r->times)) continue;
        atomic_fetch_add(&r->struck, 1);
        record(r, name, r->action == DO_KILL_AFTER ? "after" : "before", nth, path);
        struct timespec wait = ns_timespec(r->amount);
        switch (r->action) {
            case DO_ERROR: return r->error;
            case DO_SLOW: while (nanosleep(&wait, &wait) < 0 && errno == EINTR) {} break;
            case DO_SHORT: if (count && *count > (size_t)r->amount) *count = (size_t)r->amount; break;
            case DO_KILL: die(); break;
            case DO_KILL_AFTER: *dies = 1; break;
            default: break;
        }
    }
    return 0;
}

/* 0 where there is a path to look at, made absolute. */
static int path_of(int directory, const char *given, char *path) {
    char link[64];
    size_t length = 0;
    path[0] = 0;
    if (!given || given[0] != '/') {
        if (given && directory == AT_FDCWD) strcpy(link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        long n = KERNEL4(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
        if (n <= 0 || path[0] != '/') return -1; /* a pipe, a socket */
        path[length = (size_t)n] = 0;
        if (given) path[length++] = '/', path[length] = 0;
    }
    if (given) {
        if (length + strlen(given) >= PATH_MAX) return -1;
        strcpy(path + length, given);
    }
    return is_own(path) ? -1 : 0;
}

/* Before a call: -1 with errno where it is to fail. */
static int before(int call, const char *name, int fd, const char *given, size_t *count, int *dies) {
    *dies = 0;
    if (!is_armed()) return 0;
    int saved = errno;
    char path[PATH_MAX];
    int64_t error = path_of(fd, given, path) ? 0 : strike(call, name, path, count, dies);
    errno = error ? (int)error : saved;
    return error ? -1 : 0;
}

static long after(long result, int dies) {
    if (dies) die();
    return result;
}

static int open_at(int directory, const char *path, int flags, int mode) {
    int dies;
    if (before(CALL_OPEN, "open", directory, path, NULL, &dies)) return -1;
    return (int)after(KERNEL4(SYS_openat, directory, path, flags, mode), dies);
}

#define MODE(flags, last)                                                         \
    int mode = 0;                                                                 \
    if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) {                \
        va_list more;                                                             \
        va_start(more, last);                                                     \
        mode = va_arg(more, int);                                                 \
        va_end(more);                                                             \
    }
EXPORT int open(const char *path, int flags, ...) { MODE(flags, flags) return open_at(AT_FDCWD, path, flags, mode); }
EXPORT int open64(const char *path, int flags, ...) { MODE(flags, flags) return open_at(AT_FDCWD, path, flags, mode); }
EXPORT int openat(int at, const char *path, int flags, ...) { MODE(flags, flags) return open_at(at, path, flags, mode); }
EXPORT int openat64(int at, const char *path, int flags, ...) { MODE(flags, flags) return open_at(at, path, flags, mode); }
EXPORT int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
EXPORT int __open64_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
EXPORT int __openat_2(int at, const char *path, int flags) { return open_at(at, path, flags, 0); }
EXPORT int __openat64_2(int at, const char *path, int flags) { return open_at(at, path, flags, 0); }
EXPORT int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, (int)mode); }
EXPORT int creat64(const char *path, mode_t mode) { return creat(path, mode); }

EXPORT ssize_t read(int fd, void *into, size_t count) {
    int dies;
    if (before(CALL_READ, "read", fd, NULL, &count, &dies)) return -1;
    return after(KERNEL3(SYS_read, fd, into, count), dies);
}
EXPORT ssize_t __read_chk(int fd, void *into, size_t count, size_t room) { (void)room; return read(fd, into, count); }

EXPORT ssize_t pread64(int fd, void *into, size_t count, off64_t at) {
    int dies;
    if (before(CALL_READ, "read", fd, NULL, &count, &dies)) return -1;
    return after(KERNEL4(SYS_pread64, fd, into, count, at), dies);
}
EXPORT ssize_t pread(int fd, void *into, size_t count, off_t at) { return pread64(fd, into, count, at); }
EXPORT ssize_t __pread_chk(int fd, void *into, size_t count, off_t at, size_t room) { (void)room; return pread64(fd, into, count, at); }
EXPORT ssize_t __pread64_chk(int fd, void *into, size_t count, off64_t at, size_t room) { (void)room; return pread64(fd, into, count, at); }

EXPORT ssize_t write(int fd, const void *from, size_t count) {
    int dies;
    if (before(CALL_WRITE, "write", fd, NULL, &count, &dies)) return -1;
    return after(KERNEL3(SYS_write, fd, from, count), dies);
}

EXPORT ssize_t pwrite64(int fd, const void *from, size_t count, off64_t at) {
    int dies;
    if (before(CALL_WRITE, "write", fd, NULL, &count, &dies)) return -1;
    return after(KERNEL4(SYS_pwrite64, fd, from, count, at), dies);
}
EXPORT ssize_t pwrite(int fd, const void *from, size_t count, off_t at) { return pwrite64(fd, from, count, at); }

EXPORT ssize_t writev(int fd, const struct iovec *parts, int n) {
    int dies;
    size_t count = n > 0 ? parts[0].iov_len : 0, whole = count;
    if (before(CALL_WRITE, "write", fd, NULL, &count, &dies)) return -1;
    if (count < whole) return after(KERNEL3(SYS_write, fd, parts[0].iov_base, count), dies);
    return after(KERNEL3(SYS_writev, fd, parts, n), dies);
}

EXPORT ssize_t sendfile64(int out, int in, off64_t *at, size_t count) {
    int dies;
    if (before(CALL_WRITE, "write", out, NULL, &count, &dies)) return -1;
    return after(KERNEL4(SYS_sendfile, out, in, at, count), dies);
}
EXPORT ssize_t sendfile(int out, int in, off_t *at, size_t count) { return sendfile64(out, in, at, count); }

EXPORT int fsync(int fd) {
    int dies;
    if (before(CALL_FSYNC, "fsync", fd, NULL, NULL, &dies)) return -1;
    return (int)after(KERNEL2(SYS_fsync, fd, 0), dies);
}

EXPORT int fdatasync(int fd) {
    int dies;
    if (before(CALL_FSYNC, "fdatasync", fd, NULL, NULL, &dies)) return -1;
    return (int)after(KERNEL2(SYS_fdatasync, fd, 0), dies);
}

EXPORT int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    int dies;
    if (before(CALL_RENAME, "rename", to_at, to, NULL, &dies)) return -1;
    return (int)after(KERNEL5(SYS_renameat2, from_at, from, to_at, to, flags), dies);
}
EXPORT int renameat(int from_at, const char *from, int to_at, const char *to) { return renameat2(from_at, from, to_at, to, 0); }
EXPORT int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

EXPORT int getaddrinfo(const char *restrict host, const char *restrict service,
                       const struct addrinfo *restrict hints, struct addrinfo **restrict found) {
    static int (*libc)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!libc) libc = (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");
    if (is_armed() && host) {
        char name[NI_MAXHOST + 64];
        int dies;
        snprintf(name, sizeof name, "%s:%s", host, service ? service : "");
        int64_t error = strike(CALL_RESOLVE, "resolve", name, NULL, &dies);
        if (error) return (int)error;
    }
    return libc ? libc(host, service, hints, found) : EAI_FAIL;
}
