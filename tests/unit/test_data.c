// The data readers: MNIST as it is, small files of every format, and everything that can be wrong with them.
#include "attempt.h"

#include <math.h>
#include <zlib.h>

#include "data/data.h"
#include "core/pool.h"

// A run over columns and files, for one test.
typedef struct {
  PlanColumn column[2];
  const char *train[3], *test[3];
  Plan plan;
  Run run;
} Case;

static void case_init(Case *c, DataFormat format, int columns, int files) {
  memset(c, 0, sizeof *c);
  c->column[0] = (PlanColumn){.name = "x", .rank = 1, .dim = {3}, .count = 3, .lo = 0, .hi = 1, .levels = true};
  c->column[1] = (PlanColumn){.name = "y", .count = 1, .classes = 10};
  c->plan = (Plan){.column = c->column, .columns = columns};
  c->plan.data = (PlanData){
      .format = format, .files = files, .train = c->train, .clause = "some.where", .file = "m.gm", .line = 7};
  c->run = (Run){.plan = &c->plan, .reader = data_reader(format), .inflate = inflate_libdeflate};
}

static void load(Arena *a, void *what) {
  Case *c = what;
  c->run.arena = a;
  c->run.train = c->run.test = (Data){0};
  c->run.reading = NULL;
  data_load_train(&c->run);
}

static void load_both(Arena *a, void *what) {
  Case *c = what;
  load(a, c);
  data_load_test(&c->run);
}

// --- MNIST ---

static const char *const mnist_train[] = {"models/data/mnist/train-images-idx3-ubyte.gz",
                                          "models/data/mnist/train-labels-idx1-ubyte.gz"};
static const char *const mnist_test[] = {"models/data/mnist/t10k-images-idx3-ubyte.gz",
                                         "models/data/mnist/t10k-labels-idx1-ubyte.gz"};

static void mnist_init(Case *c) {
  case_init(c, DATA_IDX, 2, 2);
  c->column[0] = (PlanColumn){.name = "x", .rank = 2, .dim = {28, 28}, .count = 784, .lo = 0, .hi = 1, .levels = true};
  c->plan.data.train = mnist_train;
  c->plan.data.test = mnist_test;
}

static void mnist_check(Arena *a, void *what) {
  Case *c = what;
  load(a, c);
  assert_int_equal(c->run.train.examples, 60000);
  assert_null(c->run.test.column);  // not before it is wanted
  const Array *x = &c->run.train.column[0], *y = &c->run.train.column[1];
  double sum = 0;
  for (int64_t i = 0; i < 60000 * 784; i++) sum += x->byte[i];
  assert_true(fabs(sum / (60000.0 * 784 * 255) - 0.1306604762738429) < 1e-15);
  assert_int_equal(y->byte[0], 5);
  assert_int_equal(y->byte[1], 0);
  data_load_test(&c->run);
  assert_int_equal(c->run.test.examples, 10000);
  assert_int_equal(c->run.test.column[1].byte[0], 7);
  const Array *before = c->run.test.column;
  data_load_test(&c->run);
  assert_ptr_equal(before, c->run.test.column);
}

static void mnist(void **state) {
  (void)state;
  Case c;
  mnist_init(&c);
  assert_works(mnist_check, &c);
}

static void begun_check(Arena *a, void *what) {
  Case *c = what, other = *c;
  load(a, &other);
  data_load_test(&other.run);
  c->run.arena = a;
  data_begin_test(&c->run);
  data_load_train(&c->run);
  assert_null(c->run.test.column);
  data_load_test(&c->run);
  assert_int_equal(c->run.test.examples, 10000);
  assert_true(data_hash(&c->run, &c->run.test) == data_hash(&other.run, &other.run.test));
}

static void begin(Arena *a, void *what) {
  Case *c = what;
  c->run.arena = a;
  c->run.train = c->run.test = (Data){0};
  c->run.reading = NULL;
  c->run.ahead = NULL;
  data_begin_test(&c->run);
}

static void begin_and_load(Arena *a, void *what) {
  begin(a, what);
  data_load_test(&((Case *)what)->run);
}

// A split that is loaded beside other work is the same; what is wrong with it is told once, when it is wanted.
static void begun(void **state) {
  (void)state;
  Case c;
  mnist_init(&c);
  assert_works(begun_check, &c);
  assert_works(begin, &c);  // and closed before it is wanted
  const char *bad[] = {"models/data/mnist/t10k-images-idx3-ubyte.gz", "nowhere"};
  c.plan.data.test = bad;
  assert_works(begin, &c);
  assert_string_equal(message, "");
  assert_fails(begin_and_load, &c, EXIT_NOINPUT, "nowhere");
  bad[1] = "models/vae.gm";
  assert_fails(begin_and_load, &c, EXIT_DATA, "models/vae.gm: is no IDX file");
  c.plan.data.test = NULL;
  assert_works(begin, &c);
  assert_null(c.run.ahead);
}

static void both_expansions_agree_check(Arena *a, void *what) {
  Case *c = what, other;
  load(a, c);
  mnist_init(&other);
  other.run.inflate = inflate_zlib;
  load(a, &other);
  assert_memory_equal(c->run.train.column[0].byte, other.run.train.column[0].byte, 60000 * 784);
  uint64_t hash = data_hash(&c->run, &c->run.train);
  assert_true(hash == data_hash(&other.run, &other.run.train));
  other.run.pool = pool_open(a, 3);
  assert_true(hash == data_hash(&other.run, &other.run.train));
  uint8_t *byte = (uint8_t *)(uintptr_t)other.run.train.column[0].byte;
  byte[60000 * 784 - 1] ^= 1;
  assert_true(hash != data_hash(&other.run, &other.run.train));
}

static void both_expansions_agree(void **state) {
  (void)state;
  Case c;
  mnist_init(&c);
  assert_works(both_expansions_agree_check, &c);
}

// --- IDX ---

typedef struct {
  uint8_t bytes[1024];
  size_t length;
} Sample;

static void sample_add(Sample *s, const void *bytes, size_t length) {
  memcpy(s->bytes + s->length, bytes, length);
  s->length += length;
}

static Sample idx_sample(uint8_t type, int rank, const uint32_t *dim, const void *payload, size_t length) {
  Sample s = {{0, 0, type, (uint8_t)rank}, 4};
  for (int i = 0; i < rank; i++)
    for (int k = 24; k >= 0; k -= 8) s.bytes[s.length++] = (uint8_t)(dim[i] >> k);
  sample_add(&s, payload, length);
  return s;
}

static Sample gzip_sample(const void *bytes, size_t length) {
  Sample s = {0};
  z_stream z = {0};
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = (Bytef *)(uintptr_t)bytes;
  z.avail_in = (uInt)length;
  z.next_out = s.bytes;
  z.avail_out = sizeof s.bytes;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  s.length = z.total_out;
  deflateEnd(&z);
  return s;
}

static const uint8_t six[6] = {0, 51, 102, 153, 204, 255};

static void refuse_idx(Case *c, const Sample *s, const char *text) {
  put(c->train[0], s->bytes, s->length);
  assert_fails(load, c, EXIT_DATA, text);
  assert_non_null(strstr(message, c->train[0]));
}

static void idx_refusals(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_IDX, 1, 1);
  c.train[0] = path_of(a, "x.idx");
  Sample s = idx_sample(8, 2, (uint32_t[]){2, 3}, six, 6);
  put(c.train[0], s.bytes, s.length);
  assert_works(load, &c);
  assert_cuts_fail(load, &c, c.train[0], s.bytes, s.length);
  assert_flips_hold(load, &c, c.train[0], s.bytes, s.length, 700);
  s.bytes[s.length++] = 0;
  refuse_idx(&c, &s, "has 19 bytes, but its header promises 18");
  Sample bad = s;
  bad.bytes[0] = 1;
  refuse_idx(&c, &bad, "is no IDX file");
  bad = idx_sample(0x0a, 2, (uint32_t[]){2, 3}, six, 6);
  refuse_idx(&c, &bad, "type 0A is none of the IDX format");
  bad = idx_sample(8, 2, (uint32_t[]){3, 2}, six, 6);
  refuse_idx(&c, &bad, "shape [3, 2] does not hold examples of shape [3]");
  bad = idx_sample(8, 2, (uint32_t[]){0, 3}, six, 0);
  refuse_idx(&c, &bad, "holds no examples");
  bad = idx_sample(8, 4, (uint32_t[]){0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, six, 6);
  refuse_idx(&c, &bad, "more than any memory");
  bad = idx_sample(8, 0, NULL, six, 6);
  refuse_idx(&c, &bad, "has 0 dimensions");
  bad = idx_sample(8, 10, (uint32_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1, 6}, six, 6);
  refuse_idx(&c, &bad, "has 10 dimensions");
  arena_close(a);
}

