// Pictures: PNG as libpng reads it, grids and plots by the pixels that must be there, and values of every kind.
#include "attempt.h"

#include <math.h>
#include <png.h>

#include "pictures/canvas.h"
#include "pictures/picture.h"
#include "formats/png_write.h"

typedef struct {
  int width, height;
  uint8_t *rgb;
} Picture;

// What libpng makes of the file.
static Picture read_back(Arena *a, const char *path) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  assert_true(png_image_begin_read_from_file(&image, path));
  image.format = PNG_FORMAT_RGB;
  Picture p = {(int)image.width, (int)image.height, NEW_ARRAY(a, uint8_t, PNG_IMAGE_SIZE(image))};
  assert_true(png_image_finish_read(&image, NULL, p.rgb, 0, NULL));
  return p;
}

static const uint8_t *pixel(const Picture *p, int x, int y) {
  return p->rgb + 3 * (y * p->width + x);
}

static bool is_color(const Picture *p, int x, int y, int red, int green, int blue) {
  const uint8_t *c = pixel(p, x, y);
  return c[0] == red && c[1] == green && c[2] == blue;
}

// Pixels of exactly this colour.
static int count_color(const Picture *p, int red, int green, int blue) {
  int n = 0;
  for (int y = 0; y < p->height; y++)
    for (int x = 0; x < p->width; x++) n += is_color(p, x, y, red, green, blue);
  return n;
}

static void png_round_trip_check(Arena *a, void *path) {
  static const int sizes[][2] = {{1, 1}, {3, 2}, {7, 300}, {640, 5}};
  uint32_t state = 7;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int channels = 1; channels <= 3; channels += 2) {
      int n = sizes[i][0] * sizes[i][1] * channels;
      uint8_t *bytes = NEW_ARRAY(a, uint8_t, n);
      for (int k = 0; k < n; k++) bytes[k] = (uint8_t)dice(&state);
      png_write(a, path, sizes[i][0], sizes[i][1], channels, bytes);
      Picture p = read_back(a, path);
      assert_int_equal(p.width, sizes[i][0]);
      assert_int_equal(p.height, sizes[i][1]);
      for (int k = 0; k < p.width * p.height * 3; k++) assert_int_equal(p.rgb[k], bytes[k * channels / 3]);
    }
}

static void png_round_trip(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_works(png_round_trip_check, (void *)(uintptr_t)path_of(a, "p.png"));
  arena_close(a);
}

// Two rows of three 2 x 2 images: enlarged sixteenfold, so cells of 32 pixels at 16, 50, 84 and 16, 50.
static void grid_check(Arena *a, void *path) {
  static const float ramp[] = {-1, 0, 1, NAN}, rgb[] = {1, -1, -1, -1, 1, -1, -1, -1, 1, 1, 1, 1};
  PictureImage image[6];
  for (int i = 0; i < 6; i++) image[i] = (PictureImage){ramp, 2, 2, 1, -1, 1};
  image[1] = (PictureImage){rgb, 2, 2, 3, -1, 1};
  image[5] = (PictureImage){0};
  picture_grid(a, path, &(GridPicture){.rows = 2, .columns = 3, .image = image});
  Picture p = read_back(a, path);
  assert_int_equal(p.width, 16 + 3 * 32 + 2 * 2 + 16);
  assert_int_equal(p.height, 16 + 2 * 32 + 2 + 16);
  assert_true(is_color(&p, 16, 16, 0, 0, 0) && is_color(&p, 31, 31, 0, 0, 0));
  assert_true(is_color(&p, 32, 16, 128, 128, 128));
  assert_true(is_color(&p, 16, 32, 255, 255, 255));
  assert_true(is_color(&p, 32, 32, 220, 40, 40) && is_color(&p, 47, 47, 220, 40, 40));
  assert_true(is_color(&p, 48, 47, 255, 255, 255));
  assert_true(is_color(&p, 50, 16, 255, 0, 0) && is_color(&p, 66, 16, 0, 255, 0) && is_color(&p, 50, 32, 0, 0, 255));
  assert_true(is_color(&p, 84, 16, 0, 0, 0) && is_color(&p, 84, 50, 255, 255, 255));
}

static void grid(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_works(grid_check, (void *)(uintptr_t)path_of(a, "g.png"));
  arena_close(a);
}

