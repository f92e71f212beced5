// gmc run: a training, one that goes on, or the trainings of a sweep; see commands.h.
#include <string.h>

#include "train/train.h"
#include "command/commands.h"
#include "command/compilation.h"
#include "command/execute.h"
#include "command/folder.h"
#include "command/sweep.h"

enum { CHECKPOINT_SECONDS = 300 };

// A new run, or, `resume` naming its folder, one that goes on. `from`: the run that a new one goes on from, or begins
// with the weights of.
static int train(Arena *a, const Options *o, const Model *m, const Config *c, const char *resume,
                 const FolderRun *from) {
  const Plan *plan = plan_model(a, m);
  const char *folder = resume ? resume : c->out;
  Session s = execute_session(plan, o, folder ? folder : arena_format(a, "runs/%s", m->name));
  s.resume = resume != NULL;
  if (from) s.weights = session_weights_of(a, from->folder, from->which), s.from = from->folder;
  s.goes_on = s.seed_given = option_given(o, OPTION_FROM);  // the seed of its settings, which may be said anew
  s.seed = plan->seed;
  s.start = option_text(o, OPTION_START);
  s.next_free = !folder;
  s.threads = c->threads > 0 ? (int)c->threads : 0;
  s.steps = option_number(o, OPTION_STEPS, 0);
  s.checkpoint_steps = option_number(o, OPTION_CHECKPOINT, 0);
  s.checkpoint_seconds = CHECKPOINT_SECONDS;
  s.data_memory = option_number(o, OPTION_MEMORY, 0) << 20;
  s.health_percent = option_number(o, OPTION_HEALTH, HEALTH_PERCENT);
  s.resume_by = "gmc run --resume";
  s.kept = folder_texts(a, m, c, &s.kepts);
  return session_train(a, plan, &s);
}

static int dump(Arena *a, const Model *m, const char *stage) {
  static const char *const stages[] = {"ast", "graph", "grad", "fused", "plan"};
  Text t = text_new(a);
  if (!dump_stage(&t, m, stage)) {
    const char *near = nearest_name(stage, sizeof stages / sizeof *stages, stages);
    fail(a, EXIT_USAGE, "--dump knows ast, graph, grad, fused and plan, not `%s`%s", printable(a, stage),
         near ? arena_format(a, "; did you mean %s?", near) : "");
  }
  fwrite(t.data, 1, t.length, stdout);
  return EXIT_DONE;
}

static int run_one(Arena *a, const Options *o, const char *path, const Config *c) {
  Model *m = compile_file(a, path, c);
  if (option_given(o, OPTION_DUMP)) return dump(a, m, option_text(o, OPTION_DUMP));
  return train(a, o, m, c, NULL, NULL);
}

// The runs of a sweep, one after another: a mistake in any is found before the first begins, numbers that fail in one
// do not stop the others, and anything else does. The answer is the first code that is not EXIT_DONE.
static int run_sweep(Arena *parent, const Options *o, const char *path, Config *c) {
  int runs = sweep_count(parent, c), code = EXIT_DONE;
  compile_all(parent, path, c);
  for (int i = 0; i < runs; i++) {
    Arena *a = arena_open(parent);
    const char *name;
    Config *one = sweep_config(a, c, i, &name);
    if (!c->out) {
      const char *model = compile_file(a, path, one)->name;
      c->out = session_new_folder(parent, arena_format(parent, "runs/%s", model));
    }
    one->out = arena_format(a, "%s/%s", c->out, name);
    if (!option_given(o, OPTION_QUIET)) say_line(stderr, "gmc: run %d of %d: %s", i + 1, runs, name);
    int result = run_one(a, o, path, one);
    arena_close(a);
    if (result == EXIT_DONE && i + 1 < runs) result = training_stopped();  // while the last epoch was measured
    if (code == EXIT_DONE) code = result;
    if (result != EXIT_DONE && result != EXIT_NUMBERS) break;
  }
  return code;
}

// What was decided when the run began stays: only how far and how it goes on may be said anew.
static void check_resume(Arena *a, const Options *o) {
  static const OptionId allowed[] = {OPTION_RESUME,   OPTION_EPOCHS, OPTION_STEPS,  OPTION_THREADS, OPTION_CHECKPOINT,
                                     OPTION_PRODUCTS, OPTION_MEMORY, OPTION_HEALTH, OPTION_VERBOSE, OPTION_QUIET};
  if (o->words)
    fail(a, EXIT_USAGE, "--resume goes on with the model of its run; it has no use for `%s`", printable(a, o->word[0]));
  int given = 0, fine = 0;
  for (int i = 0; i < OPTIONS_END; i++) given += option_given(o, (OptionId)i);
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) fine += option_given(o, allowed[i]);
  if (given > fine)
    fail(a, EXIT_USAGE, "with --resume only --epochs, --steps, --threads and --products can be chosen anew");
}

static int run_resume(Arena *a, const Options *o, const char *folder) {
  check_resume(a, o);
  Config *c = folder_config(a, folder);
  compile_overlay(a, c, o);
  return train(a, o, compile_folder(a, folder, c), c, folder, NULL);
}

// A new run of another one's model, with its settings but for those that are said anew.
static int run_from(Arena *a, const Options *o, OptionId option) {
  FolderRun from = folder_run(a, option_text(o, option));
  const char *name = option == OPTION_FROM ? "--from" : "--weights";
  if (o->words)
    fail(a, EXIT_USAGE, "%s takes the model of its run; it has no use for `%s`", name, printable(a, o->word[0]));
  int ways = option_given(o, OPTION_FROM) + option_given(o, OPTION_WEIGHTS);
  if (ways > 1 || option_given(o, OPTION_RESUME) || option_given(o, OPTION_CONFIG) || option_given(o, OPTION_START))
    fail(a, EXIT_USAGE,
         "%s begins a new run with the settings of another: it goes without --resume, --config, --start and %s", name,
         option == OPTION_FROM ? "--weights" : "--from");
  Config *c = folder_config(a, from.folder);
  c->out = NULL;
  compile_overlay(a, c, o);
  Model *m = compile_folder(a, from.folder, c);
  return option_given(o, OPTION_DUMP) ? dump(a, m, option_text(o, OPTION_DUMP)) : train(a, o, m, c, NULL, &from);
}

int command_run(Arena *a, const Options *o) {
  const char *folder = option_text(o, OPTION_RESUME);
  if (option_given(o, OPTION_FROM)) return run_from(a, o, OPTION_FROM);
  if (option_given(o, OPTION_WEIGHTS)) return run_from(a, o, OPTION_WEIGHTS);
  if (folder) return run_resume(a, o, folder);
  if (o->words == 0) fail(a, EXIT_USAGE, "`gmc run` needs a FILE, --resume DIR, --from DIR or --weights DIR");
  Config *c = compile_config(a, o);
  return c->sweeps ? run_sweep(a, o, o->word[0], c) : run_one(a, o, o->word[0], c);
}
