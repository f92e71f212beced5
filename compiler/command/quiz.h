// A quiz: pictures of the held-out data and of the model, mixed, to be told apart by a person, on the terminal or in
// the browser.
#ifndef GMC_QUIZ_H
#define GMC_QUIZ_H

#include "core/base.h"

typedef struct {
  const char *folder, *model, *of;  // of: the column
  int64_t height, width, channels;
  float lo, hi;
  const float *real, *made;
  int32_t *order,
      *from;  // order[i] odd: question i is the model's picture order[i] / 2; else the data's from[order[i] / 2]
  int questions;
  uint32_t seed;
} Quiz;

typedef struct {
  int asked, made, right, taken;  // taken: the model's, said to be real
  bool kept;
  Text letters;  // a letter a question: what it was, r or m, in capitals where it was told
} Answers;

// The picture of a question: [height, width, channels].
const float *quiz_picture(const Quiz *q, int question);

// From 0 to 255; black below the picture, and of what is no number.
int quiz_level(const Quiz *q, const float *picture, int64_t y, int64_t x, int64_t channel);

void quiz_answer(const Quiz *q, Answers *answers, bool said_made);

// What came of it, a line each, and what others came to.
enum { QUIZ_LINES = 4 };

void quiz_told(Arena *a, const Answers *answers, const char *line[QUIZ_LINES]);

// Adds a line to the folder's quiz.jsonl, once, and says what came of it. Killed between, the file has the line or has
// it not. Nothing is kept where nothing was answered.
void quiz_keep(Arena *a, const Quiz *q, Answers *answers);

// Asks in the browser, on `port` or a free one, until Ctrl-C. What is answered is kept when the last answer is there.
void quiz_browse(Arena *a, const Quiz *q, Answers *answers, int port);

#endif
