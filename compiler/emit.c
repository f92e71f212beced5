// The emitter: the order of the emitted file; see emit.h.
//
// The model comes first: its text, its places in memory, its kernels, its programs and tables, with just those types
// and functions above them that they are made of. What every emitted program has in common stands below, and main ends
// the file.
#include <string.h>

#include "emit.h"

// A reader with zlib, which is everywhere, in place of the faster one of gmc itself.
static const char *reader_of(DataFormat format) {
  switch (format) {
    case DATA_IDX:
      return "data_read_idx_zlib";
    case DATA_NPY:
      return "data_read_npy";
    case DATA_CSV:
      return "data_read_csv";
    case DATA_NONE:
    case DATA_GENERATED:
      break;
  }
  return "NULL";
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

static void print_opening(Text *out, const Model *m, const char *command, bool zlib) {
  text_add(out, "// Trains the model `");
  emit_comment_text(out, m->name);
  text_add(out, "`. Written by: ");
  emit_comment_text(out, command);
  text_add(out,
           "\n//\n// Compile and run:\n"
           "//   cc -O3 -march=native -ffp-contract=off -fno-math-errno -fno-trapping-math train.c -lopenblas%s -lm "
           "-lpthread -o train\n"
           "//   ./train --out runs/a\n//\n"
           "// With -ffp-contract=off the losses are those of `gmc run` to the last bit; the other flags only make it "
           "fast.\n"
           "// Order: the model and its places in memory, its kernels, its programs and tables; then what all such "
           "programs\n"
           "// have in common: memory, files, data, the training loop, pictures. It ends with main.\n",
           zlib ? " -lz" : "");
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
static const char open_text[] =
    "\n// Gives a run what executes it.\n"
    "static void open_run(Run *run, int threads) {\n"
    "  run->pool = pool_open(run->arena, threads);\n"
    "  run->execute = execute;\n"
    "  openblas_set_num_threads(1);  // products are cut by us, so that their bits depend on no machine\n"
    "}\n";

static const char *main_text(Arena *a, const Plan *p) {
  return arena_format(
      a, "\nint main(int argc, char **argv) { return program_main(argc, argv, &model_plan, open_run, %s); }\n",
      reader_of(p->data.format));
}

void emit_program(Text *out, const Model *m, const Plan *p, const char *command) {
  Arena *a = arena_open(out->arena);
  Fragments *f = fragments_new(a, embedded_runtime);
  Names *names = names_new(a, f);
  Offsets offsets = emit_offsets(a, p, names);
  Text offset_names = text_new(a), kernels = text_new(a), programs = text_new(a), tables = text_new(a),
       support = text_new(a);
  Text words = text_new(a);
  emit_offset_names(&offset_names, p, &offsets);
  emit_programs(&kernels, &programs, p, m->sources, &offsets, names);
  emit_tables(&tables, p, &offsets);
  text_add(&words, "%s%s%s%s", kernels.data, programs.data, tables.data, open_text);
  const char *entry = main_text(a, p);

  fragments_omit(f, "Kernel");
  fragments_want(f, words.data);
  fragments_print(&support, f, FRAGMENTS_HEADERS);
  fragments_declare(&support, f, words.data);
  fragments_want(f, entry);

  print_opening(out, m, command, fragments_include(f, "<zlib.h>"));
  print_model(out, m);
  text_add(out, "#define _GNU_SOURCE\n");
  fragments_includes(out, f);
  text_append(out, support.data, support.length);
  print_heading(out, "The model's places in memory: offsets in floats.");
  text_append(out, offset_names.data, offset_names.length);
  print_heading(out, "The model's kernels: one step of a program each.");
  text_append(out, kernels.data, kernels.length);
  print_heading(out, "The model's programs: kernels in their order, all threads together at the end of each.");
  text_append(out, programs.data, programs.length);
  text_add(out, "%s", open_text);
  print_heading(out, "The model's tables: what the training loop knows of it.");
  text_append(out, tables.data, tables.length);
  fragments_print(out, f, FRAGMENTS_ALL);
  text_add(out, "%s", entry);
  arena_close(a);
}
