package org.jobwitness.agent.cgroup;

import java.util.EnumMap;
import java.util.Map;

/**
 * Makes of the kernel's counters, which are 0 again whenever a job's cgroup is made anew, counters of the job, which never
 * fall. Without {@code PrologFlags=Contain} Slurm removes and makes a job's cgroup between its steps.
 */
final class Counters {
    /** What cgroups that are gone had counted. */
    private final Map<Figure, Long> before = new EnumMap<>(Figure.class);
    private final Map<Figure, Long> latest = new EnumMap<>(Figure.class);

    /** What the job has come to, of what its cgroup says now. */
    Map<Figure, Long> carryOn(Map<Figure, Long> said) {
        Map<Figure, Long> values = new EnumMap<>(said);
        said.forEach((figure, value) -> {
            if (figure.isCounter()) {
                if (value < latest.getOrDefault(figure, 0L)) {
                    before.merge(figure, latest.get(figure), Long::sum);
                }
                latest.put(figure, value);
                values.put(figure, before.getOrDefault(figure, 0L) + value);
            } else if (figure == Figure.MEMORY_PEAK_BYTES) {
                values.put(figure, latest.merge(figure, value, Math::max));
            }
        });
        return values;
    }

    /** The cgroup is a new one, whose counters begin at 0. */
    void beginAnew() {
        latest.forEach((figure, value) -> {
            if (figure.isCounter()) {
                before.merge(figure, value, Long::sum);
            }
        });
        latest.keySet().removeIf(Figure::isCounter);
    }
}
