/* The timed waits: each registers its virtual deadline and sleeps in slices of real time.
 *
 * The controller's WAKE_SIGNAL ends a slice early. The slice is the safety net for a signal that came just
 * before the system call, and for threads that block the signal. */
#include "simtime.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

#define SLICE_NS (50 * 1000000LL)
/* pthread_cond_clockwait swallows EINTR inside libc, so that only its slice ends it. */
#define CONDITION_SLICE_NS (10 * 1000000LL)

static __thread struct slot *mine __attribute__((tls_model("initial-exec")));

void harness_waits_forget(void) { mine = NULL; }

static void begin(int kind, int64_t deadline_ns) {
    if (!mine) mine = harness_claim_slot((int32_t)kernel(SYS_gettid, 0, 0, 0, 0, 0, 0));
    if (!mine) return;
    atomic_store(&mine->deadline_ns, deadline_ns);
    atomic_store(&mine->kind, kind);
}

/* Lateness counts from the deadline, or from where the last jump landed if that was later: what the
 * controller overtakes on purpose is not starvation. */
static void end(int64_t deadline_ns) {
    int saved = errno;
    if (mine) atomic_store(&mine->kind, KIND_NONE);
    struct reading now = harness_read(harness_page);
    if (now.mono_ns >= deadline_ns && mine && !atomic_load(&mine->passive)) {
        int64_t from_ns = deadline_ns > now.landed_ns ? deadline_ns : now.landed_ns;
        int64_t worst_ns = atomic_load(&harness_page->late_ns);
        while (now.mono_ns - from_ns > worst_ns)
            if (atomic_compare_exchange_weak(&harness_page->late_ns, &worst_ns, now.mono_ns - from_ns)) {
                atomic_store(&harness_page->late_pid, (uint32_t)getpid());
                break;
            }
    }
    errno = saved;
}

static struct timespec slice(int64_t deadline_ns, int64_t longest_ns) {
    struct reading now = harness_read(harness_page);
    int64_t left_ns = deadline_ns - now.mono_ns;
    /* At rate 0 the clock stands still, and only a jump or an event ends the wait. */
    left_ns = now.rate > 0 ? (int64_t)((double)left_ns / now.rate) : longest_ns;
    if (left_ns > longest_ns) left_ns = longest_ns;
    return ns_timespec(left_ns > 0 ? left_ns : 0);
}

/* Whether to wait on. A deadline found past after EINTR gets one more round of zero length, which reports
 * what became ready meanwhile and clears the sets of select(). Any other EINTR belongs to the caller. */
static int again(int64_t deadline_ns, long result) {
    if (result > 0) return 0;
    int past = harness_now_ns() >= deadline_ns;
    return result == 0 ? !past : errno == EINTR && past;
}

static int64_t absolute_ns(clockid_t clock, const struct timespec *at) {
    if (clock != CLOCK_REALTIME) return timespec_ns(at);
    struct reading now = harness_read(harness_page);
    return now.mono_ns + timespec_ns(at) - now.wall_ns;
}

static int64_t after_ms(int ms) { return harness_now_ns() + ms * 1000000LL; }

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask) {
    if (!harness_page || !timeout || timespec_ns(timeout) <= 0) {
        struct timespec copy = timeout ? *timeout : (struct timespec){ 0, 0 };
        return (int)KERNEL5(SYS_ppoll, fds, n, timeout ? &copy : NULL, mask, KERNEL_SIGSET_BYTES);
    }
    int64_t deadline_ns = harness_now_ns() + timespec_ns(timeout);
    long result;
    begin(n ? KIND_LOOP : KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = slice(deadline_ns, SLICE_NS);
        result = KERNEL5(SYS_ppoll, fds, n, &t, mask, KERNEL_SIGSET_BYTES);
    } while (again(deadline_ns, result));
    end(deadline_ns);
    return (int)result;
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int ms) {
    struct timespec timeout = { ms > 0 ? ms / 1000 : 0, ms > 0 ? ms % 1000 * 1000000L : 0 };
    return ppoll(fds, n, ms < 0 ? NULL : &timeout, NULL);
}
EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t size) { (void)size; return poll(fds, n, ms); }
EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *m, size_t size) {
    (void)size;
    return ppoll(fds, n, t, m);
}

EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int n, int ms, const sigset_t *mask) {
    if (!harness_page || ms <= 0)
        return (int)KERNEL6(SYS_epoll_pwait, epoll, events, n, ms, mask, KERNEL_SIGSET_BYTES);
    int64_t deadline_ns = after_ms(ms);
    long result;
    begin(KIND_LOOP, deadline_ns);
    do {
        struct timespec t = slice(deadline_ns, SLICE_NS);
        long slice_ms = (long)((timespec_ns(&t) + 999999) / 1000000);
        result = KERNEL6(SYS_epoll_pwait, epoll, events, n, slice_ms, mask, KERNEL_SIGSET_BYTES);
    } while (again(deadline_ns, result));
    end(deadline_ns);
    return (int)result;
}
EXPORT int epoll_wait(int epoll, struct epoll_event *events, int n, int ms) {
    return epoll_pwait(epoll, events, n, ms, NULL);
}
EXPORT int epoll_pwait2(int epoll, struct epoll_event *events, int n, const struct timespec *t, const sigset_t *m) {
    int64_t ms = t ? (timespec_ns(t) + 999999) / 1000000 : -1;
    return epoll_pwait(epoll, events, n, ms > INT32_MAX ? INT32_MAX : (int)ms, m);
}

EXPORT int pselect(int n, fd_set *restrict r, fd_set *restrict w, fd_set *restrict x,
                   const struct timespec *restrict timeout, const sigset_t *restrict mask) {
    struct { const sigset_t *set; size_t bytes; } masked = { mask, KERNEL_SIGSET_BYTES };
    if (!harness_page || !timeout || timespec_ns(timeout) <= 0) {
        struct timespec copy = timeout ? *timeout : (struct timespec){ 0, 0 };
        return (int)KERNEL6(SYS_pselect6, n, r, w, x, timeout ? &copy : NULL, &masked);
    }
    fd_set wanted[3];
    fd_set *sets[3] = { r, w, x };
    /* Only the words of `n` descriptors: an app may pass sets that are shorter, or longer, than fd_set. */
    if (n > FD_SETSIZE) { errno = EINVAL; return -1; }
    size_t bytes = (size_t)(n + 63) / 64 * 8;
    for (int i = 0; i < 3; i++) if (sets[i]) __builtin_memcpy(&wanted[i], sets[i], bytes);
    int64_t deadline_ns = harness_now_ns() + timespec_ns(timeout);
    long result;
    begin(n ? KIND_LOOP : KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = slice(deadline_ns, SLICE_NS);
        for (int i = 0; i < 3; i++) if (sets[i]) __builtin_memcpy(sets[i], &wanted[i], bytes);
        result = KERNEL6(SYS_pselect6, n, r, w, x, &t, &masked);
    } while (again(deadline_ns, result));
    end(deadline_ns);
    return (int)result;
}
EXPORT int select(int n, fd_set *restrict r, fd_set *restrict w, fd_set *restrict x, struct timeval *restrict tv) {
    struct timespec timeout;
    if (tv) timeout = (struct timespec){ .tv_sec = tv->tv_sec, .tv_nsec = tv->tv_usec * 1000L };
    return pselect(n, r, w, x, tv ? &timeout : NULL, NULL);
}

static int sleep_until(int64_t deadline_ns, struct timespec *left) {
    long result;
    begin(KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = slice(deadline_ns, SLICE_NS);
        result = KERNEL2(SYS_nanosleep, &t, NULL);
    } while (again(deadline_ns, result));
    end(deadline_ns);
    if (result != 0 && left) {
        int64_t left_ns = deadline_ns - harness_now_ns();
        *left = ns_timespec(left_ns > 0 ? left_ns : 0);
    }
    return (int)result;
}
EXPORT int nanosleep(const struct timespec *wanted, struct timespec *left) {
    if (!harness_page || wanted->tv_sec < 0 || wanted->tv_nsec < 0) return (int)KERNEL2(SYS_nanosleep, wanted, left);
    return sleep_until(harness_now_ns() + timespec_ns(wanted), left);
}
EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left) {
    if (!harness_page || wanted->tv_sec < 0 || wanted->tv_nsec < 0)
        return KERNEL4(SYS_clock_nanosleep, clock, flags, wanted, left) ? errno : 0;
    int absolute = flags & TIMER_ABSTIME;
    int64_t deadline_ns = absolute ? absolute_ns(clock, wanted) : harness_now_ns() + timespec_ns(wanted);
    return sleep_until(deadline_ns, absolute ? NULL : left) ? errno : 0;
}
EXPORT int usleep(useconds_t us) {
    struct timespec t = ns_timespec(us * 1000LL);
    return nanosleep(&t, NULL);
}
EXPORT unsigned sleep(unsigned seconds) {
    struct timespec t = { seconds, 0 }, left = { 0, 0 };
    return nanosleep(&t, &left) ? (unsigned)(left.tv_sec + (left.tv_nsec > 0)) : 0;
}

