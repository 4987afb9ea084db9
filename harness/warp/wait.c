/* The parts that all timed waits share; see wait.h. */
#include "wait.h"

#include <unistd.h>

static __thread struct slot *mine __attribute__((tls_model("initial-exec")));

void harness_wait_forget(void) { mine = NULL; }

/* A signal that comes between two slices would be handled and forgotten, and its EINTR with it: a soft time
 * limit would then never interrupt a sleep. So signals are let in only while the kernel waits, which ppoll and
 * its kin do atomically. What the processor itself raises is never held back. */
uint64_t harness_hold_signals(void) {
    uint64_t all = ~(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP));
    uint64_t before = 0;
    KERNEL4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, KERNEL_SIGSET_BYTES);
    return before;
}
void harness_let_signals(uint64_t before) {
    int saved = errno;
    KERNEL4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, KERNEL_SIGSET_BYTES);
    errno = saved;
}

void harness_wait_begin(int kind, int64_t deadline_ns) {
    if (!mine) mine = harness_claim_slot(harness_outer_id("/thread-self", (int32_t)kernel(SYS_gettid, 0, 0, 0, 0, 0, 0)));
    if (!mine) return;
    atomic_store(&mine->deadline_ns, deadline_ns);
    atomic_store(&mine->kind, kind);
}

/* Lateness counts from the deadline, or from where the last jump landed if that was later: what the
 * controller overtakes on purpose is not starvation. */
void harness_wait_end(int64_t deadline_ns) {
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

struct timespec harness_wait_slice(int64_t deadline_ns, int64_t longest_ns) {
    struct reading now = harness_read(harness_page);
    int64_t left_ns = deadline_ns - now.mono_ns;
    /* At rate 0 the clock stands still, and only a jump or an event ends the wait. */
    left_ns = now.rate > 0 ? (int64_t)((double)left_ns / now.rate) : longest_ns;
    if (left_ns > longest_ns) left_ns = longest_ns;
    return ns_timespec(left_ns > 0 ? left_ns : 0);
}

/* Whether to wait on after an error that may be EINTR. A deadline found past gets one more round of zero
 * length, which reports what became ready meanwhile and clears the sets of select(). An EINTR before the
 * deadline belongs to the caller, even if the controller's wake-up is the cause: an app's signal may have
 * come with it. */
int harness_wait_interrupted(int64_t deadline_ns) {
    return errno == EINTR && harness_now_ns() >= deadline_ns;
}

int harness_wait_again(int64_t deadline_ns, long result) {
    if (result == 0) return harness_now_ns() < deadline_ns;
    return result < 0 && harness_wait_interrupted(deadline_ns);
}

int64_t harness_deadline_ns(clockid_t clock, const struct timespec *at) {
    if (clock != CLOCK_REALTIME) return timespec_ns(at);
    struct reading now = harness_read(harness_page);
    return now.mono_ns + timespec_ns(at) - now.wall_ns;
}
