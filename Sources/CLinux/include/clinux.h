// Linux system interfaces that Swift's Glibc module does not show: what needs _GNU_SOURCE,
// what is a macro, and what is variadic. Inline functions only; nothing here has logic.
#ifndef CLINUX_H
#define CLINUX_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <dirent.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <linux/random.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/vm_sockets.h>

// errno is a macro.
static inline int clinux_errno(void) { return errno; }

// A global variable that C code may change.
static inline char **clinux_environ(void) { return environ; }

// SIG_IGN and SIG_DFL are macros with casts.
static inline void clinux_ignore_signal(int number) { signal(number, SIG_IGN); }
static inline void clinux_default_signal(int number) { signal(number, SIG_DFL); }

// open(2) is variadic.
static inline int clinux_open(const char *path, int flags, unsigned int mode) {
    return open(path, flags, mode);
}
static inline int clinux_openat(int dirfd, const char *path, int flags, unsigned int mode) {
    return openat(dirfd, path, flags, mode);
}

// openat2(2) has no glibc wrapper.
static inline int clinux_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode,
                                 uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

// getdents64(2): fills `buffer` with struct linux_dirent64 records.
static inline ssize_t clinux_getdents64(int fd, void *buffer, size_t size) {
    return syscall(SYS_getdents64, fd, buffer, size);
}

// Status of an open descriptor, O_PATH ones included (struct and function share the name statx).
static inline int clinux_statx_fd(int fd, struct statx *result) {
    return statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, result);
}

static inline int clinux_statx_at(int directory, const char *name, struct statx *result) {
    return statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, result);
}

static inline int clinux_init_module(const void *image, size_t size, const char *arguments) {
    return (int)syscall(SYS_init_module, image, size, arguments);
}

// pidfd_open(2), Linux 5.3.
static inline int clinux_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

static inline int clinux_gettid(void) { return (int)syscall(SYS_gettid); }

// The processor's time stamp counter; 0 where it has none that we know.
static inline uint64_t clinux_time_stamp(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

// prctl(2) is variadic.
static inline int clinux_prctl(int option, unsigned long argument) {
    return prctl(option, argument, 0, 0, 0);
}

static inline int clinux_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

// fcntl(2) and ioctl(2) are variadic.
static inline int clinux_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }
static inline int clinux_ioctl(int fd, unsigned long request, void *argument) {
    return ioctl(fd, request, argument);
}
static inline int clinux_ioctl_int(int fd, unsigned long request, long argument) {
    return ioctl(fd, request, argument);
}

// Macros around wait statuses.
static inline int clinux_wifexited(int status) { return WIFEXITED(status); }
static inline int clinux_wexitstatus(int status) { return WEXITSTATUS(status); }
static inline int clinux_wifsignaled(int status) { return WIFSIGNALED(status); }
static inline int clinux_wtermsig(int status) { return WTERMSIG(status); }

// Children that have ended and are left unreaped. siginfo_t holds a union.
// Any child's process id; 0 when there is none.
static inline int clinux_ended_child(void) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return 0;
    return info.si_pid;
}
// Whether one child has ended (or is no child at all).
static inline int clinux_has_ended(int pid) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid;
}

// Landlock (Linux 5.13), by number: Debian 12's headers end at ABI 3. struct landlock_ruleset_attr
// grew from 8 to 24 bytes; struct landlock_path_beneath_attr is packed.
static inline int clinux_landlock_abi(void) { return (int)syscall(444, NULL, 0, 1); }
static inline int clinux_landlock_ruleset(uint64_t files, uint64_t network, uint64_t scope,
                                          size_t size) {
    const uint64_t attributes[3] = {files, network, scope};
    return (int)syscall(444, attributes, size, 0);
}
static inline int clinux_landlock_allow_beneath(int ruleset, int folder, uint64_t access) {
    const struct __attribute__((packed)) {
        uint64_t access;
        int32_t folder;
    } rule = {access, folder};
    return (int)syscall(445, ruleset, 1, &rule, 0);
}
static inline int clinux_landlock_restrict_self(int ruleset) {
    return (int)syscall(446, ruleset, 0);
}

// Device numbers.
static inline unsigned int clinux_major(uint64_t device) { return major(device); }
static inline unsigned int clinux_minor(uint64_t device) { return minor(device); }
static inline uint64_t clinux_makedev(unsigned int ma, unsigned int mi) { return makedev(ma, mi); }