EXPORT int sem_clockwait(sem_t *restrict sem, clockid_t clock, const struct timespec *restrict at) {
    static int (*libc)(sem_t *, clockid_t, const struct timespec *);
    if (!libc) libc = (int (*)(sem_t *, clockid_t, const struct timespec *))dlsym(RTLD_NEXT, "sem_clockwait");
    if (!harness_page) return libc(sem, clock, at);
    int64_t deadline_ns = absolute_ns(clock, at);
    int result;
    begin(KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = slice(deadline_ns, SLICE_NS);
        t = ns_timespec(harness_real_ns(CLOCK_MONOTONIC) + timespec_ns(&t));
        result = libc(sem, CLOCK_MONOTONIC, &t);
        if (result == 0 || (errno != ETIMEDOUT && errno != EINTR)) break;
    } while (errno == ETIMEDOUT ? harness_now_ns() < deadline_ns : harness_now_ns() >= deadline_ns);
    end(deadline_ns);
    return result;
}
EXPORT int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict at) {
    return sem_clockwait(sem, CLOCK_REALTIME, at);
}

typedef int condition_wait(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
EXPORT int pthread_cond_clockwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, clockid_t clock,
                                  const struct timespec *restrict at) {
    static condition_wait *libc;
    if (!libc) libc = (condition_wait *)dlsym(RTLD_NEXT, "pthread_cond_clockwait");
    if (!harness_page) return libc(condition, mutex, clock, at);
    int64_t deadline_ns = absolute_ns(clock, at);
    begin(KIND_SLEEP, deadline_ns);
    struct timespec t = slice(deadline_ns, CONDITION_SLICE_NS);
    t = ns_timespec(harness_real_ns(CLOCK_MONOTONIC) + timespec_ns(&t));
    int result = libc(condition, mutex, CLOCK_MONOTONIC, &t);
    end(deadline_ns);
    /* Waiting on in here could miss a signal; a spurious wake-up makes the caller look again (POSIX). */
    return result == ETIMEDOUT && harness_now_ns() < deadline_ns ? 0 : result;
}
EXPORT int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                                  const struct timespec *restrict at) {
    /* The condition's clock cannot be seen; a deadline after the year 2001 is wall time, not uptime. */
    return pthread_cond_clockwait(condition, mutex, at->tv_sec > 1000000000 ? CLOCK_REALTIME : CLOCK_MONOTONIC, at);
}

EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info, const struct timespec *restrict timeout) {
    if (!harness_page || !timeout || timespec_ns(timeout) <= 0)
        return (int)KERNEL4(SYS_rt_sigtimedwait, set, info, timeout, KERNEL_SIGSET_BYTES);
    int64_t deadline_ns = harness_now_ns() + timespec_ns(timeout);
    long result;
    begin(KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = slice(deadline_ns, SLICE_NS);
        result = KERNEL4(SYS_rt_sigtimedwait, set, info, &t, KERNEL_SIGSET_BYTES);
        if (result > 0 || (errno != EAGAIN && errno != EINTR)) break;
    } while (errno == EAGAIN ? harness_now_ns() < deadline_ns : harness_now_ns() >= deadline_ns);
    end(deadline_ns);
    return (int)result;
}

static long futex_wait(long word, long op, long value, const struct timespec *timeout) {
    int relative = ((int)op & FUTEX_CMD_MASK) == FUTEX_WAIT;
    clockid_t clock = op & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    int64_t deadline_ns = relative ? harness_now_ns() + timespec_ns(timeout) : absolute_ns(clock, timeout);
    long result;
    begin(KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = slice(deadline_ns, SLICE_NS);
        result = KERNEL4(SYS_futex, word, FUTEX_WAIT | (op & FUTEX_PRIVATE_FLAG), value, &t);
        if (result == 0 || (errno != ETIMEDOUT && errno != EINTR)) break;
    } while (errno == ETIMEDOUT ? harness_now_ns() < deadline_ns : harness_now_ns() >= deadline_ns);
    end(deadline_ns);
    return result;
}
EXPORT long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a[6];
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    int op = (int)a[1] & FUTEX_CMD_MASK;
    /* A bitset other than "any" cannot be told apart from FUTEX_WAIT by its waker, so it is left alone. */
    int any = op == FUTEX_WAIT || (op == FUTEX_WAIT_BITSET && (uint32_t)a[5] == FUTEX_BITSET_MATCH_ANY);
    if (harness_page && number == SYS_futex && a[3] && any)
        return futex_wait(a[0], a[1], a[2], (const struct timespec *)a[3]);
    return kernel(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
