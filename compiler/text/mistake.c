// The words for syntax errors: what was found, what could have come, and the mend where the mistake is a likely one.
// Called by the grammar (grammar/gm.y) with bison's names of symbols. To add a hint, add a row to a table.
#include <string.h>

#include "text/parse.h"
#include "gm.tab.h"
#include "text/vocabulary.h"

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

// ---- what could have come ----

typedef struct {
  const char *sign;    // the group is meant when this one is expected ...
  const char *phrase;  // ... and is then called so,
  const char *member;  // and these are not named one by one
} Group;

static const Group group[] = {
    {"model", "a declaration",
     " model use param let data parameter shared prior encoder decoder generator discriminator net block function "
     "distribution bijector estimator kl marginal posterior optimizer average support source objective metric expect train show "},
    {"weight", "a statement", " maximize minimize weight state grid print plot name prior kl encoder decoder generator discriminator net "},
    {"repeat", "a line of training", " maximize minimize repeat every when name "},
    {"kl", "an expression", " every name string number '(' '[' '-' '!' if log mean draw each prior kl mixture "},
    {"'*'", "an operator", " |> .. '<' <= '>' >= == != '+' '-' '*' '/' '@' '^' '{' '|' || "},
};

// Never named: what opens a call or an index fits after nearly every value, and `autoregressive` is seldom what is missing.
static const char quiet[] = " CALL_OPEN INDEX_OPEN autoregressive ";

typedef struct {
  const char *symbol, *shown;
} Shown;

static const Shown shown[] = {
    {"name", "a name"},         {"string", "a string"}, {"number", "a number"},
    {"end of file", "the end"}, {"BLOCK_OPEN", "`{`"},  {"SET_OPEN", "`{`"},
};

static bool listed(const char *list, const char *word) {
  size_t n = strlen(word);
  for (const char *at = strstr(list, word); at; at = strstr(at + 1, word)) {
    if (at[-1] == ' ' && at[n] == ' ') return true;
  }
  return false;
}

static bool has(int n, const char *const *expected, const char *symbol) {
  for (int i = 0; i < n; i++) {
    if (strcmp(expected[i], symbol) == 0) return true;
  }
  return false;
}

static const char *symbol_shown(Arena *a, const char *symbol) {
  for (int i = 0; i < COUNT(shown); i++) {
    if (strcmp(symbol, shown[i].symbol) == 0) return shown[i].shown;
  }
  return *symbol == '\'' ? arena_format(a, "`%c`", symbol[1]) : arena_format(a, "`%s`", symbol);
}

// One phrase for what bison calls `symbol`, or NULL if it goes without saying beside the others.
static const char *phrase_for(Arena *a, const char *symbol, int n, const char *const *expected) {
  for (int g = 0; g < COUNT(group); g++) {
    if (!has(n, expected, group[g].sign)) continue;
    bool last = g == COUNT(group) - 1;  // where an operator fits, it is not said that something new may begin
    if (strcmp(symbol, group[g].sign) == 0)
      return last || !has(n, expected, group[COUNT(group) - 1].sign) ? group[g].phrase : NULL;
    if (listed(group[g].member, symbol)) return NULL;
  }
  if (listed(quiet, symbol) || (strcmp(symbol, "end of file") == 0 && n > 1)) return NULL;
  bool argument = has(n, expected, "')'"), binder = argument && has(n, expected, "'~'");  // see gm.y
  if (strcmp(symbol, "over") == 0 && has(n, expected, "number")) return NULL;  // of a setting: only `em` stands before it
  bool only_for_hints = (argument && strcmp(symbol, "'='") == 0) || (binder && listed(" in '~' ", symbol));
  return only_for_hints ? NULL : symbol_shown(a, symbol);
}

// "`,`, an operator or `)`"
static const char *expected_text(Arena *a, int n, const char *const *expected) {
  const char *phrase[6];
  int count = 0;
  for (int i = 0; i < n && count < COUNT(phrase); i++) {
    const char *next = phrase_for(a, expected[i], n, expected);
    if (next) phrase[count++] = next;
  }
  Text t = text_new(a);
  for (int i = 0; i < count; i++) {
    text_add(&t, "%s%s", i == 0 ? "" : i == count - 1 ? " or " : ", ", phrase[i]);
  }
  return count ? t.data : "something else";
}

// ---- likely mistakes ----

