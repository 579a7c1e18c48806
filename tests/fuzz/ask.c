/* A fuzz target in libFuzzer's shape: what a request asks of the mock is read or refused with a
 * message, whatever its body is.
 *   clang -std=c11 -D_DEFAULT_SOURCE -Icore -fsanitize=fuzzer,address,undefined -o fuzz-ask \
 *     tests/fuzz/ask.c core/drive/mock/{ask,dialect,frame,native,openai,providers}.c \
 *     core/text/{decimal,json,json_items}.c core/base/{error,memory,utf8}.c
 * Its seeds are in tests/fuzz/ask. */
#include "drive/mock/ask.h"

#include "drive/mock/mock.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition) {
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mt_ask_tokens tokens;
    char *body = malloc(size + 1);
    check(body != NULL);
    memcpy(body, size ? (const void *)data : "", size);
    static const char *const dialects[] = {"vllm",   "vllm",     "tgi",    "ollama",
                                           "ollama", "llamacpp", "sglang", "triton",
                                           "vllm",   "openai",   "gemini"};
    static const char *const paths[] = {"/v1/completions",
                                        "/v1/chat/completions",
                                        "/generate_stream",
                                        "/api/chat",
                                        "/api/generate",
                                        "/completion",
                                        "/generate",
                                        "/v2/models/m/generate",
                                        "/v1/messages",
                                        "/v1/responses",
                                        "/v1beta/models/m:generateContent"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        mt_ask ask;
        mt_error error = {0};
        mt_span path = {paths[i], strlen(paths[i])}, model;
        const mt_api *api = mt_api_at(mt_dialect_by_name(dialects[i]), path, &model);
        check(api != NULL);
        mt_code code = mt_ask_read((mt_span){body, size}, api, &ask, &tokens, &error);
        check(code == MT_OK || (code == MT_ERROR_INPUT && error.message[0]));
        if (code != MT_OK)
            continue;
        check(ask.prompt_tokens == tokens.count && tokens.count > 0 && ask.most_tokens > 0);
        check(ask.least_tokens <= ask.most_tokens && ask.model.length <= size);
        check(tokens.count <= size * MT_MOCK_MESSAGE_TOKENS + MT_MOCK_CHAT_TOKENS);
    }
    free(body);
    return 0;
}