// ioctl numbers built from macros.
static const unsigned long CLINUX_FICLONE = FICLONE;
static const unsigned long CLINUX_FS_IOC_GETFLAGS = FS_IOC_GETFLAGS;
static const unsigned long CLINUX_FS_IOC_SETFLAGS = FS_IOC_SETFLAGS;
static const unsigned long CLINUX_BLKGETSIZE64 = BLKGETSIZE64;
static const unsigned long CLINUX_BLKRRPART = BLKRRPART;
static const unsigned long CLINUX_BLKFLSBUF = BLKFLSBUF;
static const unsigned long CLINUX_FITRIM = FITRIM;

// Feeds the kernel's random number generator with `size` bytes (at most 64) that count in full, and has it
// use them at once (random(4)).
static inline int clinux_add_entropy(int fd, const void *bytes, size_t size) {
    union { struct rand_pool_info info; unsigned char bytes[sizeof(struct rand_pool_info) + 64]; } pool;
    if (size > 64) { errno = EINVAL; return -1; }
    pool.info.entropy_count = (int)size * 8;
    pool.info.buf_size = (int)size;
    memcpy(pool.info.buf, bytes, size);
    int result = ioctl(fd, RNDADDENTROPY, &pool.info);
    return result < 0 ? result : ioctl(fd, RNDRESEEDCRNG);
}

// A macro with a shift: leaves a time of utimensat(2) as it is.
static const long CLINUX_UTIME_OMIT = UTIME_OMIT;

// One message with file descriptors beside it (SCM_RIGHTS). `*count` is the capacity of `fds` on
// entry, the number received on return. Descriptors past the capacity are closed.
static inline ssize_t clinux_recv_fds(int socket, void *buffer, size_t size, int *fds, int *count,
                                      int flags) {
    union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int) * 64)]; } control;
    struct iovec iov = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    int capacity = *count;
    *count = 0;
    ssize_t received = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    if (received < 0) return received;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
            if (*count < capacity) fds[(*count)++] = fd; else close(fd);
        }
    }
    return received;
}

static inline ssize_t clinux_send_fds(int socket, const void *buffer, size_t size, const int *fds,
                                      int count, int flags) {
    union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int) * 64)]; } control;
    struct iovec iov = {.iov_base = (void *)buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (count > 64) { errno = EINVAL; return -1; }
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
    }
    return sendmsg(socket, &message, flags | MSG_NOSIGNAL);
}

// Memory that a guest writes at the same time: one load or store each, with the ordering named.
static inline uint16_t clinux_load_acquire_u16(const void *p) {
    return __atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE);
}
static inline void clinux_store_release_u16(void *p, uint16_t v) {
    __atomic_store_n((uint16_t *)p, v, __ATOMIC_RELEASE);
}
static inline void clinux_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

// Listening sockets: address families differ in their structures only. Non-blocking, close-on-exec.
static inline int clinux_listen_at(int family, const void *address, unsigned int size, int backlog) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return fd;
    int one = 1;
    if (family != AF_VSOCK) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)address, size) < 0 || listen(fd, backlog) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

// TCP on a numeric IPv4 or IPv6 address; EINVAL for anything else.
static inline int clinux_listen_tcp(const char *host, uint16_t port, int backlog) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        return clinux_listen_at(AF_INET, &v4, sizeof v4, backlog);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        return clinux_listen_at(AF_INET6, &v6, sizeof v6, backlog);
    errno = EINVAL;
    return -1;
}

static inline int clinux_listen_vsock(uint32_t port, int backlog) {
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_port = port,
                                  .svm_cid = VMADDR_CID_ANY};
    return clinux_listen_at(AF_VSOCK, &address, sizeof address, backlog);
}

static inline int clinux_set_nodelay(int fd) {
    int one = 1;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// One byte at `offset`, without waiting for a disk: -1 with EAGAIN where it is not in memory, with
// EOPNOTSUPP where the file system cannot tell (preadv2(2), RWF_NOWAIT).
static inline ssize_t clinux_read_cached_byte(int fd, off_t offset) {
    char byte;
    struct iovec vector = {.iov_base = &byte, .iov_len = 1};
    return preadv2(fd, &vector, 1, offset, RWF_NOWAIT);
}

// Has the kernel ask a TCP peer that says nothing for a minute whether it is still there (tcp(7)).
static inline void clinux_set_keepalive(int fd) {
    int one = 1, idle = 60, interval = 10, count = 6;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

// sendmsg(2) with a vector only.
static inline ssize_t clinux_send_vector(int fd, const struct iovec *vector, size_t count,
                                         int flags) {
    struct msghdr message = {.msg_iov = (struct iovec *)vector, .msg_iovlen = count};
    return sendmsg(fd, &message, flags | MSG_NOSIGNAL | MSG_DONTWAIT);
}

#endif
