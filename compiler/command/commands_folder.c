// The commands that use a trained run: sample, show and eval; see commands.h.
#include <string.h>

#include "command/commands.h"
#include "command/compilation.h"
#include "command/execute.h"
#include "command/folder.h"
#include "command/output.h"
#include "pictures/show.h"

static Model *model_of(Arena *a, const Options *o) {
  const char *folder = folder_run(a, o->word[0]).folder;
  Config *c = folder_config(a, folder);
  compile_overlay(a, c, o);
  return compile_folder(a, folder, c);
}

// With the weights that are asked for.
static Session session_of(Arena *a, const Plan *plan, const Options *o) {
  FolderRun run = folder_run(a, o->word[0]);
  Session s = execute_session(plan, o, run.folder);
  s.weights = session_weights_of(a, run.folder, run.which);
  return s;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n > m && strcmp(text + n - m, end) == 0;
}

static void check_picture(Arena *a, const Options *o, const char *path) {
  output_check(a, o, path, "\x89PNG", "a picture");
}

static const char *output_path(Arena *a, const Options *o) {
  const char *path = option_text(o, OPTION_OUTPUT);
  if (!path) fail(a, EXIT_USAGE, "`gmc sample` needs -o FILE.png, FILE.npy or FILE.csv");
  if (ends_with(path, ".png"))
    check_picture(a, o, path);
  else if (ends_with(path, ".npy"))
    output_check(a, o, path, "\x93NUMPY", "an array");
  else if (ends_with(path, ".csv"))
    output_check(a, o, path, NULL, "known to be a sample");
  else
    fail(a, EXIT_USAGE, "-o needs a file that ends in .png, .npy or .csv, not `%s`", printable(a, path));
  return path;
}

int command_sample(Arena *a, const Options *o) {
  const char *path = output_path(a, o);
  int64_t n = option_number(o, OPTION_COUNT, 64);
  int givens = o->value[OPTION_GIVEN].count;
  Setting *given = NEW_ARRAY(a, Setting, givens);
  for (int i = 0; i < givens; i++) given[i] = compile_setting(a, "given", o->value[OPTION_GIVEN].text[i]);
  Model *m = model_of(a, o);
  int64_t batch = n < m->batch ? n : m->batch;
  int program = elaborate_sample(m, option_text(o, OPTION_OF), ends_with(path, ".csv"), batch, given, givens,
                                 option_given(o, OPTION_MEAN));
  compile_diagnostics(m->sources);
  const Plan *plan = plan_model(a, m);
  output_spare_data(a, o, path, plan);
  Session s = session_of(a, plan, o);
  s.seed_given = option_given(o, OPTION_SEED);
  s.seed = (uint32_t)option_number(o, OPTION_SEED, 0);
  float lo, hi;
  output_bounds(plan, plan->program[program].output->name, &lo, &hi);
  return session_sample(a, plan, &s, program, n, lo, hi, path);
}

static int find_show(Arena *a, const Plan *plan, const char *name) {
  const char **names = NEW_ARRAY(a, const char *, plan->shows);
  for (int i = 0; i < plan->shows; i++) {
    names[i] = plan->show[i].name;
    if (strcmp(name, names[i]) == 0) return i;
  }
  const char *near = nearest_name(name, plan->shows, names);
  fail(a, EXIT_USAGE, "%s has no show `%s`%s", plan->model, printable(a, name),
       near ? arena_format(a, "; did you mean `%s`?", near) : "");
}

int command_show(Arena *a, const Options *o) {
  const Plan *plan = plan_model(a, model_of(a, o));
  Session s = session_of(a, plan, o);
  const char *path = option_text(o, OPTION_OUTPUT);
  int first = o->words == 2 ? find_show(a, plan, o->word[1]) : 0;
  int last = o->words == 2 ? first + 1 : plan->shows;
  if (last == 0) fail(a, EXIT_USAGE, "%s shows nothing", plan->model);
  if (path && last - first > 1) fail(a, EXIT_USAGE, "%s has %d shows; name the one for -o", plan->model, plan->shows);
  if (path && plan->show[first].kind == SHOW_TEXT)
    output_check(a, o, path, NULL, "known to be a text");
  else if (path)
    check_picture(a, o, path);
  int code = EXIT_DONE;
  for (int i = first; i < last && code == EXIT_DONE; i++) {
    const PlanShow *show = &plan->show[i];
    const char *file = path ? path : arena_format(a, "%s/shows/%s.%s", s.folder, show->name, show_ending(show));
    code = session_show(a, plan, &s, i, file);
    if (code == EXIT_DONE) printf("%s\n", file);
  }
  return code;
}

int command_eval(Arena *a, const Options *o) {
  const Plan *plan = plan_model(a, model_of(a, o));
  Session s = session_of(a, plan, o);
  return session_eval(a, plan, &s);
}
