// Runs a program and says how much memory it had resident at most. In: a file to write to, the program and its words.
// Out: its exit code; in the file, the most that it or any one of its children held at a time, in KiB.
//
// A caller of its own, and a small one: what a process held before execve counts as its own.
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count < 3) return 2;
    pid_t child = fork();
    if (child == 0) execv(words[2], words + 2), _exit(127);
    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) != child) return 126;
    FILE *file = fopen(words[1], "w");
    if (!file || fprintf(file, "%ld\n", usage.ru_maxrss) < 0 || fclose(file)) return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
