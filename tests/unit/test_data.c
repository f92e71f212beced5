// The data readers: MNIST as it is, small files of every format, and everything that can be wrong with them.
#include "attempt.h"

#include <math.h>
#include <zlib.h>

#include "data.h"
#include "pool.h"

// A run over columns and files, for one test.
typedef struct {
  PlanColumn column[2];
  const char *train[3], *test[3];
  Plan plan;
  Run run;
} Case;

static void case_init(Case *c, DataFormat format, int columns, int files) {
  memset(c, 0, sizeof *c);
  c->column[0] = (PlanColumn){.name = "x", .rank = 1, .dim = {3}, .count = 3, .scale = 1 / 255.0f, .lo = 0, .hi = 1};
  c->column[1] = (PlanColumn){.name = "y", .count = 1, .classes = 10, .scale = 1};
  c->plan = (Plan){.column = c->column, .columns = columns};
  c->plan.data = (PlanData){
      .format = format, .files = files, .train = c->train, .clause = "some.where", .file = "m.gm", .line = 7};
  c->run = (Run){.plan = &c->plan, .reader = data_reader(format)};
}

static void load(Arena *a, void *what) {
  Case *c = what;
  c->run.arena = a;
  c->run.train = c->run.test = (Data){0};
  data_load_train(&c->run);
}

// --- MNIST ---

static const char *const mnist_train[] = {"models/data/mnist/train-images-idx3-ubyte.gz",
                                          "models/data/mnist/train-labels-idx1-ubyte.gz"};
static const char *const mnist_test[] = {"models/data/mnist/t10k-images-idx3-ubyte.gz",
                                         "models/data/mnist/t10k-labels-idx1-ubyte.gz"};

static void mnist_init(Case *c) {
  case_init(c, DATA_IDX, 2, 2);
  c->column[0] =
      (PlanColumn){.name = "x", .rank = 2, .dim = {28, 28}, .count = 784, .scale = 1 / 255.0f, .lo = 0, .hi = 1};
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
  c->run.test = (Data){0};
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
  other.run.reader = data_read_idx_zlib;
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
  uint8_t bytes[256];
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
  static const struct {
    uint8_t type;
    const char *text;
  } types[] = {
      {9, "signed bytes"}, {11, "16-bit integers"}, {12, "32-bit integers"}, {14, "doubles"}, {0, "none of the IDX"}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    bad = idx_sample(types[i].type, 2, (uint32_t[]){2, 3}, six, 6);
    refuse_idx(&c, &bad, types[i].text);
  }
  bad = idx_sample(8, 2, (uint32_t[]){3, 2}, six, 6);
  refuse_idx(&c, &bad, "shape [3, 2] does not hold examples of shape [3]");
  bad = idx_sample(8, 2, (uint32_t[]){0, 3}, six, 0);
  refuse_idx(&c, &bad, "holds no examples");
  bad = idx_sample(8, 4, (uint32_t[]){0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, six, 6);
  refuse_idx(&c, &bad, "more than any memory");
  bad = idx_sample(8, 0, NULL, six, 6);
  refuse_idx(&c, &bad, "has 0 dimensions");
  bad = idx_sample(8, 9, (uint32_t[]){1, 1, 1, 1, 1, 1, 1, 1, 6}, six, 6);
  refuse_idx(&c, &bad, "has 9 dimensions");
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

static void gzip_refusals_by(Case *c, DataReader *reader) {
  c->run.reader = reader;
  Sample s = idx_sample(8, 2, (uint32_t[]){2, 3}, six, 6), packed = gzip_sample(s.bytes, s.length);
  put(c->train[0], packed.bytes, packed.length);
  assert_works(load, c);
  assert_cuts_fail(load, c, c->train[0], packed.bytes, packed.length);
  assert_flips_hold(load, c, c->train[0], packed.bytes, packed.length, 700);
  Sample bad = packed;
  bad.bytes[bad.length - 8] ^= 1;
  refuse_idx(c, &bad, "no sound gzip file");  // its checksum
  bad = packed;
  sample_add(&bad, "junk", 4);
  refuse_idx(c, &bad, "no sound gzip file");
  bad = gzip_sample(s.bytes, s.length - 1);
  refuse_idx(c, &bad, "less than its header promises");
  sample_add(&s, "more", 4);
  bad = gzip_sample(s.bytes, s.length);
  refuse_idx(c, &bad, "past the size its header promises");
  bad = idx_sample(8, 2, (uint32_t[]){1000000000, 3}, six, 6);
  bad = gzip_sample(bad.bytes, bad.length);
  refuse_idx(c, &bad, "compressed ones can hold");
}

// Two members count as one file.
static void gzip_members_by(Case *c, DataReader *reader) {
  c->run.reader = reader;
  Sample s = idx_sample(8, 2, (uint32_t[]){2, 3}, six, 6);
  Sample first = gzip_sample(s.bytes, 14), second = gzip_sample(s.bytes + 14, s.length - 14);
  sample_add(&first, second.bytes, second.length);
  put(c->train[0], first.bytes, first.length);
  assert_works(idx_shapes_check, c);
}

// A kilobyte that would be a megabyte, behind an honest small header.
static void gzip_bomb_by(Case *c, DataReader *reader) {
  static uint8_t zeroes[1 << 17];
  c->run.reader = reader;
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
  DataReader *const readers[] = {data_read_idx, data_read_idx_zlib};
  case_init(&c, DATA_IDX, 1, 1);
  c.train[0] = path_of(a, "x.gz");
  for (int i = 0; i < 2; i++) {
    gzip_refusals_by(&c, readers[i]);
    gzip_members_by(&c, readers[i]);
    gzip_bomb_by(&c, readers[i]);
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
  assert_fails(load, &c, EXIT_DATA, "item 1 (from 0), element 0: value 0.6");
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
  c.column[0].scale = 2 / 255.0f;
  c.column[0].shift = -1;
  c.column[0].lo = -1;
  assert_works(load, &c);
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
      {"{'descr': '>f4', 'fortran_order': False, 'shape': (1, 3), }\n", "big-endian"},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': (1, 3), }\n", "a type other than"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 3), }\n", "a type other than"},
      {"{'descr': '|u1', 'fortran_order': True, 'shape': (1, 3), }\n", "Fortran order"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3), 'shape': (1, 3)}\n", "not as NumPy writes it"},
      {"{'descr': '|u1', 'fortran_order': False}\n", "not as NumPy writes it"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (1, -3), }\n", "not as NumPy writes it"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n", "but its header promises"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n", "shape [3] does not hold"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 3), }\n", "too large"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 3), }\n", "any memory"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,3), }\n", "more dimensions"},
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
      {"a,b,c,label\n0,0.5,1,3\n", NULL},
      {"\xef\xbb\xbf\"a\",\"b\",\"c\",\"label\"\r\n0,0.5,1,3\r\n\r\n", NULL},
      {"0;0.5;1;3", NULL},
      {"0\t0.5\t1\t3\n", NULL},
      {" 0 , \"0.5\" , 1 , 3 \n\n", NULL},
      {"", "holds no examples"},
      {"a,b,c,d\n", "holds no examples"},
      {"0,0.5,1,3\n0,0.5,x,3\n", ":2:7: a number was expected"},
      {"a,b,1,d\n0,0.5,1,3\n", ":1:1: a number was expected"},
      {"0,0.5,1,3\n0,0.5,,3\n", ":2:7: a number was expected"},
      {"0,0.5,1,3\n0,0.5,1\n", ":2:8: the line has too few values"},
      {"0,0.5,1,3\n0,0.5,1,3,4\n", ":2:10: the line goes on"},
      {"0,0.5,1,3\n0,0.5,1,\n", ":2:9: the line ends"},
      {"0,0.5,1,3\n0,0.5,0x1,3\n", ":2:8: a number"},
      {"0,0.5,1,3\n0,0.5,nan,3\n", ":2:7: a number"},
      {"0,0.5,1,3\n0,0.5,1e,3\n", ":2:7: a number"},
      {"0,0.5,1,3\n0,0.5,1 1,3\n", ":2:9: a number"},
      {"0,0.5,1,3\n0,0.5,\"1,3\n", ":2:7: a number"},
      {"0,0.5,1,3\n0,0.5,1,3.5\n", "item 1 (from 0): label 3.5"},
      {"0,0.5,1,3\n0,0.5,1,-1\n", "item 1 (from 0): label -1"},
      {"0,0.5,1,3\n0,0.5,1e999,1\n", "item 1 (from 0), element 2: value inf"},
      {"0,0.5,1,3\n0,0.5,2,1\n", "item 1 (from 0), element 2: value 2"},
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
  static const char text[] = "0,0,0,5\n0,0,0,6\n0,0,0,7\n1,.5,.75,8\n";
  put(c.train[0], text, strlen(text));
  assert_works(holdout_check, &c);
  c.plan.data.holdout = 1;
  assert_fails(load, &c, EXIT_DATA, "leaves none to learn from");
  c.run.reader = NULL;
  assert_fails(load, &c, EXIT_SOFTWARE, "no reader");
  c.plan.data.format = DATA_GENERATED;
  c.plan.data.generated_train = 42;
  assert_works(load, &c);
  assert_int_equal(c.run.train.examples, 42);
  arena_close(a);
}

