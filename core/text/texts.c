#include "text/texts.h"

#include "base/assert.h"
#include "base/memory.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

mt_span mt_texts_get(const mt_texts *texts, uint32_t number) {
    mt_assert(number < texts->count);
    size_t begin = number == 0 ? 0 : (size_t)texts->ends[number - 1];
    return (mt_span){texts->bytes + begin, (size_t)texts->ends[number] - begin};
}

/* The slot of the text, or the free one where it belongs. */
static size_t find_slot(const mt_texts *texts, const char *text, size_t length) {
    mt_assert(texts->slot_count >= 2 * texts->count); /* there is a free one */
    size_t slot = (size_t)XXH3_64bits(text, length) & (texts->slot_count - 1);
    while (texts->slots[slot] != 0) {
        mt_span known = mt_texts_get(texts, texts->slots[slot] - 1);
        if (known.length == length && (length == 0 || memcmp(known.text, text, length) == 0))
            return slot;
        slot = (slot + 1) & (texts->slot_count - 1);
    }
    return slot;
}

static void fill_slots(mt_texts *texts) {
    for (size_t i = 0; i < texts->count; i++) {
        mt_span text = mt_texts_get(texts, (uint32_t)i);
        texts->slots[find_slot(texts, text.text, text.length)] = (uint32_t)i + 1;
    }
}

static int grow_slots(mt_texts *texts) {
    size_t slot_count = texts->slot_count ? 2 * texts->slot_count : 16;
    uint32_t *slots = mt_allocate_zero(slot_count, sizeof *slots);
    if (!slots)
        return -1;
    mt_free(texts->slots);
    texts->slots = slots;
    texts->slot_count = slot_count;
    fill_slots(texts);
    return 0;
}

int mt_texts_intern(mt_texts *texts, const char *text, size_t length, uint32_t *number) {
    if (2 * (texts->count + 1) > texts->slot_count && grow_slots(texts) != 0)
        return -1;
    size_t slot = find_slot(texts, text, length);
    if (texts->slots[slot] != 0) {
        *number = texts->slots[slot] - 1;
        return 0;
    }
    if (texts->count >= UINT32_MAX - 1 ||
        /* One more than the texts take: also where all are empty there are bytes to begin in. */
        MT_GROW(texts->bytes, texts->byte_capacity, texts->byte_count + length + 1) != 0 ||
        MT_GROW(texts->ends, texts->end_capacity, texts->count + 1) != 0)
        return -1;
    if (length > 0)
        memcpy(texts->bytes + texts->byte_count, text, length);
    texts->byte_count += length;
    texts->ends[texts->count] = texts->byte_count;
    *number = (uint32_t)texts->count++;
    texts->slots[slot] = *number + 1;
    return 0;
}

void mt_texts_truncate(mt_texts *texts, size_t count) {
    if (count >= texts->count)
        return;
    texts->count = count;
    texts->byte_count = count == 0 ? 0 : (size_t)texts->ends[count - 1];
    memset(texts->slots, 0, texts->slot_count * sizeof *texts->slots);
    fill_slots(texts);
}

void mt_texts_free(mt_texts *texts) {
    mt_free(texts->bytes);
    mt_free(texts->ends);
    mt_free(texts->slots);
    *texts = (mt_texts){0};
}
