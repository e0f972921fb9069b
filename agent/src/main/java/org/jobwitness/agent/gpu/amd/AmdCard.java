package org.jobwitness.agent.gpu.amd;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * An entry of AMD's tools: a GPU, or a partition of one. The address of a partition has the GPU's domain, bus and device, and the
 * number of the partition as its function.
 *
 * @param kfdId KFD's number of it, the key to its processes
 */
record AmdCard(String pci, @Nullable String uuid, @Nullable String model, OptionalLong kfdId, AmdFigures figures) {
    private static final String OF_THE_WHOLE = "the tool provides it for the whole GPU at most, not for its partitions";
    private static final List<String> NOT_OF_PARTS = List.of(AmdFigures.UTILIZATION, AmdFigures.MEMORY_USED,
            AmdFigures.MEMORY_TOTAL, AmdFigures.POWER, AmdFigures.TEMPERATURE, AmdFigures.ENERGY, AmdFigures.CLOCK,
            AmdFigures.THROTTLED,
            AmdFigures.ECC);

    /** All of them as GPUs and their partitions, in the order of PCI addresses. */
    static List<GpuState> states(List<AmdCard> cards, Kfd kfd) {
        Map<Long, List<GpuProcess>> processes = kfd.showsProcesses() ? kfd.processes() : null;
        Map<String, List<AmdCard>> byGpu = new TreeMap<>();
        cards.stream().sorted(Comparator.comparing(AmdCard::pci)).forEach(
                card -> byGpu.computeIfAbsent(card.pci().split("\\.", 2)[0], _ -> new ArrayList<>()).add(card));
        List<GpuState> states = new ArrayList<>();
        int index = 0;
        for (List<AmdCard> parts : byGpu.values()) {
            AmdCard first = parts.getFirst();
            boolean isPartitioned = parts.size() > 1;
            putProcesses(first.figures, parts, processes);
            states.add(first.figures.of(new GpuName(GpuVendor.AMD, first.uuid, first.pci, null,
                    isPartitioned ? null : Integer.valueOf(index), null, first.model)));
            for (AmdCard part : isPartitioned ? parts : List.<AmdCard>of()) {
                AmdFigures figures = new AmdFigures();
                NOT_OF_PARTS.forEach(figure -> figures.absent(figure, OF_THE_WHOLE));
                putProcesses(figures, List.of(part), processes);
                String uuid = first.uuid == null ? null : first.uuid + "/" + part.pci.split("\\.", 2)[1];
                states.add(figures.of(
                        new GpuName(GpuVendor.AMD, uuid, part.pci, null, index++, first.uuid, part.model)));
            }
            index += isPartitioned ? 0 : 1;
        }
        return states;
    }

    private static void putProcesses(AmdFigures figures, List<AmdCard> cards,
            @Nullable Map<Long, List<GpuProcess>> processes) {
        if (processes == null || cards.stream().anyMatch(card -> card.kfdId.isEmpty())) {
            figures.absent(AmdFigures.PROCESSES, "the compute driver (KFD) does not show this GPU");
        } else {
            figures.processes(cards.stream().flatMap(
                    card -> processes.getOrDefault(card.kfdId.getAsLong(), List.of()).stream()).toList());
        }
    }
}
