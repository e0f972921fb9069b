package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What others made, and we pass on: deploy/package/components lists it, with its licences. */
class SupplyTest {
    private static final Path ROOT = Path.of("..");
    private static final Path COMPONENTS = ROOT.resolve("deploy/package/components");
    private static final Pattern LICENSE = Pattern.compile("<license>.*?<name>(.*?)</name>", Pattern.DOTALL);
    private static final Pattern MODULE = Pattern.compile("<module>(.*?)</module>");
    private static final Pattern PARENT = Pattern.compile("<parent>(.*?)</parent>", Pattern.DOTALL);
    private static final Set<String> ALLOWED = Set.of("Apache-2.0", "MIT", "ISC", "0BSD", "BSD-2-Clause",
            "BSD-3-Clause",
            "PostgreSQL", "EPL-2.0", "GPL-2.0-only WITH Classpath-exception-2.0");
    /** Of the names that poms give them; what is not here is an SPDX name already. */
    private static final Map<String, String> SPDX = Map.of("The Apache Software License, Version 2.0", "Apache-2.0",
            "The Apache License, Version 2.0", "Apache-2.0", "Apache License, Version 2.0", "Apache-2.0",
            "Apache License 2.0", "Apache-2.0", "Eclipse Public License - Version 2.0", "EPL-2.0",
            "Apache Software License - Version 2.0", "Apache-2.0", "EPL 2.0", "EPL-2.0", "GPL2 w/ CPE",
            "GPL-2.0-only WITH Classpath-exception-2.0", "The Apache Software License, version 2.0", "Apache-2.0");

    /** A new one is noticed, and asked for its reason and licence; so is one that is not needed any more. */
    @Test
    void theServerHasTheJarsOfTheListAndNoOthers() throws IOException {
        assertThat(shipped().keySet()).containsExactlyInAnyOrderElementsOf(components().keySet());
    }

    @Test
    void everyLicenceIsAllowedAndAsThePomSays() throws IOException {
        Map<String, String> components = components();
        for (Map.Entry<String, Path> jar : shipped().entrySet()) {
            Set<String> licences = Set.of(components.getOrDefault(jar.getKey(), "none").split(" OR "));
            assertThat(ALLOWED).as(jar.getKey()).containsAll(licences);
            assertThat(licencesOf(pomOf(jar.getValue()))).as(jar.getKey()).isEqualTo(licences);
        }
    }

    @Test
    void onlyTheRootHasVersions() throws IOException {
        for (String module : all(MODULE, Files.readString(ROOT.resolve("pom.xml")))) {
            String pom = PARENT.matcher(Files.readString(ROOT.resolve(module).resolve("pom.xml"))).replaceAll("");
            assertThat(pom).as(module).doesNotContainPattern("<version>(?!\\$\\{)")
                    .doesNotContainPattern("<[\\w.-]+\\.version>");
        }
    }

    /** Group and artifact, and its licences. */
    private static Map<String, String> components() throws IOException {
        try (Stream<String> lines = Files.lines(COMPONENTS)) {
            return lines.filter(line -> !line.isEmpty() && !line.startsWith("#")).map(line -> line.split(" +", 2))
                    .collect(Collectors.toMap(line -> line[0], line -> line[1]));
        }
    }

    /** Group and artifact, and the jar in Maven's local repository: GROUP/ARTIFACT/VERSION/ARTIFACT-VERSION.jar. */
    private static Map<String, Path> shipped() throws IOException {
        Map<String, Path> shipped = new TreeMap<>();
        for (String jar : Files.readString(Path.of("target/shipped")).trim().split(":")) {
            Path path = Path.of(jar);
            if (jar.contains("/wire/") || jar.contains("/jobwitness-wire")) {
                continue;
            }
            String pom = Files.readString(pomOf(path));
            String artifact = path.getParent().getParent().getFileName().toString();
            shipped.put(group(pom) + ":" + artifact, path);
        }
        return shipped;
    }

    private static Path pomOf(Path jar) {
        return jar.resolveSibling(jar.getFileName().toString().replaceFirst("\\.jar$", ".pom"));
    }

    private static String group(String pom) {
        String own = PARENT.matcher(pom).replaceAll("").replaceFirst("(?s)<(dependenc|build|profile).*", "");
        return element("groupId", own).or(() -> element("groupId", pom)).orElseThrow();
    }

    private static Optional<String> element(String name, String pom) {
        Matcher matcher = Pattern.compile("<" + name + ">(.*?)</" + name + ">").matcher(pom);
        return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
    }

    /** Its own, or those of the nearest parent that names some. */
    private static Set<String> licencesOf(Path file) throws IOException {
        String pom = Files.readString(file).replaceAll("(?s)<!--.*?-->", "");
        Set<String> names = all(LICENSE, pom).stream().map(name -> SPDX.getOrDefault(name, name))
                .collect(Collectors.toSet());
        Matcher parent = PARENT.matcher(pom);
        if (!names.isEmpty() || !parent.find()) {
            return names;
        }
        String artifact = element("artifactId", parent.group(1)).orElseThrow();
        String version = element("version", parent.group(1)).orElseThrow();
        String group = element("groupId", parent.group(1)).orElseThrow().replace('.', '/');
        return licencesOf(repository(file, pom).resolve(group).resolve(artifact).resolve(version)
                .resolve(artifact + "-" + version + ".pom"));
    }

    private static Path repository(Path file, String pom) {
        long up = 3 + Arrays.stream(group(pom).split("\\.")).count();
        return Stream.iterate(file, Path::getParent).skip(up).findFirst().orElseThrow();
    }

    /** The first group of each match. */
    private static Set<String> all(Pattern pattern, String text) {
        return pattern.matcher(text).results().map(found -> found.group(1).trim()).collect(Collectors.toSet());
    }
}
