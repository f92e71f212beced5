// Whole models, generated or mutated by the thousand: each is checked; what holds no mistake is explained, emitted, run
// for two steps and drawn from. Nothing may end by a signal, take more than 10 s of a processor, or be a bug of gmc's
// own (exit code 70); a model is refused with a message, or not at all.
//
//   models generated|mutants COUNT [FIRST]   seeds FIRST to FIRST + COUNT - 1, on all processors
//   models generated|mutants show SEED       prints the text, and does the same with it aloud
//
// Run from the repository: mutants are made of the texts of models/, tests/lang/ and grammar/LANGUAGE.md.
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emit/emit.h"
#include "data/data.h"
#include "engine/exec.h"
#include "command/explain.h"
#include "core/file.h"
#include "random_bits.h"
#include "random_model.h"
#include "train/session.h"

enum { CHUNK = 250, MOST_JOBS = 64, CPU_SECONDS = 10, WALL_SECONDS = 120, LARGEST_BATCH = 1024 };
static const int64_t LARGEST_MEMORY = 1 << 20;  // floats of a model that is run

typedef enum { CHECKED, EXPLAINED, EMITTED, TRAINED, SAMPLED, STAGES } Stage;
static const char *const stage_name[] = {"being checked", "being explained", "being emitted", "being run", "sampling"};

// What a worker has done so far; its parent reads it when the worker has ended, however it did.
typedef struct {
  uint64_t seed;
  Stage stage;
  int64_t passed[STAGES], failed;
} Tally;

typedef struct {
  bool mutants, aloud;
  int texts, sound;  // the first `sound` ones hold no mistake
  const char **text;
  const char *folder;  // for runs that write
} Corpus;

// ---- one model

static void load_random(Arena *a, const DataFiles *files, Data *into) {
  const Plan *plan = files->plan;
  uint64_t state = 1;
  into->examples = 4 * plan->batch + 10;  // a further set has fewer: its plan has no batch
  for (int i = 0; i < plan->columns; i++) {
    const PlanColumn *c = &plan->column[i];
    int64_t n = into->examples * c->count;
    float lo = c->lo > -2 ? c->lo : -2, hi = c->hi < lo + 4 ? c->hi : lo + 4, *value = NEW_ARRAY(a, float, n);
    for (int64_t k = 0; k < n; k++) {
      float u = (float)random_below(&state, 1000) / 1000;
      value[k] = c->classes ? (float)random_below(&state, c->classes) : lo + (hi - lo) * (c->whole ? u > 0.5f : u);
    }
    into->column[i] = (Array){.examples = into->examples, .count = c->count, .value = value, .scale = 1};
  }
}

static int remove_one(const char *path, const struct stat *about, int flag, struct FTW *where) {
  (void)about, (void)flag, (void)where;
  return remove(path);
}

