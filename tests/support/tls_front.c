/* tls_front PORT NAMES FILE COMMAND...: runs the command with TLS before the plain server at that port of
 * this machine, and exits as it does. The certificate is for NAMES (DNS:localhost,IP:127.0.0.1) and is
 * written to FILE; $FRONT_PORT says to the command where to connect. */
#include "tls_front.h"

#include <signal.h>
#include <sys/wait.h>

int main(int argc, char **argv) {
    static tls_front front;
    char port[16];
    int status = 0;
    if (argc < 5)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    tls_front_start(&front, 0, atoi(argv[1]), argv[2]);
    tls_front_write_certificate(&front, argv[3]);
    snprintf(port, sizeof port, "%d", front.port);
    setenv("FRONT_PORT", port, 1);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        execvp(argv[4], argv + 4);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