static void idx_shapes_check(Arena *a, void *what) {
  Case *c = what;
  load(a, c);
  assert_int_equal(c->run.train.examples, 2);
}

static void idx_of_equal_counts(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_IDX, 1, 1);
  c.train[0] = path_of(a, "x.idx");
  Sample s = idx_sample(8, 4, (uint32_t[]){2, 1, 3, 1}, six, 6);
  put(c.train[0], s.bytes, s.length);
  assert_works(idx_shapes_check, &c);
  arena_close(a);
}

static void gzip_refusals_by(Case *c, Inflate *inflate) {
  c->run.inflate = inflate;
  Sample s = idx_sample(8, 2, (uint32_t[]){2, 3}, six, 6), packed = gzip_sample(s.bytes, s.length);
  put(c->train[0], packed.bytes, packed.length);
  assert_works(load, c);
  assert_cuts_fail(load, c, c->train[0], packed.bytes, packed.length);
  assert_flips_hold(load, c, c->train[0], packed.bytes, packed.length, 700);
  Sample bad = packed;
  bad.bytes[bad.length - 8] ^= 1;
  refuse_idx(c, &bad, "not soundly compressed");  // its checksum
  bad = packed;
  sample_add(&bad, "junk", 4);
  refuse_idx(c, &bad, "not soundly compressed");
  bad = gzip_sample(s.bytes, s.length - 1);
  refuse_idx(c, &bad, "less than its header promises");
  sample_add(&s, "more", 4);
  bad = gzip_sample(s.bytes, s.length);
  refuse_idx(c, &bad, "past the size its header promises");
  bad = idx_sample(8, 2, (uint32_t[]){1000000000, 3}, six, 6);
  bad = gzip_sample(bad.bytes, bad.length);
  refuse_idx(c, &bad, "compressed ones can hold");
}

// Two members count as one file, and zeros after them for nothing.
static void gzip_members_by(Case *c, Inflate *inflate) {
  c->run.inflate = inflate;
  Sample s = idx_sample(8, 2, (uint32_t[]){2, 3}, six, 6);
  Sample first = gzip_sample(s.bytes, 14), second = gzip_sample(s.bytes + 14, s.length - 14);
  sample_add(&first, second.bytes, second.length);
  put(c->train[0], first.bytes, first.length);
  assert_works(idx_shapes_check, c);
  memset(first.bytes + first.length, 0, 100);
  first.length += 100;
  put(c->train[0], first.bytes, first.length);
  assert_works(idx_shapes_check, c);
  first.bytes[first.length - 1] = 1;
  refuse_idx(c, &first, "not soundly compressed");
}

// A kilobyte that would be a megabyte, behind an honest small header.
static void gzip_bomb_by(Case *c, Inflate *inflate) {
  static uint8_t zeroes[1 << 17];
  c->run.inflate = inflate;
  Sample head = idx_sample(8, 2, (uint32_t[]){2, 3}, six, 6);
  memset(zeroes, 0, sizeof zeroes);
  memcpy(zeroes, head.bytes, head.length);
  Sample bomb = gzip_sample(zeroes, sizeof zeroes);
  refuse_idx(c, &bomb, "past the size its header promises");
}

static void gzip(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  Inflate *const ways[] = {inflate_libdeflate, inflate_zlib};
  case_init(&c, DATA_IDX, 1, 1);
  c.train[0] = path_of(a, "x.gz");
  for (int i = 0; i < 2; i++) {
    gzip_refusals_by(&c, ways[i]);
    gzip_members_by(&c, ways[i]);
    gzip_bomb_by(&c, ways[i]);
  }
  arena_close(a);
}

static void put_floats(const char *path, const float *value, uint32_t n) {
  uint8_t bytes[64];
  for (uint32_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, &value[i], 4);
    for (int k = 0; k < 4; k++) bytes[4 * i + (uint32_t)k] = (uint8_t)(bits >> (24 - 8 * k));
  }
  Sample s = idx_sample(0x0d, 2, (uint32_t[]){n / 3, 3}, bytes, 4 * n);
  put(path, s.bytes, s.length);
}

static void idx_floats_check(Arena *a, void *what) {
  Case *c = what;
  load(a, c);
  assert_true(c->run.train.column[0].value[4] == 0.25f);
}

static void values_outside(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  float v[6] = {0, 1, 0.5f, 0, 0.25f, 1};
  case_init(&c, DATA_IDX, 1, 1);
  c.train[0] = path_of(a, "x.idx");
  put_floats(c.train[0], v, 6);
  assert_works(idx_floats_check, &c);
  v[4] = 1.5f;
  put_floats(c.train[0], v, 6);
  assert_fails(load, &c, EXIT_DATA,
               "item 1 (from 0), element 1: value 1.5 is outside [0, 1], the support of the column x");
  v[4] = NAN;
  put_floats(c.train[0], v, 6);
  assert_fails(load, &c, EXIT_DATA, "element 1: value nan");
  c.column[0].lo = -INFINITY;
  c.column[0].hi = INFINITY;
  assert_fails(load, &c, EXIT_DATA, "element 1: value nan");
  v[4] = INFINITY;
  put_floats(c.train[0], v, 6);
  assert_fails(load, &c, EXIT_DATA, "element 1: value inf");
  v[4] = 1e30f;
  put_floats(c.train[0], v, 6);
  assert_works(load, &c);
  Sample s = idx_sample(8, 2, (uint32_t[]){2, 3}, six, 6);
  put(c.train[0], s.bytes, s.length);
  assert_works(load, &c);
  c.column[0].lo = 0;
  c.column[0].hi = 0.5f;
  assert_works(load, &c);  // levels of that
  c.column[0].levels = false;
  assert_fails(load, &c, EXIT_DATA, "item 0 (from 0), element 1: value 51 is outside [0, 0.5]");
  arena_close(a);
}

static void scaled_bytes_stay_inside(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_IDX, 1, 1);
  c.train[0] = path_of(a, "x.idx");
  Sample s = idx_sample(8, 2, (uint32_t[]){2, 3}, six, 6);
  put(c.train[0], s.bytes, s.length);
  static const float ends[][2] = {{-1, 1}, {0, 0.3f}, {-0.7f, 0.1f}, {0, 1e-3f}, {-3, 0.9f}, {0, 100}, {10, 265}};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    c.column[0].lo = ends[i][0];
    c.column[0].hi = ends[i][1];
    assert_works(load, &c);
    load(a, &c);
    float into[3], last = ends[i][1], first = ends[i][0];
    data_gather(&(PlanFeed){.index = 0}, &c.run.train, (const int32_t[]){1}, 1, into);
    assert_true(into[2] <= last && into[2] > last - 1e-5f * (last - first));
    data_gather(&(PlanFeed){.index = 0}, &c.run.train, (const int32_t[]){0}, 1, into);
    assert_true(into[0] == first);
  }
  arena_close(a);
}

static void shares(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  float v[6] = {0.2f, 0.3f, 0.5f, 0, 0, 1};
  case_init(&c, DATA_IDX, 1, 1);
  c.column[0].levels = false;
  c.column[0].simplex = true;
  c.train[0] = path_of(a, "x.idx");
  put_floats(c.train[0], v, 6);
  assert_works(load, &c);
  v[4] = 0.1f;
  put_floats(c.train[0], v, 6);
  assert_fails(load, &c, EXIT_DATA, "item 1 (from 0), element 0: the values from here on add up to 1.1, not to 1");
  arena_close(a);
}

