package org.jobwitness.server;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The layers of the server and who may write what, as docs/architecture.md describes it. */
class HouseTest {
    /** A package may know those in the rows below its own, and none above or beside it. */
    private static final List<List<String>> LAYERS = List.of(List.of("web", "metrics", "ops", "stream"),
            List.of("verdict"), List.of("demo", "scheduler"), List.of("batch"), List.of("manual", "node", "chart"),
            List.of("query"), List.of("sample"), List.of("chunk", "event"), List.of("job"), List.of("access"),
            List.of("http"), List.of("embedded", "json"), List.of("db"));
    private static final Path PLAN = Path.of("../docs/architecture.md");
    private static final Pattern LAYERS_OF_THE_PLAN = Pattern.compile("## The server's layers\\n.*?```text\\n(.*?)```",
            Pattern.DOTALL);
    private static final Path SOURCES = Path.of("src/main/java/org/jobwitness/server");
    private static final Pattern WRITES_A_RUN = Pattern.compile("(insert into|update|delete from)\\s+job\\b");
    private static final Pattern WRITES_AUDIT = Pattern.compile("(insert into|update|delete from)\\s+audit\\b");

    private static final JavaClasses server = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages("org.jobwitness");

    @Test
    void packagesKnowOnlyThoseBelowThem() {
        for (int layer = 0; layer < LAYERS.size(); layer++) {
            for (String name : LAYERS.get(layer)) {
                List<String> forbidden = Stream.concat(
                        LAYERS.subList(0, layer).stream().flatMap(List::stream), LAYERS.get(layer).stream())
                        .filter(other -> !other.equals(name)).map(HouseTest::packageOf).toList();
                noClasses().that().resideInAPackage(packageOf(name)).should().dependOnClassesThat()
                        .resideInAnyPackage(Stream.concat(forbidden.stream(), Stream.of("org.jobwitness.server"))
                                .toArray(String[]::new))
                        .allowEmptyShould(true).check(server);
            }
        }
    }

    private static String packageOf(String name) {
        return "org.jobwitness.server." + name + "..";
    }

    @Test
    void thePlanNamesTheSameLayers() throws IOException {
        Matcher plan = LAYERS_OF_THE_PLAN.matcher(Files.readString(PLAN));
        assertThat(plan.find()).isTrue();
        assertThat(plan.group(1).lines().map(line -> List.of(line.split(" {2,}")[0].split(" · ")))
                .toList()).isEqualTo(LAYERS);
    }

    @Test
    void everyPackageHasItsLayer() throws IOException {
        List<String> known = LAYERS.stream().flatMap(List::stream).toList();
        try (Stream<Path> folders = Files.list(SOURCES).filter(Files::isDirectory)) {
            assertThat(folders.map(folder -> folder.getFileName().toString())).isSubsetOf(known);
        }
    }

    @Test
    void everyPackageSaysWhatItIsForAndIsNullMarked() throws IOException {
        try (Stream<Path> folders = Files.walk(SOURCES).filter(Files::isDirectory)) {
            assertThat(folders).allSatisfy(folder -> assertThat(folder.resolve("package-info.java"))
                    .content().contains("/**", "@NullMarked"));
        }
    }

    @Test
    void thereAreNoCycles() {
        slices().matching("org.jobwitness.server.(*)..").should().beFreeOfCycles().check(server);
    }

    @Test
    void theWireDependsOnNothing() {
        classes().that().resideInAPackage("org.jobwitness.wire..").should().onlyDependOnClassesThat()
                .resideInAnyPackage("org.jobwitness.wire..", "java..", "org.jspecify..").check(server);
    }

    @Test
    void ofOurProgramsTheServerKnowsTheWireOnly() {
        noClasses().that().resideInAPackage("org.jobwitness.server..").should().dependOnClassesThat(
                resideInAPackage("org.jobwitness..").and(not(resideInAPackage("org.jobwitness.server..")))
                        .and(not(resideInAPackage("org.jobwitness.wire.."))))
                .check(server);
    }

    @Test
    void onlyJobTableWritesRuns() throws IOException {
        assertThat(filesWith(WRITES_A_RUN)).containsExactly("JobTable.java");
    }

    @Test
    void onlyAuditTableWritesTheAuditTrail() throws IOException {
        assertThat(filesWith(WRITES_AUDIT)).containsExactly("AuditTable.java");
    }

    private static List<String> filesWith(Pattern sql) throws IOException {
        try (Stream<Path> files = Files.walk(SOURCES).filter(file -> file.toString().endsWith(".java"))) {
            return files.filter(file -> sql.matcher(read(file)).find()).map(file -> file.getFileName().toString())
                    .toList();
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
