// Pictures from files: PNG by libpng, JPEG by libjpeg-turbo; and brought to a wanted size.
#ifndef GMC_PICTURE_READ_H
#define GMC_PICTURE_READ_H

#include "core/file.h"

typedef struct {
  int64_t height, width;
  const uint8_t *rgb;  // row after row
} Pixels;

// Is this the name of a file that picture_read reads: .png, .jpg, .jpeg in any case?
bool picture_named(const char *name);

// Reads a picture; what is transparent is black behind. Fails with EXIT_DATA, naming the file.
Pixels picture_read(Arena *a, const char *path, Bytes file);

// The middle of the picture, as much as has the wanted proportions, at the wanted size: into[height, width, channels],
// 3 channels, or 1 of grey (Rec. 601). Each pixel is the mean of those that it covers, weighed by a triangle over them
// twice as wide; between pixels where the picture is smaller.
void picture_fit(Arena *a, const Pixels *from, int64_t height, int64_t width, int64_t channels, uint8_t *into);

#endif