static void labels(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_IDX, 2, 2);
  c.train[0] = path_of(a, "x.idx");
  c.train[1] = path_of(a, "y.idx");
  Sample x = idx_sample(8, 2, (uint32_t[]){2, 3}, six, 6), y = idx_sample(8, 1, (uint32_t[]){2}, "\x09\x00", 2);
  put(c.train[0], x.bytes, x.length);
  put(c.train[1], y.bytes, y.length);
  assert_works(load, &c);
  y = idx_sample(8, 1, (uint32_t[]){2}, "\x03\x0a", 2);
  put(c.train[1], y.bytes, y.length);
  assert_fails(load, &c, EXIT_DATA, "y.idx: item 1 (from 0): label 10 is not one of the column y's classes 0 .. 9");
  y = idx_sample(8, 1, (uint32_t[]){3}, "\x03\x04\x05", 3);
  put(c.train[1], y.bytes, y.length);
  assert_fails(load, &c, EXIT_DATA, "y.idx: holds 3 examples, but ");
  unlink(c.train[1]);
  assert_fails(load, &c, EXIT_NOINPUT, "y.idx: No such file or directory; wanted by `from some.where` at m.gm:7");
  c.plan.data.files = 1;
  assert_fails(load, &c, EXIT_DATA, "1 files cannot be 2 columns: each file holds one");
  arena_close(a);
}

// --- NPY ---

static Sample npy_sample(const char *header, const void *payload, size_t length) {
  Sample s = {{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)strlen(header), 0}, 10};
  sample_add(&s, header, strlen(header));
  sample_add(&s, payload, length);
  return s;
}

static void npy_check(Arena *a, void *what) {
  Case *c = what;
  load(a, c);
  const Array *x = &c->run.train.column[0];
  assert_int_equal(x->examples, 1);
  for (int i = 0; i < 3; i++) assert_true(x->byte ? x->byte[i] == i % 2 : x->value[i] == (float)(i % 2));
}

static void npy_types(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_NPY, 1, 1);
  c.train[0] = path_of(a, "x.npy");
  const struct {
    const char *type;
    const void *payload;
    size_t length;
  } types[] = {{"|u1", (uint8_t[]){0, 1, 0}, 3}, {"|b1", (uint8_t[]){0, 1, 0}, 3},  {"<f4", (float[]){0, 1, 0}, 12},
               {"<f8", (double[]){0, 1, 0}, 24}, {"<i4", (int32_t[]){0, 1, 0}, 12}, {"<i8", (int64_t[]){0, 1, 0}, 24}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    for (int pad = 0; pad < 2; pad++) {  // aligned by chance or not
      const char *header =
          arena_format(a, "{'descr': '%s', 'fortran_order': False, 'shape': (1, 3), }%*s\n", types[i].type, pad, "");
      Sample s = npy_sample(header, types[i].payload, types[i].length);
      put(c.train[0], s.bytes, s.length);
      assert_works(npy_check, &c);
      assert_cuts_fail(load, &c, c.train[0], s.bytes, s.length);
      assert_flips_hold(load, &c, c.train[0], s.bytes, s.length, 100);
    }
  arena_close(a);
}

static void npy_headers(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_NPY, 1, 1);
  c.train[0] = path_of(a, "x.npy");
  static const struct {
    const char *header, *text;
  } cases[] = {
      {"{'shape': (1,3), 'fortran_order': False, 'descr': '|u1'}\n", NULL},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (1, 3), }\n", "Python objects"},
      {"{'descr': '|O8', 'fortran_order': False, 'shape': (1, 3), }\n", "Python objects"},
      {"{'descr': '>u1', 'fortran_order': False, 'shape': (1, 3), }\n", NULL},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': (1, 3), }\n", "the type <c8; read are booleans"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 3), }\n", "records of several fields"},
      {"{'descr': '|u1', 'fortran_order': True, 'shape': (1, 3), }\n", NULL},
      {"{'descr': '<U5', 'fortran_order': False, 'shape': (1, 3), }\n", "the type <U5"},
      {"{'descr': '<f16', 'fortran_order': False, 'shape': (1, 3), }\n", "the type <f16"},
      {"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1, 3), }\n", "the type <M8[ns]"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3), 'shape': (1, 3)}\n", "not as NumPy writes it"},
      {"{'descr': '|u1', 'fortran_order': False}\n", "not as NumPy writes it"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (1, -3), }\n", "not as NumPy writes it"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n", "but its header promises"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n", "shape [3] does not hold"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 3), }\n", "too large"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 3), }\n", "any memory"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,3), }\n", "more dimensions"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Sample s = npy_sample(cases[i].header, "\0\1\0", 3);
    put(c.train[0], s.bytes, s.length);
    if (cases[i].text)
      assert_fails(load, &c, EXIT_DATA, cases[i].text);
    else
      assert_works(npy_check, &c);
  }
  arena_close(a);
}

// --- NPZ ---

static void add_number(Sample *s, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; i++) s->bytes[s->length++] = (uint8_t)(value >> 8 * i);
}

static Sample deflate_sample(const Sample *whole) {
  Sample s = {0};
  z_stream z = {0};
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = (Bytef *)(uintptr_t)whole->bytes;
  z.avail_in = (uInt)whole->length;
  z.next_out = s.bytes;
  z.avail_out = sizeof s.bytes;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  s.length = z.total_out;
  deflateEnd(&z);
  return s;
}

// What a member's two headers share, from the version to the lengths of its name and of nothing else.
static void zip_head(Sample *z, int method, const Sample *packed, const Sample *whole, const char *name) {
  uint32_t crc = (uint32_t)crc32(0, whole->bytes, (uInt)whole->length);
  add_number(z, 20, 2), add_number(z, 0, 2), add_number(z, (uint32_t)method, 2), add_number(z, 0, 4);
  add_number(z, crc, 4), add_number(z, (uint32_t)packed->length, 4), add_number(z, (uint32_t)whole->length, 4);
  add_number(z, (uint32_t)strlen(name), 2), add_number(z, 0, 2);
}

// A zip file of two members (APPNOTE.TXT of PKWARE, 4.3).
static Sample zip_sample(int method, const char *const name[2], const Sample member[2]) {
  Sample z = {0};
  uint32_t at[2];
  for (int i = 0; i < 2; i++) {
    Sample packed = method == 8 ? deflate_sample(&member[i]) : member[i];
    at[i] = (uint32_t)z.length;
    sample_add(&z, "PK\3\4", 4);
    zip_head(&z, method, &packed, &member[i], name[i]);
    sample_add(&z, name[i], strlen(name[i]));
    sample_add(&z, packed.bytes, packed.length);
  }
  uint32_t directory = (uint32_t)z.length;
  for (int i = 0; i < 2; i++) {
    Sample packed = method == 8 ? deflate_sample(&member[i]) : member[i];
    sample_add(&z, "PK\1\2\24\0", 6);
    zip_head(&z, method, &packed, &member[i], name[i]);
    add_number(&z, 0, 2), add_number(&z, 0, 2), add_number(&z, 0, 2), add_number(&z, 0, 4), add_number(&z, at[i], 4);
    sample_add(&z, name[i], strlen(name[i]));
  }
  uint32_t end = (uint32_t)z.length;
  sample_add(&z, "PK\5\6\0\0\0\0\2\0\2\0", 12);
  add_number(&z, end - directory, 4), add_number(&z, directory, 4), add_number(&z, 0, 2);
  return z;
}

static void npz_check(Arena *a, void *what) {
  Case *c = what;
  load(a, c);
  const Array *x = &c->run.train.column[0], *y = &c->run.train.column[1];
  assert_memory_equal(x->byte, six, 6);
  assert_true(y->value[0] == 3 && y->value[1] == 9);
}

