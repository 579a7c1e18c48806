#include "text/foreign_data.h"

#include <string.h>

/* What Git keeps instead of a large file. */
#define LFS "version https://git-lfs.github.com/spec/"

typedef struct mark {
    const char *bytes;
    size_t length;
    const char *hint;
} mark;

static const mark marks[] = {
    {"\x1F\x8B", 2,
     "this is gzip data: it is decompressed where the file's name ends in .gz, and 'zcat' does it "
     "for standard input"},
    {"\x28\xB5\x2F\xFD", 4,
     "this is zstd data: it is decompressed where the file's name ends in .zst, and 'zstdcat' does "
     "it for standard input"},
    {"\xFD"
     "7zXZ",
     5, "this is xz data: 'xzcat' decompresses it"},
    {"PK\x03\x04", 4, "this is a zip archive: 'unzip -p' prints what is in it"},
    {"PAR1", 4, "this is a Parquet file, which has to be made a CSV first"},
    {LFS, sizeof LFS - 1,
     "this is a Git LFS pointer, which only says where the file is: 'git lfs pull' fetches it"},
    {"\xFF\xFE", 2, "this is UTF-16, which has to be made UTF-8 first"},
    {"\xFE\xFF", 2, "this is UTF-16, which has to be made UTF-8 first"},
};

const char *mt_foreign_data(const char *text, size_t length) {
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (length >= marks[i].length && memcmp(text, marks[i].bytes, marks[i].length) == 0)
            return marks[i].hint;
    /* Without its mark: every other byte of ASCII is 0. */
    int is_little = length >= 4 && text[0] && !text[1] && text[2] && !text[3];
    int is_big = length >= 4 && !text[0] && text[1] && !text[2] && text[3];
    return is_little || is_big ? "this is UTF-16, which has to be made UTF-8 first" : NULL;
}

mt_code mt_check_text(mt_input *input, mt_error *error) {
    const char *text;
    size_t length;
    if (mt_input_peek(input, &text, &length, error) < 0)
        return mt_code_of(error);
    const char *foreign = mt_foreign_data(text, length);
    if (!foreign)
        return MT_OK;
    return mt_fail_at(error, MT_ERROR_INPUT, mt_input_name(input), 1, 0, "%s", foreign);
}
