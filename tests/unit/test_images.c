// Pictures as data: their files, their sizes, folders of them, CIFAR-10.
#include "attempt.h"

#include <png.h>
#include <sys/stat.h>
#include <turbojpeg.h>

#include "data/data.h"
#include "formats/picture_read.h"

// A picture that any program can make: its colours by a formula of the place.
static uint8_t *picture(Arena *a, int height, int width) {
  uint8_t *rgb = arena_alloc(a, (size_t)(3 * height * width), 1);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int k = 0; k < 3; k++)
        rgb[3 * (y * width + x) + k] = (uint8_t)((37 * x + 91 * y + 50 * k + x * y * (k + 3)) % 256);
  return rgb;
}

// --- sizes: against Pillow 12, Image.resize(..., BILINEAR, box=the middle), which rounds once more, between its two
// passes

static const uint8_t smaller[] = {147, 124, 128, 115, 127, 121, 123, 147, 135, 126, 125, 133, 145, 116, 123,
                                  139, 127, 127, 125, 148, 119, 119, 121, 125, 148, 123, 115, 133, 147, 122,
                                  123, 149, 132, 135, 136, 133, 126, 135, 125, 131, 134, 127, 150, 138, 127,
                                  145, 119, 121, 111, 121, 128, 136, 113, 138, 131, 136, 115, 143, 129, 130};
static const uint8_t larger[] = {
    76,  126, 176, 105, 156, 207, 138, 190, 117, 171, 134, 62,  204, 43,  96,  234, 74,  127, 152, 202, 81,  184, 107,
    115, 119, 100, 103, 83,  101, 105, 118, 88,  143, 149, 120, 177, 99,  149, 72,  133, 89,  109, 96,  96,  150, 79,
    136, 138, 116, 143, 104, 150, 81,  141, 47,  97,  147, 82,  135, 124, 121, 128, 147, 161, 134, 120, 179, 133, 66,
    150, 43,  106, 123, 173, 180, 161, 181, 64,  176, 91,  59,  200, 47,  107, 188, 92,  145, 65,  132, 156};
static const uint8_t cut[] = {123, 130, 126, 119, 133, 126, 119, 128, 127, 128, 118, 121, 136, 134, 126, 121,
                              127, 124, 120, 124, 127, 129, 118, 126, 135, 131, 132, 127, 125, 123, 127, 120,
                              139, 131, 129, 127, 119, 128, 124, 130, 133, 126, 139, 130, 133, 141, 133, 125};

static void sizes(void **state) {
  (void)state;
  static const struct {
    int from_height, from_width, height, width;
    const uint8_t *right;
  } row[] = {{13, 17, 5, 4, smaller}, {6, 5, 5, 6, larger}, {20, 40, 4, 4, cut}};
  Arena *a = arena_open(NULL);
  for (int r = 0; r < 3; r++) {
    Pixels p = {row[r].from_height, row[r].from_width, picture(a, row[r].from_height, row[r].from_width)};
    uint8_t got[128], grey[64];
    picture_fit(a, &p, row[r].height, row[r].width, 3, got);
    picture_fit(a, &p, row[r].height, row[r].width, 1, grey);
    for (int i = 0; i < row[r].height * row[r].width; i++) {
      for (int k = 0; k < 3; k++)
        assert_in_range(got[3 * i + k] + 1, row[r].right[3 * i + k], row[r].right[3 * i + k] + 2);
      double luma = 0.299 * row[r].right[3 * i] + 0.587 * row[r].right[3 * i + 1] + 0.114 * row[r].right[3 * i + 2];
      assert_true(grey[i] - luma < 1.6 && luma - grey[i] < 1.6);
    }
  }
  Pixels p = {7, 9, picture(a, 7, 9)};
  uint8_t same[3 * 7 * 9];
  picture_fit(a, &p, 7, 9, 3, same);
  assert_memory_equal(same, p.rgb, sizeof same);
  arena_close(a);
}

// --- files

static void put_png(const char *path, int height, int width, unsigned format, const uint8_t *pixels) {
  png_image image = {
      .version = PNG_IMAGE_VERSION, .height = (unsigned)height, .width = (unsigned)width, .format = format};
  assert_true(png_image_write_to_file(&image, path, 0, pixels, 0, NULL));
}

static void put_jpeg(const char *path, int height, int width, const uint8_t *rgb) {
  tjhandle h = tjInitCompress();
  unsigned char *bytes = NULL;
  unsigned long size = 0;
  assert_int_equal(tjCompress2(h, rgb, width, 0, height, TJPF_RGB, &bytes, &size, TJSAMP_444, 100, TJFLAG_ACCURATEDCT),
                   0);
  put(path, bytes, size);
  tjFree(bytes);
  tjDestroy(h);
}

static Pixels read_file(Arena *a, const char *path) { return picture_read(a, path, file_read(a, path, 1 << 24, "")); }

