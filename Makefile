# make            build ./gmc                       make demo      train the first model and draw its pictures
# make check      the inner loop, under a minute    make test      everything, installing what is missing; under ten
# make asan       units and cases with sanitizers   make promote   take what the language cases print as expected
# make fuzz       libFuzzer, FUZZ_SECONDS=600       make bench     speed
# make gallery  run = emitted, threads and resume of all other models
# make verify   what quick models expect of themselves, held against what comes out, minutes
# make quality  the models trained for real, minutes    make cross    an emitted program on another processor, emulated
# make browser  the pages of gmc report, watch and quiz opened in Chromium
# make causality  the order of places against the Jacobians of 10,000 random nets
# make health   games made to fail, ten seeds of each kind: what runs say of them
# make modes    how many clusters games in the plane find, ten seeds of each
# make library-page  grammar/LIBRARY.md from grammar/std
# make fuzz-models  100,000 random models, 100,000 mutants; make fuzz-cover  how much of the elaborator they reach
# make install uninstall lint fmt clean             MODE=release|asan|fuzz|cover, PREFIX=/usr/local, MACHINE=-march=x86-64-v3
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
MODE ?= release
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
SUB := $(MAKE) --no-print-directory -j$(shell nproc)
B := build/$(MODE)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Werror
# the processor that is built for: this one, where it is of the kind that CC compiles for
TARGET := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
MACHINE_x86_64 := -march=native -mprefer-vector-width=512
MACHINE_aarch64 := -mcpu=native
MACHINE := $(if $(filter $(shell uname -m),$(TARGET)),$(MACHINE_$(TARGET)))
CFLAGS_release := -O3 -g
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
CFLAGS_cover := -O1 -g --coverage
# -fno-math-errno and -fno-trapping-math keep NaN and infinity; they only allow sqrt and comparisons to be vectorised.
PLAIN := -std=c17 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -fno-trapping-math $(CFLAGS_$(MODE)) $(EXTRA)
CFLAGS := $(PLAIN) $(MACHINE)
LIBS := -lyaml -lz -ldeflate -lpng -lturbojpeg -levent_core -levent_extra -lm -lpthread

# commands are shown in short; V=1 shows them in full
Q := $(if $(V),,@)
SAY = $(if $(V),,@echo '  $(1) $<')

SOURCES := $(wildcard runtime/*/*.c compiler/*/*.c)
OBJECTS := $(patsubst %.c,$(B)/%.o,$(filter-out compiler/command/main.c compiler/command/ahead.c compiler/command/page.c compiler/command/processor.c,$(SOURCES))) $(B)/gm.tab.o $(B)/gm.lex.o $(B)/std.o $(B)/fragments.o $(B)/page.o
UNITS := $(patsubst tests/%.c,$(B)/%,$(wildcard tests/unit/test_*.c))

all: $(if $(filter release,$(MODE)),gmc,$(B)/gmc)

gmc: build/release/gmc
	@cp -f $< $@

$(B)/gmc: $(B)/compiler/command/main.o $(B)/compiler/command/processor.o $(B)/bodies.o $(B)/libgmc.a
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(CFLAGS) $^ $(LIBS) -o $@

$(B)/libgmc.a: $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call SAY,cc)
	$(Q)$(CC) $(CFLAGS) $(WARN) -MMD -MP -I$(B) -Icompiler -Iruntime -c $< -o $@

# the one file for every processor; it is told what the others may use
$(B)/compiler/command/processor.o: compiler/command/processor.c
	@mkdir -p $(@D)
	$(call SAY,cc)
	$(Q)built=$$(echo | $(CC) $(CFLAGS) -dM -E -x c - | sed -n 's/^#define __\([A-Z0-9_]*\)__ 1$$/\1/p' | tr '\n' ' ') && \
	  $(CC) $(PLAIN) $(WARN) -MMD -MP -Iruntime -DBUILT_FOR="\" $$built\"" -c $< -o $@

# flex and bison write code of their own style: no -Wconversion there
$(B)/gm.tab.c $(B)/gm.tab.h &: grammar/gm.y
	@mkdir -p $(@D)
	$(call SAY,bison)
	$(Q)bison -Wall -Werror -o $(B)/gm.tab.c --header=$(B)/gm.tab.h $<
$(B)/gm.lex.c $(B)/gm.lex.h &: grammar/gm.l
	@mkdir -p $(@D)
	$(call SAY,flex)
	$(Q)flex --outfile=$(B)/gm.lex.c --header-file=$(B)/gm.lex.h $<
