package org.jobwitness.server.demo;

import static org.jobwitness.wire.GpuVendor.AMD;
import static org.jobwitness.wire.GpuVendor.NONE;
import static org.jobwitness.wire.GpuVendor.NVIDIA;

import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.wire.GpuVendor;

/**
 * A node of the simulated cluster.
 *
 * @param gpus devices that jobs can get, instances of MIG included
 */
record SimNode(String name, int cpus, long memoryMb, GpuVendor vendor, int gpus) {
    /** All sixteen, in Slurm's order. */
    static final List<SimNode> ALL = Stream.of(
            IntStream.rangeClosed(1, 10).mapToObj(number -> String.format(Locale.ROOT, "c%02d", number))
                    .map(name -> node(name, 256, NONE, 0)),
            Stream.of(node("g01", 512, NVIDIA, 4), node("g02", 512, NVIDIA, 4), node("g03", 512, AMD, 4),
                    node("g04", 512, NVIDIA, 6)),
            Stream.of(node("m01", 1024, NONE, 0), node("m02", 1024, NONE, 0)))
            .<SimNode>flatMap(nodes -> nodes).toList();

    private static SimNode node(String name, long memoryGb, GpuVendor vendor, int gpus) {
        return new SimNode(name, 64, memoryGb << 10, vendor, gpus);
    }

    static SimNode named(String name) {
        return ALL.stream().filter(node -> node.name.equals(name)).findFirst().orElseThrow();
    }

    List<Gpu> allGpus() {
        return IntStream.range(0, gpus).mapToObj(index -> new Gpu(this, index)).toList();
    }

    /** Whether the io controller is enabled for its jobs. */
    boolean countsIo() {
        return !name.startsWith("m");
    }
}
