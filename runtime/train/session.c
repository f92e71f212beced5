// Sessions: a plan and what is asked of it become a run; see session.h. The uppermost file of the runtime.
//
// Invariant: everything that can be refused is refused before anything is written.
#include "train/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/checkpoint.h"
#include "train/curves.h"
#include "formats/csv_write.h"
#include "data/data.h"
#include "data/sets.h"
#include "train/nan_report.h"
#include "core/file.h"
#include "core/helper.h"
#include "core/spill.h"
#include "formats/json.h"
#include "train/health.h"
#include "train/keep.h"
#include "formats/npy.h"
#include "core/pool.h"
#include "train/progress.h"
#include "formats/safetensors.h"
#include "pictures/show.h"
#include "train/train.h"

// The number that a line of a file of the system begins with, after `name`; or `absent`.
static double session_system(const char *path, const char *name, double absent) {
  char line[128];
  double value = absent;
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0 && sscanf(line + strlen(name), "%lf", &value) == 1) break;
  if (file) fclose(file);
  return value;
}

// Memory that is promised and not there ends the process in the middle of its work; so it is counted before.
static void session_check_memory(Arena *a, const Plan *plan) {
  double floats = (double)plan->peak + (plan->keep.measure ? (double)plan->persistent : 0);
  double need = floats * sizeof(float), group = session_system("/sys/fs/cgroup/memory.max", "", INFINITY);
  double have = session_system("/proc/meminfo", "MemAvailable:", INFINITY) * 1024, gib = 1 << 30;
  if (need > fmin(have, group))
    fail(a, EXIT_MEMORY, "%s: needs %.1f GiB of memory, and there are %.1f GiB; a smaller batch needs less",
         plan->source, need / gib, fmin(have, group) / gib);
}

// Bytes that data may take: half of what there are.
static size_t session_spare_memory(void) {
  double group = session_system("/sys/fs/cgroup/memory.max", "", INFINITY);
  double spare = fmin(group, session_system("/proc/meminfo", "MemAvailable:", INFINITY) * 1024) / 2;
  return spare < 1e15 ? (size_t)spare : 0;
}

// Flags that no macro tells of: sums taken in another order lose what rounding did.
static void session_check_arithmetic(Arena *a) {
  volatile float big = 1e8f, small = 1;
  float x = big, y = small;
  if (x + y - x == 0) return;
  fail(a, EXIT_SOFTWARE,
       "compiled with -funsafe-math-optimizations or -fassociative-math: sums would be others than "
       "those of gmc");
}

// A run with memory and an executor, and no data yet.
static Run *session_run(Arena *a, const Plan *plan, const Session *s) {
  session_check_arithmetic(a);
  session_check_memory(a, plan);
  Run *run = NEW(a, Run);
  run->arena = a;
  run->plan = plan;
  run->seed = s->seed_given ? s->seed : plan->seed;
  run->reader = s->reader;
  run->axes = s->axes;
  run->inflate = s->inflate;
  run->data_memory = s->data_memory ? (size_t)s->data_memory : session_spare_memory();
  run->memory = NEW_ARRAY(a, float, plan->peak > 1024 ? plan->peak : 1024);  // big enough to be aligned for vectors
  run->products = "own";
  s->open(run, s->threads);
  sets_open(run);
  return run;
}

static bool session_reads_data(const Plan *plan, int program) {
  for (int i = 0; i < plan->program[program].feeds; i++)
    if (feed_is_of_examples(&plan->program[program].feed[i])) return true;
  return false;
}

// Are examples of a set drawn in the graph?
static bool session_generates(const Plan *plan) {
  bool any = plan->data.format == DATA_GENERATED;
  for (int i = 0; i < plan->others; i++) any = any || plan->other[i].data.format == DATA_GENERATED;
  return any;
}

const char *session_resume_command(Arena *a, const Session *s) {
  return arena_format(a, "%s %s", s->resume_by, shell_word(a, s->folder));
}

// Makes a folder and those above it.
static void session_folder(Arena *a, const char *folder) {
  char *path = arena_copy(a, folder);
  for (char *end = path + 1; *path; end++) {
    if (*end != '/' && *end != '\0') continue;
    char kept = *end;
    *end = '\0';
    struct stat about;
    bool there = mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &about) == 0 && S_ISDIR(about.st_mode));
    if (!there) fail(a, EXIT_CANTCREATE, "%s: %s", path, strerror(errno == EEXIST ? ENOTDIR : errno));
    *end = kept;
    if (!kept) break;
  }
}

