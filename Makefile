# Moontide: the only build file.
#
#   make            build/moontide, build/lib/moontide/core.so and, for the console, edit.so
#   make deps       install the Debian packages that are missing
#   make demo       packages, build, a first trace and one after it (TRACE=path: a look at that one)
#   make check      packages, build, every test (TESTS="csv_reader": those of that name, see tests/run)
#   make check-http2   the one test of HTTP/2, with the packages of a server for it
#   make check-client  the mock asked by curl and by the openai package of npm, with what these need
#   make check-page    the pages of reports in a real browser, with the packages for that
#   make image      the container image of examples/kubernetes, by docker, podman or buildah (IMAGE=moontide)
#   make check-image   its root file system: size, and that the program runs in it as nobody, read-only
#   make check-kubernetes   manifests, shipped and printed: by Kubernetes' schemas, by kubectl, and run
#   make check-slurm   jobs, shipped and printed, in a Slurm of this machine's own
#   make lint       formatting and static analysis
#   make sanitize   the suite under the address and undefined sanitizers, but for what tests/support/unsanitized.lua lists
#                   (UBSAN_TELLS=1: with the latter's words; make sanitize-programs builds only)
#   make sanitize-threads   the tests of what has threads under the thread sanitizer
#   make fuzz       what reads files, on inputs that a fuzzer makes: FUZZ_SECONDS=10 each target, FUZZ="csv log"
#                   (FUZZ_RUNS=10000000: so many inputs each)
#   make bench      figures as ratios to a floor measured in the same run (BENCH="--json new.json --against old.json"
#                   keeps them, and sets them beside an earlier run's; --only TEXT: some of them)
#   make install    program, manual page, Lua module, examples; PREFIX=/usr/local DESTDIR=
#   make clean

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
BUILD   ?= build
OPTIMISE ?= -O2 -g
SANITIZE ?=

VERSION := 0.1.0

# V=1 shows the whole commands.
V ?= 0
say = $(if $(filter 1,$(V)),,@printf '%-6s %s\n' $(1) $@;)

BUILD_PACKAGES := gcc libc6-dev liblua5.4-dev lua5.4 libcjson-dev libcsv-dev libxxhash-dev \
                  librandom123-dev zlib1g-dev libisal-dev libdeflate-dev libzstd-dev libedit-dev libevent-dev \
                  libcurl4-openssl-dev libssl-dev pkg-config libjs-chart.js
