/* Timers that the kernel keeps: setitimer, alarm, timerfd; and the timeouts of blocking sockets.
 *
 * The kernel's timer stays the one that fires. A jump only shortens it: the controller signals a process
 * whose timer is due, and harness_timers_rearm() takes off what was jumped.
 *
 * Known limits: SO_RCVTIMEO and SO_SNDTIMEO are converted at the rate in force when they are set and do not
 * notice jumps; timer_create() is not covered. */
#include "simtime.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TIMER_COUNT 32
#define ITIMER_FD (-1)

struct timer { _Atomic int used; int fd; int64_t jumped_ns; double rate; };
static struct timer timers[TIMER_COUNT];
static struct slot *slot; /* one for the process: its earliest timer */
/* Held by who sets a timer and by the handler that shortens them. Without it a handler in one thread may arm
 * again what another has disarmed meanwhile; Erlang, which waits without end then, never reads such a timer
 * and spins. Who holds it has all signals blocked, so no handler waits for its own thread. */
static atomic_flag busy = ATOMIC_FLAG_INIT;

static void lock(void) {
    while (atomic_flag_test_and_set(&busy)) sched_yield();
}
static void unlock(void) { atomic_flag_clear(&busy); }

void harness_timers_forget(void) {
    unlock(); /* in a child whose parent forked while another thread held it */
    slot = NULL;
    for (int i = 0; i < TIMER_COUNT; i++) atomic_store(&timers[i].used, 0);
}

static struct itimerspec scaled(struct itimerspec value, double factor) {
    int64_t ns[2] = { timespec_ns(&value.it_interval), timespec_ns(&value.it_value) };
    for (int i = 0; i < 2; i++)
        if (ns[i] > 0) ns[i] = (int64_t)((double)ns[i] * factor) > 1000 ? (int64_t)((double)ns[i] * factor) : 1000;
    return (struct itimerspec){ .it_interval = ns_timespec(ns[0]), .it_value = ns_timespec(ns[1]) };
}

static int kernel_timer(int fd, const struct itimerspec *set, struct itimerspec *old) {
    if (fd != ITIMER_FD) return (int)KERNEL4(SYS_timerfd_settime, fd, 0, set, old);
    struct itimerval in, out;
    in.it_interval = (struct timeval){ set->it_interval.tv_sec, set->it_interval.tv_nsec / 1000 };
    in.it_value = (struct timeval){ set->it_value.tv_sec, set->it_value.tv_nsec / 1000 };
    int result = (int)KERNEL3(SYS_setitimer, ITIMER_REAL, &in, &out);
    if (old) {
        old->it_interval = (struct timespec){ out.it_interval.tv_sec, out.it_interval.tv_usec * 1000L };
        old->it_value = (struct timespec){ out.it_value.tv_sec, out.it_value.tv_usec * 1000L };
    }
    return result;
}

static double rate_of(struct reading now) { return now.rate > 0 ? now.rate : 1; }

/* Shorten every timer by what was jumped since it was armed, and publish the earliest deadline. Disarm and
 * read are one call, so that a timer that fires meanwhile is not armed twice. */
static void rearm(void) {
    if (!slot) return;
    struct reading now = harness_read(harness_page);
    int64_t earliest_ns = INT64_MAX;
    for (int i = 0; i < TIMER_COUNT; i++) {
        struct timer *timer = &timers[i];
        if (atomic_load(&timer->used) != 1) continue;
        struct itimerspec off = { { 0, 0 }, { 0, 0 } }, old;
        if (kernel_timer(timer->fd, &off, &old) != 0 || timespec_ns(&old.it_value) == 0) {
            atomic_store(&timer->used, 0);
            continue;
        }
        struct itimerspec left = scaled(old, timer->rate);
        int64_t left_ns = timespec_ns(&left.it_value) - (now.jumped_ns - timer->jumped_ns);
        int ring = left_ns <= 0 && timer->fd == ITIMER_FD;
        if (ring) left.it_value = left.it_interval;
        else left.it_value = ns_timespec(left_ns > 1000 ? left_ns : 1000);
        timer->jumped_ns = now.jumped_ns;
        timer->rate = rate_of(now);
        struct itimerspec armed = scaled(left, 1 / timer->rate);
        kernel_timer(timer->fd, &armed, NULL);
        /* Here and now: whoever waits in pause() must not see our wake-up without the signal it waits for. */
        if (ring) kill(getpid(), SIGALRM);
        if (ring && timespec_ns(&left.it_interval) == 0) {
            atomic_store(&timer->used, 0);
            continue;
        }
        if (left_ns <= 0) left_ns = timespec_ns(&left.it_interval) > 0 ? timespec_ns(&left.it_interval) : 1000000;
        if (now.mono_ns + left_ns < earliest_ns) earliest_ns = now.mono_ns + left_ns;
    }
    atomic_store(&slot->deadline_ns, earliest_ns);
    atomic_store(&slot->kind, earliest_ns == INT64_MAX ? KIND_NONE : KIND_TIMER);
}

