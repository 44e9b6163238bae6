// The minimum that a dispatcher has to do: reads its standard input into a memfd, and executes the files of a directory, in
// order, each with its own open of the memfd. It has no checks, pipes, time limits or log. Called "bare", it does less than
// a dispatcher must: the scripts share its own standard input, which only the first of them can read.
//
// In: a directory, and the arguments that each script gets. Out: 0, or 1 if a script failed.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char bytes[1 << 16];

static int visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static int run(const char *directory, const char *name, char **argv, const char *document) {
    char path[4096];
    int status;
    pid_t pid;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    argv[0] = path;
    if (!document) {
        if (posix_spawn(&pid, path, NULL, NULL, argv, environ) != 0) return 1;
        return waitpid(pid, &status, 0) != pid || status != 0;
    }
    int input = open(document, O_RDONLY | O_CLOEXEC);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    if (input < 0 || posix_spawn(&pid, path, &actions, NULL, argv, environ) != 0) return 1;
    posix_spawn_file_actions_destroy(&actions);
    close(input);
    return waitpid(pid, &status, 0) != pid || status != 0;
}

int main(int argc, char **argv) {
if (argc < 2) return 2;
    char document[64];
    int is_bare = strcmp(strrchr(argv[0], '/'), "/bare") == 0, failed = 0;
    if (!is_bare) {
        int file = memfd_create("document", MFD_CLOEXEC);
        ssize_t length;
        while ((length = read(0, bytes, sizeof bytes)) > 0)
            if (write(file, bytes, length) != length) return 1;
        snprintf(document, sizeof document, "/proc/self/fd/%d", file);
    }
    // The script's own name replaces the argument with the directory.
    const char *directory = argv[1];
    struct dirent **entries;
    int found = scandir(directory, &entries, visible, alphasort);
    if (found < 0) return 1;
    for (int at = 0; at < found; at++) failed |= run(directory, entries[at]->d_name, argv + 1, is_bare ? NULL : document);
    return failed;
}
