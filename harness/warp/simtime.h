/* The page that all processes of a stage share, and what the parts of the library have in common.
 *
 *     virtual = base + (real - real0) * rate
 *
 * A controller outside changes rate and base; each timed wait writes its virtual deadline into a slot, so
 * that the controller knows how far it may jump. All times are nanoseconds. Rule for every line that may
 * run inside a clock reading: no malloc, no dlsym, because jemalloc reads the clock while it initialises
 * itself. */
#ifndef CELERY_HARNESS_SIMTIME_H
#define CELERY_HARNESS_SIMTIME_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
#define SECOND_NS 1000000000LL
#define PAGE_MAGIC 0x50524157u
#define SLOT_COUNT 8192
/* SIGURG: ignored by default, so a process that has just called exec survives it, and never queued, so a
 * stopped process does not pile it up. */
#define WAKE_SIGNAL SIGURG

/* `kind` of a slot. An event loop's wait may be coalesced with its neighbours; a sleep may not. */
enum { KIND_NONE = 0, KIND_LOOP = 1, KIND_SLEEP = 2, KIND_TIMER = 3 };

struct slot {
    _Atomic int32_t tid, pid, kind, passive;
    _Atomic int64_t deadline_ns, spare;
};

struct page {
    _Atomic uint32_t magic, sequence, slots_used, late_pid;
    _Atomic int64_t real0_ns, wall0_ns, mono0_ns;
    _Atomic double rate;
    _Atomic int64_t jumped_ns;   /* sum of all jumps */
    _Atomic int64_t landed_ns;   /* virtual time just after the last jump */
    _Atomic int64_t late_ns;     /* the worst lateness since it was reset */
    int64_t spare[7];
    struct slot slot[SLOT_COUNT];
};
_Static_assert(sizeof(struct slot) == 32 && offsetof(struct page, slot) == 128, "clock.py knows this layout");

struct reading { int64_t wall_ns, mono_ns, jumped_ns, landed_ns; double rate; };

extern struct page *harness_page; /* NULL: this process lives in real time */

int64_t harness_real_ns(clockid_t clock);
struct reading harness_read(struct page *page);
struct slot *harness_claim_slot(int32_t tid);
int32_t harness_outer_id(const char *which, int32_t inner);
void harness_wait_forget(void);
void harness_timers_rearm(void);
void harness_timers_forget(void);
void harness_guard_start(void);
void harness_calls_start(void);
int64_t harness_skew_ns(void);

static inline int64_t harness_now_ns(void) { return harness_read(harness_page).mono_ns; }
static inline int64_t timespec_ns(const struct timespec *t) { return (int64_t)t->tv_sec * SECOND_NS + t->tv_nsec; }
static inline struct timespec ns_timespec(int64_t ns) {
    return (struct timespec){ .tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS };
}

/* Our own system call: libc's syscall() is interposed, because Erlang waits in syscall(SYS_futex, ...). */
static inline long kernel(long n, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    long result = x0;
#else
#error "simtime knows the system calls of x86-64 and aarch64 only"
#endif
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
#define KERNEL_SIGSET_BYTES 8
#define KERNEL2(n, a, b) kernel(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define KERNEL3(n, a, b, c) kernel(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define KERNEL4(n, a, b, c, d) kernel(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define KERNEL5(n, a, b, c, d, e) kernel(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define KERNEL6(n, a, b, c, d, e, f) kernel(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
