// How numbers and texts of the files became values, as a text that is kept with the weights: who measures or draws
// later reads alike, whatever has become of the files. See data.h.
#include <math.h>
#include <string.h>

#include "data/data.h"
#include "formats/json.h"

static void data_add_readings(Text *t, const Run *run) {
  for (int i = 0; i < run->plan->columns; i++) {
    const Reading *r = &run->reading[i];
    text_add(t, "%s{\"column\":", t->length > 1 ? "," : "");
    json_add_string(t, run->plan->column[i].name);
    text_add(t, ",\"scale\":");
    json_add_number(t, (double)r->scale);
    text_add(t, ",\"shift\":");
    json_add_number(t, (double)r->shift);
    for (int k = 0; k < r->words; k++) {
      text_add(t, k ? "," : ",\"texts\":[");
      json_add_string(t, r->word[k]);
    }
    text_add(t, r->words ? "]}" : "}");
  }
}

const char *data_readings_text(Arena *a, const Run *run) {
  Text t = text_new(a);
  text_add(&t, "[");
  if (run->reading) data_add_readings(&t, run);
  for (int i = 0; i < run->plan->others; i++)
    if (run->other[i].run->reading) data_add_readings(&t, run->other[i].run);
  text_add(&t, "]");
  return t.length > 2 ? t.data : NULL;
}

// The texts of labels: in order, and not more than there are classes.
static bool data_take_words(Arena *a, const PlanColumn *c, const Json *list, Reading *r) {
  const char **word = NEW_ARRAY(a, const char *, c->classes);
  for (const Json *j = list->child; j; j = j->next) {
    bool sound =
        j->kind == JSON_STRING && r->words < c->classes && (r->words == 0 || strcmp(word[r->words - 1], j->string) < 0);
    if (!sound) return false;
    word[r->words++] = j->string;
  }
  r->word = word;
  return r->words > 0;
}

static bool data_take_reading(Arena *a, const PlanColumn *c, const Json *j, Reading *r) {
  const Json *name = json_find(j, "column"), *scale = json_find(j, "scale"), *shift = json_find(j, "shift"),
             *texts = json_find(j, "texts");
  bool sound = name && name->kind == JSON_STRING && strcmp(name->string, c->name) == 0 && scale &&
               scale->kind == JSON_NUMBER && shift && shift->kind == JSON_NUMBER;
  if (!sound) return false;
  r->scale = (float)scale->number;
  r->shift = (float)shift->number;
  return isfinite(r->scale) && isfinite(r->shift) && (!texts || data_take_words(a, c, texts, r));
}

// The set's columns are the next of the list; those of a set that is generated are not in it.
static bool data_take_set(Run *run, const Json **next) {
  int n = run->plan->columns, i = 0;
  Reading *reading = NEW_ARRAY(run->arena, Reading, n);
  if (run->plan->data.format == DATA_GENERATED) return true;
  for (; *next && i < n; *next = (*next)->next, i++)
    if (!data_take_reading(run->arena, &run->plan->column[i], *next, &reading[i])) return false;
  run->reading = reading;
  return i == n;
}

bool data_readings_take(Run *run, const char *text) {
  const char *problem;
  const Json *list = json_parse(run->arena, text, strlen(text), &problem);
  if (!list || list->kind != JSON_ARRAY) return false;
  const Json *next = list->child;
  bool sound = data_take_set(run, &next);
  for (int i = 0; sound && i < run->plan->others; i++) sound = data_take_set(run->other[i].run, &next);
  if (sound && !next) return true;
  run->reading = NULL;
  return false;
}
