// Files whole and replaced, failing disks, JSON, safetensors and NPY.
#include "attempt.h"

#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/file.h"
#include "formats/json.h"
#include "formats/npy.h"
#include "formats/safetensors.h"

// --- reading ---

static void read_it(Arena *a, void *path) {
  file_read(a, path, 10, "look there");
}

static void reading(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  char *path = arena_format(a, "%s/f", folder);
  put(path, "0123456789", 10);
  Bytes b = file_read(a, path, 10, "");
  assert_int_equal(b.size, 10);
  assert_memory_equal(b.data, "0123456789", 11);  // and a NUL
  put(path, "", 0);
  assert_int_equal(file_read(a, path, 10, "").size, 0);
  put(path, "0123456789a", 11);
  assert_fails(read_it, path, EXIT_DATA, "has 11 bytes, more than the 10 allowed");
  unlink(path);
  assert_fails(read_it, path, EXIT_NOINPUT, "/f: No such file or directory; look there");
  assert_fails(read_it, folder, EXIT_DATA, "is a folder");
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_fails(read_it, path, EXIT_DATA, "is not a regular file");
  unlink(path);
  assert_fails(read_it, (char[]){"no\x1b[31m/where"}, EXIT_NOINPUT, "no\\x1b[31m/where");
  arena_close(a);
}

