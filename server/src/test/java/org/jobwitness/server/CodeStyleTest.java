package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Names of constants and sizes of functions and statements in the main code of all modules, by a simple scan of the sources. */
class CodeStyleTest {
    private static final Path ROOT = Path.of("..");
    private static final int MAX_FUNCTION_LINES = 45;
    /** Text blocks, strings, characters, comments. */
    private static final Pattern IGNORED = Pattern.compile(String.join("|", "\"\"\".*?\"\"\"",
            "\"[^\"\\\\\\n]*+(?:\\\\.[^\"\\\\\\n]*+)*+\"", "'(?:[^'\\\\\\n]|\\\\[^\\n]{1,5})'", "//[^\\n]*",
            "/\\*.*?\\*/"),
            Pattern.DOTALL);
    /** MAX_, MIN_, TIMEOUT, TTL and INTERVAL say the same in the words of the field. */
    private static final Pattern OLD_CONSTANT = Pattern
            .compile("\\b(?:MOST|LONGEST|LEAST|SHORTEST|PATIENCE|SILENCE|STAYS|APART)(?:_[A-Z0-9_]+)?\\b");
    /** Up to the brace that opens its body: name, parameters, exceptions. */
    private static final Pattern FUNCTION = Pattern.compile(
            "^ +(?!.*\\b(?:record|new|return|else|throw|case)\\b)(?:[\\w<>\\[\\].,?&@ ]+ )?(\\w+)\\([^;{}]*\\)\\s*(?:throws [\\w., \\n]+)?\\{",
            Pattern.MULTILINE);
    private static final Set<String> KEYWORDS = Set.of("if", "for", "while", "switch", "catch", "try", "synchronized");
    private static final Pattern TERNARY = Pattern.compile("\\s\\?\\s(?!extends|super)");
    private static final Pattern FOUR_NULLS = Pattern.compile("\\bnull(?:\\s*,\\s*null){3}");

    /** Its constructor is the wiring of the whole server. */
    private static final String WIRING = "Server.Server";
    /** What is still to be changed; nothing may be added. */
    private static final Set<String> ALLOWED = Set.of(
            "DemoCluster.follow", "JobCgroup.read", "JobLifecycle.merge", "MetricsPage.text", "NodeGpus.reading",
            "NodeTable.store", "Run.audited", "SlurmJson.read", "UserSummaries.sums", "Events.?", "Fields.?", "Gpu.?",
            "JobAttributes.?", "JobDetails.?", "JobEvidence.?", "JobTable.?", "JobsEndpoint.?", "Load.?",
            "NextRules.?", "NodeTable.?", "NvidiaSmi.?", "NvmlDevice.?", "OutcomeRules.?", "Reading.?", "RunGpus.?",
            "SampleStore.?", "SeffPage.?", "UseRules.?", "Batches.null", "Check.null", "EndEvidence.null",
            "GpuState.null", "JobAttributes.null", "ManualJobsEndpoint.null", "MigInstances.null", "NodeTable.null",
            "OutcomeRules.null", "Reconciliation.null", "RunGpus.null", "Telling.null", "Timeline.null");
    private static final Set<String> ALLOWED_CONSTANTS = Set.of(
            "AgentConfig.LONGEST_JITTER", "AgentsWaiting.MOST_NAMED", "AgentsWaiting.STAYS", "Amd.PATIENCE",
            "Announcements.LONGEST", "Announcements.MOST", "BatchSpool.MOST_IN_MEMORY_BYTES",
            "Batches.MOST_ROWS_WAITING", "Batches.PATIENCE", "BusyTime.LONGEST_SAMPLE_MICROS", "Charts.MOST_VALUES",
            "Check.PATIENCE_MS", "Check.PATIENCE_WITH_DRIVERS_MS", "ChunkCodec.MOST_DIGITS", "Decimals.MOST_DIGITS",
            "DemoCluster.APART", "DemoCluster.LONGEST_PAUSE", "DemoCluster.PATIENCE_AT_CLOSE", "Events.MOST_CPUS",
            "EventsFolder.MOST", "EvidenceReader.MOST_JOBS_OF_A_DAY", "EvidenceReader.MOST_TASKS",
            "Fields.MOST_WAIT_STATUS", "FiguresTables.LEAST", "FiguresTables.MOST", "Gpu.MOST_MHZ",
            "GpuName.LONGEST_MODEL", "GpuReader.LONGEST_REST", "GpuReader.PATIENCE", "GpuReader.SHORTEST_REST",
            "GpuReading.MOST_JOBS", "HostList.LONGEST_NAME", "HostList.LONGEST_NUMBER", "HostList.MOST",
            "HttpConnection.LONGEST_LINE", "HttpConnection.MOST_HEADERS", "JobCgroup.MOST_KILLS_AT_ONCE",
            "JobCommand.MOST_POINTS", "JobDetails.LONGEST_GPU_NAME", "JobDetails.MOST_ROWS",
            "JobEvidence.LONGEST_NAME", "JobLocks.PATIENCE", "Kfd.MOST_PROCESSES", "Kfd.MOST_QUEUES", "Live.LONGEST",
            "Load.APART", "Log.LONGEST", "MetricsPage.LONGEST_REQUEST", "MetricsPage.PATIENCE_MS",
            "NodeGpus.LONGEST_CAUSE", "NodeGpus.MOST_JOBS", "Nvidia.PATIENCE", "Nvml.MOST_XIDS",
            "NvmlLibrary.LONGEST_TEXT", "NvmlLibrary.MOST_ARGUMENTS", "NvmlLibrary.MOST_PROCESSES",
            "NvmlLibrary.MOST_SAMPLES", "OutcomeRules.MOST_KILLS_TOLD", "Phrases.LONGEST", "Phrases.MOST_NAMES",
            "PollSchedule.LONGEST", "PollSchedule.MOST_DOUBLINGS", "ProcessIo.MOST_PROCESSES",
            "Processes.LONGEST_ENVIRONMENT", "Program.MOST_OUTPUT", "RawSamples.LONGEST", "RawSamples.SHORTEST",
            "Reconciliation.LONGEST_LOOK_BACK", "Reconciliation.MOST_ACCOUNTED", "Reconciliation.MOST_CALLS_FOR_RUNS",
            "Reconciliation.MOST_LOOKED_UP", "Reconciliation.MOST_UNTOLD", "Reconciliation.PATIENCE",
            "RefreshQueue.MOST_OF_A_ROUND", "RefreshQueue.MOST_THAT_WAIT", "ReleaseGpus.MOST_MINUTES",
            "ReleaseGpus.PATIENCE", "RunCache.STAYS", "RunGpus.MOST", "Sampler.MOST_JOBS_OF_A_BATCH",
            "Scene.LONGEST_REQUEUE", "Scopes.MOST_FOLDERS", "Screen.LEAST", "SeriesCodec.LONGEST_QUOTIENT",
            "ServiceChecks.MOST_NAMES", "Shipper.LEAST_BETWEEN_LISTINGS_MS", "Shipper.LONGEST_TOLD_SECONDS",
            "Shipper.MOST_EVENT_FAILURES", "Shipper.MOST_SHOWN", "Shipper.MOST_URGENT", "Shipper.PATIENCE",
            "SlurmState.LONGEST", "Steps.MOST", "Table.LEAST_OF_LAST", "Ticks.APART", "TimeLimited.MOST_BYTES",
            "Timeline.APART", "Timeline.LONGEST_OUTAGE", "Tres.MOST_GPUS_OF_A_NODE", "UnixTransport.MOST_HEADER_BYTES",
            "UseRules.MOST_FACTS");

