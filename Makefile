# What a person types. Each target works alone, in a fresh clone.
MVN ?= mvn
MVN_FLAGS ?= -B -q
DEMO_DIR ?= data/demo
DEMO_PORT ?= 8080

.DEFAULT_GOAL := help
.PHONY: help build demo verify format clean

SOURCES = $(shell find pom.xml wire server -name target -prune -o -type f -print 2>/dev/null)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: dist/bin/jobwitness-server ## builds dist/bin/jobwitness-server

dist/bin/jobwitness-server: $(SOURCES)
	$(MVN) $(MVN_FLAGS) -pl wire,server -DskipTests package
	rm -rf dist/lib/server && mkdir -p dist/bin dist/lib/server
	cp server/target/lib/*.jar server/target/jobwitness-server-*.jar dist/lib/server/
	install -m 755 server/src/launcher/jobwitness-server $@

format: ## formats the Java sources
	$(MVN) $(MVN_FLAGS) spotless:apply

clean: ## removes what was built
	$(MVN) $(MVN_FLAGS) clean
	rm -rf dist
