// The words on their way from the lexer to the grammar: what a bracket opens, which words are keywords here, whether
// brackets match, and where parsing goes on after a mistake. Between grammar/gm.l and grammar/gm.y.
//
// After a syntax error the grammar waits for RESYNC in the innermost body (or between items). resync() skips to the
// next place where a statement or an item can begin. Invariants: it never stops twice at the same token, so a parse
// ends; and every bracket that the grammar has seen open it also sees closed.
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/parse.h"
#include "gm.tab.h"

int gm_lex(GM_STYPE *value, Span *where, Parser *p);

// ---- raw tokens ----

static Token token_take(Parser *p) {
  if (p->backs) return p->back[--p->backs];
  Token t = {.where = {.file = p->file}};
  gm_scan(&t, p->scanner);
  t.first = p->line_begins;
  p->line_begins = false;
  return t;
}

static void token_back(Parser *p, Token t) { p->back[p->backs++] = t; }

static Token token_peek(Parser *p) {
  Token t = token_take(p);
  token_back(p, t);
  return t;
}

static Token token_made(const Parser *p, int kind, uint32_t at) {
  return (Token){.kind = kind, .where = {p->file, at, at}};
}

// ---- what the words around a word make of it ----

// The words that begin items are declared in one run in gm.y.
static bool is_item(int kind) { return kind >= TOKEN_MODEL && kind <= TOKEN_SHOW; }

static bool at_margin(const Parser *p, const Token *t) {
  return t->where.begin == 0 || p->text[t->where.begin - 1] == '\n';
}

// Rules about a pair of distributions, which a bracket follows.
static bool is_pair_word(int kind) { return kind == TOKEN_MARGINAL || kind == TOKEN_POSTERIOR; }

// An item begins here for sure: `prior z`, but not `prior(z)`; `average ema`, but not `average(h)`, nor among the lines
// of training; `expect nll`.
static bool begins_item(Parser *p, const Token *t) {
  if (t->kind == TOKEN_AVERAGE && p->bracket[p->depth].lines) return false;
  if (t->kind == TOKEN_EXPECT && !p->depth && at_margin(p, t)) return true;
  if (t->kind == TOKEN_PRIOR || t->kind == TOKEN_AVERAGE || t->kind == TOKEN_BIJECTOR || t->kind == TOKEN_EXPECT ||
      t->kind == TOKEN_SUPPORT || t->kind == TOKEN_ESTIMATOR)
    return token_peek(p).kind == TOKEN_NAME;
  if (t->kind == TOKEN_SHARED) return token_peek(p).kind == TOKEN_PRIOR;
  if (is_pair_word(t->kind)) return at_margin(p, t) && token_peek(p).kind == '(';
  return is_item(t->kind) && t->first;
}

static bool is_statement_word(int kind) {
  bool network = kind >= TOKEN_ENCODER && kind <= TOKEN_NET;
  return network || kind == TOKEN_MAXIMIZE || kind == TOKEN_MINIMIZE || kind == TOKEN_REPEAT || kind == TOKEN_WEIGHT ||
         kind == TOKEN_STATE || kind == TOKEN_GRID || kind == TOKEN_PRINT || kind == TOKEN_PLOT;
}

static bool begins_statement(Parser *p, const Token *t) {
  if (is_statement_word(t->kind)) return true;
  if (t->kind == TOKEN_EVERY || t->kind == TOKEN_WHEN) return t->first;
  if (t->kind != TOKEN_NAME || !t->first) return false;
  int next = token_peek(p).kind;
  return next == '=' || next == '~' || next == TOKEN_UPDATE;
}

// A keyword that may be a name.
static bool may_be_name(int kind) {
  return kind == TOKEN_WEIGHT || kind == TOKEN_STATE || kind == TOKEN_PRINT || kind == TOKEN_MIXTURE ||
         kind == TOKEN_LOG || kind == TOKEN_MEAN || kind == TOKEN_DRAW || kind == TOKEN_EACH || kind == TOKEN_EVERY ||
         kind == TOKEN_WHEN;
}

// Between items, behind the end of a column: `data x[3] missing from ...`.
static bool ends_column(const Parser *p) {
  int last = p->last.kind;
  return !p->depth && (last == TOKEN_NAME || last == ']' || last == ')' || last == '}');
}

