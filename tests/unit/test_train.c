// The driver of a run, held against a model by hand: linear regression by stochastic gradient descent with momentum,
// its programs written in C. Sessions run in a folder of their own under /tmp.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail  // ours is the one of base.h

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "train/checkpoint.h"
#include "data/data.h"
#include "formats/npy.h"
#include "core/philox.h"
#include "core/pool.h"
#include "formats/safetensors.h"
#include "train/session.h"
#include "data/shuffle.h"
#include "scratch.h"

enum { TRAIN = 50, TEST = 21, BATCH = 8, TEST_BATCH = 8, EPOCH_STEPS = TRAIN / BATCH, EPOCHS = 4 };
enum { INIT, LEARN, MEASURE, DRAW, GATHER };
enum { AT_W = 0, AT_B = 16, AT_M = 32, PERSISTENT = 48 };
enum {
  AT_X = 48,
  AT_Y = 64,
  AT_UPDATE = 80,
  AT_STEP = 81,
  AT_EPOCH = 82,
  AT_FIT = 96,
  AT_SIZE = 112,
  AT_PAIR = 128,
  PEAK = 160
};

// What the programs saw and what they are to do; one run at a time.
static struct {
  int64_t runs;                      // of the training program
  int64_t gathers;                   // and of the one that gathers
  int seen[EPOCHS + 1][TRAIN];       // how often an example was in a minibatch of an epoch
  double sum[EPOCHS + 1];            // of the objective
  int32_t first[EPOCHS + 1][BATCH];  // the first minibatch of an epoch
  int64_t at_step;                   // when to act, or -1
  void (*act)(Run *run);
  bool spoil_objective, spoil_weight;  // at that step
  int spoil_epoch;                     // from 1: its measure of the examples from 8 on is -infinity; 0: none
  int searches;
  uint32_t searched;  // step at which a search for NaN was asked for
} seen;

static float noise(const Run *run, int64_t row) {
  Philox at = {.counter = {0, run->first_position + (uint32_t)row, run->step, 1}, .key = {run->seed, run->turn}};
  float value;
  philox_row(&at, &value, 0, 1);
  return 0.1f * (value - 0.5f);
}

static void run_init(Run *run) {
  run->memory[AT_W] = noise(run, 0);
  run->memory[AT_W + 1] = noise(run, 1);
}

static void run_fit(Run *run, int64_t batch) {
  float *m = run->memory;
  for (int64_t i = 0; i < batch; i++) {
    float e = m[AT_Y + i] - m[AT_W] * m[AT_X + 2 * i] - m[AT_W + 1] * m[AT_X + 2 * i + 1] - m[AT_B];
    m[AT_FIT + i] = -e * e;
  }
}

static void run_learn(Run *run) {
  float *m = run->memory, gradient[3] = {0, 0, 0}, *weight[3] = {m + AT_W, m + AT_W + 1, m + AT_B};
  assert_int_equal(run->purpose, PURPOSE_TRAIN);
  assert_true(m[AT_UPDATE] == (float)(run->step + 1) && m[AT_STEP] == (float)run->step);
  assert_true(m[AT_EPOCH] == (float)(run->step / EPOCH_STEPS));
  run_fit(run, BATCH);
  for (int i = 0; i < BATCH; i++) {
    const float *x = m + AT_X + 2 * i;
    float e = m[AT_Y + i] + noise(run, i) - m[AT_W] * x[0] - m[AT_W + 1] * x[1] - m[AT_B];
    gradient[0] += e * x[0], gradient[1] += e * x[1], gradient[2] += e;
    seen.sum[run->step / EPOCH_STEPS] += (double)m[AT_FIT + i];
    seen.seen[run->step / EPOCH_STEPS][run->example[i]]++;
    if (run->step % EPOCH_STEPS == 0) seen.first[run->step / EPOCH_STEPS][i] = run->example[i];
  }
  for (int i = 0; i < 3; i++) {
    m[AT_M + i] = 0.5f * m[AT_M + i] + gradient[i] / BATCH;
    *weight[i] += (0.3f + 0.1f / m[AT_UPDATE]) * m[AT_M + i];
  }
  seen.runs++;
  if (run->step != seen.at_step) return;
  if (seen.act) seen.act(run);
  if (seen.spoil_objective) m[AT_FIT + 3] = NAN;
  if (seen.spoil_weight) m[AT_B] = INFINITY;
}

static void execute(Run *run, int program) {
  switch (program) {
    case INIT:
      run_init(run);
      break;
    case LEARN:
      run_learn(run);
      break;
    case MEASURE:
      assert_int_equal(run->purpose, PURPOSE_TEST);
      for (int i = 0; i < TEST_BATCH; i++) assert_in_range(run->example[i], 0, TEST - 1);
      run_fit(run, TEST_BATCH);
      run->memory[AT_SIZE] = run->memory[AT_W] + (float)run->first_position;
      if ((uint32_t)seen.spoil_epoch == run->step && run->first_position == TEST_BATCH) run->memory[AT_FIT + 3] = -INFINITY;
      break;
    case DRAW:
      for (int i = 0; i < 4; i++) run->memory[AT_PAIR + 2 * i] = (float)run->first_position + (float)i;
      break;
    case GATHER:
      seen.gathers++;
      run_fit(run, TEST_BATCH);
      break;
    default:
      assert_true(false);
  }
}

