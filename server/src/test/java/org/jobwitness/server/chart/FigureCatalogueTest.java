package org.jobwitness.server.chart;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.wire.EpilogReading;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.Figure.Of;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.NodeFigures;
import org.junit.jupiter.api.Test;

/**
 * Holds the readings, the API document and the page of metrics against the catalogue of figures. {@code HistoryHourTest}
 * does so for SQL, {@code MetricsTest} for a scrape, and the agent's {@code BatchJsonTest} for what it sends.
 */
class FigureCatalogueTest {
    private static final Path API = Path.of("src/main/resources/web/openapi.yaml");
    private static final Path METRICS = Path.of("../docs/metrics.md");
    private static final Set<Figure> DERIVED = EnumSet.of(Figure.CPU_USAGE_PERCENT, Figure.GPU_USAGE_PERCENT,
            Figure.GPU_INTERVAL_MS);

    @Test
    void numbersCountFromOne() {
        for (Of of : Of.values()) {
            assertThat(Figure.all(of).stream().map(Figure::number)).containsExactlyElementsOf(
                    IntStream.rangeClosed(1, Figure.all(of).size()).boxed().toList());
            assertThat(Figure.all(of).stream().map(Figure::toString)).doesNotHaveDuplicates();
        }
    }

    @Test
    void readingsHaveTheFiguresInTheCataloguesOrder() {
        for (Of of : Of.values()) {
            Class<? extends Record> reading = of == Of.JOB ? JobReading.class : GpuReading.class;
            List<String> read = Figure.all(of).stream().filter(figure -> !DERIVED.contains(figure))
                    .map(Figure::toString).toList();
            assertThat(components(reading).filter(read::contains)).as(reading.getSimpleName())
                    .containsExactlyElementsOf(read);
            assertThat(Arrays.stream(reading.getRecordComponents())
                    .filter(part -> Number.class.isAssignableFrom(part.getType()))
                    .map(RecordComponent::getName).map(FigureCatalogueTest::snakeCase)
                    .filter(name -> !read.contains(name)))
                    .as("numbers that are no figures").isSubsetOf("uid", "cpus_used", "ecc_errors", "xid", "xids");
        }
    }

    @Test
    void aReadingGivesEachFigureThatWasPutIntoIt() {
        JobReading.Builder job = JobReading.builder("1");
        GpuReading.Builder gpu = GpuReading.builder("GPU-1");
        Figure.all(Of.JOB).forEach(figure -> job.put(figure, figure.number()));
        Figure.all(Of.GPU).forEach(figure -> gpu.put(figure, figure.number()));
        for (Figure figure : Figure.values()) {
            Number value = figure.of() == Of.JOB ? figure.of(job.build()) : figure.of(gpu.build());
            if (DERIVED.contains(figure)) {
                assertThat(value).as("%s", figure).isNull();
            } else {
                assertThat(value.intValue()).as("%s", figure).isEqualTo(figure.number());
                assertThat(value instanceof Double).as("%s", figure).isNotEqualTo(figure.isWhole());
            }
        }
        assertThat(gpu.build().toBuilder().build()).isEqualTo(gpu.build());
    }

    @Test
    void otherReadingsUseTheSameNames() {
        Set<String> names = Figure.all(Of.JOB).stream().map(Figure::toString).collect(Collectors.toSet());
        assertThat(components(EpilogReading.class)).isSubsetOf(names);
        names.addAll(List.of("total_cpus", "total_memory_bytes", "total_gpus", "cpu_load"));
        assertThat(components(NodeFigures.class)).isSubsetOf(names);
    }

    @Test
    void theApiDocumentListsTheMetricsOfAllFigures() throws IOException {
        String schema = Files.readString(API).split("\n    Metric:\n")[1].split("enum: \\[")[1].split("]")[0];
        assertThat(List.of(schema.strip().split(",\\s+")))
                .isEqualTo(Metric.all().stream().map(Metric::toString).toList());
    }

    @Test
    void thePageOfMetricsHasAllThatAreExported() throws IOException {
        Set<String> onPage = Pattern.compile("(?m)^\\| `(hpc_job_[a-z_]+)`").matcher(Files.readString(METRICS))
                .results()
                .map((MatchResult row) -> row.group(1)).collect(Collectors.toSet());
        List<String> exported = Stream.of(Figure.values()).flatMap(figure -> figure.exported().stream())
                .map(Figure.Exported::name).toList();
        assertThat(onPage).containsAll(exported);
        assertThat(new HashSet<>(exported)).hasSameSizeAs(exported);
        for (Figure figure : Figure.values()) {
            figure.exported().ifPresent(family -> assertThat(family.name().endsWith("_total")).as(family.name())
                    .isEqualTo(figure.isCounter()));
        }
    }

    private static Stream<String> components(Class<? extends Record> type) {
        return Arrays.stream(type.getRecordComponents()).map(RecordComponent::getName)
                .map(FigureCatalogueTest::snakeCase);
    }

    private static String snakeCase(String name) {
        return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }
}