static void run_model(Arena *a, const Plan *plan, const Corpus *c, Tally *t) {
  Session s = {.open = exec_open, .find_nan = exec_find_nan, .steps = 2, .threads = 1, .quiet = true};
  if (plan->peak > LARGEST_MEMORY || plan->batch > LARGEST_BATCH || plan->data.generated_train > 100000) return;
  if (plan->turns == 0) return;
  s.reader = load_random;
  s.axes = data_axes;
  if (t->seed % 8 == 0) {
    s.folder = arena_format(a, "%s/%d", c->folder, (int)getpid());
    nftw(s.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  }
  session_train(a, plan, &s);
}

// Fails with EXIT_SOFTWARE where a refusal has no message, or a message what is not printable.
static Model *check_model(Arena *a, const RandomModel *r, const Corpus *c) {
  Sources *s = sources_new(a);
  int file = sources_add(s, c->mutants ? "models/mutant.gm" : "random.gm", r->text, strlen(r->text), false);
  if (r->part) sources_add(s, "part.gm", r->part, strlen(r->part), false);
  Model *m = elaborate(a, s, file, r->settings);
  Text said = text_new(a);
  diagnostics_text(s, &said);
  if (c->aloud) printf("%s", said.data);
  if (!m != (diagnostics_errors(s) > 0)) fail(a, EXIT_SOFTWARE, "refused without a word, or not refused");
  for (const char *p = said.data; *p; p++)
    if ((unsigned char)*p < ' ' && *p != '\n') fail(a, EXIT_SOFTWARE, "a message that is not printable");
  return m;
}

static void try_model(Arena *a, const RandomModel *r, const Corpus *c, Tally *t) {
  t->stage = CHECKED;
  Model *m = check_model(a, r, c);
  if (!m) return;
  t->passed[CHECKED]++;
  t->stage = EXPLAINED;
  const Plan *plan = plan_model(a, m);
  Text text = text_new(a);
  explain_model(&text, m, plan);
  t->passed[EXPLAINED]++;
  t->stage = EMITTED;
  emit_program(&text, m, plan, NULL, 0, "");
  t->passed[EMITTED]++;
  t->stage = TRAINED;
  run_model(a, plan, c, t);
  t->passed[TRAINED]++;
  t->stage = SAMPLED;
  if (elaborate_sample(m, NULL, t->seed % 3 == 0, 3, r->given, r->given != NULL, t->seed % 2) >= 0) {
    plan_model(a, m);
    t->passed[SAMPLED]++;
  }
  text = text_new(a);
  diagnostics_text(m->sources, &text);
  if (c->aloud) printf("%s", text.data);
}

static void try_seed(const Corpus *c, Tally *t) {
  Arena *a = arena_open(NULL);
  RandomModel r = {0};
  if (ARENA_TRY(a) == 0) {
    if (c->mutants)
      r.text = random_mutant(a, c->texts, c->sound, c->text, t->seed);
    else
      r = random_model(a, t->seed);
    if (c->aloud) printf("%s----\n%s----\n", r.text, r.part ? r.part : ""), fflush(stdout);
    try_model(a, &r, c, t);
  } else if (a->code == EXIT_SOFTWARE) {
    t->failed++;
    fprintf(stderr, "seed %llu: exit code 70 while %s\n", (unsigned long long)t->seed, stage_name[t->stage]);
  }
  arena_close(a);
}

// ---- workers

static void limit(void) {
  const struct itimerval cpu = {.it_value = {.tv_sec = CPU_SECONDS}};
  setitimer(ITIMER_PROF, &cpu, NULL);
  alarm(WALL_SECONDS);
}

// Tries seeds from tally->seed up to `end`. What gmc says itself goes nowhere; findings go to `out`.
static _Noreturn void work(const Corpus *c, Tally *t, uint64_t end) {
#ifndef __SANITIZE_ADDRESS__
  const struct rlimit memory = {(rlim_t)3 << 30, (rlim_t)3 << 30};
  setrlimit(RLIMIT_AS, &memory);
#endif
  int out = dup(STDOUT_FILENO);
  if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) exit(EXIT_IO);
  for (; t->seed < end; t->seed++) {
    int64_t failed = t->failed;
    limit();
    try_seed(c, t);
    if (t->failed > failed)
      dprintf(out, "seed %llu: exit code 70 while %s\n", (unsigned long long)t->seed, stage_name[t->stage]);
  }
  exit(EXIT_DONE);
}

static void tell_end(const Tally *t, int status) {
  int sign = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const char *what = sign == SIGPROF || sign == SIGALRM ? "hangs" : strsignal(sign);
  if (!sign) what = "ended the process";
  printf("seed %llu: %s while %s\n", (unsigned long long)t->seed, what, stage_name[t->stage]);
}

typedef struct {
  pid_t pid;
  uint64_t end;
} Job;

static void start(const Corpus *c, Job *job, Tally *t) {
  fflush(stdout);
  job->pid = fork();
  if (job->pid == 0) work(c, t, job->end);
  if (job->pid < 0) job->end = 0;
}

// Waits for a worker; where it ended before its time, notes that and lets another go on behind the seed.
static void wait_one(const Corpus *c, Job *job, Tally *tally, int jobs) {
  int status;
  pid_t pid = wait(&status);
  for (int i = 0; i < jobs; i++) {
    if (job[i].pid != pid) continue;
    job[i].pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE) return;
    tell_end(&tally[i], status);
    tally[i].failed++;
    tally[i].seed++;
    start(c, &job[i], &tally[i]);
  }
}

