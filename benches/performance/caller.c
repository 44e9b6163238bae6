// Calls hooks as libvirt does (virCommand: fork, three pipes, outputs read until end of file, then waitpid), and measures the
// time. It is built under the name `libvirtd`, so that hookmux finds a daemon where it looks for one.
//
// In: a number of turns, how many calls are made at the same time, and for each contestant `--`, additional variables
// (NAME=value), a file with its document, and its arguments. Out: for each turn a line with three numbers for each
// contestant: nanoseconds from before the first fork until the last end; the peak memory of a call, in KiB; and the
// page faults of one call. Exits 1 if a call fails.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_AT_ONCE 1000
#define MOST_VARIABLES 16

extern char **environ;

struct contestant {
    const char *document;
    size_t length;
    char **argv;
    char *environment[MOST_VARIABLES];
};

static pthread_barrier_t together;

static void die(const char *what) {
    perror(what);
    _exit(2);
}

// A mapped file does not count as the child's memory; its own memory would count until execve.
static void load(struct contestant *one, const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    if (file < 0 || fstat(file, &facts) != 0) die(path);
    one->length = facts.st_size;
    one->document = mmap(NULL, one->length, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    if (one->document == MAP_FAILED) die(path);
    close(file);
}

static void set_environment(struct contestant *one, char *variable) {
    int known = 0;
    while (environ[known] && known < MOST_VARIABLES - 2) one->environment[known] = environ[known], known++;
    one->environment[known] = variable, one->environment[known + 1] = NULL;
}

static pid_t start(const struct contestant *one, int mine[3]) {
    int pipes[3][2];
    for (int at = 0; at < 3; at++)
        if (pipe2(pipes[at], O_CLOEXEC) != 0) die("pipe2");
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        if (dup2(pipes[0][0], 0) < 0 || dup2(pipes[1][1], 1) < 0 || dup2(pipes[2][1], 2) < 0) _exit(126);
        execve(one->argv[0], one->argv, one->environment);
        _exit(127);
    }
    close(pipes[0][0]), close(pipes[1][1]), close(pipes[2][1]);
    mine[0] = pipes[0][1], mine[1] = pipes[1][0], mine[2] = pipes[2][0];
    fcntl(mine[0], F_SETFL, O_NONBLOCK);
    return pid;
}

// Writes the document, and reads both outputs until end of file. A hook does not have to read the document (EPIPE).
static void exchange(int mine[3], const char *document, size_t length) {
    struct pollfd polled[3] = {{mine[0], POLLOUT, 0}, {mine[1], POLLIN, 0}, {mine[2], POLLIN, 0}};
    size_t written = 0;
    char buffer[4096];
    while (polled[1].fd >= 0 || polled[2].fd >= 0) {
        if (poll(polled, 3, -1) < 0) die("poll");
        if (polled[0].fd >= 0 && polled[0].revents) {
            ssize_t more = written < length ? write(mine[0], document + written, length - written) : 0;
            if (more > 0) written += more;
            if (written == length || (more < 0 && errno != EAGAIN)) close(mine[0]), polled[0].fd = -1;
        }
        for (int at = 1; at < 3; at++)
            if (polled[at].fd >= 0 && polled[at].revents) {
                ssize_t more = read(mine[at], buffer, sizeof buffer);
                if (more > 0 && write(2, buffer, more) < 0) die("write");
                if (more <= 0) close(mine[at]), polled[at].fd = -1;
            }
    }
    if (polled[0].fd >= 0) close(mine[0]);
}

// Makes one call and measures it.
static struct rusage call(const struct contestant *one) {
    int mine[3], status;
    struct rusage usage;
    pid_t pid = start(one, mine);
    exchange(mine, one->document, one->length);
    if (wait4(pid, &status, 0, &usage) != pid) die("wait4");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "%s: wait status %d\n", one->argv[0], status);
        _exit(1);
    }
    return usage;
}

static void *call_in_thread(void *one) {
    pthread_barrier_wait(&together);
    return (void *)call(one).ru_maxrss;
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

// Makes the given number of calls at the same time, each from its own thread, as libvirt does at a restart.
static void measure(struct contestant *one, int at_once) {
    struct rusage usage = {0};
    long long began = now();
    if (at_once == 1) {
        usage = call(one);
    } else {
        pthread_t threads[MOST_AT_ONCE];
        pthread_barrier_init(&together, NULL, at_once + 1);
        for (int at = 0; at < at_once; at++)
            if (pthread_create(&threads[at], NULL, call_in_thread, one) != 0) die("pthread_create");
        began = now();
        pthread_barrier_wait(&together);
        for (int at = 0; at < at_once; at++) {
            void *held;
            pthread_join(threads[at], &held);
            if ((long)held > usage.ru_maxrss) usage.ru_maxrss = (long)held;
        }
        pthread_barrier_destroy(&together);
    }
    printf("%lld %ld %ld ", now() - began, usage.ru_maxrss, usage.ru_minflt);
}

int main(int argc, char **argv) {
if (argc < 3) return 2;
    int turns = atoi(argv[1]), at_once = atoi(argv[2]), known = 0;
    if (at_once < 1 || at_once > MOST_AT_ONCE) return 2;
    struct contestant contestants[argc];
    for (int at = 3; at + 3 < argc; at++)
        if (strcmp(argv[at], "--") == 0) {
            // Terminates the arguments of the previous contestant for execve.
            argv[at] = NULL;
            set_environment(&contestants[known], argv[at + 1]);
            load(&contestants[known], argv[at + 2]);
            contestants[known++].argv = argv + at + 3;
        }
    if (chdir("/") != 0) die("/");
    // A hook that does not read its document is not an error.
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    for (int turn = 0; turn < turns; turn++) {
        for (int at = 0; at < known; at++) measure(&contestants[at], at_once);
        putchar('\n');
    }
    return 0;
}
