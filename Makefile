# The commands for people. Each target works alone, in a fresh clone.
MVN ?= mvn
MVN_FLAGS ?= -B
# Tests are not compiled, either. The profile of cli/pom.xml looks at skipTests.
BUILD = deploy/launcher/maven $(MVN) $(MVN_FLAGS) -DskipTests -Dmaven.test.skip
DEMO_DIR ?= data/demo
DEMO_PORT ?= 8080
# Debian's releases with Slurm 22.05, 24.11 and 26.05.
SUITES ?= bookworm trixie sid

.DEFAULT_GOAL := help
.PHONY: help build agent cli package sbom demo verify verify-all e2e e2e-agent e2e-packages bench bench-load bench-pages bench-agent bench-build soak soak-agent soak-http soak-server soak-build format clean
# Two Maven runs at once would both build wire.
.NOTPARALLEL:

sources = $(shell find pom.xml wire $(1) deploy/launcher -name target -prune -o -type f -print 2>/dev/null)

help: ## lists these targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: dist/bin/jobwitness-server agent cli ## builds dist/bin/jobwitness-server, jobwitness-agent and jobwitness

dist/bin/jobwitness-server: $(call sources,server)
	@deploy/launcher/find-java --jdk >/dev/null
	@rm -rf server/target/lib server/target/*.jar
	@echo "The server"
	@$(BUILD) -pl wire,server package
	@rm -rf dist/lib/jobwitness && mkdir -p dist/bin dist/lib/jobwitness
	@cp server/target/lib/*.jar server/target/jobwitness-server-*.jar dist/lib/jobwitness/
	@install -m 755 deploy/launcher/find-java dist/lib/
	@install -m 755 deploy/launcher/jobwitness-server dist/bin/

agent: dist/bin/jobwitness-agent ## builds dist/agent, the folder for the compute nodes, with its own Java

dist/bin/jobwitness-agent: $(call sources,agent)
	@deploy/launcher/find-java --jdk >/dev/null
	@rm -f wire/target/*.jar agent/target/*.jar
	@echo "The agent"
	@$(BUILD) -pl wire,agent package
	@echo "  its own Java"
	@deploy/launcher/build-agent dist/agent agent/target/jobwitness-agent-*.jar wire/target/jobwitness-wire-*.jar
	@mkdir -p dist/bin
	@ln -sf ../agent/bin/jobwitness-agent dist/bin/jobwitness-agent

cli: dist/bin/jobwitness ## builds dist/cli, the folder with the command jobwitness, with its own Java

dist/bin/jobwitness: $(call sources,cli) deploy/man/jobwitness.1
	@deploy/launcher/find-java --jdk >/dev/null
	@rm -rf wire/target/*.jar cli/target/*.jar cli/target/lib
	@echo "The command jobwitness"
	@$(BUILD) -pl wire,cli package
	@echo "  its own Java"
	@deploy/launcher/build-cli dist/cli cli/target/jobwitness-cli-*.jar cli/target/lib cli/src/test/resources/responses
	@mkdir -p dist/bin
	@ln -sf ../cli/bin/jobwitness dist/bin/jobwitness

package: dist/bin/jobwitness-server dist/bin/jobwitness-agent dist/bin/jobwitness sbom ## builds .deb and .rpm of server, agent and command in dist/packages
	deploy/package/build

# The plugin refuses to run offline, though it downloads nothing once Maven's local repository has what it needs.
sbom: dist/sbom/jobwitness-server.cdx.json ## lists the jars of server, agent and command as CycloneDX in dist/sbom

dist/sbom/jobwitness-server.cdx.json: pom.xml wire/pom.xml agent/pom.xml server/pom.xml cli/pom.xml
	@echo "The lists of their jars"
	@$(filter-out -o --offline,$(BUILD)) -pl wire,agent,server,cli compile org.cyclonedx:cyclonedx-maven-plugin:makeBom
	@mkdir -p dist/sbom
	@cp agent/target/*.cdx.json server/target/*.cdx.json cli/target/*.cdx.json dist/sbom/

demo: dist/bin/jobwitness-server dist/bin/jobwitness $(shell deploy/demo/has-jobs && echo agent) ## runs a server with a simulated cluster on 127.0.0.1:8080, until Ctrl-C
	@exec deploy/demo/run $(DEMO_DIR) $(DEMO_PORT)

verify: ## runs the tests, without those that take long (as root it installs the Debian packages that they need)
	@deploy/launcher/find-java --jdk >/dev/null
	@deploy/test/install-tools
	@rm -rf */target/surefire-reports
	@umask 022; $(MVN) -B verify $(VERIFY_FLAGS); status=$$?; deploy/test/report && exit $$status

