package org.jobwitness.server.sample;

import java.io.IOException;
import java.io.Writer;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.server.http.Csv;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.Job;
import org.jspecify.annotations.Nullable;

/**
 * Exports all samples of a run, a row for each moment of a node or a GPU. They are read in stretches of time, each of which is
 * in memory before it is written: a slow writer does not block the database.
 */
public final class RawSamples {
    /** Some 25 MB. */
    private static final long ROWS_AT_ONCE = 100_000;
    private static final Duration MIN_STRETCH = Duration.ofMinutes(1);
    private static final Duration MAX_STRETCH = Duration.ofDays(1);
    /** The interval is a figure of both, in one column. */
    private static final List<Figure> OF_GPU_ONLY = Figure.all(Figure.Of.GPU).stream()
            .filter(figure -> figure != Figure.GPU_INTERVAL_MS).toList();

    private final SampleStore samples;
    private final Json json;

    public RawSamples(SampleStore samples, Json json) {
        this.samples = samples;
        this.json = json;
    }

    /** How rows are written. */
    public enum Format {
        /** A header, then a row each; what was not read is empty. */
        CSV,
        /** A JSON object each; what was not read is left out. */
        JSONL
    }

    /**
     * Writes those between two moments.
     *
     * @param from null for no bound
     * @param to exclusive; null for no bound
     * @return how many rows there were
     */
    public long write(Job job, @Nullable Instant from, @Nullable Instant to, Format format, Writer out)
            throws IOException {
        if (format == Format.CSV) {
            out.write(header());
        }
        Optional<SampleStore.Extent> kept = samples.extent(job.run());
        if (kept.isEmpty()) {
            return 0;
        }
        Instant first = kept.get().first();
        Instant behindLast = kept.get().last().plus(1, ChronoUnit.MICROS);
        Duration stretch = stretch(kept.get());
        Instant end = to == null || to.isAfter(behindLast) ? behindLast : to;
        long rows = 0;
        for (Instant at = from == null || from.isBefore(first) ? first : from; at.isBefore(end);) {
            Instant next = at.plus(stretch).isBefore(end) ? at.plus(stretch) : end;
            for (Figure.Of of : Figure.Of.values()) {
                for (Series series : samples.series(job.run(), Figure.all(of), null, null, at, next)) {
                    for (int row = 0; row < series.size(); row++) {
                        out.write(format == Format.CSV ? csv(job, series, row) : jsonl(job, series, row));
                    }
                    rows += series.size();
                }
            }
            at = next;
        }
        return rows;
    }

    private static Duration stretch(SampleStore.Extent kept) {
        Duration even = Duration.between(kept.first(), kept.last()).plusSeconds(1).dividedBy(kept.rows())
                .multipliedBy(ROWS_AT_ONCE);
        return even.compareTo(MIN_STRETCH) < 0 ? MIN_STRETCH : even.compareTo(MAX_STRETCH) > 0 ? MAX_STRETCH : even;
    }

    private static String header() {
        return Csv.row(Stream.concat(Stream.of("cluster", "job_id", "run", "time", "node", "gpu"),
                Stream.concat(Figure.all(Figure.Of.JOB).stream(), OF_GPU_ONLY.stream()).map(Figure::toString))
                .toArray(String[]::new));
    }

    private static Instant time(Series series, int row) {
        return Instant.EPOCH.plus(series.timeMicros(row), ChronoUnit.MICROS);
    }

    private static String csv(Job job, Series series, int row) {
        List<String> fields = new ArrayList<>(List.of(Csv.text(job.cluster()), Csv.text(job.id()),
                Long.toString(job.run()), time(series, row).toString(), Csv.text(series.node()),
                Csv.text(series.gpu())));
        boolean ofGpu = series.figures().contains(Figure.GPU_INTERVAL_MS);
        for (Figure figure : Figure.all(Figure.Of.JOB)) {
            Figure same = ofGpu && figure == Figure.INTERVAL_MS ? Figure.GPU_INTERVAL_MS : figure;
            fields.add(series.figures().contains(same) ? Csv.number(series.of(same)[row]) : "");
        }
        for (Figure figure : OF_GPU_ONLY) {
            fields.add(ofGpu ? Csv.number(series.of(figure)[row]) : "");
        }
        return Csv.row(fields.toArray(String[]::new));
    }

    private String jsonl(Job job, Series series, int row) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("cluster", job.cluster());
        fields.put("job_id", job.id());
        fields.put("run", job.run());
        fields.put("time", time(series, row));
        if (!series.node().isEmpty()) {
            fields.put("node", series.node());
        }
        if (!series.gpu().isEmpty()) {
            fields.put("gpu", series.gpu());
        }
        for (Figure figure : series.figures()) {
            double value = series.of(figure)[row];
            if (!Double.isNaN(value)) {
                fields.put(figure.toString(), figure.isWhole() ? (Object) (long) value : (Object) value);
            }
        }
        return json.text(fields) + "\n";
    }
}
