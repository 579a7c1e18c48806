/* How many files and connections this process may have open at once. */
#ifndef MT_BASE_DESCRIPTORS_H
#define MT_BASE_DESCRIPTORS_H

/* Raises the limit as far as it goes without privileges; returns it, INT32_MAX where there is none.
 */
int mt_descriptors_raise(void);

#endif
