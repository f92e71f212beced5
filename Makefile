# gmc: see README.md. `make`, `make demo`, `make check` (under a minute), `make test` (under ten).
CC ?= gcc
MODE ?= release
B := build/$(MODE)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Werror
CFLAGS_release := -O3 -march=native -mprefer-vector-width=512 -g
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# -fno-math-errno and -fno-trapping-math keep NaN and infinity; they only allow sqrt and comparisons to be vectorised.
CFLAGS := -std=c17 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -fno-trapping-math $(CFLAGS_$(MODE)) $(EXTRA)
LIBS := -lopenblas -lyaml -lz -ldeflate -lpng -lm -lpthread

SOURCES := $(wildcard runtime/*.c compiler/*.c)
OBJECTS := $(patsubst %.c,$(B)/%.o,$(filter-out compiler/main.c,$(SOURCES))) $(B)/gm.tab.o $(B)/gm.lex.o $(B)/std.o $(B)/fragments.o
UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

all: gmc

gmc: $(B)/gmc
	@cp -f $< $@

$(B)/gmc: $(B)/compiler/main.o $(B)/libgmc.a
	$(CC) $(CFLAGS) $^ $(LIBS) -o $@

$(B)/libgmc.a: $(OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) -MMD -MP -I$(B) -Icompiler -Iruntime -c $< -o $@

# flex and bison write code of their own style: no -Wconversion there
$(B)/gm.tab.c $(B)/gm.tab.h: grammar/gm.y
	@mkdir -p $(@D)
	bison -Wall -Werror -o $(B)/gm.tab.c --header=$(B)/gm.tab.h $<
$(B)/gm.lex.c $(B)/gm.lex.h: grammar/gm.l
	@mkdir -p $(@D)
	flex --outfile=$(B)/gm.lex.c --header-file=$(B)/gm.lex.h $<
$(B)/gm.tab.o $(B)/gm.lex.o: $(B)/%.o: $(B)/%.c $(B)/gm.tab.h $(B)/gm.lex.h
	$(CC) $(CFLAGS) -Wall -Wextra -Wno-sign-compare -Wno-unused-function -MMD -MP -Icompiler -I$(B) -c $< -o $@
$(B)/compiler/parse.o: $(B)/gm.tab.h $(B)/gm.lex.h

# texts built into the program: the standard library, and the runtime's sources for the emitter
$(B)/embed: grammar/embed.c
	@mkdir -p $(@D)
	$(CC) -O1 -o $@ $<
$(B)/std.c: $(B)/embed $(sort $(wildcard grammar/std/*.gm))
	$(B)/embed embedded_std $(filter-out $<,$^) > $@
FRAGMENTS := $(sort $(wildcard runtime/*.h runtime/*.c runtime/*.def))
$(B)/fragments.c: $(B)/embed $(FRAGMENTS)
	$(B)/embed embedded_runtime $(FRAGMENTS) > $@
$(B)/std.o $(B)/fragments.o: $(B)/%.o: $(B)/%.c compiler/embedded.h
	$(CC) $(CFLAGS) -Icompiler -c $< -o $@

$(B)/unit/%: tests/unit/%.c $(B)/libgmc.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -I$(B) -Icompiler -Iruntime -Itests $< $(wildcard tests/reference.c) $(B)/libgmc.a $(LIBS) -lcmocka -o $@

units: $(UNITS)
	@set -e; for u in $(UNITS); do $$u; done

clean:
	rm -rf build gmc

.PHONY: all units clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
