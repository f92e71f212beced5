// The emitter: the order of the emitted file; see emit.h.
//
// The model comes first: its text, its places in memory, its kernels, its programs and tables, with just those types
// and functions above them that they are made of. What every emitted program has in common stands below, and main ends
// the file.
#include <string.h>

#include "emit/emit.h"

static const struct {
  const char *format, *read;
} reader[] = {
    [DATA_NONE] = {"DATA_NONE", "NULL"},
    [DATA_IDX] = {"DATA_IDX", "data_read_idx"},
    [DATA_NPY] = {"DATA_NPY", "data_read_npy"},
    [DATA_NPZ] = {"DATA_NPZ", "data_read_npz"},
    [DATA_CSV] = {"DATA_CSV", "data_read_csv"},
    [DATA_IMAGES] = {"DATA_IMAGES", "data_read_images"},
    [DATA_CIFAR10] = {"DATA_CIFAR10", "data_read_cifar10"},
    [DATA_TEXT] = {"DATA_TEXT", "data_read_text"},
    [DATA_GENERATED] = {"DATA_GENERATED", "NULL"},
};

static bool has_format(const Plan *p, DataFormat format) {
  bool has = p->data.format == format;
  for (int i = 0; i < p->others; i++) has = has || p->other[i].data.format == format;
  return has;
}

// The reader of all sets of data: where their formats differ, one that is printed here.
static const char *print_reader(Text *out, const Plan *p) {
  const char *only = "NULL";
  int formats = 0;
  for (DataFormat f = DATA_NONE + 1; f < DATA_GENERATED; f++)
    if (has_format(p, f)) formats++, only = reader[f].read;
  if (formats < 2) return only;
  text_add(out, "\nstatic void read_data(Arena *a, const DataFiles *files, Data *into) {\n");
  for (DataFormat f = DATA_NONE + 1; f < DATA_GENERATED; f++)
    if (has_format(p, f))
      text_add(out, "  if (files->plan->data.format == %s) %s(a, files, into);\n", reader[f].format, reader[f].read);
  text_add(out, "}\n");
  return "read_data";
}

static bool has_axes(const PlanColumn *column, int columns) {
  bool has = false;
  for (int i = 0; i < columns; i++) has = has || column[i].principal;
  return has;
}

// The reader of the data, what finds their principal axes, and what it expands compressed files by: zlib, which is everywhere, in place of the faster
// one of gmc itself.
static const char *print_readers(Text *out, const Plan *p) {
  bool compressed = has_format(p, DATA_IDX) || has_format(p, DATA_NPY) || has_format(p, DATA_NPZ);
  bool axes = has_axes(p->column, p->columns);
  for (int i = 0; i < p->others; i++) axes = axes || has_axes(p->other[i].column, p->other[i].columns);
  return arena_format(out->arena, "%s, %s, %s", print_reader(out, p), axes ? "data_axes" : "NULL",
                      compressed ? "inflate_zlib" : "NULL");
}

static const SourceText *model_source(const Model *m) {
  for (int i = 0; i < sources_count(m->sources); i++)
    if (m->source && strcmp(sources_text(m->sources, i)->name, m->source) == 0) return sources_text(m->sources, i);
  return NULL;
}

static void print_heading(Text *out, const char *text) {
  static const char dashes[] = "--------------------------------------------------------------------------------";
  text_add(out, "\n// %s\n// %s\n", dashes, text);
}

// Are there files of data whose paths do not begin at the root?
static bool is_nearby(const PlanData *d) { return d->files > 0 && d->train && d->train[0][0] != '/'; }

static bool reads_nearby(const Plan *p) {
  bool nearby = is_nearby(&p->data);
  for (int i = 0; i < p->others; i++) nearby = nearby || is_nearby(&p->other[i].data);
  return nearby;
}

const char emit_begins[] = "// Trains the model `";

static void print_opening(Text *out, const Model *m, const Plan *p, const char *command, const Fragments *f) {
  text_add(out, "%s", emit_begins);
  emit_comment_text(out, m->name);
  text_add(out, "`. Written by: ");
  emit_comment_text(out, command);
  text_add(
      out,
      "\n//\n// Compile and run:\n"
      "//   cc -O3 -march=native -ffp-contract=off train.c %s%s%s-lm -lpthread -o train\n"
      "//   ./train --out runs/a\n"
      "%s"
      "//\n// Order: the types and the arithmetic that the model uses; its places in memory, its kernels, its "
      "programs\n"
      "// and tables; then what all such programs have in common: memory, files, data, pictures, the training loop.\n"
      "// The last function is main.\n",
      fragments_include(f, "<png.h>") ? "-lpng -lturbojpeg " : "", fragments_include(f, "<zlib.h>") ? "-lz " : "",
      p->products == PRODUCTS_OPENBLAS ? "-ldl " : "",
      reads_nearby(p) ? "// in the folder where gmc was: the paths of the data begin there.\n" : "");
}

// The model's text as comment.
static void print_model(Text *out, const Model *m) {
  const SourceText *s = model_source(m);
  if (!s) return;
  text_add(out, "//\n");
  for (const char *p = s->text; *p;) {
    size_t n = strcspn(p, "\n");
    text_add(out, n ? "//   " : "//");
    emit_comment_text(out, arena_slice(out->arena, p, n));
    text_add(out, "\n");
    p += n + (p[n] != '\0');
  }
}

// How a run is given what executes it.
static void print_open(Text *out, const Plan *p) {
  text_add(out,
           "\n// Gives a run what executes it.\n"
           "static void open_run(Run *run, int threads) {\n"
           "  run->pool = pool_open(run->arena, threads);\n"
           "%s"
           "  run->execute = execute;\n}\n",
           p->products == PRODUCTS_OPENBLAS ? "  blas_serve(run);\n" : "");
}

