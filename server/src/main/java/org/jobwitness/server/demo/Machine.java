package org.jobwitness.server.demo;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.wire.GpuVendor;

/** A node of the simulated cluster. */
record Machine(String name, int cpus, long memoryMb, GpuVendor vendor, int gpus) {
    /** All sixteen, in Slurm's order. */
    static final List<Machine> ALL = Stream.of(
            IntStream.rangeClosed(1, 10)
                    .mapToObj(n -> new Machine("c%02d".formatted(n), 64, 256 << 10, GpuVendor.NONE, 0)),
            Stream.of(gpuMachine("g01", GpuVendor.NVIDIA), gpuMachine("g02", GpuVendor.NVIDIA),
                    gpuMachine("g03", GpuVendor.AMD), gpuMachine("g04", GpuVendor.NVIDIA)),
            IntStream.rangeClosed(1, 2)
                    .mapToObj(n -> new Machine("m%02d".formatted(n), 64, 1 << 20, GpuVendor.NONE, 0)))
            .<Machine>flatMap(machines -> machines).toList();

    private static final Map<String, Machine> BY_NAME = ALL.stream()
            .collect(Collectors.toUnmodifiableMap(Machine::name, machine -> machine));

    private static Machine gpuMachine(String name, GpuVendor vendor) {
        return new Machine(name, 64, 512 << 10, vendor, 4);
    }

    static Machine named(String name) {
        return Objects.requireNonNull(BY_NAME.get(name), name);
    }

    /** The names that the node's GPUs go by: NVIDIA's have UUIDs, AMD's an index. */
    String gpuName(int index) {
        return vendor == GpuVendor.NVIDIA
                ? "GPU-" + new UUID((Dice.hash(name.hashCode(), index) & ~0xf000L) | 0x4000L,
                        (Dice.hash(name.hashCode(), index, 1) & ~(3L << 62)) | 1L << 63)
                : String.valueOf(index);
    }

    /** Whether its kernel counts what each job reads and writes, as far as it was told to. */
    boolean countsIo() {
        return !name.startsWith("m");
    }

    long gpuMemoryBytes() {
        return (vendor == GpuVendor.AMD ? 64L : 80L) << 30;
    }

    double gpuWatts() {
        return vendor == GpuVendor.AMD ? 300 : 400;
    }
}
