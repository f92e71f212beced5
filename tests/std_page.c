// Pages of the language, run by hand; see std_page.h.
#include "std_page.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

static void page_memory(Page *p) {
  const Plan *plan = p->plan;
  p->run = (Run){.arena = p->arena, .plan = plan, .seed = 1};
  p->run.memory = NEW_ARRAY(p->arena, float, plan->peak + 1024);
  p->column = NEW_ARRAY(p->arena, float *, plan->columns + 1);
  for (int i = 0; i < plan->columns; i++)
    p->column[i] = NEW_ARRAY(p->arena, float, plan->batch * plan->column[i].count);
  int64_t rows = plan->batch;
  for (int i = 0; i < plan->programs; i++) rows = plan->program[i].batch > rows ? plan->program[i].batch : rows;
  p->example = NEW_ARRAY(p->arena, int32_t, rows);
  for (int64_t i = 0; i < rows; i++) p->example[i] = (int32_t)i;
  p->updates = 1;
  p->examples = rows;
}

Page *page_open(Arena *a, const char *text, int64_t batch) {
  Page *p = NEW(a, Page);
  Sources *s = sources_new(a);
  Setting *setting = NEW(a, Setting);
  Overrides *overrides = NEW(a, Overrides);
  *setting = (Setting){"batch", arena_format(a, "%lld", (long long)batch), "the test"};
  *overrides = (Overrides){.train = setting, .trains = batch > 0};
  p->arena = a;
  p->model = elaborate(a, s, sources_add(s, "page.gm", text, strlen(text), false), overrides);
  if (!p->model) {
    diagnostics_print(s, stderr, false);
    print_error("%s\n", text);
  }
  assert_non_null(p->model);
  p->plan = plan_model(a, p->model);
  page_memory(p);
  exec_open(&p->run, 1);
  page_init(p);
  return p;
}

Page *page_format(Arena *a, int64_t batch, const char *format, ...) {
  va_list list;
  va_start(list, format);
  const char *text = arena_vformat(a, format, list);
  va_end(list);
  return page_open(a, text, batch);
}

float *page_column(Page *p, const char *name) {
  for (int i = 0; i < p->plan->columns; i++)
    if (strcmp(p->plan->column[i].name, name) == 0) return p->column[i];
  print_error("no column %s\n", name);
  assert_true(false);
  return NULL;
}

void page_fill(Page *p, const char *column, double value) {
  float *x = page_column(p, column);
  int64_t n = p->plan->batch;
  for (int i = 0; i < p->plan->columns; i++)
    if (p->column[i] == x) n *= p->plan->column[i].count;
  while (n--) x[n] = (float)value;
}

float *page_tensor(Page *p, const char *name) {
  for (int i = 0; i < p->plan->tensors; i++)
    if (strcmp(p->plan->tensor[i].name, name) == 0) return p->run.memory + p->plan->tensor[i].at;
  for (int i = 0; i < p->plan->tensors; i++) print_error("there is %s\n", p->plan->tensor[i].name);
  print_error("no tensor %s\n", name);
  assert_true(false);
  return NULL;
}

static void page_feed(Page *p, const PlanProgram *program) {
  int64_t rows = p->run.rows ? p->run.rows : program->batch;
  for (int i = 0; i < program->feeds; i++) {
    const PlanFeed *f = &program->feed[i];
    float *to = p->run.memory + f->at;
    bool holes = feed_is_of_examples(f) && p->plan->column[f->index].missing;
    const float *column = feed_is_of_examples(f) ? p->column[f->index] : NULL;
    if (f->kind == FEED_COLUMN) memcpy(to, column, (size_t)(rows * f->count) * sizeof *to);
    for (int64_t k = 0; holes && k < rows * f->count; k++) {
      bool known = !isnan(column[k]);
      to[k] = f->kind == FEED_KNOWN ? (float)known : known ? column[k] : 0.0F;
    }
    if (f->kind == FEED_STEP) *to = (float)p->run.step;
    if (f->kind == FEED_EPOCH) *to = (float)p->epoch;
    if (f->kind == FEED_UPDATE) *to = (float)p->updates;
    if (f->kind == FEED_EXAMPLES) *to = (float)p->examples;
  }
}

void page_run(Page *p, int program, Purpose purpose) {
  assert_in_range(program, 0, p->plan->programs - 1);
  const PlanProgram *what = &p->plan->program[program];
  for (int64_t i = p->plan->persistent; i < p->plan->peak; i++) p->run.memory[i] = NAN;  // whatever was there
  p->run.purpose = purpose;
  p->run.example = p->example;
  page_feed(p, what);
  p->run.execute(&p->run, program);
}

void page_test(Page *p) { page_run(p, p->plan->test, PURPOSE_TEST); }

void page_train(Page *p) { page_run(p, p->plan->turn[0].program, PURPOSE_TRAIN); }

void page_init(Page *p) {
  memset(p->run.memory, 0, (size_t)p->plan->persistent * sizeof(float));
  page_run(p, p->plan->init, PURPOSE_INIT);
}

const float *page_output(const Page *p, int program, const char *name) {
  const PlanProgram *from = &p->plan->program[program];
  for (int i = 0; i < from->outputs; i++)
    if (strcmp(from->output[i].name, name) == 0) return p->run.memory + from->output[i].at;
  print_error("no output %s\n", name);
  assert_true(false);
  return NULL;
}

const float *page_metric(const Page *p, const char *name) { return page_output(p, p->plan->test, name); }

double page_average(const Page *p, const char *metric) {
  const float *x = page_metric(p, metric);
  double sum = 0;
  for (int64_t i = 0; i < p->plan->batch; i++) sum += (double)x[i];
  return sum / (double)p->plan->batch;
}

bool page_explains(const Page *p, const char *text) {
  for (int i = 0; i < p->model->findings; i++)
    if (strstr(p->model->finding[i].text, text)) return true;
  return false;
}

void page_check(bool good, const char *what, const char *which, double got, double want) {
  if (good) return;
  print_error("%s of %s: got %.9g, wanted %.9g\n", what, which, got, want);
  assert_true(good);
}

void page_near(const char *what, const char *which, double got, double want, double tolerance) {
  page_check(got == want || fabs(got - want) <= tolerance * (1 + fabs(want)), what, which, got, want);
}