static void open_run(Run *run, int threads) {
  (void)threads;
  run->execute = execute;
}

static const PlanColumn columns[] = {{.name = "x", .rank = 1, .dim = {2}, .count = 2, .lo = -INFINITY, .hi = INFINITY},
                                     {.name = "y", .count = 1, .lo = -INFINITY, .hi = INFINITY}};
static const PlanTensor tensors[] = {
    {.name = "w", .kind = TENSOR_WEIGHT, .rank = 1, .dim = {2}, .count = 2, .at = AT_W},
    {.name = "b", .kind = TENSOR_STATE, .count = 1, .at = AT_B},
    {.name = "w/momentum", .kind = TENSOR_SLOT, .rank = 1, .dim = {3}, .count = 3, .at = AT_M}};
static const PlanFeed feeds[] = {{FEED_COLUMN, 0, AT_X, 2},
                                 {FEED_COLUMN, 1, AT_Y, 1},
                                 {FEED_UPDATE, 0, AT_UPDATE, 1},
                                 {FEED_STEP, 0, AT_STEP, 1},
                                 {FEED_EPOCH, 0, AT_EPOCH, 1}};
static const PlanOutput outputs[] = {
    {.name = "fit", .per_example = true, .count = 1, .at = AT_FIT},
    {.name = "size", .count = 1, .at = AT_SIZE},
    {.name = "met", .per_example = true, .count = 1, .at = AT_FIT, .coupled = true}};  // measured only
static const PlanOutput pair = {.name = "pair", .per_example = true, .rank = 1, .dim = {2}, .count = 2, .at = AT_PAIR};
static const PlanProgram programs[] = {
    {.name = "init", .batch = 1},
    {.name = "train 1", .batch = BATCH, .feed = feeds, .feeds = 5, .output = outputs, .outputs = 2},
    {.name = "test", .batch = TEST_BATCH, .feed = feeds, .feeds = 2, .output = outputs, .outputs = 3},
    {.name = "sample", .batch = 4, .output = &pair, .outputs = 1}};
static const PlanTurn turns[] = {{.program = LEARN, .lines = 1}};
static const PlanPhase phases[] = {{.turns = 1, .batch = BATCH, .epochs = EPOCHS, .conditions = -1}};
static const char *const objectives[] = {"fit"};

static char folder[64];
static const char *train_files[2], *test_files[2];
static Arena *arena;  // of the tests; every session has one of its own

static Plan plan_by_hand(void) {
  return (Plan){.model = "line",
                .source = "line.gm",
                .batch = BATCH,
                .shards = 1,
                .epochs = EPOCHS,
                .seed = 7,
                .data = {.format = DATA_NPY,
                         .files = 2,
                         .train = train_files,
                         .test = test_files,
                         .clause = "by.hand",
                         .file = "line.gm",
                         .line = 3},
                .column = columns,
                .columns = 2,
                .tensor = tensors,
                .tensors = 3,
                .persistent = PERSISTENT,
                .peak = PEAK,
                .program = programs,
                .programs = 4,
                .init = INIT,
                .test = MEASURE,
                .turn = turns,
                .turns = 1,
                .lines = 1,
                .phase = phases,
                .phases = 1,
                .objective = objectives};
}

static const char *path_of(const char *run, const char *file) {
  return arena_format(arena, "%s/%s%s%s", folder, run, *file ? "/" : "", file);
}

static Session session_in(const char *run) {
  return (Session){
      .open = open_run, .reader = data_read_npy, .folder = path_of(run, ""), .quiet = true, .resume_by = "resume"};
}

// Trains and returns the exit code.
static int train(const Plan *plan, const Session *s) {
  Arena *volatile a = arena_open(NULL);
  volatile int code = -1;
  if (ARENA_TRY(a) == 0)
    code = session_train(a, plan, s);
  else
    code = a->code;
  arena_close(a);
  return code;
}

static void forget(void) {
  memset(&seen, 0, sizeof seen);
  seen.at_step = -1;
}

static Bytes content(const char *run, const char *file) {
  return file_read(arena, path_of(run, file), 1 << 20, "");
}

static void assert_same_file(const char *a, const char *b, const char *file) {
  Bytes one = content(a, file), two = content(b, file);
  assert_int_equal(one.size, two.size);
  assert_memory_equal(one.data, two.data, one.size);
}

// All that a run leaves behind and that must not depend on whether it was stopped.
static void assert_same_run(const char *a, const char *b) {
  assert_same_file(a, b, "weights.safetensors");
  assert_same_file(a, b, "metrics.jsonl");
  assert_same_file(a, b, "metrics.csv");
}

