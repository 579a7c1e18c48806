/* Threads that scan ahead of a reader: what they give is what one reads alone, line by line, in the same order. */
#include "file_support.h"
#include "sweep.h"
#include "thread_support.h"

#include "base/memory.h"
#include "trace/source/scanners.h"
#include "trace/source/source.h"
#include "trace/writer.h"

enum { SIZE = 3 << 20, BEGINNING = 100000, MOST_LINES = 100000 };

static char text[SIZE + (3 << 20)];
static uint64_t alone[MOST_LINES], together[MOST_LINES];

/* ---- files ---- */

static uint64_t random_state;

static unsigned draw(unsigned below) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

static size_t add_ids(char *to, unsigned count, int is_spaced) {
    size_t length = (size_t)sprintf(to, "\"hash_ids\": [");
    for (unsigned i = 0; i < count; i++) {
        uint64_t id = draw(50) == 0 ? UINT64_MAX - draw(1000) : draw(100000);
        length += (size_t)sprintf(to + length,
                                  i == 0      ? "%llu"
                                  : is_spaced ? ", %llu"
                                              : ",%llu",
                                  (unsigned long long)id);
    }
    to[length++] = ']';
    return length;
}

/* One line of any kind, with its end. */
static size_t add_line(char *to, unsigned longest) {
    static const char *const others[] = {
        "\n",
        " \t\r\n",
        "\r\n",
        "junk\n",
        "{\"timestamp\": -1}\n",
        "{\"timestamp\": 1, \"timestamp\": 2}\n",
        "\xEF\xBB\xBF{\"timestamp\": 1}\n",
        "{\"session_id\": \"a\\u0062c\", \"stream\": \"x\\ty\", \"delay\": 1.5}\r\n",
        "{\"a\": 1, \"timestamp\": 7, \"b\": [1, {\"c\": null}], \"input_length\": 5, \"d\": "
        "\"e\"}\n",
        "{\"session_id\": 17, \"delay\": 3, \"created_time\": 2.25, \"output_tokens\": 9}\n",
        "{\"hash_ids\": []}\n",
        "{}\n"};
    unsigned kind = draw(60);
    if (((kind >= 3 && kind <= 5) || kind == 20) && draw(50) > 0)
        kind = 59; /* bad lines are few: at one a thread stops */
    if (kind < sizeof others / sizeof *others) {
        size_t length = strlen(others[kind]);
        memcpy(to, others[kind], length);
        return length;
    }
    if (kind == 20) { /* a NUL */
        memcpy(to, "{\"a\": \0}\n", 9);
        return 9;
    }
    size_t length = (size_t)sprintf(to, "{\"timestamp\": %u, \"input_length\": %u, ", draw(1000000),
                                    draw(9999));
    unsigned count = kind == 21 && draw(30) == 0 ? draw(longest) : draw(60);
    length += add_ids(to + length, count, kind % 2 == 0);
    length += (size_t)sprintf(to + length, kind % 3 == 0 ? ", \"x\": \"%u\"}\n" : "}\n", draw(100));
    return length;
}

/* Of at least `size` bytes; its length. */
static size_t make_text(size_t size, unsigned longest, uint64_t seed) {
    size_t length = 0;
    random_state = seed;
    while (length < size)
        length += add_line(text + length, longest);
    return length;
}

/* ---- reading ---- */

static uint64_t mix(uint64_t sum, const void *bytes, size_t length) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ at[i]) * 1099511628211u;
    return (sum ^ length) * 1099511628211u;
}

static uint64_t mix_span(uint64_t sum, mt_span span) {
    return mix(sum, span.text ? span.text : "", span.length);
}

/* Requests are looked at as they are written, for those that are scanned ahead leave ids as text. */
static int leaves_ids;

static uint64_t sum_of_written(const mt_request *r) {
    static char written[SIZE * 2];
    const mt_trace_format format = {.timestamp_digits = 6};
    assert_true(mt_request_bound(r, &format) <= sizeof written);
    return mix(r->line, written, (size_t)(mt_request_write(r, &format, written) - written));
}

