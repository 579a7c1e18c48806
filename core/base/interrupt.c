#include "base/interrupt.h"

mt_signal_count mt_interrupt_flag = 0;
mt_signal_count mt_interrupt_is_final = 0;
mt_signal_count mt_interrupt_is_late = 0;
mt_signal_count mt_interrupt_patience = MT_PATIENCE_OF_COMMAND;
mt_signal_count mt_interrupt_is_borne;
