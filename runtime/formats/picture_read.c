// PNG and JPEG to pixels; see picture_read.h.
#include "formats/picture_read.h"

#include <math.h>
#include <png.h>
#include <string.h>
#include <strings.h>
#include <turbojpeg.h>

enum { PICTURE_PIXELS = 1 << 28 };  // more are no picture to learn from

bool picture_named(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

static _Noreturn void picture_refuse(Arena *a, const char *path, const char *why) {
  fail(a, EXIT_DATA, "%s: is no sound picture: %s", printable(a, path), why);
}

static bool picture_fits(int64_t height, int64_t width) {
  return height > 0 && width > 0 && height <= PICTURE_PIXELS / width;
}

static uint8_t *picture_room(Arena *a, int64_t height, int64_t width) {
  return arena_alloc(a, (size_t)(3 * height * width), 1);
}

static Pixels picture_png(Arena *a, const char *path, Bytes file) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  if (!png_image_begin_read_from_memory(&image, file.data, file.size)) picture_refuse(a, path, image.message);
  image.format = PNG_FORMAT_RGB;
  Pixels p = {image.height, image.width, NULL};
  if (!picture_fits(p.height, p.width)) {
    png_image_free(&image);
    picture_refuse(a, path, "it is too large");
  }
  uint8_t *rgb = picture_room(a, p.height, p.width);
  if (!png_image_finish_read(&image, &(png_color){0, 0, 0}, rgb, 0, NULL)) picture_refuse(a, path, image.message);
  p.rgb = rgb;
  return p;
}

static Pixels picture_jpeg(Arena *a, const char *path, Bytes file) {
  int height = 0, width = 0, sampling, space;
  tjhandle h = tjInitDecompress();
  if (!h) picture_refuse(a, path, tjGetErrorStr());
  const char *wrong = NULL;
  uint8_t *rgb = NULL;
  if (tjDecompressHeader3(h, file.data, file.size, &width, &height, &sampling, &space) != 0)
    wrong = tjGetErrorStr2(h);
  else if (!picture_fits(height, width))
    wrong = "it is too large, or has no size";
  else
    rgb = picture_room(a, height, width);
  if (rgb && tjDecompress2(h, file.data, file.size, rgb, width, 0, height, TJPF_RGB, TJFLAG_ACCURATEDCT) != 0)
    wrong = tjGetErrorStr2(h);
  wrong = wrong ? arena_copy(a, wrong) : NULL;
  tjDestroy(h);
  if (wrong) picture_refuse(a, path, wrong);
  return (Pixels){height, width, rgb};
}

Pixels picture_read(Arena *a, const char *path, Bytes file) {
  if (file.size >= 8 && memcmp(file.data, "\x89PNG\r\n\x1a\n", 8) == 0) return picture_png(a, path, file);
  if (file.size >= 2 && file.data[0] == 0xff && file.data[1] == 0xd8) return picture_jpeg(a, path, file);
  picture_refuse(a, path, "it is neither PNG nor JPEG");
}

// One axis of a picture that is brought to another size: what each wanted pixel is made of.
typedef struct {
  int64_t first, count;
  float *weight;  // they add up to 1
} PictureTap;

// `from` places, of which the middle `scale * to` become `to`.
static PictureTap *picture_taps(Arena *a, int64_t from, int64_t to, double scale) {
  PictureTap *tap = NEW_ARRAY(a, PictureTap, (size_t)to);
  double begin = ((double)from - scale * (double)to) / 2, reach = scale > 1 ? scale : 1;
  for (int64_t i = 0; i < to; i++) {
    double centre = begin + ((double)i + 0.5) * scale, sum = 0;
    int64_t first = (int64_t)floor(centre - reach), last = (int64_t)ceil(centre + reach);
    if (first < 0) first = 0;
    if (last > from) last = from;
    float *weight = NEW_ARRAY(a, float, (size_t)(last - first));
    for (int64_t k = first; k < last; k++) {
      double w = 1 - fabs((double)k + 0.5 - centre) / reach;
      weight[k - first] = w > 0 ? (float)w : 0;
      sum += w > 0 ? w : 0;
    }
    for (int64_t k = 0; k < last - first; k++) weight[k] /= (float)sum;
    tap[i] = (PictureTap){first, last - first, weight};
  }
  return tap;
}

// The sum of the places that a tap covers, `stride` apart.
static float picture_tap_sum(const PictureTap *tap, const float *at, int64_t stride) {
  float sum = 0;
  for (int64_t k = 0; k < tap->count; k++) sum += tap->weight[k] * at[(tap->first + k) * stride];
  return sum;
}

static uint8_t picture_level(float v) { return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5f); }

void picture_fit(Arena *a, const Pixels *from, int64_t height, int64_t width, int64_t channels, uint8_t *into) {
  Arena *scratch = arena_open(a);
  double scale = fmin((double)from->height / (double)height, (double)from->width / (double)width);
  const PictureTap *row = picture_taps(scratch, from->height, height, scale),
                   *column = picture_taps(scratch, from->width, width, scale);
  float *line = NEW_ARRAY(scratch, float, (size_t)(3 * from->width));
  float *wide = NEW_ARRAY(scratch, float, (size_t)(3 * from->height * width));  // rows of the picture, of wanted width
  for (int64_t y = 0; y < from->height; y++) {
    for (int64_t i = 0; i < 3 * from->width; i++) line[i] = from->rgb[3 * y * from->width + i];
    for (int64_t i = 0; i < 3 * width; i++) wide[3 * y * width + i] = picture_tap_sum(&column[i / 3], line + i % 3, 3);
  }
  for (int64_t i = 0; i < height * width; i++) {
    float c[3];
    for (int64_t k = 0; k < 3; k++) c[k] = picture_tap_sum(&row[i / width], wide + 3 * (i % width) + k, 3 * width);
    if (channels == 3)
      for (int64_t k = 0; k < 3; k++) into[3 * i + k] = picture_level(c[k]);
    else
      into[i] = picture_level(0.299f * c[0] + 0.587f * c[1] + 0.114f * c[2]);
  }
  arena_close(scratch);
}