static void grid_labels_check(Arena *a, void *path) {
  static const float black[784];
  PictureImage image[20];
  const bool apart[10] = {false, true};
  const char *column[10] = {"x", "mean p(x | z, y: column)"}, *row[2] = {"first", NULL};
  for (int i = 0; i < 20; i++) image[i] = (PictureImage){black, 28, 28, 1, 0, 1};
  GridPicture g = {.rows = 2, .columns = 10, .image = image};
  picture_grid(a, path, &g);
  Picture plain = read_back(a, path);
  int ink = count_color(&plain, 0, 0, 0);
  assert_int_equal(ink, 20 * 84 * 84);
  g.title = "a title";
  g.apart = apart;
  g.column_label = column;
  g.row_label = row;
  picture_grid(a, path, &g);
  Picture labelled = read_back(a, path);
  assert_true(labelled.width > plain.width + 12 && labelled.height > plain.height + 40);
  assert_int_equal(count_color(&labelled, 0, 0, 0), ink);  // nothing is drawn over the images
  assert_true(count_color(&labelled, 40, 40, 40) > 50);    // the text
}

static void grid_labels(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_works(grid_labels_check, (void *)(uintptr_t)path_of(a, "g.png"));
  arena_close(a);
}

// A picture of many large images is made smaller, each pixel the mean of what it stands for.
static void large_grid_check(Arena *a, void *path) {
  float *stripes = NEW_ARRAY(a, float, 3000 * 1000);
  for (int i = 0; i < 3000 * 1000; i++) stripes[i] = (float)(i % 2);
  PictureImage image[2] = {{stripes, 1000, 3000, 1, 0, 1}, {stripes, 1000, 3000, 1, 0, 1}};
  picture_grid(a, path, &(GridPicture){.rows = 2, .columns = 1, .image = image});
  Picture p = read_back(a, path);
  assert_int_equal(p.width, 1500 + 32);
  assert_int_equal(count_color(&p, 128, 128, 128), 2 * 1500 * 500);
}

static void no_grid(Arena *a, void *path) {
  picture_grid(a, path, &(GridPicture){.rows = 0, .columns = 3});
}

static void large_grid(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  char *path = arena_format(a, "%s/l.png", folder);
  assert_works(large_grid_check, path);
  assert_fails(no_grid, path, EXIT_CANTCREATE, "0 x 3 images make no picture");
  arena_close(a);
}

// A constant line at half of the axis crosses the whole frame at its middle; a point lies where it should.
static void plot_check(Arena *a, void *path) {
  static const float flat[] = {1, 1, 1}, px[] = {0}, py[] = {1.5f};
  PlotSeries s[] = {{SERIES_LINE, "flat", 3, NULL, flat, 0, 1}, {SERIES_POINTS, "one", 1, px, py, 0, 1}};
  Plot plot = {.x_lo = -1, .x_hi = 1, .y_lo = 0, .y_hi = 2, .series = s, .count = 2};
  picture_plot(a, path, &plot);
  Picture p = read_back(a, path);
  assert_int_equal(p.width, 900);
  assert_int_equal(p.height, 600);
  int lines = 0, left = 900, right = 0, top = 600;
  for (int y = 60; y < 600; y++)  // below the legend
    for (int x = 0; x < 900; x++)
      if (is_color(&p, x, y, 0, 114, 178)) {
        lines += x == 450;
        left = x < left ? x : left;
        right = x > right ? x : right;
        top = y < top ? y : top;
      }
  assert_in_range(lines, 1, 3);
  assert_true(left < 80 && right > 860 && top > 280 && top < 340);
  int middle = (left + right) / 2, height = top - 130;
  bool found = false;
  for (int y = height - 20; y < height + 40; y++)
    found |= pixel(&p, middle, y)[0] > 200 && pixel(&p, middle, y)[2] < 100;
  assert_true(found);
}

static void plot(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_works(plot_check, (void *)(uintptr_t)path_of(a, "p.png"));
  arena_close(a);
}

// Two curves of one series, one behind the other in memory: each goes from side to side, and nothing joins them.
static void curves_check(Arena *a, void *path) {
  static const float flat[] = {0.5f, 0.5f, 0.5f, 1.5f, 1.5f, 1.5f};
  PlotSeries s = {SERIES_LINE, NULL, 6, NULL, flat, 0, 2};
  picture_plot(a, path, &(Plot){.x_lo = -1, .x_hi = 1, .y_lo = 0, .y_hi = 2, .series = &s, .count = 1});
  Picture p = read_back(a, path);
  int bands = 0, most = 0;
  for (int x = 100; x < 860; x++) {
    int here = 0, pixels = 0;
    bool before = false;
    for (int y = 60; y < 540; y++) {
      const uint8_t *at = pixel(&p, x, y);
      bool blue = at[0] + 60 < at[2];
      here += blue && !before;
      pixels += blue;
      before = blue;
    }
    bands += here == 2;
    most = pixels > most ? pixels : most;
  }
  assert_true(bands > 700 && most < 12);
}

static void curves(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_works(curves_check, (void *)(uintptr_t)path_of(a, "c.png"));
  arena_close(a);
}

