// Mounts /proc before the Swift runtime starts. A static Swift executable reads /proc/self/exe in a
// static initialiser and aborts without it ("Unable to obtain Swift runtime path"); the kernel
// starts PID 1 with nothing mounted. Priority 101 is the first that applications may use.
#include "agent_start.h"
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((constructor(101))) static void mount_proc(void) {
    if (getpid() != 1) return;
    mkdir("/proc", 0555);
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
}

void agent_start(void) {}
