// JSON: a strict reader for headers and records, and the pieces to write it; see json.h.
//
// Every step of the reader returns false once `problem` is set; nothing but memory is taken from the arena on the way.
#include "formats/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_DEPTH = 64, JSON_VALUES = 4 << 20, JSON_NUMBER_LENGTH = 64 };

typedef struct {
  Arena *arena;
  const char *begin, *at, *end;
  int depth, values;
  const char *problem;
} JsonReader;

static bool json_value(JsonReader *r, Json *into);

static bool json_refuse(JsonReader *r, const char *what) {
  if (!r->problem) r->problem = arena_format(r->arena, "%s at byte %td", what, r->at - r->begin);
  return false;
}

static int json_peek(JsonReader *r) { return r->at < r->end ? (unsigned char)*r->at : -1; }

static int json_skip_blanks(JsonReader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
  return json_peek(r);
}

static bool json_word(JsonReader *r, const char *word) {
  size_t n = strlen(word);
  if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return json_refuse(r, "unknown word");
  r->at += n;
  return true;
}

static bool json_digits(JsonReader *r) {
  const char *begin = r->at;
  while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
  return r->at > begin;
}

static bool json_number(JsonReader *r, Json *into) {
  const char *begin = r->at;
  char text[JSON_NUMBER_LENGTH];
  if (json_peek(r) == '-') r->at++;
  bool zero = json_peek(r) == '0';
  const char *whole = r->at;
  bool good = json_digits(r) && !(zero && r->at - whole > 1);
  if (good && json_peek(r) == '.') {
    r->at++;
    good = json_digits(r);
  }
  if (good && (json_peek(r) == 'e' || json_peek(r) == 'E')) {
    r->at++;
    if (json_peek(r) == '+' || json_peek(r) == '-') r->at++;
    good = json_digits(r);
  }
  size_t n = (size_t)(r->at - begin);
  if (!good || n >= sizeof text) return json_refuse(r, good ? "overlong number" : "malformed number");
  memcpy(text, begin, n);
  text[n] = '\0';
  into->kind = JSON_NUMBER;
  into->number = strtod(text, NULL);
  return isfinite(into->number) || json_refuse(r, "number too large");
}

static bool json_hex4(JsonReader *r, uint32_t *unit) {
  *unit = 0;
  for (int i = 0; i < 4; i++, r->at++) {
    int c = json_peek(r), lower = c | 0x20;
    int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    if (digit < 0) return json_refuse(r, "malformed \\u escape");
    *unit = *unit << 4 | (uint32_t)digit;
  }
  return true;
}

// Appends a code point in UTF-8.
static char *json_encode(char *to, uint32_t c) {
  int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
  *to++ = (char)(lead[more] | c >> 6 * more);
  while (more-- > 0) *to++ = (char)(0x80 | (c >> 6 * more & 0x3f));
  return to;
}

// An escape behind its backslash, which it replaces by at most as many bytes.
static bool json_escape(JsonReader *r, char **to) {
  static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
  int c = json_peek(r);
  const char *known = c > 0 ? strchr(from, c) : NULL;
  if (known) {
    r->at++;
    *(*to)++ = into[known - from];
    return true;
  }
  if (c != 'u') return json_refuse(r, "unknown escape");
  r->at++;
  uint32_t unit = 0, low = 0;
  if (!json_hex4(r, &unit)) return false;
  if (unit >= 0xd800 && unit < 0xdc00) {
    if (!json_word(r, "\\u") || !json_hex4(r, &low)) return false;
    if (low < 0xdc00 || low >= 0xe000) return json_refuse(r, "half a surrogate pair");
    unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  } else if (unit >= 0xdc00 && unit < 0xe000) {
    return json_refuse(r, "half a surrogate pair");
  }
  if (unit == 0) return json_refuse(r, "NUL in a string");
  *to = json_encode(*to, unit);
  return true;
}

// The end of the string that begins at the reader, or NULL.
static const char *json_string_end(const JsonReader *r) {
  const char *p = r->at;
  while (p < r->end && *p != '"') p += *p == '\\' && p + 1 < r->end ? 2 : 1;
  return p < r->end ? p : NULL;
}

static bool json_string(JsonReader *r, const char **string) {
  r->at++;
  const char *end = json_string_end(r);
  if (!end) return json_refuse(r, "string without an end");
  char *to = arena_alloc(r->arena, (size_t)(end - r->at) + 1, 1);
  *string = to;
  while (*r->at != '"') {
    if (*r->at == '\\') {
      r->at++;
      if (!json_escape(r, &to)) return false;
      continue;
    }
    if ((unsigned char)*r->at < 0x20) return json_refuse(r, "control character in a string");
    size_t n = utf8_length(r->at);  // the closing quote ends it at the latest
    if (n == 0) return json_refuse(r, "broken UTF-8");
    memcpy(to, r->at, n);
    to += n;
    r->at += n;
  }
  r->at++;
  return true;
}

static int json_compare_keys(const void *a, const void *b) {
  return strcmp((*(const Json *const *)a)->key, (*(const Json *const *)b)->key);
}