/* Runs in a signal handler. */
void harness_timers_rearm(void) {
    if (!harness_page || !slot) return;
    lock();
    rearm();
    unlock();
}

static void remember(int fd, const struct itimerspec *value, struct reading now) {
    struct timer *timer = NULL;
    for (int i = 0; i < TIMER_COUNT; i++)
        if (atomic_load(&timers[i].used) && timers[i].fd == fd) timer = &timers[i];
    if (!timer && timespec_ns(&value->it_value) == 0) return;
    for (int i = 0; i < TIMER_COUNT && !timer; i++) {
        int free_mark = 0;
        if (atomic_compare_exchange_strong(&timers[i].used, &free_mark, 2)) timer = &timers[i];
    }
    if (!timer) return;
    timer->fd = fd;
    timer->jumped_ns = now.jumped_ns;
    timer->rate = rate_of(now);
    atomic_store(&timer->used, 1);
    /* Threads own the slots of positive ids; the process's timers take the negative one. */
    if (!slot) slot = harness_claim_slot(-harness_outer_id("/self", (int32_t)getpid()));
}

static int set_timer(int fd, const struct itimerspec *value, struct itimerspec *old) {
    sigset_t all, before; /* a handler of the app's may set a timer, too */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    lock();
    rearm();
    struct reading now = harness_read(harness_page);
    struct itimerspec armed = scaled(*value, 1 / rate_of(now));
    int result = kernel_timer(fd, &armed, old);
    int saved = errno;
    if (result == 0) {
        if (old) *old = scaled(*old, rate_of(now));
        remember(fd, value, now);
        rearm();
    }
    unlock();
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return result;
}

EXPORT int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old) {
    if (!harness_page) return (int)KERNEL4(SYS_timerfd_settime, fd, flags, value, old);
    struct itimerspec relative = *value;
    if ((flags & TFD_TIMER_ABSTIME) && timespec_ns(&value->it_value) > 0) {
        struct reading now = harness_read(harness_page);
        /* The descriptor's clock cannot be seen; after the year 2001 it is wall time. */
        int64_t base_ns = value->it_value.tv_sec > 1000000000 ? now.wall_ns : now.mono_ns;
        int64_t left_ns = timespec_ns(&value->it_value) - base_ns;
        relative.it_value = ns_timespec(left_ns > 1000 ? left_ns : 1000);
    }
    return set_timer(fd, &relative, old);
}

EXPORT int setitimer(__itimer_which_t which, const struct itimerval *restrict value, struct itimerval *restrict old) {
    if (!harness_page || which != ITIMER_REAL) return (int)KERNEL3(SYS_setitimer, which, value, old);
    struct itimerspec in = {
        .it_interval = { value->it_interval.tv_sec, value->it_interval.tv_usec * 1000L },
        .it_value = { value->it_value.tv_sec, value->it_value.tv_usec * 1000L },
    }, out;
    int result = set_timer(ITIMER_FD, &in, &out);
    if (old && result == 0) {
        old->it_interval = (struct timeval){ out.it_interval.tv_sec, out.it_interval.tv_nsec / 1000 };
        old->it_value = (struct timeval){ out.it_value.tv_sec, out.it_value.tv_nsec / 1000 };
    }
    return result;
}

EXPORT unsigned alarm(unsigned seconds) {
    struct itimerval value = { { 0, 0 }, { seconds, 0 } }, old = { { 0, 0 }, { 0, 0 } };
    setitimer(ITIMER_REAL, &value, &old);
    return (unsigned)(old.it_value.tv_sec + (old.it_value.tv_usec > 0));
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t size) {
    int timeout = level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO);
    if (!harness_page || !timeout || size != sizeof(struct timeval))
        return (int)KERNEL5(SYS_setsockopt, fd, level, name, value, size);
    const struct timeval *wanted = value;
    double us = (double)(wanted->tv_sec * 1000000LL + wanted->tv_usec) / rate_of(harness_read(harness_page));
    int64_t whole_us = us > 0 && us < 1 ? 1 : (int64_t)us;
    struct timeval real = { whole_us / 1000000, whole_us % 1000000 };
    return (int)KERNEL5(SYS_setsockopt, fd, level, name, &real, sizeof real);
}
