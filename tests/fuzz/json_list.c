/* A fuzz target: the objects of a list are the same when they are written as another list, and as
 * lines without one; each begins where it is said to.
 * What is in an object is not looked at there but for strings and depth: it may end in ']'. */
#include "fuzz.h"

#include "base/memory.h"
#include "text/json_list.h"

typedef struct objects {
    char *bytes; /* one after another, a comma or line end after each */
    size_t length, count;
} objects;

static int read_all(const void *data, size_t size, char between, objects *all) {
    mt_error error = {0};
    int file = file_of(data, size), status;
    mt_input *input = mt_input_open(path_of(file), &error);
    mt_json_list list = {.input = input, .what = "thing"};
    check(input != NULL);
    while ((status = mt_json_list_next(&list, &error)) > 0) {
        uint64_t line, column;
        check(list.text_length >= 2 && list.text[0] == '{');
        mt_json_list_locate(&list, list.text, &line, &column);
        check(line == list.text_line && column == list.text_column + 1);
        memcpy(all->bytes + all->length, list.text, list.text_length);
        all->length += list.text_length;
        all->bytes[all->length++] = between;
        all->count++;
    }
    check(status == 0 || (error.code == MT_ERROR_INPUT && error.message[0]));
    mt_json_list_free(&list);
    mt_input_close(input);
    close(file);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *bytes = malloc(4 * size + 64);
    check(bytes != NULL);
    for (int is_list = 0; is_list < 2; is_list++) {
        objects first = {bytes + 1, 0, 0}, again = {bytes + 2 * size + 32, 0, 0};
        read_all(data, size, is_list ? ',' : '\n', &first);
        if (first.count == 0)
            break;
        bytes[0] = is_list ? '[' : ' ';
        char last = first.bytes[first.length - 1];
        first.bytes[first.length - 1] = is_list ? ']' : '\n';
        check(read_all(bytes, first.length + 1, last, &again) == 0);
        first.bytes[first.length - 1] = last;
        check(again.count == first.count && again.length == first.length &&
              memcmp(first.bytes, again.bytes, first.length) == 0);
    }
    free(bytes);
    return 0;
}