static void npz(void **state) {
  (void)state;
  static const char *const names[] = {"y.npy", "x.npy"};
  static const PlanPick pick[] = {{.name = "x"}, {.name = "absent"}};
  Arena *a = arena_open(NULL);
  Sample member[2] = {npy_sample("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }\n", "\0\3\0\11", 4),
                      npy_sample("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n", six, 6)};
  for (int way = 0; way < 4; way++) {
    Case c;
    case_init(&c, DATA_NPZ, 2, 1);
    c.run.inflate = way % 2 ? inflate_zlib : inflate_libdeflate;
    c.train[0] = path_of(a, "d.npz");
    Sample z = zip_sample(way / 2 ? 8 : 0, names, member), bad = z;
    put(c.train[0], z.bytes, z.length);
    assert_works(npz_check, &c);
    assert_cuts_fail(load, &c, c.train[0], z.bytes, z.length);
    assert_flips_hold(load, &c, c.train[0], z.bytes, z.length, 1500);
    bad.bytes[60 + 5] ^= 1;  // in the first member
    put(c.train[0], bad.bytes, bad.length);
    assert_fails(load, &c, EXIT_DATA, "d.npz, `y`: ");
    bad = zip_sample(9, names, member);
    put(c.train[0], bad.bytes, bad.length);
    assert_fails(load, &c, EXIT_DATA, "is compressed in a way that is not read");
    put(c.train[0], z.bytes, z.length);
    c.column[1].pick = &pick[1], c.column[1].picks = 1;
    assert_fails(load, &c, EXIT_DATA, "holds no array `absent` for the column y; it has y.npy, x.npy");
    c.column[1].pick = &pick[0];
    assert_fails(load, &c, EXIT_DATA, "d.npz, `x`: an array of shape [2, 3] does not hold examples of one value");
  }
  arena_close(a);
}

// NPY files may be gzipped.
static void npy_gzipped(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_NPY, 1, 1);
  c.train[0] = path_of(a, "x.npy.gz");
  Sample s = npy_sample("{'descr': '<i2', 'fortran_order': False, 'shape': (1, 3), }\n", "\0\0\1\0\0\0", 6);
  Sample packed = gzip_sample(s.bytes, s.length);
  put(c.train[0], packed.bytes, packed.length);
  assert_works(npy_check, &c);
  assert_cuts_fail(load, &c, c.train[0], packed.bytes, packed.length);
  memset(packed.bytes + packed.length, 0, 40);
  put(c.train[0], packed.bytes, packed.length + 40);
  assert_works(npy_check, &c);  // padded
  s = npy_sample("{'descr': '<i2', 'fortran_order': False, 'shape': (1000000, 3), }\n", "\0\0\1\0\0\0", 6);
  packed = gzip_sample(s.bytes, s.length);
  put(c.train[0], packed.bytes, packed.length);
  assert_fails(load, &c, EXIT_DATA, "compressed ones can hold");
  arena_close(a);
}

// --- CSV ---

static void csv(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_CSV, 2, 1);
  c.train[0] = path_of(a, "d.csv");
  static const struct {
    const char *text, *wrong;
  } cases[] = {
      {"0,0.5,1,3\n1e0,+.5,5e-1,9\n", NULL},
      {"x0,x1,x2,y\n0,0.5,1,3\n", NULL},
      {"\xef\xbb\xbf\"x[0]\",\"x[1]\",\"x[2]\",\"Y\"\r\n0,0.5,1,3\r\n\r\n", NULL},
      {"0;0.5;1;3", NULL},
      {"0\t0.5\t1\t3\n", NULL},
      {" 0 , \"0.5\" , 1 , 3 \n\n", NULL},
      {"", "holds no examples"},
      {"x0,x1,x2,y\n", "holds no examples"},
      {"a,b,c,d\n", ":1:1: the header names no column `x`"},
      {"0,0.5,1,3\n0,0.5,x,3\n", ":2:7: a number was expected"},
      {"a,b,1,d\n0,0.5,1,3\n", ":1:1: a number was expected"},
      {"0,0.5,1,3\n0,0.5,,3\n", ":2:7: an empty cell, where the column x wants a value"},
      {"0,0.5,1,3\n0,0.5,\"\",3\n", ":2:7: an empty cell"},
      {"0;0,5;1;3\n", ":1:3: a number was expected here; `0,5` has a decimal comma"},
      {"0,0.5,1,3\n0,\"0,5\",1,3\n", ":2:3: a number was expected here; `0,5` has a decimal comma"},
      {"\xff\xfe"
       "0,0.5",
       "is UTF-16 text"},
      {"\x1f\x8b"
       "0,0.5",
       "is compressed"},
      {"0,0.5,1,3\n0,0.5,1\n", ":2:8: the line has too few values"},
      {"0,0.5,1,3\n0,0.5,1,3,4\n", ":2:10: the line goes on"},
      {"0,0.5,1,3\n0,0.5,1,\n", ":2:9: the line ends"},
      {"0,0.5,1,3\n0,0.5,0x1,3\n", ":2:7: a number"},
      {"0,0.5,1,3\n0,0.5,nan,3\n", ":2:7: a number"},
      {"0,0.5,1,3\n0,0.5,1e,3\n", ":2:7: a number"},
      {"0,0.5,1,3\n0,0.5,1 1,3\n", ":2:7: a number"},
      {"0,0.5,1,3\n0,0.5,\"1,3\n", ":2:7: a quote that is not closed"},
      {"0,0.5,1,3\n0,0.5,1,3.5\n", ":2: label 3.5"},
      {"0,0.5,1,3\n0,0.5,1,-1\n", ":2: label -1"},
      {"0,0.5,1,3\n0,0.5,1e999,1\n", ":2, element 2: value inf"},
      {"0,0.5,1,3\n0,0.5,2,1\n", ":2, element 2: value 2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    put(c.train[0], cases[i].text, strlen(cases[i].text));
    if (cases[i].wrong)
      assert_fails(load, &c, EXIT_DATA, cases[i].wrong);
    else
      assert_works(load, &c);
  }
  const char *good = cases[1].text;
  assert_flips_hold(load, &c, c.train[0], (const uint8_t *)good, strlen(good), 1000);
  arena_close(a);
}

