/* Waits for nothing but time, or for another thread: sleeps, semaphores, conditions, signals, futexes. */
#include "wait.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <unistd.h>

static int sleep_until(int64_t deadline_ns, struct timespec *left) {
    long result;
    uint64_t before = harness_hold_signals();
    harness_wait_begin(KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = harness_wait_slice(deadline_ns, SLICE_NS);
        result = KERNEL5(SYS_ppoll, NULL, 0, &t, &before, KERNEL_SIGSET_BYTES);
    } while (harness_wait_again(deadline_ns, result));
    harness_wait_end(deadline_ns);
    harness_let_signals(before);
    if (result != 0 && left) {
        int64_t left_ns = deadline_ns - harness_now_ns();
        *left = ns_timespec(left_ns > 0 ? left_ns : 0);
    }
    return (int)result;
}
EXPORT int nanosleep(const struct timespec *wanted, struct timespec *left) {
    if (!harness_page || wanted->tv_sec < 0 || wanted->tv_nsec < 0) return (int)KERNEL2(SYS_nanosleep, wanted, left);
    return sleep_until(harness_after_ns(timespec_ns(wanted)), left);
}
EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left) {
    if (!harness_page || wanted->tv_sec < 0 || wanted->tv_nsec < 0)
        return KERNEL4(SYS_clock_nanosleep, clock, flags, wanted, left) ? errno : 0;
    int absolute = flags & TIMER_ABSTIME;
    int64_t deadline_ns = absolute ? harness_deadline_ns(clock, wanted) : harness_after_ns(timespec_ns(wanted));
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
    int64_t deadline_ns = harness_deadline_ns(clock, at);
    int result;
    harness_wait_begin(KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = harness_wait_slice(deadline_ns, SLICE_NS);
        t = ns_timespec(harness_real_ns(CLOCK_MONOTONIC) + timespec_ns(&t));
        result = libc(sem, CLOCK_MONOTONIC, &t);
        if (result == 0 || (errno != ETIMEDOUT && errno != EINTR)) break;
    } while (errno == ETIMEDOUT ? harness_now_ns() < deadline_ns : harness_wait_interrupted(deadline_ns));
    harness_wait_end(deadline_ns);
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
    int64_t deadline_ns = harness_deadline_ns(clock, at);
    harness_wait_begin(KIND_SLEEP, deadline_ns);
    struct timespec t = harness_wait_slice(deadline_ns, CONDITION_SLICE_NS);
    t = ns_timespec(harness_real_ns(CLOCK_MONOTONIC) + timespec_ns(&t));
    int result = libc(condition, mutex, CLOCK_MONOTONIC, &t);
    harness_wait_end(deadline_ns);
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
    int64_t deadline_ns = harness_after_ns(timespec_ns(timeout));
    long result;
    harness_wait_begin(KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = harness_wait_slice(deadline_ns, SLICE_NS);
        result = KERNEL4(SYS_rt_sigtimedwait, set, info, &t, KERNEL_SIGSET_BYTES);
        if (result > 0 || (errno != EAGAIN && errno != EINTR)) break;
    } while (errno == EAGAIN ? harness_now_ns() < deadline_ns : harness_wait_interrupted(deadline_ns));
    harness_wait_end(deadline_ns);
    return (int)result;
}

static long futex_wait(long word, long op, long value, const struct timespec *timeout) {
    int relative = ((int)op & FUTEX_CMD_MASK) == FUTEX_WAIT;
    clockid_t clock = op & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    int64_t deadline_ns = relative ? harness_after_ns(timespec_ns(timeout)) : harness_deadline_ns(clock, timeout);
    long result;
    harness_wait_begin(KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = harness_wait_slice(deadline_ns, SLICE_NS);
        result = KERNEL4(SYS_futex, word, FUTEX_WAIT | (op & FUTEX_PRIVATE_FLAG), value, &t);
        if (result == 0 || (errno != ETIMEDOUT && errno != EINTR)) break;
    } while (errno == ETIMEDOUT ? harness_now_ns() < deadline_ns : harness_wait_interrupted(deadline_ns));
    harness_wait_end(deadline_ns);
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