// Behind a distribution, and before the name of an estimator: `z ~ q(z | x) by gumbel(1)`.
static bool follows_draw(Parser *p) {
  int last = p->last.kind;
  return (last == TOKEN_NAME || last == ']' || last == ')' || last == '}') && token_peek(p).kind == TOKEN_NAME;
}

// Does something new begin here, among the lines of training? Behind an operator an operand is still to come.
static bool begins_line(const Parser *p) {
  static const int ends[] = {'{', TOKEN_BLOCK_OPEN, '}',          ',',          ')',
                             ']', TOKEN_NAME,       TOKEN_NUMBER, TOKEN_STRING, TOKEN_RESYNC};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
    if (p->last.kind == ends[i]) return p->bracket[p->depth].lines;
  return false;
}

// Some keywords are names where they cannot be keywords: `parameter weight[20]`, `mean[k]`, `function mixture(q)`.
static bool is_name_here(Parser *p, const Token *t) {
  Token next = token_take(p);
  bool ends = next.first && begins_statement(p, &next), word = next.kind == TOKEN_NAME || may_be_name(next.kind);
  token_back(p, next);
  switch (t->kind) {
    case TOKEN_WEIGHT:
    case TOKEN_STATE: return !word || next.first;
    case TOKEN_PRINT: {
      bool value = word || next.kind == TOKEN_NUMBER || next.kind == TOKEN_STRING || next.kind == TOKEN_IF ||
                   next.kind == TOKEN_PRIOR || next.kind == TOKEN_KL || next.kind == '[';
      return !value || next.first || (next.kind == '[' && next.where.begin == t->where.end);
    }
    case TOKEN_MIXTURE: return (next.kind != TOKEN_OVER && next.kind != '(') || is_item(p->last.kind);
    case TOKEN_EACH: return (!word && next.kind != TOKEN_KL) || next.first;
    case TOKEN_EVERY:
      if (!p->depth && p->last.kind == TOKEN_NAME) return false;  // `metric m every 20`
      return !begins_line(p);
    case TOKEN_WHEN: return !begins_line(p);
    default:  // log, mean, draw: an operand follows
      if (next.kind == '[') return next.where.begin == t->where.end;
      return ends || (!word && next.kind != TOKEN_NUMBER && next.kind != TOKEN_STRING && next.kind != '(' &&
                      next.kind != TOKEN_PRIOR && next.kind != TOKEN_KL);
  }
}

static void becomes_name(const Parser *p, Token *t) {
  t->kind = TOKEN_NAME;
  t->name = arena_slice(p->arena, p->text + t->where.begin, t->where.end - t->where.begin);
}

static void name_or_keyword(Parser *p, Token *t) {
  if (is_name_here(p, t)) becomes_name(p, t);
}

// ( and [ go on with the expression before them when they stand on its line; after a block, [ right behind it.
static void call_or_group(const Parser *p, Token *t) {
  int before = p->last.kind;
  bool value = before == TOKEN_NAME || before == ')' || before == ']';
  if (t->first) return;
  bool block = before == '}' && p->last.where.end == t->where.begin;
  if (t->kind == '[' && (value || block)) t->kind = TOKEN_INDEX_OPEN;
  if (t->kind == '(' &&
      (value || before == TOKEN_PRIOR || before == TOKEN_KL || before == TOKEN_MIXTURE || is_pair_word(before)))
    t->kind = TOKEN_CALL_OPEN;
}

// ---- brackets ----

static char closer_of(char open) { return open == '(' ? ')' : open == '[' ? ']' : '}'; }

// The innermost body that is open: the place the grammar recovers to. 0: between items.
static int body_level(const Parser *p) {
  int level = p->depth;
  while (level && p->bracket[level].kind != '{') level--;
  return level;
}

static void bracket_push(Parser *p, char kind, Span where) {
  p->bracket[++p->depth] = (Bracket){.kind = kind, .where = where};
}

static void bracket_open(Parser *p, Token *t) {
  char kind = (char)t->kind;
  bool lines = p->bracket[p->depth].lines || (!p->depth && (p->last.kind == TOKEN_TRAIN || p->last.kind == TOKEN_THEN));
  if (p->depth == BRACKET_LIMIT) {
    mistake_deep(p, t->where);
    t->kind = TOKEN_UNCLOSED;
    return;
  }
  if (kind != '{') {
    call_or_group(p, t);
  } else if (p->last.kind == TOKEN_IN || p->last.kind == TOKEN_ON) {
    t->kind = TOKEN_SET_OPEN;
    kind = 's';
  } else if (p->bracket[p->depth].block) {
    t->kind = TOKEN_BLOCK_OPEN;
    p->bracket[p->depth].block = false;
  }
  bracket_push(p, kind, t->where);
  p->bracket[p->depth].lines = lines && kind == '{';
}

