package org.jobwitness.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What each record refuses, and what it makes of what it takes, one line each. */
class RecordsTest {
    private static final Instant AT = Instant.parse("2026-11-22T21:34:10Z");
    private static final Instant FINE = AT.plusNanos(1_234_567);
    private static final Instant KEPT = AT.plusNanos(1_234_000);

    /** The least that each record takes. */
    private static final Map<Class<? extends Record>, List<Object>> LEAST = Map.ofEntries(
            Map.entry(Batch.class,
                    List.of("version", 1, "node", "n1", "bootId", "b", "sequence", 1L, "timestamp", AT)),
            Map.entry(JobReading.class, List.of("jobId", "1")), Map.entry(GpuReading.class, List.of("gpu", "GPU-1")),
            Map.entry(GpuDevice.class, List.of()), Map.entry(NodeFigures.class, List.of()),
            Map.entry(OomKill.class, List.of("timestamp", AT, "killed", 1, "cause", OomCause.LIMIT)),
            Map.entry(JobStarted.class, List.of("jobId", "1", "user", "ada", "nodeList", List.of("n1"))),
            Map.entry(JobFinished.class, List.of("jobId", "1")), Map.entry(EpilogReading.class, List.of()),
            Map.entry(Scheduler.class, List.of()), Map.entry(JobPatch.class, List.of("cpuUsage", 1.0)),
            Map.entry(NewJob.class, List.of("id", "1", "user", "ada", "nodes", List.of("n1"))),
            Map.entry(NewSample.class, List.of("cpuUsage", 1.0, "memoryUsageMb", 1.0)),
            Map.entry(Verdict.Quantity.class, List.of("name", "max_memory", "value", 1.0)),
            Map.entry(Verdict.Fact.class, List.of("says", "it is so")),
            Map.entry(Verdict.NotJudged.class, List.of("why", "nobody saw it")));

    private static <R extends Record> R with(Class<R> type, String component, Object value) {
        List<Object> all = new ArrayList<>(LEAST.get(type));
        int at = all.indexOf(component);
        if (at >= 0) {
            all.set(at + 1, value);
        } else {
            all.addAll(Arrays.asList(component, value));
        }
        return Records.make(type, all.toArray());
    }

    private static Object reading(String jobId) {
        return with(JobReading.class, "jobId", jobId);
    }

    static List<Class<? extends Record>> types() {
        return List.copyOf(LEAST.keySet());
    }

    @ParameterizedTest
    @MethodSource("types")
    void theLeastIsTakenAndItsListsAreEmptyNotNull(Class<? extends Record> type) {
        Record made = Records.make(type, LEAST.get(type).toArray());
        for (var component : type.getRecordComponents()) {
            boolean mayBeAbsent = component.getAnnotatedType().isAnnotationPresent(Nullable.class);
            if (component.getType().equals(List.class) && !mayBeAbsent) {
                assertThat((List<?>) Records.value(made, component.getName())).as(component.getName()).isNotNull()
                        .isUnmodifiable();
            }
        }
    }

    static Stream<Arguments> normalized() {
        return Stream.of(arguments(Batch.class, "timestamp", FINE, KEPT), arguments(Batch.class, "sequence", 0L, 0L),
                arguments(JobReading.class, "jobId", "slurm-12", "12"),
                arguments(JobReading.class, "sluid", "s5k1kkyayg5d00", "s5K1KKYAYG5D00"),
                arguments(JobReading.class, "startTime", FINE, KEPT),
                arguments(JobReading.class, "timestamp", FINE, KEPT),
                arguments(JobReading.class, "since", FINE, KEPT),
                arguments(JobReading.class, "cpuUsageUsec", 1L << 53, 1L << 53),
                arguments(GpuReading.class, "jobId", "slurm-12", "12"),
                arguments(GpuReading.class, "sharedBy", List.of("1", "slurm-1", "2"), List.of("1", "2")),
                arguments(GpuReading.class, "claimedBy", List.of("slurm-1"), List.of("1")),
                arguments(GpuReading.class, "utilizationPercent", -0.0, 0.0),
                arguments(GpuReading.class, "temperatureCelsius", -40.0, -40.0),
                arguments(NodeFigures.class, "cpuUsagePercent", -0.0, 0.0),
                arguments(OomKill.class, "timestamp", FINE, KEPT), arguments(JobStarted.class, "jobId", "slurm-1", "1"),
                arguments(JobStarted.class, "hetJobId", "slurm-1", "1"),
                arguments(JobStarted.class, "endTime", FINE, KEPT),
                arguments(JobStarted.class, "gpuAllocation", 0, 0),
                arguments(JobFinished.class, "jobId", "slurm-1", "1"),
                arguments(JobFinished.class, "finalState", JobState.CANCELLED, JobState.CANCELLED),
                arguments(JobFinished.class, "rawStatus", 0xffff, 0xffff),
                arguments(EpilogReading.class, "memoryPeakBytes", 1L << 53, 1L << 53),
                arguments(Scheduler.class, "type", "mock", "mock"),
                arguments(Scheduler.class, "externalJobId", "slurm-4711", "4711"),
                arguments(Scheduler.class, "priority", 0xffff_ffffL, 0xffff_ffffL),
                arguments(NewJob.class, "id", "slurm-1", "1"), arguments(NewSample.class, "timestamp", FINE, KEPT),
                arguments(JobPatch.class, "gpuUsage", -0.0, 0.0));
    }

