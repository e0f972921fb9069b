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
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The layers of the server, and who may write and read which table, as docs/architecture.md describes it. */
class HouseTest {
    /** A package may use those in the rows below its own, and none above it or in its row. */
    private static final List<List<String>> LAYERS = List.of(
            List.of("page", "web", "metrics", "ops", "stream", "backup", "privacy"),
            List.of("notice"), List.of("report"), List.of("verdict"), List.of("demo", "scheduler"), List.of("batch"),
            List.of("manual", "node", "chart"),
            List.of("query"), List.of("sample"), List.of("chunk", "event"), List.of("job"), List.of("access"),
            List.of("http"), List.of("embedded", "json", "hosts"), List.of("db"));
    private static final Path PLAN = Path.of("../docs/architecture.md");
    private static final Pattern LAYERS_OF_THE_PLAN = Pattern.compile("## The server's layers\\n.*?```text\\n(.*?)```",
            Pattern.DOTALL);
    private static final Path SOURCES = Path.of("src/main/java/org/jobwitness/server");
    private static final Path TABLES = Path.of("src/main/resources/db/V001__tables.sql");
    private static final Pattern TABLE = Pattern
            .compile("(?m)^create (?:table|view) (\\w+)|^create function (\\w+)\\(.*\\) returns setof");
    private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\n]*", Pattern.DOTALL);
    private static final Pattern LITERAL = Pattern.compile("\"{3}(.*?)\"{3}|\"((?:[^\"\\\\\n]|\\\\.)*)\"",
            Pattern.DOTALL);
    private static final Pattern IN_SQL = Pattern
            .compile("\\b(insert into|update|delete from|truncate|from|join)\\s+(\\w+)\\b");
    /** SQL that goes on with the name of a table, which is a literal of its own then. */
    private static final Pattern OPEN_END = Pattern.compile("\\b(insert into|update|delete from|truncate|from|join) $");
    /** A table with its columns, for COPY. */
    private static final Pattern COLUMNS = Pattern.compile("^(\\w+) \\(");
    private static final Set<String> WRITING = Set.of("insert into", "update", "delete from", "truncate");
    /**
     * Of each table and view the classes that write it, and the packages that name it in SQL, with those of the classes. Names
     * that are put together at run time are not seen: {@code sample.FiguresTables} and {@code sample.SampleBuffer} have such.
     */
    private static final Map<String, Access> SQL = Map.ofEntries(
            table("job", "job.RunTable job.JobDeletion job.RunErasure",
                    "job privacy node query report sample scheduler verdict"),
            table("job_node", "job.RunTable job.RunErasure", "privacy job node query report sample scheduler verdict"),
            table("job_deleted", "job.JobDeletion", "job query report"),
            table("audit", "job.AuditTable job.RunErasure", "job privacy"),
            table("job_use", "", "query verdict"), table("current_job", "", "node query sample verdict"),
            table("job_figures", "job.RunTable sample.FiguresTables", "job node report sample chart scheduler privacy"),
            table("job_gpu_figures", "sample.LateXids", "privacy sample chart query report"),
            table("oom_kill", "sample.OomKillTable", "sample query privacy"),
            table("sample_buffer", "sample.SampleBuffer", "sample"), table("sample_buffer_0", "", ""),
            table("sample_buffer_1", "", ""), table("buffered_sample", "", "sample"),
            table("chunk", "sample.ChunkTable", "sample"), table("figure", "sample.FigureTable", "sample"),
            table("history_hour", "", ""),
            table("agent_batches", "batch.AgentBatches", "batch"), table("node", "node.NodeTable", "node"),
            table("node_event", "node.NodeEventTable", "node"), table("gpu_error", "node.GpuErrorTable", "node"),
            table("ended_run", "job.EndedRuns", "job report"),
            table("report_owner", "report.DaySums report.OwnerErasure", "report privacy"),
            table("report_day", "report.DaySums report.OwnerErasure", "report privacy"),
            table("report_month", "report.DaySums", "report"),
            table("report_day_of_runs", "", ""), table("report_day_of_nodes", "", ""),
            table("report_fact", "report.DaySums report.OwnerErasure", "report"),
            table("retention_clock", "ops.RetentionClock", "ops"),
            table("notice", "notice.NoticeTable notice.NoticeErasure", "notice"),
            table("notice_message", "notice.NoticeTable notice.NoticeErasure", "notice privacy"),
            table("notice_refusal", "notice.NoticeTable notice.NoticeErasure", "notice privacy"),
            table("agent_queue", "batch.AgentQueueTable", "batch"),
            table("scheduler_contact", "scheduler.ContactTable", "scheduler"),
            table("coordinator", "access.Coordinators access.PersonalData", "access privacy"),
            table("session", "access.Sessions access.PersonalData", "access privacy"),
            table("sign_in_nonce", "access.SignInByMunge access.PersonalData", "access privacy"),
            table("sign_in_code", "access.SignInCodes access.PersonalData", "access privacy"),
            table("access_event", "access.AccessEvents access.PersonalData", "access privacy"),
            table("demo", "demo.DemoTable", "demo"));

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
                .resideInAnyPackage("org.jobwitness.wire..", "java..", "javax.net.ssl..", "org.jspecify..")
                .check(server);
    }

    @Test
    void ofOurProgramsTheServerKnowsTheWireOnly() {
        noClasses().that().resideInAPackage("org.jobwitness.server..").should().dependOnClassesThat(
                resideInAPackage("org.jobwitness..").and(not(resideInAPackage("org.jobwitness.server..")))
                        .and(not(resideInAPackage("org.jobwitness.wire.."))))
                .check(server);
    }

    /** Who writes a table, and who names it in SQL. */
    private record Access(Set<String> writers, Set<String> packages) {
    }

    private static Map.Entry<String, Access> table(String name, String writers, String packages) {
        return Map.entry(name, new Access(words(writers), words(packages)));
    }

    private static Set<String> words(String text) {
        return text.isEmpty() ? Set.of() : Set.of(text.split(" "));
    }

    @Test
    void everyTableHasItsWritersAndReaders() throws IOException {
        assertThat(TABLE.matcher(Files.readString(TABLES)).results()
                .map(table -> table.group(1) == null ? table.group(2) : table.group(1)))
                .containsExactlyInAnyOrderElementsOf(SQL.keySet());
    }

    @Test
    void tablesAreWrittenAndNamedInSqlOnlyWhereTheMapSaysSo() throws IOException {
        Map<String, Access> found = new TreeMap<>();
        SQL.keySet().forEach(table -> found.put(table, new Access(new TreeSet<>(), new TreeSet<>())));
        try (Stream<Path> files = Files.walk(SOURCES).filter(file -> file.toString().endsWith(".java"))) {
            files.forEach(file -> addAccess(file, found));
        }
        assertThat(found).containsExactlyInAnyOrderEntriesOf(SQL);
    }

    private static void addAccess(Path file, Map<String, Access> found) {
        String name = SOURCES.relativize(file).toString().replace(".java", "").replace('/', '.');
        String folder = name.substring(0, Math.max(0, name.indexOf('.')));
        List<String> literals = LITERAL.matcher(COMMENT.matcher(read(file)).replaceAll("")).results()
                .map(literal -> literal.group(1) == null ? literal.group(2) : literal.group(1)).toList();
        Set<String> openEnds = literals.stream().map(text -> OPEN_END.matcher(text)).filter(Matcher::find)
                .map(end -> end.group(1)).collect(Collectors.toSet());
        for (String text : literals) {
            IN_SQL.matcher(text).results().forEach(sql -> add(found, sql.group(2), folder, name,
                    WRITING.contains(sql.group(1))));
            Matcher columns = COLUMNS.matcher(text);
            if (columns.find()) {
                add(found, columns.group(1), folder, name, true);
            } else if (text.contains("_") && !openEnds.isEmpty()) {
                add(found, text, folder, name, !Collections.disjoint(openEnds, WRITING));
            }
        }
    }

    private static void add(Map<String, Access> found, String table, String folder, String name, boolean writes) {
        if (found.containsKey(table)) {
            found.get(table).packages().add(folder);
            if (writes) {
                found.get(table).writers().add(name);
            }
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