// The innermost open bracket will not be closed, as `t` shows: the grammar is told, and `t` comes again after that.
static void bracket_unclosed(Parser *p, Token *t) {
  const Bracket *open = &p->bracket[p->depth];
  report(p->sources, E0105, open->where, open->kind == 's' ? "{" : (char[]){open->kind, 0});
  if (t->kind) report_note(p->sources, t->where, "still open here");
  token_back(p, *t);
  *t = token_made(p, TOKEN_UNCLOSED, t->where.begin);
}

// False: it closes nothing and is passed over.
static bool bracket_close(Parser *p, Token *t) {
  const Bracket *open = &p->bracket[p->depth];
  bool body = open->kind == '{';
  if (p->depth && t->kind == closer_of(open->kind)) return p->depth--, true;
  if (p->depth && t->kind == '}' && body_level(p)) return bracket_unclosed(p, t), true;
  const char *text = (char[]){(char)t->kind, 0};
  if (!p->depth || body || t->kind == '}') {
    report(p->sources, E0106, t->where, text);
    p->dropped = t->where.begin;
    return false;
  }
  report(p->sources, E0107, t->where, closer_of(open->kind), t->kind);
  report_note(p->sources, open->where, "opened here");
  t->kind = closer_of(open->kind);
  return p->depth--, true;
}

// ---- after a mistake ----

static bool may_begin_statement(int kind) {
  return kind == TOKEN_NAME || kind == TOKEN_NUMBER || kind == TOKEN_IF || kind == TOKEN_LOG || kind == TOKEN_MEAN ||
         kind == TOKEN_DRAW || kind == TOKEN_EACH || kind == TOKEN_MIXTURE || kind == TOKEN_PRIOR || kind == TOKEN_KL ||
         kind == '(';
}

// Can parsing go on at t, in the body at `level`?
static bool is_sync(Parser *p, const Token *t, int level) {
  if (t->kind == 0) return true;
  if (begins_item(p, t) && (at_margin(p, t) || (level == 0 && p->depth == 0))) return true;
  if (level == 0) return false;
  if (p->depth > level) return begins_statement(p, t) && body_level(p) == level;
  return t->kind == '}' || begins_statement(p, t) || (t->first && may_begin_statement(t->kind));
}

// Keeps count of the brackets in what is skipped.
static void skip_bracket(Parser *p, const Token *t, int level) {
  int kind = t->kind;
  if ((kind == '(' || kind == '[' || kind == '{') && p->depth < BRACKET_LIMIT) bracket_push(p, (char)kind, t->where);
  if (kind != ')' && kind != ']' && kind != '}') return;
  int depth = p->depth;
  while (depth > level && closer_of(p->bracket[depth].kind) != kind) depth--;
  if (depth > level) p->depth = depth - 1;
}

// The grammar has given up what it was in, at the last token; the brackets are those that it had seen then.
static int resync_level(Parser *p) {
  int kind = p->last.kind;
  if (kind == '(' || kind == '[' || kind == '{' || (kind >= TOKEN_CALL_OPEN && kind <= TOKEN_SET_OPEN)) {
    p->depth--;
    int level = body_level(p);
    p->depth++;
    return level;
  }
  if (kind == '}' && p->bracket[p->depth + 1].kind == '{') p->depth++;
  return body_level(p);
}

static Token resync(Parser *p) {
  p->panic = false;
  bool unclosed = p->last.kind == TOKEN_UNCLOSED;
  int level = resync_level(p);
  if (!p->closing) {
    Token t = unclosed ? token_take(p) : p->last;
    bool same = !unclosed && t.kind && t.where.begin == p->synced;
    if (same || !is_sync(p, &t, level)) {
      for (t = token_take(p); !is_sync(p, &t, level); t = token_take(p)) skip_bracket(p, &t, level);
    }
    p->synced = t.where.begin;
    p->closing = unclosed && t.kind != '}';
    token_back(p, t);
  }
  p->depth = level;
  p->bracket[level].block = false;
  return token_made(p, TOKEN_RESYNC, token_peek(p).where.begin);
}