static uint64_t sum_of_request(const mt_request *r) {
    if (leaves_ids)
        return sum_of_written(r);
    uint64_t numbers[] = {
        r->has,          r->line,          (uint64_t)r->time_ns, (uint64_t)r->delay_ns,
        r->input_length, r->output_length, r->hash_count,        r->turn,
        r->place};
    uint64_t sum = mix(14695981039346656037u, numbers, sizeof numbers);
    if (r->hash_count > 0)
        sum = mix(sum, r->hash_ids, r->hash_count * sizeof *r->hash_ids);
    if (r->ids_text.text.length > 0) {
        assert_ptr_equal(r->ids_text.ids, r->hash_ids);
        assert_int_equal(r->ids_text.count, r->hash_count);
    }
    sum = mix_span(mix_span(sum, r->ids_text.text), r->session);
    return mix_span(mix_span(sum, r->stream), r->extra);
}

/* Of a line that nobody has scanned: as a request, as what is wrong with it, or as a blank one. */
static uint64_t sum_of_line(const mt_line *line, mt_scan_buffer *buffer) {
    mt_request request;
    mt_error error = {0};
    assert_int_equal(line->text[line->length], '\n');
    if (mt_line_is_blank(line))
        return 0;
    if (mt_scan_request(line->text, line->length, buffer, &request, &error) != MT_OK)
        return mix(line->number, error.message, strlen(error.message)) ^ error.column ^
               (uint64_t)line->terminated;
    request.line = line->number;
    return sum_of_request(&request);
}

/* Blank lines say nothing. */
static size_t add(uint64_t *sums, size_t count, uint64_t sum) {
    assert_true(count < MOST_LINES);
    sums[count] = sum;
    return count + (sum != 0);
}

/* Reads the file's beginning alone: *count of what is no blank line; returns how many lines it has. */
static uint64_t read_beginning(mt_input *input, uint64_t *sums, size_t *count,
                               mt_scan_buffer *buffer) {
    size_t bytes = 0;
    mt_line line;
    for (*count = 0; bytes < BEGINNING; bytes += line.length + 1) {
        assert_int_equal(mt_input_line(input, &line, NULL), 1);
        *count = add(sums, *count, sum_of_line(&line, buffer));
    }
    return line.number;
}

static size_t read_rest(mt_input *input, uint64_t *sums, size_t count, mt_scan_buffer *buffer) {
    mt_line line;
    int status;
    while ((status = mt_input_line(input, &line, NULL)) == 1)
        count = add(sums, count, sum_of_line(&line, buffer));
    assert_int_equal(status, 0);
    return count;
}

static size_t read_alone(const char *path) {
    mt_scan_buffer buffer = {0};
    mt_input *input = mt_input_open(path, NULL);
    size_t count = read_rest(input, alone, 0, &buffer);
    mt_input_close(input);
    mt_scan_buffer_free(&buffer);
    return count;
}

/* With so many threads; *scanned: requests that were scanned ahead. */
static size_t read_together(const char *path, int threads, int64_t patience_ns, size_t *scanned) {
    mt_scan_buffer buffer = {0};
    mt_input *input = mt_input_open(path, NULL);
    size_t count;
    uint64_t lines = read_beginning(input, together, &count, &buffer);
    mt_scanners_options options = {threads, patience_ns, lines, MT_UNIT_MILLISECONDS, leaves_ids};
    mt_scanners *scanners = mt_scanners_new(input, &options);
    mt_line line;
    mt_request request;
    int status;
    assert_non_null(scanners);
    for (*scanned = 0; (status = mt_scanners_next(scanners, &line, &request, NULL)) > 0;)
        if (status == MT_SCANNED) {
            ++*scanned;
            count = add(together, count, sum_of_request(&request));
        } else {
            count = add(together, count, sum_of_line(&line, &buffer));
        }
    assert_int_equal(status, 0);
    assert_int_equal(mt_scanners_end(scanners, input, NULL), 0);
    count = read_rest(input, together, count, &buffer);
    mt_input_close(input);
    mt_scan_buffer_free(&buffer);
    return count;
}

