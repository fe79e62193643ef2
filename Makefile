# hotpathd. `make help` lists the targets; CFLAGS, CC, PREFIX, DESTDIR, SAN and WERROR are yours to set.
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

CC ?= cc
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
SAN ?=
WERROR ?=
V ?=
BUILD ?= build

VERSION := 0.1.0
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

comma := ,
# build/ holds the plain build, build/<SAN>/ a sanitized one: SAN=address,undefined or SAN=thread
OUT := $(if $(SAN),$(BUILD)/$(subst $(comma),-,$(SAN)),$(BUILD))
LIBS := libmicrohttpd jansson yaml-0.1 libxxhash
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wswitch-enum -Wno-sign-conversion
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all -U_FORTIFY_SOURCE)
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Iinclude -Isrc -pthread $(WARN) $(if $(WERROR),-Werror) \
             $(shell pkg-config --cflags $(LIBS) 2>/dev/null) $(CFLAGS) $(HARDEN) $(SANFLAGS)
ALL_LDFLAGS = -pthread -pie -Wl,-z,relro,-z,now $(LDFLAGS) $(SANFLAGS)
# libstemmer has no pkg-config; libxxhash is its header alone (XXH_INLINE_ALL)
ALL_LIBS = $(shell pkg-config --libs $(filter-out libxxhash,$(LIBS)) 2>/dev/null) -lstemmer -lm
Q := $(if $(V),,@)

