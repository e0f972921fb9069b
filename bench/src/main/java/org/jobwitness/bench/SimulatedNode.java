package org.jobwitness.bench;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import org.jobwitness.wire.Figure;
import org.jspecify.annotations.Nullable;

/**
 * A node with simulated jobs and GPUs, in steps of 15 s, and the requests of its agent, each with a {@code wire.Batch}. The JSON
 * is written by hand, because the load shares the machine with the server. Not thread-safe; nodes of one {@link Scratch} share
 * its thread.
 */
final class SimulatedNode {
    static final int INTERVAL_SECONDS = 15;
    private static final double STEP_MICROS = INTERVAL_SECONDS * 1e6;
    private static final int PAGE = 4096;
    private static final int JOB_FIGURES = 25;
    private static final int GPU_FIGURES = 8;

    private final Scratch scratch;
    private final String name;
    private final String jobPrefix;
    private final String bootId;
    private final SimulatedJob[] jobs;
    private final SimulatedGpu[] gpus;
    private long sequence;

    /** Receives the rows of a batch. */
    @FunctionalInterface
    interface Rows {
        /**
         * One row: a sample of a job, or of one of its GPUs.
         *
         * @param gpu -1 for the job itself
         */
        void row(int job, int gpu, double[] figures);
    }

    /** Buffers that the nodes of one thread share. */
    static final class Scratch {
        private final Random random;
        private final Deflater deflater = new Deflater(Deflater.BEST_SPEED, true);
        private byte[] json = new byte[1 << 16];
        private byte[] packed = new byte[1 << 16];
        private int length;
        private final boolean gzip;

        Scratch(long seed, boolean gzip) {
            random = new Random(seed);
            this.gzip = gzip;
        }

        private Scratch put(String text) {
            room(text.length());
            for (int i = 0; i < text.length(); i++) {
                json[length++] = (byte) text.charAt(i); // ASCII only
            }
            return this;
        }

        private Scratch put(char c) {
            room(1);
            json[length++] = (byte) c;
            return this;
        }

        private Scratch put(long value) {
            room(20);
            if (value == 0) {
                json[length++] = '0';
                return this;
            }
            long rest = value;
            if (rest < 0) {
                json[length++] = '-';
                rest = -rest;
            }
            int digits = 1;
            for (long power = 10; power <= rest && digits < 19; power *= 10) {
                digits++;
            }
            for (int i = digits - 1; i >= 0; i--) {
                json[length + i] = (byte) ('0' + rest % 10);
                rest /= 10;
            }
            length += digits;
            return this;
        }

        /** To three decimals. */
        private Scratch put(double value) {
            long thousandths = Math.round(value * 1000);
            put(thousandths / 1000).put('.');
            room(3);
            long rest = thousandths % 1000;
            json[length++] = (byte) ('0' + rest / 100);
            json[length++] = (byte) ('0' + rest / 10 % 10);
            json[length++] = (byte) ('0' + rest % 10);
            return this;
        }

        private Scratch number(double value) {
            return value == (long) value ? put((long) value) : put(value);
        }

        private Scratch field(String name, long value) {
            return put(",\"").put(name).put("\":").put(value);
        }

        private Scratch field(String name, double value) {
            return put(",\"").put(name).put("\":").put(value);
        }

        private Scratch field(String name, String value) {
            return put(",\"").put(name).put("\":\"").put(value).put('"');
        }

        private void room(int more) {
            if (length + more > json.length) {
                json = Arrays.copyOf(json, 2 * json.length + more);
            }
        }

        /** The request for the JSON so far. */
        private byte[] request(String target, String contentType) {
            byte[] body = json;
            int size = length;
            if (gzip) {
                size = compress();
                body = packed;
            }
            byte[] head = ("POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + contentType + "\r\n"
                    + (gzip ? "Content-Encoding: gzip\r\n" : "") + "Content-Length: " + size + "\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII);
            byte[] request = Arrays.copyOf(head, head.length + size);
            System.arraycopy(body, 0, request, head.length, size);
            return request;
        }

        private int compress() {
            packed = packed.length < length + 64 ? new byte[json.length + 64] : packed;
            packed[0] = 0x1f;
            packed[1] = (byte) 0x8b;
            packed[2] = 8;
            deflater.reset();
            deflater.setInput(json, 0, length);
            deflater.finish();
            int at = 10 + deflater.deflate(packed, 10, packed.length - 18);
            CRC32 crc = new CRC32();
            crc.update(json, 0, length);
            for (int shift = 0; shift < 32; shift += 8) {
                packed[at] = (byte) (crc.getValue() >> shift);
                packed[at + 4] = (byte) (length >> shift);
                at++;
            }
            return at + 4;
        }

        private boolean chance(double of) {
            return random.nextDouble() < of;
        }

        /** A random number around this one. */
        private long about(double size, double noise) {
            return Math.max(0, Math.round(size * (1 + noise * random.nextGaussian())));
        }
    }

