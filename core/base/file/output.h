/* Writing files so that a failed run loses nothing.
 *
 * A regular target (or one that does not exist yet) is written to another file in the same folder,
 * which takes its place when it is whole: its mode is kept, a symlink's target is replaced, there
 * is no fsync. That file has no name (O_TMPFILE), so that nothing is left of a process that is
 * killed; where the system has no such files it is called ".TARGET.moontide-PROCESS-NUMBER". A
 * target that exists and is not a regular file (device, pipe) is written directly, for a rename
 * would turn it into a file; so is what names an open descriptor (/dev/stdout, /dev/fd/3), which is
 * duplicated rather than opened. "-" is standard output. A name that says so (base/file/compression.h)
 * is compressed. Of a regular file that is not small a thread compresses and writes one block while
 * the caller fills the next, where there is a second processor: the same bytes. Write errors of
 * buffered bytes appear at a later call, at the latest at mt_output_finish; after one, all further
 * calls that write fail: the file cannot become whole any more. */
#ifndef MT_BASE_FILE_OUTPUT_H
#define MT_BASE_FILE_OUTPUT_H

#include "base/error.h"

typedef struct mt_output mt_output;

/* Opens path; nothing of an existing file is touched yet. NULL on failure. */
mt_output *mt_output_open(const char *path, mt_error *error);

/* At least `bytes` writable bytes at the end of the buffer, or NULL on failure. Fill some of them
 * and hand them over with mt_output_advance. */
char *mt_output_room(mt_output *output, size_t bytes, mt_error *error);

/* Appends the first `bytes` of the room just asked for. */
void mt_output_advance(mt_output *output, size_t bytes);

/* Appends bytes. */
mt_code mt_output_write(mt_output *output, const void *data, size_t bytes, mt_error *error);

/* Hands all buffered bytes to the system (for a pipe's reader to see them). */
mt_code mt_output_flush(mt_output *output, mt_error *error);

/* Flushes, closes, renames into place, frees. On failure the temporary file is removed, the old
 * file is as it was, and output is freed all the same. */
mt_code mt_output_finish(mt_output *output, mt_error *error);

/* What was written so far becomes "TARGET.part" (a regular target; else it is just flushed); frees.
 * The caller sees to it that only whole records were written. After a write error: the lines
 * that are whole in the file, where it is not compressed and there are any. */
mt_code mt_output_finish_part(mt_output *output, mt_error *error);

/* Removes the temporary file and frees; the old file is as it was. NULL is allowed. */
void mt_output_abandon(mt_output *output);

/* The target's name as given; "standard output" for "-". */
const char *mt_output_name(const mt_output *output);

/* The file that mt_output_finish replaces and beside which mt_output_finish_part leaves
 * "TARGET.part": the name given, symlinks followed. NULL when the target is written directly. */
const char *mt_output_target(const mt_output *output);

/* What is being written gets the name that mt_output_finish_part would give it at once,
 * "TARGET.part", in place of a file that has it: what was flushed stays there when the process is
 * killed. It still becomes the target at the end, or is removed where it is abandoned. Where another
 * process that is still there writes "TARGET.part" in this way, it fails. Nothing happens to what is
 * written directly. */
mt_code mt_output_show_part(mt_output *output, mt_error *error);

/* Would writing to `path` replace the file that is read as `input`, or write into it, whatever their
 * names? 1 when both are the same regular file. path "-" is standard output, input "-" standard input. */
int mt_output_replaces(const char *path, const char *input);

/* Bytes written so far, before compression. */
uint64_t mt_output_bytes(const mt_output *output);

/* Removes the temporary files of all open outputs; async-signal-safe, for a second Ctrl-C. */
void mt_output_remove_temporaries(void);

/* Removes the ".part" files that an interrupted run has left and of which its user was not told yet;
 * async-signal-safe, for a second Ctrl-C that comes before that. */
void mt_output_remove_untold(void);

/* The user knows of them: they stay. */
void mt_output_parts_are_told(void);

/* Does a thread write? Not before the first 1 MiB. */
int mt_output_is_ahead(const mt_output *output);

#endif
