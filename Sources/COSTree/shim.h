// libostree and the parts of GLib that its interface needs.
#include <ostree.h>