TEST_PACKAGES  := libcmocka-dev lua-busted gnuplot-nox
FUZZ_PACKAGES  := clang libclang-rt-dev
LINT_PACKAGES  := clang-format clang-tidy lua-check

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
LUA_CFLAGS := $(shell pkg-config --cflags lua5.4 2>/dev/null)
CJSON_CFLAGS := $(shell pkg-config --cflags libcjson 2>/dev/null)
# gzip is read by the ISA-L and written by libdeflate, where they are there, and by zlib elsewhere (HAS_ISAL= and
# HAS_LIBDEFLATE= build that).
HAS_ISAL := $(shell printf '\043include <isa-l/igzip_lib.h>\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo yes)
HAS_LIBDEFLATE := $(shell printf '\043include <libdeflate.h>\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo yes)
# gcc clears structs of some 100 bytes by "rep stos", whose start alone takes 35 ns (measured, on a Zen 4); the C
# library does it in 6. A record is cleared once a request. Other compilers do not know the option.
CLEARING := -mmemset-strategy=libcall:-1:noalign
CLEARING := $(shell $(CC) $(CLEARING) -E -x c /dev/null >/dev/null 2>&1 && echo $(CLEARING))
CFLAGS  := -std=c11 -D_DEFAULT_SOURCE -DMT_VERSION='"$(VERSION)"' $(OPTIMISE) $(WARNINGS) \
           -ffp-contract=off -fPIC -fvisibility=hidden -Icore $(LUA_CFLAGS) $(CJSON_CFLAGS) $(SANITIZE) $(CLEARING) \
           $(if $(HAS_ISAL),-DMT_HAS_ISAL) $(if $(HAS_LIBDEFLATE),-DMT_HAS_LIBDEFLATE)
LIBS    := -lm -lpthread -ldl
# Of compressed files: the tests hold zlib against the others.
HAS_BOTH     := $(and $(HAS_ISAL),$(HAS_LIBDEFLATE))
PACKING_LIBS := $(if $(HAS_ISAL),-lisal) $(if $(HAS_LIBDEFLATE),-ldeflate) $(if $(HAS_BOTH),,-lz) -lzstd
# They hold our scanner against cJSON, which the programs load for the first text (core/base/library.h).
WHOLE_LIBS   := $(LIBS) $(PACKING_LIBS) -lz -lcjson
# The pointers to be set at each start in a fraction of their room, where the C library reads that (glibc 2.36).
HAS_PACKED := $(shell printf '\043include <features.h>\n\043if !__GLIBC_PREREQ(2, 36)\n\043error\n\043endif\n' | \
  $(CC) -E -x c - >/dev/null 2>&1 && echo yes)
PACKED_POINTERS := -Wl,-z,pack-relative-relocs
# A program with sanitizers lies at a fixed place and carries their runtime, which the modules find in it: its tests
# are thousands of starts, and each would set a hundred thousand pointers and look up as many names.
SANITIZED_PROGRAM := $(if $(findstring -fsanitize=address,$(SANITIZE)),-no-pie -static-libasan)
SANITIZED_MODULE  := $(if $(SANITIZED_PROGRAM),-static-libasan)
LINK_FLAGS := $(or $(SANITIZED_PROGRAM),$(if $(HAS_PACKED),$(PACKED_POINTERS)))
LUA_STATIC := $(shell pkg-config --variable=libdir lua5.4 2>/dev/null)/liblua5.4.a

ROOMS   := base random stats text hash trace prefix load
CORE    := $(foreach room,$(ROOMS),$(wildcard core/$(room)/*.c core/$(room)/*/*.c))
# What binds a room lies in core/lua in a folder of its name.
BINDING := $(wildcard core/lua/*.c) $(foreach room,$(ROOMS),$(wildcard core/lua/$(room)/*.c))
EDIT    := $(wildcard core/edit/*.c)
# What drives endpoints: a module of its own, for libevent costs each start some milliseconds.
# Its transport through libcurl is one again: libcurl costs some milliseconds more, and only https:// and
# proxies need it.
CURL    := $(wildcard core/drive/curl/*.c)
DRIVE   := $(filter-out $(CURL),$(wildcard core/drive/*.c core/drive/*/*.c))
CURL_BINDING  := $(wildcard core/lua/curl/*.c)
DRIVE_BINDING := $(wildcard core/lua/drive/*.c)
CORE_OBJECTS    := $(CORE:%.c=$(BUILD)/%.o)
# What knows compressed files: a module of its own too, for its libraries cost each start half a millisecond.
# Nothing else links these; of zlib's nothing is used where both of the others are there.
CODEC_OBJECTS   := $(patsubst %,$(BUILD)/core/base/file/%.o,codecs codec_isal codec_libdeflate codec_zlib codec_zstd \
  deflate_blocks)
PACKING_OBJECTS := $(if $(HAS_BOTH),$(filter-out %/codec_zlib.o,$(CODEC_OBJECTS)),$(CODEC_OBJECTS))
# What is linked into whatever starts: all of core without that.
LEAN_OBJECTS    := $(filter-out $(CODEC_OBJECTS),$(CORE_OBJECTS))
BINDING_OBJECTS := $(BINDING:%.c=$(BUILD)/%.o)
# What the line editor uses of core; the Ctrl-C flag is the executable's.
EDIT_OBJECTS    := $(EDIT:%.c=$(BUILD)/%.o) $(patsubst %,$(BUILD)/core/base/%.o,memory error utf8)
DRIVE_OBJECTS   := $(DRIVE:%.c=$(BUILD)/%.o)
DRIVE_BINDING_OBJECTS := $(DRIVE_BINDING:%.c=$(BUILD)/%.o)
CURL_OBJECTS    := $(patsubst %.c,$(BUILD)/%.o,$(CURL) $(CURL_BINDING))
CURL_LIBS  := -lcurl -lssl -lcrypto -levent_core
DRIVE_LIBS := -levent_core -lpthread
# The same with the invariants checked (core/base/assert.h), for the C tests. A build that checks them everywhere, as
# that with sanitizers does, compiles nothing twice.
CHECKED := $(BUILD)$(if $(filter -DMT_ASSERTS,$(OPTIMISE) $(SANITIZE)),,/checked)
CHECKED_OBJECTS := $(CORE:%.c=$(CHECKED)/%.o)
CHECKED_DRIVE_OBJECTS := $(DRIVE:%.c=$(CHECKED)/%.o)
CHECKED_CURL_OBJECTS := $(CURL:%.c=$(CHECKED)/%.o)
C_TESTS := $(patsubst tests/core/%.c,$(BUILD)/tests/%,$(wildcard tests/core/test_*.c))
DRIVE_C_TESTS := $(filter $(BUILD)/tests/test_drive_%,$(C_TESTS))
# Programs of tests/bench: what measures and what is measured against knows nothing of core, so that
# they carry none of its libraries.
BENCHES       := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
PLAIN_BENCHES := $(addprefix $(BUILD)/bench/,measure floor floor_gzip naive_sin driving_floor)
EMBEDDED := $(sort $(wildcard lua/moontide/*.lua lua/moontide/*/*.lua scripts/*.lua scripts/*/*.lua examples/slurm/*.sbatch) \
  $(wildcard $(addprefix lua/moontide/look/*.,html css js txt)))
# Lies together, in few pages: what every command loads, and then what looking at a trace takes.
lua_of = $(filter $(patsubst %,lua/moontide/%.lua,$(1)),$(EMBEDDED))
TOGETHER := $(call lua_of,kit/% script/% command/cli command/arguments load/run_options learn/profile_options) \
  $(call lua_of,init parts kind_modules trace/any trace/pipe learn/analysis% learn/cache_options command/figures) \
  $(call lua_of,base/json draw/file draw/axis draw/style draw/line draw/canvas)
# In the executable, what makes load lies behind all the rest, and what is embedded behind that: looking at a
# trace touches few of their pages.
LIES_BEHIND = $(filter $(patsubst %,$(BUILD)/core/%,load/% random/% prefix/gaps/% prefix/model/% prefix/radix/% \
  prefix/reuse/% prefix/synthesis/%),$(LEAN_OBJECTS)) $(BUILD)/embedded.o $(BUILD)/compiled.o
# What draws the charts of a report's page; it is built in as well.
CHART_JS ?= /usr/share/javascript/chart.js/chart.min.js

.PHONY: all deps demo check lint lint-deps sanitize sanitize-programs fuzz fuzz-deps fuzz-programs bench install clean \
  test-programs bench-programs
.DELETE_ON_ERROR:
.SECONDARY:

# The console edits its lines where libedit is there, and reads them as they come where it is not.
HAS_EDIT := $(shell printf '\043include <histedit.h>\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo yes)
MODULES  := $(BUILD)/lib/moontide/core.so $(BUILD)/lib/moontide/drive.so $(BUILD)/lib/moontide/curl.so \
  $(BUILD)/lib/moontide/packing.so $(if $(HAS_EDIT),$(BUILD)/lib/moontide/edit.so)

all: $(BUILD)/moontide $(MODULES)

# --- packages -------------------------------------------------------------------------------------

# $(call missing,packages): those of them that dpkg does not have installed
missing = $(shell command -v dpkg-query >/dev/null 2>&1 && for p in $(1); do \
  dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done)

# $(call install,packages): brings what is missing; asks no network when nothing is
define install_packages
	@set -e; \
	if ! command -v dpkg-query >/dev/null 2>&1; then \
	  echo "This is not Debian: please install what these packages hold: $(1)"; \
	else \
	  wanted=""; \
	  for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || wanted="$$wanted $$p"; done; \
	  if [ -n "$$wanted" ]; then \
	    as_root=""; [ "$$(id -u)" = 0 ] || as_root=sudo; \
	    echo "installing:$$wanted"; \
	    $$as_root apt-get update -q >/dev/null; \
	    DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -q --no-install-recommends $$wanted >/dev/null; \
	  fi; \
	fi
endef

deps:
	$(call install_packages,$(BUILD_PACKAGES) $(TEST_PACKAGES))

.PHONY: build-deps
build-deps:
	$(call install_packages,$(BUILD_PACKAGES))

lint-deps:
	$(call install_packages,$(BUILD_PACKAGES) $(LINT_PACKAGES) $(TEST_PACKAGES))

# --- build ----------------------------------------------------------------------------------------

# What needs the packages says so before the compiler does.
ifneq ($(filter-out deps lint-deps fuzz-deps demo show-trace check check-http2 check-client check-image check-kubernetes check-slurm build-deps image lint sanitize sanitize-programs sanitize-threads fuzz bench clean,$(or $(MAKECMDGOALS),all)),)
HEADERS := lua.h cJSON.h csv.h xxhash.h zlib.h zstd.h Random123/philox.h event2/event.h curl/curl.h openssl/ssl.h
PROBE   := $(shell printf '\043include <%s>\n' $(HEADERS) | \
  $(CC) $(LUA_CFLAGS) $(CJSON_CFLAGS) -E -x c - >/dev/null 2>&1 && echo there)
ifneq ($(PROBE)$(wildcard $(LUA_STATIC) $(CHART_JS)),there$(LUA_STATIC) $(CHART_JS))
$(error packages are missing, 'make deps' brings them: $(or $(call missing,$(BUILD_PACKAGES)),$(BUILD_PACKAGES)))
endif
endif

$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD); printf '%s\n' '$(subst ','\'',$(CC) $(CFLAGS))' > $@.new; \
	cmp -s $@ $@.new && rm $@.new || mv $@.new $@
.PHONY: FORCE

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/checked/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CFLAGS) -DMT_ASSERTS -MMD -MP -c -o $@ $<

$(BUILD)/embed: core/embed.c core/lua/file_text.h
	@mkdir -p $(@D)
	$(call say,CC) $(CC) -std=c11 -D_DEFAULT_SOURCE $(WARNINGS) -Icore $(LUA_CFLAGS) -O1 -o $@ $< $(LUA_STATIC) -lm -ldl

$(BUILD)/embedded.list: FORCE
	@mkdir -p $(BUILD); printf '%s\n' $(EMBEDDED) together: $(TOGETHER) > $@.new; cmp -s $@ $@.new && rm $@.new || mv $@.new $@

$(BUILD)/embedded.c: $(BUILD)/embed $(BUILD)/embedded.list $(EMBEDDED) $(CHART_JS)
	$(call say,EMBED) $(BUILD)/embed packages/chart.js=$(CHART_JS) $(EMBEDDED) > $@

$(BUILD)/compiled.c: $(BUILD)/embed $(BUILD)/embedded.list $(EMBEDDED)
	$(call say,EMBED) $(BUILD)/embed --compiled $(TOGETHER) $(filter-out $(TOGETHER),$(EMBEDDED)) > $@

$(BUILD)/embedded.o $(BUILD)/compiled.o: $(BUILD)/%.o: $(BUILD)/%.c $(BUILD)/flags
	$(call say,CC) $(CC) $(CFLAGS) -c -o $@ $<

$(BUILD)/moontide: $(BUILD)/core/main.o $(BUILD)/embedded.o $(BUILD)/compiled.o $(LEAN_OBJECTS) $(BINDING_OBJECTS)
	$(call say,LINK) $(CC) $(SANITIZE) $(LINK_FLAGS) -Wl,-E -o $@ $(filter-out $(LIES_BEHIND),$^) $(LUA_STATIC) \
	  $(LIES_BEHIND) $(LIBS)

$(BUILD)/lib/moontide/core.so: $(BUILD)/embedded.o $(LEAN_OBJECTS) $(BINDING_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(SANITIZE) $(SANITIZED_MODULE) -shared -o $@ $^ $(LIBS)

# Carries what it uses of core; the Ctrl-C flag is the executable's.
$(BUILD)/lib/moontide/drive.so: $(DRIVE_OBJECTS) $(DRIVE_BINDING_OBJECTS) $(LEAN_OBJECTS) $(BUILD)/core/lua/binding.o
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(SANITIZE) $(SANITIZED_MODULE) -shared -o $@ $^ $(LIBS) $(DRIVE_LIBS)

# Of these objects the linker takes what it needs.
$(BUILD)/objects.a: $(LEAN_OBJECTS) $(DRIVE_OBJECTS)
	$(call say,AR) rm -f $@ && $(AR) rc $@ $^

# Stays loaded once it is: nobody closes it.
$(BUILD)/lib/moontide/packing.so: $(PACKING_OBJECTS) $(BUILD)/objects.a
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(SANITIZE) $(SANITIZED_MODULE) -shared -o $@ $^ $(PACKING_LIBS) -Wl,--as-needed $(LIBS)

# Stays loaded once it is: OpenSSL has something to do when the process ends.
$(BUILD)/lib/moontide/curl.so: $(CURL_OBJECTS) $(BUILD)/objects.a
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(SANITIZE) $(SANITIZED_MODULE) -shared -Wl,-z,nodelete -o $@ $^ $(CURL_LIBS) -Wl,--as-needed $(LIBS)

# Stays loaded once it is: the terminal's library keeps memory that a leak checker could not see there.
$(BUILD)/lib/moontide/edit.so: $(EDIT_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(SANITIZE) $(SANITIZED_MODULE) -shared -Wl,-z,nodelete -o $@ $^ -ledit

-include $(CORE_OBJECTS:.o=.d) $(CHECKED_OBJECTS:.o=.d) $(BINDING_OBJECTS:.o=.d) $(EDIT_OBJECTS:.o=.d) \
  $(CURL_OBJECTS:.o=.d) $(CHECKED_CURL_OBJECTS:.o=.d) $(DRIVE_OBJECTS:.o=.d) $(CHECKED_DRIVE_OBJECTS:.o=.d) $(DRIVE_BINDING_OBJECTS:.o=.d) $(BUILD)/core/main.d \
  $(C_TESTS:=.d) $(BENCHES:=.d) $(FUZZERS:=.d)

# --- tests ----------------------------------------------------------------------------------------

# Of these objects the linker takes what a test needs, and always those that core asks for if they are there.
CHECKED_PACKING := $(PACKING_OBJECTS:$(BUILD)/%=$(CHECKED)/%)
$(BUILD)/tests/objects.a: $(CHECKED_CURL_OBJECTS) $(CHECKED_DRIVE_OBJECTS) $(CHECKED_OBJECTS)
	@mkdir -p $(@D)
	$(call say,AR) rm -f $@ && $(AR) rc $@ $^

# Tests of the driving room link its libraries too.
$(DRIVE_C_TESTS): TEST_LIBS := $(CURL_LIBS) $(DRIVE_LIBS)
# A test is mostly compiled: half as long without the optimiser's second round and the debugger's types, and what it
# tests takes as long as before.
TEST_CFLAGS := $(if $(filter -O2,$(OPTIMISE)),-O1 -g1)
$(C_TESTS): $(BUILD)/tests/%: tests/core/%.c $(BUILD)/tests/support/one_test.o $(BUILD)/tests/objects.a \
  $(CHECKED_PACKING) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(CFLAGS) $(TEST_CFLAGS) -DMT_ASSERTS -Itests/core $(SANITIZED_PROGRAM) -MMD -MP -MF $@.d -o $@ $< \
	  $(BUILD)/tests/support/one_test.o $(CHECKED_PACKING) $(BUILD)/tests/objects.a -lcmocka $(WHOLE_LIBS) $(TEST_LIBS)

# Drives a command in a pseudo-terminal, for the specs of the console.
$(BUILD)/tests/terminal: tests/support/terminal.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) -std=c11 $(WARNINGS) -O1 -o $@ $<

# Puts TLS before a plain server, for the specs of replay.
$(BUILD)/tests/tls_front: tests/support/tls_front.c tests/core/tls_front.h tests/core/drive_server.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) -std=c11 -D_DEFAULT_SOURCE $(WARNINGS) -O1 -Itests/core -o $@ $< -lssl -lcrypto -lpthread

test-programs: $(C_TESTS) $(BUILD)/tests/terminal $(BUILD)/tests/tls_front

# Names for tests/run: TESTS="csv_reader 'cut last line'".
TESTS ?=

# Packages come first, in a make of their own: what this make knows of them was read before.
check: deps
	@$(MAKE) --no-print-directory BUILD=$(BUILD) SANITIZE='$(SANITIZE)' OPTIMISE='$(OPTIMISE)' run-tests

# The test of HTTP/2, which needs a server that speaks it.
.PHONY: check-http2
check-http2: deps
	$(call install_packages,nghttp2-proxy openssl)
	@$(MAKE) --no-print-directory all $(BUILD)/tests/tls_front
	@tests/run $(BUILD) "speaks HTTP/2"

# Clients that are not ours. Node with its npm may have come by other ways than Debian's packages.
.PHONY: check-client
check-client: deps
	$(call install_packages,curl ca-certificates $(if $(shell command -v node),,nodejs) $(if $(shell command -v npm),,npm))
	@$(MAKE) --no-print-directory all
	@tests/client/run $(BUILD)

# The pages of reports in a headless Chromium, which node drives; screenshots stay in BUILD/pages.
.PHONY: check-page
check-page: deps
	$(call install_packages,chromium nodejs)
	@$(MAKE) --no-print-directory all
	@node tests/page/check.js $(BUILD)

# --- the image ------------------------------------------------------------------------------------

IMAGE ?= moontide

# The first of docker, podman and buildah that answers.
.PHONY: image
image:
	@for tool in docker podman buildah; do \
	  command -v $$tool >/dev/null 2>&1 || continue; \
	  if ! $$tool info >/dev/null 2>&1; then echo "$$tool is here, but it does not answer ('$$tool info')" >&2; continue; fi; \
	  exec $$tool build -f examples/kubernetes/Containerfile -t '$(IMAGE)' .; \
	done; \
	echo "An image is made by docker, podman or buildah, and none of them works here." >&2; exit 1

# What it would have, without any of them.
.PHONY: check-image
check-image: deps
	$(call install_packages,debootstrap)
	@$(MAKE) --no-print-directory all
	@tests/image/run $(BUILD)

.PHONY: check-kubernetes
check-kubernetes: deps
	$(call install_packages,debootstrap $(if $(shell command -v node),,nodejs) $(if $(shell command -v npm),,npm) \
	  $(if $(shell command -v kubectl),,kubernetes-client))
	@$(MAKE) --no-print-directory all
	@tests/kubernetes/run $(BUILD)

# In runlevel 1 packages start no daemons (where systemd runs, munge starts its own, beside the test's).
.PHONY: check-slurm
check-slurm: export RUNLEVEL := 1
check-slurm: deps
	$(call install_packages,slurmctld slurmd slurm-client munge)
	@$(MAKE) --no-print-directory all
	@tests/slurm/run $(BUILD)

.PHONY: run-tests
run-tests: all test-programs
	@tests/run $(BUILD) $(TESTS)

# Undefined behaviour traps: the address sanitizer tells the line and who called (tests/run asks it to). With
# UBSAN_TELLS=1 the undefined sanitizer says what it was as well; its tables and its runtime double the cost of a start.
UBSAN_TELLS ?=
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
  $(if $(UBSAN_TELLS),,-fsanitize-undefined-trap-on-error)

SANITIZED = BUILD=build/sanitize OPTIMISE='-O1 -g -DMT_ASSERTS' SANITIZE='$(SANITIZERS)'

sanitize: deps
	@$(MAKE) --no-print-directory $(SANITIZED) run-tests

sanitize-programs: deps
	@$(MAKE) --no-print-directory $(SANITIZED) all test-programs

# Its signals wait for a call of the system, so that a test which interrupts a loop of Lua's would wait for ever.
THREADED := compression output_ahead scanners unpacking test_sort test_drive_driver drive_page drive_replay drive_mock \
  server_metrics drive_tls live_page

.PHONY: sanitize-threads
sanitize-threads: deps
	@$(MAKE) --no-print-directory BUILD=build/thread OPTIMISE='-O1 -g -DMT_ASSERTS' \
	  SANITIZE='-fsanitize=thread -fno-omit-frame-pointer' TESTS='$(or $(TESTS),$(THREADED))' run-tests

# Fuzzing: the core and the targets of tests/fuzz, built by clang for its libFuzzer.
FUZZ_SECONDS ?= 10
FUZZ         ?=
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))

$(FUZZERS): $(BUILD)/fuzz/%: tests/fuzz/%.c $(CORE_OBJECTS) $(DRIVE_OBJECTS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(FUZZ_OBJECTS) $(CORE_OBJECTS) \
	  $(DRIVE_OBJECTS) $(WHOLE_LIBS) $(DRIVE_LIBS)

# That of Lua's texts has Lua in it; it reads lua/ itself.
LUA_OF_FUZZ := $(BINDING_OBJECTS) $(BUILD)/embedded.o
$(BUILD)/fuzz/texts: FUZZ_OBJECTS := $(LUA_OF_FUZZ) $(LUA_STATIC)
$(BUILD)/fuzz/texts: $(LUA_OF_FUZZ)

fuzz-programs: $(FUZZERS)

fuzz-deps:
	$(call install_packages,$(BUILD_PACKAGES) $(FUZZ_PACKAGES))

fuzz: fuzz-deps
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang OPTIMISE='-O1 -g' \
	  SANITIZE='-DMT_ASSERTS -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' WARNINGS='-Wall -Wextra' fuzz-programs
	@tests/fuzz/run build/fuzz '$(FUZZ_SECONDS)' $(FUZZ)

lint: lint-deps
	@tests/lint $(CORE) $(BINDING) $(EDIT) $(DRIVE) $(DRIVE_BINDING) $(CURL) $(CURL_BINDING) core/main.c core/embed.c

$(PLAIN_BENCHES): $(BUILD)/bench/%: tests/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< -lm $(if $(findstring gzip,$@),-lz)

$(filter-out $(PLAIN_BENCHES) $(BUILD)/bench/driving,$(BENCHES)): $(BUILD)/bench/%: tests/bench/%.c $(CORE_OBJECTS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(CORE_OBJECTS) $(WHOLE_LIBS)

$(BUILD)/bench/driving: tests/bench/driving.c $(CORE_OBJECTS) $(DRIVE_OBJECTS) $(CURL:%.c=$(BUILD)/%.o) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(DRIVE_OBJECTS) $(CURL:%.c=$(BUILD)/%.o) $(CORE_OBJECTS) \
	  $(WHOLE_LIBS) $(CURL_LIBS) $(DRIVE_LIBS)

bench-programs: $(BENCHES) $(BUILD)/tests/terminal

BENCH ?=

bench: deps
	@$(MAKE) --no-print-directory all bench-programs
	@tests/bench/run $(BUILD) $(BENCH)

# A first trace and what it is like; TRACE=path looks at that one instead.
DEMO = $(BUILD)/demo
DEMO_RATE = sine:min=0.2,max=3,period=15m
TRACE ?=

demo: deps
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory $(if $(TRACE),show-trace TRACE='$(TRACE)',run-demo)

.PHONY: run-demo show-trace drive-mock
run-demo:
	@mkdir -p $(DEMO)
	@printf '%s\n' '' 'A load is a script: here people chat, now few, now many.' \
	  '$$ moontide examples/chat.lua --rate $(DEMO_RATE) --duration 30m -o $(DEMO)/chat.jsonl'
	@$(BUILD)/moontide examples/chat.lua --rate $(DEMO_RATE) --duration 30m -o $(DEMO)/chat.jsonl
	@$(MAKE) --no-print-directory show-trace TRACE=$(DEMO)/chat.jsonl
	@printf '%s\n' '' 'A new trace after it, three times as long, and how far it is from the old one (all of it:' \
	  '$(DEMO)/comparison.txt).' \
	  '$$ moontide synthesize $(DEMO)/chat.jsonl --num-requests 3x -o $(DEMO)/longer.jsonl' \
	  '$$ moontide compare $(DEMO)/chat.jsonl $(DEMO)/longer.jsonl'
	@$(BUILD)/moontide synthesize $(DEMO)/chat.jsonl --num-requests 3x -o $(DEMO)/longer.jsonl >/dev/null
	@$(BUILD)/moontide compare $(DEMO)/chat.jsonl $(DEMO)/longer.jsonl >$(DEMO)/comparison.txt
	@sed -n '4,5p; /^Input Length/,/  mean/p; /^Output Length/,/  mean/p; /^Hit Ratio/,/infinite/p; /^Variance/,/ 60 s/p' \
	  $(DEMO)/comparison.txt
	@$(MAKE) --no-print-directory drive-mock
	@printf '%s\n' '' 'The traces are in $(DEMO), the program is $(BUILD)/moontide. What to try next:' \
	  '  $(BUILD)/moontide                          the console: curves, loads and traces to play with' \
	  '  $(BUILD)/moontide help                     what there is' \
	  '  $(BUILD)/moontide burst --peak 80 --plot   see a load before it is made' \
	  '  make demo TRACE=path                    the same look at a trace of yours'

# Fifty seconds of the new trace in ten, to a server of the program's own.
drive-mock:
	@printf '%s\n' '' 'The new trace sent to a server, each request when it is due. This server is a mock: its first token' \
	  'takes 60 ms and a little for each token that is not in its cache, each of the others 3 ms.' \
	  '$$ moontide mock --ttft 60 --prefill-per-token 0.01 --itl 3 --kv-blocks 20000 &' \
	  '$$ moontide replay $(DEMO)/longer.jsonl --url URL --model demo --start 5m --end 5m50s --speed-ratio 5'
	@$(BUILD)/moontide mock --port 0 --ttft 60 --prefill-per-token 0.01 --itl 3 --kv-blocks 20000 2>$(DEMO)/mock.txt & \
	  mock=$$!; trap "kill $$mock" EXIT; \
	  for try in $$(seq 100); do grep -q listening $(DEMO)/mock.txt && break; sleep 0.05; done; \
	  $(BUILD)/moontide replay $(DEMO)/longer.jsonl --url "$$(sed -n 's/.*listening on //p' $(DEMO)/mock.txt)" --model demo \
	    --start 5m --end 5m50s --speed-ratio 5 --accept-invalid

# What impresses of an analysis: the rate, the lengths, and how large a cache wants to be.
show-trace:
	@mkdir -p $(DEMO)
	@printf '\n$$ moontide examples/rate_over_time.lua %s\n' '$(TRACE)'
	@$(BUILD)/moontide examples/rate_over_time.lua '$(TRACE)'
	@printf '\n$$ moontide analyze %s    (all of it: $(DEMO)/analysis.txt)\n' '$(TRACE)'
	@$(BUILD)/moontide analyze '$(TRACE)' >$(DEMO)/analysis.txt
	@sed -n '1,7p; 8{G;p}; /of cache/{G;p}; /^Hit ratio/,/blocks$$/p; s/^The timestamps/\n&/; /The timestamps/,$$p' $(DEMO)/analysis.txt

# --- install --------------------------------------------------------------------------------------

LUA_SHARE := $(DESTDIR)$(PREFIX)/share/lua/5.4
LUA_LIB   := $(DESTDIR)$(PREFIX)/lib/lua/5.4
MAN_PAGES := $(DESTDIR)$(PREFIX)/share/man/man1

# The manual page is what the program says of itself.
install: all
	install -D -m 755 $(BUILD)/moontide $(DESTDIR)$(PREFIX)/bin/moontide
	install -d $(MAN_PAGES)
	env -u MOONTIDE_HOME $(BUILD)/moontide help --man > $(MAN_PAGES)/moontide.1
	chmod 644 $(MAN_PAGES)/moontide.1
	install -d $(LUA_LIB)/moontide
	install -m 755 $(MODULES) $(LUA_LIB)/moontide/
	for module in $(patsubst lua/%,%,$(filter lua/%.lua,$(EMBEDDED))); do \
	  install -D -m 644 lua/$$module $(LUA_SHARE)/$$module || exit 1; done
	install -d $(DESTDIR)$(PREFIX)/share/moontide/examples
	install -m 644 README.md LICENSE $(DESTDIR)$(PREFIX)/share/moontide/
	install -m 644 examples/*.lua examples/*.md $(DESTDIR)$(PREFIX)/share/moontide/examples/
	for folder in kubernetes prometheus slurm testing; do \
	  install -d $(DESTDIR)$(PREFIX)/share/moontide/examples/$$folder && \
	  install -m 644 examples/$$folder/* $(DESTDIR)$(PREFIX)/share/moontide/examples/$$folder/ || exit 1; done

clean:
	rm -rf build
