// gmc verify: models that say what they expect are trained, each with its own settings, and held against it; see
// commands.h.
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/commands.h"
#include "command/compilation.h"
#include "command/execute.h"
#include "command/folder.h"
#include "train/expect.h"
#include "train/progress.h"

// Of all files and their expectations.
typedef struct {
  const Options *options;
  const char *out;  // folder of the runs
  int file_width, text_width;
  int met, expected;
  double began;
} Verification;

static int drop_file(const char *path, const struct stat *about, int kind, struct FTW *at) {
  (void)about, (void)kind, (void)at;
  return remove(path);
}

static void drop_folder(void *path) { nftw(path, drop_file, 16, FTW_DEPTH | FTW_PHYS); }

// A folder that goes again when the arena closes.
static const char *scratch_folder(Arena *a) {
  const char *temporary = getenv("TMPDIR");
  char *path = arena_format(a, "%s/gmc-verify-XXXXXX", temporary && *temporary ? temporary : "/tmp");
  if (!mkdtemp(path)) fail(a, EXIT_CANTCREATE, "%s: %s", path, strerror(errno));
  arena_cleanup(a, drop_folder, path);
  return path;
}

static int wider(int width, const char *text) { return (int)strlen(text) > width ? (int)strlen(text) : width; }

// Compiles one file to know that it has no mistakes, that it expects something, and how wide its lines are.
static int look_at(Arena *parent, Verification *v, const char *path) {
  Arena *a = arena_open(parent);
  volatile int code = EXIT_DONE;
  if (ARENA_TRY(a) == 0) {
    const Model *m = compile_file(a, path, compile_config(a, v->options));
    v->file_width = wider(v->file_width, path);
    for (int i = 0; i < m->expects; i++) v->text_width = wider(v->text_width, expect_text(a, &m->expect[i]));
    if (!m->expects)
      fail(a, EXIT_DATA, "%s: expects nothing; say what it is to measure: expect nll <= 86 after 400 epochs",
           printable(a, path));
  } else {
    code = a->code;
  }
  arena_close(a);
  return code;
}

static void print_row(Verification *v, const char *file, const char *text, const Expected *x, const char *time) {
  static const char *const word[] = {"not reached", "met", "missed"};
  char figure[32] = "-";
  if (x->outcome != EXPECTED_OPEN) snprintf(figure, sizeof figure, "%.6g", x->figure);
  printf("%-*s  %-*s  %12s  %-*s%s\n", v->file_width, file, v->text_width, text, figure, *time ? 11 : 0,
         word[x->outcome], time);
  fflush(stdout);
}

static int train_one(Arena *a, Verification *v, const char *path) {
  const Options *o = v->options;
  Config *c = compile_config(a, o);
  const Model *m = compile_file(a, path, c);
  const Plan *plan = plan_model(a, m);
  Session s = execute_session(plan, o, arena_format(a, "%s/%s", v->out, m->name));
  double began = progress_clock();
  s.next_free = true;
  s.quiet = !s.verbose;
  s.kept = folder_texts(a, m, c, &s.kepts);
  s.resume_by = "gmc run --resume";
  s.expected = NEW_ARRAY(a, Expected, plan->expects);
  int code = session_train(a, plan, &s);
  char time[32];
  snprintf(time, sizeof time, "%8.1f s", progress_clock() - began);
  for (int i = 0; i < plan->expects; i++) {
    print_row(v, i ? "" : path, expect_text(a, &plan->expect[i]), &s.expected[i], i ? "" : time);
    v->met += s.expected[i].outcome == EXPECTED_MET;
    v->expected++;
  }
  return code;
}

static int verify_one(Arena *parent, Verification *v, const char *path) {
  Arena *a = arena_open(parent);
  volatile int code = EXIT_DONE;
  if (ARENA_TRY(a) == 0)
    code = train_one(a, v, path);
  else
    code = a->code;
  arena_close(a);
  return code;
}

static bool was_stopped(int code) { return code == EXIT_INTERRUPT || code == EXIT_TERMINATE || code == EXIT_HANGUP; }

int command_verify(Arena *a, const Options *o) {
  Verification v = {.options = o, .file_width = (int)strlen("file"), .text_width = (int)strlen("expected")};
  int code = EXIT_DONE;
  for (int i = 0; i < o->words; i++) {
    int one = look_at(a, &v, o->word[i]);
    if (code == EXIT_DONE) code = one;
  }
  if (code != EXIT_DONE) return code;
  v.out = option_text(o, OPTION_OUT);
  if (!v.out) v.out = scratch_folder(a);
  v.began = progress_clock();
  printf("%-*s  %-*s  %12s  %-11s%10s\n", v.file_width, "file", v.text_width, "expected", "ours", "", "time");
  for (int i = 0; i < o->words && !was_stopped(code); i++) {
    int one = verify_one(a, &v, o->word[i]);
    if (code == EXIT_DONE || was_stopped(one)) code = one;
  }
  printf("%d of %d met in %.1f s\n", v.met, v.expected, progress_clock() - v.began);
  return code == EXIT_DONE && v.met < v.expected ? EXIT_NUMBERS : code;
}
