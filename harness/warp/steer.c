/* The controller's half, called by clock.py and census.py through ctypes; never runs in a stage's process. */
#include "simtime.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

EXPORT int64_t harness_page_bytes(void) { return sizeof(struct page); }

EXPORT void harness_page_start(struct page *page, int64_t wall_ns) {
    int64_t now_ns = harness_real_ns(CLOCK_MONOTONIC);
    atomic_store(&page->real0_ns, now_ns);
    atomic_store(&page->mono0_ns, now_ns);
    atomic_store(&page->landed_ns, now_ns);
    atomic_store(&page->wall0_ns, wall_ns ? wall_ns : harness_real_ns(CLOCK_REALTIME));
    atomic_store(&page->rate, 1.0);
    atomic_store(&page->magic, PAGE_MAGIC);
}

EXPORT int64_t harness_page_mono_ns(struct page *page) { return harness_read(page).mono_ns; }
EXPORT int64_t harness_page_wall_ns(struct page *page) { return harness_read(page).wall_ns; }

/* One writer: the controller. `rate` below zero keeps the rate. Returns the virtual time after the move. */
EXPORT int64_t harness_page_move(struct page *page, int64_t jump_ns, int64_t wall_step_ns, double rate) {
    struct reading now = harness_read(page);
    int64_t real_ns = harness_real_ns(CLOCK_MONOTONIC);
    int64_t since_ns = real_ns - atomic_load(&page->real0_ns);
    if (now.rate != 1.0) since_ns = (int64_t)((double)since_ns * now.rate);
    int64_t mono_ns = atomic_load(&page->mono0_ns) + since_ns + jump_ns;
    int64_t wall_ns = atomic_load(&page->wall0_ns) + since_ns + jump_ns + wall_step_ns;
    atomic_fetch_add(&page->sequence, 1);
    atomic_store(&page->real0_ns, real_ns);
    atomic_store(&page->mono0_ns, mono_ns);
    atomic_store(&page->wall0_ns, wall_ns);
    if (rate >= 0) atomic_store(&page->rate, rate);
    if (jump_ns) {
        atomic_fetch_add(&page->jumped_ns, jump_ns);
        atomic_store(&page->landed_ns, mono_ns);
    }
    atomic_fetch_add(&page->sequence, 1);
    return mono_ns;
}

EXPORT int64_t harness_page_late_ns(struct page *page) { return atomic_load(&page->late_ns); }
EXPORT void harness_page_late_reset(struct page *page) { atomic_store(&page->late_ns, 0); }
EXPORT void harness_page_late_note(struct page *page, int64_t late_ns) {
    if (late_ns > atomic_load(&page->late_ns)) atomic_store(&page->late_ns, late_ns);
}

/* Free the slot of a thread that is gone, unless somebody else has it by now. */
EXPORT void harness_page_release(struct page *page, int32_t index, int32_t tid) {
    struct slot *slot = &page->slot[index];
    if (atomic_load(&slot->tid) != tid) return;
    atomic_store(&slot->kind, KIND_NONE);
    atomic_compare_exchange_strong(&slot->tid, &tid, 0);
}

/* Those who wait now, the dead included. `out` has room for SLOT_COUNT. */
struct waiting { int32_t index, tid, pid, kind, passive, padding; int64_t deadline_ns; };
EXPORT int32_t harness_page_waiting(struct page *page, struct waiting *out) {
    int32_t count = 0;
    uint32_t used = atomic_load(&page->slots_used);
    for (uint32_t i = 0; i < used && i < SLOT_COUNT; i++) {
        struct slot *slot = &page->slot[i];
        int32_t tid = atomic_load(&slot->tid), kind = atomic_load(&slot->kind);
        if (!tid || kind == KIND_NONE) continue;
        out[count++] = (struct waiting){ (int32_t)i, tid, atomic_load(&slot->pid), kind,
                                         atomic_load(&slot->passive), 0, atomic_load(&slot->deadline_ns) };
    }
    return count;
}

EXPORT int harness_wake(int32_t pid, int32_t tid) {
    return (int)(tid > 0 ? KERNEL3(SYS_tgkill, pid, tid, WAKE_SIGNAL) : KERNEL2(SYS_kill, pid, WAKE_SIGNAL));
}

/* What /proc/<pid>/task/<tid>/{stat,schedstat,wchan} say about one thread. */
struct watched {
    int32_t stat_fd, schedstat_fd, wchan_fd, state;
    uint64_t turns;        /* on a CPU, at the last look */
    uint64_t asleep_turns; /* when it was last proven off the run queue */
    int64_t since_ns;      /* when it was first seen asleep with so many turns */
    int32_t readable, padding;
};

enum { QUIET = 0, BUSY = 1, GONE = 2 };

#define BLIND_NS (20 * 1000000LL)
#define NEVER_READABLE_NS 2000000LL

