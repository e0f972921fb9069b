package org.jobwitness.agent.gpu.nvidia;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.agent.gpu.Program;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * NVIDIA GPUs by {@code nvidia-smi}, where NVML cannot be loaded: two runs a cycle, one for the GPUs and one for the processes.
 * Its CSV and not its XML, because the XML contains the names that users give their processes.
 *
 * <p>It reports the moment only, and no UUIDs of MIG instances.
 */
final class NvidiaSmi implements GpuSource {
    /** Where drivers and distributions put it. */
    static final List<Path> PLACES = List.of(Path.of("/usr/bin/nvidia-smi"), Path.of("/bin/nvidia-smi"),
            Path.of("/usr/local/bin/nvidia-smi"), Path.of("/opt/bin/nvidia-smi"),
            Path.of("/run/nvidia/driver/usr/bin/nvidia-smi"));

    private static final String UUID = "uuid";
    private static final String PCI = "pci.bus_id";
    private static final String UTILIZATION = "utilization.gpu";
    private static final String MEMORY_USED = "memory.used";
    private static final String MEMORY_TOTAL = "memory.total";
    private static final String POWER = "power.draw";
    private static final String TEMPERATURE = "temperature.gpu";
    private static final String CLOCK = "clocks.sm";
    private static final String ECC_ERRORS = "ecc.errors.uncorrected.volatile.total";
    private static final String MIG_MODE = "mig.mode.current";
    private static final String REASONS = "clocks_event_reasons.active";
    /** As drivers before 535 call it. */
    private static final String OLD_REASONS = "clocks_throttle_reasons.active";
    /** The last one, since it may contain commas. */
    private static final String MODEL = "name";
    private static final List<String> FIELDS = List.of(UUID, PCI, UTILIZATION, MEMORY_USED, MEMORY_TOTAL, POWER,
            TEMPERATURE, CLOCK, ECC_ERRORS, MIG_MODE, REASONS, OLD_REASONS, MODEL);

