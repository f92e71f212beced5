// A page of the language, run by hand: the standard library's tests write small models as text, feed their columns, run
// one program and look at the numbers that come out. Everything on the way is the real thing: parser, elaborator,
// planner, executor.
#ifndef GMC_STD_PAGE_H
#define GMC_STD_PAGE_H

#include "engine/exec.h"
#include "graph/model.h"

// What takes long is done less often where every access is looked at.
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

typedef struct {
  Arena *arena;
  Model *model;
  Plan *plan;
  Run run;         // seed, step and turn may be set before a program is run
  float **column;  // values of each column of the data, [batch][count]: what is fed
  int32_t *example;
  int64_t epoch, updates, examples;  // fed likewise; updates counts from 1; as many examples as rows
} Page;

// Elaborates and plans the text and gives its tensors their first values. `batch` 0: what the text says. Prints what is
// wrong and fails the test if there is a mistake.
Page *page_open(Arena *a, const char *text, int64_t batch);
// The same for a text with the holes of printf.
Page *page_format(Arena *a, int64_t batch, const char *format, ...) PRINTF_LIKE(3, 4);

float *page_column(Page *p, const char *name);
void page_fill(Page *p, const char *column, double value);  // the same number everywhere
float *page_tensor(Page *p, const char *name);

// Runs a program of the plan once, for the examples in p->example.
void page_run(Page *p, int program, Purpose purpose);
void page_test(Page *p);   // the program of the metrics
void page_train(Page *p);  // the first turn of the round
void page_init(Page *p);   // tensors begin anew
// An output of a program that has just run, [batch][count].
const float *page_output(const Page *p, int program, const char *name);
const float *page_metric(const Page *p, const char *name);
double page_average(const Page *p, const char *metric);

// Does `gmc explain` say this?
bool page_explains(const Page *p, const char *text);

// Fails the test, saying what of which was wrong, unless `good`, or unless |got - want| <= tolerance * (1 + |want|).
void page_check(bool good, const char *what, const char *which, double got, double want);
void page_near(const char *what, const char *which, double got, double want, double tolerance);

#endif
