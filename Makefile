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
LIBS := libmicrohttpd jansson yaml-0.1
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wswitch-enum -Wno-sign-conversion
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all -U_FORTIFY_SOURCE)
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Iinclude -Isrc -I$(OUT) -pthread $(WARN) $(if $(WERROR),-Werror) \
             $(shell pkg-config --cflags $(LIBS) 2>/dev/null) $(CFLAGS) $(HARDEN) $(SANFLAGS)
ALL_LDFLAGS = -pthread -pie -Wl,-z,relro,-z,now $(LDFLAGS) $(SANFLAGS)
ALL_LIBS = $(shell pkg-config --libs $(LIBS) 2>/dev/null)
Q := $(if $(V),,@)

LIB_SRC := $(sort $(wildcard src/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o)
LIB := $(OUT)/libhotpathd.a
BIN := $(OUT)/hotpathd
UNIT_SRC := $(sort $(wildcard tests/test_*.c))
UNITS := $(UNIT_SRC:tests/%.c=$(OUT)/tests/%)
FUZZ := $(patsubst tests/%.c,%,$(sort $(wildcard tests/fuzz_*.c)))
BENCH := $(patsubst bench/%.c,$(OUT)/bench/%,$(sort $(wildcard bench/*.c)))

all: $(BIN) $(OUT)/mkvocab ## build the daemon: build/hotpathd

$(BIN): $(OUT)/src/main.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(ALL_LIBS)

$(LIB): $(LIB_OBJ)
	@echo "  AR   $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(OUT)/%.o: %.c
	@echo "  CC   $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# --- vocabularies ---------------------------------------------------------------------------------

$(OUT)/mkvocab: $(OUT)/src/text/gen/mkvocab.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(ALL_LIBS)

vocab: $(OUT)/mkvocab ## get the published token vocabularies and map them: build/vocab
	$(Q)src/text/gen/fetch-vocab $< $(BUILD)/vocab

# --- tests ----------------------------------------------------------------------------------------

$(OUT)/tests/test_%: $(OUT)/tests/test_%.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(ALL_LIBS) $$(pkg-config --libs check)

$(OUT)/tests/tool_%: $(OUT)/tests/tool_%.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(ALL_LIBS)

.SECONDARY:

units: $(UNITS) ## build and run the C unit tests
	@for t in $(UNITS); do $$t || exit 1; done

# --- benchmarks -----------------------------------------------------------------------------------

$(OUT)/bench/%: $(OUT)/bench/%.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(ALL_LIBS)

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

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

clean: ## remove what was built (vocabularies too)
	rm -rf build

.PHONY: all vocab units fuzz help clean
-include $(LIB_OBJ:.o=.d) $(OUT)/src/main.d $(UNIT_SRC:%.c=$(OUT)/%.d)
