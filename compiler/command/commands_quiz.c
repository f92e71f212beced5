// gmc quiz: pictures of the held-out data and of the model, mixed, to be told apart by a person; see commands.h.
//
// What counts is how many of the model's pictures are taken for real. Answers are kept in DIR/quiz.jsonl, a line a
// quiz.
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/commands.h"
#include "command/compilation.h"
#include "command/execute.h"
#include "command/folder.h"
#include "command/output.h"
#include "command/quiz.h"
#include "data/shuffle.h"
#include "formats/json.h"

enum { QUIZ_POOL = 1000, QUIZ_TERMINAL = 96, QUIZ_BROWSER = 2048 };

// Which column is asked for: the one that `gmc sample` draws. Fails unless it is a picture of at most so many pixels a
// side.
static void quiz_layout(Arena *a, const PlanOutput *o, int64_t most, const char *where, Quiz *q) {
  bool colour = o->rank == 3 && (o->dim[2] == 3 || o->dim[2] == 1);
  if (o->rank != 2 && !colour)
    fail(a, EXIT_USAGE, "%s is no picture of [height, width] or [height, width, 3]: there is nothing to look at",
         o->name);
  q->height = o->dim[0];
  q->width = o->dim[1];
  q->channels = colour ? o->dim[2] : 1;
  q->of = o->name;
  if (q->width > most || q->height > most)
    fail(a, EXIT_USAGE, "%s is larger than the %lld x %lld pixels that are shown %s", o->name, (long long)most,
         (long long)most, where);
}

const float *quiz_picture(const Quiz *q, int question) {
  int64_t size = q->height * q->width * q->channels;
  int32_t which = q->order[question];
  return which % 2 ? q->made + which / 2 * size : q->real + q->from[which / 2] * size;
}

int quiz_level(const Quiz *q, const float *picture, int64_t y, int64_t x, int64_t channel) {
  if (y >= q->height) return 0;
  float v = picture[(y * q->width + x) * q->channels + (q->channels == 3 ? channel : 0)];
  float level = (v - q->lo) / (q->hi - q->lo) * 255 + 0.5f;
  return level > 0 ? level < 255 ? (int)level : 255 : 0;  // NaN is black
}

// Two rows of pixels in a line: the upper half of each letter's place in one colour, the lower in another. Without
// colours, a letter for two pixels, darker or lighter.
static void quiz_draw(const Quiz *q, const float *picture, bool colours) {
  static const char shade[] = " .:-=+*#%@";
  for (int64_t y = 0; y < q->height; y += 2) {
    for (int64_t x = 0; x < q->width; x++) {
      int up[3], down[3];
      for (int k = 0; k < 3; k++)
        up[k] = quiz_level(q, picture, y, x, k), down[k] = quiz_level(q, picture, y + 1, x, k);
      if (colours)
        printf("\033[38;2;%d;%d;%dm\033[48;2;%d;%d;%dm\u2580", up[0], up[1], up[2], down[0], down[1], down[2]);
      else
        putchar(shade[(up[0] + up[1] + up[2] + down[0] + down[1] + down[2]) * 9 / (6 * 255)]);
    }
    printf("%s\n", colours ? "\033[0m" : "");
  }
}

// Asks until it is answered: 'r' real, 'm' made, 0 when there is no more to be read or the person wants to stop.
static char quiz_ask(int question, int questions) {
  char line[64];
  for (;;) {
    printf("%d of %d: real or made by the model? [r, m, or q to stop] ", question, questions);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin) || line[0] == 'q') return 0;
    if ((line[0] == 'r' || line[0] == 'm') && line[1] == '\n') return line[0];
  }
}

void quiz_answer(const Quiz *q, Answers *answers, bool said_made) {
  bool made = q->order[answers->asked] % 2, right = said_made == made;
  answers->asked++;
  answers->made += made;
  answers->right += right;
  answers->taken += made && !right;
  text_add(&answers->letters, "%c", made ? (right ? 'M' : 'm') : (right ? 'R' : 'r'));
}

static void quiz_terminal(const Quiz *q, Answers *answers) {
  bool colours = colours_wanted(STDOUT_FILENO);
  for (int i = 0; i < q->questions; i++) {
    printf("\n");
    quiz_draw(q, quiz_picture(q, i), colours);
    char answer = quiz_ask(i + 1, q->questions);
    if (!answer) break;
    quiz_answer(q, answers, answer == 'm');
  }
}

