// The binary files of CIFAR-10 (Krizhevsky 2009): records of a label and a picture [32, 32, 3]. See data.h.
#include "data/data.h"

enum { CIFAR_SIDE = 32, CIFAR_PLANE = CIFAR_SIDE * CIFAR_SIDE, CIFAR_RECORD = 1 + 3 * CIFAR_PLANE };

// A file of records: a label, then a plane of each colour; ours have the colours of a pixel together.
static void cifar_take(Arena *a, const char *path, Bytes file, uint8_t *pixel, uint8_t *label) {
  for (size_t i = 0; i < file.size / CIFAR_RECORD; i++) {
    const uint8_t *record = file.data + i * CIFAR_RECORD;
    if (record[0] > 9) fail(a, EXIT_DATA, "%s: record %zu has label %d, and there are 10", path, i, record[0]);
    label[i] = record[0];
    for (int k = 0; k < 3 * CIFAR_PLANE; k++)
      pixel[i * 3 * CIFAR_PLANE + (size_t)k] = record[1 + k % 3 * CIFAR_PLANE + k / 3];
  }
}

// data_batch_1.bin to data_batch_5.bin, or test_batch.bin, in a folder.
void data_read_cifar10(Arena *a, const DataFiles *files, Data *into) {
  const Plan *plan = files->plan;
  PictureColumns c = data_picture_columns(a, plan);
  if (c.height != CIFAR_SIDE || c.width != CIFAR_SIDE || c.channels != 3)
    fail(a, EXIT_DATA, "pictures of CIFAR-10 are [32, 32, 3], and the column %s is not", plan->column[c.picture].name);
  int n = files->test ? 1 : 5;
  Bytes file[5];
  size_t records = 0;
  for (int i = 0; i < n; i++) {
    const char *name = files->test ? "test_batch.bin" : arena_format(a, "data_batch_%d.bin", i + 1);
    const char *path = arena_format(a, "%s/%s", files->path[0], name);
    file[i] = file_read(a, path, SIZE_MAX / 2, data_hint(a, plan));
    if (file[i].size == 0 || file[i].size % CIFAR_RECORD)
      fail(a, EXIT_DATA, "%s: has %zu bytes, no multiple of the %d of a record", printable(a, path), file[i].size,
           CIFAR_RECORD);
    records += file[i].size / CIFAR_RECORD;
  }
  uint8_t *pixel = arena_alloc(a, records * 3 * CIFAR_PLANE, 1), *label = arena_alloc(a, records, 1);
  size_t at = 0;
  for (int i = 0; i < n; at += file[i++].size / CIFAR_RECORD)
    cifar_take(a, files->path[0], file[i], pixel + at * 3 * CIFAR_PLANE, label + at);
  into->column[c.picture] =
      (Array){.examples = (int64_t)records, .count = 3 * CIFAR_PLANE, .byte = pixel, .scale = 1, .stored = "bytes"};
  if (c.label >= 0)
    into->column[c.label] =
        (Array){.examples = (int64_t)records, .count = 1, .byte = label, .scale = 1, .stored = "bytes"};
}
