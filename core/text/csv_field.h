/* What the text of a CSV field says: a number, a whole number, a time. Strict and independent of
 * the locale; blanks around the value are passed over. Nothing here allocates.
 *
 * Each returns 0, or -1 when the text is not of that kind, or -2 when the value is out of range;
 * then *value is as it was. */
#ifndef MT_TEXT_CSV_FIELD_H
#define MT_TEXT_CSV_FIELD_H

#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

/* A decimal number: a sign or none, digits with a point or without, an exponent or none ("12",
 * "-0.5", "+.5", "5.", "1e-3"); no hexadecimal, no infinity, no grouping of digits. The nearest
 * double; -2 where that is infinite. */
int mt_csv_number(const char *text, size_t length, double *value);

/* The text, blanks around it passed over, with a point for its decimal comma, in `copy`: where it has
 * one comma, no point, and digits on both sides. "1,000" is a thousand to some: of a whole number
 * (is_whole) three digits after the comma are none. Otherwise the text as it is. For CSVs whose
 * delimiter is no comma. */
enum { MT_CSV_COPY = 64 };
mt_span mt_csv_with_point(mt_span text, int is_whole, char copy[MT_CSV_COPY]);

/* A whole number of 64 bits, exactly; "5.0" is one too, as programs write that know only floats. */
int mt_csv_integer(const char *text, size_t length, int64_t *value);

/* A number, written as in JSON, of units of which 10^digits nanoseconds are one (9: seconds, 6:
 * milliseconds), as nanoseconds: exact, further digits rounded half away from zero. */
int mt_csv_nanoseconds(const char *text, size_t length, int digits, int64_t *nanoseconds);

/* A date and time by ISO 8601 as nanoseconds since 1970-01-01 00:00 UTC. The date: "2023-11-16",
 * "2023/11/16", "20231116", of a week "2023-W46-4" or "2023W464", of a year "2023-320" or "2023320".
 * The time, after 'T' or one blank: "18:15:46.680590012", "18:15:46,68", "18:15", "18", "181546.5",
 * "1815", the last part with decimals after a point or a comma; then 'Z', "UTC", "GMT", "+01:00",
 * "+0100" or "+01", without which it is UTC. A date alone is its midnight, as is 24:00 of the day
 * before; a second 60 is the next minute's first. 't' and 'z' are letters too. The proleptic
 * Gregorian calendar; -2 outside 1677-09-21 .. 2262-04-11, where 64 bits end. */
int mt_csv_date_time(const char *text, size_t length, int64_t *nanoseconds);

#endif
