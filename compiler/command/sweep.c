// Sweeps, taken apart; see sweep.h.
#include "command/sweep.h"

#include <string.h>

int sweep_count(Arena *a, const Config *c) {
  int count = 1;
  for (int i = 0; i < c->sweeps; i++) {
    count *= c->sweep[i].value.count;
    if (count > MANY_RUNS)
      fail(a, EXIT_CONFIG, "%s: a sweep has at most %d runs", c->sweep[i].value.item->origin, MANY_RUNS);
  }
  return count;
}

// Values are expressions: what a shell or a file system might mind becomes a line.
static void add_value(Text *name, const char *value) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+";
  for (const char *c = value; *c; c++) text_append(name, strchr(plain, *c) ? c : "_", 1);
}

Config *sweep_config(Arena *a, const Config *c, int i, const char **name) {
  Config *one = config_copy(a, c);
  Text t = text_new(a);
  int runs = sweep_count(a, c);
  for (int k = 0; k < c->sweeps; k++) {
    const Settings *values = &c->sweep[k].value;
    runs /= values->count;
    const Setting *v = &values->item[i / runs % values->count];
    settings_put(a, &one->params, v->name, v->text, v->origin);
    text_add(&t, "%s%s=", k ? "," : "", v->name);
    add_value(&t, v->text);
  }
  one->sweeps = 0;
  *name = t.data;
  return one;
}