    private static final Pattern UNKNOWN_FIELD = Pattern
            .compile("Field \"([a-z_.]{1,64})\" is not a valid field to query");
    private static final Pattern UUID_FORM = Pattern.compile("GPU-[0-9a-f-]{1,80}");
    private static final Pattern PCI_FORM = Pattern.compile("([0-9A-Fa-f]{8}):([0-9A-Fa-f]{2}):([0-9A-Fa-f]{2})\\.0");
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,12}(\\.[0-9]{1,6})?");
    private static final Pattern MASK = Pattern.compile("0x[0-9a-fA-F]{16}");
    private static final Pattern PROCESS = Pattern
            .compile("(GPU-[0-9a-f-]{1,80}), ([1-9][0-9]{0,8}), (?:([0-9]{1,9})|\\[[^,]*\\]|N/A)");
    private static final Pattern WORDS = Pattern.compile("[\\[A-Za-z0-9/ .:_\\]-]{1,80}");
    private static final long MIB = 1024L * 1024L;
    private static final String NOT_PROVIDED = "nvidia-smi does not provide it";

    private final Program program;
    /** The fields that this version has. */
    private final List<String> fields = new ArrayList<>(FIELDS);

    NvidiaSmi(Path program, Duration patience) {
        this.program = new Program(program, patience);
    }

    @Override
    public String name() {
        return "nvidia-smi";
    }

    @Override
    public List<GpuState> read() throws GpuSourceException {
        List<Row> rows = new ArrayList<>();
        for (String line : gpus().lines().toList()) {
            rows.add(row(line));
        }
        if (rows.isEmpty()) {
            throw new GpuSourceException("nvidia-smi reports no GPU");
        }
        Optional<Map<String, List<GpuProcess>>> processes = processes();
        List<String> addresses = rows.stream().map(Row::pci).sorted().toList();
        return rows.stream().map(row -> row.state(addresses.indexOf(row.pci()),
                processes.map(all -> all.getOrDefault(row.uuid(), List.of())))).toList();
    }

    /** A field that this older or newer version lacks is not queried again. */
    private String gpus() throws GpuSourceException {
        while (true) {
            Program.Result result = program
                    .execute(List.of("--query-gpu=" + String.join(",", fields), "--format=csv,noheader,nounits"));
            if (result.status() == 0) {
                return result.output();
            }
            Matcher unknown = UNKNOWN_FIELD.matcher(result.output());
            if (!unknown.find() || !fields.remove(unknown.group(1))) {
                String message = result.output().lines().map(String::strip).filter(WORDS.asMatchPredicate()).findFirst()
                        .map(line -> ": " + line).orElse("");
                throw new GpuSourceException("nvidia-smi ended with status " + result.status() + message);
            }
        }
    }

    private Row row(String line) throws GpuSourceException {
        String[] values = line.split(", ", fields.size());
        Map<String, String> row = new HashMap<>();
        for (int i = 0; i < Math.min(values.length, fields.size()); i++) {
            row.put(fields.get(i), values[i].strip());
        }
        Matcher pci = PCI_FORM.matcher(row.getOrDefault(PCI, ""));
        String uuid = row.getOrDefault(UUID, "");
        if (values.length != fields.size() || !pci.matches() || !UUID_FORM.matcher(uuid).matches()) {
            throw new GpuSourceException("nvidia-smi printed an unknown format");
        }
        return new Row(row, uuid, pci.group().toLowerCase(Locale.ROOT));
    }

    /** Those that compute, by the GPU's UUID; empty if unknown. */
    private Optional<Map<String, List<GpuProcess>>> processes() throws GpuSourceException {
        Program.Result result = program.execute(
                List.of("--query-compute-apps=gpu_uuid,pid,used_gpu_memory", "--format=csv,noheader,nounits"));
        if (result.status() != 0) {
            return Optional.empty();
        }
        Map<String, List<GpuProcess>> ofGpu = new HashMap<>();
        result.output().lines().map(PROCESS::matcher).filter(Matcher::matches).forEach(process -> {
            Long memory = process.group(3) == null ? null : Long.valueOf(Long.parseLong(process.group(3)) * MIB);
            ofGpu.computeIfAbsent(process.group(1), _ -> new ArrayList<>())
                    .add(new GpuProcess(Integer.parseInt(process.group(2)), memory, null));
        });
        return Optional.of(ofGpu);
    }

    /** The fields of one GPU. */
    private record Row(Map<String, String> values, String uuid, String pci) {

        GpuState state(int index, Optional<List<GpuProcess>> processes) {
            Map<String, String> absent = new TreeMap<>();
            boolean isMig = "Enabled".equals(values.get(MIG_MODE));
            if (isMig) {
                absent.put("mig_instances", "nvidia-smi does not list the instances");
            }
            Double utilization = number(UTILIZATION, "utilization_percent", absent);
            if (utilization != null) {
                absent.put("utilization_interval", "nvidia-smi reports the GPU's last second, not the interval");
            }
            absent.put("energy_joules", NOT_PROVIDED);
            absent.put("xids", NOT_PROVIDED);
            if (isMig || processes.isEmpty()) {
                absent.put("processes", NOT_PROVIDED);
            }
            Double clock = number(CLOCK, "clock_mhz", absent);
            Double eccErrors = number(ECC_ERRORS, "ecc_errors", absent);
            List<GpuProcess> processesKnown = isMig ? null : processes.orElse(null);
            return new GpuState(
                    new GpuName(GpuVendor.NVIDIA, uuid, pci, null, index, null, model()),
                    utilization, bytes(MEMORY_USED, "memory_used_bytes", absent),
                    bytes(MEMORY_TOTAL, "memory_total_bytes", absent), number(POWER, "power_watts", absent),
                    number(TEMPERATURE, "temperature_celsius", absent), null,
                    clock == null ? null : Integer.valueOf(clock.intValue()), throttled(absent),
                    eccErrors == null ? null : Long.valueOf(eccErrors.longValue()), List.of(),
                    processesKnown, absent);
        }

        private @Nullable String model() {
            return WORDS.matcher(values.getOrDefault(MODEL, "")).matches() ? values.get(MODEL) : null;
        }

        private List<String> throttled(Map<String, String> absent) {
            String mask = values.getOrDefault(REASONS, values.getOrDefault(OLD_REASONS, ""));
            if (MASK.matcher(mask).matches()) {
                return ClockReasons.throttling(Long.parseUnsignedLong(mask.substring(2), 16));
            }
            absent.put("throttled", NOT_PROVIDED);
            return List.of();
        }

        private @Nullable Long bytes(String field, String figure, Map<String, String> absent) {
            Double mebibytes = number(field, figure, absent);
            return mebibytes == null ? null : Long.valueOf(mebibytes.longValue() * MIB);
        }

        /** It prints {@code [N/A]}, {@code [GPU is lost]} and the like for unknown values. */
        private @Nullable Double number(String field, String figure, Map<String, String> absent) {
            String value = values.getOrDefault(field, "");
            if (NUMBER.matcher(value).matches()) {
                return Double.valueOf(value);
            }
            absent.put(figure, WORDS.matcher(value).matches() ? "nvidia-smi reports " + value : NOT_PROVIDED);
            return null;
        }
    }

    @Override
    public void release() {
        // Nothing is open between two runs.
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
