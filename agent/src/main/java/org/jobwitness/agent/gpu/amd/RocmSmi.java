package org.jobwitness.agent.gpu.amd;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.agent.gpu.Program;
import org.jobwitness.agent.json.JsonValue;

/**
 * AMD GPUs by {@code rocm-smi}, where neither /sys nor amd-smi has them: one call a cycle. It prints an object for each
 * {@code card0}, with labels as field names, which change from release to release; all values are strings.
 */
final class RocmSmi implements GpuSource {
    /** Where ROCm and distributions put it. */
    static final List<Path> PLACES = List.of(Path.of("/opt/rocm/bin/rocm-smi"), Path.of("/usr/bin/rocm-smi"));
    private static final List<String> ARGUMENTS = List.of("--showid", "--showuniqueid", "--showbus",
            "--showproductname",
            "--showuse", "--showmeminfo", "vram", "--showpower", "--showtemp", "--showclocks", "--showenergycounter",
            "--json");
    private static final String NOT_PROVIDED = "rocm-smi does not provide it for this GPU";
    private static final Pattern DECIMAL = Pattern.compile("\\(?([0-9]{1,18}(?:\\.[0-9]{1,9})?)(?:Mhz\\))?");

    private final Program program;
    private final Kfd kfd;

    RocmSmi(Path program, Duration patience, Path sys) {
        this.program = new Program(program, patience);
        kfd = new Kfd(sys);
    }

    @Override
    public String name() {
        return "rocm-smi";
    }

    @Override
    public List<GpuState> read() throws GpuSourceException {
        JsonValue answer = AmdSmi.parse(program.run(ARGUMENTS), "rocm-smi");
        List<AmdCard> cards = new ArrayList<>();
        if (answer instanceof JsonValue.ObjectValue(Map<String, JsonValue> fields)) {
            fields.forEach((name, card) -> {
                if (name.startsWith("card")) {
                    card(card).ifPresent(cards::add);
                }
            });
        }
        if (cards.isEmpty()) {
            throw new GpuSourceException("rocm-smi reports no GPU");
        }
        return AmdCard.states(cards, kfd);
    }

    private static Optional<AmdCard> card(JsonValue card) {
        return card.textAt("PCI Bus").flatMap(Amdgpu::pciOf)
                .map(pci -> new AmdCard(pci, card.textAt("Unique ID").flatMap(Amdgpu::uuidOf).orElse(null),
                        first(card, "Card Series", "Card series", "Device Name")
                                .filter(text -> AmdSmi.isModel(text) && !text.startsWith("0x")).orElse(null),
                        kfdId(card), figures(card)));
    }

    /** Its GUID is KFD's gpu_id. */
    private static OptionalLong kfdId(JsonValue card) {
        return card.textAt("GUID").filter(id -> id.matches("[1-9][0-9]{0,8}"))
                .map(id -> OptionalLong.of(Long.parseLong(id))).orElse(OptionalLong.empty());
    }

    private static AmdFigures figures(JsonValue card) {
        AmdFigures figures = new AmdFigures();
        figures.put(AmdFigures.UTILIZATION, number(card, 1, "GPU use (%)"), NOT_PROVIDED);
        figures.absent(AmdFigures.INTERVAL, "rocm-smi reports the moment, not the interval");
        figures.put(AmdFigures.MEMORY_USED, number(card, 1, "VRAM Total Used Memory (B)"), NOT_PROVIDED);
        figures.put(AmdFigures.MEMORY_TOTAL, number(card, 1, "VRAM Total Memory (B)"), NOT_PROVIDED);
        figures.put(AmdFigures.POWER, number(card, 1, "Current Socket Graphics Package Power (W)",
                "Average Graphics Package Power (W)"), NOT_PROVIDED);
        figures.put(AmdFigures.TEMPERATURE,
                number(card, 1, "Temperature (Sensor edge) (C)", "Temperature (Sensor junction) (C)"), NOT_PROVIDED);
        figures.put(AmdFigures.ENERGY, number(card, 1e-6, "Accumulated Energy (uJ)"), NOT_PROVIDED);
        figures.put(AmdFigures.CLOCK, number(card, 1, "sclk clock speed:"), NOT_PROVIDED);
        figures.absent(AmdFigures.THROTTLED, NOT_PROVIDED);
        figures.absent(AmdFigures.ECC, "not read from rocm-smi");
        return figures;
    }

    private static Optional<String> first(JsonValue card, String... names) {
        return List.of(names).stream().flatMap(name -> card.textAt(name).stream()).filter(text -> !text.equals("N/A"))
                .findFirst();
    }

    private static OptionalDouble number(JsonValue card, double unit, String... names) {
        Optional<Matcher> number = first(card, names).map(DECIMAL::matcher).filter(Matcher::matches);
        return number.isPresent()
                ? OptionalDouble.of(Double.parseDouble(number.get().group(1)) * unit)
                : OptionalDouble.empty();
    }

    @Override
    public void release() {
        // Nothing is open between two calls.
    }

    @Override
    public void close() {
        release();
    }
}