const char emit_in_place[] =
    "\n// Above a loop that may write over what it reads, element by element.\n"
    "#if defined(__clang__)\n#define IN_PLACE _Pragma(\"clang loop vectorize(assume_safety)\")\n"
    "#elif defined(__GNUC__)\n#define IN_PLACE _Pragma(\"GCC ivdep\")\n#else\n#define IN_PLACE\n#endif\n";

// What must hold where the file is compiled, as the runtime's own sources say it.
static void print_machine(Text *out) {
  for (const EmbeddedFile *f = embedded_runtime; f->name; f++)
    if (strstr(f->name, "machine.h")) text_add(out, "\n%s", f->text);
}

static void print_includes(Text *out, const Fragments *f, bool roots) {
  text_add(
      out,
      "\n// Sums and products are done one by one, as they are written: then the losses are those of `gmc run` to the "
      "last\n"
      "// bit, whatever the compiler and its flags.\n"
      "#if defined(__clang__)\n#pragma STDC FP_CONTRACT OFF\n"
      "#elif defined(__GNUC__)\n#pragma GCC optimize(\"fp-contract=off\", \"no-trapping-math\")\n"
      "#endif\n\n#define _GNU_SOURCE\n");
  fragments_includes(out, f);
  if (roots)
    text_add(out,
             "\n// Square roots without a look at errno, so that their loops become vector code.\n"
             "#if defined(__GNUC__)\nextern float sqrtf(float) __attribute__((const));\n#endif\n");
}

// What a run keeps in its folder, line by line.
static void print_texts(Text *out, const KeptText *kept, int kepts) {
  for (int i = 0; i < kepts; i++) {
    text_add(out, "\nstatic const char *const model_text_%d[] = {\n", i + 1);
    for (const char *p = kept[i].text; *p;) {
      size_t n = strcspn(p, "\n");
      n += p[n] != '\0';
      text_add(out, "    ");
      emit_string(out, arena_slice(out->arena, p, n));
      text_add(out, ",\n");
      p += n;
    }
    text_add(out, "    NULL};\n");
  }
  text_add(out, "\nstatic const ProgramText model_texts[] = {\n");
  for (int i = 0; i < kepts; i++) {
    text_add(out, "    {");
    emit_string(out, kept[i].name);
    text_add(out, ", ");
    emit_string(out, kept[i].origin);
    text_add(out, ", model_text_%d},\n", i + 1);
  }
  text_add(out, "    {NULL, NULL, NULL}};\n");
}

// The model's own part of the file, all of it, and main.
typedef struct {
  Text places, kernels, programs, tables, entry;
} ModelText;

static ModelText model_text(Arena *a, const Model *m, const Plan *p, const Fragments *f, const KeptText *kept,
                            int kepts) {
  ModelText t = {text_new(a), text_new(a), text_new(a), text_new(a), text_new(a)};
  Names *names = names_new(a, f);
  Offsets offsets = emit_offsets(a, p, names);
  emit_offset_names(&t.places, p, &offsets);
  emit_programs(&t.kernels, &t.programs, p, m->sources, &offsets, names);
  print_open(&t.programs, p);
  emit_tables(&t.tables, p, &offsets);
  print_texts(&t.entry, kept, kepts);
  const char *readers = print_readers(&t.entry, p);
  text_add(&t.entry,
           "\nint main(int argc, char **argv) {\n"
           "  return program_main(argc, argv, &model_plan, open_run, %s, model_texts);\n}\n",
           readers);
  return t;
}

// Types and functions of headers that the model's part is made of, and declarations of the other functions it calls.
static Text above_text(Arena *a, Fragments *f, const ModelText *t) {
  Text above = text_new(a), declarations = text_new(a);
  const char *words = arena_format(a, "%s%s%s", t->kernels.data, t->programs.data, t->tables.data);
  fragments_want(f, words);
  fragments_print(&above, f, FRAGMENTS_HEADERS);
  if (fragments_declare(&declarations, f, words)) {
    print_heading(&above, "Functions that stand below.");
    text_add(&above, "\n%s", declarations.data);
  }
  return above;
}

void emit_program(Text *out, const Model *m, const Plan *p, const KeptText *kept, int kepts, const char *command) {
  Arena *a = arena_open(out->arena);
  Fragments *f = fragments_new(a, embedded_runtime);
  fragments_omit(f, "Kernel");
  fragments_omit(f, "Code");
  ModelText t = model_text(a, m, p, f, kept, kepts);
  Text above = above_text(a, f, &t);
  fragments_want(f, t.entry.data);
  print_opening(out, m, p, command, f);
  print_model(out, m);
  print_machine(out);
  print_includes(out, f, strstr(t.kernels.data, "m_sqrt("));
  if (strstr(t.kernels.data, "IN_PLACE")) text_add(out, "%s", emit_in_place);
  text_append(out, above.data, above.length);
  print_heading(out, "The model's places in memory: offsets in floats.");
  text_append(out, t.places.data, t.places.length);
  print_heading(out, "The model's kernels: what a step of a program computes.");
  text_append(out, t.kernels.data, t.kernels.length);
  print_heading(out, "The model's programs: kernels in their order; a kernel begins when the one before is done.");
  text_append(out, t.programs.data, t.programs.length);
  print_heading(out, "The model's tables: what the training loop knows of it.");
  text_append(out, t.tables.data, t.tables.length);
  print_heading(out, "What such programs have in common.");
  fragments_print(out, f, FRAGMENTS_ALL);
  print_heading(out, "What a run keeps in its folder beside its numbers: the model's text and what was set.");
  text_append(out, t.entry.data, t.entry.length);
  arena_close(a);
}
