// Loss lines, progress, summary and run.log; see progress.h.
//
// Invariant: nothing here is read by the training; a run that says nothing computes the same.
#include "train/progress.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "train/keep.h"
#include "core/pool.h"
#include "pictures/show.h"

// Seconds from one line of progress to the next: the moving one, and a plain one.
static const double progress_moving = 0.1;

static const double progress_plain = 30;

double progress_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void progress_close(void *progress) {
  Progress *p = progress;
  progress_clear(p);
  if (p->log) fclose(p->log);
}

Progress *progress_open(Arena *a, const Session *s) {
  Progress *p = NEW(a, Progress);
  const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
  p->quiet = s->quiet;
  p->verbose = s->verbose;
  p->moving = !s->quiet && isatty(STDERR_FILENO) && !(plain && *plain) && !(term && strcmp(term, "dumb") == 0);
  if (s->folder) {
    const char *path = arena_format(a, "%s/run.log", s->folder);
    p->log = fopen(path, "ae");
    if (!p->log) fail(a, EXIT_CANTCREATE, "%s: %s", path, strerror(errno));
  }
  arena_cleanup(a, progress_close, p);
  return p;
}

// A line for run.log and, if `loud`, for stderr.
static void progress_say_list(Progress *p, bool loud, const char *format, va_list list) {
  va_list again;
  va_copy(again, list);
  if (loud && !p->quiet) {
    progress_clear(p);
    say_line_list(stderr, format, list);
  }
  if (p->log) {
    say_line_list(p->log, format, again);
    fflush(p->log);
  }
  va_end(again);
}

static void progress_say(Progress *p, bool loud, const char *format, ...) PRINTF_LIKE(3, 4);

static void progress_say(Progress *p, bool loud, const char *format, ...) {
  va_list list;
  va_start(list, format);
  progress_say_list(p, loud, format, list);
  va_end(list);
}

void progress_told(Progress *p, const char *format, ...) {
  va_list list;
  va_start(list, format);
  progress_say_list(p, true, format, list);
  va_end(list);
}

void progress_text(Progress *p, const char *show, const char *text) {
  progress_say(p, true, "%s:", show);
  while (*text) {
    size_t n = strcspn(text, "\n");
    progress_say(p, true, "  %.*s", (int)n, text);
    text += n + (text[n] != 0);
  }
}

void progress_clear(Progress *p) {
  if (!p->shown) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  p->shown = false;
}

static int64_t progress_weights(const Plan *plan) {
  int64_t weights = 0;
  for (int i = 0; i < plan->tensors; i++)
    if (plan->tensor[i].kind == TENSOR_WEIGHT) weights += plan->tensor[i].count;
  return weights;
}

// " of start 2", where there are several.
static const char *progress_of_start(const Training *t) {
  return t->plan->restarts > 1 ? arena_format(t->run->arena, " of start %lu", (unsigned long)t->run->start + 1) : "";
}

// Steps of all starts.
static int64_t progress_done(const Training *t) { return t->before + t->step; }

void progress_begin(Progress *p, const Training *t) {
  const Plan *plan = t->plan;
  const Run *run = t->run;
  char date[32];
  time_t now = time(NULL);
  struct tm local;
  strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &local));
  progress_say(p, false, "%s", date);
  progress_say(p, true, "%s: %lld parameters, %.1f MiB of tensors, batch %lld, seed %lu", plan->model,
               (long long)progress_weights(plan), (double)plan->peak * sizeof(float) / (1 << 20),
               (long long)plan->batch, (unsigned long)run->seed);
  if (plan->data.clause)
    progress_say(p, true, "%s: %lld examples to train on, %lld to test, %lld steps an epoch", plan->data.clause,
                 (long long)run->train.examples, (long long)run->test.examples, (long long)t->epoch_steps);
  for (int i = 0; i < plan->others; i++)
    progress_say(p, true, "%s: %lld examples to train on, %lld to test", plan->other[i].data.clause,
                 (long long)run->other[i].run->train.examples, (long long)run->other[i].run->test.examples);
  progress_say(p, p->verbose, "threads: %d", run->pool ? pool_threads(run->pool) : 1);
  progress_say(p, p->verbose, "products: %s", run->products);
  if (training_done(t))
    progress_say(p, true, "all %lld steps are done%s", (long long)progress_done(t),
                 t->phase < plan->phases && plan->restarts < 2 ? "; more epochs would go on" : "");
  else if (t->session->goes_on)
    progress_say(p, true, "goes on from %s, step %lld%s", t->from, (long long)t->step, progress_of_start(t));
  else if (t->session->weights)
    progress_say(p, true, "begins with the weights of %s", t->from);
  else if (t->session->resume)
    progress_say(p, true, "going on from step %lld, epoch %lld%s", (long long)t->step,
                 (long long)(training_epoch(t) + training_whole(t)), progress_of_start(t));
  p->began = p->told = progress_clock();
  p->first_step = progress_done(t);
  progress_next(p, t);
}