static void write_split(const char *name, int64_t n, const char **file, uint32_t seed) {
  float *value = NEW_ARRAY(arena, float, 3 * n);
  Philox at = {.counter = {0, 0, 0, 0}, .key = {seed, 99}};
  philox_row(&at, value, 0, 3 * n);
  float *y = value + 2 * n;
  for (int64_t i = 0; i < n; i++) y[i] = 2 * value[2 * i] - value[2 * i + 1] + 0.5f + 0.01f * y[i];
  file[0] = path_of(arena_format(arena, "%s_x.npy", name), "");
  file[1] = path_of(arena_format(arena, "%s_y.npy", name), "");
  npy_write(arena, file[0], 2, (int64_t[]){n, 2}, value);
  npy_write(arena, file[1], 1, &n, y);
}

// The files, and one run that is never stopped, "whole", for the others to be compared with.
static int set_up(void **state) {
  (void)state;
  arena = arena_open(NULL);
  if (!arena || scratch_make(folder) != 0) return -1;
  write_split("train", TRAIN, train_files, 1);
  write_split("test", TEST, test_files, 2);
  forget();
  Plan plan = plan_by_hand();
  Session s = session_in("whole");
  return train(&plan, &s);
}

static int tear_down(void **state) {
  (void)state;
  int code = system(arena_format(arena, "rm -rf '%s'", folder));
  arena_close(arena);
  return code;
}

static void test_shuffle_is_a_permutation(void **state) {
  (void)state;
  static const int64_t sizes[] = {0, 1, 2, 3, 7, 1000};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    int64_t n = sizes[k];
    int32_t *order = NEW_ARRAY(arena, int32_t, n + 1), *again = NEW_ARRAY(arena, int32_t, n + 1);
    bool *taken = NEW_ARRAY(arena, bool, n + 1);
    shuffle(5, 0, 3, order, n);
    for (int64_t i = 0; i < n; i++) {
      assert_in_range(order[i], 0, n - 1);
      assert_false(taken[order[i]]);
      taken[order[i]] = true;
    }
    shuffle(5, 0, 3, again, n);
    assert_memory_equal(order, again, (size_t)n * sizeof *order);
    if (n < 1000) continue;
    shuffle(5, 0, 4, again, n);
    assert_memory_not_equal(order, again, (size_t)n * sizeof *order);
    shuffle(6, 0, 3, again, n);
    assert_memory_not_equal(order, again, (size_t)n * sizeof *order);
  }
}

// Each of 6 permutations of 3 comes about as often: chi-square with 5 degrees of freedom stays below its 99.99% point.
static void test_shuffle_is_fair(void **state) {
  (void)state;
  int count[27] = {0}, n = 6000;
  for (int epoch = 0; epoch < n; epoch++) {
    int32_t order[3];
    shuffle(1, 0, epoch, order, 3);
    count[9 * order[0] + 3 * order[1] + order[2]]++;
  }
  double expected = n / 6.0, chi = 0;
  for (int i = 0; i < 27; i++)
    if (count[i]) chi += (count[i] - expected) * (count[i] - expected) / expected;
  assert_true(chi < 25.7);
}

// Numbers of the records: the value after "key": in the line-th line.
static double record(const char *run, int line, const char *key) {
  const char *text = (const char *)content(run, "metrics.jsonl").data;
  for (int i = 0; i < line; i++) text = strchr(text, '\n') + 1;
  const char *end = strchr(text, '\n'), *at = strstr(text, arena_format(arena, "\"%s\":", key));
  assert_true(end && at && at < end);
  return strtod(at + strlen(key) + 3, NULL);
}

static void test_epochs_take_examples_once_and_average(void **state) {
  (void)state;
  forget();
  Plan plan = plan_by_hand();
  Session s = session_in("loop");
  assert_int_equal(train(&plan, &s), EXIT_DONE);
  assert_int_equal(seen.runs, EPOCHS * EPOCH_STEPS);
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    int taken = 0;
    for (int i = 0; i < TRAIN; i++) {
      assert_in_range(seen.seen[epoch][i], 0, 1);
      taken += seen.seen[epoch][i];
    }
    assert_int_equal(taken, EPOCH_STEPS * BATCH);
    if (epoch) assert_memory_not_equal(seen.first[epoch], seen.first[epoch - 1], sizeof seen.first[epoch]);
    assert_true(fabs(record("loop", 2 * epoch, "fit") - seen.sum[epoch] / (EPOCH_STEPS * BATCH)) < 1e-12);
    assert_true(record("loop", 2 * epoch, "step") == (epoch + 1) * EPOCH_STEPS);
    assert_true(record("loop", 2 * epoch + 1, "epoch") == epoch + 1);
  }
  assert_true(record("loop", 2 * EPOCHS - 1, "fit") > -0.05);
  assert_same_run("loop", "whole");
}

