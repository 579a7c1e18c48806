#include "drive/clock.h"

#include <sys/timex.h>

int mt_clock_look(mt_clock_state *state) {
    static const int64_t microsecond_ns = 1000;
    struct timex kernel = {.modes = 0};
    int status = adjtimex(&kernel);
    *state = (mt_clock_state){0};
    if (status < 0)
        return -1;
    state->is_synchronised = status != TIME_ERROR && !(kernel.status & STA_UNSYNC);
    state->offset_ns = kernel.status & STA_NANO ? kernel.offset : kernel.offset * microsecond_ns;
    state->max_error_ns = kernel.maxerror * microsecond_ns;
    state->estimated_error_ns = kernel.esterror * microsecond_ns;
    return 0;
}
