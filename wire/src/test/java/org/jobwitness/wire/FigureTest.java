package org.jobwitness.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Numbers are stored and never change their meaning. */
class FigureTest {
    @ParameterizedTest
    @EnumSource
    void numbersHaveNoGapsAndNamesAreUnique(Figure.Of of) {
        assertThat(Figure.all(of)).extracting(Figure::number)
                .containsExactlyElementsOf(IntStream.rangeClosed(1, Figure.all(of).size()).boxed().toList());
        assertThat(Figure.all(of)).extracting(Figure::toString).doesNotHaveDuplicates();
        assertThat(Figure.all(of)).allSatisfy(figure -> {
            assertThat(figure.of()).isEqualTo(of);
            assertThat(Figure.named(of, figure.toString())).contains(figure);
        });
        assertThat(Figure.named(of, "no_such_figure")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"JOB, interval_ms, 1", "JOB, cpu_usage_percent, 2", "JOB, memory_usage_bytes, 3",
            "JOB, cpu_usage_usec, 6", "JOB, io_stall_usec, 25", "JOB, suspended_ms, 26", "GPU, interval_ms, 1",
            "GPU, utilization_percent, 2", "GPU, energy_joules, 7", "GPU, clock_mhz, 9"})
    void aNumberMeansWhatItAlwaysMeant(Figure.Of of, String name, int number) {
        assertThat(Figure.named(of, name)).get().extracting(Figure::number).isEqualTo(number);
    }

    @ParameterizedTest
    @CsvSource({"MEMORY_USAGE_BYTES, true, false", "CPU_USAGE_USEC, true, true", "CPU_USAGE_PERCENT, false, false",
            "ENERGY_JOULES, false, true"})
    void aKindSaysWhatValuesThereAre(Figure figure, boolean isWhole, boolean isCounter) {
        assertThat(figure.isWhole()).isEqualTo(isWhole);
        assertThat(figure.isCounter()).isEqualTo(isCounter);
    }
}