static int64_t try_all(const Corpus *c, uint64_t first, uint64_t count) {
  int jobs = (int)sysconf(_SC_NPROCESSORS_ONLN), busy;
  if (jobs > MOST_JOBS) jobs = MOST_JOBS;
  Job job[MOST_JOBS] = {{0}};
  Tally *tally = mmap(NULL, sizeof *tally * MOST_JOBS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
        sum = {0};
  if (tally == MAP_FAILED) exit(EXIT_MEMORY);
  uint64_t next = first, end = first + count;
  do {
    busy = 0;
    for (int i = 0; i < jobs; i++) {
      if (!job[i].pid && next < end) {
        tally[i].seed = next;
        next = end - next < CHUNK ? end : next + CHUNK;
        job[i].end = next;
        start(c, &job[i], &tally[i]);
      }
      busy += job[i].pid > 0;
    }
    if (busy) wait_one(c, job, tally, jobs);
  } while (busy);
  for (int i = 0; i < jobs; i++) {
    sum.failed += tally[i].failed;
    for (int k = 0; k < STAGES; k++) sum.passed[k] += tally[i].passed[k];
  }
  printf("%lld models, %lld without a mistake, %lld explained, %lld emitted, %lld run, %lld drawn from\n",
         (long long)count, (long long)sum.passed[CHECKED], (long long)sum.passed[EXPLAINED],
         (long long)sum.passed[EMITTED], (long long)sum.passed[TRAINED], (long long)sum.passed[SAMPLED]);
  printf("%lld passed, %lld failed\n", (long long)count - (long long)sum.failed, (long long)sum.failed);
  return sum.failed;
}

// ---- the texts that mutants are made of

static const char *read_text(Arena *a, const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) fail(a, EXIT_NOINPUT, "%s is not there: run this from the repository", path);
  Text t = text_new(a);
  char part[4096];
  for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;) text_append(&t, part, n);
  fclose(file);
  return t.data;
}

static void add_text(Arena *a, Corpus *c, const char *text) {
  if ((c->texts & (c->texts - 1)) == 0) {
    const char **grown = NEW_ARRAY(a, const char *, 2 * c->texts + 1);
    if (c->texts) memcpy(grown, c->text, (size_t)c->texts * sizeof *grown);
    c->text = grown;
  }
  c->text[c->texts++] = random_shrunk(a, text);
}

static void add_files(Arena *a, Corpus *c, const char *pattern) {
  glob_t found;
  if (glob(pattern, 0, NULL, &found)) fail(a, EXIT_NOINPUT, "no %s: run this from the repository", pattern);
  for (size_t i = 0; i < found.gl_pathc; i++) add_text(a, c, read_text(a, found.gl_pathv[i]));
  globfree(&found);
}

// Blocks marked gm, and those marked gm+ behind the first of them.
static void add_manual(Arena *a, Corpus *c, const char *text) {
  const char *small = "";
  while ((text = strstr(text, "\n```gm"))) {
    bool more = text[6] == '+';
    const char *begin = strchr(text + 1, '\n') + 1, *end = strstr(begin, "```");
    if (!end) return;
    const char *block = arena_slice(a, begin, (size_t)(end - begin));
    if (!*small) small = block;
    add_text(a, c, more ? arena_format(a, "%s%s", small, block) : block);
    text = end + 3;
  }
}

int main(int argc, char **argv) {
  Arena *a = arena_open(NULL);
  if (!a || ARENA_TRY(a) != 0) return a ? a->code : EXIT_MEMORY;
  char folder[] = "/tmp/gmc_models_XXXXXX";
  Corpus c = {.mutants = argc > 1 && !strcmp(argv[1], "mutants"), .aloud = argc > 3 && !strcmp(argv[2], "show")};
  if (argc < 3 || (!c.mutants && strcmp(argv[1], "generated")))
    fail(a, EXIT_USAGE, "models generated|mutants COUNT [FIRST], or models generated|mutants show SEED");
  if (c.mutants) {
    add_files(a, &c, "models/*.gm");
    add_manual(a, &c, read_text(a, "grammar/LANGUAGE.md"));
    c.sound = c.texts;
    add_files(a, &c, "tests/lang/*/*.gm");
  }
  c.folder = mkdtemp(folder);
  if (!c.folder) fail(a, EXIT_CANTCREATE, "%s cannot be made", folder);
  Tally one = {0};
  int64_t failed;
  if (c.aloud) {
    one.seed = strtoull(argv[3], NULL, 10);
    try_seed(&c, &one);
    failed = one.failed;
  } else {
    failed = try_all(&c, argc > 3 ? strtoull(argv[3], NULL, 10) : 0, strtoull(argv[2], NULL, 10));
  }
  nftw(c.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  arena_close(a);
  return failed > 0;
}