// Names, places, headers and texts: what a file's fields are read as. Columns are x[2] and y, of 3 classes.
static void csv_layouts(void **state) {
  (void)state;
  static const PlanPick swapped[] = {{.place = 2}, {.place = 0}}, named[] = {{.name = "q"}, {.name = "p"}},
                        second = {.place = 1}, label = {.name = "label"}, pixel = {.name = "pixel"};
  static const struct {
    const char *text;
    const PlanPick *pick[2];
    int picks[2];
    DataHeader header;
    const char *wrong;  // or NULL: then these are the first example's numbers
    float want[3];
  } cases[] = {
      {"y,x1,x0,x2,x3\n1,.1,.2,.3,.4\n", {0}, {0}, 0, "the header names no column `x`, nor `x0` and so on, 2", {0}},
      {"y,x0,x1\n1,.1,.2\n", {0}, {0}, 0, NULL, {.1f, .2f, 1}},
      {"id,x_1,x_2,note,y\n7,.1,.2,\"a, b\",1\n", {0}, {0}, 0, NULL, {.1f, .2f, 1}},
      {"y,x,\n1,.1,.2\n", {0}, {0}, 0, NULL, {.1f, .2f, 1}},
      {"y,x1,x3\n1,.1,.2\n", {0}, {0}, 0, "names no column `x`", {0}},
      {"y,y,x0,x1\n1,1,.1,.2\n", {0}, {0}, 0, "two columns are called `y`", {0}},
      {"x0,x1,z\n.1,.2,1\n", {0}, {0}, 0, "names no column `y`; it has x0, x1, z", {0}},
      {"x0,x1,z\n.1,.2,1\n", {0}, {0}, HEADER_NO, ":1:1: a number was expected", {0}},
      {"0,1,2\n.1,.2,1\n", {0}, {0}, 0, NULL, {.1f, .2f, 1}},
      {"0,1,2\n.1,.2,1\n", {0}, {0}, HEADER_NO, NULL, {0, 1, 2}},
      {"0,.5,1\n.1,.2,2\n", {0}, {0}, HEADER_YES, "names no column `x`", {0}},
      {".1,.2,1,9\n", {swapped, &second}, {2, 1}, 0, ":1: label 0.2", {0}},
      {".3,1,.2,9\n", {swapped, &second}, {2, 1}, 0, NULL, {.2f, .3f, 1}},
      {"a,b,c\n.3,1,.2\n", {swapped, &second}, {2, 1}, 0, NULL, {.2f, .3f, 1}},
      {"label,pixel0,pixel1\n1,.1,.2\n", {&pixel, &label}, {1, 1}, 0, NULL, {.1f, .2f, 1}},
      {"p,label,q\n.1,1,.2\n", {named, &label}, {2, 1}, 0, NULL, {.2f, .1f, 1}},
      {".1,1,.2\n", {named, &label}, {2, 1}, 0, "`q` is to be found by its name", {0}},
      {"p,q\n.1,1\n",
       {&second, &label},
       {1, 1},
       0,
       "the line has 2 values, and the column x wants those from 1 to 2",
       {0}},
      {"\n\nx0,x1,y\n\n.1,.2,2\n", {0}, {0}, 0, NULL, {.1f, .2f, 2}},
      {"x0,x1,y\n.1,.2,b\n.1,.2,\"a\"\n.1,.2,c", {0}, {0}, 0, NULL, {.1f, .2f, 1}},
      {"x0,x1,y\n.1,.2,b\n.1,.2,a\n.1,.2,c\n.1,.2,d\n", {0}, {0}, 0, ":5:7: `d` is one text too many for the 3", {0}},
      {"x0,x1,y\n.1,.2,b\n.1,.2,\n", {0}, {0}, 0, ":3:7: the line ends where", {0}},
      {"x0,x1,y\n.1,.2,1\n.1,.2,b\n", {0}, {0}, 0, ":3:7: a number was expected", {0}},
      {"x0,x1,note,y\n.1,.2,\"two\nlines, \"\"quoted\"\"\",1\n.1,.2,,x\n", {0}, {0}, 0, ":4:8: a number was", {0}},
      {"x0,x1,note,y\n.1,.2,\"open,1\n", {0}, {0}, 0, ":2:7: a quote that is not closed", {0}},
      {"x0;x1;y;\"a,b\"\n.1;.2;1;\"a;b\"\n", {0}, {0}, 0, NULL, {.1f, .2f, 1}},
      {"x0\tx1\ty\n.1\t.2\t1\n", {0}, {0}, 0, NULL, {.1f, .2f, 1}},
  };
  Arena *a = arena_open(NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Case c;
    case_init(&c, DATA_CSV, 2, 1);
    c.column[0].dim[0] = c.column[0].count = 2;
    c.column[1].classes = 3;
    for (int k = 0; k < 2; k++) c.column[k].pick = cases[i].pick[k], c.column[k].picks = cases[i].picks[k];
    c.plan.data.header = cases[i].header;
    c.train[0] = path_of(a, "l.csv");
    put(c.train[0], cases[i].text, strlen(cases[i].text));
    if (cases[i].wrong) {
      assert_fails(load, &c, EXIT_DATA, cases[i].wrong);
      continue;
    }
    load(a, &c);
    const Array *x = &c.run.train.column[0], *y = &c.run.train.column[1];
    assert_true(x->value[0] == cases[i].want[0] && x->value[1] == cases[i].want[1] && y->value[0] == cases[i].want[2]);
  }
  arena_close(a);
}

// The same text is the same label in both splits, whatever the order and the number of texts in each.
static void csv_words(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_CSV, 2, 1);
  const char *test[] = {path_of(a, "test.csv")}, *train = "y,x0,x1,x2\nc,0,0,0\na,0,0,0\nb,0,0,0\nc,0,0,0\n";
  c.train[0] = path_of(a, "train.csv");
  c.plan.data.test = test;
  put(c.train[0], train, strlen(train));
  put(test[0], "x0,x1,x2,y\n0,0,0,b\n0,0,0,c\n", 27);
  Arena *inner = arena_open(a);
  load_both(inner, &c);
  const float *y = c.run.train.column[1].value, *z = c.run.test.column[1].value;
  assert_true(y[0] == 2 && y[1] == 0 && y[2] == 1 && y[3] == 2 && z[0] == 1 && z[1] == 2);
  arena_close(inner);
  put(test[0], "x0,x1,x2,y\n0,0,0,b\n0,0,0,d\n", 27);
  assert_fails(load_both, &c, EXIT_DATA, "test.csv:3: `d` is none of the 3 texts that the column y has");
  put(test[0], "x0,x1,x2,y\n0,0,0,1\n", 19);
  assert_fails(load_both, &c, EXIT_DATA, "test.csv: labels of the column y are numbers here, and texts in");
  const char *good = train;
  assert_flips_hold(load, &c, c.train[0], (const uint8_t *)good, strlen(good), 1000);
  arena_close(a);
}

// Every number reads as strtod reads it.
static void csv_numbers_check(Arena *a, void *what) {
  Case *c = what;
  uint32_t state = 99;
  c->column[0] = (PlanColumn){.name = "x", .count = 1, .lo = -INFINITY, .hi = INFINITY};
  Text t = text_new(a);
  double want[1000];
  for (int i = 0; i < 1000; i++) {
    double v = ((double)dice(&state) - 2e9) * pow(10, (double)(dice(&state) % 30) - 20);
    const char *text = arena_format(a, i % 3 ? "%.*g" : "%.*f", (int)(dice(&state) % 18), v);
    want[i] = strtod(text, NULL);
    text_add(&t, "%s\n", text);
  }
  put(c->train[0], t.data, t.length);
  load(a, c);
  assert_int_equal(c->run.train.examples, 1000);
  for (int i = 0; i < 1000; i++) assert_true(c->run.train.column[0].value[i] == (float)want[i]);
}

static void csv_numbers(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_CSV, 1, 1);
  c.train[0] = path_of(a, "n.csv");
  assert_works(csv_numbers_check, &c);
  arena_close(a);
}

// Blank lines must not be paid for as examples of a large column.
static void csv_blank_lines(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_CSV, 1, 1);
  c.column[0].count = 1 << 20;
  c.train[0] = path_of(a, "b.csv");
  char *blank = NEW_ARRAY(a, char, 1 << 20);
  memset(blank, '\n', 1 << 20);
  put(c.train[0], blank, 1 << 20);
  assert_fails(load, &c, EXIT_DATA, "holds no examples");
  arena_close(a);
}

// --- splits and batches ---

static void holdout_check(Arena *a, void *what) {
  Case *c = what;
  c->run.arena = a;
  data_load_test(&c->run);  // loads the other one too
  assert_int_equal(c->run.train.examples, 3);
  assert_int_equal(c->run.train.column[0].examples, 3);
  assert_int_equal(c->run.test.examples, 1);
  assert_true(c->run.test.column[1].value[0] == 8);
  assert_true(c->run.test.column[0].value[2] == 0.75f);
  data_load_train(&c->run);
  assert_int_equal(c->run.train.examples, 3);
}

static void holdout(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_CSV, 2, 1);
  c.train[0] = path_of(a, "h.csv");
  c.plan.data.holdout = 0.3;  // 1.2 of 4 examples
  c.plan.data.holdout_last = true;
  static const char text[] = "0,0,0,5\n0,0,0,6\n0,0,0,7\n1,.5,.75,8\n";
  put(c.train[0], text, strlen(text));
  assert_works(holdout_check, &c);
  c.plan.data.holdout = 1;
  assert_fails(load, &c, EXIT_DATA, "leaves none to learn from");
  c.plan.data.holdout = 0.1;
  load(a, &c);
  assert_int_equal(c.run.train.examples, 4);
  c.run.reader = NULL;
  assert_fails(load, &c, EXIT_SOFTWARE, "no reader");
  c.plan.data.format = DATA_GENERATED;
  c.plan.data.generated_train = 42;
  assert_works(load, &c);
  assert_int_equal(c.run.train.examples, 42);
  arena_close(a);
}

// A file of n examples: x is three times the number of the example, y the number, stored as bytes or as text.
static void numbered(Case *c, Arena *a, DataFormat format, int n) {
  Text t = text_new(a);
  case_init(c, format, 2, format == DATA_CSV ? 1 : 2);
  c->column[0].lo = -INFINITY, c->column[0].hi = INFINITY;
  c->column[1].classes = 256;
  for (int k = 0; k < 2; k++) c->train[k] = path_of(a, k ? "y" : "x");
  if (format == DATA_CSV) {
    for (int i = 0; i < n; i++) text_add(&t, "%d,%d,%d,%d\n", i, i, i, i);
    put(c->train[0], t.data, t.length);
    return;
  }
  for (int k = 0; k < 2; k++) {
    uint8_t bytes[1024] = {0, 0, 8, k ? 1 : 2, 0, 0, 0, (uint8_t)n, 0, 0, 0, 3};
    size_t head = k ? 8 : 12;
    for (int i = 0; i < n * (k ? 1 : 3); i++) bytes[head + (size_t)i] = (uint8_t)(k ? i : i / 3);
    put(c->train[k], bytes, head + (size_t)(n * (k ? 1 : 3)));
  }
}

