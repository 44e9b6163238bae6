// A script whose action is in its file's name after the last '=': `10-a=3` exits 3, `begin` exits 0. In: its name, and
// HOOKMUX_ROOT for the file `log`, to which it adds one line with its arguments. Out: see the table at the end.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char bytes[1 << 16];

static void put(int to, const char *from, size_t length) {
    while (length > 0) {
        ssize_t written = write(to, from, length);
        if (written < 0) _exit(99);
        from += written, length -= written;
    }
}

static void note(int argc, char **argv) {
    char line[4096], path[4096];
    const char *root = getenv("HOOKMUX_ROOT");
    size_t length = 0;
    for (int at = 0; at < argc; at++)
        length += snprintf(line + length, sizeof line - length, "%s%c", argv[at], at + 1 < argc ? ' ' : '\n');
    snprintf(path, sizeof path, "%s/log", root ? root : "");
    int log = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (log >= 0) write(log, line, length), close(log);
}

// Copies the document, and replaces each `from` with `to`.
static void copy(char from, char to) {
    ssize_t length;
    while ((length = read(0, bytes, sizeof bytes)) > 0) {
        for (char *at = bytes; at < bytes + length; at++)
            if (*at == from) *at = to;
        put(1, bytes, length);
    }
}

// Copies a document of less than 64 KiB with a letter added to its title: the name's first after a dash.
static void tag(const char *name) {
    ssize_t length = 0, more;
    while ((more = read(0, bytes + length, sizeof bytes - 1 - length)) > 0) length += more;
    char *end = memmem(bytes, length, "</title>", 8);
    if (!end) end = bytes + length;
    put(1, bytes, end - bytes);
    put(1, strchr(name, '-') + 1, 1);
    put(1, end, bytes + length - end);
}

static void flood(int to, int mebibytes) {
    memset(bytes, 'x', sizeof bytes);
    for (int at = 0; at < mebibytes * 16; at++) put(to, bytes, sizeof bytes);
}

// Reads its own standard error, as `cat </dev/stderr` does, while it writes to both outputs; then writes nothing more. It
// writes much to one and a little to the other, so that a reader that has seen both ready is busy with the first for a while.
static void steal(void) {
    int input = open("/proc/self/fd/2", O_RDONLY | O_NONBLOCK);
    char stolen;
    if (input < 0) _exit(98);
    if (fork() == 0)
        for (alarm(20);;) (void)!read(input, &stolen, 1);
    for (int at = 0; at < 2000; at++) put(1, bytes, sizeof bytes), put(2, "x", 1);
    for (;;) pause();
}

// A process that cannot be reaped while this one lives: traced by a child of its own, in a session of its own.
static void cling(void) {
    char *argv[] = {"tracer", NULL};
    char path[4096], parent[16];
    snprintf(path, sizeof path, "%s/tracer", getenv("HOOKMUX_ROOT"));
    snprintf(parent, sizeof parent, "%d", getpid());
    setenv("TRACED", parent, 1);
    if (fork() == 0) setsid(), execv(path, argv), _exit(97);
    for (;;) pause();
}

// Starts as many processes as the limit allows; they run for 30 s and ignore SIGTERM. Creates the file `full`.
static void bomb(void) {
    char path[4096];
    pid_t child;
    signal(SIGTERM, SIG_IGN);
    while ((child = fork()) > 0) {}
    if (child == 0)
        for (alarm(30);;) pause();
    snprintf(path, sizeof path, "%s/full", getenv("HOOKMUX_ROOT"));
    close(open(path, O_WRONLY | O_CREAT, 0644));
}

int main(int argc, char **argv) {
    const char *name = strrchr(argv[0], '/') + 1, *what = strrchr(name, '=');
    what = what ? what + 1 : "0";
    note(argc, argv);
    if (*what >= '0' && *what <= '9') {
        if (atoi(what)) dprintf(2, "said %s\n", name);
        return atoi(what);
    }
    if (!strcmp(what, "tag")) return tag(name), 0;
    if (!strcmp(what, "tagfail")) return tag(name), 5;
    if (!strcmp(what, "cat")) return copy('@', '@'), 0;
    if (!strcmp(what, "blank")) return put(1, " \n\t\n", 4), 0;
    if (!strcmp(what, "killed")) return raise(SIGKILL);
    if (!strcmp(what, "translate")) return copy('@', '#'), 0;
    if (!strcmp(what, "pause"))
        for (;;) pause();
    if (!strcmp(what, "flood")) return flood(1, 100), flood(2, 100), 0;
    if (!strcmp(what, "say")) return flood(1, 1), flood(2, 1), 3;
    if (!strcmp(what, "steal")) steal();
    if (!strcmp(what, "cling")) cling();
    if (!strcmp(what, "bomb")) return bomb(), 0;
    if (!strcmp(what, "bombhang"))
        for (bomb();;) pause();
    if (!strcmp(what, "leave")) {
        // The group of hookmux, which is also that of hookmux's caller.
        setpgid(0, getpgid(getppid()));
        for (;;) pause();
    }
    return 96;
}