// The density of many normal values stands as high as the formula says, 0.3989 of an axis to 0.5.
static void density_check(Arena *a, void *path) {
  enum { N = 20000 };
  float *v = NEW_ARRAY(a, float, N);
  uint32_t state = 3;
  for (int i = 0; i < N; i++) {
    double r = sqrt(-2 * log((dice(&state) + 1.0) / 4294967297.0)), t = 2 * acos(-1) * dice(&state) / 4294967296.0;
    v[i] = (float)(r * cos(t));
  }
  PlotSeries s = {SERIES_DENSITY, NULL, N, v, NULL, 0, 1};
  picture_plot(a, path, &(Plot){.x_lo = -4, .x_hi = 4, .y_lo = 0, .y_hi = 0.5f, .series = &s, .count = 1});
  Picture p = read_back(a, path);
  int axis = 0, peak = 600;
  for (int y = 0; y < 600; y++)
    for (int x = 0; x < 900; x++) {
      if (is_color(&p, x, y, 40, 40, 40) && x > 300 && x < 305) axis = y < 580 && y > axis ? y : axis;
      if (is_color(&p, x, y, 0, 114, 178) && y < peak) peak = y;
    }
  double height = (double)(axis - peak) / (axis - 22);  // the frame begins at 22 pixels from the top
  assert_true(fabs(height * 0.5 - 0.3989) < 0.02);
}

static void density(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_works(density_check, (void *)(uintptr_t)path_of(a, "d.png"));
  arena_close(a);
}

// Whatever the values, a picture comes out.
static void wild_check(Arena *a, void *path) {
  static const float wild[] = {NAN, INFINITY, -INFINITY, 0, 1e38f, -3.4e38f, 1e-38f, 1, 2, 2, 3, NAN, 5};
  const SeriesKind kinds[] = {SERIES_POINTS, SERIES_LINE, SERIES_DENSITY};
  char *long_label = NEW_ARRAY(a, char, 100001);
  memset(long_label, 'w', 100000);
  const char *labels[] = {NULL, "", "\xc3\xa9\xff\x1b[31m", long_label};
  for (int k = 0; k < 3; k++)
    for (int64_t n = 0; n <= 12; n++)
      for (int form = 0; form < 4; form++) {
        PlotSeries s[] = {{kinds[k], labels[form], n, wild, wild + (form & 1), 0, form},
                          {kinds[form % 3], labels[3 - form], n / 2, wild, wild, 2, 0}};
        Plot p = {.title = labels[form],
                  .x_label = labels[form],
                  .y_label = labels[form],
                  .equal = form & 1,
                  .width = form * 100,
                  .height = 1 - form,
                  .series = s,
                  .count = 2,
                  .x_lo = form == 2 ? NAN : 0,
                  .y_hi = form == 3 ? INFINITY : 0};
        picture_plot(a, path, &p);
      }
  PictureImage image[2] = {{wild, 3, 4, 1, 0, 1}, {wild, 1, 12, 1, 2, 2}};
  const char *row[] = {labels[3], labels[2]};
  picture_grid(a, path,
               &(GridPicture){
                   .title = labels[3], .rows = 2, .columns = 1, .image = image, .row_label = row, .column_label = row});
  assert_true(read_back(a, path).width > 0);
}

static void wild_values(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_works(wild_check, (void *)(uintptr_t)path_of(a, "w.png"));
  arena_close(a);
}

// Every glyph is well formed: an advance, then strokes of a sign and pairs of digits.
static void font(void **state) {
  (void)state;
  for (int c = ' '; c <= '~' + 1; c++) {
    const char *s = canvas_glyph(c);
    assert_non_null(strchr("123456789abcdef", *s++));
    while (*s) {
      assert_int_equal(*s++, ' ');
      assert_non_null(strchr("-~o", *s++));
      size_t n = strspn(s, "0123456789abcdef");
      assert_true(n >= 4 && n % 2 == 0 && n <= 32);
      s += n;
    }
  }
  assert_true(canvas_text_width("mm", 10) > canvas_text_width("il", 10));
  Arena *a = arena_open(NULL);
  const char *text = "mean p(x | z, y: column)";
  assert_string_equal(canvas_text_fit(a, text, 10, 1000), text);
  const char *cut = canvas_text_fit(a, text, 10, 60);
  assert_true(canvas_text_width(cut, 10) <= 60 && strncmp(cut, "mean", 4) == 0 &&
              strcmp(cut + strlen(cut) - 2, "..") == 0);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(png_round_trip), cmocka_unit_test(grid),        cmocka_unit_test(grid_labels),
      cmocka_unit_test(large_grid),     cmocka_unit_test(plot),        cmocka_unit_test(curves),
      cmocka_unit_test(density),        cmocka_unit_test(wild_values), cmocka_unit_test(font),
  };
  return cmocka_run_group_tests_name("picture", tests, folder_make, folder_remove);
}
