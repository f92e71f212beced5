// NPY: one array in a file, as NumPy writes it; see npy.h. The header is a Python dict, of which a strict little reader
// understands what NumPy writes and nothing more.
#include "formats/npy.h"

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

// A type such as '<f4': the byte order, then NumPy's code.
static void npy_type(NpyCursor *c, Stored *s) {
  if (npy_take(c, "'|O")) npy_refuse(c, "holds Python objects, which are never read");
  if (npy_take(c, "[")) npy_refuse(c, "holds records of several fields; save each field as an array of its own");
  npy_want(c, "'");
  char order = c->at < c->end ? *c->at++ : ' ';
  const char *code = c->at;
  while (c->at < c->end && *c->at != '\'') c->at++;
  s->big = order == '>';
  s->type = stored_type_npy(code, (size_t)(c->at - code));
  if (!s->type || !strchr("<>|=", order))
    npy_refuse(
        c, arena_format(c->arena, "has the type %c%s; read are booleans, whole numbers and floats of at most 64 bits",
                        order, arena_slice(c->arena, code, (size_t)(c->at - code))));
  npy_want(c, "'");
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

static void npy_shape(NpyCursor *c, Stored *s) {
  npy_want(c, "(");
  while (!npy_take(c, ")")) {
    if (s->rank > MAX_RANK) npy_refuse(c, "has more dimensions than are read");
    s->dim[s->rank++] = npy_size(c);
    if (npy_take(c, ",")) continue;
    npy_want(c, ")");
    break;
  }
}

// The three entries in any order, each once.
static Stored npy_dict(NpyCursor *c) {
  Stored s = {0};
  bool order = false, shape = false;
  npy_want(c, "{");
  while (!npy_take(c, "}")) {
    if (!s.type && npy_take(c, "'descr'")) {
      npy_want(c, ":");
      npy_type(c, &s);
    } else if (!order && npy_take(c, "'fortran_order'")) {
      npy_want(c, ":");
      s.fortran = npy_take(c, "True");
      if (!s.fortran) npy_want(c, "False");
      order = true;
    } else {
      npy_want(c, shape ? "}" : "'shape'");
      npy_want(c, ":");
      npy_shape(c, &s);
      shape = true;
    }
    if (npy_take(c, ",")) continue;
    npy_want(c, "}");
    break;
  }
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\n')) c->at++;
  if (!s.type || !order || !shape || c->at < c->end) npy_refuse(c, "its NPY header is not as NumPy writes it");
  return s;
}

// Where the header's dict begins, and its length.
static size_t npy_prefix(const NpyCursor *c, const uint8_t *p, size_t got, size_t *length) {
  if (got < NPY_PREFIX + 4 || memcmp(p, "\x93NUMPY", 6) != 0) npy_refuse(c, "is no NPY file");
  if (p[6] < 1 || p[6] > 3) npy_refuse(c, "is of an NPY version other than 1, 2 and 3");
  *length = (size_t)(p[8] | p[9] << 8);
  if (p[6] > 1) *length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
  size_t begin = p[6] == 1 ? NPY_PREFIX + 2 : NPY_PREFIX + 4;
  if (*length > NPY_HEADER_LIMIT) npy_refuse(c, "its NPY header is longer than 10000 bytes");
  if (*length > got - begin) npy_refuse(c, "is cut short within its header");
  return begin;
}

Stored npy_header(Arena *a, const char *path, const uint8_t *bytes, size_t got, size_t *size) {
  NpyCursor c = {.arena = a, .path = path};
  size_t length = 0, begin = npy_prefix(&c, bytes, got, &length);
  c.at = (const char *)bytes + begin;
  c.end = c.at + length;
  Stored s = npy_dict(&c);
  s.bytes = bytes + begin + length;
  if (!stored_size(&s, size) || !size_sum(begin + length, *size, size))
    npy_refuse(&c, "its header promises more than any memory can hold");
  return s;
}