    /**
     * @param jobPrefix of the ids of its jobs, before a number from 0 on
     */
    SimulatedNode(Scratch scratch, String name, String jobPrefix, int jobs, int gpus) {
        this.scratch = scratch;
        this.name = name;
        this.jobPrefix = jobPrefix;
        bootId = "boot-" + scratch.random.nextLong(Long.MAX_VALUE);
        this.jobs = new SimulatedJob[jobs];
        Arrays.setAll(this.jobs, _ -> new SimulatedJob());
        this.gpus = new SimulatedGpu[gpus];
        Arrays.setAll(this.gpus, _ -> new SimulatedGpu());
    }

    String name() {
        return name;
    }

    /** The next step of all jobs and GPUs, as one batch. */
    byte[] batch(Instant at) {
        for (SimulatedJob job : jobs) {
            job.step();
        }
        for (SimulatedGpu gpu : gpus) {
            gpu.step();
        }
        startBatch(at);
        for (int i = 0; i < jobs.length; i++) {
            scratch.put(i == 0 ? "" : ",");
            jobs[i].append(jobPrefix + i, null);
        }
        scratch.put("],\"gpus\":[");
        for (int i = 0; i < gpus.length; i++) {
            scratch.put(i == 0 ? "" : ",");
            gpus[i].append("GPU-" + name + "-" + i, jobPrefix + (i % jobs.length));
        }
        scratch.put("]}");
        return scratch.request("/v1/batches", "application/json");
    }

    /** The next steps of all jobs in one batch, as from an agent that could not send for a while; without GPUs. */
    byte[] batchOfSteps(Instant first, int steps) {
        startBatch(first.plusSeconds((long) INTERVAL_SECONDS * (steps - 1)));
        for (int step = 0; step < steps; step++) {
            for (int i = 0; i < jobs.length; i++) {
                jobs[i].step();
                scratch.put(step + i == 0 ? "" : ",");
                jobs[i].append(jobPrefix + i, first.plusSeconds((long) INTERVAL_SECONDS * step));
            }
        }
        scratch.put("],\"gpus\":[]}");
        return scratch.request("/v1/batches", "application/json");
    }

    private void startBatch(Instant at) {
        scratch.length = 0;
        double busy = busy();
        scratch.put("{\"version\":1").field("cluster", "bench").field("node", name).field("boot_id", bootId)
                .field("sequence", sequence++).field("timestamp", at.truncatedTo(ChronoUnit.MICROS).toString())
                .field("interval_ms", INTERVAL_SECONDS * 1000L).field("agent_version", "0.1.0")
                .put(",\"node_figures\":{\"total_cpus\":128").field("total_memory_bytes", 512L << 30)
                .field("total_gpus", gpus.length).field("cpu_usage_percent", Math.min(100, busy / 1.28))
                .field("memory_usage_bytes", memory()).field("cpu_load", busy);
        if (gpus.length > 0) {
            scratch.field("gpu_usage_percent", Arrays.stream(gpus).mapToDouble(gpu -> gpu.use).average().orElse(0));
        }
        scratch.put("},\"jobs\":[");
    }

    /** The rows of the last {@link #batch}, as they are in the database. */
    void rows(Rows rows) {
        for (int i = 0; i < jobs.length; i++) {
            int job = i;
            double[] uses = IntStream.range(0, gpus.length).filter(gpu -> gpu % jobs.length == job)
                    .mapToDouble(gpu -> gpus[gpu].use).toArray();
            rows.row(i, -1, jobs[i].figures(Arrays.stream(uses).average().orElse(Double.NaN)));
            for (int gpu = i; gpu < gpus.length; gpu += jobs.length) {
                rows.row(i, gpu, gpus[gpu].figures());
            }
        }
    }