typedef struct {
  const char *found, *expected;  // NULL: any
  const char *help;
} Hint;

static const Hint hint[] = {
    {"BLOCK_OPEN", "..", "a mixture runs over a range: mixture over k in 0 .. 5 { ... }"},
    {"':'", "'{'", "a body stands in braces: { ... }"},
    {"'('", "'*'", "`(` goes on with the expression before it only on the same line"},
    {"'['", "'*'", "`[` goes on with the expression before it only on the same line"},
    {"'='", "then", "`==` compares"},
    {"'='", "'~'", "`~` draws from a distribution"},
    {"'~'", "'='", "`=` defines; only a variable is drawn with `~`"},
    {"<-", "'*'", "to compare with a negative number, put a space: a < -1"},
    {"'!'", "'*'", "unequal is written !="},
    {"'|'", "'*'", "`|` stands only between a variable and what it is given: p(x | z)"},
    {"||", "'*'", "`||` stands only in kl(a || b)"},
    {"if", "'*'", "put a choice inside a larger expression in parentheses: (if c then a else b)"},
    {NULL, "from", "say where the data come from: data x[28, 28] in [0, 1] from mnist"},
    {NULL, "with", "say who learns, and how: maximize elbo over q, p with adam(lr: 1e-3)"},
    {NULL, "over", "say who learns, and how: maximize elbo over q, p with adam(lr: 1e-3)"},
    {NULL, "then", "a choice is written if c then a else b"},
    {NULL, "else", "a choice is written if c then a else b"},
    {NULL, "on", "a distribution says where it lives: distribution laplace(loc, scale > 0) on real { ... }"},
};

static const char *hint_for(const char *found, int n, const char *const *expected) {
  bool compares = listed(" '<' <= '>' >= == != ", found);
  if (compares && has(n, expected, "|>")) return "comparisons do not chain; use parentheses";
  for (int i = 0; i < COUNT(hint); i++) {
    if (hint[i].found && strcmp(hint[i].found, found) != 0) continue;
    if (!has(n, expected, hint[i].expected)) continue;
    if (!strcmp(hint[i].expected, "on") && has(n, expected, "in")) continue;  // what is held on a support
    if (strcmp(hint[i].expected, "over") || !has(n, expected, "number")) return hint[i].help;
  }
  return NULL;
}

