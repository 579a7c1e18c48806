/* What the text of a CSV field says: a number, a whole number, a time. Strict and independent of
 * the locale; blanks around the value are passed over. Nothing here allocates.
 *
 * Each returns 0, or -1 when the text is not of that kind, or -2 when the value is out of range;
 * then *value is as it was. */
#ifndef MT_TEXT_CSV_FIELD_H
#define MT_TEXT_CSV_FIELD_H

#include <stddef.h>
#include <stdint.h>

/* A decimal number: a sign or none, digits with a point or without, an exponent or none ("12",
 * "-0.5", "+.5", "5.", "1e-3"); no hexadecimal, no infinity, no grouping of digits. The nearest
 * double; -2 where that is infinite. */
int mt_csv_number(const char *text, size_t length, double *value);

/* A whole number of 64 bits, exactly; "5.0" is one too, as programs write that know only floats. */
int mt_csv_integer(const char *text, size_t length, int64_t *value);

/* A number, written as in JSON, of units of which 10^digits nanoseconds are one (9: seconds, 6:
 * milliseconds), as nanoseconds: exact, further digits rounded half away from zero. */
int mt_csv_nanoseconds(const char *text, size_t length, int digits, int64_t *nanoseconds);

/* A date and time by ISO 8601 as nanoseconds since 1970-01-01 00:00 UTC: "2023-11-16",
 * "2023-11-16 18:15", "2023-11-16T18:15:46.680590012Z", "2023-11-16 18:15:46+01:00". Between date
 * and time stands 'T' or one blank; without a zone ('Z', "UTC", "+hh:mm", "+hhmm", "+hh") it is
 * UTC. A second 60 is the next minute's first. The proleptic Gregorian calendar; -2 outside
 * 1677-09-21 .. 2262-04-11, where 64 bits end. */
int mt_csv_date_time(const char *text, size_t length, int64_t *nanoseconds);

#endif