    private final TreeMap<String, String> code = new TreeMap<>();

    CodeStyleTest() throws IOException {
        try (Stream<Path> modules = Files.list(ROOT)) {
            for (Path sources : modules.map(module -> module.resolve("src/main/java")).filter(Files::isDirectory)
                    .toList()) {
                try (Stream<Path> files = Files.walk(sources)) {
                    files.filter(file -> file.toString().endsWith(".java"))
                            .forEach(file -> code.put(ROOT.relativize(file).toString(), withoutTexts(read(file))));
                }
            }
        }
    }

    @Test
    void constantsAreNamedInTheWordsOfTheField() {
        assertThat(found(text -> matches(OLD_CONSTANT, text).map(MatchResult::group))).isSubsetOf(ALLOWED_CONSTANTS);
    }

    @Test
    void noFunctionIsLong() {
        assertThat(found(CodeStyleTest::longFunctions)).filteredOn(found -> !found.equals(WIRING)).isSubsetOf(ALLOWED);
    }

    @Test
    void noStatementHasThreeTernaries() {
        assertThat(found(text -> Stream.of(text.split("[;{}]")).filter(part -> matches(TERNARY, part).count() > 2)
                .map(_ -> "?"))).isSubsetOf(ALLOWED);
    }

    @Test
    void noCallHasFourNullsInARow() {
        assertThat(found(text -> matches(FOUR_NULLS, text).map(_ -> "null"))).isSubsetOf(ALLOWED);
    }

    /** What is found in a file, each as {@code Class.what}. */
    private Set<String> found(Function<String, Stream<String>> search) {
        return code.entrySet().stream().flatMap(file -> search.apply(file.getValue())
                .map(what -> Path.of(file.getKey()).getFileName().toString().replace(".java", "." + what)))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Stream<String> longFunctions(String text) {
        return matches(FUNCTION, text).filter(function -> !KEYWORDS.contains(function.group(1)))
                .filter(function -> lines(text, function.start(),
                        endOfBlock(text, function.end())) > MAX_FUNCTION_LINES)
                .map(function -> function.group(1));
    }

    private static int endOfBlock(String text, int afterBrace) {
        int depth = 1;
        int at = afterBrace;
        for (; depth > 0; at++) {
            depth += switch (text.charAt(at)) {
                case '{' -> 1;
                case '}' -> -1;
                default -> 0;
            };
        }
        return at;
    }

    private static long lines(String text, int from, int to) {
        return text.substring(from, to).lines().count();
    }

    private static Stream<MatchResult> matches(Pattern pattern, String text) {
        return pattern.matcher(text).results();
    }

    /** With blanks in place of comments and literals, so that lines stay. */
    private static String withoutTexts(String source) {
        return IGNORED.matcher(source)
                .replaceAll(match -> Matcher.quoteReplacement(match.group().replaceAll("[^\\n]", " ")));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
