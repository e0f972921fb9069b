package org.jobwitness.server.chart;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.stream.LongStream;
import org.jobwitness.server.chunk.Series;
import org.junit.jupiter.api.Test;

class RunChangesTest {
    private static final double NAN = Double.NaN;

    /** A sample each ten seconds, the first after ten. */
    private static RunChanges of(double[] suspendedMs, double[] limits) {
        double[] intervals = LongStream.range(0, limits.length).mapToDouble(_ -> 10_000).toArray();
        long[] times = LongStream.rangeClosed(1, limits.length).map(i -> i * 10_000_000).toArray();
        return RunChanges
                .of(new Series("n1", "", times, RunChanges.FIGURES, new double[][]{intervals, suspendedMs, limits}));
    }

    private static RunChanges.Suspension suspended(long from, long to, boolean isOver) {
        return new RunChanges.Suspension(Instant.ofEpochSecond(from), Instant.ofEpochSecond(to), isOver);
    }

    @Test
    void intervalsInWhichItWasSuspendedAreOneSuspension() {
        assertThat(of(new double[]{0, 4000, 10_000, NAN, 10_000, 0, 0, 10_000}, new double[8]).suspensions())
                .containsExactly(suspended(16, 50, true), suspended(70, 80, false));
        assertThat(of(new double[]{0, NAN, 0}, new double[3]).suspensions()).isEmpty();
    }

    @Test
    void aLimitChangesWhereItIsKnown() {
        RunChanges changes = of(new double[5], new double[]{NAN, 4, NAN, 4, 8});
        assertThat(changes.limits()).containsExactly(new RunChanges.Limit(Instant.ofEpochSecond(50), 4, 8));
        assertThat(of(new double[2], new double[]{NAN, NAN}).limits()).isEmpty();
    }

    @Test
    void aLimitThatChangesAtEachSampleIsCutOff() {
        double[] limits = LongStream.range(0, 1000).mapToDouble(i -> i).toArray();
        assertThat(of(new double[1000], limits).limits()).hasSize(RunChanges.MAX_CHANGES);
        double[] onAndOff = LongStream.range(0, 1000).mapToDouble(i -> i % 2 * 10_000).toArray();
        assertThat(of(onAndOff, limits).suspensions()).hasSize(RunChanges.MAX_CHANGES);
    }
}
