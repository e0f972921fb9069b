package org.jobwitness.agent.cgroup;

import java.util.EnumMap;
import java.util.Map;
import org.jobwitness.wire.Figure;

/**
 * Turns the kernel's counters, which restart at 0 whenever a job's cgroup is recreated, into counters of the job, which never
 * decrease. Without {@code PrologFlags=Contain} Slurm removes and recreates a job's cgroup between its steps.
 */
final class Counters {
    /** The final counts of cgroups that were removed. */
    private final Map<Figure, Long> before = new EnumMap<>(Figure.class);
    private final Map<Figure, Long> latest = new EnumMap<>(Figure.class);

    /** The values of the job, from the values of its present cgroup. */
    Map<Figure, Long> accumulate(Map<Figure, Long> current) {
        Map<Figure, Long> values = new EnumMap<>(current);
        current.forEach((figure, value) -> {
            if (figure.isCounter()) {
                if (value < latest.getOrDefault(figure, 0L)) {
                    before.merge(figure, latest.get(figure), KernelText::plus);
                }
                latest.put(figure, value);
                values.put(figure, KernelText.plus(before.getOrDefault(figure, 0L), value));
            } else if (figure == Figure.MEMORY_PEAK_BYTES) {
                values.put(figure, latest.merge(figure, value, Math::max));
            }
        });
        return values;
    }

    /** The cgroup is a new one, whose counters start at 0. */
    void restart() {
        latest.forEach((figure, value) -> {
            if (figure.isCounter()) {
                before.merge(figure, value, KernelText::plus);
            }
        });
        latest.keySet().removeIf(Figure::isCounter);
    }
}
