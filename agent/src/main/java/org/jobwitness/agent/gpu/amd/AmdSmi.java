package org.jobwitness.agent.gpu.amd;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.agent.gpu.Program;
import org.jobwitness.agent.json.JsonValue;
import org.jspecify.annotations.Nullable;

/**
 * AMD GPUs by {@code amd-smi}, where /sys has none: {@code static} and {@code list} once for their names, {@code metric} once a
 * cycle. A Python program, it costs more than everything else that the agent does.
 *
 * <p>It prints a list of GPUs, from ROCm 7 on within {@code gpu_data}; a figure is {@code {"value": 12, "unit":
 * "W"}}, was a bare number before ROCm 6.1, and is {@code "N/A"} if unknown.
 */
final class AmdSmi implements GpuSource {
    /** Where ROCm and distributions put it. */
    static final List<Path> PLACES = List.of(Path.of("/opt/rocm/bin/amd-smi"), Path.of("/usr/bin/amd-smi"));
    private static final Pattern BEGIN = Pattern.compile("^[\\[{]", Pattern.MULTILINE);
    private static final double MIB = 1024 * 1024;
    private static final String NOT_PROVIDED = "amd-smi does not provide it for this GPU";

    private final Program program;
    private final Kfd kfd;
    private @Nullable Map<Long, Names> names;

    /** The names of a GPU, which do not change while the driver is loaded. */
    private record Names(String pci, @Nullable String uuid, @Nullable String model, OptionalLong kfdId) {
    }

    AmdSmi(Path program, Duration patience, Path sys) {
        this.program = new Program(program, patience);
        kfd = new Kfd(sys);
    }

    @Override
    public String name() {
        return "amd-smi";
    }

    @Override
    public List<GpuState> read() throws GpuSourceException {
        Map<Long, Names> known = names;
        if (known == null) {
            known = names(gpus(List.of("static", "--json")), gpus(List.of("list", "--json")));
            names = known;
        }
        List<AmdCard> cards = new ArrayList<>();
        for (Map.Entry<Long, JsonValue> metric : gpus(List.of("metric", "--json")).entrySet()) {
            Names gpu = known.get(metric.getKey());
            if (gpu != null) {
                cards.add(new AmdCard(gpu.pci, gpu.uuid, gpu.model, gpu.kfdId, figures(metric.getValue())));
            }
        }
        if (cards.isEmpty()) {
            throw new GpuSourceException("amd-smi reports no GPU");
        }
        return AmdCard.states(cards, kfd);
    }

    /** The entry of each GPU, by its number there. */
    private Map<Long, JsonValue> gpus(List<String> arguments) throws GpuSourceException {
        JsonValue answer = parse(program.run(arguments), "amd-smi " + arguments.getFirst());
        Map<Long, JsonValue> gpus = new TreeMap<>();
        for (JsonValue gpu : answer.at("gpu_data").orElse(answer).elements()) {
            gpu.numberAt("gpu").ifPresent(number -> gpus.put((long) number, gpu));
        }
        return gpus;
    }

    /** Both tools may print warnings first, such as of missing groups of the user. */
    static JsonValue parse(String output, String tool) throws GpuSourceException {
        Matcher begin = BEGIN.matcher(output);
        try {
            return JsonValue.parse(begin.find() ? output.substring(begin.start()) : "");
        } catch (JsonValue.MalformedJsonException e) {
            throw new GpuSourceException(tool + " printed no valid JSON: " + e.getMessage());
        }
    }

    private static Map<Long, Names> names(Map<Long, JsonValue> statics, Map<Long, JsonValue> list) {
        Map<Long, Names> names = new TreeMap<>();
        list.forEach((number, gpu) -> {
            Optional<JsonValue> more = Optional.ofNullable(statics.get(number));
            gpu.textAt("bdf").or(() -> more.flatMap(all -> all.textAt("bus", "bdf"))).flatMap(Amdgpu::pciOf)
                    .ifPresent(pci -> names.put(number, new Names(pci,
                            more.flatMap(all -> all.textAt("asic", "asic_serial")).flatMap(Amdgpu::uuidOf).orElse(null),
                            more.flatMap(all -> all.textAt("asic", "market_name")).filter(AmdSmi::isModel).orElse(null),
                            kfdId(gpu))));
        });
        return names;
    }

    static boolean isModel(String text) {
        return !text.isBlank() && text.length() <= 256 && !text.equals("N/A");
    }

    private static OptionalLong kfdId(JsonValue gpu) {
        OptionalDouble id = gpu.numberAt("kfd_id");
        return id.isPresent() && id.getAsDouble() > 0 ? OptionalLong.of((long) id.getAsDouble()) : OptionalLong.empty();
    }

    private static AmdFigures figures(JsonValue gpu) {
        AmdFigures figures = new AmdFigures();
        figures.put(AmdFigures.UTILIZATION, amount(gpu, "usage", "gfx_activity"), NOT_PROVIDED);
        figures.absent(AmdFigures.INTERVAL, "amd-smi reports the moment, not the interval");
        figures.put(AmdFigures.MEMORY_USED, times(MIB, amount(gpu, "mem_usage", "used_vram")), NOT_PROVIDED);
        figures.put(AmdFigures.MEMORY_TOTAL, times(MIB, amount(gpu, "mem_usage", "total_vram")), NOT_PROVIDED);
        figures.put(AmdFigures.POWER, either(amount(gpu, "power", "socket_power"),
                either(amount(gpu, "power", "current_socket_power"), amount(gpu, "power", "average_socket_power"))),
                NOT_PROVIDED);
        figures.put(AmdFigures.TEMPERATURE,
                either(amount(gpu, "temperature", "edge"), amount(gpu, "temperature", "hotspot")), NOT_PROVIDED);
        figures.put(AmdFigures.ENERGY, amount(gpu, "energy", "total_energy_consumption"), NOT_PROVIDED);
        figures.put(AmdFigures.CLOCK, amount(gpu, "clock", "gfx_0", "clk"), NOT_PROVIDED);
        figures.put(AmdFigures.ECC, amount(gpu, "ecc", "total_uncorrectable_count"), NOT_PROVIDED);
        switch (gpu.textAt("power", "throttle_status").orElse("N/A").toUpperCase(Locale.ROOT)) {
            case "THROTTLED" -> figures.throttled(List.of("throttled"));
            case "UNTHROTTLED" -> figures.throttled(List.of());
            default -> figures.absent(AmdFigures.THROTTLED, NOT_PROVIDED);
        }
        return figures;
    }

    private static OptionalDouble amount(JsonValue gpu, String... names) {
        Optional<JsonValue> value = gpu.at(names);
        return value.flatMap(one -> one.at("value")).or(() -> value).map(AmdSmi::number).orElse(OptionalDouble.empty());
    }

    private static OptionalDouble number(JsonValue value) {
        return value instanceof JsonValue.NumberValue(double number)
                ? OptionalDouble.of(number)
                : OptionalDouble.empty();
    }

    private static OptionalDouble times(double unit, OptionalDouble value) {
        return value.isPresent() ? OptionalDouble.of(value.getAsDouble() * unit) : value;
    }

    private static OptionalDouble either(OptionalDouble one, OptionalDouble other) {
        return one.isPresent() ? one : other;
    }

    @Override
    public void release() {
        names = null;
    }

    @Override
    public void close() {
        release();
    }
}
