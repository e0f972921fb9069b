package org.jobwitness.server.chart;

import static org.jobwitness.server.db.Columns.micros;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.time;
import static org.jobwitness.server.db.Columns.whole;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.SeriesPage;
import org.jspecify.annotations.Nullable;

/** Reduces the history of a run to what a chart shows. Series are read one by one, so that only their points are in memory. */
public final class Charts {
    /** Of all points, min, mean and max: some 15 MB of JSON. */
    static final int MAX_VALUES = 400_000;
    private static final int VALUES_OF_POINT = 3;
    /** Where the interval of samples is not known. */
    private static final Duration DEFAULT_INTERVAL = Duration.ofSeconds(1);
    /** Metrics whose cause of absence is given under another name. */
    private static final Map<Metric, String> SOURCES = Map.of(Metric.of(Figure.CPU_USAGE_PERCENT), "cpus_used");

    private final Database database;
    private final SampleStore samples;
    private final Json json;
    private final Clock clock;

    public Charts(Database database, SampleStore samples, Json json, Clock clock) {
        this.database = database;
        this.samples = samples;
        this.json = json;
        this.clock = clock;
    }

    /**
     * What to show of a run.
     *
     * @param node null for all
     * @param gpu null for all
     * @param from null for the run's start
     * @param to exclusive; null for the run's end, or now
     * @param points how many of each series at most
     */
    record Question(Set<Metric> metrics, @Nullable String node, @Nullable String gpu, @Nullable Instant from,
            @Nullable Instant to, int points) {

        List<Metric> of(Figure.Of of) {
            return metrics.stream().filter(metric -> metric.figure().of() == of).toList();
        }
    }

    /** What the sums of samples say before any sample is read. */
    private record Outline(long series, long points, @Nullable Instant first, @Nullable Instant last,
            @Nullable Long intervalMs) {
    }

    /**
     * Series of some metrics of a run.
     *
     * @param metrics by the names of the API
     * @param node null for all
     * @param from, to null for the run's start and end
     * @param points how many of each series at most
     * @throws ApiException 400 if it would be too much
     * @throws IllegalArgumentException if there is no such metric
     */
    public SeriesPage page(Job job, List<String> metrics, @Nullable String node, @Nullable Instant from,
            @Nullable Instant to, int points) {
        Set<Metric> named = new LinkedHashSet<>();
        metrics.forEach(name -> named.add(Metric.named(name).orElseThrow(() -> new IllegalArgumentException(name))));
        return page(job, new Question(named, node, null, from, to, points));
    }

    /** What changed for a run on a node, as far as its samples are kept. */
    public RunChanges changes(Job job, String node) {
        List<RunChanges> found = new ArrayList<>();
        samples.eachSeries(job.run(), RunChanges.FIGURES, node, null, null, null,
                series -> found.add(RunChanges.of(series)));
        return found.isEmpty() ? RunChanges.NONE : found.getFirst();
    }

    /** @throws ApiException 400 if it would be too much */
    SeriesPage page(Job job, Question question) {
        Outline ofNodes = outline("job_figures", job.run(), question);
        Instant to = end(job, question, ofNodes);
        Instant from = start(job, question, ofNodes, to);
        Instant first = ofNodes.first() == null || ofNodes.first().isBefore(from) ? from : ofNodes.first();
        Instant last = ofNodes.last() == null || ofNodes.last().isAfter(to) ? to : ofNodes.last();
        long interval = intervalMicros(ofNodes);
        long step = Downsampling.stepMicros(micros(first), Math.max(micros(last) + 1, micros(first) + 1), interval,
                question.points());

        Drawn drawn = new Drawn(question, step);
        for (Figure.Of of : Figure.Of.values()) {
            List<Metric> metrics = question.of(of);
            if (!metrics.isEmpty()) {
                Outline outline = of == Figure.Of.JOB ? ofNodes : outline("job_gpu_figures", job.run(), question);
                long maxOfEach = Math.max(micros(last) - micros(first), 0) / interval + 2;
                drawn.expect(metrics.size() * Math.min(outline.points(), outline.series() * maxOfEach));
            }
        }
        for (Figure.Of of : Figure.Of.values()) {
            List<Metric> metrics = question.of(of);
            if (!metrics.isEmpty()) {
                samples.eachSeries(job.run(), figures(of, metrics), question.node(), question.gpu(), from, to,
                        series -> drawn.add(series, metrics));
            }
        }
        return new SeriesPage(job.id(), job.run(), job.cluster(), from, to, step / 1000, drawn.series,
                absent(job.run(), question, drawn));
    }

    private static List<Figure> figures(Figure.Of of, List<Metric> metrics) {
        Set<Figure> figures = new LinkedHashSet<>();
        figures.add(MetricCurve.intervalOf(of));
        metrics.forEach(metric -> {
            figures.add(metric.figure());
            figures.addAll(metric.others());
        });
        return List.copyOf(figures);
    }

    /** The run's end, or its last sample if that is later, as the epilog's is. */
    private Instant end(Job job, Question question, Outline outline) {
        if (question.to() != null) {
            return question.to();
        }
        Instant end = job.endTime() == null ? clock.instant().truncatedTo(ChronoUnit.MILLIS) : job.endTime();
        Instant last = outline.last();
        Instant both = last == null || last.isBefore(end) ? end : last.truncatedTo(ChronoUnit.SECONDS).plusSeconds(1);
        return question.from() == null || question.from().isBefore(both) ? both : question.from();
    }

    private static Instant start(Job job, Question question, Outline outline, Instant to) {
        if (question.from() != null) {
            return question.from();
        }
        Instant started = job.startTime();
        Instant first = outline.first();
        Instant both = started == null || (first != null && first.isBefore(started)) ? first : started;
        return both == null || both.isAfter(to) ? to : both;
    }

