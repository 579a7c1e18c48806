#include "base/interrupt.h"

volatile sig_atomic_t mt_interrupt_flag = 0;
volatile sig_atomic_t mt_interrupt_is_final = 0;
volatile sig_atomic_t mt_interrupt_is_late = 0;
volatile sig_atomic_t mt_interrupt_patience = MT_PATIENCE_OF_COMMAND;
volatile sig_atomic_t mt_interrupt_is_borne;