static void test_evaluation_counts_each_example_once(void **state) {
  (void)state;
  Safetensors *file = safetensors_read(arena, path_of("whole", "weights.safetensors"));
  const float *w = safetensors_find(file, "w")->value, *b = safetensors_find(file, "b")->value;
  Bytes xs = file_read(arena, test_files[0], 1 << 20, ""), ys = file_read(arena, test_files[1], 1 << 20, "");
  size_t size;
  const float *x = (const float *)(const void *)npy_header(arena, "x", xs.data, xs.size, &size).bytes,
              *y = (const float *)(const void *)npy_header(arena, "y", ys.data, ys.size, &size).bytes;
  double sum = 0, squares = 0, half[2] = {0, 0};
  for (int i = 0; i < TEST; i++) {
    float e = y[i] - w[0] * x[2 * i] - w[1] * x[2 * i + 1] - b[0];
    sum += (double)(-e * e);
    if (i < 2 * TEST_BATCH) half[i / TEST_BATCH] += (double)(-e * e) / TEST_BATCH;
  }
  for (int i = 0; i < TEST; i++) {
    float e = y[i] - w[0] * x[2 * i] - w[1] * x[2 * i + 1] - b[0];
    squares += pow((double)(-e * e) - sum / TEST, 2);
  }
  int last = 2 * EPOCHS - 1;
  assert_true(fabs(record("whole", last, "fit") - sum / TEST) < 1e-9);
  assert_true(fabs(record("whole", last, "fit_se") - sqrt(squares / (TEST - 1) / TEST)) < 1e-9);
  // a number of the whole batch: of the two full ones, at positions 0 and 8
  assert_true(fabs(record("whole", last, "size") - ((double)w[0] + 4)) < 1e-5);
  // where examples meet, of the two full batches likewise, each of which counts as one value
  assert_true(fabs(record("whole", last, "met") - (half[0] + half[1]) / 2) < 1e-9);
  assert_true(fabs(record("whole", last, "met_se") - fabs(half[0] - half[1]) / 2) < 1e-9);
  assert_true(record("whole", last, "met_batch") == TEST_BATCH);
}

static void test_a_batch_that_cannot_be_filled_is_refused(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  PlanProgram large[4];
  memcpy(large, programs, sizeof large);
  large[MEASURE].batch = TEST + 1;
  plan.program = large;
  Session s = session_in("small");
  assert_int_equal(train(&plan, &s), EXIT_DATA);
  large[MEASURE].outputs = 2;  // of values in which nobody meets, a part of a batch is enough
  measure_check(&(Run){.arena = arena, .plan = &plan, .test = {.examples = 1}});
}

static void test_gathering_sees_no_more_batches_than_it_tells_of(void **state) {
  (void)state;
  const PlanOutput first = {
      .name = "first", .per_example = true, .count = 1, .at = AT_FIT, .total = true, .gathered = TEST_BATCH + 1};
  const PlanSeldom seldom = {.every = 2, .program = GATHER};
  PlanProgram more[5] = {
      [GATHER] = {.name = "test 2", .batch = TEST_BATCH, .feed = feeds, .feeds = 2, .output = &first, .outputs = 1}};
  memcpy(more, programs, sizeof programs);
  Plan plan = plan_by_hand();
  plan.program = more, plan.programs = 5, plan.seldom = &seldom, plan.seldoms = 1;
  forget();
  Session s = session_in("gathers");
  assert_int_equal(train(&plan, &s), EXIT_DONE);
  assert_int_equal(seen.gathers, EPOCHS / 2 * 2);  // two of the three batches of the split, after every second epoch
}

static void resume(const Plan *plan, const char *run) {
  forget();
  Session s = session_in(run);
  s.resume = true;
  assert_int_equal(train(plan, &s), EXIT_DONE);
  assert_same_run(run, "whole");
}

static void test_stopped_by_steps_goes_on_the_same(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  for (int steps = 1; steps <= 2 * EPOCH_STEPS + 1; steps += EPOCH_STEPS / 2) {
    const char *run = arena_format(arena, "steps%d", steps);
    forget();
    Session s = session_in(run);
    s.steps = steps;
    assert_int_equal(train(&plan, &s), EXIT_DONE);
    assert_int_equal(seen.runs, steps);
    assert_true(record(run, (steps - 1) / EPOCH_STEPS * 2, "step") == steps);
    resume(&plan, run);
    assert_int_equal(seen.runs, EPOCHS * EPOCH_STEPS - steps);
  }
}

static void act_interrupt(Run *run) {
  (void)run, raise(SIGINT);
}
static void act_terminate(Run *run) {
  (void)run, raise(SIGTERM);
}
static void act_hang_up(Run *run) {
  (void)run, raise(SIGHUP);
}
static void act_kill(Run *run) {
  (void)run, raise(SIGKILL);
}