    private static long intervalMicros(Outline outline) {
        Long ms = outline.intervalMs();
        Duration interval = ms == null || ms < 1
                ? DEFAULT_INTERVAL
                : ms < 1_000 ? Duration.ofMillis(ms) : Duration.ofSeconds(Math.round(ms / 1e3));
        return interval.toNanos() / 1_000;
    }

    private Outline outline(String table, long run, Question question) {
        boolean ofNodes = table.equals("job_figures");
        return database.read("series_outline", handle -> {
            Query query = handle.createQuery("select count(*) as series, coalesce(sum(least(sample_count, :points)), 0)"
                    + " as points"
                    + (ofNodes
                            ? ", min(first_sample_at) as first, max(last_sample_at) as last, round(sum(covered_ms)"
                                    + " / sum(sample_count) filter (where covered_ms is not null)) as interval_ms"
                            : ", null::timestamptz as first, null::timestamptz as last, null::bigint as interval_ms")
                    + " from " + table + where(question, !ofNodes)).bind("points", question.points());
            return bind(query, run, question, !ofNodes).map((row, _) -> new Outline(row.getLong("series"),
                    row.getLong("points"), time(row, "first"), time(row, "last"), whole(row, "interval_ms"))).one();
        });
    }

    private static String where(Question question, boolean ofGpus) {
        return " where job_key = :run" + (question.node() == null ? "" : " and node = :node")
                + (ofGpus && question.gpu() != null ? " and gpu = :gpu" : "");
    }

    private static Query bind(Query query, long run, Question question, boolean ofGpus) {
        query.bind("run", run);
        if (question.node() != null) {
            query.bind("node", question.node());
        }
        if (ofGpus && question.gpu() != null) {
            query.bind("gpu", question.gpu());
        }
        return query;
    }

    /** Why metrics have no value at all, as far as it is known. */
    private List<SeriesPage.Absent> absent(long run, Question question, Drawn drawn) {
        return database.read("series_absent", handle -> {
            List<SeriesPage.Absent> absent = new ArrayList<>();
            for (Figure.Of of : Figure.Of.values()) {
                List<Metric> metrics = question.of(of);
                if (!metrics.isEmpty()) {
                    absent(handle, run, question, of, metrics, drawn, absent);
                }
            }
            return absent;
        });
    }

    private void absent(Handle handle, long run, Question question, Figure.Of of, List<Metric> metrics, Drawn drawn,
            List<SeriesPage.Absent> absent) {
        boolean ofGpus = of == Figure.Of.GPU;
        Query query = handle.createQuery("select node, " + (ofGpus ? "gpu" : "''") + " as gpu, absent from "
                + (ofGpus ? "job_gpu_figures" : "job_figures") + where(question, ofGpus)
                + " and absent <> '{}' order by node, gpu");
        bind(query, run, question, ofGpus).map((row, _) -> {
            String node = string(row, "node");
            String gpu = string(row, "gpu");
            Map<String, Object> causes = json.map(string(row, "absent"));
            for (Metric metric : metrics) {
                if (!drawn.has(metric, node, gpu)) {
                    cause(metric, causes).ifPresent(cause -> absent
                            .add(new SeriesPage.Absent(metric.toString(), name(node), name(gpu), cause)));
                }
            }
            return node;
        }).list();
        drawn.expect(absent.size() / VALUES_OF_POINT);
    }

    private static Optional<String> cause(Metric metric, Map<String, Object> causes) {
        return List.of(metric.figure().toString(), metric.toString(), SOURCES.getOrDefault(metric, "")).stream()
                .map(causes::get).flatMap(cause -> Optional.ofNullable(cause).stream()).map(Object::toString)
                .findFirst();
    }

    private static @Nullable String name(String name) {
        return name.isEmpty() ? null : name;
    }

    /** What has been drawn so far. */
    private static final class Drawn {
        private final Question question;
        private final long step;
        private final List<SeriesPage.Series> series = new ArrayList<>();
        private final Set<List<Object>> drawn = new HashSet<>();
        private long points;

        Drawn(Question question, long step) {
            this.question = question;
            this.step = step;
        }

        void expect(long more) {
            if ((points + more) * VALUES_OF_POINT > MAX_VALUES) {
                throw ApiException.invalidField("points", "this would be more than " + MAX_VALUES
                        + " values; ask for fewer points, for fewer metrics, or for one node");
            }
        }

        void add(Series of, List<Metric> metrics) {
            for (Metric metric : metrics) {
                MetricCurve curve = MetricCurve.of(of, metric);
                if (curve.size() > 0) {
                    Downsampling.Points all = Downsampling.of(curve, step, question.points());
                    expect(all.size());
                    points += all.size();
                    drawn.add(List.of(metric, of.node(), of.gpu()));
                    series.add(SeriesPage.Series.of(metric.toString(), metric.unit(), name(of.node()), name(of.gpu()),
                            Arrays.stream(all.timesMicros()).mapToObj(us -> Instant.EPOCH.plus(us, ChronoUnit.MICROS))
                                    .toList(),
                            rounded(all.min()), rounded(all.mean()), rounded(all.max())));
                }
            }
        }

        boolean has(Metric metric, String node, String gpu) {
            return drawn.contains(List.of(metric, node, gpu));
        }

        private static double[] rounded(double[] values) {
            return Arrays.stream(values).map(Drawn::rounded).toArray();
        }

        /** So that a mean does not come with sixteen digits; what is small keeps nine. */
        private static double rounded(double value) {
            double digits = Math.abs(value) >= 1 ? 1e3 : 1e9;
            return Math.abs(value) < 1e12 ? Math.rint(value * digits) / digits : value;
        }
    }
}
