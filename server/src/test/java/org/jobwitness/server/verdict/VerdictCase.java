package org.jobwitness.server.verdict;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jobwitness.server.node.NodeEventTable;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Verdict.OtherRun;
import org.jspecify.annotations.Nullable;

/**
 * One case of a case file: evidence, and what must be made of it. src/test/resources/verdict/README.md tells the form.
 *
 * @param line where in the file it begins
 * @param expected the lines of the verdict that must be there, in the form of {@link VerdictLines}
 */
record VerdictCase(String name, int line, RunEvidence evidence, Thresholds thresholds, List<String> expected) {

    VerdictCase {
        expected = List.copyOf(expected);
    }

    /** The cases of a file, in its order; what is wrong names its line. */
    static List<VerdictCase> parse(String file, List<String> lines) {
        List<VerdictCase> cases = new ArrayList<>();
        Builder builder = null;
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            try {
                if (line.startsWith("case: ")) {
                    if (builder != null) {
                        cases.add(builder.build());
                    }
                    builder = new Builder(line.substring("case: ".length()), i + 1);
                } else if (!line.isEmpty() && !line.startsWith("#")) {
                    if (builder == null) {
                        throw new IllegalArgumentException("a file begins with case: NAME");
                    }
                    builder.add(line);
                }
            } catch (RuntimeException e) {
                throw new IllegalArgumentException(file + " line " + (i + 1) + ": " + e.getMessage(), e);
            }
        }
        try {
            if (builder == null) {
                throw new IllegalArgumentException("no case");
            }
            cases.add(builder.build());
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
        }
        return cases;
    }

    private static final class Builder {
        private final String name;
        private final int line;
        private final List<RunEvidence.NodeUsage> nodes = new ArrayList<>();
        private final List<RunEvidence.GpuUsage> gpus = new ArrayList<>();
        private final List<JobOomKill> kills = new ArrayList<>();
        private final List<RunEvidence.Task> tasks = new ArrayList<>();
        private final List<String> expected = new ArrayList<>();
        private final List<NodeEventTable.Event> events = new ArrayList<>();
        private RunEvidence.@Nullable Run run;
        private Instant now = Words.NOON;
        private RunEvidence.ReportedEnd reported = reported(new Words(""));
        private Thresholds thresholds = Thresholds.USUAL;
        private final List<OtherRun> otherRuns = new ArrayList<>();
        private int shortJobs;
        private double largestNode = Double.NaN;

        Builder(String name, int line) {
            this.name = name;
            this.line = line;
        }

        void add(String text) {
            String[] parts = text.split(" +", 2);
            String rest = parts.length == 1 ? "" : parts[1];
            switch (parts[0]) {
                case "job" -> job(new Words(rest));
                case "reported" -> reported = reported(new Words(rest));
                case "node" -> nodes.add(node(new Words("node=" + rest)));
                case "gpu" -> gpus.add(gpu(new Words("gpu=" + rest)));
                case "kill" -> kills.add(kill(new Words(rest)));
                case "task" -> tasks.add(task(new Words(rest)));
                case "other_run" -> otherRuns.add(otherRun(new Words(rest)));
                case "event" -> events.add(event(new Words("node=" + rest)));
                case "short_jobs" -> shortJobs = Integer.parseInt(rest);
                case "thresholds" -> thresholds = thresholds(new Words(rest));
                default -> {
                    if (!parts[0].endsWith(":")) {
                        throw new IllegalArgumentException("not understood: " + parts[0]);
                    }
                    expected.add(text);
                }
            }
        }

        VerdictCase build() {
            return new VerdictCase(name, line,
                    new RunEvidence(now, known(), reported, nodes, gpus, kills, tasks, shortJobs, otherRuns,
                            largestNode, events),
                    thresholds, expected);
        }

        private RunEvidence.Run known() {
            if (run == null) {
                throw new IllegalArgumentException("the first line of a case begins with job");
            }
            return run;
        }

        private void job(Words w) {
            run = run(w);
            largestNode = w.bytes("largest_node");
            now = w.time("now", run.end() == null ? Words.NOON : run.end().plus(Duration.ofHours(1)));
            w.end();
        }

        private static RunEvidence.Run run(Words w) {
            return new RunEvidence.Run(w.text("id", "7"), 1, "c1", w.text("user", "alice"), w.textOrNull("name"),
                    List.of(w.text("nodes", "n1").split(",")), w.constant("state", JobState.class, JobState.COMPLETED),
                    w.constant("reason", Reason.class, null), w.flag("confirmed"), w.time("submit", null),
                    w.time("start", null), w.time("end", null), w.time("deadline", null), w.seconds("limit"),
                    w.seconds("suspended"), w.number("cpus"), w.bytes("memory") / (1 << 20), w.number("gpus"),
                    w.textOrNull("array"), terms(w), w.textOrNull("partition"), w.textOrNull("account"));
        }

        private static RunEvidence.Terms terms(Words w) {
            double perCpu = w.bytes("mem_per_cpu");
            double perNode = w.bytes("mem");
            double asked = w.bytes("asked_memory");
            return new RunEvidence.Terms(w.number("asked_cpus", 0), Double.isNaN(asked) ? 0 : asked / (1 << 20),
                    w.number("asked_gpus"), (int) w.number("tasks", 0),
                    (int) w.number("cpus_per_task", 0), Double.isNaN(perCpu) ? 0 : (long) perCpu >> 20,
                    Double.isNaN(perNode) ? 0 : (long) perNode >> 20, w.is("mem_per_gpu"), w.is("cpus_per_gpu"),
                    w.is("exclusive"),
                    GpuRequest.of(w.textOrNull("tres_per_job"), w.textOrNull("tres_per_node"),
                            w.textOrNull("tres_per_socket"), w.textOrNull("tres_per_task")));
        }

        private static RunEvidence.ReportedEnd reported(Words w) {
            String[] exit = w.text("exit", "").split(":");
            boolean hasExit = exit.length == 2;
            RunEvidence.ReportedEnd reported = new RunEvidence.ReportedEnd(w.textOrNull("raw_state"),
                    w.textOrNull("state_reason"), w.textOrNull("description"),
                    w.textOrNull("raw_state") != null && !w.is("not_final"),
                    w.constant("final_state", JobState.class, null), hasExit ? Integer.valueOf(exit[0]) : null,
                    hasExit ? Integer.valueOf(exit[1]) : null,
                    w.textOrNull("derived") instanceof String derived ? Integer.valueOf(derived) : null,
                    w.textOrNull("failed_node"), w.textOrNull("cancelled_by"), !w.is("no_prolog"),
                    !w.is("no_epilog"), w.is("requeued"), w.is("replaced"), w.is("oom_counted"),
                    w.is("no_batch") ? Boolean.FALSE : null);
            w.end();
            return reported;
        }

        private static NodeEventTable.Event event(Words w) {
            NodeEventTable.Event event = new NodeEventTable.Event(w.text("node", ""), w.time("at", null),
                    w.constant("kind", NodeEventTable.Kind.class, null), w.textOrNull("reason"));
            w.end();
            return event;
        }

        private RunEvidence.NodeUsage node(Words w) {
            Instant start = known().start();
            Instant last = w.time("last", known().end() == null ? now : known().end());
            double seconds = start == null ? Double.NaN : Duration.between(start, last).toSeconds();
            String name = w.text("node", "");
            long samples = (long) w.number("samples", 100);
            double covered = w.seconds("covered");
            RunEvidence.NodeUsage node = new RunEvidence.NodeUsage(name.equals("-") ? "" : name, w.number("cpus"),
                    samples, Double.isNaN(covered) ? seconds : covered, w.seconds("suspended"), w.is("is_suspended"),
                    samples == 0 ? null : last, w.number("cpu"),
                    w.number("cpu_max", w.peek("cpu")), w.number("cpu_last"), w.bytes("peak"), w.bytes("limit"),
                    w.textOrNull("min_limit") == null ? w.bytes("limit") : w.bytes("min_limit"), needed(w), files(w),
                    w.bytes("swap"), w.seconds("throttled"),
                    w.seconds("memory_stall"), w.seconds("io_stall"), w.number("oom_kills"), w.number("oom"));
            w.end();
            return node;
        }

        private static double files(Words w) {
            double files = w.bytes("file");
            return Double.isNaN(files) ? w.bytes("peak") - needed(w) : files;
        }

        private static double needed(Words w) {
            double shared = w.bytes("shared");
            double swap = w.bytes("swap");
            return w.bytes("anon") + (Double.isNaN(shared) ? 0 : shared) + (Double.isNaN(swap) ? 0 : swap);
        }

        private static List<Integer> xids(String list) {
            return Stream.of(list.split(",")).filter(xid -> !xid.isEmpty()).map(Integer::valueOf).toList();
        }

        private static RunUse.Faults faults(Words w) {
            List<Integer> xids = xids(w.text("xids", ""));
            List<Integer> possible = xids(w.text("possible_xids", ""));
            String slowedBy = w.text("slowed_by", "");
            return new RunUse.Faults(xids, possible, w.number("ecc"), (long) w.number("slowed", 0),
                    slowedBy.isEmpty() ? List.of() : List.of(slowedBy.split(",")));
        }

        private RunEvidence.GpuUsage gpu(Words w) {
            String[] where = w.text("gpu", "").split("/");
            Instant start = known().start() == null ? now : known().start();
            RunEvidence.GpuUsage gpu = new RunEvidence.GpuUsage(where[0], where[1],
                    Double.isNaN(w.peek("minor")) ? null : Integer.valueOf((int) w.number("minor")),
                    w.textOrNull("model"),
                    w.constant("hold", GpuHold.class, GpuHold.ALONE), w.time("held_from", start),
                    (long) w.number("samples", 100), w.number("use"), w.number("max", w.peek("use")),
                    w.time("last_used", null), w.time("last", null), w.number("processes"),
                    faults(w));
            w.end();
            return gpu;
        }

        private static JobOomKill kill(Words w) {
            double limit = w.bytes("limit");
            JobOomKill kill = new JobOomKill(w.time("at", Words.NOON), w.text("node", "n1"), w.textOrNull("step"),
                    (int) w.number("killed", 1), Double.isNaN(limit) ? null : Long.valueOf((long) limit),
                    w.constant("cause", OomCause.class, OomCause.LIMIT));
            w.end();
            return kill;
        }

        private static OtherRun otherRun(Words w) {
            OtherRun run = new OtherRun((long) w.number("run", 2), w.is("later"),
                    w.constant("state", JobState.class, JobState.CANCELLED), w.constant("reason", Reason.class, null),
                    w.time("start", null), w.time("end", null));
            w.end();
            return run;
        }

        private static RunEvidence.Task task(Words w) {
            RunEvidence.Task task = new RunEvidence.Task(w.constant("state", JobState.class, JobState.COMPLETED),
                    w.constant("reason", Reason.class, null), !w.is("unconfirmed"), (int) w.number("nodes", 1),
                    w.seconds("took"), w.seconds("limit"), w.bytes("peak"), w.bytes("memory"), w.bytes("anon"),
                    w.number("cpus"), w.number("cpus_used"), (long) w.number("samples", 100), w.number("coverage", 1),
                    w.is("oom_killed"));
            w.end();
            return task;
        }

        private static Thresholds thresholds(Words w) {
            Thresholds usual = Thresholds.USUAL;
            double idle = w.seconds("gpu_idle");
            Thresholds changed = new Thresholds((int) w.number("min_samples", usual.minSamples()),
                    (int) w.number("used", usual.usedPercent()),
                    Double.isNaN(idle) ? usual.gpuIdle() : Duration.ofSeconds((long) idle),
                    (int) w.number("gpu_low", usual.gpuLowPercent()),
                    (int) w.number("imbalance", usual.imbalancePercent()),
                    (int) w.number("memory_near", usual.memoryNearPercent()),
                    (int) w.number("stall", usual.stallPercent()), (int) w.number("coverage", usual.coveragePercent()),
                    (int) w.number("short_jobs", usual.shortJobs()), (int) w.number("margin", usual.marginPercent()));
            w.end();
            return changed;
        }
    }

    /** The words of a line: {@code key=value}, {@code key="a value"}, or a lone {@code key}. */
    private static final class Words {
        static final Instant NOON = Instant.parse("2026-11-02T12:00:00Z");
        private static final Instant FIRST_DAY = Instant.parse("2026-11-02T00:00:00Z");
        private static final Pattern WORD = Pattern.compile("([a-z_]+)(?:=(\"[^\"]*\"|\\S+))?\\s*");
        private static final Pattern ESCAPE = Pattern.compile("\\\\u([0-9a-f]{4})");
        private static final Pattern TIME = Pattern.compile("(?:\\+(\\d+)d)?(\\d\\d):(\\d\\d)(?::(\\d\\d))?");
        private static final Pattern LENGTH = Pattern.compile("(?:(\\d+)d)?(?:(\\d+)h)?(?:(\\d+)m)?(?:(\\d+)s)?");
        private static final Pattern SIZE = Pattern.compile("([0-9.]+)([KMGT]?)");

        private final Map<String, String> values = new LinkedHashMap<>();
        private final Set<String> asked = new HashSet<>();

        Words(String line) {
            Matcher word = WORD.matcher(line);
            int at = 0;
            for (; word.lookingAt(); word.region(at, line.length())) {
                String value = word.group(2) == null ? "yes" : word.group(2);
                String plain = value.startsWith("\"") ? value.substring(1, value.length() - 1) : value;
                if (values.put(word.group(1), unescaped(plain)) != null) {
                    throw new IllegalArgumentException(word.group(1) + " is given twice");
                }
                at = word.end();
            }
            if (at < line.length()) {
                throw new IllegalArgumentException("not understood: " + line.substring(at));
            }
        }

        /** A {@code u202e} behind a backslash is the character of that number. */
        private static String unescaped(String text) {
            return ESCAPE.matcher(text).replaceAll(
                    escape -> Matcher.quoteReplacement(Character.toString(Integer.parseInt(escape.group(1), 16))));
        }

        /** Everything that was written must have been asked for. */
        void end() {
            Set<String> unknown = new HashSet<>(values.keySet());
            unknown.removeAll(asked);
            if (!unknown.isEmpty()) {
                throw new IllegalArgumentException("not known here: " + String.join(", ", unknown));
            }
        }

        @Nullable
        String textOrNull(String key) {
            asked.add(key);
            return values.get(key);
        }

        String text(String key, String otherwise) {
            String value = textOrNull(key);
            return value == null ? otherwise : value;
        }

        boolean is(String key) {
            return textOrNull(key) != null;
        }

        @Nullable
        Boolean flag(String key) {
            String value = textOrNull(key);
            return value == null ? null : Boolean.valueOf(value.equals("yes"));
        }

        <E extends Enum<E>> @Nullable E constant(String key, Class<E> type, @Nullable E otherwise) {
            String value = textOrNull(key);
            return value == null ? otherwise : Enum.valueOf(type, value.toUpperCase(Locale.ROOT));
        }

        double peek(String key) {
            return values.containsKey(key) ? Double.parseDouble(values.get(key)) : Double.NaN;
        }

        double number(String key) {
            return number(key, Double.NaN);
        }

        double number(String key, double otherwise) {
            String value = textOrNull(key);
            return value == null ? otherwise : Double.parseDouble(value);
        }

        double bytes(String key) {
            String value = textOrNull(key);
            if (value == null) {
                return Double.NaN;
            }
            Matcher size = matched(SIZE, value, key + " must be a size such as 1.5G");
            return Double.parseDouble(size.group(1))
                    * (1L << 10 * (size.group(2).isEmpty() ? 0 : 1 + "KMGT".indexOf(size.group(2))));
        }

        double seconds(String key) {
            String value = textOrNull(key);
            if (value == null) {
                return Double.NaN;
            }
            Matcher length = matched(LENGTH, value, key + " must be a time such as 1d2h30m or 45s");
            return part(length, 1) * 86_400 + part(length, 2) * 3600 + part(length, 3) * 60 + part(length, 4);
        }

        @Nullable
        Instant time(String key, @Nullable Instant otherwise) {
            String value = textOrNull(key);
            if (value == null) {
                return otherwise;
            }
            Matcher time = matched(TIME, value, key + " must be a time such as 10:05 or +1d10:05:30");
            return FIRST_DAY.plusSeconds((long) (part(time, 1) * 86_400 + part(time, 2) * 3600 + part(time, 3) * 60
                    + part(time, 4)));
        }

        private static double part(Matcher matcher, int group) {
            return matcher.group(group) == null ? 0 : Double.parseDouble(matcher.group(group));
        }

        private static Matcher matched(Pattern pattern, String value, String problem) {
            Matcher matcher = pattern.matcher(value);
            if (!matcher.matches()) {
                throw new IllegalArgumentException(problem + ", was " + value);
            }
            return matcher;
        }
    }
}