// ---- what the grammar reads ----

static Token close_next(Parser *p) {
  char kind = closer_of(p->bracket[p->depth--].kind);
  return token_made(p, kind, token_peek(p).where.begin);
}

// Makes of a raw token what the grammar wants; false if there is nothing left of it.
static bool refine(Parser *p, Token *t) {
  if (p->depth && (t->kind == 0 || (is_item(t->kind) && at_margin(p, t) && begins_item(p, t) && t->kind != TOKEN_KL))) {
    return bracket_unclosed(p, t), true;
  }
  switch (t->kind) {
    case '(':
    case '[':
    case '{': bracket_open(p, t); return true;
    case ')':
    case ']':
    case '}': return bracket_close(p, t);
    case TOKEN_WEIGHT:
    case TOKEN_STATE:
    case TOKEN_PRINT:
    case TOKEN_LOG:
    case TOKEN_MEAN:
    case TOKEN_DRAW:
    case TOKEN_EACH: name_or_keyword(p, t); return true;
    case TOKEN_EVERY:
    case TOKEN_WHEN:
    case TOKEN_MIXTURE: name_or_keyword(p, t); break;
    case TOKEN_MISSING:
      if (!ends_column(p)) return becomes_name(p, t), true;
      break;
    case TOKEN_BY:
      if (!follows_draw(p)) return becomes_name(p, t), true;
      break;
    case TOKEN_BIJECTOR:
    case TOKEN_AVERAGE:  // a declaration between items; elsewhere a setting of `train`, or a function
    case TOKEN_EXPECT:   // or a name
    case TOKEN_ESTIMATOR:
    case TOKEN_SUPPORT:
    case TOKEN_SHARED:
    case TOKEN_MARGINAL:
    case TOKEN_POSTERIOR:
      if (p->depth || !begins_item(p, t)) return becomes_name(p, t), true;
      break;
    default: break;
  }
  Bracket *in = &p->bracket[p->depth];
  bool opens = t->kind == TOKEN_REPEAT || (t->kind == TOKEN_EVERY && p->depth) || t->kind == TOKEN_WHEN;
  bool over = t->kind == TOKEN_MIXTURE && token_peek(p).kind == TOKEN_OVER;
  if (opens || t->kind == TOKEN_DISTRIBUTION || over)
    in->block = true;
  else if (t->kind == '=' || (is_item(t->kind) && p->depth == 0))
    in->block = false;
  return true;
}

static Token token_next(Parser *p) {
  if (p->start) {
    Token t = token_made(p, p->start, 0);
    p->start = 0;
    return t;
  }
  if (p->panic) return resync(p);
  if (p->closing && p->depth) return close_next(p);
  p->closing = false;
  Token t = token_take(p);
  while (!refine(p, &t)) t = token_take(p);
  return t;
}

int gm_lex(GM_STYPE *value, Span *where, Parser *p) {
  Token t = token_next(p);
  p->before = p->last;
  p->last = t;
  *where = t.where;
  if (t.kind == TOKEN_NUMBER)
    value->number = t.number;
  else
    value->name = t.name;
  return t.kind;
}

// ---- mistakes inside a word ----

typedef struct {
  const char *text, *help;
  int kind;  // what stands in for it, 0 for nothing
} Foreign;

static const Foreign foreign_operator[] = {
    {":=", "`=` defines, `~` draws, `<-` updates a state", '='},
    {"**", "a power is written ^", '^'},
    {"//", "a comment begins with #", 0},
    {"%", "write mod(a, b)", '*'},
    {";", "a new line ends a statement; a comma may", 0},
    {"&", "multiply truth values, they are 0 and 1", '*'},
    {"&&", "multiply truth values, they are 0 and 1", '*'},
    {"->", "", 0},
    {"=>", "`>=` compares; a keyword argument is written name: value", TOKEN_GREATER_EQUAL},
    {"+=", "write it out: a = a + b, or a <- a + b for a state", '='},
    {"-=", "write it out: a = a - b, or a <- a - b for a state", '='},
    {"*=", "write it out: a = a * b, or a <- a * b for a state", '='},
    {"/=", "write it out: a = a / b; unequal is !=", '='},
    {"?", "a choice is written if c then a else b", 0},
    {"$", "", 0},
};

