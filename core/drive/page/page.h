/* A page about work that goes on, served while it does: HTML, events for its script (server-sent events, the
 * HTML Living Standard, 9.2), figures for those who scrape (Prometheus' text format) and a way to stop the
 * work. One thread of its own, which is at a lower priority than the others and has nothing to do with the
 * driver's: whoever says something puts it into memory and goes on, however many read and however slowly.
 *
 * GET or HEAD /         the page
 * GET /events           what was said, from the beginning (thinned, below), then what is said from now on
 * GET or HEAD /metrics  the figures that were set last
 * POST /stop            Ctrl-C for this process, but never the one too many that ends it at once; needs the
 *                       token (?token=TOKEN), and 403 without it
 *
 * Readers that come late see what came before: events that last are all kept; of the others, one a moment,
 * as many as MT_PAGE_MOMENTS, and beyond that every second of the older ones goes. A reader who reads nothing
 * costs MT_PAGE_UNREAD bytes and the kernel's buffer, misses moments that have gone meanwhile, and is let go
 * after a minute. */
#ifndef MT_DRIVE_PAGE_PAGE_H
#define MT_DRIVE_PAGE_PAGE_H

#include "base/error.h"
#include "base/span.h"

enum {
    MT_PAGE_TOKEN = 64,     /* bytes of a token, at most */
    MT_PAGE_DRAWN = 32,     /* of one that is drawn */
    MT_PAGE_READERS = 64,   /* connections at once; further ones are closed */
    MT_PAGE_MOMENTS = 2048, /* >= half of it are kept */
    MT_PAGE_UNREAD = 65536  /* bytes that wait for a reader, beyond the kernel's; or one event */
};

typedef struct mt_page mt_page;

typedef struct mt_page_options {
    const char *host;  /* an address to listen at: "127.0.0.1", "::" */
    uint16_t port;     /* 0: any that is free */
    const char *token; /* 1 to MT_PAGE_TOKEN bytes that a URL can have as they are */
    int guards_all;    /* nothing is shown without the token either */
    mt_span html;      /* copied */
} mt_page_options;

/* A token that nobody can guess, from the system's random numbers, into MT_PAGE_DRAWN + 1 bytes. */
mt_code mt_page_draw_token(char *token, mt_error *error);

/* Listens and starts the thread. NULL on failure: MT_ERROR_IO when the port is in use, MT_ERROR_VALUE for a
 * bad host or token. */
mt_page *mt_page_open(const mt_page_options *options, mt_error *error);

/* The port it listens at. */
uint16_t mt_page_port(const mt_page *page);

/* Says an event: JSON without a line end in it, under a name (NULL: a moment, which may be thinned; else it
 * lasts). Never waits for a reader. MT_ERROR_MEMORY: nobody hears of it, all else stays. */
mt_code mt_page_say(mt_page *page, const char *name, mt_span json, mt_error *error);

/* Sets what /metrics shows. MT_ERROR_MEMORY: it stays as it was. */
mt_code mt_page_show(mt_page *page, mt_span metrics, mt_error *error);

/* Those who listen to the events now. */
int mt_page_listeners(mt_page *page);

/* Gives readers `patience_ns` to take what was said, then closes all, joins the thread and frees. NULL is
 * allowed. */
void mt_page_free(mt_page *page, int64_t patience_ns);

#endif