static void test_signals_stop_at_the_step(void **state) {
  (void)state;
  static const struct {
    const char *run;
    void (*act)(Run *run);
    int code;
  } signals[] = {{"interrupted", act_interrupt, EXIT_INTERRUPT},
                 {"terminated", act_terminate, EXIT_TERMINATE},
                 {"hung_up", act_hang_up, EXIT_HANGUP}};
  Plan plan = plan_by_hand();
  for (int i = 0; i < 3; i++) {
    forget();
    seen.at_step = EPOCH_STEPS + 2 + i;
    seen.act = signals[i].act;
    Session s = session_in(signals[i].run);
    assert_int_equal(train(&plan, &s), signals[i].code);
    assert_int_equal(seen.runs, EPOCH_STEPS + 3 + i);
    resume(&plan, signals[i].run);
  }
  // one that was begun by nohup goes on
  forget();
  seen.at_step = EPOCH_STEPS;
  seen.act = act_hang_up;
  signal(SIGHUP, SIG_IGN);
  Session s = session_in("nohup");
  assert_int_equal(train(&plan, &s), EXIT_DONE);
  assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
  assert_same_run("nohup", "whole");
}

// Runs a session in a process of its own, which may be killed. Returns its status as waitpid gives it.
static int train_apart(const Plan *plan, const Session *s) {
  pid_t child = fork();
  if (child == 0) _exit(train(plan, s));
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

static void test_killed_goes_on_from_the_checkpoint(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  for (int at = 1; at < 3 * EPOCH_STEPS; at += 4) {
    const char *run = arena_format(arena, "killed%d", at);
    forget();
    seen.at_step = at;
    seen.act = act_kill;
    Session s = session_in(run);
    s.checkpoint_steps = 5;
    int status = train_apart(&plan, &s);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    resume(&plan, run);
    assert_true(seen.runs >= EPOCHS * EPOCH_STEPS - at && seen.runs <= EPOCHS * EPOCH_STEPS - at + 5);
  }
}

static void act_full(Run *run) {
  (void)run;
  struct rlimit limit = {100, 100};
  setrlimit(RLIMIT_FSIZE, &limit);
}

static void test_full_disk_keeps_the_checkpoint(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  forget();
  seen.at_step = EPOCH_STEPS + 1;
  seen.act = act_full;
  Session s = session_in("full");
  s.checkpoint_steps = EPOCH_STEPS;
  int status = train_apart(&plan, &s);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_IO);
  Safetensors *file = safetensors_read(arena, path_of("full", "weights.safetensors"));
  assert_string_equal(safetensors_meta(file, "step"), arena_format(arena, "%d", EPOCH_STEPS));
  resume(&plan, "full");
  // and where the metrics still fit, but not the checkpoint
  forget();
  seen.at_step = 3;
  seen.act = act_full;
  s = session_in("full_checkpoint");
  s.checkpoint_steps = 4;
  status = train_apart(&plan, &s);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_IO);
  resume(&plan, "full_checkpoint");
}

static const char *search(Run *run, int program) {
  run->execute(run, program);
  seen.searched = run->step;
  seen.searches++;
  return run->step == seen.at_step ? "line.gm:9: the place" : NULL;
}

static void test_a_spoilt_number_stops_the_run(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  for (int i = 0; i < 3; i++) {  // seen in the step's objective, at the epoch's end, in the next step's objective
    const char *run = arena_format(arena, "spoilt%d", i);
    forget();
    Session s = session_in(run);
    s.steps = EPOCH_STEPS + 3;
    assert_int_equal(train(&plan, &s), EXIT_DONE);
    Bytes before = content(run, "weights.safetensors");
    forget();
    seen.at_step = i == 2 ? EPOCH_STEPS + 4 : 2 * EPOCH_STEPS - 1;
    seen.spoil_objective = i == 0;
    seen.spoil_weight = i > 0;
    s = session_in(run);
    s.resume = true;
    s.find_nan = search;
    assert_int_equal(train(&plan, &s), EXIT_NUMBERS);
    assert_int_equal(seen.searched, seen.at_step);
    assert_int_equal(seen.searches, 1);
    const char *lines = strchr((const char *)content(run, "metrics.jsonl").data, '\n');
    assert_string_equal(strchr(lines + 1, '\n'), "\n");  // those of epoch 1 alone: spoilt weights are not measured
    Bytes after = content(run, "weights.safetensors");
    assert_int_equal(after.size, before.size);
    assert_memory_equal(after.data, before.data, before.size);
    resume(&plan, run);
  }
}

static const char *search_measure(Run *run, int program) {
  assert_int_equal(program, MEASURE);
  assert_int_equal(run->example[0], TEST_BATCH);
  run->execute(run, program);
  seen.searches++;
  return run->memory[AT_FIT + 3] == -INFINITY ? "line.gm:7: the measure" : NULL;
}

