// Prints C text that holds the files named on the command line: embed NAME FILE ... > NAME.c
// See compiler/text/embedded.h for the type.
#include <stdio.h>

int main(int argc, char **argv) {
  printf("#include \"text/embedded.h\"\n");
  for (int i = 2; i < argc; i++) {
    FILE *f = fopen(argv[i], "rb");
    if (!f) return perror(argv[i]), 1;
    printf("static const char text_%d[] = {", i);
    int c, n = 0;
    while ((c = getc(f)) != EOF) printf("%d,%s", c, ++n % 32 ? "" : "\n");
    printf("0};\n");
    fclose(f);
  }
  printf("const EmbeddedFile %s[] = {\n", argv[1]);
  for (int i = 2; i < argc; i++) printf("  {\"%s\", text_%d, sizeof text_%d - 1},\n", argv[i], i, i);
  printf("  {0, 0, 0}};\n");
  return 0;
}