bool mistake_word(Parser *p, const char *name, Span where) {
  const WordEntry *w = word_find(name);
  if (!w || w->kind == ELSEWHERE) return false;
  if (w->kind == LATER) {
    report_later(p->sources, where, arena_format(p->arena, "`%s`", name), w->help);
  } else {
    report(p->sources, E0109, where, name);
    report_help(p->sources, "%s", w->help);
  }
  return true;
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// Where the line of `at` begins; of a long line only the end is looked at, so that no text takes quadratic time.
static uint32_t line_start(const Parser *p, uint32_t at) {
  uint32_t begin = at;
  while (begin && p->text[begin - 1] != '\n' && at - begin < 200) begin--;
  return begin;
}

// The first word of another language on the line, up to the last token.
static bool foreign_on_line(Parser *p) {
  uint32_t end = p->last.where.end, begin = line_start(p, p->last.where.begin);
  while (begin < end) {
    if (p->text[begin] == '#' || p->text[begin] == '"') return false;
    uint32_t stop = begin;
    while (stop < end && is_letter(p->text[stop])) stop++;
    if (stop > begin) {
      const WordEntry *word = word_find(arena_slice(p->arena, p->text + begin, stop - begin));
      if (word && word->kind == FOREIGN) return mistake_word(p, word->word, (Span){p->file, begin, stop});
    }
    begin = stop > begin ? stop : begin + 1;
  }
  return false;
}

// ---- what is planned ----

// Is the word at `where` one that is planned? Then says so.
static bool planned_word(Parser *p, Span where) {
  const WordEntry *w = word_find(arena_slice(p->arena, p->text + where.begin, where.end - where.begin));
  return w && w->kind == LATER && mistake_word(p, w->word, where);
}

// The name that ends before a place, as f before the bracket of f(...).
static Span name_before(const Parser *p, uint32_t end) {
  uint32_t begin = end;
  while (begin && end - begin < 64 && is_letter(p->text[begin - 1])) begin--;
  return (Span){p->file, begin, end};
}

// The first word of the line or after a brace, where an operand follows it: `when recent(loss) < 1 {`.
static Span line_word(const Parser *p) {
  uint32_t line = line_start(p, p->last.where.begin), begin = p->last.where.begin;
  while (begin > line && p->text[begin - 1] != '{' && p->text[begin - 1] != '}') begin--;
  begin += (uint32_t)strspn(p->text + begin, " \t");
  uint32_t end = begin;
  while (is_letter(p->text[end])) end++;
  uint32_t next = end + (uint32_t)strspn(p->text + end, " \t");
  bool operand = next > end && (is_letter(p->text[next]) || (p->text[next] >= '0' && p->text[next] <= '9'));
  return (Span){p->file, begin, operand && next <= p->last.where.begin ? end : begin};
}

static bool is_planned(Parser *p) {
  const Bracket *open = &p->bracket[p->depth];
  if (planned_word(p, p->last.where) || planned_word(p, p->before.where)) return true;
  if (p->depth && open->kind == '(' && planned_word(p, name_before(p, open->where.begin))) return true;
  return planned_word(p, line_word(p));
}

// ---- the message ----

static const char *token_shown(Parser *p, Span where) {
  uint32_t length = where.end - where.begin;
  const char *text = arena_slice(p->arena, p->text + where.begin, length > 40 ? 40 : length);
  return arena_format(p->arena, "`%s%s`", text, length > 40 ? "..." : "");
}

// A word that cannot be a name, where one is wanted: not those that have their place in the middle of things.
static bool is_reserved(int kind) {
  return (kind >= TOKEN_MODEL && kind <= TOKEN_SHOW) || (kind >= TOKEN_MAXIMIZE && kind <= TOKEN_PLOT);
}

// The expression that ends at the last token but one, as far as its line shows it.
static Span expression_before(const Parser *p) {
  Span where = p->before.where;
  uint32_t begin = where.begin, line = line_start(p, begin);
  while (begin > line && p->text[begin - 1] != '{' && p->text[begin - 1] != '}') begin--;
  begin += (uint32_t)strspn(p->text + begin, " \t\r");
  return (Span){where.file, begin, where.end};
}

static void mistake_general(Parser *p, const char *found, int n, const char *const *expected) {
  const Token *t = &p->last;
  bool margin = t->where.begin && p->text[t->where.begin - 1] == '\n';
  bool item = t->kind && margin && has(n, expected, "model");
  const char *wanted = item ? "a declaration" : expected_text(p->arena, n, expected);
  bool after = !item && (t->first || !t->kind) && p->before.where.end > p->before.where.begin;
  if (after)
    report(p->sources, E0102, p->before.where, wanted, token_shown(p, p->before.where));
  else
    report(p->sources, E0101, t->where, wanted, t->kind ? token_shown(p, t->where) : "the end");
  const Bracket *open = &p->bracket[p->depth];
  bool closer = has(n, expected, open->kind == '(' ? "')'" : "']'");
  if (p->depth && closer && (after || is_reserved(t->kind))) report_note(p->sources, open->where, "opened here");
  const char *help = hint_for(found, n, expected);
  if (help) report_help(p->sources, "%s", help);
}

bool mistake_syntax(Parser *p, const char *found, int n, const char *const *expected) {
  const Token *t = &p->last;
  p->panic = true;
  if (diagnostics_errors(p->sources) >= ERROR_LIMIT) p->stopped = true;
  if (p->stopped) return false;
  bool follows = p->dropped <= t->where.begin && p->dropped >= line_start(p, t->where.begin);
  if (follows || t->kind == TOKEN_UNCLOSED || p->closing || foreign_on_line(p)) return true;
  if (is_planned(p)) return true;
  if (is_reserved(t->kind) && !t->first && has(n, expected, "name")) {
    report(p->sources, E0103, t->where, found);
  } else if (has(n, expected, "<-") && (t->first || t->kind == '}' || is_reserved(t->kind))) {
    report(p->sources, E0118, expression_before(p));
    report_help(p->sources, "%s",
                "`=` defines, `~` draws; only the last expression of a body stands alone: it is the result");
  } else {
    mistake_general(p, found, n, expected);
  }
  return true;
}

void mistake_deep(Parser *p, Span where) {
  if (!p->stopped) report(p->sources, E0104, where);
  p->stopped = true;
}