static size_t compare(const char *path, int threads, int64_t patience_ns) {
    size_t scanned, count = read_alone(path);
    assert_int_equal(read_together(path, threads, patience_ns, &scanned), count);
    for (size_t i = 0; i < count; i++)
        if (alone[i] != together[i])
            fail_msg("%d threads: line or request %d is another one", threads, (int)i);
    return scanned;
}

/* With one thread, which on a busy machine may come too late: again and again until it has scanned more than `least`. */
static void compare_helped(const char *path, size_t least) {
    size_t scanned = 0;
    for (int i = 0; i < 300 && scanned <= least; i++)
        scanned = compare(path, 1, INT64_MAX);
    assert_true(scanned > least);
}

/* ---- tests ---- */

/* Lines of any kind, also some that are longer than a block, and than most: from there on there are no threads. */
static void test_any_lines(void **state) {
    static const unsigned longest[] = {60, 20000, 60000, 300000};
    const char *path = in_folder(state, "in.jsonl");
    size_t scanned = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        size_t length = make_text(SIZE, longest[seed % 4], seed);
        if (seed % 2)
            length -= 1 + draw(20); /* it is cut */
        write_file(path, text, length);
        for (int threads = 1; threads <= 3; threads++)
            scanned += compare(path, threads, INT64_MAX);
    }
    assert_true(scanned > 10000);
}

/* The same lines, whose ids are left as text where they may be; the others' are kept beside them. */
static void test_ids_left_as_text(void **state) {
    const char *path = in_folder(state, "in.jsonl");
    size_t scanned = 0;
    leaves_ids = 1;
    for (uint64_t seed = 21; seed <= 22; seed++) {
        write_file(path, text, make_text(SIZE, seed % 2 ? 60 : 20000, seed));
        for (int threads = 1; threads <= 2; threads++)
            scanned += compare(path, threads, INT64_MAX);
    }
    leaves_ids = 0;
    assert_true(scanned > 2000);
}

/* A block that begins with a line, ends with one, and in which none begins. */
static void test_edges_of_blocks(void **state) {
    const char *path = in_folder(state, "in.jsonl");
    for (size_t length = 4095; length <= 4097; length++) {
        for (size_t i = 0; i < SIZE; i++) {
            size_t at = i % length;
            text[i] = at == 0 ? '{' : at == length - 1 ? '\n' : at == length - 2 ? '}' : ' ';
        }
        write_file(path, text, SIZE);
        compare_helped(path, 0);
    }
    for (size_t i = 0; i < SIZE; i++)
        text[i] = i % 300000 == 200000 ? '\n' : ' ';
    write_file(path, text, SIZE);
    compare(path, 2, INT64_MAX);
    memset(text, '\n', SIZE);
    write_file(path, text, SIZE);
    assert_int_equal(compare(path, 2, INT64_MAX), 0); /* blank lines */
}

/* Slow readers are left alone; what they read is the same. */
static void test_rests(void **state) {
    const char *path = in_folder(state, "in.jsonl");
    write_file(path, text, make_text(SIZE, 60, 9));
    compare_helped(path, compare(path, 1, -1));
}

/* Left at any place the threads end; the process has no more than three, and a file that is small, or not
 * plain, none. */
static void test_left(void **state) {
    enum { FILES = 5 };
    const char *path = in_folder(state, "in.jsonl");
    write_file(path, text, make_text(SIZE, 60, 10));
    int before = count_threads();
    for (size_t most = 0; most < 8000; most = 2 * most + 1) {
        mt_input *inputs[FILES];
        mt_scanners *all[FILES];
        mt_scan_buffer buffer = {0};
        size_t count;
        int with = 0;
        for (int i = 0; i < FILES; i++) {
            mt_scanners_options options = {2, INT64_MAX, 0, MT_UNIT_MILLISECONDS, 0};
            inputs[i] = mt_input_open(path, NULL);
            assert_null(mt_scanners_new(inputs[i], &options)); /* nothing was read of it */
            read_beginning(inputs[i], together, &count, &buffer);
            all[i] = mt_scanners_new(inputs[i], &options);
            mt_line line;
            mt_request request;
            for (size_t n = 0; all[i] && n < most; n++)
                assert_true(mt_scanners_next(all[i], &line, &request, NULL) > 0);
            with += all[i] != NULL;
        }
        assert_int_equal(with, 2); /* of two threads and of one */
        for (int i = 0; i < FILES; i++) {
            mt_scanners_free(all[i]);
            mt_input_close(inputs[i]);
        }
        mt_scan_buffer_free(&buffer);
    }
    for (int i = 0; i < 10000 && count_threads() != before; i++)
        usleep(1000); /* one that was joined may be seen for a moment longer */
    assert_int_equal(count_threads(), before);
}

