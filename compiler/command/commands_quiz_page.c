// The quiz in the browser; see quiz.h and report/quiz.js.
//
//   /          the page
//   /quiz
//   {"model":...,"of":"x","height":28,"width":28,"channels":1,"questions":20,"answers":"RmM","over":false,"told":[]}
//   /picture   ?question=3: the bytes of its pixels; of the present question at the most
//   /answer    by POST, question=3&said=real or made: once for each, in their order; answered by what /quiz gives
//   /stop      by POST: no more questions
//
// What a picture is stands in `answers` alone, and so not before it was answered.
#include <string.h>

#include "command/options.h"
#include "command/quiz.h"
#include "formats/json.h"
#include "report/report.h"
#include "report/server.h"

typedef struct {
  const Quiz *quiz;
  Answers *answers;
  bool over;
} QuizPage;

static void add_text(Text *t, const char *name, const char *value) {
  text_add(t, "\"%s\":", name);
  json_add_string(t, value);
  text_add(t, ",");
}

static void reply_quiz(const QuizPage *p, Request *r) {
  const Quiz *q = p->quiz;
  Text t = text_new(r->arena);
  text_add(&t, "{");
  add_text(&t, "model", q->model);
  add_text(&t, "of", q->of);
  add_text(&t, "answers", p->answers->letters.data);
  text_add(&t, "\"height\":%lld,\"width\":%lld,\"channels\":%lld,", (long long)q->height, (long long)q->width,
           (long long)q->channels);
  text_add(&t, "\"questions\":%d,\"over\":%s,\"told\":[", q->questions, p->over ? "true" : "false");
  const char *line[QUIZ_LINES];
  quiz_told(r->arena, p->answers, line);
  for (int i = 0; p->over && i < QUIZ_LINES; i++) {
    text_add(&t, "%s", i ? "," : "");
    json_add_string(&t, line[i]);
  }
  text_add(&t, "]}");
  request_reply(r, "application/json", t.data, t.length);
}

// The number of a question that may be seen, or -1.
static int asked_for(const QuizPage *p, const Request *r) {
  int64_t question;
  const char *text = request_value(r, "question");
  int last = p->over ? p->answers->asked - 1 : p->answers->asked;
  return text && number_read(text, 0, last, &question) ? (int)question : -1;
}

static void reply_picture(const QuizPage *p, Request *r) {
  const Quiz *q = p->quiz;
  int question = asked_for(p, r);
  if (question < 0) {
    request_nothing(r);
    return;
  }
  size_t size = (size_t)(q->height * q->width * q->channels), n = 0;
  uint8_t *pixel = NEW_ARRAY(r->arena, uint8_t, size);
  for (int64_t y = 0; y < q->height; y++)
    for (int64_t x = 0; x < q->width; x++)
      for (int64_t k = 0; k < q->channels; k++) pixel[n++] = (uint8_t)quiz_level(q, quiz_picture(q, question), y, x, k);
  request_reply(r, "application/octet-stream", pixel, size);
}

// An answer to another question than the present one was given already, in another window: it changes nothing.
static void take_answer(QuizPage *p, const Request *r) {
  const char *said = request_value(r, "said");
  if (p->over || !said || asked_for(p, r) != p->answers->asked) return;
  bool made = strcmp(said, "made") == 0;
  if (!made && strcmp(said, "real") != 0) return;
  quiz_answer(p->quiz, p->answers, made);
  p->over = p->answers->asked == p->quiz->questions;
  if (p->over) quiz_keep(r->arena, p->quiz, p->answers);
}

static void answer_request(void *page, Request *r) {
  QuizPage *p = page;
  if (strcmp(r->path, "/") == 0 && !r->post) {
    Text t = text_new(r->arena);
    report_shell(&t, "quiz", "quiz.js");
    request_reply(r, "text/html; charset=utf-8", t.data, t.length);
  } else if (strcmp(r->path, "/picture") == 0) {
    reply_picture(p, r);
  } else if (strcmp(r->path, "/answer") == 0 && r->post) {
    take_answer(p, r);
    reply_quiz(p, r);
  } else if (strcmp(r->path, "/stop") == 0 && r->post) {
    p->over = true;
    quiz_keep(r->arena, p->quiz, p->answers);
    reply_quiz(p, r);
  } else if (strcmp(r->path, "/quiz") == 0) {
    reply_quiz(p, r);
  } else {
    request_nothing(r);
  }
}

void quiz_browse(Arena *a, const Quiz *q, Answers *answers, int port) {
  QuizPage *p = NEW(a, QuizPage);
  *p = (QuizPage){q, answers, false};
  Server *s = server_open(a, port, answer_request, p);
  printf("http://127.0.0.1:%d/\n", server_port(s));
  fflush(stdout);
  say_line(stderr, "gmc: the page is for this machine's browser alone; Ctrl-C ends it");
  server_run(s);
}
