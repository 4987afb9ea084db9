/* Waits for descriptors with a timeout: poll, epoll, select. */
#include "wait.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask) {
    if (!harness_page || !timeout || timespec_ns(timeout) <= 0) {
        struct timespec copy = timeout ? *timeout : (struct timespec){ 0, 0 };
        return (int)KERNEL5(SYS_ppoll, fds, n, timeout ? &copy : NULL, mask, KERNEL_SIGSET_BYTES);
    }
    int64_t deadline_ns = harness_after_ns(timespec_ns(timeout));
    long result;
    uint64_t before = harness_hold_signals();
    harness_wait_begin(n ? KIND_LOOP : KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = harness_wait_slice(deadline_ns, SLICE_NS);
        result = KERNEL5(SYS_ppoll, fds, n, &t, mask ? (const void *)mask : &before, KERNEL_SIGSET_BYTES);
    } while (harness_wait_again(deadline_ns, result));
    harness_wait_end(deadline_ns);
    harness_let_signals(before);
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
    int64_t deadline_ns = harness_after_ns(ms * 1000000LL);
    long result;
    uint64_t before = harness_hold_signals();
    harness_wait_begin(KIND_LOOP, deadline_ns);
    do {
        struct timespec t = harness_wait_slice(deadline_ns, SLICE_NS);
        long slice_ms = (long)((timespec_ns(&t) + 999999) / 1000000);
        const void *during = mask ? (const void *)mask : &before;
        result = KERNEL6(SYS_epoll_pwait, epoll, events, n, slice_ms, during, KERNEL_SIGSET_BYTES);
    } while (harness_wait_again(deadline_ns, result));
    harness_wait_end(deadline_ns);
    harness_let_signals(before);
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
    int64_t deadline_ns = harness_after_ns(timespec_ns(timeout));
    long result;
    uint64_t before = harness_hold_signals();
    if (!mask) masked.set = (const sigset_t *)(const void *)&before;
    harness_wait_begin(n ? KIND_LOOP : KIND_SLEEP, deadline_ns);
    do {
        struct timespec t = harness_wait_slice(deadline_ns, SLICE_NS);
        for (int i = 0; i < 3; i++) if (sets[i]) __builtin_memcpy(sets[i], &wanted[i], bytes);
        result = KERNEL6(SYS_pselect6, n, r, w, x, &t, &masked);
    } while (harness_wait_again(deadline_ns, result));
    harness_wait_end(deadline_ns);
    harness_let_signals(before);
    return (int)result;
}
EXPORT int select(int n, fd_set *restrict r, fd_set *restrict w, fd_set *restrict x, struct timeval *restrict tv) {
    struct timespec timeout;
    if (tv) timeout = (struct timespec){ .tv_sec = tv->tv_sec, .tv_nsec = tv->tv_usec * 1000L };
    return pselect(n, r, w, x, tv ? &timeout : NULL, NULL);
}