static void checked_sizes(void **state) {
  (void)state;
  size_t out;
  assert_true(size_product(SIZE_MAX, 1, &out) && out == SIZE_MAX);
  assert_true(size_product(0, SIZE_MAX, &out) && out == 0);
  assert_false(size_product(SIZE_MAX / 2 + 1, 2, &out));
  assert_true(size_sum(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
  assert_false(size_sum(SIZE_MAX, 1, &out));
}

// --- replacing ---

static char big[1 << 20];

static void write_big(Arena *a, void *path) {
  NewFile *f = file_begin(a, path);
  for (int i = 0; i < 8; i++) file_add(f, big + i, sizeof big / 8 - 8);
  file_commit(f);
}

static void write_small(Arena *a, void *path) {
  file_replace(a, path, "new", 3);
}

static void assert_holds(const char *path, const char *text) {
  Arena *a = arena_open(NULL);
  Bytes b = file_read(a, path, 1 << 20, "");
  assert_int_equal(b.size, strlen(text));
  assert_memory_equal(b.data, text, b.size);
  arena_close(a);
}

static void replacing(void **state) {
  (void)state;
  folder_count(true);
  Arena *a = arena_open(NULL);
  char *path = arena_format(a, "%s/f", folder), *to = arena_format(a, "%s/link", folder);
  assert_works(write_small, path);
  assert_holds(path, "new");
  put(path, "something longer", 16);
  assert_int_equal(symlink("f", to), 0);
  assert_works(write_small, to);  // follows the link and leaves it
  assert_holds(path, "new");
  struct stat st;
  assert_true(lstat(to, &st) == 0 && S_ISLNK(st.st_mode));
  assert_works(write_big, path);
  for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * 7);
  assert_works(write_big, path);
  Bytes b = file_read(a, path, 1 << 20, "");
  assert_int_equal(b.size, sizeof big - 64);
  for (size_t i = 0; i < 8; i++) assert_memory_equal(b.data + i * (sizeof big / 8 - 8), big + i, sizeof big / 8 - 8);
  assert_int_equal(folder_count(true), 2);  // no temporary is left
  assert_fails(write_small, arena_format(a, "%s/no/f", folder), EXIT_CANTCREATE, "cannot be written: No such file");
  assert_fails(write_small, folder, EXIT_CANTCREATE, "is a folder");
  assert_fails(write_small, "/dev/full", EXIT_IO, "No space left on device");
  assert_works(write_small, "/dev/null");
  assert_true(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
  arena_close(a);
}

// A failure of something else before the commit leaves nothing behind.
static void give_up(Arena *a, void *path) {
  file_add(file_begin(a, path), big, sizeof big);
  fail(a, EXIT_DATA, "changed my mind");
}

// With a file-size limit, in a process of its own: returns its exit code.
static int limited(void (*fn)(Arena *, void *), void *path) {
  pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){100000, 100000});
    Arena *a = arena_open(NULL);
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    if (ARENA_TRY(a) == 0) fn(a, path);
    _exit(a->code);  // without closing the arena: fail itself must have cleared up
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void failing_disks(void **state) {
  (void)state;
  folder_count(true);
  Arena *a = arena_open(NULL);
  char *path = arena_format(a, "%s/f", folder);
  put(path, "old", 3);
  assert_fails(give_up, path, EXIT_DATA, "changed my mind");
  assert_holds(path, "old");
  assert_int_equal(folder_count(false), 1);
  assert_int_equal(limited(write_big, path), EXIT_IO);
  assert_holds(path, "old");
  assert_int_equal(folder_count(false), 1);
  assert_int_equal(limited(write_small, path), 0);
  assert_holds(path, "new");
  arena_close(a);
}

// --- JSON ---

static void json_good(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const char *text =
                 " {\"a\" : [1, -2.5e3, true, false, null, \"\\u00e9\\ud83d\\ude00\\n\\\"\"], \"b\": {}, \"\": []} ",
             *problem;
  const Json *j = json_parse(a, text, strlen(text), &problem);
  assert_non_null(j);
  const Json *e = json_find(j, "a")->child;
  assert_true(e->number == 1 && e->next->number == -2500);
  assert_int_equal(e->next->next->kind, JSON_TRUE);
  assert_int_equal(e->next->next->next->kind, JSON_FALSE);
  assert_int_equal(e->next->next->next->next->kind, JSON_NULL);
  assert_string_equal(e->next->next->next->next->next->string, "\xc3\xa9\xf0\x9f\x98\x80\n\"");
  assert_int_equal(json_find(j, "b")->kind, JSON_OBJECT);
  assert_int_equal(json_find(j, "")->kind, JSON_ARRAY);
  assert_null(json_find(j, "c"));
  int64_t i = 0;
  assert_true(json_integer(e, &i) && i == 1);
  assert_true(json_integer(e->next, &i) && i == -2500);
  assert_false(json_integer(e->next->next, &i));
  arena_close(a);
}

static void json_bad(void **state) {
  (void)state;
  static const struct {
    const char *text, *problem;
  } cases[] = {
      {"", "expected a value at byte 0"},
      {"{", "expected a name at byte 1"},
      {"[1,]", "expected a value at byte 3"},
      {"[1 2]", "expected a comma or ] at byte 3"},
      {"{\"a\":1,}", "expected a name at byte 7"},
      {"{\"a\" 1}", "expected a colon at byte 5"},
      {"{\"a\":1 \"b\"", "expected a comma or } at byte 7"},
      {"{\"a\":1,\"\\u0061\":2}", "the name 'a' twice"},
      {"01", "malformed number"},
      {"1.", "malformed number"},
      {".5", "expected a value"},
      {"+1", "expected a value"},
      {"-", "malformed number"},
      {"1e", "malformed number"},
      {"1e999", "number too large"},
      {"NaN", "expected a value"},
      {"nul", "unknown word"},
      {"truer", "something after the value at byte 4"},
      {"[] []", "something after the value"},
      {"\"a", "string without an end"},
      {"\"a\\\"", "string without an end"},
      {"\"\\x\"", "unknown escape"},
      {"\"\\u12g4\"", "malformed \\u escape"},
      {"\"\\ud800\"", "unknown word"},
      {"\"\\ud800\\u0041\"", "half a surrogate pair"},
      {"\"\\udc00\"", "half a surrogate pair"},
      {"\"\\u0000\"", "NUL in a string"},
      {"\"\t\"", "control character"},
      {"\"\xff\"", "broken UTF-8"},
      {"\"\xc0\x80\"", "broken UTF-8"},
      {"\"\xed\xa0\x80\"", "broken UTF-8"},
      {"\"\xe2\x82\"", "broken UTF-8"},
      {"'a'", "expected a value"},
  };
  Arena *a = arena_open(NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *problem = NULL;
    assert_null(json_parse(a, cases[i].text, strlen(cases[i].text), &problem));
    if (!strstr(problem, cases[i].problem))
      complain("%s: '%s' instead of '%s'", cases[i].text, problem, cases[i].problem);
  }
  char deep[200];
  for (size_t n = 64; n <= 65; n++) {
    const char *problem = NULL;
    memset(deep, '[', n);
    memset(deep + n, ']', n);
    assert_true((json_parse(a, deep, 2 * n, &problem) != NULL) == (n == 64));
  }
  arena_close(a);
}

static void json_writing(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Text t = text_new(a);
  json_add_string(&t, "a\"\\\n\x1b\x7f\xc3\xa9\xff");
  assert_string_equal(t.data, "\"a\\\"\\\\\\u000a\\u001b\\u007f\xc3\xa9\xef\xbf\xbd\"");
  t = text_new(a);
  json_add_string(&t, "\xc2\x85 \xc2\x9b \xc2\xa0 \xe2\x80\xa7 \xe2\x80\xa8 \xe2\x80\xa9");
  assert_string_equal(t.data, "\"\\u0085 \\u009b \xc2\xa0 \xe2\x80\xa7 \\u2028 \\u2029\"");
  static const struct {
    double value;
    const char *text;
  } cases[] = {{0, "0"},
               {0.1, "0.1"},
               {-1.5, "-1.5"},
               {1e300, "1e+300"},
               {NAN, "null"},
               {INFINITY, "null"},
               {1.0 / 3, "0.3333333333333333"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    t = text_new(a);
    json_add_number(&t, cases[i].value);
    assert_string_equal(t.data, cases[i].text);
  }
  uint32_t dies = 4711;
  for (int i = 0; i < 2000; i++) {
    uint64_t bits = (uint64_t)dice(&dies) << 32 | dice(&dies);
    double v;
    memcpy(&v, &bits, sizeof v);
    if (!isfinite(v)) continue;
    const char *problem = NULL;
    t = text_new(a);
    json_add_number(&t, v);
    const Json *j = json_parse(a, t.data, t.length, &problem);
    assert_true(j && j->number == v);
  }
  arena_close(a);
}

// --- safetensors ---

static const float weights[6] = {1, -2, 3.5f, FLT_MIN, -0.0f, NAN};

static void write_tensors(Arena *a, void *path) {
  const TensorView v[] = {{.name = "q/dense_1/W", .rank = 2, .dim = {2, 3}, .value = weights},
                          {.name = "b\"\n", .rank = 1, .dim = {2}, .value = weights + 2},
                          {.name = "none", .rank = 2, .dim = {0, 5}, .value = weights},
                          {.name = "scalar", .rank = 0, .value = weights + 1}};
  const char *const key[] = {"model", "seed"}, *const value[] = {"vae", "17"};
  safetensors_write(a, path, 4, v, 2, key, value);
}

static void read_tensors(Arena *a, void *path) {
  Safetensors *s = safetensors_read(a, path);
  assert_int_equal(safetensors_count(s), 4);
  const TensorView *w = safetensors_find(s, "q/dense_1/W");
  assert_true(w && w->rank == 2 && w->dim[0] == 2 && w->dim[1] == 3 && w->count == 6);
  assert_memory_equal(w->value, weights, sizeof weights);
  assert_ptr_equal(w, safetensors_at(s, 0));
  assert_memory_equal(safetensors_find(s, "b\"\n")->value, weights + 2, 8);
  assert_int_equal(safetensors_find(s, "none")->count, 0);
  assert_true(safetensors_find(s, "scalar")->value[0] == -2);
  assert_null(safetensors_find(s, "absent"));
  assert_string_equal(safetensors_meta(s, "seed"), "17");
  assert_null(safetensors_meta(s, "dtype"));
}

static void open_tensors(Arena *a, void *path) {
  Safetensors *s = safetensors_read(a, path);
  for (int i = 0; i < safetensors_count(s); i++) {
    const TensorView *v = safetensors_at(s, i);
    assert_true(safetensors_find(s, v->name) == v);
    volatile float seen;
    for (int64_t k = 0; v->value && k < v->count; k++) seen = v->value[k];
    (void)seen;
  }
}

static void safetensors_round_trip(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  char *path = arena_format(a, "%s/w.safetensors", folder);
  assert_works(write_tensors, path);
  assert_works(read_tensors, path);
  Bytes b = file_read(a, path, 10000, "");
  assert_int_equal((b.data[0] + 256 * b.data[1]) % 8, 0);
  assert_cuts_fail(open_tensors, path, path, b.data, b.size);
  assert_flips_hold(open_tensors, path, path, b.data, b.size, 5000);
  assert_fails(open_tensors, (char[]){"/nowhere/w"}, EXIT_NOINPUT, "/nowhere/w: No such file");
  arena_close(a);
}

// Any single bit of a file that is another is seen, but for those of the checksum's name: a file may have none.
static void safetensors_bits(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  char *path = arena_format(a, "%s/bits.safetensors", folder);
  assert_works(write_tensors, path);
  Bytes b = file_read(a, path, 10000, "");
  static const char name[] = "\"gmc_checksum\":";
  size_t from = (size_t)((const uint8_t *)memmem(b.data, b.size, name, strlen(name)) - b.data);
  uint8_t *bad = arena_alloc(a, b.size, 1);
  memcpy(bad, b.data, b.size);
  for (size_t i = 0; i < 8 * b.size; i++) {
    if (i / 8 >= from && i / 8 < from + strlen(name)) continue;
    bad[i / 8] ^= (uint8_t)(1 << i % 8);
    put(path, bad, b.size);
    assert_fails(open_tensors, path, EXIT_DATA, path);
    bad[i / 8] ^= (uint8_t)(1 << i % 8);
  }
  bad[b.size - 4] ^= 1;  // the least bit of a weight
  put(path, bad, b.size);
  assert_fails(open_tensors, path, EXIT_DATA, "is not as it was written");
  bad[from + 1] = 'x';  // and now it has no checksum
  put(path, bad, b.size);
  assert_works(open_tensors, path);
  arena_close(a);
}

static void put_header(const char *path, uint64_t length, const char *header, size_t data) {
  uint8_t bytes[1000] = {0};
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(length >> 8 * i);
  memcpy(bytes + 8, header, strlen(header));
  put(path, bytes, 8 + strlen(header) + data);
}

#define F32(shape, offsets) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void safetensors_headers(void **state) {
  (void)state;
  static const struct {
    const char *header;
    size_t data;
    const char *text;
  } cases[] = {
      {"{\"a\":" F32("[2]", "[0,8]") "}", 8, NULL},
      {"{}", 0, NULL},
      {"{\"b\":" F32("[1]", "[4,8]") ",\"a\":" F32("[1]", "[0,4]") "}  ", 8, NULL},
      {"{\"h\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"a\":" F32("[2]", "[3,11]") "}", 11, NULL},
      {"{\"a\":" F32("[1,1,1,1,1,1,1,2]", "[0,8]") "}", 8, NULL},
      {"{\"__metadata__\":{\"k\":\"v\"}}", 0, NULL},
      {" {}", 0, "is no safetensors file"},
      {"{\"a\":1}", 0, "tensor 'a' has no dtype"},
      {"{\"a\":{\"dtype\":\"F31\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "unknown dtype"},
      {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "has no shape"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "no sound data_offsets"},
      {"{\"a\":" F32("[-1]", "[0,4]") "}", 4, "a shape that is none"},
      {"{\"a\":" F32("[1.5]", "[0,6]") "}", 6, "a shape that is none"},
      {"{\"a\":" F32("[4294967296,4294967296]", "[0,0]") "}", 0, "larger than any memory"},
      {"{\"a\":" F32("[4611686018427387904]", "[0,0]") "}", 0, "a shape that is none"},
      {"{\"a\":" F32("[2]", "[0,4]") "}", 4, "disagree"},
      {"{\"a\":" F32("[2]", "[8,0]") "}", 8, "no sound data_offsets"},
      {"{\"a\":" F32("[2]", "[0,8,8]") "}", 8, "no sound data_offsets"},
      {"{\"a\":" F32("[2]", "[0,8]") "}", 7, "has 7 bytes of data, but its header promises 8"},
      {"{\"a\":" F32("[2]", "[0,8]") "}", 9, "has 9 bytes of data, but its header promises 8"},
      {"{\"a\":" F32("[1]", "[0,4]") ",\"b\":" F32("[1]", "[8,12]") "}", 12, "leaves a hole"},
      {"{\"a\":" F32("[2]", "[0,8]") ",\"b\":" F32("[1]", "[4,8]") "}", 8, "overlaps"},
      {"{\"a\":" F32("[1]", "[0,4]") ",\"a\":" F32("[1]", "[4,8]") "}", 8, "the name 'a' twice"},
      {"{\"__metadata__\":{\"k\":1}}", 0, "other than strings"},
      {"{\"__metadata__\":[]}", 0, "is no object"},
      {"{\"a\xff\":1}", 0, "broken UTF-8"},
      {"{\"a\\u001b[31m\":1}", 0, "tensor 'a\\x1b[31m' has no dtype"},
  };
  Arena *a = arena_open(NULL);
  char *path = arena_format(a, "%s/h.safetensors", folder);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    put_header(path, strlen(cases[i].header), cases[i].header, cases[i].data);
    if (cases[i].text)
      assert_fails(open_tensors, path, EXIT_DATA, cases[i].text);
    else
      assert_works(open_tensors, path);
  }
  put_header(path, 100000001, "{}", 0);
  assert_fails(open_tensors, path, EXIT_DATA, "longer than 100000000 bytes");
  put_header(path, UINT64_MAX, "{}", 0);
  assert_fails(open_tensors, path, EXIT_DATA, "longer than 100000000 bytes");
  put_header(path, 3, "{}", 0);
  assert_fails(open_tensors, path, EXIT_DATA, "cut short within its header");
  arena_close(a);
}

// --- NPY ---

static void npy_round_trip_check(Arena *a, void *path) {
  static const int64_t shapes[][3] = {{6, 1, 1}, {2, 3, 1}, {1, 2, 3}, {0, 3, 1}};
  for (int rank = 0; rank <= 3; rank++)
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
      npy_write(a, path, rank, shapes[i], weights);
      Bytes b = file_read(a, path, 10000, "");
      size_t size;
      Stored npy = npy_header(a, path, b.data, b.size, &size);
      assert_int_equal(size, b.size);
      assert_int_equal((npy.bytes - b.data) % 64, 0);
      assert_string_equal(npy.type->name, "float32");
      assert_int_equal(npy.rank, rank);
      for (int k = 0; k < rank; k++) assert_int_equal(npy.dim[k], shapes[i][k]);
      assert_memory_equal(npy.bytes, weights, size - (size_t)(npy.bytes - b.data));
    }
}

static void npy_round_trip(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_works(npy_round_trip_check, arena_format(a, "%s/a.npy", folder));
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reading),
      cmocka_unit_test(checked_sizes),
      cmocka_unit_test(replacing),
      cmocka_unit_test(failing_disks),
      cmocka_unit_test(json_good),
      cmocka_unit_test(json_bad),
      cmocka_unit_test(json_writing),
      cmocka_unit_test(safetensors_round_trip),
      cmocka_unit_test(safetensors_bits),
      cmocka_unit_test(safetensors_headers),
      cmocka_unit_test(npy_round_trip),
  };
  return cmocka_run_group_tests_name("files", tests, folder_make, folder_remove);
}
