/* A server's /metrics, looked at once a second while it is driven: in a thread of its own, on a connection
 * of its own, so that neither the driver nor whoever prepares requests waits for it. */
#ifndef MT_DRIVE_SCRAPE_H
#define MT_DRIVE_SCRAPE_H

#include "base/error.h"
#include "drive/server_metrics.h"

#include <stdint.h>

typedef struct mt_scrape {
    int64_t at_ns; /* monotonic: when it was asked for */
    double values[MT_SERVER_METRICS];
} mt_scrape;

typedef struct mt_scraper mt_scraper;

/* Looks for the first time, at once, and from then on each `every_ns` in a thread. A URL without a path
 * means /metrics. Each look takes at most a few seconds. Fails (MT_ERROR_VALUE, MT_ERROR_IO, MT_ERROR_INPUT)
 * when the URL is none, nobody answers, or the answer has none of the metrics that are known. */
mt_scraper *mt_scraper_start(const char *url, int64_t every_ns, mt_error *error);

/* Ends the thread, with a last look: what the run has done to the counters is in it. */
void mt_scraper_stop(mt_scraper *scraper);

/* The latest look, while it goes on: another thread's are made meanwhile. */
mt_scrape mt_scraper_last(mt_scraper *scraper);

/* After the stop: the looks, in order of time, and how many failed (*why becomes the first reason, a text
 * of the scraper's). */
size_t mt_scraper_looks(const mt_scraper *scraper, const mt_scrape **looks);
uint64_t mt_scraper_failures(const mt_scraper *scraper, const char **why);

/* Ends the thread where that has not been done. NULL is allowed. */
void mt_scraper_free(mt_scraper *scraper);

#endif