static void files(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const uint8_t *rgb = picture(a, 11, 14);
  const char *path = path_of(a, "a.png");
  put_png(path, 11, 14, PNG_FORMAT_RGB, rgb);
  Pixels p = read_file(a, path);
  assert_true(p.height == 11 && p.width == 14);
  assert_memory_equal(p.rgb, rgb, 3 * 11 * 14);

  put_png(path, 2, 2, PNG_FORMAT_GRAY, (const uint8_t[]){0, 9, 90, 255});
  p = read_file(a, path);
  assert_memory_equal(p.rgb, ((uint8_t[]){0, 0, 0, 9, 9, 9, 90, 90, 90, 255, 255, 255}), 12);

  put_png(path, 1, 2, PNG_FORMAT_RGBA, (const uint8_t[]){200, 100, 50, 0, 200, 100, 50, 255});
  p = read_file(a, path);
  assert_memory_equal(p.rgb, ((uint8_t[]){0, 0, 0, 200, 100, 50}), 6);

  uint8_t smooth[3 * 16 * 16];
  for (int i = 0; i < 256; i++)
    for (int k = 0; k < 3; k++) smooth[3 * i + k] = (uint8_t)(i / 16 * 8 + i % 16 * 4 + 20 * k);
  put_jpeg(path, 16, 16, smooth);  // what a file holds counts, not its name
  p = read_file(a, path);
  assert_true(p.height == 16 && p.width == 16);
  for (int i = 0; i < 3 * 256; i++) assert_in_range(p.rgb[i] + 3, smooth[i], smooth[i] + 6);
  arena_close(a);
}

static void read_path(Arena *a, void *path) { read_file(a, path); }

static void unsound(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const char *path = path_of(a, "b.png");
  put_png(path, 11, 14, PNG_FORMAT_RGB, picture(a, 11, 14));
  Bytes png = file_read(a, path, 1 << 20, "");
  put_jpeg(path, 11, 14, picture(a, 11, 14));
  Bytes jpeg = file_read(a, path, 1 << 20, "");
  void *what = (void *)(uintptr_t)path;
  static const char refused[] = "b.png: is no sound picture: ";
  for (int way = 0; way < 4; way++) {
    Bytes whole = way % 2 ? jpeg : png;
    put(path, whole.data, way < 2 ? whole.size / 3 : 12);
    assert_fails(read_path, what, EXIT_DATA, refused);
  }
  put(path, "neither of the two", 18);
  assert_fails(read_path, what, EXIT_DATA, refused);
  assert_flips_hold(read_path, what, path, png.data, png.size, 400);
  assert_flips_hold(read_path, what, path, jpeg.data, jpeg.size, 400);
  arena_close(a);
}

// --- folders

typedef struct {
  PlanColumn column[2];
  const char *train[1], *test[1];
  Plan plan;
  Run run;
} Case;

static void case_init(Case *c, DataFormat format, const char *train, const char *test, int columns) {
  memset(c, 0, sizeof *c);
  c->column[0] = (PlanColumn){.name = "x", .rank = 3, .dim = {2, 2, 3}, .count = 12, .lo = -1, .hi = 1, .levels = true};
  c->column[1] = (PlanColumn){.name = "y", .count = 1, .classes = 3};
  c->train[0] = train;
  c->test[0] = test;
  c->plan = (Plan){.column = c->column, .columns = columns};
  c->plan.data = (PlanData){.format = format,
                            .files = 1,
                            .train = c->train,
                            .test = test ? c->test : NULL,
                            .clause = "images(...)",
                            .file = "m.gm",
                            .line = 7};
  c->run = (Run){.plan = &c->plan, .reader = data_reader(format)};
}

static void load(Arena *a, void *what) {
  Case *c = what;
  c->run.arena = a;
  c->run.train = c->run.test = (Data){0};
  c->run.reading = NULL;
  data_load_train(&c->run);
  data_load_test(&c->run);
}

// A picture of one colour, at top/class/name.
static void put_plain(Arena *a, const char *top, const char *class, const char *name, uint8_t level) {
  uint8_t rgb[3 * 4 * 6];
  memset(rgb, level, sizeof rgb);
  mkdir(path_of(a, top), 0700);
  mkdir(path_of(a, arena_format(a, "%s/%s", top, class)), 0700);
  put_png(path_of(a, arena_format(a, "%s/%s/%s", top, class, name)), 4, 6, PNG_FORMAT_RGB, rgb);
}

static void check_folders(Arena *a, void *what) {
  Case *c = what;
  load(a, c);
  static const uint8_t level[] = {10, 20, 30, 40};
  static const float label[] = {0, 0, 1, 2};
  assert_int_equal(c->run.train.examples, 4);
  for (int i = 0; i < 4; i++) {
    for (int k = 0; k < 12; k++) assert_int_equal(c->run.train.column[0].byte[12 * i + k], level[i]);
    assert_true(c->run.train.column[1].value[i] == label[i]);
  }
  assert_string_equal(c->run.reading[1].word[2], "cup");
  assert_int_equal(c->run.test.examples, 1);  // the same name, the same class
  assert_true(c->run.test.column[1].value[0] == 2);
  assert_true(c->run.train.column[0].scale == 2.0f / 255 && c->run.train.column[0].shift == -1);
}

