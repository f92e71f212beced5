// PNG files: 8-bit gray and RGB.
#ifndef GMC_PNG_WRITE_H
#define GMC_PNG_WRITE_H

#include "core/base.h"

// Replaces the file by a picture of width x height pixels of `channels` bytes (1: gray, 3: RGB), rows from the top.
// Atomic.
void png_write(Arena *a, const char *path, int width, int height, int channels, const uint8_t *pixel);

#endif