// The numbers of that epoch are told, its weights kept, and the run goes on when it is asked to.
static void test_an_infinite_measure_stops_the_run(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  forget();
  seen.spoil_epoch = 2;
  Session s = session_in("infinite");
  s.find_nan = search_measure;
  assert_int_equal(train(&plan, &s), EXIT_NUMBERS);
  assert_int_equal(seen.searches, 1);
  assert_int_equal(seen.runs, 2 * EPOCH_STEPS);
  const char *lines = (const char *)content("infinite", "metrics.jsonl").data;
  for (int i = 0; i < 3; i++) lines = strchr(lines, '\n') + 1;
  assert_non_null(strstr(lines, ",\"fit\":null,\"size\":"));
  assert_non_null(strstr(lines, ",\"not_finite\":{\"fit\":\"-inf\",\"met\":\"-inf\"}}\n"));
  const char *cells = (const char *)content("infinite", "metrics.csv").data;
  assert_non_null(strstr(cells, "\n12,2,test,-inf,,"));
  assert_int_equal(session_eval(arena, &plan, &s), EXIT_NUMBERS);
  forget();
  s.resume = true;
  assert_int_equal(train(&plan, &s), EXIT_DONE);
  Safetensors *end = safetensors_read(arena, path_of("infinite", "weights.safetensors"));
  Safetensors *whole = safetensors_read(arena, path_of("whole", "weights.safetensors"));
  for (int i = 0; i < 3; i++)
    assert_memory_equal(safetensors_at(end, i)->value, safetensors_at(whole, i)->value,
                        (size_t)tensors[i].count * sizeof(float));
}

static Session *rival;
static int rival_code;
static void act_rival(Run *run) {
  seen.act = NULL;
  rival_code = train(run->plan, rival);
}

static void test_a_folder_has_one_run_at_a_time(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  forget();
  Session s = session_in("locked"), other = session_in("locked");
  other.resume = true;
  rival = &other;
  seen.at_step = 3;
  seen.act = act_rival;
  assert_int_equal(train(&plan, &s), EXIT_DONE);
  assert_int_equal(rival_code, EXIT_LOCKED);
  assert_same_run("locked", "whole");
}

static void test_folders_and_files_are_refused(void **state) {
  (void)state;
  forget();
  Plan plan = plan_by_hand();
  Session s = session_in("whole");
  assert_int_equal(train(&plan, &s), EXIT_CANTCREATE);  // holds a run
  s = session_in("nothing");
  s.resume = true;
  assert_int_equal(train(&plan, &s), EXIT_NOINPUT);
  s = session_in("train_x.npy/run");
  assert_int_equal(train(&plan, &s), EXIT_CANTCREATE);
  s = session_in("whole");
  s.resume = true;
  plan.batch = 5;
  assert_int_equal(train(&plan, &s), EXIT_DATA);
  plan = plan_by_hand();
  PlanTensor changed[3] = {tensors[0], tensors[1], tensors[2]};
  changed[2].dim[0] = 2;
  changed[2].count = 2;
  plan.tensor = changed;
  assert_int_equal(train(&plan, &s), EXIT_DATA);
  changed[2] = tensors[2];
  changed[1].name = "c";
  assert_int_equal(train(&plan, &s), EXIT_DATA);
  plan.batch = 51;
  assert_int_equal(train(&plan, &s), EXIT_DATA);
  assert_int_equal(seen.runs, 0);
}

// A checkpoint cut short or with a byte changed is refused, or is still the same run: never a crash, never a wrong
// place.
static void test_damaged_checkpoints_are_refused(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  forget();
  Session s = session_in("damaged");
  s.steps = EPOCH_STEPS + 3;
  assert_int_equal(train(&plan, &s), EXIT_DONE);
  Bytes good = content("damaged", "weights.safetensors");
  const char *path = path_of("damaged", "weights.safetensors");
  s.resume = true;
  for (size_t size = 0; size < good.size; size += 97) {
    file_replace(arena, path, good.data, size);
    assert_int_equal(train(&plan, &s), EXIT_DATA);
  }
  static const char *const keys[] = {"step", "lines", "epoch_steps", "batch", "seed", "metrics_csv", "gmc"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    uint8_t *bad = arena_alloc(arena, good.size, 1);
    memcpy(bad, good.data, good.size);
    char *at = memmem(bad, good.size, arena_format(arena, "\"%s\":", keys[i]), strlen(keys[i]) + 3);
    assert_non_null(at);
    at[strlen(keys[i]) + 4] = 'x';  // the first character of its value
    memcpy(memmem(bad, good.size, "gmc_checksum", 12), "old_", 4);
    file_replace(arena, path, bad, good.size);
    assert_int_equal(train(&plan, &s), EXIT_DATA);
  }
  file_replace(arena, path, good.data, good.size);
  resume(&plan, "damaged");
}

// Two turns of a repeat take two minibatches; an epoch is then half as many steps.
static int64_t turn_seen[TRAIN];
static void execute_turns(Run *run, int program) {
  if (program == LEARN)
    for (int i = 0; i < BATCH; i++) turn_seen[run->example[i]] += run->turn ? 100 : 1;
}