static long read_start(int fd, char *text, size_t size) {
    long n = KERNEL4(SYS_pread64, fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return n;
}

/* Whether a thread in state S is off the run queue. On its way to sleep a thread takes the state first and
 * works on: wait4() reaps a child in state S, and whoever is preempted there is runnable for milliseconds
 * in state S. /proc's wchan names a function only if the thread is off the run queue (get_wchan() in
 * kernel/sched/core.c); "0" is also what it says when we may not look, so time has to do then. */
static int is_off_queue(struct watched *thread) {
    char text[64];
    if (thread->schedstat_fd >= 0 && thread->asleep_turns == thread->turns) return 1;
    if (read_start(thread->wchan_fd, text, sizeof text) > 0 && text[0] != '0') thread->readable = 1;
    else {
        int64_t now_ns = harness_real_ns(CLOCK_MONOTONIC);
        if (!thread->since_ns) thread->since_ns = now_ns;
        if (now_ns - thread->since_ns < (thread->readable ? BLIND_NS : NEVER_READABLE_NS)) return 0;
    }
    thread->asleep_turns = thread->turns;
    return 1;
}

/* Reads state and number of turns on a CPU. `first` remembers them; otherwise they must be the same. */
static int look(struct watched *thread, int first) {
    char text[512];
    if (read_start(thread->stat_fd, text, sizeof text) <= 0) return GONE;
    char *end = strrchr(text, ')');
    if (!end || !end[1]) return GONE;
    char state = end[2];
    int dead = state == 'Z' || state == 'X', stopped = state == 'T' || state == 't';
    uint64_t turns = 1;
    if (thread->schedstat_fd >= 0) {
        if (read_start(thread->schedstat_fd, text, sizeof text) <= 0) return GONE;
        char *last = strrchr(text, ' ');
        turns = last ? strtoull(last, NULL, 10) : 1;
    }
    int same = turns == thread->turns && state == (char)thread->state;
    if (!same) thread->since_ns = 0;
    thread->turns = turns;
    thread->state = state;
    if (!dead && !stopped && state != 'S') return BUSY;
    if (!first) return same ? QUIET : BUSY;
    return state != 'S' || is_off_queue(thread) ? QUIET : BUSY;
}

/* The newest process id, the last word of /proc/loadavg: unchanged means that no thread was born. */
static int64_t newest_pid(int loadavg_fd) {
    char text[128];
    if (read_start(loadavg_fd, text, sizeof text) <= 0) return -1;
    char *last = strrchr(text, ' ');
    return last ? strtoll(last, NULL, 10) : -1;
}
EXPORT int64_t harness_newest_pid(int loadavg_fd) { return newest_pid(loadavg_fd); }

static int pass_over(struct watched *threads, int32_t count, int first, int32_t *busy) {
    for (int32_t i = 0; i < count; i++) {
        int found = look(&threads[i], first);
        if (found == QUIET) continue;
        *busy = i;
        return found;
    }
    return QUIET;
}

/* Wait, in real time, until every thread sleeps; `out` and `waiting` are what they then wait for.
 *
 * Returns -1 when all do, -2 when the set of threads is out of date, else the index of a busy thread after
 * `patience_ns`. Two equal passes prove quiet without a pause between them: a thread that sleeps in both
 * passes and had no turn between them slept from the one look to the other; at the end of the first pass
 * all these spans overlap, so at that instant no thread could run, and the slots are read just then: a
 * moment later somebody may be on his way out of a wait. Whoever runs next must be woken from outside, or
 * by a timer, because Linux delivers over loopback and wakes the receiver inside the sender's own system
 * call, before the sender sleeps. Threads that the set does not know would show in newest_pid. */
EXPORT int32_t harness_wait_quiet(struct watched *threads, int32_t count, int32_t loadavg_fd, int64_t newest,
                                  int64_t patience_ns, struct page *page, struct waiting *out, int32_t *waiting) {
    int64_t start_ns = harness_real_ns(CLOCK_MONOTONIC);
    int32_t busy = 0, rounds = 0, slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    int32_t answer = 0;
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    for (;;) {
        /* Whoever was busy in the last round is the likeliest in this one. */
        int found = busy < count ? look(&threads[busy], 1) : QUIET;
        if (found == QUIET) found = pass_over(threads, count, 1, &busy);
        if (found == QUIET) {
            *waiting = harness_page_waiting(page, out);
            found = pass_over(threads, count, 0, &busy);
        }
        if (found == GONE || (found == QUIET && newest_pid(loadavg_fd) != newest)) { answer = -2; break; }
        if (found == QUIET) { answer = -1; break; }
        answer = busy;
        if (harness_real_ns(CLOCK_MONOTONIC) - start_ns > patience_ns) break;
        /* Leave the CPU to those we wait for; rarer looks at long work. */
        struct timespec pause = { 0, ++rounds < 10 ? 20000 : rounds < 50 ? 100000 : 1000000 };
        KERNEL2(SYS_nanosleep, &pause, NULL);
        if (rounds % 8 == 0 && newest_pid(loadavg_fd) != newest) { answer = -2; break; }
    }
    prctl(PR_SET_TIMERSLACK, slack, 0, 0, 0);
    return answer;
}

/* Whether everybody has slept on since the last answer -1, so that what was read then still holds. */
EXPORT int32_t harness_still_quiet(struct watched *threads, int32_t count, int32_t loadavg_fd, int64_t newest) {
    int32_t busy;
    return pass_over(threads, count, 0, &busy) == QUIET && newest_pid(loadavg_fd) == newest;
}
