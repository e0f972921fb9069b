package org.jobwitness.server.demo;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.wire.GpuVendor;

/**
 * A node of the simulated cluster.
 *
 * @param gpus that it gives to jobs, instances of MIG among them
 * @param wholeGpus those that are no instances
 */
record Machine(String name, int cpus, long memoryMb, GpuVendor vendor, int gpus, int wholeGpus) {
    /** All sixteen, in Slurm's order. */
    static final List<Machine> ALL = Stream.of(
            IntStream.rangeClosed(1, 10)
                    .mapToObj(n -> new Machine("c%02d".formatted(n), 64, 256 << 10, GpuVendor.NONE, 0, 0)),
            Stream.of(gpuMachine("g01", GpuVendor.NVIDIA), gpuMachine("g02", GpuVendor.NVIDIA),
                    gpuMachine("g03", GpuVendor.AMD), new Machine("g04", 64, 512 << 10, GpuVendor.NVIDIA, 6, 4)),
            IntStream.rangeClosed(1, 2)
                    .mapToObj(n -> new Machine("m%02d".formatted(n), 64, 1 << 20, GpuVendor.NONE, 0, 0)))
            .<Machine>flatMap(machines -> machines).toList();

    private static final Map<String, Machine> BY_NAME = ALL.stream()
            .collect(Collectors.toUnmodifiableMap(Machine::name, machine -> machine));

    private static Machine gpuMachine(String name, GpuVendor vendor) {
        return new Machine(name, 64, 512 << 10, vendor, 4, 4);
    }

    static Machine named(String name) {
        return Objects.requireNonNull(BY_NAME.get(name), name);
    }

    /** Whether its kernel counts what each job reads and writes, as far as it was told to. */
    boolean countsIo() {
        return !name.startsWith("m");
    }
}
