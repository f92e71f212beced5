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
#include "data/shuffle.h"
#include "formats/json.h"

enum { QUIZ_POOL = 1000, QUIZ_WIDTH = 96 };

typedef struct {
  int64_t height, width, channels;
  float lo, hi;
  const float *real, *made;  // QUIZ_POOL and `asked` pictures
  bool colours;              // of the terminal
} Quiz;

typedef struct {
  int asked, made, right, taken;  // taken: the model's, said to be real
  Text answers;                   // a letter a question: what it was, in capitals where it was told
} Answers;

// Which column is asked for: the one that `gmc sample` draws. Fails unless it is a picture that fits a terminal.
static void quiz_layout(Arena *a, const PlanOutput *o, Quiz *q) {
  bool colour = o->rank == 3 && (o->dim[2] == 3 || o->dim[2] == 1);
  if (o->rank != 2 && !colour)
    fail(a, EXIT_USAGE, "%s is no picture of [height, width] or [height, width, 3]: there is nothing to look at",
         o->name);
  q->height = o->dim[0];
  q->width = o->dim[1];
  q->channels = colour ? o->dim[2] : 1;
  if (q->width > QUIZ_WIDTH || q->height > QUIZ_WIDTH)
    fail(a, EXIT_USAGE, "%s is larger than the %d x %d pixels that are shown on a terminal", o->name, QUIZ_WIDTH,
         QUIZ_WIDTH);
}

static int quiz_level(const Quiz *q, const float *picture, int64_t y, int64_t x, int64_t channel) {
  if (y >= q->height) return 0;
  float v = picture[(y * q->width + x) * q->channels + (q->channels == 3 ? channel : 0)];
  float level = (v - q->lo) / (q->hi - q->lo) * 255 + 0.5f;
  return level > 0 ? level < 255 ? (int)level : 255 : 0;  // NaN is black
}

// Two rows of pixels in a line: the upper half of each letter's place in one colour, the lower in another. Without
// colours, a letter for two pixels, darker or lighter.
static void quiz_draw(const Quiz *q, const float *picture) {
  static const char shade[] = " .:-=+*#%@";
  for (int64_t y = 0; y < q->height; y += 2) {
    for (int64_t x = 0; x < q->width; x++) {
      int up[3], down[3];
      for (int k = 0; k < 3; k++)
        up[k] = quiz_level(q, picture, y, x, k), down[k] = quiz_level(q, picture, y + 1, x, k);
      if (q->colours)
        printf("\033[38;2;%d;%d;%dm\033[48;2;%d;%d;%dm\u2580", up[0], up[1], up[2], down[0], down[1], down[2]);
      else
        putchar(shade[(up[0] + up[1] + up[2] + down[0] + down[1] + down[2]) * 9 / (6 * 255)]);
    }
    printf("%s\n", q->colours ? "\033[0m" : "");
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

static void quiz_run(const Quiz *q, const int32_t *order, const int32_t *from, int questions, Answers *answers) {
  int64_t size = q->height * q->width * q->channels;
  for (int i = 0; i < questions; i++) {
    bool made = order[i] % 2;
    const float *picture = made ? q->made + order[i] / 2 * size : q->real + from[order[i] / 2] * size;
    printf("\n");
    quiz_draw(q, picture);
    char answer = quiz_ask(i + 1, questions);
    if (!answer) break;
    bool right = (answer == 'm') == made;
    answers->asked++;
    answers->made += made;
    answers->right += right;
    answers->taken += made && !right;
    text_add(&answers->answers, "%c", made ? (right ? 'M' : 'm') : (right ? 'R' : 'r'));
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

// Adds a line to the file: killed between, it has the line or has it not.
static void quiz_keep(Arena *a, const char *folder, uint32_t seed, const Answers *answers) {
  const char *path = arena_format(a, "%s/quiz.jsonl", folder);
  Text line = text_new(a);
  text_add(&line, "{\"time\":%lld,\"seed\":%u,\"asked\":%d,\"right\":%d,\"made\":%d,\"taken_for_real\":%d,\"answers\":",
           (long long)time(NULL), seed, answers->asked, answers->right, answers->made, answers->taken);
  json_add_string(&line, answers->answers.data);
  text_add(&line, "}\n");
  FILE *f = fopen(path, "ae");
  bool kept = f && fwrite(line.data, 1, line.length, f) == line.length;
  if (!f || fclose(f) != 0 || !kept) fail(a, EXIT_CANTCREATE, "%s: %s", path, strerror(errno));
  printf("kept in %s\n", path);
}

int command_quiz(Arena *a, const Options *o) {
  FolderRun run = folder_run(a, o->word[0]);
  Config *c = folder_config(a, run.folder);
  compile_overlay(a, c, o);
  Model *m = compile_folder(a, run.folder, c);
  int questions = (int)option_number(o, OPTION_COUNT, 20);
  int draws = elaborate_sample(m, NULL, false, m->batch, NULL, 0, option_given(o, OPTION_MEAN));
  int data = draws < 0 ? -1 : elaborate_examples(m, m->batch);
  compile_diagnostics(m->sources);
  const Plan *plan = plan_model(a, m);
  Session s = execute_session(plan, o, run.folder);
  s.weights = session_weights_of(a, run.folder, run.which);
  s.seed_given = true;
  s.seed = (uint32_t)option_number(o, OPTION_SEED, (int64_t)(uint32_t)time(NULL));
  Quiz q = {.colours = colours_wanted(STDOUT_FILENO)};
  quiz_layout(a, plan->program[draws].output, &q);
  output_bounds(plan, plan->program[draws].output->name, &q.lo, &q.hi);
  q.made = session_draw(a, plan, &s, draws, questions);
  s.quiet = true;
  q.real = session_draw(a, plan, &s, data, QUIZ_POOL);
  int32_t *order = NEW_ARRAY(a, int32_t, 2 * questions), *from = NEW_ARRAY(a, int32_t, QUIZ_POOL);
  shuffle(s.seed, 0, 0, order, 2 * questions);
  shuffle(s.seed, 0, 1, from, QUIZ_POOL);
  Answers answers = {.answers = text_new(a)};
  quiz_run(&q, order, from, questions, &answers);
  printf("\ntold apart: %s\nof the model's, taken for real: %s\n", share_text(a, answers.right, answers.asked),
         share_text(a, answers.taken, answers.made));
  if (answers.asked) quiz_keep(a, run.folder, s.seed, &answers);
  return EXIT_DONE;
}