void progress_trained(Progress *p) { p->epoch_trained = progress_clock(); }

void progress_next(Progress *p, const Training *t) {
  p->epoch_began = progress_clock();
  p->epoch_first_step = progress_done(t);
}

// Seconds as 3:07 or 1:02:03.
static void progress_duration(char *text, size_t size, double seconds) {
  long long s = seconds < 0 ? 0 : seconds < 1e9 ? (long long)(seconds + 0.5) : 1000000000;
  if (s >= 3600)
    snprintf(text, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
  else
    snprintf(text, size, "%lld:%02lld", s / 60, s % 60);
}

static double progress_rate(int64_t steps, double seconds) { return seconds > 0 ? (double)steps / seconds : 0; }

// Seconds since the process began, to the hundredth that Linux keeps; negative when it does not say.
static double progress_age(void) {
  char text[1024];
  unsigned long long ticks;
  struct timespec now;
  FILE *f = fopen("/proc/self/stat", "r");
  if (!f) return -1;
  size_t n = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  text[n] = 0;
  const char *field = strrchr(text, ')');  // the second field; the 22nd is when it began
  for (int i = 2; field && i < 22; i++) field = strchr(field + 1, ' ');
  if (!field || sscanf(field, "%llu", &ticks) != 1 || clock_gettime(CLOCK_BOOTTIME, &now)) return -1;
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec - (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

// Columns of the terminal as it is now.
static int progress_columns(void) {
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static size_t progress_add(Progress *p, size_t used, const char *format, ...) PRINTF_LIKE(3, 4);

// Adds to the moving line what fits. Returns how much of it is used.
static size_t progress_add(Progress *p, size_t used, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int n = vsnprintf(p->line + used, sizeof p->line - used, format, list);
  va_end(list);
  return n < 0 || (size_t)n >= sizeof p->line - used ? sizeof p->line - 1 : used + (size_t)n;
}

// The means of the epoch so far, and which lines did not learn in the last step.
static size_t progress_lines(Progress *p, size_t used, const Training *t) {
  for (int i = 0; i < t->plan->lines; i++) {
    const Line *line = &t->line[i];
    if (line->values)
      used = progress_add(p, used, "  %s %.6g", line->name, line->sum / (double)line->values);
    else if (training_has(t, i))
      used = progress_add(p, used, "  %s", line->name);
    else
      continue;
    if (line->round != t->step) used = progress_add(p, used, " (waits)");
  }
  return used;
}

void progress_step(Progress *p, const Training *t) {
  if (p->quiet) return;
  double now = progress_clock();
  if (p->verbose && progress_done(t) == p->first_step + 1)
    progress_say(p, true, "first step done %.3f s after the process began", progress_age());
  if (now - p->told < (p->moving ? progress_moving : progress_plain)) return;
  p->told = now;
  double rate = progress_rate(progress_done(t) - p->first_step, now - p->began);
  bool bounded = t->last_step < UINT32_MAX;
  size_t used = t->plan->restarts > 1 ? progress_add(p, 0, "start %lu  ", (unsigned long)t->run->start + 1) : 0;
  used = progress_add(p, used, "epoch %lld  step %lld", (long long)training_epoch(t), (long long)t->step);
  if (bounded) used = progress_add(p, used, " of %lld", (long long)t->last_step);
  used = progress_lines(p, used, t);
  used = progress_add(p, used, "  %.4g steps/s", rate);
  char left[32];
  progress_duration(left, sizeof left, rate > 0 ? (double)(t->last_step - t->step) / rate : 0);
  if (bounded) progress_add(p, used, "  %s left", left);
  if (p->moving)
    fprintf(stderr, "\r%.*s\033[K", progress_columns() - 1, p->line);
  else
    fprintf(stderr, "%s\n", p->line);
  fflush(stderr);
  p->shown = p->moving;
}

void progress_phase(Progress *p, const Training *t) {
  const Plan *plan = t->plan;
  if (t->phase < plan->phases)
    progress_say(p, true, "phase %d of %d from step %lld on: batch %lld, %lld steps an epoch", t->phase + 1,
                 plan->phases, (long long)t->step + 1, (long long)training_phase(t)->batch, (long long)t->epoch_steps);
  else
    progress_say(p, true, "step %lld is the last: what it was to go on until holds", (long long)t->step);
}

static void progress_measures(const char *split, const Measure *measure, int n) {
  for (int i = 0; i < n; i++) {
    printf("  %s%s%s", i ? "" : split, i ? "" : " ", measure[i].name);
    if (measure_told(&measure[i])) printf(" %.9g", measure[i].mean);
    if (measure[i].waits) printf(" (in %lld turns)", (long long)measure[i].learnt);
    if (measure[i].error >= 0) printf(" +- %.3g", measure[i].error);
  }
}

void progress_report(Progress *p, const Training *t, const Measure *train, int trained, const Measure *test,
                     int tests) {
  int64_t epoch = training_epoch(t);
  progress_clear(p);
  if (!p->quiet) {
    if (t->plan->restarts > 1) printf("start %lu  ", (unsigned long)t->run->start + 1);
    printf("epoch %lld  step %lld", (long long)epoch, (long long)t->step);
    progress_measures("train", train, trained);
    progress_measures("test", test, tests);
    printf("\n");
    fflush(stdout);
  }
  double seconds = p->epoch_trained - p->epoch_began;
  progress_say(p, p->verbose, "epoch %lld: %.2f s of training, %.4g steps/s, %.2f s of measuring", (long long)epoch,
               seconds, progress_rate(progress_done(t) - p->epoch_first_step, seconds),
               progress_clock() - p->epoch_trained);
}

// The most memory that the process has held, in MiB.
static double progress_memory(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024 : 0;
}

void progress_start(Progress *p, const Training *t) {
  if (t->own.known) progress_say(p, true, "%s", keep_text(t->run->arena, t->plan, &t->own));
}

void progress_end(Progress *p, const Training *t) {
  double seconds = progress_clock() - p->began;
  const Session *s = t->session;
  progress_say(p, p->verbose, "memory: %.1f MiB at most", progress_memory());
  int64_t made = progress_done(t) - p->first_step;
  if (made > 0)
    progress_say(p, true, "%lld steps in %.2f s, %.4g steps/s", (long long)made, seconds, progress_rate(made, seconds));
  if (t->step < t->last_step && t->last_step < UINT32_MAX)
    progress_say(p, true, "stopped after step %lld of %lld", (long long)t->step, (long long)t->last_step);
  else if (t->step < t->last_step)
    progress_say(p, true, "stopped after step %lld", (long long)t->step);
  if (s->folder) {
    progress_say(p, true, "%s: weights.safetensors, metrics.jsonl, metrics.csv", s->folder);
    if (t->best.known)
      progress_say(p, true, "%s/best.safetensors: %s", s->folder, keep_text(t->run->arena, t->plan, &t->best));
    for (int i = 0; i < t->plan->shows; i++)
      progress_say(p, true, "%s/shows/%s.%s", s->folder, t->plan->show[i].name, show_ending(&t->plan->show[i]));
  }
  if (!training_done(t) && s->folder && s->resume_by)
    progress_say(p, true, "to go on: %s", session_resume_command(t->run->arena, s));
}