static void session_drop_empty(void *folder) { rmdir(folder); }

const char *session_new_folder(Arena *a, const char *name) {
  enum { MANY_FOLDERS = 100000 };
  const char *slash = strrchr(name, '/'), *folder = name;
  if (slash > name) session_folder(a, arena_slice(a, name, (size_t)(slash - name)));
  for (int i = 2; mkdir(folder, 0777) != 0; i++) {
    if (errno != EEXIST) fail(a, EXIT_CANTCREATE, "%s: %s", printable(a, folder), strerror(errno));
    if (i == MANY_FOLDERS) fail(a, EXIT_CANTCREATE, "%s to %s are all there; choose a folder", name, folder);
    folder = arena_format(a, "%s-%d", name, i);
  }
  arena_cleanup(a, session_drop_empty, arena_copy(a, folder));
  return folder;
}

static void session_unlock(void *file) { close(*(int *)file); }

// Holds the folder until the arena closes, or the process ends in whatever way.
static void session_lock(Arena *a, const char *folder) {
  const char *path = arena_format(a, "%s/.lock", folder);
  int *file = NEW(a, int);
  *file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (*file < 0) fail(a, EXIT_CANTCREATE, "%s: %s", path, strerror(errno));
  arena_cleanup(a, session_unlock, file);
  if (flock(*file, LOCK_EX | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) fail(a, EXIT_IO, "%s: %s", path, strerror(errno));
  fail(a, EXIT_LOCKED, "%s: another run is at work in this folder", folder);
}

// Refuses a folder that another run holds, whatever there is in it as yet.
static void session_check_held(Arena *a, const char *folder) {
  int file = open(arena_format(a, "%s/.lock", folder), O_RDONLY | O_CLOEXEC);
  bool held = file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (file >= 0) close(file);
  if (held) fail(a, EXIT_LOCKED, "%s: another run is at work in this folder", folder);
}

// Files of somebody else under the names that a run writes. A folder with a run.json is a run's.
static void session_check_names(Arena *a, const Session *s) {
  static const char *const own[] = {"metrics.jsonl", "metrics.csv",      "times.csv",         "loss.png",
                                    "run.log",       "best.safetensors", "start.safetensors", "health.jsonl"};
  int owns = sizeof own / sizeof *own;
  if (file_exists(arena_format(a, "%s/run.json", s->folder))) return;
  for (int i = 0; i < owns + s->kepts; i++) {
    const char *name = i < owns ? own[i] : s->kept[i - owns].name;
    if (file_exists(arena_format(a, "%s/%s", s->folder, name)))
      fail(a, EXIT_CANTCREATE, "%s: is no run's folder, and holds a %s already; choose another folder", s->folder,
           name);
  }
}

// Does the folder hold what is to be resumed, or nothing that a new run would spoil?
static void session_check_folder(Arena *a, const Session *s) {
  bool holds = file_exists(checkpoint_path(a, s->folder));
  if (s->resume && !holds) fail(a, EXIT_NOINPUT, "%s: holds no run to go on with (no weights.safetensors)", s->folder);
  if (!s->resume && holds)
    fail(a, EXIT_CANTCREATE, "%s: holds a run already; go on with it%s%s, or choose another folder", s->folder,
         s->resume_by ? " by " : "", s->resume_by ? session_resume_command(a, s) : "");
  if (!s->resume) session_check_names(a, s);
}

static void session_member(Text *t, const char *name, const char *text) {
  text_add(t, ",\n  ");
  json_add_string(t, name);
  text_add(t, ": ");
  if (text)
    json_add_string(t, text);
  else
    text_add(t, "null");
}

static void session_number(Text *t, const char *name, int64_t number) {
  text_add(t, ",\n  \"%s\": %lld", name, (long long)number);
}

static void session_hashes(Arena *a, Text *r, const uint64_t *hash) {
  for (int i = 0; i < HASHES; i++)
    session_member(r, arena_format(a, "%s_hash", checkpoint_hash_name(i)),
                   arena_format(a, "%016llx", (unsigned long long)hash[i]));
}

FolderRun folder_run(Arena *a, const char *text) {
  const char *at = strrchr(text, '@');
  if (!at || at == text || access(text, F_OK) == 0) return (FolderRun){text, NULL};
  return (FolderRun){arena_slice(a, text, (size_t)(at - text)), at + 1};
}

static int session_compare(const void *a, const void *b) {
  const long long *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

// "2, 4, 6, ..., 400": the epochs that the folder keeps in files of their own.
static const char *session_epochs(Arena *a, const char *folder) {
  enum { MANY_EPOCHS = 1 << 16, TOLD_EPOCHS = 12 };
  long long *epoch = NEW_ARRAY(a, long long, MANY_EPOCHS);
  DIR *entries = opendir(arena_format(a, "%s/epochs", folder));
  int n = 0;
  for (struct dirent *e; entries && n < MANY_EPOCHS && (e = readdir(entries));) {
    char *end;
    long long number = strtoll(e->d_name, &end, 10);
    if (end != e->d_name && strcmp(end, ".safetensors") == 0) epoch[n++] = number;
  }
  if (entries) closedir(entries);
  qsort(epoch, (size_t)n, sizeof *epoch, session_compare);
  Text t = text_new(a);
  for (int i = 0; i < n; i++) {
    bool left_out = n > TOLD_EPOCHS && i >= TOLD_EPOCHS - 2 && i < n - 1;
    if (!left_out) text_add(&t, "%s%lld", i ? ", " : "", epoch[i]);
    if (left_out && i == n - 2) text_add(&t, ", ...");
  }
  return n ? t.data : NULL;
}

const char *session_weights_of(Arena *a, const char *folder, const char *which) {
  const char *path[] = {checkpoint_best_path(a, folder), checkpoint_path(a, folder)}, *name[] = {"best", "last"};
  Text kept = text_new(a);
  for (int i = 0; i < 2; i++)
    if (file_exists(path[i]) && (!which || strcmp(which, name[i]) == 0)) return path[i];
  if (!which) return path[1];
  for (int i = 0; i < 2; i++) {
    if (!file_exists(path[i])) continue;
    const char *epoch = safetensors_meta(safetensors_read(a, path[i]), "epoch");
    if (epoch && strcmp(which, epoch) == 0) return path[i];
    if (epoch) text_add(&kept, "; the %s are of epoch %s", name[i], epoch);
  }
  bool number = strspn(which, "0123456789") == strlen(which) && strlen(which) < 10;
  const char *path_of = checkpoint_epoch_path(a, folder, number ? strtoll(which, NULL, 10) : 0);
  if (file_exists(path_of)) return path_of;
  const char *epochs = session_epochs(a, folder);
  if (epochs) text_add(&kept, "; kept are %s", epochs);
  fail(a, EXIT_NOINPUT, "%s: keeps no weights of epoch `%s`%s", folder, printable(a, which), kept.data);
}

// What the measures of a test program are to the log density of the data; how many have been told.
static int session_claims(Text *t, const Plan *plan, int program, int told) {
  for (int i = 0; program >= 0 && i < plan->program[program].outputs; i++) {
    const PlanOutput *o = &plan->program[program].output[i];
    if (!o->is) continue;
    text_add(t, "%s", told++ ? ", " : ",\n  \"is\": {");
    json_add_string(t, o->name);
    text_add(t, ": ");
    json_add_string(t, o->is);
  }
  return told;
}

static void session_measures(Text *t, const Plan *plan) {
  int told = session_claims(t, plan, plan->test, 0);
  if (plan->test_after) told = session_claims(t, plan, plan->test_after, told);
  for (int i = 0; i < plan->seldoms; i++) {
    told = session_claims(t, plan, plan->seldom[i].program, told);
    if (plan->seldom[i].after) told = session_claims(t, plan, plan->seldom[i].after, told);
  }
  if (told) text_add(t, "}");
}

static void session_further_sets(Arena *a, Text *r, const Run *run) {
  for (int i = 0; i < run->plan->others; i++) {
    const Run *of = run->other[i].run;
    session_member(r, arena_format(a, "data_%d", i + 2), of->plan->data.clause);
    session_number(r, arena_format(a, "train_examples_%d", i + 2), of->train.examples);
    session_number(r, arena_format(a, "test_examples_%d", i + 2), of->test.examples);
  }
}

// run.json: what the run was started with, and on what; `before`: what differed until it went on at this step, or NULL.
static void session_record(Arena *a, const Training *t, const Resumed *before) {
  const Plan *plan = t->plan;
  const Session *s = t->session;
  Text r = text_new(a);
  text_add(&r, "{\n  \"gmc\": 1");
  session_member(&r, "model", plan->model);
  session_member(&r, "source", plan->source);
  session_number(&r, "seed", t->run->seed);
  session_number(&r, "epochs", s->epochs ? s->epochs : plan->epochs);
  session_number(&r, "steps", s->steps);
  session_number(&r, "batch", plan->batch);
  session_number(&r, "shards", plan->shards);
  session_number(&r, "epoch_steps", t->epoch_steps);
  session_number(&r, "memory_bytes", plan->peak * (int64_t)sizeof(float));
  session_member(&r, "data", plan->data.clause);
  session_number(&r, "train_examples", t->run->train.examples);
  session_number(&r, "test_examples", t->run->test.examples);
  session_further_sets(a, &r, t->run);
  const char *readings = data_readings_text(a, t->run);
  if (readings) text_add(&r, ",\n  \"columns\": %s", readings);
  session_measures(&r, plan);
  if (plan->keep.measure) session_member(&r, "keep", plan->keep.measure);
  if (plan->restarts > 1) session_number(&r, "restarts", plan->restarts);
  if (t->from) session_member(&r, t->went_on ? "from" : "weights_of", t->from);
  if (t->start) session_member(&r, "start", t->start->path);
  session_hashes(a, &r, t->hash);
  session_member(&r, "products", t->run->products);
  session_number(&r, "threads", t->run->pool ? pool_threads(t->run->pool) : 1);
  if (before) {
    text_add(&r, ",\n  \"before\": {\"until_step\": %lld", (long long)t->step);
    session_hashes(a, &r, before->hash);
    session_member(&r, "products", before->products);
    text_add(&r, "}");
  }
  text_add(&r, "\n}\n");
  file_replace(a, arena_format(a, "%s/run.json", s->folder), r.data, r.length);
}

// The text to keep: of settings, with what is decided here, in the strings of JSON, which YAML takes as well.
static const char *session_kept(Arena *a, const Training *t, const KeptText *kept) {
  const Session *s = t->session;
  Text all = text_new(a);
  if (kept->origin) return kept->text;
  int64_t epochs = s->epochs ? s->epochs : t->plan->epochs, shards = t->plan->shards;
  bool batch = true;  // where phases differ in it, it is the text's
  for (int i = 0; i < t->plan->phases; i++) batch = batch && t->plan->phase[i].batch == t->plan->batch;
  text_add(&all, "%s%s", kept->text, batch || epochs || shards > 1 ? "train:\n" : "");
  if (batch) text_add(&all, "  batch: %lld\n", (long long)t->plan->batch);
  if (shards > 1) text_add(&all, "  shards: %lld\n", (long long)shards);
  if (epochs) text_add(&all, "  epochs: %lld\n", (long long)epochs);
  text_add(&all, "seed: %lu\n", (unsigned long)t->run->seed);
  text_add(&all, "products: %.*s\n", (int)strcspn(t->run->products, " "), t->run->products);
  if (s->threads) text_add(&all, "threads: %d\n", s->threads);
  text_add(&all, "files:\n");
  for (int i = 0; i < s->kepts; i++) {
    if (!s->kept[i].origin) continue;
    text_add(&all, "  ");
    json_add_string(&all, s->kept[i].name);
    text_add(&all, ": ");
    json_add_string(&all, file_absolute(a, s->kept[i].origin));
    text_add(&all, "\n");
  }
  return all.data;
}

// Takes the folder: made, locked, resumed from or begun in.
static void session_begin(Training *t, Session *s) {
  Arena *a = t->run->arena;
  Resumed resumed = {.length = {0, 0}};
  if (s->next_free)
    s->folder = session_new_folder(a, s->folder);
  else
    session_folder(a, s->folder);
  session_lock(a, s->folder);
  session_check_folder(a, s);
  file_sweep(s->folder);
  if (t->plan->keep.every) session_folder(a, arena_format(a, "%s/epochs", s->folder));
  if (t->plan->shows) {
    session_folder(a, arena_format(a, "%s/shows", s->folder));
    file_sweep(arena_format(a, "%s/shows", s->folder));
  }
  if (s->resume) checkpoint_resume(t, &resumed);
  if (!s->resume) checkpoint_write_start(t);
  bool others = memcmp(resumed.hash, t->hash, sizeof t->hash) != 0;
  bool changed = s->resume && (others || strcmp(resumed.products, t->run->products) != 0);
  if (!s->resume || changed) session_record(a, t, changed ? &resumed : NULL);
  for (int i = 0; i < s->kepts; i++) {  // on resuming too: how far the run goes may have been said anew
    const char *text = session_kept(a, t, &s->kept[i]);
    file_replace(a, arena_format(a, "%s/%s", s->folder, s->kept[i].name), text, strlen(text));
  }
  t->records = records_open(a, s->folder, t->plan, t->line, resumed.length, t->earlier);
}

// The values that the run is to begin with, tried before anything is read or written; NULL: none.
static const Start *session_start(Run *run, const Session *s) {
  if (!s->start) return NULL;
  const Start *start = start_read(run->arena, run->plan, run->inflate, s->start);
  start_put(run, start);
  return start;
}

int session_train(Arena *a, const Plan *plan, const Session *asked) {
  Session *s = NEW(a, Session);  // its folder may become another
  *s = *asked;
  if ((s->resume || s->goes_on) && s->start)
    fail(a, EXIT_USAGE, "--start is for runs that begin at step 0, and this one goes on");
  if (s->folder && !s->next_free) {
    session_check_held(a, s->folder);
    session_check_folder(a, s);
  }
  Run *run = session_run(a, plan, s);
  const Start *start = session_start(run, s);
  bool begins = plan->restarts > 1 || !(s->resume || s->weights);
  const Start *trained = begins ? start_trained(a, plan) : NULL;
  bool tests = plan->test >= 0 || plan->shows > 0;
  helper_pages(a, run->memory, (size_t)plan->peak * sizeof(float));
  if (tests) data_begin_test(run);
  if (s->resume || s->weights) checkpoint_axes(run, s->weights ? s->weights : checkpoint_path(a, s->folder));
  data_load_train(run);
  if (tests) data_load_test(run);
  if (!s->quiet) data_say(run);
  size_t spilt = spill_size(run->train.spill) + (run->test.spill != run->train.spill ? spill_size(run->test.spill) : 0);
  if (spilt && !s->quiet)
    say_line(stderr, "%.1f MiB of the data are kept in a file without a name, which ends with the run",
             (double)spilt / (1 << 20));
  Training *t = training_new(run, s);
  training_signals(a);
  if (s->weights) checkpoint_from(t);
  if (s->goes_on && training_done(t))
    fail(a, EXIT_USAGE,
         "%s: stands at step %lld, and the new run is to end there; --epochs and --steps count what was before",
         t->from, (long long)t->step);
  t->start = start;
  t->trained = trained;
  if (s->folder) session_begin(t, s);
  t->progress = progress_open(a, s);
  if (!s->resume && !s->goes_on) training_begin(t);
  health_begin(t);
  progress_begin(t->progress, t);
  return training_run(t);
}

// A run with the folder's weights, at the moment they were kept, after `step` steps.
static Run *session_trained(Arena *a, const Plan *plan, const Session *s, Moment *moment, int64_t *step) {
  Run *run = session_run(a, plan, s);
  int64_t epoch;
  uint32_t seed;
  Best best = {0};
  const char *path = s->weights ? s->weights : session_weights_of(a, s->folder, NULL);
  checkpoint_weights(run, path, step, &epoch, &seed, &best);
  if (best.known && !s->quiet) say_line(stderr, "%s: the weights of the %s", s->folder, keep_text(a, plan, &best));
  if (!s->seed_given) run->seed = seed;
  *moment = moment_after(*step, epoch, NEW_ARRAY(a, Line, plan->lines));
  return run;
}

int session_eval(Arena *a, const Plan *plan, const Session *s) {
  Moment moment;
  int64_t step;
  if (plan->test < 0) fail(a, EXIT_DATA, "%s: the model has nothing to measure", plan->source);
  Run *run = session_trained(a, plan, s, &moment, &step);
  data_load_test(run);
  measure_check(run);
  Measure *measure = NEW_ARRAY(a, Measure, measure_count(plan));
  int n = measure_test(run, moment, measure, NULL), width = 0;
  for (int i = 0; n && i < plan->seldoms; i++) n += measure_seldom(run, moment, i, measure + n);
  if (n == 0) fail(a, EXIT_DATA, "%s: the data has no test split", plan->source);
  if (!s->quiet)
    say_line(stderr, "%s: %lld examples of the test split, weights of step %lld", s->folder,
             (long long)run->test.examples, (long long)step);
  for (int i = 0; i < n; i++) width = (int)strlen(measure[i].name) > width ? (int)strlen(measure[i].name) : width;
  for (int i = 0; i < n; i++) {
    printf("%-*s  %.9g", width, measure[i].name, measure[i].mean);
    if (measure[i].error >= 0) printf(" +- %.3g", measure[i].error);
    if (measure[i].batch > 0) printf("  over batches of %lld", (long long)measure[i].batch);
    printf("\n");
  }
  return diagnose_measures(run, s, moment, measure, n) ? EXIT_NUMBERS : EXIT_DONE;
}

int session_show(Arena *a, const Plan *plan, const Session *s, int show, const char *path) {
  if (plan->show[show].kind == SHOW_CURVES) {
    curves_show(a, s->folder, &plan->show[show], path);
    return EXIT_DONE;
  }
  Moment moment;
  int64_t step;
  Run *run = session_trained(a, plan, s, &moment, &step);
  if (session_generates(plan) || session_reads_data(plan, plan->show[show].program)) data_load_test(run);
  if (run->test.examples == 0 && session_reads_data(plan, plan->show[show].program)) data_load_train(run);
  const char *text = show_draw(run, a, show, path, moment);
  while (text && *text) {
    size_t n = strcspn(text, "\n");
    say_line(stdout, "%.*s", (int)n, text);
    text += n + (text[n] != 0);
  }
  return EXIT_DONE;
}

// All outputs of a program that draws, [n, output's dimensions] each.
static float **session_draws(Run *run, Moment moment, int program, int64_t n) {
  Arena *a = run->arena;
  const PlanProgram *p = &run->plan->program[program];
  float **value = NEW_ARRAY(a, float *, p->outputs);
  for (int k = 0; k < p->outputs; k++) {
    size_t size;
    if (!size_product((size_t)n, (size_t)p->output[k].count, &size))
      fail(a, EXIT_MEMORY, "%lld examples are too many", (long long)n);
    value[k] = NEW_ARRAY(a, float, size);
  }
  if (session_reads_data(run->plan, program)) data_load_test(run);
  run->example = NEW_ARRAY(a, int32_t, p->batch);
  run->purpose = PURPOSE_SHOW;
  run->step = run->turn = 0;
  for (int64_t first = 0; first < n; first += p->batch) {
    int64_t rows = n - first < p->batch ? n - first : p->batch;
    for (int64_t i = 0; i < p->batch; i++)
      run->example[i] = (int32_t)(run->test.examples > 0 ? (first + i) % run->test.examples : first + i);
    run->first_position = (uint32_t)first;
    moment.place = first;
    feed_program(run, &run->test, program, rows, moment);
    run->execute(run, program);
    for (int k = 0; k < p->outputs; k++) {
      int64_t count = p->output[k].count;
      memcpy(value[k] + first * count, run->memory + p->output[k].at, (size_t)(rows * count) * sizeof(float));
    }
  }
  return value;
}

float *session_draw(Arena *a, const Plan *plan, const Session *s, int program, int64_t n) {
  Moment moment;
  int64_t step;
  Run *run = session_trained(a, plan, s, &moment, &step);
  return session_draws(run, moment, program, n)[0];
}

int session_sample(Arena *a, const Plan *plan, const Session *s, int program, int64_t n, float lo, float hi,
                   const char *path) {
  const PlanProgram *p = &plan->program[program];
  const PlanOutput *output = &p->output[0];
  const char *ending = strrchr(path, '.');
  bool png = ending && strcmp(ending, ".png") == 0, npy = ending && strcmp(ending, ".npy") == 0;
  if (!png && !npy && !(ending && strcmp(ending, ".csv") == 0))
    fail(a, EXIT_USAGE, "%s: a sample is written as .png, .npy or .csv", path);
  if (npy && output->rank >= MAX_RANK) fail(a, EXIT_DATA, "%s: more than %d axes", path, MAX_RANK);
  Moment moment;
  int64_t step, dim[MAX_RANK] = {n};
  Run *run = session_trained(a, plan, s, &moment, &step);
  float **value = session_draws(run, moment, program, n);
  for (int i = 0; i < output->rank && i + 1 < MAX_RANK; i++) dim[i + 1] = output->dim[i];
  if (png)
    show_grid(a, path, output, value[0], n, lo, hi);
  else if (npy)
    npy_write(a, path, output->rank + 1, dim, value[0]);
  else
    csv_write(run, path, p, value, n);
  return EXIT_DONE;
}