static void folders(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  put_plain(a, "train", "ant", "b.PNG", 20);
  put_plain(a, "train", "ant", "a.png", 10);
  put_plain(a, "train", "bee", "z.jpeg", 30);
  put_plain(a, "train", "cup", "0.png", 40);
  put(path_of(a, "train/cup/notes.txt"), "no picture", 10);
  put_plain(a, "test", "cup", "1.png", 50);
  Case c;
  case_init(&c, DATA_IMAGES, path_of(a, "train"), path_of(a, "test"), 2);
  assert_works(check_folders, &c);

  c.column[1].classes = 2;
  assert_fails(load, &c, EXIT_DATA, "train: has 3 subfolders, more than the 2 classes of the column y");
  c.column[1].classes = 3;
  put_plain(a, "test", "dog", "1.png", 50);
  assert_fails(load, &c, EXIT_DATA, "`dog` is none of the 3 texts that the column y has");
  put(path_of(a, "train/loose.png"), "", 0);
  assert_fails(load, &c, EXIT_DATA, "train/loose.png: stands in no subfolder, and so has no class");
  case_init(&c, DATA_IMAGES, path_of(a, "train"), NULL, 1);
  assert_fails(load, &c, EXIT_DATA, "train/loose.png: is no sound picture");
  c.train[0] = path_of(a, "nowhere");
  assert_fails(load, &c, EXIT_NOINPUT, "nowhere: No such file or directory; wanted by `from images(...)` at m.gm:7");
  mkdir(path_of(a, "empty"), 0700);
  c.train[0] = path_of(a, "empty");
  assert_fails(load, &c, EXIT_DATA, "empty: holds no examples");
  c.column[0].rank = 1;
  assert_fails(load, &c, EXIT_DATA, "a picture is a column of [height, width], or [height, width, 3] in colour");
  assert_int_equal(
      system(arena_format(a, "rm -r %s %s %s", path_of(a, "train"), path_of(a, "test"), path_of(a, "empty"))), 0);
  arena_close(a);
}

// --- CIFAR-10

enum { RECORD = 3073 };

static void put_batch(Arena *a, const char *name, int records, int first) {
  uint8_t *bytes = arena_alloc(a, (size_t)(records * RECORD), 1);
  for (int r = 0; r < records; r++)
    for (int i = 0; i < RECORD; i++)
      bytes[r * RECORD + i] = (uint8_t)(i == 0 ? (first + r) % 10 : (7 * (i - 1) + (i - 1) / 1024 + first + r) % 256);
  put(path_of(a, name), bytes, (size_t)(records * RECORD));
}

static void check_cifar(Arena *a, void *what) {
  Case *c = what;
  load(a, c);
  assert_int_equal(c->run.train.examples, 10);
  assert_int_equal(c->run.test.examples, 3);
  for (int r = 0; r < 10; r++) {
    int number = 10 * (r / 2) + r % 2;  // two records in each of five files
    assert_int_equal(c->run.train.column[1].byte[r], number % 10);
    for (int i = 0; i < 3072; i++) {
      int plane = i % 3, pixel = i / 3;
      assert_int_equal(c->run.train.column[0].byte[3072 * r + i], (7 * (1024 * plane + pixel) + plane + number) % 256);
    }
  }
}

static void cifar10(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_CIFAR10, folder, folder, 2);
  c.column[0] =
      (PlanColumn){.name = "x", .rank = 3, .dim = {32, 32, 3}, .count = 3072, .lo = 0, .hi = 1, .levels = true};
  c.column[1].classes = 10;
  for (int i = 0; i < 5; i++) put_batch(a, arena_format(a, "data_batch_%d.bin", i + 1), 2, 10 * i);
  assert_fails(load, &c, EXIT_NOINPUT, "test_batch.bin: ");
  put_batch(a, "test_batch.bin", 3, 50);
  assert_works(check_cifar, &c);
  put(path_of(a, "test_batch.bin"), "short", 5);
  assert_fails(load, &c, EXIT_DATA, "test_batch.bin: has 5 bytes, no multiple of the 3073 of a record");
  c.column[0].dim[0] = 16;
  assert_fails(load, &c, EXIT_DATA, "pictures of CIFAR-10 are [32, 32, 3], and the column x is not");
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes),   cmocka_unit_test(files),   cmocka_unit_test(unsound),
      cmocka_unit_test(folders), cmocka_unit_test(cifar10),
  };
  return cmocka_run_group_tests_name("images", tests, folder_make, folder_remove);
}