# Nor marks on what is out of scope: the stacks of the parser, 140 kB, got them anew with every token, half of the time of some tests
$(B)/gm.tab.o $(B)/gm.lex.o: $(B)/%.o: $(B)/%.c $(B)/gm.tab.h $(B)/gm.lex.h
	$(call SAY,cc)
	$(Q)$(CC) $(CFLAGS) -fno-sanitize-address-use-after-scope -Wall -Wextra -Wno-sign-compare -Wno-unused-function -MMD -MP -Icompiler -Iruntime -I$(B) -c $< -o $@
$(filter $(B)/compiler/%,$(OBJECTS)): | $(B)/gm.tab.h $(B)/gm.lex.h

# texts built into the program: the standard library, the pages, and the runtime's sources for the emitter, which prints calls of
# kernels and needs no table of them
$(B)/embed: grammar/embed.c
	@mkdir -p $(@D)
	$(Q)$(CC) -O1 -o $@ $<
$(B)/std.c: $(B)/embed $(sort $(wildcard grammar/std/*.gm))
	$(Q)$(B)/embed embedded_std $(filter-out $<,$^) > $@
FRAGMENTS := $(filter-out runtime/engine/kernel.c,$(sort $(wildcard runtime/*/*.h runtime/*/*.c runtime/*/*.def)))
$(B)/fragments.c: $(B)/embed $(FRAGMENTS)
	$(Q)$(B)/embed embedded_runtime $(FRAGMENTS) > $@
PAGE := $(addprefix compiler/report/,page.html page.css elements.js page.js quiz.js)
$(B)/page.c: $(B)/embed $(PAGE)
	$(Q)$(B)/embed embedded_report $(PAGE) > $@
$(B)/std.o $(B)/fragments.o $(B)/page.o: $(B)/%.o: $(B)/%.c compiler/text/embedded.h
	$(Q)$(CC) $(CFLAGS) -Icompiler -c $< -o $@

# a model of each kind
LIBRARIES := $(addprefix models/,flower.gm flows.gm)  # that models use, and that train nothing
KINDS := $(addprefix models/,beta_tc.gm cvae.gm gan.gm gan_toy1d.gm row_vae.gm vae_flower.gm)

