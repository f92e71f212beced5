// NPY: one array in a file, as NumPy writes it; see npy.h. The header is a Python dict, of which a strict little reader
// understands what NumPy writes and nothing more.
#include "npy.h"

#include <inttypes.h>
#include <string.h>

enum { NPY_PREFIX = 8, NPY_HEADER_LIMIT = 10000, NPY_ALIGN = 64 };

void npy_write(Arena *a, const char *path, int rank, const int64_t *dim, const float *value) {
  Text header = text_new(a);
  size_t count = 1;
  text_add(&header, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
  for (int i = 0; i < rank; i++) {
    text_add(&header, "%s%" PRId64 "%s", i ? " " : "", dim[i], i + 1 < rank || rank == 1 ? "," : "");
    if (!size_product(count, (size_t)dim[i], &count)) fail(a, EXIT_SOFTWARE, "internal error: array too large");
  }
  text_add(&header, "), }");
  size_t begun = NPY_PREFIX + 2 + header.length + 1;
  text_add(&header, "%*s\n", (int)((NPY_ALIGN - begun % NPY_ALIGN) % NPY_ALIGN), "");
  const uint8_t prefix[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)header.length, (uint8_t)(header.length >> 8)};
  NewFile *f = file_begin(a, path);
  file_add(f, prefix, sizeof prefix);
  file_add(f, header.data, header.length);
  file_add(f, value, count * sizeof *value);
  file_commit(f);
}

// The reader of the header: the text that is left, and where it came from.
typedef struct {
  Arena *arena;
  const char *path, *at, *end;
} NpyCursor;

static _Noreturn void npy_refuse(const NpyCursor *c, const char *what) {
  fail(c->arena, EXIT_DATA, "%s: %s", printable(c->arena, c->path), what);
}

static bool npy_take(NpyCursor *c, const char *word) {
  size_t n = strlen(word);
  while (c->at < c->end && *c->at == ' ') c->at++;
  if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return false;
  c->at += n;
  return true;
}

static void npy_want(NpyCursor *c, const char *word) {
  if (!npy_take(c, word)) npy_refuse(c, "its NPY header is not as NumPy writes it");
}

static NpyType npy_type(NpyCursor *c) {
  static const struct {
    const char *name;
    NpyType type;
  } known[] = {{"'|u1'", NPY_U8}, {"'|b1'", NPY_BOOL}, {"'<f4'", NPY_F4},
               {"'<f8'", NPY_F8}, {"'<i4'", NPY_I4},   {"'<i8'", NPY_I8}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (npy_take(c, known[i].name)) return known[i].type;
  if (npy_take(c, "'|O'")) npy_refuse(c, "holds Python objects, which are never read");
  if (npy_take(c, "'>")) npy_refuse(c, "is big-endian; save it as little-endian");
  npy_refuse(c, "has a type other than u1, b1, f4, f8, i4 and i8; save it as one of these");
}

static int64_t npy_size(NpyCursor *c) {
  int64_t size = 0;
  const char *begin = c->at;
  for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
    if (size > (INT64_MAX - 9) / 10) npy_refuse(c, "its shape is too large");
    size = 10 * size + (*c->at - '0');
  }
  if (c->at == begin) npy_refuse(c, "its NPY header is not as NumPy writes it");
  return size;
}

static void npy_shape(NpyCursor *c, Npy *npy) {
  npy_want(c, "(");
  while (!npy_take(c, ")")) {
    if (npy->rank > MAX_RANK) npy_refuse(c, "has more dimensions than are read");
    npy->dim[npy->rank++] = npy_size(c);
    if (npy_take(c, ",")) continue;
    npy_want(c, ")");
    break;
  }
}

// The three entries in any order, each once.
static Npy npy_dict(NpyCursor *c) {
  Npy npy = {0};
  bool type = false, order = false, shape = false, fortran = false;
  npy_want(c, "{");
  while (!npy_take(c, "}")) {
    if (!type && npy_take(c, "'descr'")) {
      npy_want(c, ":");
      npy.type = npy_type(c);
      type = true;
    } else if (!order && npy_take(c, "'fortran_order'")) {
      npy_want(c, ":");
      fortran = npy_take(c, "True");
      if (!fortran) npy_want(c, "False");
      order = true;
    } else {
      npy_want(c, shape ? "}" : "'shape'");
      npy_want(c, ":");
      npy_shape(c, &npy);
      shape = true;
    }
    if (npy_take(c, ",")) continue;
    npy_want(c, "}");
    break;
  }
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\n')) c->at++;
  if (!type || !order || !shape || c->at < c->end) npy_refuse(c, "its NPY header is not as NumPy writes it");
  if (fortran && npy.rank > 1) npy_refuse(c, "is in Fortran order; save it with numpy.ascontiguousarray");
  return npy;
}

size_t npy_element_size(NpyType type) {
  return type == NPY_U8 || type == NPY_BOOL ? 1 : type == NPY_F4 || type == NPY_I4 ? 4 : 8;
}

// Where the header's dict begins, and its length.
static size_t npy_prefix(const NpyCursor *c, Bytes file, size_t *length) {
  const uint8_t *p = file.data;
  if (file.size < NPY_PREFIX + 4 || memcmp(p, "\x93NUMPY", 6) != 0) npy_refuse(c, "is no NPY file");
  if (p[6] < 1 || p[6] > 3) npy_refuse(c, "is of an NPY version other than 1, 2 and 3");
  *length = (size_t)(p[8] | p[9] << 8);
  if (p[6] > 1) *length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
  size_t begin = p[6] == 1 ? NPY_PREFIX + 2 : NPY_PREFIX + 4;
  if (*length > NPY_HEADER_LIMIT) npy_refuse(c, "its NPY header is longer than 10000 bytes");
  if (*length > file.size - begin) npy_refuse(c, "is cut short within its header");
  return begin;
}

Npy npy_parse(Arena *a, const char *path, Bytes file) {
  NpyCursor c = {.arena = a, .path = path};
  size_t length = 0, begin = npy_prefix(&c, file, &length);
  c.at = (const char *)file.data + begin;
  c.end = c.at + length;
  Npy npy = npy_dict(&c);
  size_t count = 1, payload = 0, size = 0;
  bool fits = true;
  for (int i = 0; i < npy.rank; i++) fits = fits && size_product(count, (size_t)npy.dim[i], &count);
  fits = fits && size_product(count, npy_element_size(npy.type), &payload) && size_sum(begin + length, payload, &size);
  if (!fits) npy_refuse(&c, "its header promises more than any memory can hold");
  if (size != file.size)
    fail(a, EXIT_DATA, "%s: has %zu bytes, but its header promises %zu", printable(a, path), file.size, size);
  npy.count = (int64_t)count;
  npy.data = file.data + begin + length;
  return npy;
}
