// SHA-256 with the processor's own instructions (Debian: libssl-dev).
#include <openssl/evp.h>
