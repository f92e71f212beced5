// Folders of pictures as data: those in the folder and in its subfolders, which are classes where labels are wanted.
// See data.h.
//
// Order: by name, subfolder after subfolder, so that the same folder is the same data everywhere.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/data.h"
#include "formats/picture_read.h"

typedef struct {
  const char **name;
  int64_t count, room;
} ImageNames;

static void images_add(Arena *a, ImageNames *l, const char *name) {
  if (l->count == l->room) {
    const char **more = NEW_ARRAY(a, const char *, (size_t)(2 * l->room + 64));
    if (l->count) memcpy(more, l->name, (size_t)l->count * sizeof *more);
    l->name = more;
    l->room = 2 * l->room + 64;
  }
  l->name[l->count++] = name;
}

static int images_order(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool images_folder(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

// Names in a folder, sorted: of subfolders, or of pictures. Those that begin with a dot are not looked at.
static ImageNames images_in(Arena *a, const char *folder, bool subfolders, const char *hint) {
  ImageNames l = {0};
  DIR *dir = opendir(folder);
  if (!dir) fail(a, EXIT_NOINPUT, "%s: %s%s%s", printable(a, folder), strerror(errno), *hint ? "; " : "", hint);
  for (const struct dirent *entry; (entry = readdir(dir));) {
    const char *name = entry->d_name;
    if (name[0] == '.') continue;
    bool wanted = subfolders ? images_folder(arena_format(a, "%s/%s", folder, name)) : picture_named(name);
    if (wanted) images_add(a, &l, arena_copy(a, name));
  }
  closedir(dir);
  if (l.count) qsort(l.name, (size_t)l.count, sizeof *l.name, images_order);
  return l;
}

typedef struct {
  const char **path;
  float *label;
  int64_t count;
} ImageFiles;

static void images_join(Arena *a, ImageNames *all, const char *folder, const char *hint) {
  ImageNames in = images_in(a, folder, false, hint);
  for (int64_t i = 0; i < in.count; i++) images_add(a, all, arena_format(a, "%s/%s", folder, in.name[i]));
}

// The pictures of a folder, class after class; `classes`: its subfolders.
static ImageFiles images_find(Arena *a, const char *folder, const ImageNames *classes, bool labels, const char *hint) {
  ImageNames all = {0};
  images_join(a, &all, folder, hint);
  if (labels && all.count > 0)
    fail(a, EXIT_DATA, "%s: stands in no subfolder, and so has no class", printable(a, all.name[0]));
  ImageFiles f = {0};
  int64_t *end = NEW_ARRAY(a, int64_t, (size_t)classes->count);
  for (int64_t k = 0; k < classes->count; k++) {
    images_join(a, &all, arena_format(a, "%s/%s", folder, classes->name[k]), "");
    end[k] = all.count;
  }
  f = (ImageFiles){all.name, NEW_ARRAY(a, float, (size_t)all.count), all.count};
  for (int64_t k = 0, i = 0; labels && k < classes->count; k++)
    for (; i < end[k]; i++) f.label[i] = (float)k;
  return f;
}

void data_read_images(Arena *a, const DataFiles *files, Data *into) {
  const Plan *plan = files->plan;
  const char *folder = files->path[0], *hint = data_hint(a, plan);
  PictureColumns c = data_picture_columns(a, plan);
  ImageNames classes = images_in(a, folder, true, hint);
  if (c.label >= 0 && classes.count > plan->column[c.label].classes)
    fail(a, EXIT_DATA, "%s: has %lld subfolders, more than the %d classes of the column %s", printable(a, folder),
         (long long)classes.count, plan->column[c.label].classes, plan->column[c.label].name);
  ImageFiles f = images_find(a, folder, &classes, c.label >= 0, hint);
  int64_t size = c.height * c.width * c.channels;
  size_t all;
  if (f.count > INT32_MAX || !size_product((size_t)f.count, (size_t)size, &all))
    fail(a, EXIT_DATA, "%s: holds too many pictures", printable(a, folder));
  uint8_t *byte = arena_alloc(a, all, 1);
  for (int64_t i = 0; i < f.count; i++) {
    Arena *one = arena_open(a);
    Pixels p = picture_read(one, f.path[i], file_read(one, f.path[i], SIZE_MAX / 2, ""));
    picture_fit(one, &p, c.height, c.width, c.channels, byte + i * size);
    arena_close(one);
  }
  into->column[c.picture] = (Array){.examples = f.count, .count = size, .byte = byte, .scale = 1, .stored = "pictures"};
  if (c.label < 0) return;
  into->column[c.label] = (Array){.examples = f.count,
                                  .count = 1,
                                  .value = f.label,
                                  .scale = 1,
                                  .stored = "subfolders",
                                  .word = classes.name,
                                  .words = (int)classes.count};
}