static bool json_keys_differ(JsonReader *r, const Json *object, size_t members) {
  const Json **sorted = NEW_ARRAY(r->arena, const Json *, members);
  size_t n = 0;
  for (const Json *m = object->child; m; m = m->next) sorted[n++] = m;
  if (n > 1) qsort(sorted, n, sizeof *sorted, json_compare_keys);
  for (size_t i = 1; i < n; i++)
    if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
      return json_refuse(
          r, arena_format(r->arena, "the name '%s' twice in an object", printable(r->arena, sorted[i]->key)));
  return true;
}

static bool json_member_key(JsonReader *r, Json *member) {
  if (json_skip_blanks(r) != '"') return json_refuse(r, "expected a name");
  if (!json_string(r, &member->key)) return false;
  if (json_skip_blanks(r) != ':') return json_refuse(r, "expected a colon");
  r->at++;
  return true;
}

// An array or an object: values, named in an object, separated by commas, up to the closing bracket.
static bool json_children(JsonReader *r, Json *into) {
  bool object = into->kind == JSON_OBJECT;
  int close = object ? '}' : ']';
  const Json **link = &into->child;
  size_t n = 0;
  r->at++;
  if (++r->depth > JSON_DEPTH) return json_refuse(r, "nested too deeply");
  if (json_skip_blanks(r) == close) {
    close = -1;
    r->at++;
  }
  for (; close > 0; n++) {
    Json *child = NEW(r->arena, Json);
    if (object && !json_member_key(r, child)) return false;
    if (!json_value(r, child)) return false;
    *link = child;
    link = &child->next;
    int c = json_skip_blanks(r);
    if (c != ',' && c != close) return json_refuse(r, object ? "expected a comma or }" : "expected a comma or ]");
    if (c == close) close = -1;
    r->at++;
  }
  r->depth--;
  return !object || json_keys_differ(r, into, n);
}

static bool json_value(JsonReader *r, Json *into) {
  if (++r->values > JSON_VALUES) return json_refuse(r, "too many values");
  int c = json_skip_blanks(r);
  if (c == '-' || (c >= '0' && c <= '9')) return json_number(r, into);
  into->kind = c == '{'   ? JSON_OBJECT
               : c == '[' ? JSON_ARRAY
               : c == '"' ? JSON_STRING
               : c == 't' ? JSON_TRUE
               : c == 'f' ? JSON_FALSE
                          : JSON_NULL;
  switch (into->kind) {
    case JSON_OBJECT:
    case JSON_ARRAY: return json_children(r, into);
    case JSON_STRING: return json_string(r, &into->string);
    case JSON_TRUE: return json_word(r, "true");
    case JSON_FALSE: return json_word(r, "false");
    default: return c == 'n' ? json_word(r, "null") : json_refuse(r, "expected a value");
  }
}

const Json *json_parse(Arena *a, const char *text, size_t length, const char **problem) {
  JsonReader r = {.arena = a, .begin = text, .at = text, .end = text + length};
  Json *root = NEW(a, Json);
  if (json_value(&r, root) && json_skip_blanks(&r) >= 0) json_refuse(&r, "something after the value");
  *problem = r.problem;
  return r.problem ? NULL : root;
}

const Json *json_find(const Json *object, const char *key) {
  if (!object || object->kind != JSON_OBJECT) return NULL;
  const Json *m = object->child;
  while (m && strcmp(m->key, key) != 0) m = m->next;
  return m;
}

bool json_integer(const Json *value, int64_t *out) {
  const double most = 9007199254740992.0;  // 2^53: past it doubles skip integers
  if (!value || value->kind != JSON_NUMBER || value->number != floor(value->number) || fabs(value->number) > most)
    return false;
  *out = (int64_t)value->number;
  return true;
}

void json_add_string(Text *t, const char *string) {
  text_append(t, "\"", 1);
  for (const char *s = string; *s;) {
    size_t n = utf8_length(s);
    if (*s == '"' || *s == '\\')
      text_add(t, "\\%c", *s);
    else if ((unsigned char)*s < 0x20 || *s == 0x7f)
      text_add(t, "\\u%04x", (unsigned char)*s);
    else if (n == 2 && (unsigned char)*s == 0xc2 && (unsigned char)s[1] < 0xa0)  // controls to a terminal and to YAML
      text_add(t, "\\u%04x", (unsigned char)s[1]);
    else if (n == 3 && (memcmp(s, "\u2028", 3) == 0 || memcmp(s, "\u2029", 3) == 0))  // ends of lines to YAML
      text_add(t, "\\u%04x", 0x2028 + ((unsigned char)s[2] - 0xa8));
    else if (n == 0)
      text_append(t, "\xef\xbf\xbd", 3);  // U+FFFD
    else
      text_append(t, s, n);
    s += n ? n : 1;
  }
  text_append(t, "\"", 1);
}

const char *json_not_finite(double value) {
  return isfinite(value) ? NULL : isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

void json_add_number(Text *t, double value) {
  char text[32];
  if (!isfinite(value)) {
    text_append(t, "null", 4);
    return;
  }
  bool whole = fabs(value) < 1e15 && value == trunc(value);
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  if (whole) snprintf(text, sizeof text, "%.0f", value);  // 30, not 3e+01
  text_append(t, text, strlen(text));
}
