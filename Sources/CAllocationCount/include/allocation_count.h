// Counts what the process allocates: malloc and its kin, interposed, then passed on to glibc.
#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stdint.h>

// Allocations so far, of all threads that do not keep out of it.
uint64_t allocation_count(void);
// The calling thread's allocations are not counted from now on.
void allocation_count_except_this_thread(void);

#endif
