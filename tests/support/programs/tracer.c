// Traces a process, so that after it is killed it stays a zombie that its parent cannot reap until this one ends.
// In: TRACED, the process; HOOKMUX_ROOT for the file `background`, where it leaves its own number. Out: nothing.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/background", getenv("HOOKMUX_ROOT"));
    if (ptrace(PTRACE_SEIZE, atoi(getenv("TRACED")), 0, 0) != 0) return 1;
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    dprintf(file, "%d\n", getpid());
    // Keeping the pipes open as well would be another test.
    close(file), close(0), close(1), close(2);
    alarm(60);
    for (;;) pause();
}
