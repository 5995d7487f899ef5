// What the agent in the guest needs beyond clinux.h.
#ifndef CLINUX_GUEST_H
#define CLINUX_GUEST_H

#include "clinux.h"

// A stream to `port` of the host over the virtio socket. Buffers count before connect(2) only:
// what the peer may send is announced there. Returns the descriptor, or -1 with errno.
static inline int clinux_connect_vsock(unsigned int cid, unsigned int port, uint64_t buffer,
                                       int timeout_seconds) {
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
    struct timeval limit = {.tv_sec = timeout_seconds};
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &buffer, sizeof buffer) < 0 ||
        setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &buffer, sizeof buffer) < 0 ||
        setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof limit) < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

#endif
