package org.jobwitness.agent.gpu.amd;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jspecify.annotations.Nullable;

/**
 * AMD's compute driver in /sys/class/kfd/kfd (Linux, drivers/gpu/drm/amd/amdkfd): the compute units that programs see, a GPU or
 * each partition of one, and the processes on them. Every user may read it.
 */
final class Kfd {
    /** More processes on a node's GPUs, or queues of a process, are not read. */
    private static final int MAX_PROCESSES = 4096;
    private static final int MAX_QUEUES = 256;
    private static final String NUMBER = "[1-9][0-9]{0,8}";
    private static final Pattern PROPERTY = Pattern.compile("[a-z0-9_]+ [0-9]{1,20}");
    /** heap_type of GPU memory: visible to the host, or not (kfd_crat.h). */
    private static final List<String> GPU_HEAPS = List.of("1", "2");

    private final Path root;

    Kfd(Path sys) {
        root = sys.resolve("class/kfd/kfd");
    }

    /**
     * A GPU or a partition, as programs see it.
     *
     * @param gpuId KFD's number of it
     * @param pci of the GPU, the same for all of its partitions
     * @param partition its number; 0 if the GPU has none
     * @param uniqueId 16 hexadecimal digits; null if unknown
     */
    record Unit(long gpuId, String pci, int partition, @Nullable String uniqueId, @Nullable Integer renderMinor,
            OptionalLong memoryBytes) {
    }

    /** In the order of PCI addresses, and of partitions in each. */
    List<Unit> units() {
        return folders(root.resolve("topology/nodes"), 1024).stream().flatMap(node -> unit(node).stream())
                .sorted(Comparator.comparing(Unit::pci).thenComparingInt(Unit::partition)).toList();
    }

    private static Optional<Unit> unit(Path node) {
        long gpuId = SysFile.read(node.resolve("gpu_id")).number().orElse(0);
        Map<String, String> properties = properties(node.resolve("properties"));
        String location = properties.get("location_id");
        if (gpuId <= 0 || location == null) {
            return Optional.empty(); // a CPU
        }
        long where = Long.parseUnsignedLong(location);
        // Bits 28 to 31 number the partitions, bits 0 to 15 are bus, device and function (kfd_topology.c).
        String pci = String.format(Locale.ROOT, "%08x:%02x:%02x.%x",
                Long.parseUnsignedLong(properties.getOrDefault("domain", "0")),
                where >> 8 & 0xff, where >> 3 & 0x1f, where & 7);
        String unique = properties.getOrDefault("unique_id", "0");
        String minor = properties.get("drm_render_minor");
        return Optional.of(new Unit(gpuId, pci, (int) (where >> 28 & 0xf),
                unique.equals("0") ? null : String.format(Locale.ROOT, "%016x", Long.parseUnsignedLong(unique)),
                minor == null || !minor.matches(NUMBER) ? null : Integer.valueOf(minor), memory(node)));
    }

    private static OptionalLong memory(Path node) {
        long sum = 0;
        for (Path bank : folders(node.resolve("mem_banks"), 16)) {
            Map<String, String> properties = properties(bank.resolve("properties"));
            if (GPU_HEAPS.contains(properties.getOrDefault("heap_type", ""))) {
                sum += Long.parseLong(properties.getOrDefault("size_in_bytes", "0"));
            }
        }
        return sum > 0 ? OptionalLong.of(sum) : OptionalLong.empty();
    }

    private static Map<String, String> properties(Path file) {
        Map<String, String> properties = new TreeMap<>();
        SysFile.read(file).text().lines().filter(line -> PROPERTY.matcher(line).matches())
                .forEach(line -> properties.put(line.split(" ", 2)[0], line.split(" ", 2)[1]));
        return properties;
    }

    /** Whether this kernel shows processes. */
    boolean showsProcesses() {
        return Files.isReadable(root.resolve("proc"));
    }

    /**
     * The processes on each unit, by gpu_id. A process that opens /dev/kfd is listed with every GPU that it might use; it is on
     * those where it has memory or a queue.
     */
    Map<Long, List<GpuProcess>> processes() {
        Map<Long, List<GpuProcess>> processes = new HashMap<>();
        for (Path process : folders(root.resolve("proc"), MAX_PROCESSES)) {
            Map<Long, Long> memory = new HashMap<>();
            for (Path queue : folders(process.resolve("queues"), MAX_QUEUES)) {
                SysFile.read(queue.resolve("gpuid")).number().ifPresent(gpuId -> memory.put(gpuId, 0L));
            }
            for (Path file : inside(process, "vram_*")) {
                long bytes = SysFile.read(file).number().orElse(0);
                String gpuId = file.getFileName().toString().substring("vram_".length());
                if (gpuId.matches(NUMBER) && (bytes > 0 || memory.containsKey(Long.valueOf(gpuId)))) {
                    memory.put(Long.valueOf(gpuId), bytes);
                }
            }
            int pid = Integer.parseInt(process.getFileName().toString());
            memory.forEach((gpuId, bytes) -> processes.computeIfAbsent(gpuId, _ -> new ArrayList<>())
                    .add(new GpuProcess(pid, bytes, null)));
        }
        return processes;
    }

    /** Folders whose name is a number. */
    private static List<Path> folders(Path parent, int max) {
        return inside(parent, "[0-9]*").stream()
                .filter(folder -> folder.getFileName().toString().matches("0|" + NUMBER)).limit(max).toList();
    }

    private static List<Path> inside(Path parent, String glob) {
        List<Path> inside = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(parent, glob)) {
            all.forEach(inside::add);
        } catch (IOException | DirectoryIteratorException | UncheckedIOException e) {
            return inside; // no such driver, or an ended process
        }
        return inside;
    }
}
