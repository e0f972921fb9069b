package org.jobwitness.server.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Few points of many samples, held against a computation that is too simple to be wrong. */
class DownsamplingTest {
    private static final long SECOND = 1_000_000;
    /** A moment that is a whole multiple of no step in these tests but 1 s. */
    private static final long START = 1_790_000_003L * SECOND;

    /** Values a second apart; a bar is a gap. */
    private static MetricCurve curve(String drawn) {
        List<Double> values = new ArrayList<>();
        List<Long> times = new ArrayList<>();
        BitSet gaps = new BitSet();
        long time = 0;
        for (String word : drawn.split(" ")) {
            if (word.equals("|")) {
                gaps.set(values.size());
            } else {
                times.add(time);
                values.add(Double.valueOf(word));
            }
            time += SECOND;
        }
        return new MetricCurve(times.stream().mapToLong(t -> t).toArray(),
                values.stream().mapToDouble(v -> v).toArray(),
                gaps);
    }

    /** Each point as its second, a colon, and its values; a gap has none. */
    private static String drawn(Downsampling.Points points) {
        StringBuilder drawn = new StringBuilder();
        for (int i = 0; i < points.size(); i++) {
            drawn.append(drawn.isEmpty() ? "" : " ").append(points.timesMicros()[i] / (double) SECOND).append(':');
            if (!Double.isNaN(points.mean()[i])) {
                drawn.append(points.min()[i]).append('/').append(points.mean()[i]).append('/')
                        .append(points.max()[i]);
            }
        }
        return drawn.toString().replace(".0", "");
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', textBlock = """
            few are points by themselves        ; 1 5 3             ; 2 ; 3 ; 0:1/1/1 1:5/5/5 2:3/3/3
            too many are put into buckets       ; 1 5 3             ; 2 ; 2 ; 0:1/3/5 2:3/3/3
            one                                 ; 7                 ; 2 ; 1 ; 0:7/7/7
            a gap is a point, too               ; 1 | 3             ; 2 ; 3 ; 0:1/1/1 1: 2:3/3/3
            and counts                          ; 1 | 3             ; 1 ; 2 ; 0:1/1/1 1: 2:3/3/3
            a long gap is one                   ; 1 1 | | | | | 3 3 ; 2 ; 4 ; 0:1/1/1 2: 6:3/3/3 8:3/3/3
            a gap in a bucket cannot be seen    ; 1 | 3 4           ; 4 ; 2 ; 0:1/2.6666666666666665/4
            nor between two that follow         ; 1 2 | 4           ; 2 ; 2 ; 0:1/1.5/2 2:4/4/4
            """)
    void drawsWhatItShould(String what, String samples, long step, int most, String points) {
        assertThat(drawn(Downsampling.of(curve(samples), step * SECOND, most))).as(what).isEqualTo(points);
    }

    @Test
    void anEmptyBucketBetweenSamplesThatHaveNoGapBetweenThemIsNone() {
        MetricCurve slow = new MetricCurve(new long[]{0, 4 * SECOND, 8 * SECOND}, new double[]{1, 2, 3}, new BitSet());
        assertThat(drawn(Downsampling.of(slow, SECOND, 1))).isEqualTo("0:1/1/1 4:2/2/2 8:3/3/3");
    }

    @Test
    void nothingIsDrawnOfNothing() {
        assertThat(Downsampling.of(new MetricCurve(new long[0], new double[0], new BitSet()), SECOND, 1).size())
                .isZero();
    }

    @ParameterizedTest
    @CsvSource({"0, 3600, 15, 500, 15", "0, 7500, 15, 500, 15", "0, 7501, 15, 500, 30", "7, 7507, 15, 500, 30",
            "0, 604800, 15, 500, 1215", "0, 604800, 60, 5000, 180", "5, 15, 10, 1, 20", "0, 1, 15, 1, 15",
            "0, 0, 15, 1, 15", "0, 100, 1, 1, 100"})
    void theStepIsTheLeastMultipleOfTheIntervalThatIsWideEnough(long from, long to, long interval, int most,
            long step) {
        assertThat(Downsampling.stepMicros(from * SECOND, to * SECOND, interval * SECOND, most))
                .isEqualTo(step * SECOND);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 10, 500, 5000})
    void thereAreNeverMoreBucketsThanMayBe(int most) {
        Random random = new Random(most);
        for (int i = 0; i < 2_000; i++) {
            long interval = random.nextLong(1, 100 * SECOND);
            long from = random.nextLong(2_000_000_000L) * SECOND;
            long to = from + random.nextLong(1, 30L * 86_400 * SECOND);
            long step = Downsampling.stepMicros(from, to, interval, most);
            assertThat(step % interval).isZero();
            assertThat((to - 1) / step - from / step + 1).isBetween(1L, (long) most);
        }
    }

    /** Samples with jitter, times without any, gaps. */
    private static MetricCurve random(Random random) {
        int size = random.nextInt(1, 400);
        long[] times = new long[size];
        double[] values = new double[size];
        BitSet gaps = new BitSet();
        long time = START + random.nextLong(30 * SECOND);
        for (int i = 0; i < size; i++) {
            times[i] = time;
            values[i] = switch (random.nextInt(4)) {
                case 0 -> 0.1;
                case 1 -> random.nextLong(1L << 50);
                case 2 -> -random.nextDouble();
                default -> random.nextGaussian() * 1e6;
            };
            boolean away = random.nextInt(20) == 0;
            gaps.set(i, i > 0 && random.nextInt(15) == 0);
            time += away ? random.nextLong(1, 500 * SECOND) : 15 * SECOND + random.nextLong(-SECOND, SECOND);
        }
        return new MetricCurve(times, values, gaps);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void noSampleIsLostOrCountedTwiceAndEachBucketIsWhatItsSamplesAre(long seed) {
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            MetricCurve curve = random(random);
            long step = 15 * SECOND * random.nextLong(1, 40);
            Downsampling.Points points = Downsampling.of(curve, step, 0);
            Map<Long, DoubleSummaryStatistics> naive = new TreeMap<>();
            for (int i = 0; i < curve.size(); i++) {
                naive.computeIfAbsent(curve.timeMicros(i) / step * step, _ -> new DoubleSummaryStatistics())
                        .accept(curve.value(i));
            }
            List<Integer> drawn = IntStream.range(0, points.size()).filter(i -> !Double.isNaN(points.mean()[i])).boxed()
                    .toList();
            assertThat(drawn.stream().map(i -> points.timesMicros()[i])).containsExactlyElementsOf(naive.keySet());
            for (int i : drawn) {
                DoubleSummaryStatistics of = naive.get(points.timesMicros()[i]);
                assertThat(points.min()[i]).isEqualTo(of.getMin());
                assertThat(points.max()[i]).isEqualTo(of.getMax());
                assertThat(points.mean()[i]).isCloseTo(of.getAverage(), within(1e-9 * (1 + Math.abs(of.getMax())
                        + Math.abs(of.getMin())))).isBetween(of.getMin(), of.getMax());
            }
            assertThat(LongStream.of(points.timesMicros()).boxed().toList()).isSorted().doesNotHaveDuplicates();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {5, 6})
    void thereIsAGapInTheChartWhereThereIsOneOfAtLeastABucketAndNowhereElse(long seed) {
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            MetricCurve curve = random(random);
            long step = 15 * SECOND * random.nextLong(1, 10);
            Downsampling.Points points = Downsampling.of(curve, step, 0);
            List<Long> seen = IntStream.range(0, points.size()).filter(i -> Double.isNaN(points.mean()[i]))
                    .mapToObj(i -> points.timesMicros()[i]).toList();
            List<Long> naive = new ArrayList<>();
            for (int i = 1; i < curve.size(); i++) {
                long after = curve.timeMicros(i - 1) / step + 1;
                if (curve.hasGapBefore(i) && curve.timeMicros(i) / step > after) {
                    naive.add(after * step);
                }
            }
            assertThat(seen).isEqualTo(naive);
            assertThat(Double.isNaN(points.mean()[0]) || Double.isNaN(points.mean()[points.size() - 1])).isFalse();
        }
    }

    @Test
    void firstAndLastSampleAreInTheFirstAndLastBucket() {
        Random random = new Random(9);
        for (int round = 0; round < 500; round++) {
            MetricCurve curve = random(random);
            long from = curve.timeMicros(0);
            long to = curve.timeMicros(curve.size() - 1) + 1;
            int most = random.nextInt(1, 50);
            long step = Downsampling.stepMicros(from, to, 15 * SECOND, most);
            Downsampling.Points points = Downsampling.of(curve, step, most);
            boolean each = curve.size() + curve.gaps() <= most;
            assertThat(points.size()).isBetween(1, most);
            assertThat(points.timesMicros()[0]).isEqualTo(each ? from : from - from % step);
            assertThat(points.timesMicros()[points.size() - 1]).isEqualTo(each ? to - 1 : to - 1 - (to - 1) % step);
        }
    }

    @Test
    void aMeanDoesNotLeaveItsBoundsByRounding() {
        Downsampling.Points points = Downsampling.of(curve("0.1 0.1 0.1"), 4 * SECOND, 1);
        assertThat(0.1 + 0.1 + 0.1).as("or this would show nothing").isGreaterThan(0.3);
        assertThat(points.mean()[0]).isEqualTo(0.1);
    }
}
