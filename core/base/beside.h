/* Work beside the caller's: a thread that does one thing again and again, each time it is told to.
 * What both touch belongs to the thread from mt_beside_begin to mt_beside_wait, and to the caller
 * else. The thread takes no signals. */
#ifndef MT_BASE_BESIDE_H
#define MT_BASE_BESIDE_H

#include "base/error.h"

typedef struct mt_beside mt_beside;

/* What a thread is for: text is compressed, bytes are given to the system. */
typedef enum mt_beside_purpose { MT_BESIDE_COMPRESSION, MT_BESIDE_OUTPUT } mt_beside_purpose;

/* A thread for work(context). NULL: there is no second processor for it, there are four threads of its purpose
 * already, or it cannot be had; then the caller works. */
mt_beside *mt_beside_new(mt_beside_purpose purpose, void (*work)(void *context), void *context);

/* The thread begins to work once. Not while it works. */
void mt_beside_begin(mt_beside *beside);

/* Waits until it does not work. MT_OK, or MT_ERROR_INTERRUPTED when Ctrl-C comes first: it works on
 * then, and is to be waited for again. */
mt_code mt_beside_wait(mt_beside *beside, mt_error *error);

/* Waits, Ctrl-C or not, and ends the thread; NULL is allowed. */
void mt_beside_free(mt_beside *beside);

#endif
