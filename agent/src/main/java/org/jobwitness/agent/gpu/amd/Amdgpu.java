package org.jobwitness.agent.gpu.amd;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * AMD GPUs by the kernel's driver in /sys (Linux, Documentation/gpu/amdgpu): no library, no program, no special permission, and
 * nothing stays open.
 *
 * <p>{@code gpu_busy_percent} is measured by the GPU's firmware over a short, undocumented time, so {@link #keepUp} reads it once a
 * second, and the mean is the figure of the interval. A suspended GPU is not read: that would wake it.
 */
final class Amdgpu implements GpuSource {
    private static final String OF_THE_WHOLE = "amdgpu provides it for the whole GPU, not for its partitions";
    private static final String SUSPENDED = "the GPU is suspended, and reading it would wake it";

    private final Path drm;
    private final Kfd kfd;
    private final Map<Path, BusySamples> busySamples = new TreeMap<>();

    /** @param sys where sysfs is mounted */
    Amdgpu(Path sys) {
        drm = sys.resolve("class/drm");
        kfd = new Kfd(sys);
    }

    /** The samples of gpu_busy_percent since the last reading. */
    private static final class BusySamples {
        private double sum;
        private int count;

        private void add(SysFile busy) {
            busy.number().ifPresent(percent -> {
                sum += percent;
                count++;
            });
        }

        private OptionalDouble take() {
            OptionalDouble mean = count == 0 ? OptionalDouble.empty() : OptionalDouble.of(sum / count);
            sum = 0;
            count = 0;
            return mean;
        }
    }

    @Override
    public String name() {
        return "amdgpu";
    }

    @Override
    public void keepUp() {
        busySamples.forEach((device, samples) -> {
            if (!isSuspended(device)) {
                samples.add(SysFile.read(device.resolve("gpu_busy_percent")));
            }
        });
    }

    @Override
    public List<GpuState> read() throws GpuSourceException {
        Map<String, Path> devices = devices();
        if (devices.isEmpty()) {
            throw new GpuSourceException("there is no GPU of the driver amdgpu below " + drm);
        }
        busySamples.keySet().retainAll(devices.values());
        Map<String, List<Kfd.Unit>> units = new TreeMap<>();
        kfd.units().forEach(unit -> units.computeIfAbsent(unit.pci(), _ -> new ArrayList<>()).add(unit));
        Optional<Map<Long, List<GpuProcess>>> processes = kfd.showsProcesses()
                ? Optional.of(kfd.processes())
                : Optional.empty();
        List<GpuState> states = new ArrayList<>();
        int index = 0;
        for (Map.Entry<String, Path> device : devices.entrySet()) {
            List<Kfd.Unit> parts = units.getOrDefault(device.getKey(), List.of());
            boolean isPartitioned = parts.size() > 1;
            GpuName name = name(device.getKey(), device.getValue(), parts,
                    isPartitioned ? null : Integer.valueOf(index));
            states.add(whole(name, device.getValue(), parts, processes));
            if (isPartitioned) {
                for (Kfd.Unit part : parts) {
                    states.add(part(partName(name, part, parts, index++), part, processes));
                }
            } else {
                index++;
            }
        }
        return states;
    }

