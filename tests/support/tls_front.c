/* tls_front PORT NAMES FILE: TLS before the plain server at that port of this machine, for the specs. Its
 * certificate is for NAMES (DNS:localhost,IP:127.0.0.1) and is written to FILE. Says at which port it
 * listens, and ends when its input does. */
#include "tls_front.h"

#include <signal.h>

int main(int argc, char **argv) {
    static tls_front front;
    if (argc != 4)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    tls_front_start(&front, 0, atoi(argv[1]), argv[2]);
    tls_front_write_certificate(&front, argv[3]);
    printf("%d\n", front.port);
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
