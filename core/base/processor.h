/* What the processor can do beyond what all of its kind can. */
#ifndef MT_BASE_PROCESSOR_H
#define MT_BASE_PROCESSOR_H

/* AVX2, BMI, LZCNT and POPCNT, of x86, and the system keeps their registers? */
int mt_processor_has_avx2(void);

#endif
