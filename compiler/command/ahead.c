// Prints the loops that gmc compiles ahead, as C: ahead MODEL.gm ... > bodies.c. A tool of the build; see
// region_body.h.
//
// Every region of the models' programs is prepared as the executor does; what its body says becomes a function, once.
#include <stdlib.h>
#include <string.h>

#include "command/compilation.h"
#include "engine/region_body.h"

const RegionBody region_bodies[] = {{NULL, NULL}};

// The operations as functions.
static const char head[] =
    "#include \"engine/kernel_pieces.h\"\n#include \"core/maths.h\"\n#include \"engine/region_body.h\"\n\n"
    "#define PARAMETERS_1 float a\n#define PARAMETERS_2 float a, float b\n#define PARAMETERS_3 float a, float b, float "
    "c\n"
    "#define SCALAR(ID, name, arity, expression) \\\n"
    "  static inline float op_##ID(PARAMETERS_##arity) { return expression; }\n"
    "#include \"core/scalars.def\"\n\n";

typedef struct {
  const char **text;
  int texts, room;
} Bodies;

static void bodies_put(Arena *a, Bodies *all, const char *text) {
  for (int i = 0; i < all->texts; i++)
    if (strcmp(all->text[i], text) == 0) return;
  GROW(a, all->text, all->texts, &all->room);
  all->text[all->texts++] = text;
}

static void bodies_of_kernels(Arena *a, Bodies *all, const Kernel *kernel, int kernels) {
  for (int i = 0; i < kernels; i++) {
    const Kernel *k = &kernel[i];
    if (k->kind == KERNEL_LOOP) bodies_of_kernels(a, all, k->loop.kernel, k->loop.kernels);
    const char *text = k->kind == KERNEL_REGION ? ((const RegionCode *)region_ready(a, k))->body : NULL;
    if (text) bodies_put(a, all, text);
  }
}

static void bodies_of_model(Arena *a, Bodies *all, const char *path) {
  const Plan *plan = plan_model(a, compile_file(a, path, config_new(a)));
  for (int i = 0; i < plan->programs; i++) bodies_of_kernels(a, all, plan->program[i].kernel, plan->program[i].kernels);
}

// How many of a0, a1 ... a text names.
static int count_names(const char *text, char letter) {
  int most = -1;
  for (const char *p = text; *p; p++)
    if (*p == letter && p > text && strchr(" (", p[-1]) && p[1] >= '0' && p[1] <= '9' && atoi(p + 1) > most)
      most = atoi(p + 1);
  return most + 1;
}

// A loop whose functions are all inlined (`flatten`): in a file of so many, gcc would stop at some and call them number
// by number.
static void print_body(int index, const char *text) {
  int arrays = count_names(text, 'a'), numbers = count_names(text, 'n'), results = count_names(text, 'y');
  printf(
      "__attribute__((flatten)) static void body_%d(float *const *out, const float *const *in, const int64_t *step,\n"
      "    int64_t n) {\n",
      index);
  printf("  (void)step;\n");
  for (int i = 0; i < numbers; i++) printf("  const float n%d = *in[%d];\n", i, arrays + i);
  printf("  for (int64_t i = 0; i < n; i += LANES) {\n    float y0[LANES]");
  for (int i = 1; i < results; i++) printf(", y%d[LANES]", i);
  printf(";\n    for (int l = 0; l < LANES; l++) {\n");
  for (int i = 0; i < arrays; i++) printf("      const float a%d = in[%d][i + l];\n", i, i);
  printf("      %s\n    }\n", text);
  for (int i = 0; i < results; i++) printf("    for (int l = 0; l < LANES; l++) out[%d][i + l] = y%d[l];\n", i, i);
  printf("  }\n}\n\n");
}

int main(int argc, char **argv) {
  Arena *a = arena_open(NULL);
  if (!a || ARENA_TRY(a) != 0) return EXIT_FAILURE;
  Bodies all = {NULL, 0, 0};
  for (int i = 1; i < argc; i++) bodies_of_model(a, &all, argv[i]);
  fputs(head, stdout);
  for (int i = 0; i < all.texts; i++) print_body(i, all.text[i]);
  printf("const RegionBody region_bodies[] = {\n");
  for (int i = 0; i < all.texts; i++) printf("  {\"%s\", body_%d},\n", all.text[i], i);
  printf("  {NULL, NULL},\n};\n");
  arena_close(a);
  return EXIT_DONE;
}