// "4 of 10, 40% (95% interval 17% to 69%)": Wilson's interval for a share (Wilson 1927).
static const char *share_text(Arena *a, int n, int of) {
  if (of == 0) return "none was asked";
  double z = 1.959963984540054, p = (double)n / of, square = z * z / of, middle = (p + square / 2) / (1 + square);
  double reach = z * sqrt(p * (1 - p) / of + square / (4 * of)) / (1 + square);
  return arena_format(a, "%d of %d, %.0f%% (95%% interval %.0f%% to %.0f%%)", n, of, 100 * p,
                      100 * fmax(middle - reach, 0), 100 * fmin(middle + reach, 1));
}

void quiz_told(Arena *a, const Answers *answers, const char *line[QUIZ_LINES]) {
  line[0] = arena_format(a, "told apart: %s", share_text(a, answers->right, answers->asked));
  line[1] = arena_format(a, "of the model's, taken for real: %s", share_text(a, answers->taken, answers->made));
  line[2] = arena_format(a, "wrong answers: %s", share_text(a, answers->asked - answers->right, answers->asked));
  line[3] =
      "beside it: who guesses is wrong in 50%; of the CIFAR-10 samples of Salimans et al. (2016) people were in 21.3%";
}

void quiz_keep(Arena *a, const Quiz *q, Answers *answers) {
  if (answers->kept || !answers->asked) return;
  const char *path = arena_format(a, "%s/quiz.jsonl", q->folder);
  Text line = text_new(a);
  text_add(&line, "{\"time\":%lld,\"seed\":%u,\"asked\":%d,\"right\":%d,\"made\":%d,\"taken_for_real\":%d,\"answers\":",
           (long long)time(NULL), q->seed, answers->asked, answers->right, answers->made, answers->taken);
  json_add_string(&line, answers->letters.data);
  text_add(&line, "}\n");
  FILE *f = fopen(path, "ae");
  bool kept = f && fwrite(line.data, 1, line.length, f) == line.length;
  if (!f || fclose(f) != 0 || !kept) fail(a, EXIT_CANTCREATE, "%s: %s", path, strerror(errno));
  answers->kept = true;
  const char *told[QUIZ_LINES];
  quiz_told(a, answers, told);
  printf("\n");
  for (int i = 0; i < QUIZ_LINES; i++) printf("%s\n", told[i]);
  printf("kept in %s\n", path);
  fflush(stdout);
}

// Draws what is to be asked, by the seed.
static void quiz_prepare(Arena *a, const Options *o, const Plan *plan, int draws, int data, Session *s, Quiz *q) {
  bool browser = option_given(o, OPTION_BROWSER);
  const PlanOutput *output = plan->program[draws].output;
  quiz_layout(a, output, browser ? QUIZ_BROWSER : QUIZ_TERMINAL,
              browser ? "in the browser" : "on a terminal; --browser shows more", q);
  output_bounds(plan, output->name, &q->lo, &q->hi);
  q->made = session_draw(a, plan, s, draws, q->questions);
  s->quiet = true;
  q->real = session_draw(a, plan, s, data, QUIZ_POOL);
  q->order = NEW_ARRAY(a, int32_t, 2 * q->questions);
  q->from = NEW_ARRAY(a, int32_t, QUIZ_POOL);
  shuffle(s->seed, 0, 0, q->order, 2 * q->questions);
  shuffle(s->seed, 0, 1, q->from, QUIZ_POOL);
}

int command_quiz(Arena *a, const Options *o) {
  FolderRun run = folder_run(a, o->word[0]);
  Config *c = folder_config(a, run.folder);
  compile_overlay(a, c, o);
  Model *m = compile_folder(a, run.folder, c);
  int draws = elaborate_sample(m, NULL, false, m->batch, NULL, 0, option_given(o, OPTION_MEAN));
  int data = draws < 0 ? -1 : elaborate_examples(m, m->batch);
  compile_diagnostics(m->sources);
  const Plan *plan = plan_model(a, m);
  Session s = execute_session(plan, o, run.folder);
  s.weights = session_weights_of(a, run.folder, run.which);
  s.seed_given = true;
  s.seed = (uint32_t)option_number(o, OPTION_SEED, (int64_t)(uint32_t)time(NULL));
  Quiz q = {
      .folder = run.folder, .model = m->name, .seed = s.seed, .questions = (int)option_number(o, OPTION_COUNT, 20)};
  quiz_prepare(a, o, plan, draws, data, &s, &q);
  Answers answers = {.letters = text_new(a)};
  if (option_given(o, OPTION_BROWSER))
    quiz_browse(a, &q, &answers, (int)option_number(o, OPTION_PORT, 0));
  else
    quiz_terminal(&q, &answers);
  quiz_keep(a, &q, &answers);
  return EXIT_DONE;
}
