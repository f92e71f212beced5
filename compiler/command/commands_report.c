// gmc report and gmc watch: what the command line knows of runs, for their page; see commands.h and report/report.h.
#include <string.h>
#include <unistd.h>

#include "command/commands.h"
#include "command/compilation.h"
#include "command/explain.h"
#include "command/folder.h"
#include "command/output.h"
#include "core/file.h"
#include "elaborate/elaborate.h"
#include "formats/json.h"
#include "report/live.h"

enum { SETTINGS_BYTES = 1 << 22 };

// A list that grows: what is set, text by text.
typedef struct {
  Arena *arena;
  ReportItem *item;
  int count, room;
} Items;

static void items_add(Items *l, const char *name, const char *text) {
  GROW(l->arena, l->item, l->count, &l->room);
  l->item[l->count++] = (ReportItem){name, text};
}

static void add_settings(Items *l, const Settings *s) {
  for (int i = 0; i < s->count; i++) items_add(l, s->item[i].name, s->item[i].text);
}

// What run.json says in a word or a number.
static void add_facts(Items *l, const char *folder) {
  Arena *a = l->arena;
  const char *path = arena_format(a, "%s/run.json", folder), *problem = NULL;
  Bytes file = file_read(a, path, SETTINGS_BYTES, "");
  const Json *facts = json_parse(a, (const char *)file.data, file.size, &problem);
  if (!facts) fail(a, EXIT_DATA, "%s: %s", path, problem);
  for (const Json *fact = facts->child; fact; fact = fact->next) {
    Text t = text_new(a);
    if (fact->kind == JSON_NUMBER) json_add_number(&t, fact->number);
    if (fact->kind == JSON_STRING) text_add(&t, "%s", fact->string);
    if (t.length) items_add(l, fact->key, t.data);
  }
}

// "a lower bound of log p(x)", as `gmc explain` says it of a measure, or "".
static const char *claim_of(const Model *m, const char *name) {
  size_t length = strlen(name);
  for (int i = 0; i < m->findings; i++) {
    const Finding *f = &m->finding[i];
    if (strcmp(f->topic, "claim") == 0 && strncmp(f->text, name, length) == 0 && f->text[length] == ':')
      return f->text + length + 2;
  }
  return "";
}

// Objectives that the lines of training follow, and metrics.
static void find_measures(Arena *a, const Model *m, ReportRun *run) {
  Elab *e = m->elab;
  ReportMeasure *measure = NEW_ARRAY(a, ReportMeasure, e->decls);
  for (int i = 0; i < m->lines; i++) {
    const Ast *step = e->step[i];
    bool known = false;
    for (int k = 0; k < run->measures; k++) known = known || strcmp(measure[k].name, step->name) == 0;
    if (known) continue;
    const char *kind = step->flag ? "minimized" : "maximized";
    measure[run->measures++] =
        (ReportMeasure){step->name, kind, expression_text(e, find_decl(e, step->name)->ast), claim_of(m, step->name)};
  }
  for (int i = 0; i < e->decls; i++) {
    const Ast *ast = e->decl[i]->ast;
    if (ast->kind == AST_METRIC)
      measure[run->measures++] = (ReportMeasure){ast->name, "metric", expression_text(e, ast), claim_of(m, ast->name)};
  }
  run->measure = measure;
}

static void find_texts(Arena *a, const Sources *s, const Config *c, ReportRun *run) {
  Items texts = {.arena = a};
  for (int own = 1; own >= 0; own--) {
    for (int i = 0; i < c->files.count; i++) {
      const Setting *f = &c->files.item[i];
      if ((strcmp(f->name, "model.gm") == 0) != own) continue;
      for (int k = 0; k < sources_count(s); k++)
        if (strcmp(sources_text(s, k)->name, f->text) == 0) items_add(&texts, f->name, sources_text(s, k)->text);
    }
  }
  run->text = texts.item;
  run->texts = texts.count;
}

static ReportRun run_of(Arena *a, const Options *o, const char *folder) {
  Config *c = folder_config(a, folder);
  compile_overlay(a, c, o);
  Model *m = compile_folder(a, folder, c);
  const Plan *plan = plan_model(a, m);
  Items settings = {.arena = a};
  add_settings(&settings, &c->params);
  add_settings(&settings, &c->priors);
  add_facts(&settings, folder);
  Text explained = text_new(a);
  explain_model(&explained, m, plan);
  Elab *e = m->elab;
  ReportItem *show = NEW_ARRAY(a, ReportItem, plan->shows);
  for (int i = 0; i < plan->shows; i++) {
    const char *name = plan->show[i].name;
    show[i] = (ReportItem){name, expression_text(e, find_decl(e, arena_format(a, "show %s", name))->ast)};
  }
  ReportRun run = {.folder = folder,
                   .model = m->name,
                   .explained = explained.data,
                   .setting = settings.item,
                   .settings = settings.count,
                   .show = show,
                   .shows = plan->shows};
  find_measures(a, m, &run);
  find_texts(a, m->sources, c, &run);
  return run;
}

static ReportRun read_run(Arena *a, const void *options, const char *folder) { return run_of(a, options, folder); }

// Until Ctrl-C.
int command_watch(Arena *a, const Options *o) {
  Server *s = live_open(a, (int)option_number(o, OPTION_PORT, 0), o->word, o->words, read_run, o);
  printf("http://127.0.0.1:%d/\n", server_port(s));
  fflush(stdout);
  say_line(stderr, "gmc: the page is for this machine's browser alone; Ctrl-C ends it, and leaves %s alone",
           o->words == 1 ? "the run" : "the runs");
  server_run(s);
  return EXIT_DONE;
}

// Of one run into its folder; of several beside one another into the working folder.
int command_report(Arena *a, const Options *o) {
  const char *path = option_text(o, OPTION_OUTPUT);
  if (!path) path = o->words == 1 ? arena_format(a, "%s/report.html", o->word[0]) : "report.html";
  ReportRun *run = NEW_ARRAY(a, ReportRun, o->words);
  for (int i = 0; i < o->words; i++) run[i] = run_of(a, o, o->word[i]);
  output_check(a, o, path, report_begins, "a page that gmc wrote");
  Text page = text_new(a);
  report_page(&page, run, o->words);
  file_replace(a, path, page.data, page.length);
  printf("%s\n", path);
  return EXIT_DONE;
}
