/* measure COMMAND [ARGUMENT...]: runs it once as a process of its own and prints
 * "WALL USER SYSTEM PEAK": seconds, seconds, seconds, and the largest resident size in bytes. Its
 * standard output goes to /dev/null. Exits with the command's status, 128 + the signal that ended
 * it, 127 when it cannot be started. */
#include "bench.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static void become(char **command) {
    int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0)
        _exit(127);
    close(nowhere);
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

int main(int count, char **arguments) {
    struct rusage usage;
    int status;
    bench_require(count > 1, "usage: measure COMMAND [ARGUMENT...]");
    double start = bench_now();
    pid_t child = fork();
    bench_require(child >= 0, "measure: cannot fork");
    if (child == 0)
        become(arguments + 1);
    bench_require(wait4(child, &status, 0, &usage) == child, "measure: cannot wait");
    double wall = bench_now() - start;
    printf("%.6f %.6f %.6f %lld\n", wall, seconds_of(usage.ru_utime), seconds_of(usage.ru_stime),
           (long long)usage.ru_maxrss * 1024);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