    /** The folders of the GPUs, in the order of their PCI addresses. */
    private Map<String, Path> devices() {
        Map<String, Path> devices = new TreeMap<>();
        try (DirectoryStream<Path> cards = Files.newDirectoryStream(drm, "card*")) {
            for (Path card : cards) {
                if (card.getFileName().toString().matches("card[0-9]{1,4}")
                        && target(card.resolve("device/driver")).equals("amdgpu")) {
                    pciOf(target(card.resolve("device"))).ifPresent(pci -> devices.put(pci, card.resolve("device")));
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            return devices; // no graphics driver at all
        }
        return devices;
    }

    private static String target(Path link) {
        try {
            return String.valueOf(Files.readSymbolicLink(link).getFileName());
        } catch (IOException e) {
            return "";
        }
    }

    /** The address of {@link GpuName}, from the one that Linux and AMD's tools write: {@code 0000:C1:00.0}. */
    static Optional<String> pciOf(String address) {
        String small = address.strip().toLowerCase(Locale.ROOT);
        if (!small.matches("[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]")) {
            return Optional.empty();
        }
        return Optional.of("0".repeat("00000000:00:00.0".length() - small.length()) + small);
    }

    /** A GPU's UUID as ROCm writes it, from the driver's unique id; empty if that is invalid. */
    static Optional<String> uuidOf(String uniqueId) {
        String digits = uniqueId.strip().toLowerCase(Locale.ROOT).replaceFirst("^0x", "");
        return digits.matches("(?!0+$)[0-9a-f]{1,16}")
                ? Optional.of("GPU-" + "0".repeat(16 - digits.length()) + digits)
                : Optional.empty();
    }

    private static GpuName name(String pci, Path device, List<Kfd.Unit> parts, @Nullable Integer index) {
        String uuid = uuidOf(SysFile.read(device.resolve("unique_id")).text()).orElse(null);
        Integer minor = parts.isEmpty() ? null : parts.getFirst().renderMinor();
        return new GpuName(GpuVendor.AMD, uuid, pci, minor, index, null, model(device));
    }

    /** Where partitions share the unique id of the GPU, their UUID is that id and their number. */
    private static GpuName partName(GpuName whole, Kfd.Unit part, List<Kfd.Unit> all, int index) {
        long alike = all.stream().filter(other -> Objects.equals(other.uniqueId(), part.uniqueId())).count();
        String unique = part.uniqueId();
        String own = unique != null && alike == 1 && !("GPU-" + unique).equals(whole.uuid()) ? "GPU-" + unique : null;
        String uuid = own != null || whole.uuid() == null ? own : whole.uuid() + "/" + part.partition();
        return new GpuName(GpuVendor.AMD, uuid, part.pci(), part.renderMinor(), index, whole.uuid(), whole.model());
    }

    private static @Nullable String model(Path device) {
        return SysFile.read(device.resolve("product_name")).line().map(String::strip)
                .filter(model -> !model.isEmpty() && model.length() <= 256).orElse(null);
    }

    private GpuState whole(GpuName name, Path device, List<Kfd.Unit> parts,
            Optional<Map<Long, List<GpuProcess>>> processes) {
        AmdFigures figures = new AmdFigures();
        figures.absent(AmdFigures.THROTTLED, "amdgpu has it only in gpu_metrics, which is not read");
        figures.absent(AmdFigures.ECC, "not read from amdgpu");
        putProcesses(figures, parts, processes);
        if (isSuspended(device)) {
            busySamples.remove(device);
            for (String figure : List.of(AmdFigures.UTILIZATION, AmdFigures.MEMORY_USED, AmdFigures.MEMORY_TOTAL,
                    AmdFigures.POWER,
                    AmdFigures.TEMPERATURE, AmdFigures.ENERGY, AmdFigures.CLOCK)) {
                figures.absent(figure, SUSPENDED);
            }
            return figures.of(name);
        }
        SysFile busy = SysFile.read(device.resolve("gpu_busy_percent"));
        BusySamples samples = busySamples.computeIfAbsent(device, _ -> new BusySamples());
        samples.add(busy);
        figures.put(AmdFigures.UTILIZATION, samples.take(), busy.cause());
        putFile(figures, AmdFigures.MEMORY_USED, device.resolve("mem_info_vram_used"), 1);
        putFile(figures, AmdFigures.MEMORY_TOTAL, device.resolve("mem_info_vram_total"), 1);
        putSensors(figures, device);
        return figures.of(name);
    }

    /** Documentation/hwmon/sysfs-interface: millionths of a watt and of a joule, thousandths of a degree, Hz. */
    private static void putSensors(AmdFigures figures, Path device) {
        Path sensors = hwmon(device);
        boolean hasAverage = Files.exists(sensors.resolve("power1_average"));
        putFile(figures, AmdFigures.POWER, sensors.resolve(hasAverage ? "power1_average" : "power1_input"), 1e-6);
        putFile(figures, AmdFigures.TEMPERATURE, thermometer(sensors), 1e-3);
        putFile(figures, AmdFigures.ENERGY, sensors.resolve("energy1_input"), 1e-6);
        putFile(figures, AmdFigures.CLOCK, sensors.resolve("freq1_input"), 1e-6);
    }

    private static Path hwmon(Path device) {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(device.resolve("hwmon"), "hwmon*")) {
            for (Path one : all) {
                return one;
            }
        } catch (IOException | DirectoryIteratorException e) {
            return device.resolve("hwmon"); // where the files are missing, too
        }
        return device.resolve("hwmon");
    }

    /**
     * The edge's, or the junction's where the GPU has no other (MI300). A GPU always has the same ones, so a series never mixes
     * both.
     */
    private static Path thermometer(Path sensors) {
        for (String wanted : List.of("edge", "junction")) {
            for (int i = 1; i <= 3; i++) {
                if (SysFile.read(sensors.resolve("temp" + i + "_label")).text().equals(wanted)) {
                    return sensors.resolve("temp" + i + "_input");
                }
            }
        }
        return sensors.resolve("temp1_input"); // kernels before 5.3 have no labels, and this is the edge
    }

    private static void putFile(AmdFigures figures, String figure, Path file, double unit) {
        SysFile read = SysFile.read(file);
        figures.put(figure, read.times(unit), read.cause());
    }

    /** The used memory of a partition is that of the processes on it. */
    private static GpuState part(GpuName name, Kfd.Unit part, Optional<Map<Long, List<GpuProcess>>> processes) {
        AmdFigures figures = new AmdFigures();
        for (String figure : List.of(AmdFigures.UTILIZATION, AmdFigures.POWER, AmdFigures.TEMPERATURE,
                AmdFigures.ENERGY,
                AmdFigures.CLOCK, AmdFigures.THROTTLED, AmdFigures.ECC)) {
            figures.absent(figure, OF_THE_WHOLE);
        }
        putProcesses(figures, List.of(part), processes);
        figures.put(AmdFigures.MEMORY_USED, processes.map(all -> OptionalDouble.of(memory(all.get(part.gpuId()))))
                .orElse(OptionalDouble.empty()), OF_THE_WHOLE);
        figures.put(AmdFigures.MEMORY_TOTAL, part.memoryBytes().isPresent()
                ? OptionalDouble.of((double) part.memoryBytes().getAsLong())
                : OptionalDouble.empty(), "KFD does not show the memory of this partition");
        return figures.of(name);
    }

    private static double memory(@Nullable List<GpuProcess> processes) {
        return processes == null
                ? 0
                : processes.stream().map(GpuProcess::memoryBytes).mapToDouble(bytes -> bytes == null ? 0 : bytes).sum();
    }

    private static void putProcesses(AmdFigures figures, List<Kfd.Unit> units,
            Optional<Map<Long, List<GpuProcess>>> processes) {
        if (units.isEmpty() || processes.isEmpty()) {
            figures.absent(AmdFigures.PROCESSES, "the compute driver (KFD) does not show this GPU");
        } else {
            figures.processes(units.stream()
                    .flatMap(unit -> processes.get().getOrDefault(unit.gpuId(), List.of()).stream()).toList());
        }
    }

    private static boolean isSuspended(Path device) {
        return SysFile.read(device.resolve("power/runtime_status")).text().equals("suspended");
    }

    @Override
    public void release() {
        busySamples.clear();
    }

    @Override
    public void close() {
        release();
    }
}