// Every example is in one of the splits, whole; the same ones are held out whatever the seed and the format.
static void held_out_by_chance(void **state) {
  (void)state;
  enum { N = 100, HELD = 29 };  // 0.29 * 100 is a little less than 29 in binary
  Arena *a = arena_open(NULL);
  int times[2][N] = {{0}}, last = 0, in_order = 0;
  for (int way = 0; way < 2; way++) {
    Case c;
    numbered(&c, a, way ? DATA_CSV : DATA_IDX, N);
    c.plan.data.holdout = 0.29;
    c.run.seed = (uint32_t)way + 1;
    load(a, &c);
    assert_int_equal(c.run.test.examples, HELD);
    assert_int_equal(c.run.train.examples, N - HELD);
    for (int split = 0; split < 2; split++) {
      const Data *data = split ? &c.run.test : &c.run.train;
      for (int32_t i = 0; i < data->examples; i++) {
        float x[3], y;
        data_gather(&(PlanFeed){.index = 0}, data, &i, 1, x);
        data_gather(&(PlanFeed){.index = 1}, data, &i, 1, &y);
        assert_true(x[0] == y && x[1] == y && x[2] == y);
        times[way][(int)y] += split ? N : 1;
        last += split && y >= N - HELD;
        in_order += split && y == (float)(N - HELD + i);
      }
    }
  }
  for (int i = 0; i < N; i++) assert_true(times[0][i] == times[1][i] && (times[0][i] == 1 || times[0][i] == N));
  assert_true(last < 36 && in_order < 6);  // of 58, some 17 and 0.6 by chance
  arena_close(a);
}

// Of every tenth of the file about as many are held out.
static void held_out_evenly(void **state) {
  (void)state;
  enum { N = 250, HELD = 100 };
  Arena *a = arena_open(NULL);
  int held[10] = {0};
  Case c;
  numbered(&c, a, DATA_IDX, N);
  c.plan.data.holdout = (double)HELD / N;
  load(a, &c);
  for (int64_t i = 0; i < HELD; i++) held[c.run.test.column[1].byte[i] * 10 / N]++;
  double chi_square = 0;  // of a hypergeometric count: variance 10 (1 - 0.4), nine degrees of freedom
  for (int i = 0; i < 10; i++) chi_square += (held[i] - 10) * (held[i] - 10) / 6.0;
  assert_true(chi_square < 27.9);  // exceeded by one in 1000
  arena_close(a);
}

static void gather(void **state) {
  (void)state;
  static const float value[] = {1, 2, 3, 4, 5, 6};
  Array bytes[2] = {{.examples = 2, .count = 3, .byte = six, .scale = 0.5f, .shift = -1},
                    {.examples = 2, .count = 1, .byte = (const uint8_t *)"\x03\x07", .scale = 1}},
        floats[1] = {{.examples = 2, .count = 3, .value = value, .scale = 1}};
  Data data = {.examples = 2, .column = bytes}, real = {.examples = 2, .column = floats};
  const int32_t rows[] = {1, 0, 1};
  float into[9];
  data_gather(&(PlanFeed){.index = 0}, &data, rows, 3, into);
  for (int i = 0; i < 9; i++) assert_true(into[i] == 0.5f * (float)six[3 * rows[i / 3] + i % 3] - 1);
  data_gather(&(PlanFeed){.index = 1}, &data, rows, 3, into);
  for (int i = 0; i < 3; i++) assert_true(into[i] == (float)(rows[i] ? 7 : 3));
  data_gather(&(PlanFeed){.index = 0}, &real, rows, 3, into);
  for (int i = 0; i < 9; i++) assert_true(into[i] == value[3 * rows[i / 3] + i % 3]);
}

// --- numbers of every type ---

// A number as the bytes of a type: u, i or f and the size, the lowest byte first.
static void number_bytes(double v, const char *type, uint8_t *into) {
  uint64_t bits = (uint64_t)(int64_t)v;
  size_t size = (size_t)(type[1] - '0');
  if (!strcmp(type, "f8")) memcpy(&bits, &v, 8);
  if (!strcmp(type, "f4")) {
    float single = (float)v;
    memcpy(&bits, &single, 4);
  }
  if (!strcmp(type, "f2")) bits = v == 0 ? 0 : v == 1 ? 0x3c00 : v == 128 ? 0x5800 : v == 255 ? 0x5bf8 : 0xfe00;
  for (size_t i = 0; i < size; i++) into[i] = (uint8_t)(bits >> 8 * i);
}

// The same, the highest byte first, or back.
static void swap_bytes(uint8_t *p, size_t size) {
  uint8_t kept[8];
  memcpy(kept, p, size);
  for (size_t i = 0; i < size && i < sizeof kept; i++) p[i] = kept[size - 1 - i];
}

static Sample numbers_file(Arena *a, const char *type, uint8_t idx, bool big, const double number[6]) {
  uint8_t payload[48];
  size_t size = (size_t)(type[1] - '0');
  for (int i = 0; i < 6; i++) {
    number_bytes(number[i], type, payload + (size_t)i * size);
    if (big) swap_bytes(payload + (size_t)i * size, size);
  }
  if (idx) return idx_sample(idx, 2, (uint32_t[]){2, 3}, payload, 6 * size);
  return npy_sample(arena_format(a, "{'descr': '%c%s', 'fortran_order': False, 'shape': (2, 3), }\n",
                                 size == 1 ? '|'
                                 : big     ? '>'
                                           : '<',
                                 type),
                    payload, 6 * size);
}

typedef struct {
  Case c;
  double want[6];
} Wanted;

static void wanted_check(Arena *a, void *what) {
  Wanted *w = what;
  float into[6];
  load(a, &w->c);
  data_gather(&(PlanFeed){.index = 0}, &w->c.run.train, (const int32_t[]){0, 1}, 2, into);
  for (int i = 0; i < 6; i++) assert_true(into[i] == (float)w->want[i]);
}

// Equal numbers are equal values, whatever their type, byte order and format; and none is scaled that lies in the
// support.
static void equal_numbers(void **state) {
  (void)state;
  static const struct {
    const char *type;
    uint8_t idx;
  } types[] = {{"b1", 0},  {"u1", 8}, {"i1", 9}, {"u2", 0}, {"i2", 11}, {"u4", 0},
               {"i4", 12}, {"u8", 0}, {"i8", 0}, {"f2", 0}, {"f4", 13}, {"f8", 14}};
  static const double black_and_white[6] = {0, 1, 1, 0, 1, 1}, grey[6] = {0, 128, 255, 1, 0, 255};
  Arena *a = arena_open(NULL);
  Wanted w;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    for (int way = 0; way < 3; way++)
      for (int levels = 0; levels < 2; levels++) {
        if ((way == 2 && !types[i].idx) || (levels && (!strcmp(types[i].type, "b1") || !strcmp(types[i].type, "i1"))))
          continue;
        case_init(&w.c, way == 2 ? DATA_IDX : DATA_NPY, 1, 1);
        w.c.train[0] = path_of(a, "n");
        Sample s =
            numbers_file(a, types[i].type, way == 2 ? types[i].idx : 0, way > 0, levels ? grey : black_and_white);
        put(w.c.train[0], s.bytes, s.length);
        for (int k = 0; k < 6; k++)
          w.want[k] = levels ? (double)((float)(1 / 255.0) * (float)grey[k]) : black_and_white[k];
        assert_works(wanted_check, &w);
        for (int k = 0; k < 6; k++) w.want[k] = (levels ? grey : black_and_white)[k];
        w.c.column[0].lo = -INFINITY, w.c.column[0].hi = INFINITY, w.c.column[0].levels = false;
        assert_works(wanted_check, &w);  // on the reals, nothing is scaled
        w.c.column[0].classes = 256;
        assert_works(wanted_check, &w);  // nor are labels
      }
  arena_close(a);
}

