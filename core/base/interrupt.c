#include "base/interrupt.h"

volatile sig_atomic_t mt_interrupt_flag = 0;