    @ParameterizedTest
    @MethodSource("normalized")
    void isKeptInItsOneForm(Class<? extends Record> type, String component, Object given, Object kept) {
        assertThat(Records.value(with(type, component, given), component)).isEqualTo(kept);
    }

    static Stream<Arguments> refused() {
        return Stream.of(arguments(Batch.class, "version", null, "version is required"),
                arguments(Batch.class, "version", 0, "version must be 1, was 0; the agent is too old"),
                arguments(Batch.class, "version", 2, "version must be 1, was 2; the agent is newer than the server"),
                arguments(Batch.class, "node", null, "node is required"),
                arguments(Batch.class, "node", "n[1-2]", "node must be one host name"),
                arguments(Batch.class, "bootId", " ", "boot_id must not be blank"),
                arguments(Batch.class, "sequence", null, "sequence is required"),
                arguments(Batch.class, "sequence", -1L, "sequence must be 0.."),
                arguments(Batch.class, "sequence", Long.MAX_VALUE, "sequence must be 0.."),
                arguments(Batch.class, "timestamp", null, "timestamp is required"),
                arguments(Batch.class, "intervalMs", 0, "interval_ms must be 1..86400000"),
                arguments(Batch.class, "intervalMs", 86_400_001, "interval_ms must be 1..86400000"),
                arguments(Batch.class, "jobs", Collections.nCopies(4097, reading("1")), "jobs must have at most 4096"),
                arguments(Batch.class, "gpus", List.of(with(GpuReading.class, "jobId", "2")),
                        "gpus[0].job_id must be one of the batch's jobs, was \"2\""),
                arguments(Batch.class, "gpus", List.of(with(GpuReading.class, "sharedBy", List.of("2"))),
                        "gpus[0].shared_by must be one of"),
                arguments(Batch.class, "gpus", List.of(with(GpuReading.class, "claimedBy", List.of("2"))),
                        "gpus[0].claimed_by must be one of"),
                arguments(JobReading.class, "jobId", null, "job_id is required"),
                arguments(JobReading.class, "jobId", "a b", "job_id must be 1 to 64 letters"),
                arguments(JobReading.class, "sluid", "s1", "sluid must be s and 13 digits"),
                arguments(JobReading.class, "uid", -1L, "uid must be 0.."),
                arguments(JobReading.class, "user", "", "user must not be blank"),
                arguments(JobReading.class, "cgroupPath", "/a\nb", "cgroup_path must not hold control characters"),
                arguments(JobReading.class, "intervalMs", 0, "interval_ms must be 1.."),
                arguments(JobReading.class, "suspendedMs", -1, "suspended_ms must be 0.."),
                arguments(JobReading.class, "cpus", 0, "cpus must be 1..1000000"),
                arguments(JobReading.class, "cpusUsed", Double.NaN, "cpus_used must be 0..1000000"),
                arguments(JobReading.class, "memoryUsageBytes", -1L, "memory_usage_bytes must be 0.."),
                arguments(JobReading.class, "ioStallUsec", (1L << 53) + 1, "io_stall_usec must be 0.."),
                arguments(JobReading.class, "absent", Map.of("Pids", "x"), "absent must be named by figures"),
                arguments(GpuReading.class, "gpu", null, "gpu is required"),
                arguments(GpuReading.class, "utilizationPercent", 100.5, "utilization_percent must be 0..100"),
                arguments(GpuReading.class, "temperatureCelsius", -274.0, "temperature_celsius must be -273..10000"),
                arguments(GpuReading.class, "powerWatts", -1.0, "power_watts must be 0..1000000"),
                arguments(GpuReading.class, "throttled", Collections.nCopies(17, "x"), "throttled must have at most"),
                arguments(GpuReading.class, "xid", 100_001, "xid must be 0..100000"),
                arguments(GpuReading.class, "xids", List.of(48, -1), "xids[1] must be 0..100000"),
                arguments(GpuReading.class, "xids", Collections.nCopies(33, 48), "xids must have at most"),
                arguments(GpuDevice.class, "minor", -1, "minor must be 0.."),
                arguments(NodeFigures.class, "totalCpus", 0, "node_figures.total_cpus must be 1.."),
                arguments(NodeFigures.class, "cpuLoad", -1.0, "node_figures.cpu_load must be 0.."),
                arguments(OomKill.class, "timestamp", null, "timestamp is required"),
                arguments(OomKill.class, "killed", 0, "killed must be 1.."),
                arguments(OomKill.class, "killed", null, "killed is required"),
                arguments(OomKill.class, "cause", null, "cause is required"),
                arguments(JobStarted.class, "user", null, "user is required"),
                arguments(JobStarted.class, "user", " ", "user must not be blank"),
                arguments(JobStarted.class, "nodeList", null, "node_list must name at least one node"),
                arguments(JobStarted.class, "nodeList", List.of(), "node_list must name at least one node"),
                arguments(JobStarted.class, "cpuAllocation", 0, "cpu_allocation must be 1.."),
                arguments(JobStarted.class, "memoryAllocationMb", 0L, "memory_allocation_mb must be 1.."),
                arguments(JobStarted.class, "restartCount", -1, "restart_count must be 0.."),
                arguments(JobStarted.class, "scheduler", with(Scheduler.class, "exitCode", 1),
                        "scheduler.exit_code is told by"),
                arguments(JobFinished.class, "finalState", JobState.RUNNING, "final_state must be completed, failed"),
                arguments(JobFinished.class, "exitCode", 256, "exit_code must be 0..255"),
                arguments(JobFinished.class, "signal", 128, "signal must be 0..127"),
                arguments(JobFinished.class, "rawStatus", 65_536, "raw_status must be 0..65535"),
                arguments(JobFinished.class, "scheduler", with(Scheduler.class, "sluid", "s5K1KKYAYG5D00"),
                        "scheduler.sluid is told by"),
                arguments(EpilogReading.class, "oomKills", -1L, "reading.oom_kills must be 0.."),
                arguments(EpilogReading.class, "oomKills", (1L << 53) + 1, "reading.oom_kills must be 0.."),
                arguments(Scheduler.class, "type", "pbs", "scheduler.type must be slurm or mock, was \"pbs\""),
                arguments(Scheduler.class, "priority", -1L, "scheduler.priority must be 0..4294967295"),
                arguments(Scheduler.class, "timeLimitMinutes", 0, "scheduler.time_limit_minutes must be 1.."),
                arguments(Scheduler.class, "arrayJobId", "-", "scheduler.array_job_id must be"),
                arguments(NewJob.class, "nodes", List.of(), "nodes must name at least one node"),
                arguments(NewJob.class, "scheduler",
                        with(Scheduler.class, "extra", Map.of("a", "x".repeat(16_384))),
                        "scheduler.extra must hold at most 16384"),
                arguments(NewSample.class, "cpuUsage", null, "cpu_usage is required"),
                arguments(NewSample.class, "memoryUsageMb", -1.0, "memory_usage_mb must be 0.."),
                arguments(JobPatch.class, "cpuUsage", null, "must be given; nothing was"),
                arguments(JobPatch.class, "gpuUsage", 101.0, "gpu_usage must be 0..100"),
                arguments(Verdict.Quantity.class, "value", Double.NaN, "value must be a number, was NaN"),
                arguments(Verdict.Quantity.class, "name", "", "name must not be blank"),
                arguments(Verdict.Fact.class, "says", " ", "says must not be blank"),
                arguments(Verdict.NotJudged.class, "why", null, "why is required"));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void isRefusedWithTheFieldAndTheRule(Class<? extends Record> type, String component, Object value, String rule) {
        assertThatThrownBy(() -> with(type, component, value)).isInstanceOf(InvalidFieldException.class)
                .hasMessageContaining(rule);
    }

    /** What is read on a node is left out alone, with the cause; what others send is refused, as above. */
    @Test
    void aBuilderLeavesOutWhatNoReadingMayHold() {
        JobReading job = JobReading.builder("1").run("s1", Instant.parse("9999-01-01T00:00:00Z"), FINE)
                .owner(null, "\u0007").cpusUsed(Double.NaN).put(Figure.CPUS, (1L << 32) + 1)
                .put(Figure.INTERVAL_MS, 0).put(Figure.IO_READ_BYTES, Figure.MAX_WHOLE + 1)
                .put(Figure.IO_WRITE_BYTES, Figure.MAX_WHOLE).put(Figure.PIDS, -1)
                .absent(Map.of("pids", "overwritten", "memory_peak_bytes", "an old kernel")).build();
        assertThat(job.absent()).containsOnlyKeys("sluid", "start_time", "user", "cpus_used", "cpus", "interval_ms",
                "io_read_bytes", "pids", "memory_peak_bytes");
        assertThat(job.absent()).containsEntry("cpus", "left out: must be 1..1000000, was 4294967297")
                .containsEntry("memory_peak_bytes", "an old kernel");
        assertThat(job.cpus()).isNull();
        assertThat(job.since()).isEqualTo(KEPT);
        assertThat(job.ioWriteBytes()).isEqualTo(1L << 53);
        GpuReading gpu = GpuReading.builder("GPU-1").put(Figure.CLOCK_MHZ, 1L << 32).put(Figure.ENERGY_JOULES, -1)
                .put(Figure.POWER_WATTS, 12).errors(-1L, List.of(100_001)).build();
        assertThat(gpu.absent()).containsOnlyKeys("clock_mhz", "energy_joules", "ecc_errors", "xid", "xids");
        assertThat(gpu.powerWatts()).isEqualTo(12);
    }
}
