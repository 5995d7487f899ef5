// What Swift cannot call of epoll and of socket addresses.
#ifndef CLINUX_IO_H
#define CLINUX_IO_H

#include "clinux.h"

// struct epoll_event holds a union: one token and one set of bits each, packed for Swift.
struct clinux_epoll_event { uint64_t token; uint32_t events; };
static inline int clinux_epoll_ctl(int epoll, int operation, int fd, uint32_t events,
                                   uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, operation, fd, &event);
}
static inline int clinux_epoll_wait(int epoll, struct clinux_epoll_event *result, int capacity,
                                    int milliseconds) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, capacity < 64 ? capacity : 64, milliseconds);
    for (int i = 0; i < count; i++)
        result[i] = (struct clinux_epoll_event){events[i].data.u64, events[i].events};
    return count;
}

// Socket addresses are transparent unions in glibc's headers, which Swift does not see through.
static inline int clinux_unix_address(struct sockaddr_un *address, const char *path) {
    if (strlen(path) >= sizeof address->sun_path) { errno = ENAMETOOLONG; return -1; }
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    strcpy(address->sun_path, path);
    return 0;
}
static inline int clinux_bind_unix(int socket, const char *path) {
    struct sockaddr_un address;
    if (clinux_unix_address(&address, path) < 0) return -1;
    return bind(socket, (const struct sockaddr *)&address, sizeof address);
}
static inline int clinux_connect_unix(int socket, const char *path) {
    struct sockaddr_un address;
    if (clinux_unix_address(&address, path) < 0) return -1;
    return connect(socket, (const struct sockaddr *)&address, sizeof address);
}
static inline int clinux_accept(int socket) {
    return accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

#endif