bool token_foreign(Parser *p, Token *t, const char *text, int length) {
  for (size_t i = 0; i < sizeof foreign_operator / sizeof *foreign_operator; i++) {
    const Foreign *f = &foreign_operator[i];
    size_t n = strlen(f->text);
    if (n != (size_t)length && strcmp(f->text, "//") != 0) continue;
    if (strncmp(text, f->text, n) != 0) continue;
    report(p->sources, E0006, (Span){p->file, t->where.begin, t->where.begin + (uint32_t)n}, f->text);
    if (*f->help) report_help(p->sources, "%s", f->help);
    if (*text != ';' && *text != '/') p->dropped = t->where.begin;
    t->kind = f->kind;
    return f->kind != 0;
  }
  return token_unknown(p, t, text), false;
}

void token_unknown(Parser *p, Token *t, const char *text) {
  unsigned char c = (unsigned char)*text;
  bool plain = c > ' ' && c < 127 && c != '`';
  report(p->sources, E0001, t->where, arena_format(p->arena, plain ? "`%c`" : c == '`' ? "'%c'" : "\\x%02x", c));
  p->dropped = t->where.begin;
}

static const Foreign foreign_symbol[] = {
    {"−", "write -", '-'},
    {"–", "write -", '-'},
    {"×", "write *", '*'},
    {"·", "write *", '*'},
    {"≤", "write <=", TOKEN_LESS_EQUAL},
    {"≥", "write >=", TOKEN_GREATER_EQUAL},
    {"≠", "write !=", TOKEN_UNEQUAL},
    {"←", "write <-", TOKEN_UPDATE},
    {"∥", "write ||", TOKEN_BARS},
    {"‖", "write ||", TOKEN_BARS},
    {"∼", "write ~", '~'},
    {"“", "strings stand between straight quotes: \"", 0},
    {"”", "strings stand between straight quotes: \"", 0},
};

// A word with letters or symbols beyond ASCII.
void token_letters(Parser *p, Token *t, const char *text, int length) {
  const char *shown = arena_slice(p->arena, text, (size_t)length);
  report(p->sources, E0005, t->where, shown);
  t->kind = TOKEN_NAME;
  t->name = shown;
  for (size_t i = 0; i < sizeof foreign_symbol / sizeof *foreign_symbol; i++) {
    const Foreign *f = &foreign_symbol[i];
    if (strcmp(shown, f->text) != 0) continue;
    report_help(p->sources, "%s", f->help);
    if (f->kind) t->kind = f->kind;
  }
}

static char unescaped(Parser *p, Span where, char c) {
  if (c == 'n') return '\n';
  if (c != '\\' && c != '"') report(p->sources, E0003, where, c);
  return c;
}

// The text between the quotes.
const char *token_string(Parser *p, Token *t, const char *text, int length) {
  char *out = NEW_ARRAY(p->arena, char, length + 1);
  int n = 0;
  for (int i = 1; i < length - 1; i++) {
    uint32_t at = t->where.begin + (uint32_t)i;
    out[n++] = text[i] == '\\' ? unescaped(p, (Span){p->file, at, at + 2}, text[++i]) : text[i];
    if (!out[n - 1]) report(p->sources, E0001, (Span){p->file, at, at + 1}, "\\x00");
  }
  return out;
}

const char *token_unclosed(Parser *p, Token *t, const char *text) {
  report(p->sources, E0002, t->where);
  return arena_copy(p->arena, text + 1);
}

const char *token_quoted(Parser *p, Token *t, const char *text) {
  report(p->sources, E0007, t->where);
  return arena_copy(p->arena, text + 1);
}

double token_number(Parser *p, Token *t, const char *text) {
  char *end;
  double value = strtod(text, &end);
  bool whole = *text != '.' && strspn(text, "0123456789.eE+-") == strlen(text) && !*end && end[-1] != '.';
  if (whole && isfinite(value)) return value;
  report(p->sources, E0004, t->where, arena_slice(p->arena, text, strlen(text)));
  char last = text[strlen(text) - 1];
  if (*text == '.')
    report_help(p->sources, "write 0%s", text);
  else if (last == '.')
    report_help(p->sources, "write %s0", text);
  else if (isalpha((unsigned char)*end))
    report_help(p->sources, "%s", "a product needs its `*`; a name begins with a letter");
  return 0;
}