/* As long as it is out the reader goes on alone, or the rest is his. */
static void test_memory_runs_out(void **state) {
    const char *path = in_folder(state, "in.jsonl");
    write_file(path, text, make_text(SIZE / 4, 60, 11));
    size_t count = read_alone(path);
    for (uint64_t n = 1; n < 30; n++) {
        mt_scan_buffer buffer = {0};
        mt_input *input = mt_input_open(path, NULL);
        size_t got;
        uint64_t lines = read_beginning(input, together, &got, &buffer);
        mt_scanners_options options = {1, INT64_MAX, lines, MT_UNIT_MILLISECONDS, 0};
        mt_memory_fail_at(n, n % 2 == 0);
        mt_scanners *scanners = mt_scanners_new(input, &options);
        mt_line line;
        mt_request request;
        int status;
        while (scanners && (status = mt_scanners_next(scanners, &line, &request, NULL)) > 0) {
            if (status != MT_SCANNED)
                mt_memory_fail_at(0, 0);
            got =
                add(together, got,
                    status == MT_SCANNED ? sum_of_request(&request) : sum_of_line(&line, &buffer));
        }
        mt_memory_fail_at(0, 0);
        if (scanners)
            assert_int_equal(mt_scanners_end(scanners, input, NULL), 0);
        got = read_rest(input, together, got, &buffer);
        assert_int_equal(got, count);
        assert_memory_equal(alone, together, count * sizeof *alone);
        mt_input_close(input);
        mt_scan_buffer_free(&buffer);
    }
}

/* A whole source, of a file that is large enough: bad lines far behind are told, or counted, as ever. */
static void test_source(void **state) {
    enum { LINES = 400000, BAD = 333333 };
    const char *path = in_folder(state, "in.jsonl");
    for (int skips = 0; skips <= 1; skips++) {
        FILE *file = fopen(path, "wb");
        for (int i = 1; i <= LINES; i++)
            fprintf(file,
                    i % BAD == 0 ? "{\"timestamp\": %d, \"delay\": -1}\n"
                                 : "{\"timestamp\": %d, \"input_length\": 10, \"delay\": 1}\n",
                    i);
        fputs("{\"timest", file);
        assert_int_equal(fclose(file), 0);
        mt_source *source = mt_source_open(path, skips, NULL);
        mt_request request;
        mt_error error = {0}, first;
        int expected = 1, status;
        while ((status = mt_source_next(source, &request, &error)) == 1) {
            expected += skips && expected == BAD;
            assert_int_equal(request.time_ns, 1000000 * (int64_t)expected);
            assert_int_equal(request.line, expected++);
        }
        if (skips) {
            assert_int_equal(status, 0);
            assert_int_equal(mt_source_next(source, &request, &error), 0);
            assert_int_equal(expected, LINES + 1);
            assert_int_equal(mt_source_skipped(source, &first), 2);
        } else {
            assert_int_equal(status, -1);
            assert_int_equal(expected, BAD);
            first = error;
        }
        assert_int_equal(first.code, MT_ERROR_INPUT);
        assert_int_equal(first.line, BAD);
        assert_int_equal(first.column, 32);
        assert_string_equal(first.source, path);
        mt_source_free(source);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_any_lines),
        WITH_FOLDER(test_ids_left_as_text),
        WITH_FOLDER(test_edges_of_blocks),
        WITH_FOLDER(test_rests),
        WITH_FOLDER(test_left),
        WITH_FOLDER(test_source),
        WITH_FOLDER(test_memory_runs_out),
    };
    return cmocka_run_group_tests_name("scanners", tests, NULL, NULL);
}