verify-all: ## runs all tests, before a release: every kill, broken statement and fuzz, and PostgreSQL 14 throughout
	@$(MAKE) --no-print-directory verify VERIFY_FLAGS=-Dtests.excluded=none

e2e: dist/bin/jobwitness-server dist/bin/jobwitness-agent dist/bin/jobwitness ## runs jobs on each real Slurm in a virtual machine, and updates docs/compatibility.md; needs root the first time
	for suite in $(SUITES); do e2e/slurm --suite=$$suite || exit; done

e2e-agent: dist/bin/jobwitness-server dist/bin/jobwitness-agent ## runs the agent on a real Slurm in a virtual machine; needs root the first time
	e2e/agent

e2e-packages: package ## installs, upgrades and removes the packages in the same virtual machine
	e2e/packages

JAVA = $$(dist/lib/find-java) -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED \
	-Djava.util.logging.manager=org.jobwitness.server.LogFormat
BENCH = $(JAVA) -cp "bench/target/classes:$$(cat bench/target/classpath)" org.jobwitness.bench
SOAK = $(JAVA) -cp "soak/target/classes:$$(cat soak/target/classpath)" org.jobwitness.soak

bench: bench-build ## measures the server and its parts; 15 minutes
	$(BENCH).EventBench dist/bin/jobwitness-server
	JAVA_OPTS=-Xmx64m $(BENCH).MetricsBench dist/bin/jobwitness-server
	$(BENCH).VerdictBench dist/bin/jobwitness-server
	$(BENCH).ReportBench dist/bin/jobwitness-server
	$(BENCH).ScopeBench dist/bin/jobwitness-server
	$(BENCH).ChunkBench
	$(BENCH).LoadBench dist/bin/jobwitness-server all

bench-load: bench-build ## runs one measurement: MODE="rate nodes=1000 seconds=30"; without MODE it lists them
	$(BENCH).LoadBench dist/bin/jobwitness-server $(MODE)

bench-pages: ## measures the pages in Chromium; 5 minutes
	$(MVN) $(MVN_FLAGS) -q -pl wire,server test-compile dependency:build-classpath -Dmdep.outputFile=target/classpath
	cd server && $$(../deploy/launcher/find-java) -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED \
		-cp "target/test-classes:target/classes:$$(cat target/classpath)" org.jobwitness.server.PageBench

bench-agent: dist/bin/jobwitness-agent ## measures what the agent costs a node; 15 minutes
	bench/agent-cost

bench-build: dist/bin/jobwitness-server
	$(MVN) $(MVN_FLAGS) -q -pl wire,server,bench -DskipTests package dependency:build-classpath -Dmdep.outputFile=target/classpath

soak: ## kills server and PostgreSQL under load (100 rounds of events, 500 of batches), sends 200,000 fuzzed requests, and what soak-server does
	$(MVN) -B -pl wire,server test -Dtest=ServerFailureTest,OpenApiFuzzTest -Dtests.excluded=none -Dsurefire.failIfNoSpecifiedTests=false \
		-Djobwitness.kill.rounds=100 -Djobwitness.fuzz.requests=200000 -Djobwitness.fuzz.seed=$$(date +%s)
	$(MVN) -B -pl wire,server test -Dtest=BatchFailureTest -Dtests.excluded=none -Dsurefire.failIfNoSpecifiedTests=false \
		-Djobwitness.kill.rounds=500 -Djobwitness.kill.seed=$$(date +%s)
	$(MAKE) --no-print-directory soak-server

soak-agent: soak-build ## runs the agent under all faults, and prints a table; FAULTS="only=agent kills=500", see AgentSoak; as root
	$(SOAK).AgentSoak dist/bin/jobwitness-server dist/bin/jobwitness-agent $(FAULTS)

soak-http: soak-build ## holds 19,000 unfinished requests against a server with 1 GB of heap, in three mixes; 7 minutes
	JAVA_OPTS=-Xmx1g $(SOAK).HttpSoak dist/bin/jobwitness-server $(HTTP)

soak-server: soak-build ## cuts the power, lets the clock jump, silences PostgreSQL; FAULTS="only=power cuts=100"; needs a C compiler
	$(SOAK).ServerSoak dist/bin/jobwitness-server $(FAULTS)

soak-build: dist/bin/jobwitness-server dist/bin/jobwitness-agent
	$(MVN) $(MVN_FLAGS) -q -pl wire,agent,server,soak -DskipTests package dependency:build-classpath -Dmdep.outputFile=target/classpath

format: ## formats the Java sources
	$(MVN) $(MVN_FLAGS) -q spotless:apply

clean: ## removes what was built, but not the virtual machine
	$(MVN) $(MVN_FLAGS) -q clean
	rm -rf dist