// The extremes of every type, by known answers.
static void numbers_at_the_ends(void **state) {
  (void)state;
  static const struct {
    const char *type;
    const uint8_t bytes[8];  // the highest first
    double value;
  } cases[] = {
      {"i1", {0x80}, -128},
      {"u1", {0xff}, 255},
      {"i2", {0x80, 0}, -32768},
      {"u2", {0xff, 0xff}, 65535},
      {"i4", {0x80, 0, 0, 0}, -2147483648.0},
      {"u4", {0xff, 0xff, 0xff, 0}, 4294967040.0},
      {"i8", {0x80, 0, 0, 0, 0, 0, 0, 0}, -9223372036854775808.0},
      {"u8", {0xff, 0xff, 0xff, 0, 0, 0, 0, 0}, 18446742974197923840.0},
      {"i8", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, -1},
      {"f2", {0x7b, 0xff}, 65504},
      {"f2", {0x00, 0x01}, 0x1p-24},
      {"f2", {0x83, 0xff}, -0x1.ff8p-15},
      {"f2", {0x04, 0x00}, 0x1p-14},
      {"f2", {0x7c, 0x00}, INFINITY},
      {"f2", {0xfc, 0x00}, -INFINITY},
      {"f4", {0x00, 0x80, 0, 0}, 0x1p-126},
      {"f8", {0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a}, 0.1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Stored s = {.type = stored_type_npy(cases[i].type, 2), .big = true};
    uint8_t bytes[8];
    assert_true(stored_number(&s, cases[i].bytes) == cases[i].value);
    memcpy(bytes, cases[i].bytes, 8);
    swap_bytes(bytes, s.type->size);
    s.big = false;
    assert_true(stored_number(&s, bytes) == cases[i].value);
  }
  assert_true(isnan(stored_number(&(Stored){.type = stored_type_npy("f2", 2)}, (const uint8_t[]){0x01, 0x7c})));
  assert_null(stored_type_npy("f", 1));
  assert_null(stored_type_npy("c8", 2));
  assert_null(stored_type_idx(0));
}

// The first axis running fastest: [2, 3] of 1 .. 6 is stored as 1 4 2 5 3 6.
static void fortran_order(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Wanted w = {.want = {1, 2, 3, 4, 5, 6}};
  static const struct {
    const char *type;
    int64_t dim[3];
    const uint8_t bytes[6];
  } cases[] = {{"|u1", {3}, {1, 4, 2, 5, 3, 6}}, {"|i1", {3}, {1, 4, 2, 5, 3, 6}}};
  case_init(&w.c, DATA_NPY, 1, 1);
  w.c.column[0].lo = -INFINITY, w.c.column[0].hi = INFINITY;
  w.c.train[0] = path_of(a, "f.npy");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Sample s = npy_sample(arena_format(a, "{'descr': '%s', 'fortran_order': True, 'shape': (2, 3), }\n", cases[i].type),
                          cases[i].bytes, 6);
    put(w.c.train[0], s.bytes, s.length);
    assert_works(wanted_check, &w);
  }
  // [1, 2, 3] of the same
  Sample s = npy_sample("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 2, 3), }\n", "\1\4\2\5\3\6", 6);
  put(w.c.train[0], s.bytes, s.length);
  w.c.column[0] = (PlanColumn){.name = "x", .rank = 2, .dim = {2, 3}, .count = 6, .lo = 0, .hi = 9};
  Array array;
  load(a, &w.c);
  array = w.c.run.train.column[0];
  for (int i = 0; i < 6; i++) assert_int_equal(array.byte[i], i + 1);
  arena_close(a);
}

// Shapes are compared axis by axis; axes of size 1 do not count, and flat examples fit any shape of their size.
static void shapes(void **state) {
  (void)state;
  static const struct {
    uint32_t file[4];
    int rank, column;
    int64_t dim[3];
    bool fits;
  } cases[] = {
      {{2, 3, 2}, 3, 2, {3, 2}, true},    {{2, 2, 3}, 3, 2, {3, 2}, false},   {{2, 6}, 2, 2, {3, 2}, true},
      {{2, 3, 2}, 3, 1, {6}, true},       {{2, 1, 3, 2}, 4, 2, {3, 2}, true}, {{2, 3, 2, 1}, 4, 2, {3, 2}, true},
      {{2, 3, 2}, 3, 3, {3, 1, 2}, true}, {{2, 6, 1}, 3, 2, {1, 6}, true},    {{2, 2, 3}, 3, 3, {3, 2, 1}, false},
      {{2, 3, 2}, 3, 2, {3, 3}, false},   {{12}, 1, 2, {3, 2}, false},        {{2, 1, 2, 3}, 4, 2, {3, 2}, false},
  };
  static const uint8_t twelve[12] = {0};
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_IDX, 1, 1);
  c.train[0] = path_of(a, "s.idx");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    PlanColumn *x = &c.column[0];
    x->rank = cases[i].column;
    x->count = 1;
    for (int k = 0; k < x->rank; k++) x->count *= x->dim[k] = cases[i].dim[k];
    Sample s = idx_sample(8, cases[i].rank, cases[i].file, twelve, 12);
    put(c.train[0], s.bytes, s.length);
    if (cases[i].fits)
      assert_works(load, &c);
    else
      assert_fails(load, &c, EXIT_DATA, "does not hold examples of shape [3, ");
  }
  arena_close(a);
}

// What is decided by the training split holds for the test split.
static void test_split_is_read_alike(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Case c;
  const char *test[] = {path_of(a, "test.idx")};
  case_init(&c, DATA_IDX, 1, 1);
  c.train[0] = path_of(a, "train.idx");
  c.plan.data.test = test;
  Sample grey = idx_sample(8, 2, (uint32_t[]){2, 3}, six, 6), white = idx_sample(8, 2, (uint32_t[]){1, 3}, "\1\1\0", 3);
  put(c.train[0], grey.bytes, grey.length);
  put(test[0], white.bytes, white.length);
  assert_works(load_both, &c);
  put(c.train[0], white.bytes, white.length);
  put(test[0], grey.bytes, grey.length);
  assert_fails(
      load_both, &c, EXIT_DATA,
      "test.idx: item 0 (from 0), element 1: value 51 is outside [0, 1], the support of the column x; so are 5 "
      "of 6");
  arena_close(a);
}

// --- what is kept with the weights ---

// Means and deviations of the training split by places, of bytes as values and of floats; by hand.
static void statistics(void **state) {
  (void)state;
  static const uint8_t byte[] = {0, 10, 7, 2, 30, 7, 4, 20, 7};
  static const float value[] = {1000001, 1000002, 1000003};
  Array array[] = {{.examples = 3, .count = 3, .byte = byte, .scale = 0.5f, .shift = -1},
                   {.examples = 3, .count = 1, .value = value, .scale = 1}};
  PlanTensor tensor[] = {{.name = "w", .count = 2, .at = 0},
                         {.name = "mean", .count = 3, .at = 2, .statistic = STATISTIC_MEAN},
                         {.name = "deviation", .count = 3, .at = 5, .statistic = STATISTIC_DEVIATION},
                         {.name = "large", .count = 1, .at = 8, .statistic = STATISTIC_DEVIATION, .column = 1}};
  Plan plan = {.columns = 2, .tensor = tensor, .tensors = 4};
  float memory[9] = {42, 43};
  Arena *a = arena_open(NULL);
  Run run = {.arena = a, .plan = &plan, .memory = memory, .train = {.examples = 3, .column = array}};
  data_statistics(&run);
  const double want[] = {42, 43, 0, 9, 2.5, sqrt(2.0 / 3), 5 * sqrt(2.0 / 3), 1, sqrt(2.0 / 3)};
  for (int i = 0; i < 9; i++) assert_true(fabs((double)memory[i] - want[i]) < 1e-6);
  arena_close(a);
}

