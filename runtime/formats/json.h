// JSON: a strict reader (RFC 8259) for headers and records, and the pieces to write it.
#ifndef GMC_JSON_H
#define GMC_JSON_H

#include "core/base.h"

typedef enum { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonKind;

typedef struct Json {
  JsonKind kind;
  double number;
  const char *string;        // UTF-8 without NUL inside
  const char *key;           // of a member of an object, otherwise NULL
  const struct Json *child;  // first element or member
  const struct Json *next;
} Json;

// Reads one value that fills the text. NULL if it is not strict JSON, with *problem saying what and at which byte.
// Nesting past 64, more than 4 million values, strings holding NUL, broken UTF-8 and a name twice in an object are
// problems.
const Json *json_parse(Arena *a, const char *text, size_t length, const char **problem);

const Json *json_find(const Json *object, const char *key);  // NULL if absent or no object

bool json_integer(const Json *value, int64_t *out);  // an integer from -2^53 to 2^53?

void json_add_string(Text *t, const char *string);  // quoted and escaped; bytes that are no UTF-8 become U+FFFD

const char *json_not_finite(double value);  // "nan", "inf" or "-inf"; NULL of a number that is one

void json_add_number(Text *t, double value);  // the shortest text that reads back the same, whole numbers below 10^15 with all their digits; NaN and infinities as null

#endif
