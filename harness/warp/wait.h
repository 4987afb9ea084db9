/* How a timed wait registers itself, sleeps in slices of real time, and ends.
 *
 * The controller's WAKE_SIGNAL ends a slice early. The slice is the safety net for a signal that came just
 * before the system call where it cannot be held back, and for threads that block the signal. */
#ifndef CELERY_HARNESS_WAIT_H
#define CELERY_HARNESS_WAIT_H

#include "simtime.h"

#define SLICE_NS (50 * 1000000LL)
/* pthread_cond_clockwait swallows EINTR inside libc, so that only its slice ends it. */
#define CONDITION_SLICE_NS (10 * 1000000LL)

void harness_wait_begin(int kind, int64_t deadline_ns);
void harness_wait_end(int64_t deadline_ns);
struct timespec harness_wait_slice(int64_t deadline_ns, int64_t longest_ns);
int harness_wait_again(int64_t deadline_ns, long result);
int harness_wait_interrupted(int64_t deadline_ns);
int64_t harness_deadline_ns(clockid_t clock, const struct timespec *at);

#define SIGNAL_BIT(number) (1ULL << ((number) - 1))
uint64_t harness_hold_signals(void);
void harness_let_signals(uint64_t before);

static inline int64_t harness_after_ns(int64_t ns) {
    int64_t now_ns = harness_now_ns();
    return ns < INT64_MAX - now_ns ? now_ns + ns : INT64_MAX;
}

#endif