// Coordinates along principal axes, of the training split and of another along the same ones; by NumPy's singular values.
static void principal_axes(void **state) {
  (void)state;
  static const float train[8][4] = {{2.5f, 0.5f, -1, 4},       {1, 3.25f, 0, 2.75f},       {-2, 1.5f, 3, 0.25f},
                                    {0.75f, -1.25f, 2, 1},     {4, 0, -2.5f, 3.5f},        {-1, 2.75f, 1.25f, -0.5f},
                                    {3.25f, 1, 0.5f, 2},       {0, 0, 1, 1.5f}},
                     test[2][4] = {{1, 1, 1, 1}, {5, -2, 0, 3}};
  static const double axis[2][4] = {{0.67597585, -0.154847316, -0.536654113, 0.480709187},
                                    {-0.08832596, 0.946158353, -0.29507479, 0.099567886}},
                      mean[] = {1.0625, 0.96875, 0.53125, 1.8125},
                      of_train[8][2] = {{2.91760292, 0.099157727},   {0.340268431, 2.414047491},
                                        {-4.228411622, -0.110895831}, {-1.046461914, -2.585976988},
                                        {4.573616929, -0.113582148}, {-3.16738211, 1.425181118},
                                        {1.580761606, -0.135755523}, {-0.969994239, -0.992175844}},
                      of_test[2][2] = {{-0.689220299, -0.184127394}, {3.977297533, -2.881695732}};
  for (int threads = 0; threads < 3; threads++) {
    Arena *a = arena_open(NULL);
    PlanColumn column = {.name = "x", .rank = 1, .dim = {4}, .count = 4, .principal = 2};
    Plan plan = {.column = &column, .columns = 1};
    Run run = {.arena = a, .plan = &plan, .pool = threads ? pool_open(a, threads) : NULL};
    Array array[] = {{.examples = 8, .count = 4, .value = train[0], .scale = 1},
                     {.examples = 2, .count = 4, .value = test[0], .scale = 1}};
    Data data[] = {{.examples = 8, .column = &array[0], .arena = a}, {.examples = 2, .column = &array[1], .arena = a}};
    for (int i = 0; i < 2; i++) data_axes(&run, 0, &data[i]);
    for (int i = 0; i < 8; i++) assert_true(fabs((double)run.principal[0].axis[i] - axis[i / 4][i % 4]) < 1e-6);
    for (int i = 0; i < 4; i++) assert_true((double)run.principal[0].mean[i] == mean[i]);
    assert_int_equal(array[0].count, 2);
    for (int i = 0; i < 16; i++) assert_true(fabs((double)array[0].value[i] - of_train[i / 2][i % 2]) < 1e-5);
    for (int i = 0; i < 4; i++) assert_true(fabs((double)array[1].value[i] - of_test[i / 2][i % 2]) < 1e-5);
    arena_close(a);
  }
}

// Random bytes in many places, some of which never vary: axes are of length 1 and at right angles, and what they explain is no less
// than along the axes after them, nor than in any one place.
static void many_principal_axes(void **state) {
  (void)state;
  enum { N = 300, D = 61 };
  static uint8_t byte[N * D];
  Arena *a = arena_open(NULL);
  uint32_t random = 1;
  for (int i = 0; i < N * D; i++) {
    random = random * 1664525 + 1013904223;
    byte[i] = (uint8_t)(i % D % 7 == 3 ? 9 : (random >> 24) % (uint32_t)(2 + i % D));
  }
  PlanColumn column = {.name = "x", .rank = 1, .dim = {D}, .count = D, .principal = D};
  Plan plan = {.column = &column, .columns = 1};
  Run run = {.arena = a, .plan = &plan, .pool = pool_open(a, 2)};
  Array array = {.examples = N, .count = D, .byte = byte, .scale = 0.5f, .shift = -3};
  Data data = {.examples = N, .column = &array, .arena = a};
  data_axes(&run, 0, &data);
  const float *axis = run.principal[0].axis;
  double explained[D] = {0}, all = 0, along_places = 0;
  for (int i = 0; i < D; i++)
    for (int k = 0; k <= i; k++) {
      double product = 0;
      for (int j = 0; j < D; j++) product += (double)axis[i * D + j] * (double)axis[k * D + j];
      assert_true(fabs(product - (i == k)) < 1e-6);
    }
  for (int i = 0; i < N * D; i++) explained[i % D] += pow((double)array.value[i], 2);
  for (int j = 0; j < D; j++) {
    double sum = 0, square = 0;
    for (int i = 0; i < N; i++) sum += 0.5 * byte[i * D + j], square += pow(0.5 * byte[i * D + j], 2);
    along_places += square - sum * sum / N;
    all += explained[j];
    assert_true(square - sum * sum / N <= explained[0]);
    if (j) assert_true(explained[j] <= explained[j - 1] + 1e-6 * all);
  }
  assert_true(fabs(all / along_places - 1) < 1e-6);
  assert_true(explained[D - 1] < 1e-6 * all);
  arena_close(a);
}

// How values were made is kept as text, and taken back only whole.
static void readings(void **state) {
  (void)state;
  static const char *const word[] = {"a \"b\"", "c\n", "\xc3\xa9"};
  static const char *const bad[] = {
      "",
      "[]",
      "{}",
      "[{\"column\":\"x\",\"scale\":1,\"shift\":0}]",
      "[{\"column\":\"x\",\"scale\":1,\"shift\":0},{\"column\":\"z\",\"scale\":1,\"shift\":0}]",
      "[{\"column\":\"x\",\"scale\":null,\"shift\":0},{\"column\":\"y\",\"scale\":1,\"shift\":0}]",
      "[{\"column\":\"x\",\"scale\":1,\"shift\":0},{\"column\":\"y\",\"scale\":1,\"shift\":0,\"texts\":[\"b\",\"a\"]}]",
      "[{\"column\":\"x\",\"scale\":1,\"shift\":0,\"texts\":[\"a\"]},{\"column\":\"y\",\"scale\":1,\"shift\":0}]"};
  Arena *a = arena_open(NULL);
  Case c;
  case_init(&c, DATA_CSV, 2, 1);
  c.run.arena = a;
  Reading reading[2] = {{.scale = 1 / 255.0f, .shift = -0.1f}, {.scale = 1, .word = word, .words = 3}};
  c.run.reading = reading;
  const char *text = data_readings_text(a, &c.run);
  c.run.reading = NULL;
  assert_true(data_readings_take(&c.run, text));
  assert_true(c.run.reading[0].scale == reading[0].scale && c.run.reading[0].shift == reading[0].shift);
  assert_int_equal(c.run.reading[1].words, 3);
  for (int i = 0; i < 3; i++) assert_string_equal(c.run.reading[1].word[i], word[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(data_readings_take(&c.run, bad[i]));
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mnist),
      cmocka_unit_test(begun),
      cmocka_unit_test(both_expansions_agree),
      cmocka_unit_test(idx_refusals),
      cmocka_unit_test(idx_of_equal_counts),
      cmocka_unit_test(gzip),
      cmocka_unit_test(values_outside),
      cmocka_unit_test(scaled_bytes_stay_inside),
      cmocka_unit_test(shares),
      cmocka_unit_test(labels),
      cmocka_unit_test(npy_types),
      cmocka_unit_test(npy_headers),
      cmocka_unit_test(npy_gzipped),
      cmocka_unit_test(npz),
      cmocka_unit_test(csv),
      cmocka_unit_test(csv_layouts),
      cmocka_unit_test(csv_words),
      cmocka_unit_test(csv_numbers),
      cmocka_unit_test(csv_blank_lines),
      cmocka_unit_test(holdout),
      cmocka_unit_test(held_out_by_chance),
      cmocka_unit_test(held_out_evenly),
      cmocka_unit_test(gather),
      cmocka_unit_test(statistics),
      cmocka_unit_test(principal_axes),
      cmocka_unit_test(many_principal_axes),
      cmocka_unit_test(readings),
      cmocka_unit_test(equal_numbers),
      cmocka_unit_test(numbers_at_the_ends),
      cmocka_unit_test(fortran_order),
      cmocka_unit_test(shapes),
      cmocka_unit_test(test_split_is_read_alike),
  };
  return cmocka_run_group_tests_name("data", tests, folder_make, folder_remove);
}