LIB_SRC := $(sort $(wildcard src/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o)
LIB := $(OUT)/libhotpathd.a
BIN := $(OUT)/hotpathd
UNIT_SRC := $(sort $(wildcard tests/test_*.c))
UNITS := $(UNIT_SRC:tests/%.c=$(OUT)/tests/%)
FUZZ := $(patsubst tests/%.c,%,$(sort $(wildcard tests/fuzz_*.c)))
BENCH := $(patsubst bench/%.c,$(OUT)/bench/%,$(sort $(wildcard bench/*.c)))

all: $(BIN) ## build the daemon: build/hotpathd

$(OUT)/src/main.o: ALL_CFLAGS += -DHP_VERSION='"$(VERSION)"' -DHP_COMMIT='"$(COMMIT)"'
$(OUT)/src/http/openapi.o: docs/openapi.yaml
$(OUT)/src/http/page.o: src/http/page.html

$(BIN): $(OUT)/src/main.o $(OUT)/src/incoming.o $(OUT)/src/outgoing.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(LIB): $(LIB_OBJ)
	@echo "  AR   $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(OUT)/%.o: %.c
	@echo "  CC   $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# --- two commands to begin with -------------------------------------------------------------------

deps: ## install the Debian packages that are missing
	@deploy/deps test

run: ## build, start the daemon, show a real request answered
	@deploy/deps run
	@$(MAKE) -j2 all
	@$(MAKE) vocab
	@deploy/demo $(BIN)

test: deps ## every test: C units, end to end, both clients; plain and under ASan+UBSan
	@$(MAKE) -j3 venvs built sanitized-built
	@$(MAKE) vocab
	@$(MAKE) -k -j3 -Otarget sanitized-units oracles evidence python-client e2e sanitized-e2e units extras go-client library

# The parts of `make test`. What waits and what computes run beside each other, the longest first.
venvs:
	@for set in venv report extras; do tests/venv $$set >/dev/null || exit 1; done

built: all $(OUT)/mkvocab $(UNITS)

sanitized-built:
	@$(MAKE) SAN=address,undefined all $(UNITS:$(BUILD)/%=$(BUILD)/address-undefined/%)

sanitized-units:
	@$(MAKE) SAN=address,undefined units

sanitized-e2e:
	@$(MAKE) SAN=address,undefined e2e

tsan: ## units and end to end under ThreadSanitizer, some ten minutes
	@$(MAKE) -j2 SAN=thread all $(UNITS:$(BUILD)/%=$(BUILD)/thread/%)
	@$(MAKE) vocab
	@$(MAKE) -k SAN=thread units e2e

# --- vocabularies ---------------------------------------------------------------------------------

vocab: $(BUILD)/mkvocab ## fetch the token vocabularies, check them, write mapped tables to build/vocab
	@src/text/gen/fetch-vocab $(BUILD)/mkvocab $(BUILD)/vocab

$(OUT)/mkvocab: $(OUT)/src/text/gen/mkvocab.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(ALL_LIBS)

# --- tests ----------------------------------------------------------------------------------------

$(OUT)/tests/test_%: $(OUT)/tests/test_%.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(ALL_LIBS) $$(pkg-config --libs check)

# this test tells when the time is over
$(OUT)/tests/test_late: override LDFLAGS += -Wl,--wrap=hp_deadline_check,--wrap=hp_deadline_check_at,--wrap=hp_deadline_passed

$(OUT)/tests/tool_%: $(OUT)/tests/tool_%.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(ALL_LIBS)

.SECONDARY:

units: $(UNITS) ## C unit tests, two at a time
	@printf '%s\n' $(UNITS) | xargs -n 1 -P 2 sh -c 'out=$$("$$0" 2>&1); rc=$$?; printf "%s\n" "$$out"; exit $$rc'

# each is skipped where its rival is not installed
oracles: $(patsubst tests/%.c,$(OUT)/tests/%,$(wildcard tests/tool_*.c)) ## our answers beside those of tiktoken, ftfy, lexbor, markdown-it-py
	@python=$$(tests/venv) && HOTPATHD_TOOLS="$(CURDIR)/$(OUT)/tests" "$$python" -m pytest -q -p no:cacheprovider $(wildcard tests/*_vs_*.py)

e2e: $(BIN) ## the daemon over TCP and Unix sockets
	@python=$$(tests/venv) && HOTPATHD_BIN="$(CURDIR)/$(BIN)" "$$python" -m pytest -q -p no:cacheprovider tests/e2e

demo: ## a whole stack, from baseline to rollback, in less than two minutes (DEMO=short: half of it)
	@deploy/deps demo
	@$(MAKE) -j2 all
	@$(MAKE) vocab
	@python=$$(tests/venv demo-venv) && { (cd bench/stack/api && go build -o ../../../$(BUILD)/stack-api .) || \
	    { echo "make demo: Go did not build bench/stack/api; the first time it fetches modules from the network" >&2; exit 1; }; } && \
	    exec "$$python" bench/stack/demo.py $(DEMO)

soak: $(BIN) ## ten minutes of mixed load, reloads and hang-ups: nothing grows, counters add up
	@python=$$(tests/venv) && HOTPATHD_BIN="$(CURDIR)/$(BIN)" SOAK_SECONDS=$${SOAK_SECONDS:-600} \
	    "$$python" -m pytest -q -s -p no:cacheprovider tests/e2e/test_soak.py

library: all ## the example of docs/library.md, built against an installed copy
	@rm -rf $(BUILD)/stage && $(MAKE) install PREFIX="$(CURDIR)/$(BUILD)/stage" >/dev/null
	@export PKG_CONFIG_PATH="$(CURDIR)/$(BUILD)/stage/lib/pkgconfig" && \
	    $(CC) -Wall -Wextra -Werror $$(pkg-config --cflags hotpathd) docs/example.c -o $(BUILD)/example $$(pkg-config --libs hotpathd)
	@$(BUILD)/example <README.md | grep -q 'ends at a section: ' && $(BUILD)/example $(BUILD)/vocab <README.md | tail -1
	@echo "library: the example runs"

clients: ## both clients, against the real daemon and faulty servers
	@$(MAKE) -j2 -Otarget python-client extras evidence go-client

python-client: $(BIN)
	@python=$$(tests/venv) && cd clients/python && HOTPATHD_BIN="$(CURDIR)/$(BIN)" PYTHONPATH=src \
	    "$$python" -m pytest -q -p no:cacheprovider --ignore=tests/adapters --ignore=tests/evidence tests

go-client: $(BIN)
	@cd clients/go && (! gofmt -l . | grep .) && GOMODCACHE="$(CURDIR)/$(BUILD)/no-modules" GOPROXY=off go vet ./... && \
	    HOTPATHD_BIN="$(CURDIR)/$(BIN)" go test -count=1 ./...

go-adapters: ## the Go client's adapters, each against the real library
	@for a in clients/go/adapters/*/; do (cd $$a && go vet ./... && go test -count=1 ./...) || exit 1; done

extras: $(BIN) ## the Python client with LangChain, LlamaIndex, Haystack, Celery, orjson, ...: those themselves
	@python=$$(tests/venv extras) && cd clients/python && HOTPATHD_BIN="$(CURDIR)/$(BIN)" PYTHONPATH=src \
	    "$$python" -m pytest -q -rs -p no:cacheprovider tests/adapters tests/test_json.py \
	    "tests/test_daemon.py::test_the_span_of_opentelemetry_reaches_the_daemons_log"

evidence: $(BIN) ## hotpathd-report, hotpathd-baseline and hotpathd-rollout, on made-up events and on those of the real daemon's callers
	@python=$$(tests/venv report) && cd clients/python && HOTPATHD_BIN="$(CURDIR)/$(BIN)" PYTHONPATH=src \
	    "$$python" -m pytest -q -rs -p no:cacheprovider tests/evidence

# --- what keeps the tree tidy ---------------------------------------------------------------------

C_FILES := $(filter-out %_data.c,$(wildcard src/*.c src/*/*.c src/*/*/*.c tests/*.c bench/*.c))
H_FILES := $(wildcard include/hotpathd/*.h src/*/*.h tests/*.h)

check: ## format, clang-tidy, cppcheck, headers alone, layers, clang's warnings
	@deploy/deps check
	@clang-format --dry-run --Werror $(C_FILES) $(H_FILES)
	@$(MAKE) headers layers
	@$(MAKE) CC=clang BUILD=build/clang WERROR=1 -j2 all
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	    --suppress=missingIncludeSystem --suppress=comparePointers --suppress=varFuncNullUB --suppress=ctunullpointer --suppress=ctuuninitvar -Iinclude -Isrc -D__x86_64__ $(filter src/%,$(C_FILES))
	@printf '%s\n' $(filter src/%,$(C_FILES)) | xargs -P2 -n8 sh -c 'clang-tidy --quiet "$$@" -- \
	    -std=c17 -D_GNU_SOURCE -Iinclude -Isrc '"$$(pkg-config --cflags $(LIBS))" clang-tidy
	@echo "check: all clean"

headers: ## every header compiles alone
	@for h in $(H_FILES); do printf "#include \"%s\"\nextern int a_declaration;\n" "$$h" | \
	    $(CC) $(ALL_CFLAGS) -Werror -I. -Itests -fsyntax-only -x c - || { echo "$$h does not compile alone"; exit 1; }; done

layers: ## who may include whom
	@tests/layers

# --- benchmarks -----------------------------------------------------------------------------------

$(OUT)/bench/%: $(OUT)/bench/%.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(ALL_LIBS)

bench: deps $(BENCH) $(BIN) vocab ## ours and the rivals', side by side
	@bench/run $(OUT)

$(OUT)/bench-server/bare: bench/server/bare.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(shell pkg-config --cflags libmicrohttpd) -o $@ $< $(shell pkg-config --libs libmicrohttpd)

$(OUT)/bench-server/offer: bench/server/offer.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -D_GNU_SOURCE -o $@ $< -lm

bench-server: $(BIN) $(OUT)/bench-server/bare $(OUT)/bench-server/offer ## the server under load, beside a bare libmicrohttpd (needs wrk)
	@python3 bench/server.py $(BIN) $(OUT)/bench-server/bare $(OUT)/bench-server/offer

# --- fuzzing --------------------------------------------------------------------------------------

FUZZ_SECONDS ?= 60
build/fuzz/%: tests/%.c $(LIB_SRC)
	@echo "  FUZZ $@"
	@mkdir -p $(@D)
	$(Q)clang -std=c17 -D_GNU_SOURCE -Iinclude -Isrc -Itests -g -O1 -pthread \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	    $$(pkg-config --cflags $(LIBS)) -o $@ $< $(LIB_SRC) $(ALL_LIBS)

fuzz: $(FUZZ:%=build/fuzz/%) ## fuzz every parser for FUZZ_SECONDS (60) in all
	@n=$(words $(FUZZ)); for f in $(FUZZ); do \
	    mkdir -p build/corpus/$$f; seeds=tests/corpus/$${f#fuzz_}; \
	    build/fuzz/$$f -max_total_time=$$(( ($(FUZZ_SECONDS) + n - 1) / n )) -timeout=10 -rss_limit_mb=4096 \
	        -artifact_prefix=build/corpus/ -print_final_stats=1 build/corpus/$$f $$(test -d $$seeds && echo $$seeds) \
	        2>build/corpus/$$f.log || { tail -40 build/corpus/$$f.log; exit 1; }; \
	    echo "$$f: $$(grep -o 'stat::number_of_executed_units.*' build/corpus/$$f.log)"; done

fmt: ## format the C files
	@clang-format -i $(C_FILES) $(H_FILES)

# what the users of the library include (docs/library.md)
PUBLIC_H := text.h arena.h buf.h deadline.h error.h errors.def str.h utf8.h
TEXT_H := document.h chunk.h clean.h decode.h edits.h normalize.h scan.h segment.h structure.h tokens.h

install: all ## to $(DESTDIR)$(PREFIX): binary, library, headers, configuration, vocabularies where they were made
	install -D -m 755 $(BIN) "$(DESTDIR)$(PREFIX)/bin/hotpathd"
	install -D -m 644 $(LIB) "$(DESTDIR)$(PREFIX)/lib/libhotpathd.a"
	@for h in $(PUBLIC_H); do install -D -m 644 include/hotpathd/$$h "$(DESTDIR)$(PREFIX)/include/hotpathd/$$h"; done
	@for h in $(TEXT_H); do install -D -m 644 src/text/$$h "$(DESTDIR)$(PREFIX)/include/hotpathd/text/$$h"; done
	@install -d "$(DESTDIR)$(PREFIX)/lib/pkgconfig"
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' deploy/hotpathd.pc.in >"$(DESTDIR)$(PREFIX)/lib/pkgconfig/hotpathd.pc"
	install -d "$(DESTDIR)$(PREFIX)/share/hotpathd"
	sed 's|^vocabulary: .*|vocabulary: $(PREFIX)/share/hotpathd|' conf/hotpathd.yaml >"$(DESTDIR)$(PREFIX)/share/hotpathd/hotpathd.yaml"
	@for v in $(wildcard $(BUILD)/vocab/*.vocab); do install -m 644 $$v "$(DESTDIR)$(PREFIX)/share/hotpathd/"; done

deb: all ## a Debian package: build/hotpathd_VERSION_ARCH.deb
	@deploy/deb $(BIN) $(VERSION) $(BUILD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

clean: ## remove what was built (vocabularies too)
	rm -rf build

.PHONY: all deps run demo test venvs built sanitized-built sanitized-units sanitized-e2e tsan python-client go-client vocab units oracles e2e soak clients extras evidence go-adapters check library headers layers bench bench-server fuzz fmt install deb help clean
-include $(LIB_OBJ:.o=.d) $(OUT)/src/text/gen/mkvocab.d $(BENCH:=.d) $(OUT)/src/main.d $(OUT)/src/incoming.d $(OUT)/src/outgoing.d $(UNIT_SRC:%.c=$(OUT)/%.d)