static void gather(void **state) {
  (void)state;
  Case c;
  case_init(&c, DATA_NONE, 2, 0);
  c.column[0].scale = 0.5f;
  c.column[0].shift = -1;
  c.column[1].scale = 99;  // labels are never scaled
  static const float value[] = {1, 2, 3, 4, 5, 6};
  Array bytes[2] = {{2, 3, six, NULL}, {2, 1, (const uint8_t *)"\x03\x07", NULL}}, floats[1] = {{2, 3, NULL, value}};
  Data data = {2, bytes}, real = {2, floats};
  const int32_t rows[] = {1, 0, 1};
  float into[9];
  data_gather(&c.run, &(PlanFeed){.index = 0}, &data, rows, 3, into);
  for (int i = 0; i < 9; i++) assert_true(into[i] == 0.5f * (float)six[3 * rows[i / 3] + i % 3] - 1);
  data_gather(&c.run, &(PlanFeed){.index = 1}, &data, rows, 3, into);
  for (int i = 0; i < 3; i++) assert_true(into[i] == (float)(rows[i] ? 7 : 3));
  data_gather(&c.run, &(PlanFeed){.index = 0}, &real, rows, 3, into);
  for (int i = 0; i < 9; i++) assert_true(into[i] == value[3 * rows[i / 3] + i % 3]);
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
      cmocka_unit_test(labels),
      cmocka_unit_test(npy_types),
      cmocka_unit_test(npy_headers),
      cmocka_unit_test(csv),
      cmocka_unit_test(csv_numbers),
      cmocka_unit_test(csv_blank_lines),
      cmocka_unit_test(holdout),
      cmocka_unit_test(gather),
  };
  return cmocka_run_group_tests_name("data", tests, folder_make, folder_remove);
}