static void open_turns(Run *run, int threads) {
  (void)threads;
  run->execute = execute_turns;
}

static void test_a_repeat_takes_a_minibatch_each_turn(void **state) {
  (void)state;
  static const PlanTurn repeat[] = {{.program = LEARN, .lines = 1},
                                    {.program = LEARN, .lines = 1, .turn = 1},
                                    {.program = LEARN, .lines = 1, .first_line = 1}};
  static const char *const names[] = {"fit", "size"};
  static const PlanPhase phase = {.turns = 3, .batch = BATCH, .epochs = 1, .conditions = -1};
  Plan plan = plan_by_hand();
  plan.phase = &phase;
  plan.turn = repeat;
  plan.turns = 3;
  plan.lines = 2;
  plan.objective = names;
  plan.epochs = 1;
  plan.test = -1;
  Session s = session_in("turns");
  s.open = open_turns;
  memset(turn_seen, 0, sizeof turn_seen);
  assert_int_equal(train(&plan, &s), EXIT_DONE);
  int first = 0, second = 0;
  for (int i = 0; i < TRAIN; i++) {
    assert_true(turn_seen[i] == 0 || turn_seen[i] == 2 || turn_seen[i] == 100);  // both turns 0 share theirs
    first += turn_seen[i] == 2;
    second += turn_seen[i] == 100;
  }
  assert_int_equal(first, TRAIN / (2 * BATCH) * BATCH);
  assert_int_equal(second, first);
  assert_true(record("turns", 0, "size") == 0);
}

static void test_lines_of_single_steps(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  forget();
  Session s = session_in("step_lines");
  s.record_steps = 4;
  s.steps = EPOCH_STEPS;
  assert_int_equal(train(&plan, &s), EXIT_DONE);
  assert_true(record("step_lines", 0, "step") == 4);
  assert_non_null(strstr((const char *)content("step_lines", "metrics.csv").data, "\n4,1,step,-"));
  assert_true(record("step_lines", 1, "step") == EPOCH_STEPS);
}

// stdout, and only stdout, holds the loss lines, and nothing that two equal runs could differ in.
static void test_loss_lines(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  plan.epochs = 2;
  for (int i = 0; i < 2; i++) {
    forget();
    const char *run = i ? "said_2" : "said_1", *said = path_of(i ? "out_2" : "out_1", "");
    Session s = session_in(run);
    s.quiet = false;
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    FILE *to = freopen(said, "w", stdout);
    int code = train(&plan, &s);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_true(to && code == EXIT_DONE);
  }
  assert_same_file("out_1", "out_2", "");
  const char *expected = arena_format(
      arena, "epoch 2  step 12  train fit %.9g  test fit %.9g +- %.3g  size %.9g  met %.9g +- %.3g\n",
      record("said_1", 2, "fit"), record("said_1", 3, "fit"), record("said_1", 3, "fit_se"),
      record("said_1", 3, "size"), record("said_1", 3, "met"), record("said_1", 3, "met_se"));
  assert_string_equal(strchr((const char *)content("out_1", "").data, '\n') + 1, expected);
}

static void test_shows_are_drawn_every_epoch(void **state) {
  (void)state;
  static const PlanItem items[] = {{ITEM_IMAGE, 0, 2, "a", 0, 9, 0}, {ITEM_IMAGE, 0, 1, "b", 0, 9, 0}};
  static const PlanItem cloud = {ITEM_POINTS, 0, 1, "z", 0, 0, 0};
  static const PlanShow shows[] = {
      {.name = "across",
       .kind = SHOW_GRID,
       .program = DRAW,
       .rows = 4,
       .columns = 1,
       .across = true,
       .item = items,
       .items = 2},
      {.name = "blocks", .kind = SHOW_GRID, .program = DRAW, .rows = 2, .columns = 2, .item = items + 1, .items = 1},
      {.name = "cloud", .kind = SHOW_PLOT, .program = DRAW, .item = &cloud, .items = 1}};
  Plan plan = plan_by_hand();
  plan.show = shows;
  plan.shows = 3;
  forget();
  Session s = session_in("shown");
  s.steps = EPOCH_STEPS + 1;
  s.checkpoint_steps = EPOCH_STEPS;
  assert_int_equal(train(&plan, &s), EXIT_DONE);
  assert_false(file_exists(path_of("shown", "shows/cloud_0002.png")));  // of an epoch that has only begun
  assert_true(content("shown", "shows/cloud.png").size > 0);
  forget();
  s.steps = 0;
  s.resume = true;
  assert_int_equal(train(&plan, &s), EXIT_DONE);
  assert_same_run("shown", "whole");
  assert_true(content("shown", "loss.png").size > 0);
  for (int i = 0; i < 3; i++) {
    for (int epoch = 1; epoch <= EPOCHS; epoch++)
      assert_true(content("shown", arena_format(arena, "shows/%s_%04d.png", shows[i].name, epoch)).size > 0);
    const char *last = arena_format(arena, "shows/%s_%04d.png", shows[i].name, EPOCHS);
    Bytes drawn = content("shown", last), latest = content("shown", arena_format(arena, "shows/%s.png", shows[i].name));
    assert_int_equal(drawn.size, latest.size);
    assert_memory_equal(drawn.data, latest.data, drawn.size);
    assert_int_equal(session_show(arena, &plan, &s, i, path_of("again.png", "")), EXIT_DONE);
    latest = content("again.png", "");
    assert_int_equal(drawn.size, latest.size);
    assert_memory_equal(drawn.data, latest.data, drawn.size);
  }
}

