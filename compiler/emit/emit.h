// The emitter: a plan printed as one C file that trains the same model to the same bits as `gmc run`.
//
// Last step of the pipeline, beside the executor: both read the plan. The file holds the model's kernels as plain
// loops, its tables, and of the runtime just the definitions that these use, taken from the sources built into gmc.
//
//   emit.c            the order of the file
//   emit_tokens.c, emit_cut.c  C texts cut into definitions
//   emit_fragments.c  which of them are needed
//   emit_names.c      names, comments, strings and numbers of C
//   emit_kernels.c, emit_region.c  kernels as statements on pointers
//   emit_functions.c  the functions of kernels, each once
//   emit_programs.c   offsets as names, and the calls of the kernels
//   emit_tables.c     the plan's tables as initialisers
//
// Invariant: nothing of the user's reaches the C text but through emit_names.c.
#ifndef GMC_EMIT_H
#define GMC_EMIT_H

#include "engine/kernel.h"
#include "train/session.h"
#include "text/embedded.h"
#include "graph/model.h"

// What every emitted file begins with.
extern const char emit_begins[];

// What the kernels need where IN_PLACE stands in them.
extern const char emit_in_place[];

// The whole file. `kept` are the texts for its runs' folders; `command` is how it was asked for, for the opening
// comment.
void emit_program(Text *out, const Model *m, const Plan *p, const KeptText *kept, int kepts, const char *command);

// Definitions of C texts, in an order in which types come before their use.
typedef struct Fragments Fragments;

Fragments *fragments_new(Arena *a, const EmbeddedFile *files);
// Leaves out what defines a name, so that the type of that name stays incomplete.
void fragments_omit(Fragments *f, const char *name);
// Marks as needed what the identifiers of a text name, and what these definitions need in turn.
void fragments_want(Fragments *f, const char *text);
// #include lines of the system headers of all files that something was wanted of; once.
void fragments_includes(Text *out, const Fragments *f);
bool fragments_include(const Fragments *f, const char *header);
// Prints what is wanted and not yet printed; functions static, declared beforehand where they are used before their
// definition. `part`: types, macros and functions of headers alone, or everything.
typedef enum { FRAGMENTS_HEADERS, FRAGMENTS_ALL } FragmentsPart;
void fragments_print(Text *out, Fragments *f, FragmentsPart part);
// Declares the wanted functions that the text uses and that have not been printed. False if there are none.
bool fragments_declare(Text *out, Fragments *f, const char *text);
bool fragments_defines(const Fragments *f, const char *name);
// The first name that two files define as different things, or NULL: then the files cannot be one.
const char *fragments_clash(const Fragments *f);

// Names that are told apart, from each other and from those of the fragments: the prefix, then the letters and digits
// of the text, and underscores for the rest.
typedef struct Names Names;
Names *names_new(Arena *a, const Fragments *taken);
Names *names_inner(Arena *a, const Names *outer);  // names that differ from the outer ones, not the other way round
const char *name_unique(Names *n, const char *prefix, const char *text);
void name_take(Names *n, const char *word, size_t length);  // is nobody's from now on

void emit_comment_text(Text *out, const char *text);  // within a // comment, to the end of its line
void emit_string(Text *out, const char *text);        // a string literal; NULL as NULL
const char *emit_float(Arena *a, float value);        // the shortest constant that is this number
const char *emit_double(Arena *a, double value);

// What the emitted program calls things.
typedef struct {
  const char **tensor;   // offset of each of the plan's tensors: AT_q_dense_1_W
  const char **program;  // each program's function: run_train_1
} Offsets;

Offsets emit_offsets(Arena *a, const Plan *p, Names *names);
void emit_offset_names(Text *out, const Plan *p, const Offsets *offsets);  // an enum
// The kernels that the programs call, and the programs; these end with `execute`.
void emit_programs(Text *kernels, Text *programs, const Plan *p, const Sources *sources, const Offsets *offsets,
                   Names *names);
void emit_tables(Text *out, const Plan *p, const Offsets *offsets);  // ends with the Plan, model_plan

#endif
