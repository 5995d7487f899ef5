// Decompressors for kernels, modules and archive objects.
#include <lzma.h>
#include <zstd.h>
#include <lz4.h>
#include <zlib.h>
#include <libdeflate.h>
