/* What the files of the page share. Private to them. */
#ifndef MT_DRIVE_PAGE_STATE_H
#define MT_DRIVE_PAGE_STATE_H

#include "base/text.h"
#include "drive/http/message.h"
#include "drive/page/page.h"

#include <pthread.h>

/* An event as it goes out. */
typedef struct mt_page_event {
    uint64_t number; /* 1, 2, ...: gaps where moments were thinned */
    size_t length;
    int lasts;
    char *text;
} mt_page_event;

/* What was said; under the page's lock. */
typedef struct mt_page_history {
    mt_page_event *events; /* by number */
    size_t count, capacity, moments;
    uint64_t said; /* the number of the last one */
} mt_page_history;

enum {
    MT_READER_FREE,
    MT_READER_ASKING,   /* its request has not come whole */
    MT_READER_ANSWERED, /* closed when what is unsent has gone */
    MT_READER_LISTENING /* to the events */
};

typedef struct mt_page_reader {
    int fd, state;
    mt_http http;
    uint64_t heard; /* the number of the last event that was put into `out` */
    mt_text out;    /* `out_sent` of it has gone */
    size_t out_sent;
    mt_span body;     /* after it: the page, which is not copied */
    int64_t since_ns; /* it came, or took something, or had taken everything */
} mt_page_reader;

struct mt_page {
    char token[MT_PAGE_TOKEN + 1];
    int guards_all;
    char *html;
    size_t html_length;
    int listener, wake;
    uint16_t port;
    int is_running; /* the thread is to be joined */
    pthread_t thread;
    pthread_mutex_t lock; /* of these: */
    mt_page_history history;
    mt_text metrics;
    int64_t ends_ns; /* INT64_MAX: not yet */
    int listeners;
    /* The thread's own: */
    mt_page_reader readers[MT_PAGE_READERS];
    int64_t accepts_from_ns; /* there were no descriptors left */
};

/* history.c. Adds an event: MT_ERROR_MEMORY. */
mt_code mt_page_note(mt_page_history *history, const char *name, mt_span json, mt_error *error);
/* The first event after the one of this number; NULL: there is none. */
const mt_page_event *mt_page_after(const mt_page_history *history, uint64_t number);
void mt_page_forget(mt_page_history *history);

/* reader.c, in the thread. Takes a connection over; what can be read is read, what can be sent is sent; a
 * reader for whom there is nothing more to do is let go. */
void mt_page_welcome(mt_page *page, int fd, int64_t now_ns);
void mt_page_attend(mt_page *page, mt_page_reader *reader, int can_read, int64_t now_ns);
void mt_page_dismiss(mt_page *page, mt_page_reader *reader);
/* Does it wait for the socket to take something? */
int mt_page_has_unsent(const mt_page_reader *reader);

#endif
