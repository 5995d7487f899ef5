// Memory shared with a guest, which may write it at any time.
#ifndef CLINUX_RING_H
#define CLINUX_RING_H

#include "clinux.h"

static inline uint64_t clinux_load_u64(const void *p) {
    return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
}
static inline void clinux_store_u64(void *p, uint64_t v) {
    __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELAXED);
}
// A copy that is made once: the barrier keeps the compiler from reading `source` again later.
static inline void clinux_copy_once(void *target, const void *source, size_t size) {
    memcpy(target, source, size);
    __asm__ volatile("" ::: "memory");
}

#endif
