// Choices that were made while the graph grew: which sides of an `if` stand in it, and so which names of the page the
// graph cannot know. Part of the elaborator.
#include "elaborate/elaborate.h"

#include <string.h>

enum { IN_FORCE = 1, LEFT_OUT = 2 };

typedef struct Choice {
  const Ast *of;
  bool taken[2];  // then, else
  struct Choice *next;
} Choice;

static Choice *find_choice(const Elab *e, const Ast *of) {
  Choice *c = e->choices;
  while (c && c->of != of) c = c->next;
  return c;
}

void choice_made(Elab *e, const Ast *of, bool holds) {
  if (!on_page(e, of)) return;
  Choice *c = find_choice(e, of);
  if (!c) {
    c = NEW(e->arena, Choice);
    *c = (Choice){.of = of, .next = e->choices};
    e->choices = c;
  }
  c->taken[holds ? 0 : 1] = true;
}

typedef struct {
  Elab *e;
  const char *name;
  int stands;     // where: a bit for each
  uint8_t *seen;  // of each declaration, in which of these places its text was read
} Search;

static void search(Search *s, const Ast *list, int place);

static void search_name(Search *s, const char *name, int place) {
  if (!strcmp(name, s->name)) s->stands |= place;
  const char *prior = arena_format(s->e->arena, "prior %s", name);
  for (int i = 0; i < s->e->decls; i++) {
    const Decl *d = s->e->decl[i];
    if (d->library || s->seen[i] & place || (strcmp(d->name, name) != 0 && strcmp(d->name, prior) != 0)) continue;
    s->seen[i] |= (uint8_t)place;
    search(s, d->ast->a, place);
    search(s, d->ast->b, place);
    search(s, d->ast->c, place);
  }
}

static void search(Search *s, const Ast *list, int place) {
  for (const Ast *a = list; a; a = a->next) {
    const Choice *c = a->kind == AST_IF ? find_choice(s->e, a) : NULL;
    if (a->kind == AST_NAME) search_name(s, a->name, place);
    search(s, a->a, place);
    search(s, a->b, c && !c->taken[0] ? LEFT_OUT : place);
    search(s, a->c, c && !c->taken[1] ? LEFT_OUT : place);
  }
}

bool chosen_out(Elab *e, const Ast *step, const char *name) {
  Search s = {.e = e, .name = name, .seen = NEW_ARRAY(e->arena, uint8_t, e->decls + 1)};
  search_name(&s, step->name, IN_FORCE);
  search(&s, step->a, IN_FORCE);
  return s.stands == LEFT_OUT;
}
