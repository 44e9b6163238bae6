// Runs a program and measures its peak resident memory. In: a file to write to, the program and its arguments.
// Out: its exit code; in the file, the peak of it or of any one of its children, in KiB.
//
// A separate, small caller, because the memory of a process before execve counts as its own.
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
if (argc < 3) return 2;
    pid_t child = fork();
    if (child == 0) execv(argv[2], argv + 2), _exit(127);
    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) != child) return 126;
    FILE *file = fopen(argv[1], "w");
    if (!file || fprintf(file, "%ld\n", usage.ru_maxrss) < 0 || fclose(file)) return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