# loops compiled ahead, found in the models by the compiler itself; those of gan_unfrozen.gm, which warns, are those of gan.gm. A build that is
# not for use has those of some models only.
AHEAD := $(sort $(if $(filter release,$(MODE)),$(filter-out $(LIBRARIES) models/gan_unfrozen.gm,$(wildcard models/*.gm)),$(KINDS)))
$(B)/ahead: $(B)/compiler/command/ahead.o $(B)/libgmc.a
	$(Q)$(CC) $(CFLAGS) $^ $(LIBS) -o $@
$(B)/bodies.c: $(B)/ahead $(AHEAD)
	$(Q)$^ > $@
$(B)/bodies.o: $(B)/bodies.c
	$(call SAY,cc)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -Icompiler -Iruntime -I$(B) -c $< -o $@

# the page of the library, from its texts
$(B)/page: $(B)/compiler/command/page.o $(B)/libgmc.a
	$(Q)$(CC) $(CFLAGS) $^ $(LIBS) -o $@
library-page: $(B)/page
	$< >grammar/LIBRARY.md

TESTS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/*.c))
$(B)/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(call SAY,cc)
	$(Q)$(CC) $(CFLAGS) $(WARN) -Wno-array-bounds -MMD -MP -I$(B) -Icompiler -Iruntime -Itests -c $< -o $@
$(UNITS): $(B)/%: $(B)/%.o $(TESTS) $(B)/bodies.o $(B)/libgmc.a
	$(Q)$(CC) $(CFLAGS) $(filter %.o %.a,$^) $(LIBS) -lcmocka -o $@

# what is missing is named before anything is built; only the targets that say so install it
build/.tools: setup.sh
	@./setup.sh --check build && mkdir -p build && touch $@
$(OBJECTS) $(B)/compiler/command/main.o: | build/.tools

units: $(UNITS)
	@tests/run.sh $(UNITS)

# Suites of make check, and of make asan under the sanitizers. GMC names the program for the scripts.
GMC := $(if $(filter release,$(MODE)),./gmc,$(B)/gmc)
export GMC
# scripts that train models and compile what is emitted are for make test and make asan
TRAINED := $(addprefix tests/cli/,binders.sh bound.sh curves.sh em.sh estimates.sh goes_on.sh holes.sh images.sh keep.sh loops.sh observed.sh seldom.sh sets.sh several.sh texts.sh values.sh)
TRAINED += tests/cli/nearest.sh tests/cli/trained.sh
TRAINED += tests/cli/principal.sh
TRAINED += tests/cli/shared.sh
QUICK := $(UNITS) tests/lang/run.sh 'tests/lang/manual.sh $(GMC)' $(sort $(filter-out tests/cli/common.sh $(TRAINED),$(wildcard tests/cli/*.sh)))
# and beside them those of make test, with a model of each kind, two of which clang compiles too; make gallery tries all models with both
CLANG := $(addprefix models/,cvae.gm gan_toy1d.gm)
GALLERY := $(filter-out $(KINDS) $(LIBRARIES),$(wildcard models/*.gm))
FULLER := maths keep emit turns order  # units that do more of the same in make test
SLOW := $(TRAINED) 'TOUR=all tests/cli/readme.sh' $(foreach unit,$(FULLER),'FULL=1 $(B)/unit/test_$(unit)') tests/models/kills.sh tests/models/health.sh 'STEPS=60 tests/models/emit.sh tests/models/schedule.gm' 'tests/models/emit.sh $(CLANG)' 'COMPILERS=gcc tests/models/emit.sh $(filter-out $(CLANG),$(KINDS))' 'tests/models/bits.sh $(KINDS) models/pacgan.gm' 'tests/models/products.sh $(KINDS)' tests/models/cross.sh

# random models, the same ones each time
RANDOM := $(B)/fuzz/models
QUICK += '$(RANDOM) generated 600' '$(RANDOM) mutants 600' tests/lang/codes.sh tests/arrows.sh $(if $(filter release,$(MODE)),'tests/models/products.sh models/vae_toy.gm') $(if $(filter asan,$(MODE)),tests/leaks.sh)

# what is proved of the order of places, held against the Jacobians of 10,000 random nets
causality: $(B)/unit/test_order
	@FULL=1 $<
.PHONY: causality

health: gmc
	@SEEDS=10 PICTURES="mnist $(wildcard /usr/share/datasets/fashion-mnist)" tests/models/health.sh

modes: gmc
	@tests/models/modes.sh
.PHONY: modes

gallery: gmc
	@tests/run.sh 'tests/models/emit.sh $(filter-out $(CLANG) $(LIBRARIES),$(wildcard models/*.gm))' 'tests/models/bits.sh $(GALLERY)' 'tests/models/products.sh $(GALLERY)'
check: gmc $(UNITS) $(RANDOM)
	@tests/run.sh $(QUICK)

test:
	@./setup.sh build products test
	@$(SUB) gmc $(UNITS) $(RANDOM)
	@$(SUB) MODE=asan asan-build
	@tests/run.sh '$(SUB) asan' $(SLOW) $(filter-out $(FULLER:%=$(B)/unit/test_%) tests/cli/readme.sh,$(QUICK))

asan:
	@$(SUB) MODE=asan asan-run
asan-build: $(GMC) $(UNITS) $(RANDOM)
# but for a hundred thousand numbers of each distribution: test_std_values calls them all. Eight callers of each allocation are noted, not
# thirty: a twelfth of the time of what compiles texts
asan-run: asan-build
	@ASAN_OPTIONS=detect_leaks=1:malloc_context_size=8:$$ASAN_OPTIONS SOON=30000 tests/run.sh $(TRAINED) $(filter-out $(B)/unit/test_std,$(QUICK))

# another processor, emulated
cross:
	@./setup.sh build cross
	@$(SUB) gmc
	@tests/models/cross.sh
.PHONY: cross

# pages, opened in Chromium
$(B)/browser/drive: tests/browser/drive.c $(B)/libgmc.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(WARN) -Icompiler -Iruntime $^ $(LIBS) -o $@
browser:
	@./setup.sh build browser
	@$(SUB) gmc $(B)/browser/drive
	@tests/run.sh $(wildcard tests/browser/*.sh)
.PHONY: browser

# the models trained for real, for some minutes
quality: gmc
	@tests/models/quality.sh

# models that say what they are known to reach, the quick ones
VERIFIED := $(addprefix models/,vae_toy.gm moon.gm bound.gm realnvp.gm ppca.gm one_pixel.gm gmm.gm gmm_sgd.gm supports.gm bernoulli_mixture.gm completion.gm)
verify: gmc
	./gmc verify --threads 1 $(VERIFIED)
.PHONY: verify

promote: gmc
	@tests/lang/run.sh --promote

demo:
	@./setup.sh build products
	@$(SUB) gmc
	@rm -rf runs/demo
	./gmc run models/cvae.gm --out runs/demo
	@echo 'the pictures are in runs/demo/shows:' && ls runs/demo/shows | grep -v '_[0-9]*\.png'

# each fuzzer gets its share of the time; what it finds stays in build/fuzz/corpus, crashes in build/fuzz
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(B)/bodies.o $(B)/libgmc.a
	$(call SAY,cc)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer -I$(B) -Icompiler -Iruntime $^ $(LIBS) -o $@
fuzz:
	@./setup.sh build fuzz
	@$(SUB) MODE=fuzz CC=clang $(FUZZERS)
	@mkdir -p build/fuzz/seeds && cp models/*.gm build/fuzz/seeds
	@awk -v out=build/fuzz/seeds -f tests/lang/examples.awk grammar/LANGUAGE.md
	@set -e; for f in $(notdir $(FUZZERS)); do \
	  echo "$$f"; mkdir -p build/fuzz/corpus/$$f; \
	  build/fuzz/$$f -max_total_time=$$(( $(FUZZ_SECONDS) / $(words $(FUZZERS)) )) -timeout=10 -rss_limit_mb=4096 \
	    -close_fd_mask=3 -verbosity=0 -artifact_prefix=build/fuzz/ $$(ls tests/fuzz/$$f.dict 2>/dev/null | sed 's/^/-dict=/') \
	    -max_len=8192 build/fuzz/corpus/$$f build/fuzz/seeds tests/lang grammar/std; done

# Random models, and mutants of the texts that are here, from seed FUZZ_FIRST on: no signal, no hang, no bug of gmc's own
FUZZ_MODELS ?= 100000
FUZZ_FIRST ?= 0
fuzz-models: $(RANDOM)
	$< generated $(FUZZ_MODELS) $(FUZZ_FIRST)
	$< mutants $(FUZZ_MODELS) $(FUZZ_FIRST)
# how much of the elaborator random models reach by themselves
fuzz-cover:
	@$(SUB) MODE=cover build/cover/fuzz/models
	@find build/cover -name '*.gcda' -delete
	build/cover/fuzz/models generated 4000
	@tests/fuzz/cover.sh 90 compiler/elaborate/*.c
.PHONY: fuzz-models fuzz-cover

BENCHES := $(patsubst tests/%.c,$(B)/%,$(wildcard tests/bench/*.c))
$(BENCHES) $(RANDOM): $(B)/%: tests/%.c $(TESTS) $(B)/bodies.o $(B)/libgmc.a
	@mkdir -p $(@D)
	$(call SAY,cc)
	$(Q)$(CC) $(CFLAGS) $(WARN) -MMD -MP -I$(B) -Icompiler -Iruntime -Itests $< $(TESTS) $(B)/bodies.o $(B)/libgmc.a $(LIBS) -lcmocka -o $@
bench:
	@./setup.sh build bench
	@$(SUB) gmc $(BENCHES)
	@set -e; for b in $(BENCHES) $(wildcard tests/bench/*.sh); do echo "$$b"; $$b; done

OWN := $(wildcard compiler/*/*.[ch] runtime/*/*.[ch] grammar/*.c tests/*.[ch] tests/*/*.[ch])
TIDY := -*,clang-analyzer-*,-clang-analyzer-valist.*,-clang-analyzer-optin.performance.Padding,-clang-analyzer-security.insecureAPI.*
lint: $(B)/gm.tab.h $(B)/gm.lex.h
	@./setup.sh --check lint
	clang $(CFLAGS) $(WARN) -fsyntax-only -I$(B) -Icompiler -Iruntime -Itests $(SOURCES) $(wildcard tests/*.c tests/unit/*.c)
	clang-tidy --quiet --warnings-as-errors='*' --checks='$(TIDY)' $(SOURCES) -- $(CFLAGS) -I$(B) -Icompiler -Iruntime
fmt:
	@./setup.sh --check fmt
	clang-format -i $(OWN)

# The program goes to bin; pages, models and the library's texts to share/gmc, in the folders that they have here, so that links between
# them hold. What was installed is listed there, and `make uninstall` removes that and the folders it leaves empty.
ROOT = $(DESTDIR)$(PREFIX)
SHARED := LICENSE $(wildcard *.md */*.md compiler/*/*.md runtime/*/*.md grammar/std/*.gm models/*.gm models/*.yaml) models/pictures models/data
install: $(GMC)
	install -D -m 755 $(GMC) '$(ROOT)/bin/gmc'
	@mkdir -p '$(ROOT)/share/gmc'
	@find $(SHARED) -type f >'$(ROOT)/share/gmc/installed'
	@set -e; while IFS= read -r f; do install -D -m 644 "$$f" '$(ROOT)'/share/gmc/"$$f"; done <'$(ROOT)/share/gmc/installed'
	@sed -i 's,^,share/gmc/,; $$a bin/gmc\nshare/gmc/installed' '$(ROOT)/share/gmc/installed'
	@echo 'pages and models are in $(PREFIX)/share/gmc'
uninstall:
	@cd '$(ROOT)' && test -f share/gmc/installed || { echo 'nothing is installed in $(ROOT)'; exit 1; }
	cd '$(ROOT)' && xargs -d '\n' rm -f <share/gmc/installed && find share/gmc -depth -type d -empty -delete

clean:
	rm -rf build gmc

.PHONY: all health gallery library-page units check test quality asan asan-build asan-run promote demo fuzz bench lint fmt install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