    /** The request with the rows and the node's figures of the last {@link #batch} in InfluxDB's line protocol. */
    byte[] lines(Instant at) {
        long nanos = at.getEpochSecond() * 1_000_000_000L + at.getNano();
        scratch.length = 0;
        rows((job, gpu, figures) -> {
            scratch.put(gpu < 0 ? "job" : "gpu").put(",cluster=bench,node=").put(name).put(",job_id=").put(jobPrefix)
                    .put((long) job);
            if (gpu >= 0) {
                scratch.put(",gpu=GPU-").put(name).put('-').put((long) gpu);
            }
            char before = ' ';
            for (Figure figure : Figure.all(gpu < 0 ? Figure.Of.JOB : Figure.Of.GPU).subList(0, figures.length)) {
                double value = figures[figure.number() - 1];
                if (!Double.isNaN(value)) {
                    scratch.put(before).put(figure.toString()).put('=').number(value);
                    before = ',';
                }
            }
            scratch.put(' ').put(nanos).put('\n');
        });
        scratch.put("node,cluster=bench,node=").put(name).put(" total_cpus=128,total_memory_bytes=").put(512L << 30)
                .put(",total_gpus=").put((long) gpus.length).put(",cpu_usage_percent=").number(busy() / 1.28)
                .put(",memory_usage_bytes=").put(memory()).put(",cpu_load=").number(busy()).put(",gpu_usage_percent=")
                .number(Arrays.stream(gpus).mapToDouble(gpu -> gpu.use).average().orElse(0)).put(' ').put(nanos)
                .put('\n');
        return scratch.request("/write", "text/plain");
    }

    private double busy() {
        return Arrays.stream(jobs).mapToDouble(job -> job.cpusUsed).sum();
    }

    private long memory() {
        return Arrays.stream(jobs).mapToLong(job -> job.anon.value + job.file.value).sum() * PAGE;
    }

    /** Memory in pages: ramps and plateaus. */
    private final class Ramp {
        private final int max;
        private final double plateau;
        private long value;
        private boolean onPlateau = true;
        private double slope;

        Ramp(int max, double plateau) {
            this.max = max;
            this.plateau = plateau;
            value = 1L + scratch.random.nextInt(max);
        }

        void step() {
            if (scratch.random.nextInt(20) == 0) {
                onPlateau = scratch.chance(plateau);
                slope = max / 100.0 * (scratch.random.nextDouble() - 0.3);
            }
            if (!onPlateau) {
                value = Math.max(1, value + Math.round(slope * (1 + 0.2 * scratch.random.nextGaussian())));
            }
        }
    }

    private final class SimulatedJob {
        private final int cpus = 1 + scratch.random.nextInt(64);
        private final double busy = 0.3 + 0.7 * scratch.random.nextDouble();
        private final boolean isThrottled = scratch.random.nextInt(4) == 0;
        private final boolean isStarved = scratch.random.nextInt(3) == 0;
        private final Ramp anon = new Ramp(1 << 20, 0.7);
        private final Ramp file = new Ramp(1 << 18, 0.8);
        private final Ramp shmem = new Ramp(1 << 12, 0.97);
        private double cpusUsed;
        private long usage;
        private long system;
        private long throttled;
        private long cpuPressure;
        private long peak;
        private long memoryPressure;
        private long memoryStall;
        private long pids = cpus + 3L;
        private long read;
        private long written;
        private long ioPressure;
        private long ioStall;

        void step() {
            long more = scratch.about(cpus * busy * STEP_MICROS, 0.02);
            cpusUsed = Math.round(more / STEP_MICROS * 1000) / 1000.0;
            usage += more;
            system += scratch.about(cpus * busy * 0.03 * STEP_MICROS, 0.1);
            throttled += isThrottled ? scratch.about(cpus * 0.02 * STEP_MICROS, 0.3) : 0;
            cpuPressure += scratch.about(isStarved ? 5e6 : 2_000, 0.2);
            anon.step();
            file.step();
            shmem.step();
            peak = Math.max(peak, anon.value + file.value);
            memoryPressure += scratch.chance(0.01) ? scratch.random.nextInt(20_000) : 0;
            memoryStall += scratch.chance(0.01) ? scratch.random.nextInt(5_000) : 0;
            pids = scratch.chance(0.02) ? cpus + 3L + scratch.random.nextInt(3) : pids;
            read += scratch.chance(0.1) ? (long) scratch.random.nextInt(50_000) * PAGE : 0;
            written += scratch.chance(0.15) ? (long) scratch.random.nextInt(20_000) * PAGE : 0;
            ioPressure += scratch.chance(0.1) ? scratch.random.nextInt(40_000) : 0;
            ioStall += scratch.chance(0.05) ? scratch.random.nextInt(20_000) : 0;
        }

