// Tokens of C, as far as cutting texts into definitions needs them; see emit_fragments.h.
#include <string.h>

#include "emit/emit_fragments.h"

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

bool slice_is(Slice s, const char *text) { return strlen(text) == s.length && memcmp(s.at, text, s.length) == 0; }

static const char *quoted_end(const char *p) {
  char quote = *p++;
  while (*p && *p != quote) p += *p == '\\' && p[1] ? 2 : 1;
  return *p ? p + 1 : p;
}

// The end of a line that may be continued; a directive holds no comment that spans lines.
static const char *line_end(const char *p) {
  while (*p && (*p != '\n' || p[-1] == '\\')) p++;
  return p;
}

static const char *comment_end(const char *p) {
  if (p[1] == '/') return line_end(p);
  const char *close = strstr(p + 2, "*/");
  return close ? close + 2 : p + strlen(p);
}

Token token_at(const char *p) {
  const char *end = p + 1;
  TokenKind kind = TOKEN_SIGN;
  if (!*p) {
    kind = TOKEN_END, end = p;
  } else if (is_space(*p)) {
    kind = TOKEN_SPACE;
    while (is_space(*end)) end++;
  } else if (*p == '/' && (p[1] == '/' || p[1] == '*')) {
    kind = TOKEN_COMMENT, end = comment_end(p);
  } else if (*p == '#') {
    kind = TOKEN_DIRECTIVE, end = line_end(p);
  } else if (*p == '"' || *p == '\'') {
    kind = TOKEN_TEXT, end = quoted_end(p);
  } else if (is_word(*p)) {
    kind = is_digit(*p) ? TOKEN_NUMBER : TOKEN_WORD;
    while (is_word(*end) || (kind == TOKEN_NUMBER && *end == '.')) end++;
  } else if (*p == '-' && p[1] == '>') {
    end = p + 2;
  }
  return (Token){kind, {p, (size_t)(end - p)}};
}

bool sign_is(Token t, const char *any) { return t.kind == TOKEN_SIGN && strchr(any, *t.text.at); }

int token_depth(Token t) { return sign_is(t, "({[") ? 1 : sign_is(t, ")}]") ? -1 : 0; }

const char *after(Slice s) { return s.at + s.length; }
