/* terminal STEPS COMMAND ARGUMENT...: runs a command in a pseudo-terminal as a person would, step
 * by step as the file STEPS says, and prints all that the terminal showed. A step a line:
 *
 *   wait TEXT        until TEXT is shown, after what the step before waited for
 *   type TEXT        types it
 *   compute          until the command has computed for a while: it is deep in what it said it would do
 *   size COLUMNS     makes the terminal as wide
 *   insist TEXT      types it again and again until the command has ended (two signals that come
 *                    close together are one)
 *   end              waits until the command has ended
 *
 * TEXT may have \n \r \t \\ \e and \xHH. After the last step the terminal is hung up. The last line
 * printed is "[exit N]" or "[signal N]", or what was waited for in vain: because the command ended,
 * or showed nothing for two minutes, which only a test that fails does. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 120000,
    BETWEEN_KEYS_MS = 20,
    A_WHILE_MS = 50,
    COLUMNS = 80,
    ROWS = 24,
    MOST_SHOWN = 1 << 22,
    MOST_LINE = 4096
};

static char shown[MOST_SHOWN];
static size_t shown_length, searched; /* what lies before `searched` was waited for */
static int master;
static pid_t child;

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void set_size(int columns) {
    struct winsize size = {ROWS, (unsigned short)columns, 0, 0};
    ioctl(master, TIOCSWINSZ, &size);
}

static void start(char **words) {
    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        die("pseudo-terminal");
    set_size(COLUMNS);
    child = fork();
    if (child != 0)
        return;
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int slave = open(ptsname(master), O_RDWR);
    if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) != 0)
        die("terminal");
    for (int fd = 0; fd < 3; fd++)
        dup2(slave, fd);
    if (slave > 2)
        close(slave);
    close(master);
    signal(SIGINT, SIG_DFL);
    signal(SIGHUP, SIG_DFL); /* under nohup it is ignored */
    execv(words[0], words);
    die(words[0]);
}

/* Reads what is shown next. 0 at the command's end or after a long silence. */
static int read_more(void) {
    struct pollfd output = {master, POLLIN, 0};
    if (poll(&output, 1, PATIENCE_MS) <= 0 || shown_length + 1 >= sizeof shown)
        return 0;
    ssize_t got = read(master, shown + shown_length, sizeof shown - 1 - shown_length);
    if (got <= 0)
        return 0; /* EIO: nobody has the other end any more */
    shown_length += (size_t)got;
    return 1;
}

static int wait_for(const char *text, size_t length) {
    for (;;) {
        char *found = memmem(shown + searched, shown_length - searched, text, length);
        if (found) {
            searched = (size_t)(found - shown) + length;
            return 1;
        }
        if (!read_more())
            return 0;
    }
}

/* An echo may still be read when the command is gone: it is asked for. */
static int has_ended(void) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

static int insist(const char *text, size_t length) {
    struct pollfd output = {master, POLLIN, 0};
    for (int i = 0; i < PATIENCE_MS / BETWEEN_KEYS_MS; i++) {
        if (has_ended() || write(master, text, length) < 0)
            return 1;
        poll(NULL, 0,
             BETWEEN_KEYS_MS); /* all of it: the echo comes at once, the command perhaps not */
        while (poll(&output, 1, 0) > 0 && read_more())
            ;
    }
    return 0;
}

static int64_t computed_ms(clockid_t clock) {
    struct timespec time = {0};
    clock_gettime(clock, &time);
    return 1000 * (int64_t)time.tv_sec + time.tv_nsec / 1000000;
}

static int compute(void) {
    clockid_t clock;
    if (clock_getcpuclockid(child, &clock) != 0)
        return 0;
    int64_t before = computed_ms(clock);
    for (int waited = 0; waited < PATIENCE_MS; waited += BETWEEN_KEYS_MS) {
        if (computed_ms(clock) - before >= A_WHILE_MS)
            return 1;
        poll(NULL, 0, BETWEEN_KEYS_MS);
    }
    return 0;
}

/* Replaces escapes in place; returns the length. */
static size_t unescape(char *text) {
    static const char names[] = "nrte\\", meanings[] = "\n\r\t\033\\";
    char *to = text;
    for (const char *from = text; *from; from++) {
        const char *name = *from == '\\' && from[1] ? strchr(names, from[1]) : NULL;
        unsigned byte;
        if (name) {
            *to++ = meanings[name - names];
            from++;
        } else if (*from == '\\' && from[1] == 'x' && sscanf(from + 2, "%2x", &byte) == 1) {
            *to++ = (char)byte;
            from += 3;
        } else {
            *to++ = *from;
        }
    }
    return (size_t)(to - text);
}

static int do_step(char *line) {
    char *text = strchr(line, ' ');
    if (text)
        *text++ = '\0';
    size_t length = text ? unescape(text) : 0;
    if (strcmp(line, "wait") == 0 && length > 0)
        return wait_for(text, length);
    if (strcmp(line, "type") == 0)
        return write(master, text, length) == (ssize_t)length;
    if (strcmp(line, "insist") == 0)
        return insist(text ? text : "", length);
    if (strcmp(line, "compute") == 0)
        return compute();
    if (strcmp(line, "size") == 0 && text) {
        set_size(atoi(text));
        return 1;
    }
    while (strcmp(line, "end") == 0 && read_more())
        ;
    return strcmp(line, "end") == 0;
}

int main(int count, char **words) {
    char line[MOST_LINE], wanted[MOST_LINE] = "";
    FILE *steps = count > 2 ? fopen(words[1], "r") : NULL;
    if (!steps)
        die("terminal STEPS COMMAND ARGUMENT...");
    start(words + 2);
    int is_well = 1;
    while (is_well && fgets(line, sizeof line, steps)) {
        line[strcspn(line, "\n")] = '\0';
        strcpy(wanted, line);
        is_well = line[0] == '\0' || do_step(line);
    }
    if (!is_well)
        kill(child, SIGKILL);
    close(master);
    int status = 0;
    waitpid(child, &status, 0);
    fwrite(shown, 1, shown_length, stdout);
    if (!is_well)
        printf("\n[in vain: %s]\n", wanted);
    else if (WIFSIGNALED(status))
        printf("\n[signal %d]\n", WTERMSIG(status));
    else
        printf("\n[exit %d]\n", WEXITSTATUS(status));
    return is_well ? 0 : 1;
}
