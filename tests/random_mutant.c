// Mutants: texts of the language whose words are moved about; see random_model.h.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "random_bits.h"
#include "random_model.h"

typedef struct {
  const char *at;
  size_t length;
} Word;

typedef struct {
  Word *word;
  int words;
} Words;

// A name, a number, a string, a comment, white space, or a sign.
static size_t word_length(const char *c) {
  static const char *const sign[] = {"|>", "||", "<-", "..", "<=", ">=", "==", "!="};
  size_t n = 1;
  if (isdigit((unsigned char)*c)) {
    char *end;
    strtod(c, &end);
    return (size_t)(end - c) > 1 && end[-1] == '.' ? (size_t)(end - c) - 1 : (size_t)(end - c);
  }
  if (isalpha((unsigned char)*c)) {
    while (isalnum((unsigned char)c[n]) || c[n] == '_' || (c[n] == '.' && isalpha((unsigned char)c[n + 1]))) n++;
    return n;
  }
  if (*c == '"') {
    while (c[n] && c[n] != '"' && c[n] != '\n') n++;
    return n + (c[n] == '"');
  }
  if (*c == '#') return strcspn(c, "\n");
  if (*c == ' ' || *c == '\n') return strspn(c, " \n");
  for (size_t i = 0; i < sizeof sign / sizeof *sign; i++)
    if (c[0] == sign[i][0] && c[1] == sign[i][1]) return 2;
  return n;
}

static Words split_words(Arena *a, const char *text) {
  Words w = {NEW_ARRAY(a, Word, strlen(text) + 1), 0};
  for (size_t n; *text; text += n) {
    n = word_length(text);
    if (*text != '#') w.word[w.words++] = (Word){text, n};
  }
  return w;
}

static bool is_space(Word w) { return *w.at == ' ' || *w.at == '\n'; }

static int pick_word(const Words *w, uint64_t *state) {
  int i = random_below(state, w->words);
  return is_space(w->word[i]) && i + 1 < w->words ? i + 1 : i;
}

static Word odd_word(uint64_t *state) {
  static const char *const odd[] = {"none",   "0",    "-1", "1e30",   "2147483648", "\"a\"", "infinity",
                                    "[1, 2]", "step", "z",  "x",      "1.5",        "(",     ")",
                                    "}",      "{",    "|",  "normal", "training",   "65536"};
  const char *c = odd[random_below(state, sizeof odd / sizeof *odd)];
  return (Word){c, strlen(c)};
}

// Replaces `gone` words at `at` by others.
static void splice(Arena *a, Words *w, int at, int gone, int n, const Word *put) {
  Word *word = NEW_ARRAY(a, Word, w->words + n + 1);
  if (gone > w->words - at) gone = w->words - at;
  memcpy(word, w->word, (size_t)at * sizeof *word);
  memcpy(word + at, put, (size_t)n * sizeof *word);
  memcpy(word + at + n, w->word + at + gone, (size_t)(w->words - at - gone) * sizeof *word);
  w->word = word;
  w->words += n - gone;
}

static const char keywords[] =
    " model use param let data parameter prior encoder decoder generator discriminator net block function distribution "
    "kl optimizer source objective metric train show from in on autoregressive over with where maximize minimize "
    "repeat weight state grid plot if then else mixture log mean draw each ";

// Names, words of the language, numbers, strings, white space, and each sign by itself are of one kind.
static int kind_of(Word w) {
  unsigned char c = (unsigned char)*w.at;
  char name[24];
  if (!isalpha(c) || w.length > sizeof name - 3) return isdigit(c) ? '0' : c;
  snprintf(name, sizeof name, " %.*s ", (int)w.length, w.at);
  return strstr(keywords, name) ? 'k' : 'a';
}

static bool takes_arguments(Word w) { return kind_of(w) == 'a' && w.at[w.length] == '('; }

// A word of the other text that could stand in the same place, where one is found soon.
static int pick_alike(const Words *w, Word like, uint64_t *state) {
  int at = pick_word(w, state);
  for (int i = 0; i < 30; i++) {
    if (kind_of(w->word[at]) == kind_of(like) && takes_arguments(w->word[at]) == takes_arguments(like)) break;
    at = pick_word(w, state);
  }
  return at;
}

static void mutate(Arena *a, Words *w, const Words *donor, uint64_t *state) {
  int at = pick_word(w, state), kind = random_below(state, 16), n = 1 + random_below(state, 6);
  int from = pick_alike(donor, w->word[at], state), own = pick_alike(w, w->word[at], state);
  if (n > donor->words - from) n = donor->words - from;
  Word one = odd_word(state), other = w->word[own];
  switch (kind) {
    case 0: splice(a, w, at, 1, 0, &one); break;                // left out
    case 1: splice(a, w, at, 0, 1, &w->word[at]); break;        // doubled
    case 2: splice(a, w, at, 1, 1, &one); break;                // something odd
    case 3: splice(a, w, at, n, n, donor->word + from); break;  // a phrase of another text
    case 4: splice(a, w, at, 0, n, donor->word + from); break;
    case 5: splice(a, w, at, n, 0, &one); break;
    case 6:
    case 7:
    case 8:  // exchanged
      w->word[own] = w->word[at];
      w->word[at] = other;
      break;
    case 9:
    case 10:
    case 11: w->word[at] = other; break;
    default: splice(a, w, at, 1, 1, &donor->word[from]);
  }
}

const char *random_mutant(Arena *a, int texts, int sound, const char *const *text, uint64_t seed) {
  uint64_t state = seed;
  int bases = random_below(&state, 4) ? sound : texts;
  Words w = split_words(a, text[random_below(&state, bases)]);
  Text t = text_new(a);
  int n = random_below(&state, 2) ? 1 : 1 + random_below(&state, 3);
  while (n-- && w.words) {
    Words donor = split_words(a, text[random_below(&state, texts)]);
    if (donor.words) mutate(a, &w, &donor, &state);
  }
  for (int i = 0; i < w.words; i++) text_append(&t, w.word[i].at, w.word[i].length);
  return t.data;
}

const char *random_shrunk(Arena *a, const char *text) {
  static const struct { double large, small; } size[] = {{28, 4}, {784, 16}, {392, 8}, {10, 10}, {28 * 28 * 3, 48}};
  Text t = text_new(a);
  for (size_t n; *text; text += n) {
    n = word_length(text);
    double x = isdigit((unsigned char)*text) ? strtod(text, NULL) : 0, y = x;
    if (x > 8 && x == (double)(int)x) y = 2 + (int)x % 3;
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
      if (x == size[i].large) y = size[i].small;
    if (x == y)
      text_append(&t, text, n);
    else
      text_add(&t, "%g", y);
  }
  return t.data;
}