        void append(String id, @Nullable Instant at) {
            scratch.put("{\"job_id\":\"").put(id).put('"').field("uid", 1001).field("user", "alice")
                    .field("cgroup_path", "/system.slice/slurmstepd.scope/job_" + id);
            if (at != null) {
                scratch.field("timestamp", at.toString());
            }
            scratch.field("cpus", cpus).field("cpus_used", cpusUsed).field("cpu_usage_usec", usage)
                    .field("cpu_user_usec", usage - system).field("cpu_system_usec", system)
                    .field("cpu_throttled_usec", throttled).field("cpu_pressure_usec", cpuPressure)
                    .field("memory_usage_bytes", (anon.value + file.value) * PAGE)
                    .field("memory_anon_bytes", anon.value * PAGE).field("memory_file_bytes", file.value * PAGE)
                    .field("memory_shmem_bytes", shmem.value * PAGE).field("memory_swap_bytes", 0)
                    .field("memory_peak_bytes", peak * PAGE).field("memory_limit_bytes", 16L << 30)
                    .field("memory_pressure_usec", memoryPressure).field("memory_stall_usec", memoryStall)
                    .field("oom_events", 0).field("oom_kills", 0).field("pids", pids).field("io_read_bytes", read)
                    .field("io_write_bytes", written).field("io_pressure_usec", ioPressure)
                    .field("io_stall_usec", ioStall).put(",\"absent\":{}}");
        }

        double[] figures(double gpuUse) {
            double[] figures = {INTERVAL_SECONDS * 1000.0, Math.rint(100 * cpusUsed / cpus * 100) / 100,
                    (anon.value + file.value) * PAGE, Math.rint(gpuUse * 100) / 100, cpus, usage, usage - system,
                    system,
                    throttled, cpuPressure, anon.value * PAGE, file.value * PAGE, shmem.value * PAGE, 0, peak * PAGE,
                    16L << 30, memoryPressure, memoryStall, 0, 0, pids, read, written, ioPressure, ioStall};
            return Arrays.copyOf(figures, JOB_FIGURES);
        }
    }

    private final class SimulatedGpu {
        private final double period = 8 + 30 * scratch.random.nextDouble();
        private final Ramp memory = new Ramp(1 << 14, 0.95);
        private double heat = 40;
        private double use;
        private double power;
        private long millijoules;
        private long step;

        void step() {
            use = Math.round(Math.clamp(70 + 25 * Math.sin(step++ / period * 6.28)
                    + 6 * scratch.random.nextGaussian(), 0, 100));
            memory.step();
            power = Math.round((60 + 6.2 * use + 3 * scratch.random.nextGaussian()) * 10) / 10.0;
            heat += 0.1 * (35 + 0.4 * use - heat);
            millijoules += scratch.about(power * INTERVAL_SECONDS * 1000, 0.01);
        }

        void append(String gpu, String jobId) {
            scratch.put("{\"gpu\":\"").put(gpu).put('"').field("vendor", "nvidia")
                    .put(",\"device\":{\"model\":\"NVIDIA A100-SXM4-80GB\",\"pci_bus_id\":\"00000000:3B:00.0\",\"minor\":0}")
                    .field("job_id", jobId)
                    .field("utilization_percent", use).field("memory_used_bytes", memory.value << 21)
                    .field("memory_total_bytes", 80L << 30).field("power_watts", power)
                    .field("temperature_celsius", Math.round(heat)).field("energy_joules", millijoules / 1000.0)
                    .field("processes", 1).put(",\"absent\":{}}");
        }

        double[] figures() {
            double[] figures = {INTERVAL_SECONDS * 1000.0, use, memory.value << 21, 80L << 30, power,
                    Math.round(heat), millijoules / 1000.0, 1};
            return Arrays.copyOf(figures, GPU_FIGURES);
        }
    }
}