// A batch big enough to be gathered by several threads is the same as one gathered by a single thread.
static void test_feeds_do_not_depend_on_threads(void **state) {
  (void)state;
  enum { ROWS = 100, WIDTH = 300 };
  PlanColumn column = {.name = "x", .rank = 1, .dim = {WIDTH}, .count = WIDTH};
  PlanFeed feed = {FEED_COLUMN, 0, 0, WIDTH};
  PlanProgram program = {.batch = ROWS, .feed = &feed, .feeds = 1};
  Plan plan = {.column = &column, .columns = 1, .program = &program, .programs = 1};
  uint8_t *byte = NEW_ARRAY(arena, uint8_t, ROWS * WIDTH);
  for (int i = 0; i < ROWS * WIDTH; i++) byte[i] = (uint8_t)(i * 7);
  Array array = {.examples = ROWS, .count = WIDTH, .byte = byte, .scale = 0.5f, .shift = -1};
  Data data = {.examples = ROWS, .column = &array};
  Arena *a = arena_open(arena);
  float *memory = NEW_ARRAY(a, float, 2 * ROWS * WIDTH);
  Run run = {.arena = a, .plan = &plan, .memory = memory, .example = NEW_ARRAY(a, int32_t, ROWS)};
  shuffle(1, 0, 1, run.example, ROWS);
  feed_program(&run, &data, 0, ROWS, (Moment){0});
  run.memory += ROWS * WIDTH;
  run.pool = pool_open(a, 3);
  feed_program(&run, &data, 0, ROWS, (Moment){0});
  assert_memory_equal(memory, run.memory, ROWS * WIDTH * sizeof(float));
  for (int i = 0; i < ROWS; i++)
    assert_true(run.memory[i * WIDTH + 5] == 0.5f * (float)byte[run.example[i] * WIDTH + 5] - 1);
  arena_close(a);
}

static void test_draws_come_from_the_weights_of_the_folder(void **state) {
  (void)state;
  Plan plan = plan_by_hand();
  Session s = session_in("whole");
  Arena *a = arena_open(arena);
  float *value = session_draw(a, &plan, &s, DRAW, 10);
  for (int i = 0; i < 10; i++) assert_true(value[2 * i] == (float)i);
  assert_int_equal(session_sample(a, &plan, &s, DRAW, 10, 0, 1, path_of("draws.npy", "")), EXIT_DONE);
  Bytes file = file_read(a, path_of("draws.npy", ""), 1 << 20, "");
  size_t size;
  Stored npy = npy_header(a, "draws.npy", file.data, file.size, &size);
  assert_int_equal(size, file.size);
  assert_true(npy.rank == 2 && npy.dim[0] == 10 && npy.dim[1] == 2);
  assert_memory_equal(npy.bytes, value, 20 * sizeof(float));
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shuffle_is_a_permutation),
      cmocka_unit_test(test_shuffle_is_fair),
      cmocka_unit_test(test_epochs_take_examples_once_and_average),
      cmocka_unit_test(test_evaluation_counts_each_example_once),
      cmocka_unit_test(test_a_batch_that_cannot_be_filled_is_refused),
      cmocka_unit_test(test_gathering_sees_no_more_batches_than_it_tells_of),
      cmocka_unit_test(test_stopped_by_steps_goes_on_the_same),
      cmocka_unit_test(test_signals_stop_at_the_step),
      cmocka_unit_test(test_killed_goes_on_from_the_checkpoint),
      cmocka_unit_test(test_full_disk_keeps_the_checkpoint),
      cmocka_unit_test(test_a_spoilt_number_stops_the_run),
      cmocka_unit_test(test_an_infinite_measure_stops_the_run),
      cmocka_unit_test(test_a_folder_has_one_run_at_a_time),
      cmocka_unit_test(test_folders_and_files_are_refused),
      cmocka_unit_test(test_damaged_checkpoints_are_refused),
      cmocka_unit_test(test_a_repeat_takes_a_minibatch_each_turn),
      cmocka_unit_test(test_lines_of_single_steps),
      cmocka_unit_test(test_loss_lines),
      cmocka_unit_test(test_shows_are_drawn_every_epoch),
      cmocka_unit_test(test_feeds_do_not_depend_on_threads),
      cmocka_unit_test(test_draws_come_from_the_weights_of_the_folder),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
