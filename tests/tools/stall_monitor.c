/* stall_monitor: shows when the machine itself stood still, whoever was to blame.
 *
 *   stall_monitor THRESHOLD_MS
 *
 * One thread per core, pinned, with the highest real-time priority that is granted, sleeps for a
 * millisecond at a time. Whenever it wakes later than the threshold it prints a line:
 *   CORE MONOTONIC_S LATE_MS
 * Runs until it is killed or standard input closes. Prints "ready" or, where real-time priority is
 * refused, "ready without real-time priority": what it then shows is mere competition.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PRIORITY = 95, STEP_NS = 1000000, MAX_CORES = 256 };

static double threshold_s;

static double seconds_of(const struct timespec *time) { return time->tv_sec + time->tv_nsec * 1e-9; }

static void *watch(void *argument) {
    long core = (long)argument;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
    struct sched_param parameter = {.sched_priority = PRIORITY};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameter);
    struct timespec due, now;
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (;;) {
        due.tv_nsec += STEP_NS;
        if (due.tv_nsec >= 1000000000) {
            due.tv_nsec -= 1000000000;
            due.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
        double late_s = seconds_of(&now) - seconds_of(&due);
        if (late_s > threshold_s)
            printf("%ld %.6f %.3f\n", core, seconds_of(&now), late_s * 1e3);
        if (late_s > 1e-3)
            due = now;
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: stall_monitor THRESHOLD_MS\n");
        return 1;
    }
    threshold_s = atof(argv[1]) * 1e-3;
    setvbuf(stdout, NULL, _IOLBF, 0);
    mlockall(MCL_CURRENT | MCL_FUTURE);
    struct sched_param parameter = {.sched_priority = PRIORITY};
    int refused = sched_setscheduler(0, SCHED_FIFO, &parameter);
    parameter.sched_priority = 0;
    if (!refused)
        sched_setscheduler(0, SCHED_OTHER, &parameter);
    puts(refused ? "ready without real-time priority" : "ready");
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    for (long core = 0; core < count && core < MAX_CORES; core++) {
        pthread_t thread;
        pthread_create(&thread, NULL, watch, (void *)core);
    }
    while (getchar() != EOF)
        continue;
    return 0;
}
