/* OpenAI's embeddings: POST /v1/embeddings with an input of a text or token ids, one a request. The answer comes as
 * a whole after the time to the first token, with the prompt's tokens as its usage; it has none of its own. */
#include "drive/mock/api.h"

enum { USUAL_NUMBERS = 8 }; /* nobody measures by what they are */

static void say_answer(mt_bytes *out, const mt_answer_text *text) {
    mt_bytes_text(out, "{\"object\":\"list\",\"data\":[");
    if (text->output_tokens > 0) {
        mt_bytes_text(out, "{\"object\":\"embedding\",\"index\":0,\"embedding\":[");
        for (uint64_t i = 0; i < USUAL_NUMBERS;
             i++) /* of -0.5 to 0.4999, the same for the same request */
            mt_bytes_format(out, "%s%.4f", i > 0 ? "," : "",
                            (double)(mt_say_word(text, i) % 10000) / 1e4 - 0.5);
        mt_bytes_text(out, "]}");
    }
    mt_bytes_format(out,
                    "],\"model\":\"%.*s\",\"usage\":{\"prompt_tokens\":", (int)text->model.length,
                    text->model.text);
    mt_bytes_number(out, text->prompt_tokens);
    mt_bytes_text(out, ",\"total_tokens\":");
    mt_bytes_number(out, text->prompt_tokens);
    mt_bytes_text(out, "}}");
}

static const mt_member members[] = {{"input", MT_MEMBER_PROMPT},
                                    {"model", MT_MEMBER_MODEL},
                                    {"encoding_format", MT_MEMBER_IGNORED},
                                    {"dimensions", MT_MEMBER_IGNORED},
                                    {"user", MT_MEMBER_IGNORED},
                                    {NULL, 0}};

const mt_api mt_api_embeddings = {.path = "/v1/embeddings",
                                  .members = members,
                                  .usual_tokens = 1, /* as long as nothing comes after the first */
                                  .streams = MT_STREAMS_NEVER,
                                  .say_answer = say_answer};
