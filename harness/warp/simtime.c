/* Attaches a process to the shared page and answers every reading of the clock from it. */
#include "simtime.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef SIMTIME_DIGEST
#define SIMTIME_DIGEST "unknown"
#endif
/* library.py finds this text in the file: a library of other sources has another page. */
EXPORT const char harness_digest[] = "simtime-digest:" SIMTIME_DIGEST;

struct page *harness_page;
static int (*libc_clock_gettime)(clockid_t, struct timespec *);
static int32_t passive;
static pthread_key_t thread_end;

int64_t harness_real_ns(clockid_t clock) {
    struct timespec t;
    /* libc's own goes through the vDSO, ten times cheaper; it is known only after start(). */
    if (libc_clock_gettime) libc_clock_gettime(clock, &t);
    else KERNEL2(SYS_clock_gettime, clock, &t);
    return timespec_ns(&t);
}

struct reading harness_read(struct page *page) {
    struct reading r;
    int64_t real0_ns, since_ns;
    uint32_t before;
    /* Bounded: a controller that was killed while it wrote must not hang the stage. */
    for (int tries = 0; tries < 1000000; tries++) {
        before = atomic_load_explicit(&page->sequence, memory_order_acquire);
        real0_ns = atomic_load_explicit(&page->real0_ns, memory_order_relaxed);
        r.wall_ns = atomic_load_explicit(&page->wall0_ns, memory_order_relaxed);
        r.mono_ns = atomic_load_explicit(&page->mono0_ns, memory_order_relaxed);
        r.jumped_ns = atomic_load_explicit(&page->jumped_ns, memory_order_relaxed);
        r.landed_ns = atomic_load_explicit(&page->landed_ns, memory_order_relaxed);
        r.rate = atomic_load_explicit(&page->rate, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        if (!(before & 1) && before == atomic_load_explicit(&page->sequence, memory_order_relaxed)) break;
    }
    since_ns = harness_real_ns(CLOCK_MONOTONIC) - real0_ns;
    if (r.rate != 1.0) since_ns = (int64_t)((double)since_ns * r.rate);
    r.wall_ns += since_ns + harness_skew_ns();
    r.mono_ns += since_ns;
    return r;
}

/* In a container of its own a process has other numbers than the controller knows it by. A proc that is mounted
 * from outside says them: its link `self` is the number, `thread-self` ends with it (fs/proc/self.c). */
static char outer_proc[256];

int32_t harness_outer_id(const char *which, int32_t inner) {
    if (!*outer_proc) return inner;
    char path[sizeof outer_proc + 16], link[64];
    size_t length = strlen(outer_proc);
    memcpy(path, outer_proc, length);
    strcpy(path + length, which);
    long n = KERNEL4(SYS_readlinkat, -100 /* AT_FDCWD; the path is absolute */, path, link, sizeof link - 1);
    if (n <= 0) return inner;
    link[n] = 0;
    const char *last = strrchr(link, '/');
    return (int32_t)strtol(last ? last + 1 : link, NULL, 10);
}

static int32_t own_pid(void) { return harness_outer_id("/self", (int32_t)getpid()); }

struct slot *harness_claim_slot(int32_t tid) {
    struct slot *mine = NULL;
    for (uint32_t i = 0; i < SLOT_COUNT && !mine; i++) {
        int32_t owner = atomic_load(&harness_page->slot[i].tid);
        /* A slot with our own id is left over from a thread that was killed: ids are unique among the living. */
        if (owner == tid || (owner == 0 && atomic_compare_exchange_strong(&harness_page->slot[i].tid, &owner, tid))) {
            mine = &harness_page->slot[i];
            uint32_t used = atomic_load(&harness_page->slots_used);
            while (used < i + 1 && !atomic_compare_exchange_weak(&harness_page->slots_used, &used, i + 1)) {}
        }
    }
    if (!mine) return NULL;
    atomic_store(&mine->kind, KIND_NONE);
    atomic_store(&mine->pid, own_pid());
    atomic_store(&mine->passive, passive);
    if (tid > 0) pthread_setspecific(thread_end, mine);
    return mine;
}

static void release_slot(void *value) {
    struct slot *slot = value;
    harness_wait_forget();
    atomic_store(&slot->kind, KIND_NONE);
    atomic_store(&slot->tid, 0);
}

static void in_forked_child(void) {
    harness_wait_forget();
    harness_timers_forget();
    pthread_setspecific(thread_end, NULL);
}

static void on_wake(int signal) {
    (void)signal;
    int saved = errno;
    harness_timers_rearm();
    errno = saved;
}

/* exec keeps the process id: what the program before us had registered waits for nobody. */
static void forget_former_program(void) {
    uint32_t used = atomic_load(&harness_page->slots_used);
    int32_t own = own_pid();
    for (uint32_t i = 0; i < used && i < SLOT_COUNT; i++) {
        struct slot *slot = &harness_page->slot[i];
        if (atomic_load(&slot->pid) != own || !atomic_load(&slot->tid)) continue;
        atomic_store(&slot->kind, KIND_NONE);
        atomic_store(&slot->tid, 0);
    }
}

__attribute__((constructor)) static void start(void) {
    harness_guard_start();
    harness_calls_start();
    const char *path = getenv("CELERY_HARNESS_CLOCK");
    if (!path || !*path) return;
    const char *outside = getenv("CELERY_HARNESS_PROC");
    if (outside && strlen(outside) < sizeof outer_proc) strcpy(outer_proc, outside);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    struct page *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED || atomic_load(&page->magic) != PAGE_MAGIC) return;
    const char *value = getenv("CELERY_HARNESS_CLOCK_PASSIVE");
    passive = value && *value == '1';
    libc_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    pthread_key_create(&thread_end, release_slot);
    pthread_atfork(NULL, NULL, in_forked_child);
    /* Timed waits end with EINTR in spite of SA_RESTART (signal(7)); everything else goes on undisturbed. */
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_wake;
    sigfillset(&action.sa_mask); /* it may hold the timers' lock */
    action.sa_flags = SA_RESTART;
    sigaction(WAKE_SIGNAL, &action, NULL);
    harness_page = page;
    forget_former_program();
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *out) {
    if (harness_page) switch (clock) {
        case CLOCK_REALTIME: case CLOCK_REALTIME_COARSE: case CLOCK_TAI:
            *out = ns_timespec(harness_read(harness_page).wall_ns);
            return 0;
        case CLOCK_MONOTONIC: case CLOCK_MONOTONIC_RAW: case CLOCK_MONOTONIC_COARSE: case CLOCK_BOOTTIME:
            *out = ns_timespec(harness_now_ns());
            return 0;
        default: break; /* CPU time stays real */
    }
    return (int)KERNEL2(SYS_clock_gettime, clock, out);
}

EXPORT int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
    return 0;
}

EXPORT time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

EXPORT int timespec_get(struct timespec *out, int base) {
    if (base != TIME_UTC) return 0;
    clock_gettime(CLOCK_REALTIME, out);
    return base;
}
